import numpy as np
import pytest

from keras_center_ssl.errors import InputError
from keras_center_ssl.evaluation import few_labels, linear_probe
from keras_center_ssl.evaluation.few_labels import stratified


def blobs(rng, n, spread=0.6):
    labels = np.arange(n) % 3
    return np.eye(3, 5)[labels] + spread * rng.normal(size=(n, 5)), labels


def test_a_draw_has_its_share_of_every_class():
    labels = np.repeat(["a", "b", "c"], [1000, 100, 3])
    rows = stratified(labels, 0.01, seed=1)
    assert [int(np.sum(labels[rows] == name)) for name in "abc"] == [10, 1, 1]
    assert len(set(rows.tolist())) == len(rows) and (np.diff(rows) > 0).all()
    assert rows.tolist() == stratified(labels, 0.01, seed=1).tolist()
    assert rows.tolist() != stratified(labels, 0.01, seed=2).tolist()


def test_all_labels_give_the_linear_probe_and_fewer_do_worse(rng):
    train, test = blobs(rng, 900), blobs(rng, 600)
    whole = few_labels(*train, *test, share=1.0, seeds=[0])
    assert whole["accuracy"] == linear_probe(*train, *test) and whole["interval"] is None
    few = few_labels(*train, *test, share=0.01)
    assert few["samples"] == 9 and len(few["accuracies"]) == 5
    assert few["accuracy"] == pytest.approx(np.mean(few["accuracies"]))
    assert few["accuracy"] < whole["accuracy"] and few["interval"] > 0


@pytest.mark.parametrize("change", [{"share": 0}, {"share": 1.5}, {"seeds": []}])
def test_refuses(rng, change):
    with pytest.raises(InputError, match=r"share is above 0|no seeds"):
        few_labels(*blobs(rng, 90), *blobs(rng, 90), **change)
