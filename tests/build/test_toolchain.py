"""Toolchains: what is chosen says what it is; what is not there says so."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from harness.build import choose_toolchain, toolchain
from harness.errors import InputError


def test_zig_is_the_pinned_package() -> None:
    """The default compiler is the one of the environment, and tells its version."""
    zig = choose_toolchain("zig")
    assert zig.title == f"zig {version('ziglang')}"


def test_unknown_toolchain_names_the_known_ones() -> None:
    """An unknown name is answered with the names that there are."""
    with pytest.raises(InputError, match="zig, gcc"):
        choose_toolchain("clang")


def test_missing_gcc_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without arm-none-eabi-gcc the error names it and the other way."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"arm-none-eabi-gcc .*--toolchain zig"):
        choose_toolchain("gcc")


def test_missing_zig_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error names it."""
    monkeypatch.setattr(toolchain, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="ziglang"):
        choose_toolchain("zig")
