"""The files for those who work on the project say what is true."""

import pathlib
import re

import yaml

import keras_center_ssl as kcs

ROOT = pathlib.Path(__file__).parents[2]


def test_hooks_are_local_and_use_the_tools_of_the_environment():
    content = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in content["repos"]] == ["local"]
    hooks = content["repos"][0]["hooks"]
    assert {"ruff", "ruff-format", "architecture"} == {hook["id"] for hook in hooks}
    assert all(hook["language"] == "system" for hook in hooks)
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)


def test_the_changelog_knows_this_version():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(
        re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading) for heading in headings[1:]
    )
    assert headings[1].startswith(f"{kcs.__version__} - ")


def test_links_between_the_pages_lead_somewhere():
    broken = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("training/**/*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken
