"""The pipeline: every image once an epoch, everything a function of (seed, epoch, step)."""

import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl import views
from keras_center_ssl.data import batches, multi_view
from keras_center_ssl.errors import InputError


def numbered(count):
    """Images that show their own number, so that a view tells where it came from."""
    values = (np.arange(count) / 255).astype("float32")
    return np.broadcast_to(values[:, None, None, None], (count, 8, 8, 1)).copy()


def same(images):
    return images, images


def numbers(view):
    return np.rint(np.asarray(view)[:, 0, 0, 0] * 255).astype(int)


def epoch(dataset):
    return [tf.nest.map_structure(np.asarray, element) for element in dataset]


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def stream(source, labels=None):
    return tf.data.Dataset.from_tensor_slices(source if labels is None else (source, labels))


SOURCES = {"array": lambda images: images, "stream": stream}
# tests/data/test_parts.py has streams in the quick suite, too.
both = pytest.mark.parametrize("kind", ["array", pytest.param("stream", marks=pytest.mark.slow)])


@both
def test_an_epoch_sees_every_image_once_in_a_new_order(kind):
    dataset = multi_view(SOURCES[kind](numbered(50)), same, 8, drop_remainder=False)
    assert int(dataset.cardinality()) == 7
    orders = []
    for _ in range(3):
        orders.append(np.concatenate([numbers(made[0]) for (made,) in epoch(dataset)]))
        assert sorted(orders[-1]) == list(range(50))
    assert len({tuple(order) for order in [*orders, range(50)]}) == 4


@both
def test_incomplete_batches_are_dropped_unless_asked_for(kind):
    dataset = multi_view(SOURCES[kind](numbered(50)), same, 8)
    assert int(dataset.cardinality()) == 6
    elements = epoch(dataset)
    assert [len(made[0]) for (made,) in elements] == [8] * 6
    assert dataset.element_spec[0][0].shape == (8, 8, 8, 1)
    kept = np.concatenate([numbers(made[0]) for (made,) in elements])
    assert len(set(kept)) == 48


@both
def test_without_shuffling_the_order_is_the_source_s(kind):
    dataset = multi_view(SOURCES[kind](numbered(20)), same, 5, shuffle=False)
    for _ in range(2):
        order = np.concatenate([numbers(made[0]) for (made,) in epoch(dataset)])
        np.testing.assert_array_equal(order, np.arange(20))


@both
def test_same_seed_same_epochs_whatever_the_parallelism(rng, kind):
    images = rng.random((40, 10, 10, 3), dtype="float32")
    view = views.View([views.RandomResizedCrop(8), views.RandomSolarize(0.5)])
    recipe = views.MultiView([view, view])

    def make(**options):
        return multi_view(SOURCES[kind](images), recipe, 8, **options)

    first, second = make(seed=3), make(seed=3, num_parallel_calls=1)
    seen = []
    for _ in range(3):
        seen.append(epoch(first))
        assert_equal(seen[-1], epoch(second))
    for other in (seen[1], epoch(make(seed=4)), epoch(make(seed=3 + 2**31))):
        assert np.abs(seen[0][0][0][0] - other[0][0][0]).max() > 0.01


@both
def test_the_order_does_not_depend_on_the_global_seed(kind):
    orders = []
    for global_seed in (0, 2):
        keras.utils.set_random_seed(global_seed)
        dataset = multi_view(SOURCES[kind](numbered(32)), same, 32)
        orders.append([numbers(made[0]) for _ in range(2) for (made,) in epoch(dataset)])
    assert_equal(*orders)


@both
def test_views_differ_between_steps_and_epochs_of_the_same_images(rng, kind):
    images = np.tile(rng.random((1, 8, 8, 1), dtype="float32"), (8, 1, 1, 1))
    dataset = multi_view(SOURCES[kind](images), views.simclr(8), 4, shuffle=False)
    drawn = [made[0] for _ in range(2) for (made,) in epoch(dataset)]
    for i in range(4):
        for j in range(i):
            assert np.abs(drawn[i] - drawn[j]).max() > 0.01


@both
def test_a_run_can_be_taken_up_in_the_middle(rng, kind):
    images = rng.random((40, 8, 8, 1), dtype="float32")
    dataset = multi_view(SOURCES[kind](images), views.simclr(8), 8)
    straight = [element for _ in range(3) for element in epoch(dataset)]
    assert (dataset.position.epoch, dataset.position.step) == (3, 0)

    resumed = multi_view(SOURCES[kind](images), views.simclr(8), 8)
    resumed.position.set(1, 2)
    assert_equal(epoch(resumed), straight[7:12])
    resumed.position.set(2)
    assert_equal(epoch(resumed), straight[10:15])
    resumed.position.set(0, 4)
    assert_equal(epoch(resumed.take(1)), straight[4:5])


@both
def test_labels_stay_with_their_images(kind):
    images, labels = numbered(30), np.arange(30) * 3
    source = (images, labels) if kind == "array" else stream(images, labels)
    dataset = multi_view(source, same, 7, with_labels=True, drop_remainder=False)
    for made, batch_labels in epoch(dataset):
        np.testing.assert_array_equal(numbers(made[0]) * 3, batch_labels)
    assert len(multi_view(source, same, 7).element_spec) == 1
    assert len(multi_view(source, same, 7, limit=14).element_spec) == 1


def test_labels_argument_and_limit():
    dataset = multi_view(numbered(30), same, 5, labels=np.arange(30), with_labels=True, limit=10)
    assert int(dataset.cardinality()) == 2
    assert sorted(np.concatenate([labels for _, labels in epoch(dataset)])) == list(range(10))


def test_uint8_is_scaled_and_keras_datasets_names_work():
    images = np.full((4, 8, 8, 3), 51, "uint8")
    ((made,),) = epoch(multi_view(images, same, 4))
    np.testing.assert_allclose(made[0], 0.2, atol=1e-6)
    assert int(multi_view("digits", views.simclr(8), 64).cardinality()) == 1437 // 64


def test_views_may_be_any_callable(rng):
    images = rng.random((4, 8, 8, 3), dtype="float32")
    flip = keras.layers.RandomFlip()
    for made_by, count in (
        (lambda x: [flip(x), flip(x), x], 3),
        (lambda x: x, 1),
        (views.View([flip]), 1),
    ):
        ((made,),) = epoch(multi_view(images, made_by, 4))
        assert len(made) == count and made[0].shape == (4, 8, 8, 3)


def test_a_stream_of_unknown_length():
    source = stream(numbered(20)).filter(lambda image: image[0, 0, 0] < 10 / 255)
    dataset = multi_view(source, same, 4, drop_remainder=False)
    assert int(dataset.cardinality()) == tf.data.UNKNOWN_CARDINALITY
    for _ in range(2):
        order = np.concatenate([numbers(made[0]) for (made,) in epoch(dataset)])
        assert sorted(order) == list(range(10))


def test_batches_are_all_images_in_order(rng):
    images, labels = rng.integers(0, 256, (11, 8, 8, 3), "uint8"), np.arange(11)
    for source in ((images, labels), stream(images, labels), stream(images, labels).batch(3)):
        found = epoch(batches(source, 4))
        assert [len(batch) for batch in found] == [4, 4, 3]
        np.testing.assert_allclose(np.concatenate(found), images / 255, atol=1e-6)
        pairs = epoch(batches(source, 4, with_labels=True))
        np.testing.assert_array_equal(np.concatenate([label for _, label in pairs]), labels)
    assert len(epoch(batches(images, 4, limit=5))) == 2
    assert int(batches("digits", 100, split="test").cardinality()) == 4


def test_keras_fit_walks_through_the_epochs(rng):
    images = rng.random((12, 8, 8, 1), dtype="float32")
    seen = []

    class Model(keras.Model):
        def train_step(self, data):
            (made,) = data if isinstance(data, tuple) and isinstance(data[0], tuple) else (data,)
            tf.py_function(lambda x: seen.append(x.numpy()), [made[0]], [])
            return {"loss": tf.reduce_mean(made[0])}

    dataset = multi_view(images, views.simclr(8), 4)
    model = Model()
    model.built = True
    model.compile()
    model.fit(dataset, epochs=2, verbose=0)
    expected = multi_view(images, views.simclr(8), 4)
    straight = [made[0] for _ in range(dataset.position.epoch) for (made,) in epoch(expected)]
    np.testing.assert_array_equal(np.stack(seen), np.stack(straight)[-6:])


def test_two_replicas_share_the_batch_of_one():
    code = """
        import numpy as np, tensorflow as tf
        from keras_center_ssl import data, views
        (cpu,) = tf.config.list_physical_devices("CPU")
        half = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [half, half])
        images = np.random.default_rng(0).random((24, 8, 8, 1), dtype="float32")
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():  # where users build their datasets, too
            shared = data.multi_view(images, views.RandomResizedCrop(8), 8)
            whole = data.multi_view(images, views.RandomResizedCrop(8), 8)
        distributed = strategy.experimental_distribute_dataset(shared)
        for _ in range(2):
            for (ours,), (theirs,) in zip(distributed, whole, strict=True):
                halves = strategy.experimental_local_results(ours[0])
                assert [len(half) for half in halves] == [4, 4]
                np.testing.assert_array_equal(np.concatenate(halves), theirs[0])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: multi_view(numbered(9), same, 1), "compare the samples"),
        (lambda: multi_view(numbered(9), same, 4.0), "`batch_size`"),
        (lambda: multi_view(numbered(9), same, 10), "10 images cannot be made of 9.*drop_rem"),
        (lambda: multi_view(numbered(9), same, 4, limit=3), "4 images cannot be made of 3"),
        (lambda: multi_view(numbered(1), same, 4, drop_remainder=False), "cannot be made of 1"),
        (lambda: multi_view(stream(numbered(3)), same, 4), "4 images cannot be made of 3"),
        (lambda: multi_view(stream(numbered(3)).repeat(), same, 4), "never ends"),
        (lambda: multi_view(numbered(9), "simclr", 4), "kcs.views.simclr"),
        (lambda: multi_view(numbered(9), same, 4, seed=-1), "`seed`"),
        (lambda: multi_view(numbered(9), same, 4, with_labels=True), "needs labels"),
        (lambda: multi_view(numbered(9) * 255, same, 4), "divide by 255"),
        (lambda: multi_view(numbered(9), views.View([lambda x: x[0]]), 4), "B, H, W, C"),
        (lambda: multi_view(numbered(9), same, 4).position.set(-1), "`epoch`"),
        (lambda: batches(numbered(9), 0), "`batch_size`"),
        (lambda: batches(numbered(9), 4, with_labels=True), "needs labels"),
    ],
)
def test_bad_input_is_refused_before_training(make, words):
    with pytest.raises(InputError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)
