"""`harness image`: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.cli.image import image_group
from harness.errors import HarnessError
from harness.image import keys
from tests.image.samples import FOREIGN_KEY, KEY, make_altered, make_code, make_image

SIGN = ("sign", "app.bin", "app.spk", "--key", "a.key", "--version", "7")
VERIFY = ("verify", "good.spk", "--public-key", "a.pub")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with an application, keys and images."""
    monkeypatch.chdir(tmp_path)
    Path("app.bin").write_bytes(make_code())
    Path("empty.bin").write_bytes(b"")
    Path("short.bin").write_bytes(bytes(100))
    keys.write_private_key(Path("a.key"), KEY)
    keys.write_public_key(Path("a.pub"), KEY.public_key)
    keys.write_public_key(Path("foreign.pub"), FOREIGN_KEY.public_key)
    Path("p256.key").write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    Path("good.spk").write_bytes(make_image())
    Path("cut.spk").write_bytes(make_image()[:-1])
    Path("stub.spk").write_bytes(make_image()[:143])
    Path("altered.spk").write_bytes(make_altered(version=8))
    Path("other.spk").write_bytes(b"\x7fELF" + make_image()[4:])
    return tmp_path


def run_image(*arguments: str) -> tuple[int, str]:
    """Run `harness image` and return its exit code, as the harness command would give it, and all that it printed."""
    result = CliRunner().invoke(image_group, arguments)
    if isinstance(result.exception, HarnessError):
        return result.exception.exit_code, result.output + str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_from_key_to_verified_image() -> None:
    """keygen, sign, verify and show work together."""
    assert run_image("keygen", "--output", "new.key", "--public-key", "new.pub")[0] == 0
    code, output = run_image("sign", "app.bin", "new.spk", "--key", "new.key", "--version", "7", "--hardware-revision", "3")
    assert (code, output) == (0, "new.spk: version 7, 512 bytes of code, 656 bytes in all\n")
    code, output = run_image("verify", "new.spk", "--public-key", "new.pub", "--hardware-revision", "3", "--minimum-version", "7")
    assert (code, output) == (0, "new.spk: authentic, version 7, 512 bytes of code\n")
    code, output = run_image("show", "new.spk", "--json")
    assert code == 0
    assert json.loads(output)["version"] == 7


def test_signing_gives_the_librarys_bytes() -> None:
    """The command adds nothing of its own."""
    assert run_image(*SIGN, "--hardware-revision", "3")[0] == 0

    assert Path("app.spk").read_bytes() == make_image()


def test_keygen_protects_and_hides_the_private_key() -> None:
    """The private key has mode 0600 and none of it is printed."""
    code, output = run_image("keygen", "--output", "new.key", "--public-key", "new.pub")

    assert code == 0
    assert stat.S_IMODE(Path("new.key").stat().st_mode) == 0o600
    secret = Path("new.key").read_text(encoding="ascii").splitlines()[1]
    assert secret not in output
    assert keys.read_public_key(Path("new.pub")) == keys.read_private_key(Path("new.key")).public_key


KEYGEN_REFUSED = {
    "the private key's file exists": (("--output", "a.key", "--public-key", "new.pub"), "a.key: exists already"),
    "the public key's file exists": (("--output", "new.key", "--public-key", "a.pub"), "a.pub: exists already"),
    "both keys in one file": (("--output", "new.key", "--public-key", "new.key"), "named for both keys"),
    "a folder that is not there": (("--output", "none/new.key", "--public-key", "new.pub"), "none/new.key: cannot be written"),
    "no folder for the public key": (("--output", "new.key", "--public-key", "none/new.pub"), "none/new.pub: cannot be written"),
}


@pytest.mark.parametrize("case", KEYGEN_REFUSED)
def test_keygen_leaves_no_half_pair_and_nothing_overwritten(case: str) -> None:
    """A refused keygen changes no file and leaves none."""
    before = {path: path.read_bytes() for path in Path().iterdir()}
    arguments, message = KEYGEN_REFUSED[case]

    code, output = run_image("keygen", *arguments)

    assert code == 2
    assert message in output
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_keygen_replaces_when_forced() -> None:
    """With --force both files are new."""
    assert run_image("keygen", "--force", "--output", "a.key", "--public-key", "a.pub")[0] == 0

    assert keys.read_public_key(Path("a.pub")) == keys.read_private_key(Path("a.key")).public_key != KEY.public_key


BAD_INPUT = {
    "an application that is not there": (("sign", "none.bin", *SIGN[2:]), "none.bin: cannot be read"),
    "an application without bytes": (("sign", "empty.bin", *SIGN[2:]), "empty.bin: the application has no bytes"),
    "an application too short for its vector table": (("sign", "short.bin", *SIGN[2:]), "short.bin: entry offset"),
    "a folder as application": (("sign", ".", *SIGN[2:]), "cannot be read"),
    "a missing key": (("sign", "app.bin", "app.spk", "--key", "none.key", "--version", "7"), "none.key: cannot be read"),
    "a public key to sign with": (("sign", "app.bin", "app.spk", "--key", "a.pub", "--version", "7"), "is a public key"),
    "a key of another type": (("sign", "app.bin", "app.spk", "--key", "p256.key", "--version", "7"), "another type"),
    "no version": (SIGN[:-2], "--version"),
    "a negative version": ((*SIGN[:-1], "-1"), "out of range"),
    "a version of 65 bits": ((*SIGN[:-1], str(2**64)), "out of range"),
    "a version that is no number": ((*SIGN[:-1], "two"), "not a whole number"),
    "an entry offset off its boundary": ((*SIGN, "--entry-offset", "0x174"), "512-byte boundary"),
    "a hardware revision of 33 bits": ((*SIGN, "--hardware-revision", str(2**32)), "out of range"),
    "an output in no folder": (("sign", "app.bin", "none/app.spk", *SIGN[3:]), "none/app.spk: cannot be written"),
    "an image that is not there": (("verify", "none.spk", *VERIFY[2:]), "none.spk: cannot be read"),
    "an image cut in its code": (("verify", "cut.spk", *VERIFY[2:]), "cut.spk: is truncated: 655 of 656 bytes"),
    "an image cut in its header": (("verify", "stub.spk", *VERIFY[2:]), "stub.spk: is truncated"),
    "a private key to verify with": (("verify", "good.spk", "--public-key", "a.key"), "is a private key"),
    "an image as public key": (("verify", "good.spk", "--public-key", "good.spk"), "is not a public key"),
    "a truncated image to show": (("show", "cut.spk"), "is truncated"),
    "something else to show": (("show", "other.spk"), "is not an .spk image"),
    "an application to show": (("show", "short.bin"), "short.bin: magic: is not an .spk image"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_has_exit_code_2(case: str) -> None:
    """Each bad input is told in words, and no output file appears."""
    arguments, message = BAD_INPUT[case]

    code, output = run_image(*arguments)

    assert code == 2
    assert message in output
    assert not Path("app.spk").exists()


REFUSED = {
    "something else of the same size": (("verify", "other.spk", *VERIFY[2:]), "refused, magic (1)"),
    "another hardware revision": ((*VERIFY, "--hardware-revision", "4"), "refused, hardware (7)"),
    "a version below the least": ((*VERIFY, "--minimum-version", "8"), "refused, version (8)"),
    "a key that is not trusted": (("verify", "good.spk", "--public-key", "foreign.pub"), "refused, key (10)"),
    "a version raised after signing": (("verify", "altered.spk", *VERIFY[2:]), "refused, signature (11)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_image_has_exit_code_1(case: str) -> None:
    """The bootloader's reason is printed by name and number."""
    arguments, message = REFUSED[case]

    code, output = run_image(*arguments)

    assert code == 1
    assert message in output


def test_verify_says_what_it_did_not_check() -> None:
    """Without a board's revision the image's lock is not judged, and the user is told."""
    assert run_image(*VERIFY) == (0, "good.spk: authentic, version 7, 512 bytes of code; hardware revision not checked\n")


def test_show_prints_a_table() -> None:
    """One line a field, numbers as one writes them."""
    code, output = run_image("show", "good.spk")

    assert code == 0
    lines = dict(line.split("  ", 1) for line in output.splitlines())
    assert lines["entry offset"].strip() == "0x170"
    assert lines["version"].strip() == "7"
    assert lines["code crc32 matches"].strip() == "yes"


def test_an_application_without_vector_table_is_signed_with_a_warning() -> None:
    """The image is made, since its format allows it, and the user learns that no bootloader will start it."""
    Path("app.bin").write_bytes(b"\xff" * 512)

    code, output = run_image(*SIGN)

    assert code == 0
    assert "warning: app.bin holds no vector table at 0x170" in output


@pytest.mark.parametrize("command", ["keygen", "sign", "verify", "show"])
def test_help_has_an_example(command: str) -> None:
    """Each command's help shows how it is called."""
    code, output = run_image(command, "--help")

    assert code == 0
    assert f"Example: harness image {command}" in " ".join(output.split())
