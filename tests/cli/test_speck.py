"""`harness speck`: from a key to a patched device, by the names of the document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import run_cli
from harness.cli.speck import speck_group
from harness.device.nor import NorFlash
from harness.errors import ExitCode
from harness.image.keys import read_public_key
from tests.image.samples import make_code


def speck(capsys: pytest.CaptureFixture[str], *arguments: str | int | Path) -> tuple[int, str, str]:
    """Run a command and return exit code, standard output and standard error."""
    code = run_cli(["speck", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def packages(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a key pair, two signed versions and the patch between them; it is the current one."""
    monkeypatch.chdir(tmp_path)
    assert speck(capsys, "keygen", "--output", "firmware.key", "--public-key", "firmware.pub")[0] == ExitCode.HOLDS
    for version, size_bytes in ((1, 6000), (2, 6100)):
        Path(f"v{version}.bin").write_bytes(make_code(size_bytes=size_bytes))
        assert speck(capsys, "sign", f"v{version}.bin", f"v{version}.spk", "--key", "firmware.key", "--version", version)[0] == ExitCode.HOLDS
    assert speck(capsys, "delta", "v1.spk", "v2.spk", "update.spk", "--key", "firmware.key", "--slot-bytes", 4096)[0] == ExitCode.HOLDS
    Path("empty.bin").touch()
    Path("bare.patch").write_bytes(bytes(96))
    Path("short.spk").write_bytes(Path("v1.spk").read_bytes()[:1000])
    Path("altered.spk").write_bytes(Path("v2.spk").read_bytes()[:-1] + b"\0")
    return tmp_path


def test_a_patch_rebuilds_the_signed_target(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verify accepts the patch, apply makes the very file that was signed, and another base is refused with exit code 1."""
    assert speck(capsys, "verify", "update.spk", "--public-key", "firmware.pub", "--minimum-version", 2)[0] == ExitCode.HOLDS
    assert speck(capsys, "apply", "v1.spk", "update.spk", "made.spk", "--public-key", "firmware.pub")[0] == ExitCode.HOLDS
    code, out, _ = speck(capsys, "apply", "v2.spk", "update.spk", "other.spk", "--public-key", "firmware.pub")

    assert (packages / "made.spk").read_bytes() == (packages / "v2.spk").read_bytes()
    assert code == ExitCode.VIOLATION
    assert "base (12)" in out
    assert not (packages / "other.spk").exists()


def test_a_patch_gives_devices_the_next_key(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old key signs the patch, the new one its target; delta, verify and apply name both, and the old key alone verifies it."""
    assert speck(capsys, "keygen", "--output", "next.key", "--public-key", "next.pub")[0] == ExitCode.HOLDS
    assert speck(capsys, "sign", "v2.bin", "v2-next.spk", "--key", "next.key", "--version", 2)[0] == ExitCode.HOLDS
    made = speck(capsys, "delta", "v1.spk", "v2-next.spk", "rotate.spk", "--key", "firmware.key", "--rotate-to", "next.pub", "--json")
    old, new = (read_public_key(packages / name).fingerprint for name in ("firmware.pub", "next.pub"))

    assert json.loads(made[1])["new_key"] == new
    for arguments in (["verify", "rotate.spk"], ["apply", "v1.spk", "rotate.spk", "made.spk"]):
        code, out, _ = speck(capsys, *arguments, "--public-key", "firmware.pub")
        assert code == ExitCode.HOLDS
        assert f"new key: {new}; a device that installs it trusts that one from then on, and {old} no longer" in out
    assert (packages / "made.spk").read_bytes() == (packages / "v2-next.spk").read_bytes()
    assert "key (10)" in speck(capsys, "verify", "rotate.spk", "--public-key", "next.pub")[1]
    assert "new key" not in speck(capsys, "verify", "update.spk", "--public-key", "firmware.pub")[1]


def test_bare_binaries_work_without_a_key(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The document's own example: delta and apply on plain binaries."""
    code, out, _ = speck(capsys, "delta", "v1.bin", "v2.bin", "update.patch", "--json")
    figures = json.loads(out)

    assert code == ExitCode.HOLDS
    assert figures["patch_bytes"] == (packages / "update.patch").stat().st_size
    assert figures["reduction_percent"] > 90
    assert speck(capsys, "apply", "v1.bin", "update.patch", "made.bin")[0] == ExitCode.HOLDS
    assert (packages / "made.bin").read_bytes() == (packages / "v2.bin").read_bytes()


def test_the_flash_counts_its_erases(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A first install erases nothing, the next one erases what changed; the dump shows the package."""
    assert speck(capsys, "flash-install", "v1.spk", "--offset", "0x1000", "--size-kb", 64)[0] == ExitCode.HOLDS
    assert NorFlash.from_bytes((packages / "speck-flash.nor").read_bytes(), "flash").erase_counts == [0] * 16
    assert speck(capsys, "flash-install", "v2.spk", "--offset", "0x1000")[0] == ExitCode.HOLDS
    figures = json.loads(speck(capsys, "flash-stats", "--json")[1])
    dump = speck(capsys, "flash-dump", "--start", "0x1000", "--len", "0x10")[1]

    assert figures["page_bytes"] == 4096
    assert sum(figures["erases"]) > 0
    assert figures["advice"] == ["No page stands out."]
    assert "page" in speck(capsys, "flash-stats")[1]
    assert dump.startswith("00001000  53 50 4b 02")


WRONG: dict[str, tuple[list[str], str]] = {
    "an older target": (["delta", "v2.spk", "v1.spk", "x", "--key", "firmware.key"], "is not above version 2"),
    "a slot too small": (["delta", "v1.spk", "v2.spk", "x", "--key", "firmware.key", "--slot-bytes", "200"], "the slot 200"),
    "bare, and a slot too small": (["delta", "v1.bin", "v2.bin", "x", "--slot-bytes", "20"], "the slot 20"),
    "a target too large for its region": (
        ["delta", "v1.spk", "v2.spk", "x", "--region-bytes", "0x1000"],
        "v2.spk: has 6244 bytes, the application region 4096",
    ),
    "a base without a byte": (["delta", "empty.bin", "v2.bin", "x"], "empty.bin: has no bytes"),
    "a signed patch of plain binaries": (["delta", "v1.bin", "v2.bin", "x", "--key", "firmware.key"], "is not an .spk image"),
    "a bare patch with a new key": (["delta", "v1.bin", "v2.bin", "x", "--rotate-to", "firmware.pub"], "trusted only if the old one signs for it"),
    "a new key that is the old one": (["delta", "v1.spk", "v2.spk", "x", "--key", "firmware.key", "--rotate-to", "firmware.pub"], "is the trusted one"),
    "a new key that is no key": (["delta", "v1.spk", "v2.spk", "x", "--key", "firmware.key", "--rotate-to", "v1.bin"], "v1.bin"),
    "an output that is an input": (["delta", "v1.bin", "v2.bin", "v1.bin"], "the same file as BASE"),
    "no such patch": (["apply", "v1.bin", "absent", "x"], "absent: cannot be read"),
    "a key for a bare patch": (["apply", "v1.bin", "v2.bin", "x", "--public-key", "firmware.pub"], "without a signature"),
    "an image signed as an application": (["sign", "v1.spk", "x", "--key", "firmware.key", "--version", "3"], "is an .spk image already"),
    "a bare patch as a package": (["verify", "bare.patch"], "bare.patch: magic: is not an .spk image"),
    "a package that is none": (["flash-install", "v1.bin"], "is not an .spk image"),
    "a flash that is none": (["flash-stats", "--flash", "v1.bin"], "is not a flash file"),
    "a package past the end": (["flash-install", "v1.spk", "--offset", "0xF000"], "speck-flash.nor: 6144 bytes at 0xf000 end past the flash's 0x10000"),
    "pages that do not divide": (["flash-install", "v1.spk", "--page-bytes", "3000"], "--page-bytes: 65536 bytes are not whole pages of 3000"),
    "a size that is no whole page": (["flash-install", "v1.spk", "--size-kb", "3"], "--size-kb: 3072 bytes are not whole pages of 4096"),
    "a base that is cut short": (["delta", "short.spk", "v2.spk", "x", "--key", "firmware.key"], "short.spk: is truncated: 1000 of 6144 bytes"),
    "a target that no device would start": (["delta", "v1.spk", "altered.spk", "x", "--key", "firmware.key"], "target: refused, crc (9)"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.usefixtures("packages")
def test_wrong_input_is_one_clear_error(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line that names what is wrong, and nothing written."""
    code, _, err = speck(capsys, *arguments)

    assert code == ExitCode.BAD_INPUT
    assert message in err
    assert len(err.splitlines()) == 1
    assert not Path("x").exists()
    assert not Path("speck-flash.nor").exists()


def test_what_does_not_verify_is_not_installed(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged package, or one of a key that is not trusted: exit code 1, the reason, and no flash; patches are packages, too."""
    speck(capsys, "keygen", "--output", "other.key", "--public-key", "other.pub")
    damaged = speck(capsys, "flash-install", "altered.spk")
    foreign = speck(capsys, "flash-install", "update.spk", "--public-key", "other.pub")

    assert (damaged[0], foreign[0]) == (ExitCode.VIOLATION, ExitCode.VIOLATION)
    assert "altered.spk: refused, crc (9)" in damaged[1]
    assert "update.spk: refused, key (10)" in foreign[1]
    assert not (packages / "speck-flash.nor").exists()
    assert speck(capsys, "flash-install", "update.spk", "--public-key", "firmware.pub")[0] == ExitCode.HOLDS


def test_a_patch_says_who_signed_it(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bare, a patch between packages is for no device, and says so."""
    signed = speck(capsys, "delta", "v1.spk", "v2.spk", "again.spk", "--key", "firmware.key")[1]
    bare = speck(capsys, "delta", "v1.spk", "v2.spk", "bare.patch")[1]

    assert read_public_key(packages / "firmware.pub").fingerprint in signed
    assert "nobody" in bare


@pytest.mark.usefixtures("packages")
def test_a_page_that_wears_out_first_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Installed again and again in one place, the flash advises to rotate, on the screen and in JSON."""
    for _ in range(3):
        for version in (1, 2):
            speck(capsys, "flash-install", f"v{version}.spk", "--page-bytes", "0x100")
    advice = json.loads(speck(capsys, "flash-stats", "--json")[1])["advice"]

    assert len(advice) == 1
    assert "rotate what is written there" in advice[0]
    assert advice[0] in " ".join(speck(capsys, "flash-stats")[1].split())


def test_examples_name_the_command_that_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help ends with an example of itself."""
    for name in speck_group.commands:
        shown = " ".join(speck(capsys, name, "--help")[1].split())
        assert f"Example: harness speck {name} " in shown


DUMPS = {
    "begins past the end": (["--start", "0x10000"], "--start: 0x10000 lies past"),
    "ends past the end": (["--start", "0xFFF8"], "--len: 256 bytes from 0xfff8"),
}


@pytest.mark.parametrize("name", DUMPS)
@pytest.mark.usefixtures("packages")
def test_a_dump_stays_inside_the_flash(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the option that is to be changed."""
    speck(capsys, "flash-install", "v1.spk")
    arguments, message = DUMPS[name]
    code, _, err = speck(capsys, "flash-dump", *arguments)

    assert code == ExitCode.BAD_INPUT
    assert message in err


@pytest.mark.usefixtures("packages")
def test_a_flash_keeps_its_geometry(capsys: pytest.CaptureFixture[str]) -> None:
    """A size given for a flash that exists must be its own."""
    speck(capsys, "flash-install", "v1.spk")
    code, _, err = speck(capsys, "flash-install", "v1.spk", "--size-kb", "128")

    assert code == ExitCode.BAD_INPUT
    assert "has 64, not 128" in err
