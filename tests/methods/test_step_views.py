"""Views made inside the training step: of images, seeded by (seed, step, row), saved."""

import keras
import numpy as np
import pytest

import keras_center_ssl as kcs
from tests.helpers.method_checks import build, check_trains, tiny_encoder

VIEWS = dict(area=(0.5, 1.0), flip=0.0, blur=0.0, grey=0.0, brightness=0.3, contrast=0.3)
HEADS = dict(hidden_dim=16, output_dim=8)


@pytest.fixture(scope="module")
def images():
    return kcs.data.load("digits", limit=160).images


def compiled(views_seed=3, method=kcs.methods.SimCLR, **options):
    keras.utils.set_random_seed(0)
    model = method(tiny_encoder(), **HEADS)
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        views=kcs.views.simclr(8, **VIEWS),
        views_seed=views_seed,
        **options,
    )
    return model


def losses(model, images, steps=4):
    return [
        float(model.train_on_batch(images[32 * k : 32 * k + 32], return_dict=True)["loss"])
        for k in range(steps)
    ]


def test_trains_on_images_without_collapse():
    model = build(kcs.methods.SimCLR, **HEADS)
    model.compile(model.optimizer, views=kcs.views.simclr(8, **VIEWS))
    dataset = kcs.data.multi_view("digits", views=None, batch_size=64, limit=640)
    assert dataset.element_spec[0].shape == (64, 8, 8, 1)
    check_trains(model, dataset)


def test_the_same_seed_draws_the_same_views(images):
    first = losses(compiled(run_eagerly=True), images)
    assert losses(compiled(run_eagerly=True), images) == pytest.approx(first, rel=1e-5)
    other = losses(compiled(views_seed=4, run_eagerly=True), images)
    assert max(abs(a - b) for a, b in zip(first, other, strict=True)) > 1e-3


def test_every_step_draws_anew(images):
    model = compiled()
    maker, batch = model.step_views, keras.ops.convert_to_tensor(images[:8])
    drawn = [[np.asarray(v) for v in maker(batch, step)] for step in (0, 0, 1, None, None)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[3], drawn[4])
    for a, b in ((0, 2), (0, 3)):
        assert np.abs(np.subtract(drawn[a], drawn[b])).max() > 0.05
    one, two = drawn[0]
    assert one.shape == two.shape == (8, 8, 8, 1) and np.abs(one - two).max() > 0.05


def test_steps_in_one_execution_are_the_steps_one_by_one(images):
    """The draws follow the model's own count of steps, whoever runs them."""
    model, several = compiled(), compiled(steps_per_execution=2)
    one = model.fit(images, batch_size=40, epochs=2, shuffle=False, verbose=0).history["loss"]
    two = several.fit(images, batch_size=40, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert two == pytest.approx(one, rel=1e-4)


def test_a_saved_model_goes_on_with_the_same_draws(images, tmp_path):
    model = compiled(run_eagerly=True)
    losses(model, images, steps=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.step_views.seed == 3
    np.testing.assert_allclose(losses(loaded, images), losses(model, images), rtol=1e-5)


def test_validation_is_drawn_for_alike(images):
    model = compiled(run_eagerly=True)
    first, second = (model.evaluate(images[:64], batch_size=32, verbose=0) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((32, 8, 8)), "makes them of one batch of images"),
        (np.zeros((33, 8, 8, 1)), "at least 2 samples"),
        (np.zeros((32, 8, 8, 1), "int64"), "uint8"),
    ],
)
def test_what_views_cannot_be_made_of_is_named(given, message):
    model = compiled(run_eagerly=True)
    with pytest.raises(kcs.InputError, match=message):
        model.fit(given, batch_size=32, verbose=0)


def test_views_of_another_size_than_the_encoders_are_named(images):
    model = compiled(run_eagerly=True)
    model.compile("sgd", views=kcs.views.simclr(16), run_eagerly=True)
    with pytest.raises(kcs.InputError, match="views are of 16 x 16"):
        model.train_on_batch(images[:16])


def test_what_is_no_layer_is_refused():
    model = kcs.methods.SimCLR(tiny_encoder(), **HEADS)
    with pytest.raises(kcs.InputError, match="saved with the model"):
        model.compile("sgd", views=lambda images: (images, images))
    with pytest.raises(kcs.InputError, match="views_seed"):
        model.compile("sgd", views=kcs.views.simclr(8), views_seed=-1)
