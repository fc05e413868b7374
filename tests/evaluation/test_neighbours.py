"""Nearest neighbours against all pairs, near-duplicates and odd ones out of known sets."""

import sys

import numpy as np
import pytest

import keras_center_ssl as kcs
from keras_center_ssl.evaluation import neighbour_index, neighbours
from keras_center_ssl.evaluation.neighbours import (
    near_duplicates,
    nearest_neighbours,
    odd_ones_out,
)
from tests.helpers.light_python import run_without


def by_all_pairs(z, k, queries=None):
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    rows = unit if queries is None else queries / np.linalg.norm(queries, axis=1, keepdims=True)
    cosines = rows @ unit.T
    if queries is None:
        np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(cosines, order, axis=1)


@pytest.mark.parametrize("rows, columns", [(1024, 8192), (7, 11), (1, 1), (100, 3)])
def test_blocks_give_what_all_pairs_give(rng, monkeypatch, rows, columns):
    monkeypatch.setattr(neighbours, "_ROWS", rows)
    monkeypatch.setattr(neighbours, "_COLUMNS", columns)
    z, queries = rng.normal(size=(60, 5)), rng.normal(size=(9, 5))
    for given in (None, queries):
        expected, cosines = by_all_pairs(z, 4, given)
        found = nearest_neighbours(z, 4, given)
        np.testing.assert_array_equal(found.indices, expected)
        np.testing.assert_allclose(found.cosines, cosines, atol=1e-6)


def test_nobody_is_his_own_neighbour_and_k_is_at_most_the_others(rng):
    z = rng.normal(size=(5, 3))
    found = nearest_neighbours(z, 100)
    assert found.indices.shape == (5, 4)
    assert all(row not in found.indices[row] for row in range(5))
    assert nearest_neighbours(z, 100, z[:2]).indices.shape == (2, 5)
    assert nearest_neighbours(z, 1, z[:2]).indices.ravel().tolist() == [0, 1]


def test_of_equal_ones_the_first_comes_first():
    z = np.ones((6, 2))
    assert nearest_neighbours(z, 2).indices.shape == (6, 2)
    found = nearest_neighbours(np.eye(3), 2)
    assert found.indices.tolist() == [[1, 2], [0, 2], [0, 1]]


def test_duplicates_are_found_in_groups(rng):
    z = rng.normal(size=(200, 16))
    z[[50, 120]] = z[7]
    z[90] = 3 * z[8] + 1e-4
    z[150:180] = z[10]  # more of them than neighbours
    groups = near_duplicates(z)
    assert groups == [[10, *range(150, 180)], [7, 50, 120], [8, 90]]
    assert near_duplicates(rng.normal(size=(200, 16))) == []


def test_one_point_is_one_group():
    assert near_duplicates(np.ones((20, 4))) == [list(range(20))]


def test_chance_neighbours_on_a_line_are_no_duplicates(rng):
    angle = rng.uniform(0, np.pi, 2000)
    found = near_duplicates(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert sum(map(len, found)) < 400


def test_the_odd_one_out(rng):
    z = rng.normal(size=(50, 8)) * 0.1 + np.eye(8)[0]
    z[13] = -np.eye(8)[0]
    (row, cosine), *others = odd_ones_out(z, 3)
    assert row == 13 and cosine < -0.8 and len(others) == 2
    assert others[0][1] <= others[1][1]


def grouped(rng, count=4000):
    """Features in clusters, as those of images lie."""
    return rng.normal(size=(20, 16))[rng.integers(0, 20, count)] + 0.5 * rng.normal(
        size=(count, 16)
    )


@pytest.mark.parametrize("own", [True, False])
def test_an_index_finds_nearly_all_and_its_cosines_are_exact(rng, own):
    pytest.importorskip("usearch")
    z = grouped(rng)
    queries = None if own else grouped(rng, 1500)
    found = nearest_neighbours(z, 8, queries, approximate=True)
    expected = nearest_neighbours(z, 8, queries)
    assert expected.exact and not found.exact
    assert found.indices.shape == found.cosines.shape == expected.indices.shape
    pairs = zip(found.indices, expected.indices, strict=True)
    shared = [len(set(a) & set(b)) / 8 for a, b in pairs]
    assert np.mean(shared) > 0.95
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    rows = unit if own else queries / np.linalg.norm(queries, axis=1, keepdims=True)
    cosines = np.einsum("nd,nkd->nk", rows, unit[found.indices])
    np.testing.assert_allclose(found.cosines, cosines, atol=1e-5)
    assert (np.diff(found.cosines, axis=1) <= 0).all()
    if own:
        assert not (found.indices == np.arange(len(z))[:, None]).any()


def test_an_index_takes_a_single_query(rng):
    pytest.importorskip("usearch")
    z = grouped(rng, 200)
    found = nearest_neighbours(z, 3, z[7:8], approximate=True)
    np.testing.assert_array_equal(found.indices, nearest_neighbours(z, 3, z[7:8]).indices)


def test_rows_that_a_graph_does_not_reach_are_compared_with_all(rng, monkeypatch):
    z = grouped(rng, 300)
    expected = nearest_neighbours(z, 4)
    monkeypatch.setattr(
        neighbour_index, "search", lambda rows, gallery, k, own: np.full((len(rows), k), -1)
    )
    found = nearest_neighbours(z, 4, approximate=True)
    np.testing.assert_array_equal(found.indices, expected.indices)


def test_many_get_an_index_where_it_is_installed(rng, monkeypatch):
    z = grouped(rng, 50)
    monkeypatch.setattr(neighbour_index, "MANY", 50)
    monkeypatch.setattr(neighbours, "installed", lambda package: False)
    assert nearest_neighbours(z, 3).exact
    monkeypatch.setattr(neighbours, "installed", lambda package: True)
    monkeypatch.setattr(
        neighbour_index, "search", lambda rows, gallery, k, own: np.zeros((len(rows), k), int)
    )
    assert not nearest_neighbours(z, 3).exact
    assert nearest_neighbours(z, 3, approximate=False).exact
    assert nearest_neighbours(z[:49], 3).exact


def test_an_index_that_is_not_installed_is_named(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(kcs.InputError, match=r"needs usearch.*keras-center-ssl\[index\]"):
        nearest_neighbours(grouped(rng, 20), 3, approximate=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((3, 2)), 0), "whole numbers from 1 on"),
        ((np.ones((3, 2)), True), "whole numbers from 1 on"),
        ((np.ones((1, 2)), 1), "single image"),
        ((np.ones((3, 2)), 1, np.ones((1, 3))), "2 dimensions and queries of 3"),
        ((np.zeros((3, 2)), 1), "zero"),
    ],
)
def test_what_has_no_neighbours_is_said(arguments, message):
    with pytest.raises(kcs.InputError, match=message):
        nearest_neighbours(*arguments)


def test_it_needs_no_keras():
    done = run_without(
        "import numpy as np, keras_center_ssl as kcs\n"
        "print(kcs.evaluation.nearest_neighbours(np.tri(3), 1).indices.tolist())"
    )
    assert (done.stdout, done.stderr) == ("[[1], [2], [1]]\n", "")
