"""Data flows one way, and so do imports: docs/DESIGN.md draws the order, this reads the imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "harness"
FLOW = re.compile(r"^ {4}(\w+(?: -> \w+)+)$", re.MULTILINE)
SHARED = {"bundled", "errors", "output_file", "packed", "quick_pickle", "toml_input"}
"""Modules without a stage: every stage may import them, and they import no stage."""


def stages() -> list[str]:
    """Return the stages in the order of flow, as the design draws it."""
    drawn = FLOW.search((ROOT / "docs" / "DESIGN.md").read_text(encoding="utf-8"))
    assert drawn is not None, "docs/DESIGN.md does not draw the flow of data"
    return drawn[1].split(" -> ")


def imported_modules(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of every module of the package that a source imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            names = [f"harness.{alias.name}" for alias in node.names] if node.module == "harness" else [node.module or ""]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.startswith("harness."))


def wrong_imports(owner: str, source: str) -> list[str]:
    """Return what is wrong with the imports of a source.

    Args:
        owner: the stage or shared module that it belongs to.
    """
    order = stages()
    wrong = []
    for line, name in imported_modules(source):
        target = name.split(".")[1]
        if target in SHARED or target == owner or target.startswith("__"):
            continue
        if target not in order or owner in SHARED:
            wrong.append(f"line {line}: {owner} may not import {name}")
        elif order.index(target) > order.index(owner):
            wrong.append(f"line {line}: {owner} imports {name}, which comes later in the flow")
    return wrong


def sources() -> list[Path]:
    """Return every Python file of the package that belongs to a stage or is shared."""
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def owner_of(path: Path) -> str:
    """Return the stage or shared module that a file of the package belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_follow_the_flow() -> None:
    """No module imports from a stage to its right."""
    wrong = [f"{path.relative_to(ROOT)}: {problem}" for path in sources() for problem in wrong_imports(owner_of(path), path.read_text(encoding="utf-8"))]
    assert wrong == []


def test_every_file_has_a_place_in_the_flow() -> None:
    """Each folder of the package is a stage that the design draws, and each stage is a folder."""
    assert {owner_of(path) for path in sources()} == {*stages(), *SHARED}


WRONG_SOURCES = {
    "a stage imports one to its right": ("device", "from harness.build.elf import ElfFile", "comes later"),
    "an import inside a function counts": ("fault", "def late():\n    import harness.campaign.sweep", "comes later"),
    "an import of the package's member counts": ("image", "from harness import cli", "comes later"),
    "an import for types alone counts": ("build", "if TYPE_CHECKING:\n    from harness.scenario import model", "comes later"),
    "a shared module imports no stage": ("errors", "from harness.device import Device", "may not import"),
    "a folder outside the flow is no stage": ("cli", "from harness.helpers import thing", "may not import"),
}


@pytest.mark.parametrize(("owner", "source", "problem"), WRONG_SOURCES.values(), ids=WRONG_SOURCES)
def test_a_wrong_import_is_found(owner: str, source: str, problem: str) -> None:
    """The check fails on every kind of import against the flow."""
    (found,) = wrong_imports(owner, source)
    assert problem in found


def test_a_right_import_is_not_reported() -> None:
    """Imports to the left, of the same stage and of shared modules are all right."""
    modules = ("harness.device", "harness.build.cache", "harness.errors", "pathlib")
    assert wrong_imports("build", "\n".join(f"import {module}" for module in modules)) == []
