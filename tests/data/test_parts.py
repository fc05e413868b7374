"""Parts of a dataset for several workers: together, in their order, they are its batches."""

import numpy as np
import pytest
import tensorflow as tf

from keras_center_ssl import views
from keras_center_ssl.data import multi_view


def images(count):
    return np.random.default_rng(0).integers(0, 256, (count, 10, 10, 3)).astype("uint8")


def stream(source):
    return tf.data.Dataset.from_tensor_slices(source)


KINDS = {"array": images, "stream": lambda count: stream(images(count))}
slow = pytest.mark.slow
both = pytest.mark.parametrize("kind", KINDS)


def batches_of(dataset, count=None):
    return [[np.asarray(view) for view in element[0]] for element in dataset.take(count or 10**6)]


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("array", 3),
        *(pytest.param(k, n, marks=slow) for k, n in (("array", 2), ("stream", 2), ("stream", 3))),
    ],
)
def test_parts_together_are_the_batch(kind, parts):
    # simclr's layers draw a number or several per image, along different axes.
    arguments = dict(views=views.simclr(8), batch_size=6, seed=3, drop_remainder=False)
    whole = batches_of(multi_view(KINDS[kind](17), **arguments))
    made = [
        batches_of(multi_view(KINDS[kind](17), **arguments).rows_of(part, parts))
        for part in range(parts)
    ]
    assert len(whole) == 3
    for step, batch in enumerate(whole):
        for view, expected in enumerate(batch):
            joined = np.concatenate([part[step][view] for part in made])
            np.testing.assert_allclose(joined, expected, atol=1e-6)


@slow
@both
def test_endless_passes_are_those_of_epochs(kind):
    arguments = dict(views=views.simclr(8), batch_size=6, seed=3)
    dataset = multi_view(KINDS[kind](17), **arguments)
    dataset.position.set(2, 1)
    # The pass begins within an epoch and goes on into the next, as every pass does.
    expected = batches_of(dataset) + batches_of(dataset)
    other = multi_view(KINDS[kind](17), **arguments)
    other.position.set(2, 1)
    endless = other.rows_of(endless=True)
    assert int(endless.cardinality()) == tf.data.INFINITE_CARDINALITY
    found = batches_of(endless, len(expected))
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one[0], two[0])
    other.position.advance(2)
    assert (other.position.epoch, other.position.step) == (4, 1)


def test_batch_sizes_of_parts_are_static():
    dataset = multi_view(images(17), views=views.simclr(8), batch_size=6)
    (spec,) = {view.shape for view in dataset.rows_of(1, 3).element_spec[0]}
    assert spec == (2, 8, 8, 3)


def test_foreign_views_draw_differently_on_every_part():
    def noise(batch, seed):
        return (tf.random.stateless_uniform(tf.shape(batch), seed),) * 2

    dataset = multi_view(images(12), views=noise, batch_size=12)
    first, second = (batches_of(dataset.rows_of(part, 2))[0][0] for part in range(2))
    assert np.abs(first - second).max() > 0.1
