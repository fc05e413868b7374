"""What `center-ssl doctor` finds, with everything installed and with the base alone."""

import json

import pytest
from typer.testing import CliRunner

from keras_center_ssl import checkup, cli
from tests.helpers.light_python import run_without


def invoke(*arguments):
    return CliRunner().invoke(cli.app, ["doctor", *arguments])


def test_the_machine_is_described():
    found = checkup.look_around()
    assert found["versions"]["numpy"] and found["versions"]["keras-center-ssl"]
    assert found["cpu"]["cores"] >= 1 and found["cpu"]["name"]
    assert set(found["commands"]) == set(checkup.COMMANDS)
    assert found["commands"]["diagnose"] is None
    assert found["disk_free_bytes"] > 0
    json.dumps(found, allow_nan=False)


def test_what_is_missing_is_said_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(checkup, "installed", lambda package: package not in ("tf2onnx", "jax"))
    commands = checkup.look_around()["commands"]
    assert "tf2onnx: pip install 'keras-center-ssl[tensorflow]'" in commands["export"]
    assert "keras-center-ssl[jax]" in commands["KERAS_BACKEND=jax"]
    assert commands["train"] is None


def test_the_self_test_passes_and_prints_json():
    result = invoke("--json")
    assert result.exit_code == 0, result.output
    tests = json.loads(result.stdout)["self_test"]
    assert all(test["passed"] for test in tests.values()), tests
    assert "images/s" in tests["training"]["words"]
    assert sum(test["seconds"] for test in tests.values()) < 60


def test_a_failing_self_test_is_exit_code_1(monkeypatch):
    def fails():
        raise RuntimeError("an\nillegal instruction")

    monkeypatch.setattr(checkup, "_trains", fails)
    result = invoke()
    assert result.exit_code == 1
    assert "training: FAILED" in result.output
    assert "RuntimeError: an illegal instruction" in result.output
    assert "diagnosis: passed" in result.output


def test_the_table_can_be_had_without_the_test(monkeypatch):
    monkeypatch.setattr(checkup, "self_test", lambda: pytest.fail("run"))
    result = invoke("--no-test")
    assert result.exit_code == 0
    for words in ("Python 3", "numpy", "CPU: ", "bfloat16: ", "Ready: diagnose"):
        assert words in result.output


def test_a_light_install_is_no_failure():
    program = "from keras_center_ssl import cli\ncli.main()"
    done = run_without(program, "doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["backend"] is None and found["cpu"]["bfloat16"] is None
    assert found["self_test"]["diagnosis"]["passed"] is True
    assert found["self_test"]["training"]["passed"] is None
    assert "pip install 'keras-center-ssl[tensorflow]'" in found["commands"]["train"]
    assert done.stderr == ""
