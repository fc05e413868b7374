"""Several publishers of one zoo, and publishers that are killed."""

import json
import signal
import subprocess
import sys

import pytest

import keras_center_ssl as kcs

PUBLISHER = """
import sys
import keras_center_ssl as kcs
kcs.zoo.publish
print("ready", flush=True)
sys.stdin.readline()
bundle, zoo, *names = sys.argv[1:]
for name in names:
    kcs.zoo.publish(bundle, zoo, name=name)
"""

# Ends itself, as by kill -9, before the given renaming of a publication.
KILLED = """
import os, signal, sys
import keras_center_ssl as kcs
kcs.zoo.publish
bundle, zoo, name, ending = sys.argv[1:]
replace = os.replace

def killed(source, target):
    if str(target).endswith(ending):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = killed
kcs.zoo.publish(bundle, zoo, name=name, overwrite=True)
"""


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "README.md").write_text("# A card")
    (folder / "metrics.json").write_text('{"name": "first", "license": "mit"}')
    (folder / "encoder.onnx").write_bytes(b"onnx")
    return folder


def test_no_entry_is_lost(bundle, tmp_path):
    zoo = tmp_path / "zoo"
    names = [f"{letter}{n}" for letter in "ab" for n in range(8)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(bundle), str(zoo), *part],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in (names[:8], names[8:])
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert [entry.name for entry in kcs.zoo.list_models(zoo)] == names
    assert not any(kcs.zoo.verify(source=zoo).values())
    assert {path.name for path in zoo.iterdir()} == {"index.json", *names}


@pytest.mark.parametrize("ending", ["old", "first", "index.json"])
def test_a_killed_publisher_leaves_the_zoo_whole(bundle, tmp_path, ending):
    zoo = tmp_path / "zoo"
    kcs.zoo.publish(bundle, zoo)
    (bundle / "encoder.onnx").write_bytes(b"better")
    command = [sys.executable, "-c", KILLED, str(bundle), str(zoo), "first", ending]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    # The next publisher takes back what was begun, and no lock is in its way.
    kcs.zoo.publish(bundle, zoo, name="second")
    assert not any(kcs.zoo.verify(source=zoo).values())
    assert (zoo / "first" / "encoder.onnx").read_bytes() == b"onnx"
    assert {path.name for path in zoo.iterdir()} == {"index.json", "first", "second"}


def test_a_killed_publisher_leaves_no_half_entry(bundle, tmp_path):
    zoo = tmp_path / "zoo"
    kcs.zoo.publish(bundle, zoo)
    command = [sys.executable, "-c", KILLED, str(bundle), str(zoo), "new", "index.json"]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    kcs.zoo.publish(bundle, zoo, name="new")  # not taken
    assert [entry.name for entry in kcs.zoo.list_models(zoo)] == ["first", "new"]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("[1]", "no JSON object"),
        ('{"name": "x", "evaluation": [1]}', "no object 'evaluation'"),
        ('{"name": "x", "collapse": "healthy"}', "no object 'collapse'"),
        ('{"name": "x", "input": 3}', "no object 'input'"),
        ('{"name": "x", "evaluation": {"knn_accuracy": NaN}}', "no finite number"),
        ('{"name": "x", "evaluation": {"knn_accuracy": 85.1}}', "knn_accuracy = 85.1"),
        ('{"name": "x", "evaluation": {"knn_accuracy": {"trained": []}}}', "knn_accuracy = "),
        ('{"name": ["x"]}', "unfit for a zoo"),
        ('{"name": "x", "license": "\\u001b[2J"}', "control characters"),
        ('{"name": "x", "dataset": {"a": 1}}', "dataset = "),
        ('{"name": "x", "input": {"shape": [1, 2, 3, 4]}}', "input_shape = "),
        (json.dumps({"name": "x", "method": "m" * 10_000}), "method = "),
    ],
)
def test_a_record_of_a_wrong_shape_is_a_sentence(bundle, tmp_path, metrics, message):
    licensed = metrics.replace('{"name"', '{"license": "mit", "name"')
    (bundle / "metrics.json").write_text(licensed)
    with pytest.raises(kcs.InputError, match=message) as caught:
        kcs.zoo.publish(bundle, tmp_path / "zoo")
    assert len(str(caught.value)) < 500
    assert not (tmp_path / "zoo" / "index.json").exists()


def test_a_card_does_not_steer_the_terminal(bundle, tmp_path):
    (bundle / "README.md").write_bytes(b"# A card\n\x1b[2J\x07[red]\xff\tx")
    kcs.zoo.publish(bundle, tmp_path / "zoo")
    assert kcs.zoo.show("first", tmp_path / "zoo", tmp_path) == "# A card\n[2J[red]\ufffd\tx"


def test_a_zoo_is_published_to_in_a_folder(bundle):
    with pytest.raises(kcs.InputError, match="in a folder; received 'hf://owner/repo'"):
        kcs.zoo.publish(bundle, "hf://owner/repo")
