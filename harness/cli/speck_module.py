"""`harness speck module`: a signed module from an ELF file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.build.module_elf import read_module_elf
from harness.cli.image import Unsigned
from harness.errors import InputError
from harness.image import keys
from harness.image.module import sign_module
from harness.output_file import write_output

_FILE = click.Path(path_type=Path)


@click.command("module", epilog="Example: harness speck module readings.elf readings.spk --key firmware.key --version 2")
@click.argument("elf", type=_FILE)
@click.argument("output", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="Private key file.")
@click.option("--version", type=Unsigned(48), required=True, help="Monotonic version of the module; loaders refuse lower ones.")
@click.option("--hardware-revision", type=Unsigned(32), default="0", show_default=True, help="Board revision; 0 for any.")
@click.option("--oldest-host", type=Unsigned(64), default="0", show_default=True, help="Least version of the application that may load it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def module_command(elf: Path, output: Path, key: Path, version: int, hardware_revision: int, oldest_host: int, as_json: bool) -> None:
    """Sign the position-independent program ELF as the module OUTPUT, to be loaded into RAM by an application.

    Compile it with -fPIC -fvisibility=hidden, link it with -nostdlib -pie and its entry's name; firmware/module/ has the linker script, and host.h.
    """
    for name, source in (("--key", key), ("ELF", elf)):
        if output.resolve() == source.resolve():
            raise InputError(f"it is the same file as {name}, which would be lost", source="OUTPUT", remedy="Name another file.")
    module = read_module_elf(elf, oldest_host=oldest_host)
    image = sign_module(module, key=keys.read_private_key(key), version=version, hardware_revision=hardware_revision, source=str(elf))
    write_output(output, image)
    if as_json:
        fields = {"bytes": len(image), "memory_bytes": module.memory_bytes, "entry_offset": module.entry, "relocations": len(module.relocations)}
        click.echo(json.dumps(fields))
        return
    click.echo(
        f"{output}: version {version}, {len(image)} bytes; takes {module.memory_bytes} bytes of RAM, "
        f"{len(module.relocations)} relocations, entry at {module.entry:#x}"
    )
