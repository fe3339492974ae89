"""`harness image`: keys and `.spk` images at the command line."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import click

from harness.errors import ExitCode, InputError
from harness.image import keys, spk
from harness.image.refusal import ImageRefused
from harness.image.verify import verify_image
from harness.output_file import write_output

_FILE = click.Path(path_type=Path)


class Unsigned(click.ParamType[int]):
    """A whole number in decimal or with a prefix such as 0x, from `least` to what `bits` hold."""

    name = "number"

    def __init__(self, bits: int, *, least: int = 0) -> None:
        self._end = 2**bits
        self._least = least

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        text = str(value)
        try:
            number = int(text, 0)
        except ValueError:
            self.fail(f"{text!r} is not a whole number such as 368 or 0x170.", param, ctx)
        if not self._least <= number < self._end:
            self.fail(f"{text} is out of range: it must be from {self._least} to {self._end - 1}.", param, ctx)
        return number


@click.group("image")
def image_group() -> None:
    """Make keys; sign, verify and show .spk images."""


@image_group.command("keygen", epilog="Example: harness image keygen --output firmware.key --public-key firmware.pub")
@click.option("--output", type=_FILE, required=True, help="File for the private key (PKCS #8 PEM, mode 0600).")
@click.option("--public-key", type=_FILE, required=True, help="File for the public key (PEM).")
@click.option("--force", is_flag=True, help="Replace files that exist.")
def keygen_command(output: Path, public_key: Path, force: bool) -> None:
    """Make an Ed25519 key pair."""
    if output.resolve() == public_key.resolve():
        raise InputError("is named for both keys", source=str(output), remedy="Give two different files.")
    if not force and public_key.exists():
        # Known before the private key is written, so that no half of a pair is left behind.
        raise InputError("exists already", source=str(public_key), remedy="Choose another name, or give --force.")
    key = keys.PrivateKey.generate()
    keys.write_private_key(output, key, overwrite=force)
    try:
        keys.write_public_key(public_key, key.public_key, overwrite=force)
    except InputError:
        if not force:
            output.unlink(missing_ok=True)
        raise
    click.echo(f"{output}: private key; keep it secret\n{public_key}: public key {key.public_key.fingerprint}")


@image_group.command("sign", epilog="Example: harness image sign firmware.bin firmware.spk --key firmware.key --version 2")
@click.argument("application", type=_FILE)
@click.argument("output", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="Private key file.")
@click.option("--version", type=Unsigned(64), required=True, help="Monotonic version; devices refuse lower ones.")
@click.option("--entry-offset", type=Unsigned(32), default="0x170", show_default=True, help="Offset of the vector table in APPLICATION.")
@click.option("--hardware-revision", type=Unsigned(32), default="0", show_default=True, help="Board revision; 0 for any.")
def sign_command(application: Path, output: Path, key: Path, version: int, entry_offset: int, hardware_revision: int) -> None:
    """Sign the binary APPLICATION as the .spk image OUTPUT."""
    for name, source in (("--key", key), ("APPLICATION", application)):
        if output.resolve() == source.resolve():
            raise InputError(f"it is the same file as {name}, which would be lost", source="OUTPUT", remedy="Name another file.")
    code = read_file(application)
    _check_binary(code, str(application))
    image = spk.sign_image(
        code,
        key=keys.read_private_key(key),
        version=version,
        entry_offset=entry_offset,
        hardware_revision=hardware_revision,
        source=str(application),
    )
    stack, reset = struct.unpack_from("<II", code, entry_offset)
    if stack % 8 or not reset & 1:
        click.echo(
            f"warning: {application} holds no vector table at {entry_offset:#x} (stack {stack:#010x}, reset {reset:#010x}): "
            "a bootloader will refuse to start it",
            err=True,
        )
    write_output(output, image)
    click.echo(f"{output}: version {version}, {len(code)} bytes of code, {len(image)} bytes in all")


def _check_binary(code: bytes, source: str) -> None:
    """Refuse what is no plain binary: signed, it would be accepted by a verifier and start nowhere."""
    if code.startswith(b"\x7fELF"):
        raise InputError("is an ELF file", source=source, remedy="Give the plain binary of it, as objcopy -O binary makes it.")
    if code.startswith(spk.MAGIC):
        raise InputError("is an .spk image already", source=source, remedy="Give the plain binary that it was made of.")


@image_group.command("verify", epilog="Example: harness image verify firmware.spk --public-key firmware.pub --minimum-version 2")
@click.argument("image", type=_FILE)
@click.option("--public-key", type=_FILE, required=True, help="The trusted key: PEM, or 32 raw bytes.")
@click.option("--hardware-revision", type=Unsigned(32), default=None, help="The board's revision; not checked by default.")
@click.option("--minimum-version", type=Unsigned(64), default="0", show_default=True, help="Least version that is accepted.")
def verify_command(image: Path, public_key: Path, hardware_revision: int | None, minimum_version: int) -> None:
    """Check IMAGE as the bootloader does, short of where it will run. Exit code 1: refused."""
    trusted = keys.read_public_key(public_key)
    data = read_file(image)
    header = spk.check_complete(data, str(image))
    try:
        verify_image(data, trusted, hardware_revision=hardware_revision, minimum_version=minimum_version)
    except ImageRefused as refused:
        click.echo(f"{image}: {refused}")
        click.get_current_context().exit(ExitCode.VIOLATION)
    unchecked = "" if hardware_revision is not None else "; hardware revision not checked"
    click.echo(f"{image}: authentic, version {header.version}, {header.code_bytes} bytes of code{unchecked}")


@image_group.command("show", epilog="Example: harness image show firmware.spk --json")
@click.argument("image", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_command(image: Path, as_json: bool) -> None:
    """Print what the header of IMAGE says. Nothing is verified."""
    fields = spk.show(spk.parse_image(read_file(image), str(image)))
    if as_json:
        click.echo(json.dumps(fields, indent=2))
        return
    width = max(map(len, fields)) + 2
    for name, value in fields.items():
        click.echo(f"{name.replace('_', ' '):{width}}{_text(name, value)}")


def _text(name: str, value: str | int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:#x}" if name in ("entry_offset", "flags", "code_crc32") else str(value)


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        InputError: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=str(path), remedy="Give the path of a readable file.") from error
