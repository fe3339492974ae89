"""`harness speck flash-*`: a NOR flash in a file, page-accurate, without an emulator."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.image import Unsigned, read_file
from harness.cli.options import result_console
from harness.device.nor import NorFlash
from harness.errors import ExitCode, InputError
from harness.image import keys, spk
from harness.image.keys import PublicKey
from harness.image.package import verify_package
from harness.image.refusal import ImageRefused
from harness.output_file import write_output
from harness.report.hex_dump import hex_dump
from harness.report.nor_view import nor_advice, print_nor_wear

_FILE = click.Path(path_type=Path)

flash_option = click.option("--flash", type=_FILE, default=Path("speck-flash.nor"), show_default=True, help="The flash's file.")


@click.command("flash-install", epilog="Example: harness speck flash-install firmware.spk --offset 0x1000 --size-kb 64")
@click.argument("package", type=_FILE)
@click.option("--offset", type=Unsigned(32), default="0", show_default=True, help="Where in the flash, in bytes.")
@click.option("--size-kb", type=click.IntRange(min=1, max=65536), default=None, help="Size of a new flash, in KiB; 64 by default.")
@click.option("--page-bytes", type=Unsigned(20, least=16), default=None, help="Erase unit of a new flash; 4096 by default.")
@click.option("--public-key", type=_FILE, default=None, help="The trusted key. Without it, the package's own is believed, which proves integrity only.")
@flash_option
def install_command(package: Path, offset: int, size_kb: int | None, page_bytes: int | None, public_key: Path | None, flash: Path) -> None:
    """Write PACKAGE into the flash, erasing just the pages that need it. Exit code 1: it does not verify, and nothing is written."""
    nor = _read_or_make(flash, size_kb, page_bytes)
    data = read_file(package)
    image = spk.parse_image(data, str(package))
    trusted = keys.read_public_key(public_key) if public_key else PublicKey(image.header.public_key)
    try:
        verify_package(data, trusted, hardware_revision=None)
    except ImageRefused as refused:
        click.echo(f"{package}: {refused}")
        click.get_current_context().exit(ExitCode.VIOLATION)
    erased = nor.install(offset, data, source=str(flash))
    write_output(flash, nor.to_bytes())
    last = (offset + len(data) - 1) // nor.page_bytes
    click.echo(f"{flash}: {len(data)} bytes at {offset:#x}, pages {offset // nor.page_bytes} to {last}; {erased} erased")


@click.command("flash-stats", epilog="Example: harness speck flash-stats --flash speck-flash.nor")
@flash_option
@click.option("--endurance", type=click.IntRange(min=1), default=10_000, show_default=True, help="Erases that a page survives.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats_command(flash: Path, endurance: int, as_json: bool) -> None:
    """Print how often each page was erased, and what that means for the flash's life."""
    nor = NorFlash.from_bytes(read_file(flash), str(flash))
    if as_json:
        fields = {"page_bytes": nor.page_bytes, "pages": nor.pages, "erases": nor.erase_counts, "advice": nor_advice(nor, endurance)}
        click.echo(json.dumps(fields))
    else:
        print_nor_wear(result_console(), nor, endurance)


@click.command("flash-dump", epilog="Example: harness speck flash-dump --start 0x1000 --len 256")
@flash_option
@click.option("--start", type=Unsigned(32), default="0", show_default=True, help="First byte.")
@click.option("--len", "length", type=Unsigned(32, least=1), default="256", show_default=True, help="How many bytes.")
def dump_command(flash: Path, start: int, length: int) -> None:
    """Print bytes of the flash in hexadecimal."""
    content = NorFlash.from_bytes(read_file(flash), str(flash)).content
    if start >= len(content):
        raise InputError(f"{start:#x} lies past the flash's {len(content):#x}", source=str(flash), field="--start", remedy="Begin earlier.")
    if start + length > len(content):
        raise InputError(f"{length} bytes from {start:#x} end past the flash's {len(content):#x}", source=str(flash), field="--len", remedy="Ask for fewer.")
    for line in hex_dump(content[start : start + length], start):
        click.echo(line)


def _read_or_make(flash: Path, size_kb: int | None, page_bytes: int | None) -> NorFlash:
    if flash.exists():
        nor = NorFlash.from_bytes(read_file(flash), str(flash))
        for option, wanted, held in (("--size-kb", size_kb, len(nor.content) // 1024), ("--page-bytes", page_bytes, nor.page_bytes)):
            if wanted is not None and wanted != held:
                raise InputError(f"has {held}, not {wanted}", source=str(flash), field=option, remedy="Leave the option out, or name another file.")
        return nor
    size_bytes, unit = (size_kb or 64) * 1024, page_bytes or 4096
    if size_bytes % unit:
        source = "--size-kb" if page_bytes is None else "--page-bytes"
        raise InputError(f"{size_bytes} bytes are not whole pages of {unit}", source=source, remedy="Give a size that is a multiple of --page-bytes.")
    return NorFlash.blank(size_bytes, unit)
