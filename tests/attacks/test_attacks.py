"""The attack script: it names what it should, makes a case again; a few of each kind hold."""

import importlib
import pathlib
import sys

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "training" / "attacks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.fixture(scope="module")
def modules():
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in NAMES}
    sys.path.remove(str(FOLDER))
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def stage(modules, tmp_path_factory):
    return modules["case"].Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture
def make_case(modules, stage, tmp_path):
    def make(kind, number=0, seed=0):
        folder = tmp_path / f"{kind}-{number}"
        folder.mkdir(exist_ok=True)
        return modules["case"].Case(kind, number, seed, folder, stage)

    return make


@pytest.mark.parametrize(
    "program, limit, fault",
    [
        ("print('fine')", 60, None),
        ("import sys; sys.exit('Error: give another name')", 60, None),
        ("import sys; sys.exit(1)", 60, "without a word"),
        ("1 / 0", 60, "a traceback"),
        ("import os; os.abort()", 60, "ended with -6"),
        ("import sys; print('?'); sys.exit(7)", 60, "ended with 7"),
        ("import time; time.sleep(600)", 1, "silent past"),
    ],
)
def test_what_counts_as_a_failure(make_case, program, limit, fault):
    found = make_case("arrays").run_python("-c", program, limit=limit).fault()
    assert found is None if fault is None else fault in found


def test_a_case_is_made_again_from_its_number(modules, make_case, tmp_path):
    contents = []
    for turn in "ab":
        case = make_case("images", 3, 5)
        place = tmp_path / turn
        place.mkdir()
        for number in range(6):
            modules["images"].WAYS[number](place, number, case)
        contents.append([(path.name, path.read_bytes()) for path in sorted(place.iterdir())])
    assert contents[0] == contents[1]
    assert make_case("images", 3, 5).again().endswith("--seed 5 --kind images --case 3")
    first, other = (make_case("images", 3, seed).rng.random() for seed in (5, 6))
    assert first != other


def test_the_table_counts_and_a_failure_comes_with_its_line(modules, monkeypatch, capsys):
    attack = modules["attack"]
    kinds = {"good": lambda case: [], "bad": lambda case: ["a traceback"] * (case.number == 1)}
    monkeypatch.setattr(attack, "KINDS", kinds)
    monkeypatch.setattr(attack, "wanted", lambda options: [(k, n) for n in (0, 1) for k in kinds])
    monkeypatch.setattr(attack.Stage, "make", lambda stage: None)
    assert attack.main(["--seed", "4"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED bad 1: a traceback\n" in printed and "--seed 4 --kind bad --case 1" in printed
    assert [line.split() for line in printed.splitlines()[-2:]] == [
        ["bad", "2", "1"],
        ["good", "2", "0"],
    ]


def test_every_kind_is_in_the_readme(modules):
    text = (FOLDER / "README.md").read_text()
    assert all(f"| `{kind}` |" in text for kind in modules["attack"].KINDS)


def test_damaged_json_is_mostly_json_of_another_kind(modules, make_case):
    import json

    case, original = make_case("indexes"), {"models": {"a": {"size": 1, "files": {"b": "c"}}}}
    parsed = 0
    for _ in range(100):
        damaged = modules["damage"].damaged_json(original, case)
        assert isinstance(damaged, bytes)
        try:
            parsed += json.loads(damaged) != original
        except (ValueError, RecursionError):
            continue
    assert 50 < parsed < 100


def test_arrays_come_in_every_kind(modules, make_case):
    seen = set()
    for number in range(300):
        seen.add(type(modules["arrays"].odd_array(make_case("arrays", number))))
    assert {np.ndarray, np.ma.MaskedArray, list, dict, float, type(None)} <= seen


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("kind", ["arrays", "indexes"])
def test_light_cases_hold(modules, make_case, kind, number):
    assert modules["attack"].KINDS[kind](make_case(kind, number)) == []


@pytest.mark.parametrize("way", ["lies_short", "lies_long", "other_content", "redirects_to_a_file"])
def test_servers_that_lie_are_found_out(modules, make_case, monkeypatch, way):
    servers = modules["servers"]
    monkeypatch.setattr(servers, "WAYS", {way: servers.WAYS[way]})
    assert servers.attack(make_case("servers")) == []


@pytest.mark.tensorflow
def test_a_folder_of_damaged_images_holds(modules, make_case):
    assert modules["attack"].KINDS["images"](make_case("images")) == []


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", ["metrics", "kills"])
def test_heavy_cases_hold(modules, make_case, kind):
    case = make_case(kind)
    for number in range(3):
        assert modules["attack"].KINDS[kind](make_case(kind, number)) == [], case.again()
