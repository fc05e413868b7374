"""The experiments of a checkout: found, listed, shown; where there is no checkout, said so."""

import pathlib

import pytest
from typer.testing import CliRunner

from keras_center_ssl import cli, experiments
from keras_center_ssl.errors import InputError

YAML = "id: X1\ntitle: A title\nquestion: Why?\nminutes: 1\n"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "training" / "experiments"
    (place / "x1_first").mkdir(parents=True)
    (place / "x1_first" / "experiment.yaml").write_text(YAML)
    (place / "x1_first" / "README.md").write_text("# X1\n")
    return place


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["experiment", *arguments])


def test_an_experiment_is_found_by_id_and_by_folder(folder):
    for name in ("X1", "x1", "x1_first"):
        found = experiments.find_experiment(name, folder)
        assert (found.title, found.verdict) == ("A title", experiments.NOT_RUN)
        assert found.account == "# X1\n"


def test_the_verdict_is_what_the_run_wrote(folder):
    (folder / "x1_first" / "verdict.json").write_text('{"verdict": "refuted"}')
    assert experiments.find_experiment("X1", folder).verdict == "refuted"


def test_an_unknown_id_names_those_that_there_are(folder):
    with pytest.raises(InputError, match="Accepted: X1"):
        experiments.find_experiment("X7", folder)


@pytest.mark.parametrize("text", ["id: [", "id: X1", "- a", YAML + "more: 1\n"])
def test_a_description_is_whole(folder, text):
    (folder / "x1_first" / "experiment.yaml").write_text(text)
    with pytest.raises(InputError, match=r"experiment\.yaml"):
        experiments.list_experiments(folder)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(InputError, match="no experiment in"):
        experiments.list_experiments(tmp_path)


def test_without_a_checkout_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "__file__", str(tmp_path / "site" / "p" / "experiments.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="part of the repository, not of the installed package"):
        experiments.list_experiments()


def test_an_installed_package_finds_the_checkout_one_stands_in(folder, tmp_path, monkeypatch):
    (tmp_path / "setup.cfg").write_text("")
    monkeypatch.setattr(experiments, "__file__", str(tmp_path / "site" / "p" / "experiments.py"))
    monkeypatch.chdir(tmp_path)
    assert [experiment.id for experiment in experiments.list_experiments()] == ["X1"]


def test_the_command_lists_and_shows():
    listed = invoke("list")
    assert listed.exit_code == 0
    assert "T1" in listed.output and "H7" in listed.output
    assert invoke("show", "t1").output.startswith("# T1")
    assert isinstance(invoke("show", "T9").exception, InputError)


def test_the_command_runs_the_program_beside_them(monkeypatch):
    called = []

    class Done:
        returncode = 1

    def run(command):
        called.append(command)
        return Done()

    monkeypatch.setattr("subprocess.run", run)
    assert invoke("run", "T1", "--quick").exit_code == 1
    (command,) = called
    program = pathlib.Path(command[1])
    assert program.is_file() and program.name == "run.py"
    assert command[2:] == ["T1", "--quick"]
