"""`harness speck module`: from an ELF file to a package that verify knows, and the errors on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.build.toolchain import choose_toolchain
from harness.cli import run_cli
from harness.errors import ExitCode
from harness.image.spk import SpkHeader

SOURCE = "int twice(int x); int twice(int x) { return 2 * x; }\n"


@pytest.fixture
def elf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A position-independent program beside a key pair; their folder is the current one."""
    monkeypatch.chdir(tmp_path)
    toolchain = choose_toolchain("zig").position_independent("twice")
    Path("twice.c").write_text(SOURCE, encoding="utf-8")
    result = toolchain.run([*toolchain.core_flags("cortex-m3"), *toolchain.compile_flags, *toolchain.link_flags, "twice.c", "-o", "twice.elf"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert run_cli(["speck", "keygen", "--output", "firmware.key", "--public-key", "firmware.pub"]) == ExitCode.HOLDS
    capsys.readouterr()
    return tmp_path / "twice.elf"


@pytest.mark.usefixtures("elf")
def test_a_module_is_made_and_verified(capsys: pytest.CaptureFixture[str]) -> None:
    """The package has the flags of a module, verify says so, and an older one than asked for is refused with exit code 1."""
    assert run_cli(["speck", "module", "twice.elf", "twice.spk", "--key", "firmware.key", "--version", "4", "--json"]) == ExitCode.HOLDS
    assert json.loads(capsys.readouterr().out)["relocations"] == 0
    assert SpkHeader.from_bytes(Path("twice.spk").read_bytes()).flags == 17
    assert run_cli(["speck", "verify", "twice.spk", "--public-key", "firmware.pub"]) == ExitCode.HOLDS
    assert "version 4, module of" in capsys.readouterr().out
    assert run_cli(["speck", "verify", "twice.spk", "--public-key", "firmware.pub", "--minimum-version", "5"]) == ExitCode.VIOLATION
    assert "version (8)" in capsys.readouterr().out


WRONG = {
    "a source in place of the program": (["twice.c", "out.spk", "--key", "firmware.key", "--version", "1"], "is not a usable ELF file"),
    "a key in place of the program": (["firmware.key", "out.spk", "--key", "firmware.pub", "--version", "1"], "is not a usable ELF file"),
    "no such file": (["none.elf", "out.spk", "--key", "firmware.key", "--version", "1"], "cannot be read"),
    "the program overwritten": (["twice.elf", "twice.elf", "--key", "firmware.key", "--version", "1"], "which would be lost"),
    "the key overwritten": (["twice.elf", "firmware.key", "--key", "firmware.key", "--version", "1"], "which would be lost"),
    "no version": (["twice.elf", "out.spk", "--key", "firmware.key"], "--version"),
    "a version that is no number": (["twice.elf", "out.spk", "--key", "firmware.key", "--version", "1.2.0"], "is not a whole number"),
    "a version that no counter holds": (["twice.elf", "out.spk", "--key", "firmware.key", "--version", str(2**48)], "out of range"),
}


@pytest.mark.usefixtures("elf")
def test_an_elf_file_is_not_signed_as_an_application(capsys: pytest.CaptureFixture[str]) -> None:
    """`sign` takes plain binaries: it says so, instead of signing what no device can start."""
    assert run_cli(["speck", "sign", "twice.elf", "out.spk", "--key", "firmware.key", "--version", "1"]) == ExitCode.BAD_INPUT
    assert "is an ELF file. Give the plain binary" in capsys.readouterr().err
    assert not Path("out.spk").exists()


@pytest.mark.usefixtures("elf")
@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_what_is_typed_wrong_is_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one message that names what is wrong, and nothing written."""
    assert run_cli(["speck", "module", *arguments]) == ExitCode.BAD_INPUT
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert not Path("out.spk").exists()
    assert Path("twice.elf").read_bytes().startswith(b"\x7fELF")
