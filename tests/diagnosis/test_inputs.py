"""Arrays of every kind: a verdict or one sentence, never an exception from further down."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import keras_center_ssl as kcs
from keras_center_ssl import geometry
from keras_center_ssl.diagnosis import VERDICTS, diagnose, diagnose_file
from keras_center_ssl.errors import InputError


class Tensor:
    """Another framework's tensor that does not convert."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


REFUSING = [
    RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy()."),
    TypeError("Got unsupported ScalarType BFloat16"),
    TypeError("can't convert cuda:0 device type tensor to numpy."),
    NotImplementedError("numpy() is only available when eager execution is enabled."),
]


@pytest.mark.parametrize("error", REFUSING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("wrap", [lambda z: z, lambda z: [z, z]], ids=["alone", "in a list"])
def test_tensors_that_do_not_convert(error, wrap):
    for call in (diagnose, geometry.effective_rank):
        with pytest.raises(InputError, match=r"z\.detach\(\)\.cpu\(\)\.float\(\)\.numpy\(\)") as e:
            call(wrap(Tensor(error)))
        assert "\n" not in str(e.value) and str(error).rstrip(".") in str(e.value)


@pytest.mark.parametrize(
    "ragged", [[[1.0, 2.0], [3.0]], [np.ones(3), np.ones(4)], ([1.0], [[2.0]])], ids=str
)
def test_ragged_lists(ragged):
    with pytest.raises(InputError, match="rows differ in length") as error:
        diagnose(ragged)
    assert "sequence" not in str(error.value)  # NumPy's words


class TestMasks:
    def test_are_refused_and_counted(self, rng):
        z = rng.normal(size=(100, 8))
        mask = np.zeros(z.shape, bool)
        mask[[3, 5, 5], [0, 1, 2]] = True
        masked = np.ma.array(z, mask=mask)
        for call in (diagnose, geometry.uniformity, lambda z: diagnose(z, z)):
            with pytest.raises(InputError, match=r"3 masked entries in 2 row\(s\)"):
                call(masked)
        with pytest.raises(InputError, match="masked"):
            diagnose(list(masked))

    def test_that_hide_nothing_change_nothing(self, rng):
        z = rng.normal(size=(100, 8))
        assert diagnose(np.ma.array(z)).figures == diagnose(z).figures
        assert diagnose(np.ma.array(z, mask=np.zeros(z.shape))).figures == diagnose(z).figures

    def test_of_feature_maps(self, rng):
        maps = np.ma.masked_greater(rng.normal(size=(80, 2, 2, 8)), 2.0)
        with pytest.raises(InputError, match="masked"):
            diagnose(maps)


class TestFeatureMaps:
    @pytest.mark.parametrize(
        "shape", [(64, 128, 7, 7), (64, 512, 1, 1), (64, 32, 6, 4), (64, 8, 8, 8), (64, 7, 5, 3)]
    )
    def test_that_may_have_their_channels_first_are_asked_about(self, rng, shape, tmp_path):
        z = rng.normal(size=shape)
        np.save(tmp_path / "z.npy", z)
        np.savez(tmp_path / "z.npz", z=z)
        for call in (
            lambda **k: diagnose(z, **k),
            lambda **k: diagnose(z, z, **k),
            lambda **k: diagnose_file(tmp_path / "z.npy", **k),
            lambda **k: diagnose_file(tmp_path / "z.npz", **k),
        ):
            with pytest.raises(InputError, match='data_format="channels_first"'):
                call()
            first, last = (call(data_format=f"channels_{end}") for end in ("first", "last"))
            assert (first.dimension, last.dimension) == (shape[1], shape[3])
            assert any("channels first" in text for text in first.warnings)

    def test_are_averaged_over_positions(self, rng):
        z = rng.normal(size=(80, 16, 3, 3))
        expected = diagnose(z.mean(axis=(2, 3))).figures
        assert diagnose(z, data_format="channels_first").figures == pytest.approx(expected)
        moved = np.moveaxis(z, 1, 3)
        assert diagnose(moved).figures == pytest.approx(expected)
        found = kcs.critical_center_weight(z, z + 0.1, data_format="channels_first")
        assert found.dimension == 16

    @pytest.mark.parametrize("shape", [(80, 7, 7, 3), (80, 1, 1, 8), (80, 4, 6, 32), (80, 8, 8, 4)])
    def test_that_look_like_channels_last_need_no_word(self, rng, shape):
        assert diagnose(rng.normal(size=shape)).dimension == shape[-1]

    def test_data_format_is_checked(self, rng):
        with pytest.raises(InputError, match="channels_first"):
            diagnose(rng.normal(size=(80, 8)), data_format="NCHW")


NUMBERS = st.one_of(
    arrays.floating_dtypes(),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.boolean_dtypes(),
)
OTHERS = st.one_of(
    NUMBERS,
    arrays.complex_number_dtypes(),
    arrays.datetime64_dtypes(),
    arrays.unicode_string_dtypes(),
    arrays.array_dtypes(max_size=3),
)
SHAPES = st.one_of(
    arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6),
    st.tuples(st.integers(2, 20), st.integers(1, 6)),
)


def answer(call):
    """The report of a call that may refuse with `InputError`, and may do nothing else."""
    try:
        report = call()
    except InputError as error:
        assert str(error).strip() and "\n" not in str(error)
        return None
    assert report.verdict in VERDICTS
    report.to_json()  # raises for NaN
    assert str(report)
    return report


quick = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@quick
@given(st.data())
def test_any_array(data):
    z = data.draw(arrays.arrays(data.draw(OTHERS), data.draw(SHAPES)))
    with np.errstate(all="ignore"):
        answer(lambda: diagnose(z))


@quick
@given(st.data())
def test_any_rows_of_two_views(data):
    shape = data.draw(st.tuples(st.integers(2, 12), st.integers(1, 5)))
    views = [data.draw(arrays.arrays(data.draw(NUMBERS), shape)) for _ in range(2)]
    with np.errstate(all="ignore"):
        answer(lambda: diagnose(*views))


@quick
@given(
    st.recursive(
        st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=2), st.booleans()),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_nested_list(z):
    with np.errstate(all="ignore"):
        answer(lambda: diagnose(z))
