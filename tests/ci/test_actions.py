"""The composite actions and the snippets of docs/ci.md: valid by the forges' schemas, and their commands really run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / ".github/actions"
GITHUB, GITLAB = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/ci.md").read_text(encoding="utf-8"), re.DOTALL)
FORGED = "--case forged --tears some,most --jobs 1"


def lint(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    """Hold a file against a schema that the linter carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def load(text: str) -> Any:
    """Read YAML."""
    return YAML(typ="safe", pure=True).load(text)


def action(name: str) -> Any:
    """Read one of the composite actions."""
    return load((ACTIONS / name / "action.yml").read_text(encoding="utf-8"))


def run_step(name: str, step: str, inputs: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the shell of one step as a runner does, `${{ ... }}` of its environment filled in."""
    (found,) = (item for item in action(name)["runs"]["steps"] if item["name"] == step)
    given = {key: value.get("default", "") for key, value in action(name)["inputs"].items()} | inputs
    known = {f"inputs.{key}": value for key, value in given.items()} | {"runner.temp": str(folder)}
    filled = {key: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: known[match[1]], value) for key, value in found["env"].items()}
    filled.pop("BOOT_HARNESS_CACHE", None)  # what other tests compiled will do
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **filled, "PATH": tools, "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("name", ["sweep", "merge"])
def test_an_action_is_valid(name: str) -> None:
    """The linter for actions finds nothing."""
    done = lint(ACTIONS / name / "action.yml", "github-actions")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("text", "schema"), [(GITHUB, "github-workflows"), (GITLAB, "gitlab-ci")], ids=["github", "gitlab"])
def test_a_snippet_of_the_documentation_is_valid(text: str, schema: str, tmp_path: Path) -> None:
    """The linter finds nothing; and it does find a key that is misspelled."""
    path = tmp_path / "ci.yml"
    path.write_text(text)
    done = lint(path, schema)
    assert done.returncode == 0, done.stdout

    path.write_text(text.replace("    needs: ", "    neds: ").replace("  needs: ", "  neds: ").replace("parallel: 4", "parallel: four"))
    assert lint(path, schema).returncode == 1


def test_the_snippets_give_inputs_that_the_actions_have() -> None:
    """Each `with` of the workflow is an input, each input is documented, and no required one is left out."""
    documented = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    steps = [step for job in load(GITHUB)["jobs"].values() for step in job["steps"] if "boot-harness" in step["uses"]]
    assert [re.search(r"actions/(\w+)@", step["uses"])[1] for step in steps] == ["sweep", "merge"]  # type: ignore[index]
    for step, name in zip(steps, ("sweep", "merge"), strict=True):
        inputs = action(name)["inputs"]
        assert set(step.get("with", {})) <= set(inputs)
        assert {key for key, value in inputs.items() if value.get("required")} <= set(step.get("with", {}))
        assert all(f"`{key}`" in documented for key in inputs)


def test_shell_never_contains_an_expression() -> None:
    """Inputs reach the shell through its environment, so that none can be taken for a command."""
    for name in ("sweep", "merge"):
        assert not [step["name"] for step in action(name)["runs"]["steps"] if "${{" in step.get("run", "")]


def test_parts_are_swept_and_merged(tmp_path: Path) -> None:
    """Two parts, each by the sweep's own step; the merge's step reports the whole, and writes the job's summary."""
    for part in ("1", "2"):
        inputs = {"scenario": "stm32f103/speck-full", "part": part, "parts": "2", "options": FORGED}
        done = run_step("sweep", "Sweep", inputs, tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"power-cuts/part-{part}.xml").is_file()
    (tmp_path / "power-cuts").rename(tmp_path / "power-cuts-parts")

    done = run_step("merge", "Report", {}, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "8 planned, 8 run, 8 fired" in done.stdout
    assert done.stdout in (tmp_path / "summary.md").read_text()
    assert sorted(path.name for path in (tmp_path / "power-cuts-report").iterdir()) == ["junit.xml", "report.txt", "verdicts.jsonl"]


def test_a_violation_and_a_missing_part_fail_the_job(tmp_path: Path) -> None:
    """The step ends with the harness's own exit code, after the report was written."""
    inputs = {"scenario": "stm32f103/speck-full", "part": "1", "parts": "2", "options": f"{FORGED} --bug signature-ignored"}
    assert run_step("sweep", "Sweep", inputs, tmp_path).returncode == 1
    (tmp_path / "power-cuts").rename(tmp_path / "power-cuts-parts")

    done = run_step("merge", "Report", {}, tmp_path)

    assert done.returncode == 2
    assert "part" in done.stderr
