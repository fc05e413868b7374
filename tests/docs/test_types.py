"""Public functions and the constructors of methods say what they take and what they give."""

import inspect

import pytest

import keras_center_ssl as kcs

ROOMS = ("diagnosis", "encoders", "evaluation", "export", "geometry", "losses", "zoo")
# What a room shows to the rooms above it, not to users.
FOR_OTHER_ROOMS = {
    *("alpha_req_of", "as_array", "as_rows", "as_views", "effective_rank_of", "finite_rows"),
    *("nesum_of", "no_variance", "participation_ratio_of", "refuse_bad_rows", "subsample"),
    *("unit_rows", "dimensions_99_of", "judge", "participation_ratio_null", "thresholds"),
    *("participation_ratio_of_power_law", "tight_groups", "export_format"),
}


def public_functions():
    for room in ROOMS:
        module = getattr(kcs, room)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isfunction(value) and name not in FOR_OTHER_ROOMS:
                yield pytest.param(value, id=f"{room}.{name}")
    for name in ("batches", "load", "multi_view", "open_source"):
        yield pytest.param(getattr(kcs.data, name), id=f"data.{name}")
    for name, method in kcs.methods.METHODS.items():
        yield pytest.param(method.__init__, id=f"methods.{name}")


@pytest.mark.parametrize("function", public_functions())
def test_is_typed(function):
    signature = inspect.signature(function)
    named = [p for p in signature.parameters.values() if p.name not in ("self", "kwargs")]
    untyped = [p.name for p in named if p.annotation is p.empty]
    assert not untyped
    assert function.__name__ == "__init__" or signature.return_annotation is not signature.empty
