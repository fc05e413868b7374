import keras
from method_checks import build, check_round_trip, check_trains

import keras_center_ssl as kcs

SMALL = dict(hidden_dim=32, output_dim=16)


def test_trains_without_collapse():
    """Healthy by its variance; the centre's length is free, and so not a sign of collapse."""
    model = build(kcs.methods.VICReg, keras.optimizers.SGD(0.01, momentum=0.9), **SMALL)
    history = check_trains(model, healthy=False)
    assert history["effective_rank"][-1] > 3, history["effective_rank"]
    assert history["between_variance"][-1] > 0.05, history["between_variance"]


def test_without_variance_it_collapses():
    model = build(
        kcs.methods.VICReg,
        keras.optimizers.SGD(0.01, momentum=0.9),
        variance_weight=0.0,
        covariance_weight=0.0,
        **SMALL,
    )
    views = kcs.views.simclr(8, flip=0.0, blur=0.0, grey=0.0)
    first = kcs.data.multi_view("digits", views=views, batch_size=64, limit=640)
    loss = model.fit(first, epochs=3, verbose=0).history["loss"]
    assert loss[-1] < 0.1 * loss[0]


def test_round_trip(tmp_path):
    model = build(
        kcs.methods.VICReg,
        keras.optimizers.SGD(0.01, momentum=0.9),
        covariance_weight=2.0,
        **SMALL,
    )
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.covariance_weight == 2.0
