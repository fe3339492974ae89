"""Build hook: compiles the C core of the embedded engine, and puts firmware and platform files into the wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_MACHINE = "harness/machine"
_DATA_FOLDERS = ("firmware", "platforms")


class CoreBuildHook(BuildHookInterface[BuilderConfig]):
    """Runs at `pip install`, `pip install -e` and `python -m build`."""

    def dependencies(self) -> list[str]:
        """Return what the C core needs at build time: Unicorn's headers, and a compiler where the machine has none."""
        pinned = {re.split("[<>=!~ ]", requirement)[0]: requirement for requirement in self.metadata.core.dependencies}
        core_build = _load_core_build(Path(self.root))
        try:
            core_build.compiler_command()
        except core_build.CoreBuildError:
            return [pinned["unicorn"], pinned["ziglang"]]
        return [pinned["unicorn"]]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the core: into the sources for an editable install, else into the wheel alone."""
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{re.sub('[-.]', '_', sysconfig.get_platform())}"
        root = Path(self.root)
        core_build = _load_core_build(root)
        if version == "editable":
            core_build.compile_core(root / _MACHINE / core_build.LIBRARY_NAME)
            return
        self._folder = Path(tempfile.mkdtemp())
        core = self._folder / core_build.LIBRARY_NAME
        core_build.compile_core(core)
        build_data["force_include"][str(core)] = f"{_MACHINE}/{core.name}"
        for name in _DATA_FOLDERS:
            build_data["force_include"][str(root / name)] = f"harness/bundled_files/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 -- hatchling's signature
        """Remove the compiled core: it is in the wheel now."""
        if version != "editable":
            shutil.rmtree(self._folder, ignore_errors=True)


def _load_core_build(root: Path) -> ModuleType:
    """Return the package's own module that compiles the core; the package itself can't be imported yet."""
    spec = importlib.util.spec_from_file_location("core_build", root / _MACHINE / "core_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
