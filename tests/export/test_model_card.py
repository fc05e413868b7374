"""The card as text: sections without a figure are left out, and what stands in it is the record."""

import copy
import json
import pathlib
import re

import pytest

from keras_center_ssl import figures
from keras_center_ssl.export import model_card

PUBLISHED = pathlib.Path(__file__).parents[2] / "zoo" / "quickstart-fashion-mnist"


@pytest.fixture
def record():
    return json.loads((PUBLISHED / "metrics.json").read_text("utf-8"))


def test_says_what_the_published_card_says(record):
    """All but the words about figures, which stand in the table of figures by now."""
    card = model_card.render(record)
    known = (PUBLISHED / "README.md").read_text("utf-8").splitlines()
    numbers = [line for line in known if line.startswith(("| k-NN", "| `encoder", "- ", "!["))]
    assert len(numbers) > 8 and set(numbers) <= set(card.splitlines())
    assert card.endswith("\n") and not card.endswith("\n\n") and "\n\n\n" not in card


def test_names_figures_as_everywhere(record):
    card = model_card.render(record)
    for key in model_card.SHOWN:
        row = re.search(rf"^\| `{key}` \|.*", card, re.M)
        assert bool(row) == (key in record["collapse"]["figures"])
        if row:
            assert f"| {figures.label(key)}: {figures.FIGURES[key].meaning}" in row.group()


def test_leaves_out_what_is_not_there(record):
    bare = copy.deepcopy(record)
    bare |= dict(evaluation={}, collapse=None, plots={}, parity={}, license=None, method=None)
    bare["costs"] = None
    bare |= dict(embedding_collapse=None, description=None, dataset=None, hyperparameters={})
    bare |= dict(seed=None, data_fingerprint=None, metadata={}, formats={"onnx": "encoder.onnx"})
    card = model_card.render(bare)
    headings = re.findall(r"^## (.*)$", card, re.M)
    assert headings == ["Use", "Limits"]
    assert "None" not in card and "Keras 3" not in card
    assert "No license was stated" in card and "No evaluation was recorded" in card


@pytest.mark.parametrize("text", ["a | b", "two\nlines", "<b>&amp;</b>", "{{ 7 * 7 }}", "{% if %}"])
def test_text_of_others_stays_in_its_cell(record, text):
    record["metadata"]["note"] = text
    card = model_card.render(record)
    (row,) = [line for line in card.splitlines() if line.startswith("| note |")]
    assert row == f"| note | {text.replace('|', chr(92) + '|').replace(chr(10), ' ')} |"
