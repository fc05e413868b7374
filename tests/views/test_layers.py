"""The view layers against slow, obvious NumPy versions of what they say they do."""

import importlib.util
import math
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl.errors import InputError
from keras_center_ssl.views import (
    MultiView,
    RandomColorJitter,
    RandomGaussianBlur,
    RandomResizedCrop,
    RandomSolarize,
    View,
    separable,
)
from keras_center_ssl.views.randomness import fold_in, happens

SEED = (3, 5)
DRAWS = 4000


def tolerance(probability, draws=DRAWS):
    """Five standard deviations of a rate: a sound layer fails once in two million seeds."""
    return 5 * math.sqrt(probability * (1 - probability) / draws)


def pictures(rng, count=6, height=20, width=20, channels=3):
    return rng.random((count, height, width, channels), dtype="float32")


# -- crop ------------------------------------------------------------------------------------------


def reference_box(rng, height, width, area, aspect):
    """torchvision's get_params without its rounding; returns top, left, height, width."""
    for _ in range(10):
        target = height * width * rng.uniform(*area)
        ratio = math.exp(rng.uniform(math.log(aspect[0]), math.log(aspect[1])))
        w, h = math.sqrt(target * ratio), math.sqrt(target / ratio)
        if w <= width and h <= height:
            return rng.uniform(0, height - h), rng.uniform(0, width - w), h, w
    ratio = width / height
    if ratio < aspect[0]:
        w, h = width, width / aspect[0]
    elif ratio > aspect[1]:
        w, h = height * aspect[1], height
    else:
        w, h = width, height
    return (height - h) / 2, (width - w) / 2, h, w


@pytest.mark.parametrize(
    ("height", "width", "area", "aspect"),
    [
        (40, 40, (0.08, 1.0), (3 / 4, 4 / 3)),
        (40, 40, (0.2, 0.5), (0.5, 1.0)),
        (30, 60, (0.5, 1.0), (3 / 4, 4 / 3)),  # many attempts fail
        (10, 60, (0.9, 1.0), (3 / 4, 4 / 3)),  # all attempts fail
    ],
)
def test_crop_boxes_are_distributed_as_the_reference(rng, height, width, area, aspect):
    layer = RandomResizedCrop(8, area, aspect)
    boxes = np.stack(layer.boxes((DRAWS, height, width, 1), tf.constant(SEED)), axis=1)
    boxes = boxes.astype("float64")
    expected = np.array([reference_box(rng, height, width, area, aspect) for _ in range(DRAWS)])
    for values in (boxes, expected):
        assert np.all(values[:, :2] >= 0)
        assert np.all(values[:, 0] + values[:, 2] <= height + 1e-4)
        assert np.all(values[:, 1] + values[:, 3] <= width + 1e-4)
    figures = {
        "top": lambda b: b[:, 0],
        "left": lambda b: b[:, 1],
        "area": lambda b: b[:, 2] * b[:, 3] / (height * width),
        "log aspect": lambda b: np.log(b[:, 3] / b[:, 2]),
    }
    for name, figure in figures.items():
        # Two-sample Kolmogorov-Smirnov distance; 0.045 is its level of 1e-3.5 for 2 x 4000 draws.
        ours, theirs = np.round(np.sort(figure(boxes)), 5), np.round(np.sort(figure(expected)), 5)
        grid = np.concatenate([ours, theirs])
        distance = np.abs(
            np.searchsorted(ours, grid, "right") - np.searchsorted(theirs, grid, "right")
        ).max()
        assert distance / DRAWS < 0.045, name


def test_crop_of_the_whole_image_is_the_image(rng):
    images = pictures(rng)
    for interpolation in ("bilinear", "bicubic"):
        layer = RandomResizedCrop(20, (1, 1), (1, 1), flip=0.0, interpolation=interpolation)
        np.testing.assert_allclose(layer(images, seed=SEED), images, atol=1e-5)


def test_crop_flips_with_its_probability(rng):
    images = np.tile(pictures(rng, 1, 8, 8, 1), (DRAWS, 1, 1, 1))
    for flip in (0.0, 0.3, 1.0):
        views = np.asarray(RandomResizedCrop(8, (1, 1), (1, 1), flip)(images, seed=SEED))
        flipped = np.isclose(views, images[:, :, ::-1], atol=1e-5).all(axis=(1, 2, 3))
        kept = np.isclose(views, images, atol=1e-5).all(axis=(1, 2, 3))
        assert np.all(flipped ^ kept)
        assert abs(flipped.mean() - flip) <= tolerance(flip)


def reference_kernel(distance, interpolation):
    if interpolation == "bilinear":
        return max(0.0, 1.0 - distance)
    if distance < 1:
        return 1.5 * distance**3 - 2.5 * distance**2 + 1
    return -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2 if distance < 2 else 0.0


def reference_crop(image, top, left, height, width, size, interpolation):
    """Every output pixel by itself, as the weighted mean of all input pixels."""
    view = np.zeros((size, size, image.shape[2]))

    def weights(start, extent, place, pixels):
        step = extent / size
        centre = start + (place + 0.5) * step
        values = [
            reference_kernel(abs(k + 0.5 - centre) / max(1, step), interpolation)
            for k in range(pixels)
        ]
        return np.array(values) / sum(values)

    for i in range(size):
        for j in range(size):
            rows = weights(top, height, i, image.shape[0])
            columns = weights(left, width, j, image.shape[1])
            view[i, j] = np.einsum("h,w,hwc->c", rows, columns, image)
    return np.clip(view, 0, 1)


# Boxes larger and smaller than the view; short lines as matrices, long ones tap by tap.
@pytest.mark.parametrize(("height", "width", "size"), [(18, 14, 9), (64, 70, 40)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_crop_resamples_as_the_reference(rng, interpolation, height, width, size):
    images = pictures(rng, 6, height, width)
    layer = RandomResizedCrop(size, (0.1, 1.0), flip=0.5, interpolation=interpolation)
    seed = tf.constant(SEED)
    boxes = np.stack(layer.boxes(images.shape, seed), axis=1)
    expected = np.stack(
        [
            reference_crop(image, *box, size, interpolation)
            for image, box in zip(images, boxes, strict=True)
        ]
    )
    flipped = happens(len(images), fold_in(seed, 2), 0.5).numpy()
    assert 0 < flipped.sum() < len(images)
    expected[flipped] = expected[flipped][:, :, ::-1]
    # In a graph, where XLA makes one pass of the taps, as well.
    for call in (layer, tf.function(layer)):
        np.testing.assert_allclose(call(images, seed=seed), expected, atol=2e-5)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [8, 31])
def test_outside_training_the_image_is_resized_as_tensorflow_does(rng, interpolation, size):
    images = pictures(rng, 2, 20, 26)
    expected = tf.image.resize(images, (size, size), interpolation, antialias=True)
    layer = RandomResizedCrop(size, interpolation=interpolation)
    np.testing.assert_allclose(layer(images, training=False), np.clip(expected, 0, 1), atol=1e-4)


# -- colour ----------------------------------------------------------------------------------------

YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
)


def reference_jitter(image, brightness, contrast, saturation, turn, grey):
    """The steps one after the other on one image, clipped at the end."""
    weights = YIQ[0]
    x = image.astype("float64") * brightness
    x = contrast * x + (1 - contrast) * (x @ weights).mean()
    x = saturation * x + (1 - saturation) * (x @ weights)[..., None]
    rotation = np.array(
        [
            [1, 0, 0],
            [0, math.cos(turn), -math.sin(turn)],
            [0, math.sin(turn), math.cos(turn)],
        ]
    )
    x = (np.linalg.inv(YIQ) @ rotation @ YIQ @ x[..., None])[..., 0]
    if grey:
        x = np.repeat((x @ weights)[..., None], 3, axis=-1)
    return np.clip(x, 0, 1)


def test_jitter_is_the_sequence_of_its_steps(rng):
    images = pictures(rng, 40, 6, 5)
    layer = RandomColorJitter(0.8, 0.8, 0.8, 0.2, probability=0.8, grey=0.3)
    draws = np.stack(layer.draw(40, tf.constant(SEED)), axis=1)
    factors = np.delete(draws, 4, axis=1)
    assert 0 < factors[:, 4].mean() < 1  # grey and coloured images are both among them
    expected = [reference_jitter(x, *f) for x, f in zip(images, factors, strict=True)]
    np.testing.assert_allclose(layer(images, seed=SEED), expected, atol=1e-5)


def test_jitter_factors_have_their_ranges_and_probabilities():
    layer = RandomColorJitter(0.4, 1.5, 0.2, 0.1, probability=0.7, grey=0.2)
    *factors, turn, jittered, grey = (v.numpy() for v in layer.draw(DRAWS, tf.constant(SEED)))
    chosen = jittered == 1
    assert abs(chosen.mean() - 0.7) < tolerance(0.7)
    assert abs(grey.mean() - 0.2) < tolerance(0.2)
    # Grey is drawn by itself, whether or not the image is jittered.
    assert abs(grey[chosen].mean() - grey[~chosen].mean()) < 2 * tolerance(0.2, DRAWS * 0.3)
    ranges = [(0.6, 1.4), (0.0, 2.5), (0.8, 1.2)]
    values = [*factors, turn]
    for value, (low, high) in zip(values, [*ranges, (-0.2 * math.pi, 0.2 * math.pi)], strict=True):
        drawn = value[chosen]
        assert low <= drawn.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < drawn.max() <= high
        five_errors = 5 * (high - low) / math.sqrt(12 * len(drawn))
        assert abs(drawn.mean() - (low + high) / 2) < five_errors
    for factor in factors:
        assert np.all(factor[~chosen] == 1)
    assert np.all(turn[~chosen] == 0)
    correlations = np.corrcoef([value[chosen] for value in values])
    assert np.abs(correlations - np.eye(4)).max() < 5 / math.sqrt(chosen.sum())


def test_hue_turns_about_the_grey_axis():
    layer = RandomColorJitter()

    def turn(angle):
        ones = tf.ones([1])
        return layer.color_matrix(ones, angle * ones, 0 * ones)[0].numpy()

    np.testing.assert_allclose(turn(0.0), np.eye(3), atol=1e-5)
    np.testing.assert_allclose(turn(2 * math.pi), np.eye(3), atol=1e-5)
    np.testing.assert_allclose(turn(0.7) @ turn(0.5), turn(1.2), atol=1e-5)
    np.testing.assert_allclose(np.ones(3) @ turn(0.9), np.ones(3), atol=1e-5)
    np.testing.assert_allclose(turn(0.9) @ YIQ[0], YIQ[0], atol=1e-5)
    # A third of the circle takes red towards one primary and a third back towards the other.
    red = np.array([1.0, 0, 0])
    assert {np.argmax(red @ turn(2.1)), np.argmax(red @ turn(-2.1))} == {1, 2}


def test_grey_images_have_equal_channels(rng):
    views = RandomColorJitter(grey=1.0)(pictures(rng), seed=SEED).numpy()
    np.testing.assert_allclose(views[..., 0], views[..., 1], atol=1e-5)
    np.testing.assert_allclose(views[..., 0], views[..., 2], atol=1e-5)
    assert views.std(axis=(1, 2, 3)).min() > 0.01


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_other_channels_get_brightness_and_contrast_only(rng, channels):
    images = pictures(rng, 12, channels=channels)
    layer = RandomColorJitter(0.5, 0.5, 0.9, 0.5, probability=0.8, grey=1.0)
    brightness, contrast, *_ = (v.numpy() for v in layer.draw(12, tf.constant(SEED)))
    bright = images * brightness[:, None, None, None]
    mean = bright.mean(axis=(1, 2, 3), keepdims=True)
    expected = np.clip(mean + contrast[:, None, None, None] * (bright - mean), 0, 1)
    np.testing.assert_allclose(layer(images, seed=SEED), expected, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_settings_of_zero_return_the_images(rng, channels):
    images = pictures(rng, channels=channels)
    for layer in (
        RandomColorJitter(0, 0, 0, 0, probability=1, grey=0),
        RandomColorJitter(0.8, 0.8, 0.8, 0.2, probability=0, grey=0),
        RandomGaussianBlur(probability=0),
        RandomSolarize(0),
    ):
        np.testing.assert_allclose(layer(images, seed=SEED), images, atol=1e-5)


# -- blur and solarise -----------------------------------------------------------------------------


def reference_blur(image, sigma):
    """Per pixel, the Gaussian-weighted mean of the pixels that exist."""
    if sigma == 0:
        return image
    blurred = np.zeros_like(image)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            weights = np.exp(-((rows - i) ** 2 + (columns - j) ** 2) / (2 * sigma**2))
            blurred[i, j] = np.tensordot(weights / weights.sum(), image, 2)
    return blurred


@pytest.mark.parametrize(
    ("channels", "height", "width", "largest"),
    [(1, 14, 11, 2.5), (3, 14, 11, 2.5), (1, 64, 70, 1.0)],
)
def test_blur_is_the_reference_convolution(rng, channels, height, width, largest):
    images = pictures(rng, 12, height, width, channels)
    layer = RandomGaussianBlur((0.3, largest), probability=0.6)
    seed = tf.constant(SEED)
    sigmas = layer.draw(12, seed).numpy()
    assert 0 < (sigmas > 0).sum() < 12
    expected = [reference_blur(x, s) for x, s in zip(images, sigmas, strict=True)]
    for call in (layer, tf.function(layer)):
        got = call(images, seed=seed)
        np.testing.assert_allclose(got, expected, atol=1e-5)
        np.testing.assert_array_equal(got.numpy()[sigmas == 0], images[sigmas == 0])


def test_long_lines_are_blurred_tap_by_tap_and_the_others_are_not(monkeypatch, rng):
    """Both ways agree; which is taken follows from the sizes, and never on JAX."""
    counted = []
    summed = separable._summed
    monkeypatch.setattr(separable, "_summed", lambda *a, **k: counted.append(1) or summed(*a, **k))
    for size, largest, passes in ((224, 2.0, 2), (96, 2.0, 2), (64, 2.0, 0), (224, 20.0, 0)):
        images = tf.constant(pictures(rng, 2, size, size, 1).transpose(0, 3, 1, 2))
        sigma = tf.constant([largest, largest / 3], tf.float32)
        got = separable.blurred(images, sigma, largest)
        assert len(counted) == passes
        counted.clear()
        with monkeypatch.context() as all_as_matrices:
            all_as_matrices.setattr(separable, "_are_few", lambda taps, pixels: False)
            expected = separable.blurred(images, sigma, largest)
        np.testing.assert_allclose(got, expected, atol=2e-6)


def test_blur_draws_its_widths_and_its_images():
    sigma = RandomGaussianBlur((0.1, 2.0), 0.4).draw(DRAWS, tf.constant(SEED)).numpy()
    chosen = sigma > 0
    assert abs(chosen.mean() - 0.4) < tolerance(0.4)
    assert 0.1 <= sigma[chosen].min() < 0.13 and 1.97 < sigma[chosen].max() <= 2.0
    assert abs(sigma[chosen].mean() - 1.05) < 5 * 1.9 / math.sqrt(12 * chosen.sum())


def test_solarize_inverts_the_bright_values_of_its_share(rng):
    images = np.tile(pictures(rng, 1, 4, 4, 1), (DRAWS, 1, 1, 1))
    views = RandomSolarize(0.25, threshold=0.6)(images, seed=SEED).numpy()
    inverted = np.where(images >= np.float32(0.6), 1 - images, images)
    changed = (views == inverted).all(axis=(1, 2, 3))
    assert np.all(changed ^ (views == images).all(axis=(1, 2, 3)))
    assert abs(changed.mean() - 0.25) < tolerance(0.25)


# -- seeds -----------------------------------------------------------------------------------------

LAYERS = [
    RandomResizedCrop(8),
    RandomColorJitter(probability=1.0),
    RandomGaussianBlur(probability=1.0),
    RandomSolarize(0.5),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_same_seed_same_view_in_and_out_of_a_graph(rng, layer):
    images = pictures(rng, 16)
    view = layer(images, seed=SEED).numpy()
    np.testing.assert_array_equal(view, layer(images, seed=tf.constant(SEED)))
    graph = tf.function(lambda x, seed: layer(x, seed=seed))
    np.testing.assert_allclose(view, graph(images, tf.constant(SEED)), atol=1e-5)
    assert np.abs(view - layer(images, seed=(3, 6))).max() > 0.01


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_every_image_has_its_own_randomness(rng, layer):
    images = np.tile(pictures(rng, 1), (64, 1, 1, 1))
    views = layer(images, seed=SEED).numpy().reshape(64, -1).round(4)
    kinds = len(np.unique(views, axis=0))
    assert kinds == 2 if isinstance(layer, RandomSolarize) else kinds > 60


def test_without_a_seed_every_call_draws_anew(rng):
    images = pictures(rng)
    first, again = RandomColorJitter(seed=1), RandomColorJitter(seed=1)
    calls = [first(images).numpy() for _ in range(3)]
    assert np.abs(calls[0] - calls[1]).max() > 0.01
    for call in calls:
        np.testing.assert_array_equal(call, again(images))


def test_without_a_seed_every_batch_of_tf_data_draws_anew(rng):
    images = pictures(rng)
    layer = MultiView([RandomColorJitter()] * 2, seed=1)
    batches = list(tf.data.Dataset.from_tensors(images).repeat(3).map(layer))
    assert np.abs(batches[0][0] - batches[1][0]).max() > 0.01
    assert np.abs(batches[1][0] - batches[2][0]).max() > 0.01


def test_views_of_one_recipe_differ_and_do_not_depend_on_the_number_of_views(rng):
    images = pictures(rng)
    view = View([RandomResizedCrop(16), RandomColorJitter()])
    first, second = MultiView([view, view])(images, seed=SEED)
    assert np.abs(first - second).max() > 0.01
    more = MultiView([view] * 4)(images, seed=SEED)
    np.testing.assert_array_equal(first, more[0])
    np.testing.assert_array_equal(second, more[1])


# -- composition -----------------------------------------------------------------------------------


def test_view_takes_keras_layers_and_callables(rng):
    images = pictures(rng)
    seen = {}

    def with_options(images, seed, training):
        seen.update(seed=seed, training=training)
        return images

    view = View([keras.layers.RandomFlip("vertical", seed=1), lambda x: 1.0 - x, with_options])
    result = view(images, seed=SEED).numpy()
    options = np.stack([1 - images, 1 - images[:, ::-1]])
    assert np.all(np.isclose(result, options, atol=1e-6).all(axis=(2, 3, 4)).any(axis=0))
    assert seen["training"] is True and seen["seed"].shape == (2,)
    np.testing.assert_allclose(view(images, training=False), 1 - images, atol=1e-6)
    assert seen["training"] is False


def test_outside_training_views_are_the_resized_images(rng):
    images = pictures(rng)
    view = View([RandomResizedCrop(10), *LAYERS[1:]])
    first, second = MultiView([view, view])(images, training=False)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, RandomResizedCrop(10)(images, training=False))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_views_keep_channels_range_and_type(rng, channels):
    images = pictures(rng, channels=channels)
    for training in (True, False):
        multi_view = MultiView([View([RandomResizedCrop(12), *LAYERS[1:]])] * 2)
        for view in multi_view(images, training=training, seed=SEED):
            assert view.shape == (6, 12, 12, channels)
            assert view.dtype == tf.float32
            assert tf.reduce_min(view) >= 0 and tf.reduce_max(view) <= 1


def test_uint8_images_are_scaled():
    images = np.full((2, 8, 8, 3), 51, "uint8")
    np.testing.assert_allclose(RandomSolarize(0)(images), 0.2, atol=1e-6)


def test_layers_survive_a_round_trip_through_a_saved_model(rng, tmp_path):
    images = pictures(rng)
    views = MultiView([View(LAYERS[:3]), View([RandomResizedCrop(8), RandomSolarize(0.7, 0.4)])])
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(views))
    for ours, theirs in zip(views(images, seed=SEED), copy(images, seed=SEED), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    inputs = keras.Input((20, 20, 3))
    model = keras.Model(inputs, keras.layers.Flatten()(View([RandomResizedCrop(8)])(inputs)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), model(images, training=False), rtol=1e-5, atol=1e-6
    )


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs the extra `jax`")
def test_views_run_in_tf_data_when_keras_runs_on_jax():
    code = """
        import numpy as np, keras, tensorflow as tf
        from keras_center_ssl import views
        assert keras.backend.backend() == "jax"
        images = np.random.default_rng(0).random((4, 16, 16, 3), dtype="float32")
        data = tf.data.Dataset.from_tensors(images).repeat(2)
        seeded = list(data.map(lambda x: views.simclr(8)(x, seed=(1, 2))))
        np.testing.assert_array_equal(seeded[0][0], seeded[1][0])
        assert seeded[0][0].shape == (4, 8, 8, 3)
        unseeded = list(data.map(views.simclr(8)))
        assert np.abs(unseeded[0][0] - unseeded[1][0]).max() > 0.01
    """
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomResizedCrop(7), "8 to 1024"),
        (lambda: RandomResizedCrop(1025), "8 to 1024"),
        (lambda: RandomResizedCrop(28.0), "8 to 1024"),
        (lambda: RandomResizedCrop(28, area=(0.5, 1.5)), "`area`"),
        (lambda: RandomResizedCrop(28, area=(0.0, 1.0)), "`area`"),
        (lambda: RandomResizedCrop(28, area=0.5), "`area`"),
        (lambda: RandomResizedCrop(28, aspect=(2.0, 1.0)), "`aspect`"),
        (lambda: RandomResizedCrop(28, flip=-0.1), "`flip`"),
        (lambda: RandomResizedCrop(28, interpolation="bicubik"), "Did you mean 'bicubic'"),
        (lambda: RandomColorJitter(brightness=-1), "`brightness`"),
        (lambda: RandomColorJitter(hue=0.6), "`hue`"),
        (lambda: RandomColorJitter(probability=1.2), "`probability`"),
        (lambda: RandomColorJitter(grey=float("nan")), "`grey`"),
        (lambda: RandomGaussianBlur(sigma=(0, 1)), "`sigma`"),
        (lambda: RandomSolarize("often"), "`probability`"),
        (lambda: View(RandomSolarize()), "list"),
        (lambda: View([RandomSolarize(), 3]), "element 1"),
        (lambda: MultiView([]), "at least one"),
    ],
)
def test_bad_settings_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_bad_images_and_seeds_are_refused():
    layer = RandomSolarize()
    with pytest.raises(InputError, match=r"\(B, H, W, C\)") as caught:
        View([layer])(np.zeros((8, 8, 3), "float32"))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="int64"):
        layer(np.zeros((1, 8, 8, 3), "int64"))
    with pytest.raises(InputError, match="shape \\(2,\\)"):
        layer(np.zeros((1, 8, 8, 3), "float32"), seed=3)


def test_a_view_uses_the_augment_of_a_subclass(rng):
    class Black(RandomSolarize):
        def augment(self, images, seed):
            return images * 0.0

    view = View([RandomResizedCrop(8), Black(1.0), RandomGaussianBlur(probability=1.0)])
    assert np.abs(view(rng.random((2, 8, 8, 3), "float32"))).max() == 0
