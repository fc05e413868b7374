"""A recipe as YAML with reasons: it reads as the same recipe, whatever stands in it."""

import yaml

from keras_center_ssl.runs.commented import commented_yaml

RECIPE = {
    "name": "x",
    "description": "a: b # c, 'quoted' and very " + "long " * 40,
    "epochs": 3,
    "views": {"name": "simclr", "area": [0.3, 1.0], "blur": None, "flip": True},
    "data": {"source": "/photos: of [me] #1/写真"},
}


def test_it_reads_as_the_same_recipe():
    reasons = {"epochs": "a reason\nepochs: 7", "views.area": "another " * 30, "nothing": "lost"}
    text = commented_yaml(RECIPE, reasons, "A heading.")
    assert yaml.safe_load(text) == RECIPE
    assert text.startswith("# A heading.\n")
    assert "# a reason epochs: 7\nepochs: 3\n" in text
    assert "  area: [0.3, 1.0]\n" in text
    assert max(len(line) for line in text.splitlines() if "#" in line) <= 100


def test_no_reasons_are_no_comments():
    text = commented_yaml({"epochs": 3, "method": {"name": "SimCLR"}}, {})
    assert text == "epochs: 3\nmethod:\n  name: SimCLR\n"
