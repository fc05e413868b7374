import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_round_trip, check_trains

SMALL = dict(hidden_dim=32, output_dim=16)


def test_trains_without_collapse():
    check_trains(build(kcs.methods.SimCLR, temperature=0.2, **SMALL))


def test_round_trip(tmp_path):
    model = build(kcs.methods.SimCLR, temperature=0.3, batch_norm=True, **SMALL)
    loaded = check_round_trip(model, tmp_path / "model.keras")
    assert loaded.temperature == 0.3 and loaded.batch_norm
