"""`precision: auto` is what the machine is fastest in, said with its reason."""

import pytest

from keras_center_ssl.engine import cpu
from keras_center_ssl.runs import precision
from keras_center_ssl.runs.recipe import parse_recipe
from tests.runs.test_recipe import content


@pytest.mark.parametrize(
    ("flags", "policy", "reason"),
    [
        (("amx_bf16", "avx512_bf16"), "mixed_bfloat16", "amx_bf16, avx512_bf16"),
        ((), "float32", "no instructions for bfloat16"),
    ],
)
def test_auto_goes_by_the_processor(monkeypatch, flags, policy, reason):
    monkeypatch.setattr(cpu, "bfloat16_flags", lambda: flags)
    monkeypatch.setattr(precision, "_accelerator", lambda: None)
    said = []
    recipe = precision.resolved(parse_recipe(content(precision="auto")), said.append)
    assert recipe.precision == policy and len(said) == 1 and reason in said[0]
    model = parse_recipe(content(precision="auto")).build_model((8, 8, 1))
    assert model.dtype_policy.name == policy
    assert any(layer.compute_dtype == policy[-8:] for layer in model.encoder.layers) or not flags


def test_a_stated_precision_stays(monkeypatch):
    monkeypatch.setattr(cpu, "bfloat16_flags", lambda: ("amx_bf16",))
    recipe = parse_recipe(content(precision="float32"))
    assert precision.resolved(recipe, pytest.fail) is recipe
