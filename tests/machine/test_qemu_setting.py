"""Where QEMU is looked for, and what is said where it is not found. These tests need no QEMU."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.device.loader import load_device
from harness.errors import InputError
from harness.machine.engines import ENGINES, make_machine, probe_engine, shown_by
from harness.machine.noise import power_on_noise, splitmix64


def program(folder: Path, says: str) -> Path:
    """Make a program that prints one line."""
    path = folder / "qemu-system-arm"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


WRONG = {
    "no such file": (None, "is not a program"),
    "another program": ("hello", "does not say that it is QEMU"),
    "too old": ("QEMU emulator version 5.2.0", "is QEMU 5.2.0"),
}


@pytest.mark.parametrize(("says", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_bad_input(says: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names what was tried and how to mend it; the probe tells the same."""
    monkeypatch.setenv("QEMU_PATH", str(tmp_path / "nothing" if says is None else program(tmp_path, says)))
    with pytest.raises(InputError, match=told):
        make_machine("qemu", load_device("nrf51822"), "qfaa", ())
    probe = probe_engine("qemu")
    assert not probe.usable
    assert told in probe.remedy


def test_a_machine_without_qemu_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package's name, and the setting."""
    monkeypatch.delenv("QEMU_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    probe = probe_engine("qemu")
    assert not probe.usable
    assert "apt-get install qemu-system-arm" in probe.remedy
    assert "QEMU_PATH" in probe.remedy


def test_the_version_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the program prints it."""
    monkeypatch.setenv("QEMU_PATH", str(program(tmp_path, "QEMU emulator version 8.2.1 (Debian)")))
    assert probe_engine("qemu").version == "8.2.1"


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_says_what_it_shows(engine: str) -> None:
    """A set of capabilities, and a probe that gives a version or a remedy."""
    assert isinstance(shown_by(engine), frozenset)
    probe = probe_engine(engine)
    assert probe.version if probe.usable else probe.remedy


def test_the_noise_is_splitmix64() -> None:
    """The first numbers of the sequence for seed 0, as its authors publish them; RAM takes them in order, registers what follows."""
    assert splitmix64(0, 3) == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    ram, registers = power_on_noise(0, 16, 1)
    assert ram == (0xE220A8397B1DCDAF).to_bytes(8, "little") + (0x6E789E6AA1B965F4).to_bytes(8, "little")
    assert registers == [0x8009454F]
