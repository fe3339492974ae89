"""`harness speck`: the Speck package manager's commands, by the names that its users know."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import click
from rich.progress import Progress
from rich.table import Table

from harness.cli.image import Unsigned, keygen_command, read_file, sign_command
from harness.cli.options import progress_console, result_console
from harness.cli.speck_flash import dump_command, install_command, stats_command
from harness.cli.speck_module import module_command
from harness.errors import ExitCode, InputError
from harness.image import keys, spk
from harness.image.delta.apply import apply_patch
from harness.image.delta.payload import Coding
from harness.image.delta.planner import Plan, plan_patch
from harness.image.keys import PublicKey
from harness.image.package import package_name, verify_package
from harness.image.patch import new_key_of, sign_patch, verify_patch
from harness.image.refusal import ImageRefused
from harness.image.spk import MAGIC
from harness.output_file import write_output

_FILE = click.Path(path_type=Path)
_CODINGS = {"auto": None, "raw": Coding.RAW, "heatshrink": Coding.HEATSHRINK}


@click.group("speck", epilog="Example: harness speck delta firmware_v1.spk firmware_v2.spk update.spk --key firmware.key")
def speck_group() -> None:
    """Sign, patch and install .spk packages; no emulator runs."""


def _renamed(command: click.Command) -> click.Command:
    """Return a command of `harness image` whose example has this group's name."""
    renamed = copy.copy(command)
    renamed.epilog = (command.epilog or "").replace("harness image", "harness speck")
    return renamed


for _command in (_renamed(keygen_command), _renamed(sign_command), module_command, install_command, stats_command, dump_command):
    speck_group.add_command(_command)


@speck_group.command("verify", epilog="Example: harness speck verify signed.spk --public-key firmware.pub")
@click.argument("package", type=_FILE)
@click.option("--public-key", type=_FILE, default=None, help="The trusted key. Without it, the package's own is believed, which proves integrity only.")
@click.option("--hardware-revision", type=Unsigned(32), default=None, help="The board's revision; not checked by default.")
@click.option("--minimum-version", type=Unsigned(64), default="0", show_default=True, help="Least version that is accepted.")
def verify_command(package: Path, public_key: Path | None, hardware_revision: int | None, minimum_version: int) -> None:
    """Check the signature of PACKAGE, an image, a patch or a module. Exit code 1: refused."""
    data = read_file(package)
    header = spk.check_complete(data, str(package))
    trusted = keys.read_public_key(public_key) if public_key else PublicKey(header.public_key)
    try:
        verify_package(data, trusted, hardware_revision=hardware_revision, minimum_version=minimum_version)
    except ImageRefused as refused:
        click.echo(f"{package}: {refused}")
        click.get_current_context().exit(ExitCode.VIOLATION)
    whose = "authentic" if public_key else f"intact, signed by {trusted.fingerprint}; give --public-key to know whether that key is trusted"
    click.echo(f"{package}: {whose}; version {header.version}, {package_name(header)} of {header.code_bytes} bytes")
    _tell_new_key(data)


@speck_group.command("delta", epilog="Example: harness speck delta firmware_v1.spk firmware_v2.spk update.spk --key firmware.key --slot-bytes 4096")
@click.argument("base", type=_FILE)
@click.argument("target", type=_FILE)
@click.argument("output", type=_FILE)
@click.option("--key", type=_FILE, default=None, help="Signs the patch; BASE and TARGET must be .spk images then. Without it, the patch is bare.")
@click.option("--rotate-to", type=_FILE, default=None, help="Public key that the device is to trust from then on, in place of --key's; it signed TARGET.")
@click.option("--page-bytes", type=Unsigned(16, least=16), default="1024", show_default=True, help="The device's erase unit.")
@click.option("--slot-bytes", type=Unsigned(32, least=1), default=None, help="Refuse a patch that does not fit in this.")
@click.option("--region-bytes", type=Unsigned(32, least=1), default=None, help="Refuse a TARGET that does not fit in this: the application region.")
@click.option("--coding", type=click.Choice([*_CODINGS]), default="auto", show_default=True, help="auto: whichever is smaller.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def delta_command(
    base: Path,
    target: Path,
    output: Path,
    key: Path | None,
    rotate_to: Path | None,
    page_bytes: int,
    slot_bytes: int | None,
    region_bytes: int | None,
    coding: str,
    as_json: bool,
) -> None:
    """Make the patch OUTPUT that turns BASE into TARGET, in place, page by page."""
    named = {"BASE": base, "TARGET": target, "--key": key, "--rotate-to": rotate_to}
    _refuse_overwriting(output, {name: path for name, path in named.items() if path})
    if rotate_to and not key:
        raise InputError("a new key is trusted only if the old one signs for it", source="--rotate-to", remedy="Give the old private key with --key.")
    old, new = read_file(base), read_file(target)
    for path, image in ((base, old), (target, new)):
        if not image:
            raise InputError("has no bytes", source=str(path), remedy="Give an image that holds something.")
        if key:
            spk.parse_image(image, str(path))
    if region_bytes is not None and len(new) > region_bytes:
        raise InputError(f"has {len(new)} bytes, the application region {region_bytes}", source=str(target), remedy="Make the application smaller.")
    private = keys.read_private_key(key) if key else None
    new_key = keys.read_public_key(rotate_to) if rotate_to else None
    console = progress_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("pages", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        if private:
            signed = sign_patch(
                old,
                new,
                key=private,
                page_bytes=page_bytes,
                slot_bytes=slot_bytes,
                coding=_CODINGS[coding],
                new_key=new_key,
                progress=show,
                source=str(output),
            )
            data, plan = signed.image, signed.plan
        else:
            plan = plan_patch(old, new, page_bytes=page_bytes, coding=_CODINGS[coding], progress=show)
            data = plan.payload
    if slot_bytes is not None and len(data) > slot_bytes:
        raise InputError(f"the patch has {len(data)} bytes, the slot {slot_bytes}", source=str(output), field="size", remedy="Send a smaller change.")
    write_output(output, data)
    _tell_plan(output, data, new, plan, new_key, as_json)


@speck_group.command("apply", epilog="Example: harness speck apply firmware_v1.spk update.spk firmware_v2_new.spk --public-key firmware.pub")
@click.argument("base", type=_FILE)
@click.argument("patch", type=_FILE)
@click.argument("output", type=_FILE)
@click.option("--public-key", type=_FILE, default=None, help="The trusted key of a signed patch.")
def apply_command(base: Path, patch: Path, output: Path, public_key: Path | None) -> None:
    """Apply PATCH to BASE and write the result to OUTPUT. Exit code 1: refused, and nothing is written."""
    _refuse_overwriting(output, {"BASE": base, "PATCH": patch})
    old, data = read_file(base), read_file(patch)
    signed = data.startswith(MAGIC)
    if public_key and not signed:
        raise InputError("is a bare patch, without a signature", source=str(patch), field="--public-key", remedy="Leave the option out, or sign the patch.")
    try:
        if signed:
            header = spk.check_complete(data, str(patch))
            trusted = keys.read_public_key(public_key) if public_key else PublicKey(header.public_key)
            made = verify_patch(data, trusted, old, hardware_revision=None)
        else:
            made = apply_patch(old, data)
    except ImageRefused as refused:
        click.echo(f"{patch}: {refused}")
        click.get_current_context().exit(ExitCode.VIOLATION)
    write_output(output, made)
    trust = "" if public_key else "; the signer was not checked" if signed else "; the patch is bare, nobody signed it"
    click.echo(f"{output}: {len(made)} bytes, digest as the patch says{trust}")
    if signed:
        _tell_new_key(data)


def _refuse_overwriting(output: Path, inputs: dict[str, Path]) -> None:
    for name, source in inputs.items():
        if output.resolve() == source.resolve():
            raise InputError(f"it is the same file as {name}, which would be lost", source="OUTPUT", remedy="Name another file.")


def _tell_new_key(package: bytes) -> None:
    """Say what a verified patch does to the trust of the device."""
    new_key = new_key_of(package)
    if new_key is not None:
        click.echo(f"new key: {new_key.fingerprint}; a device that installs it trusts that one from then on, and {_signer(package).fingerprint} no longer")


def _signer(package: bytes) -> PublicKey:
    return PublicKey(spk.SpkHeader.from_bytes(package).public_key)


def _tell_plan(output: Path, data: bytes, target: bytes, plan: Plan, new_key: PublicKey | None, as_json: bool) -> None:
    reduction = 100 - 100 * len(data) / len(target)
    signer = _signer(data).fingerprint if data.startswith(MAGIC) else None
    if as_json:
        fields = {
            "patch_bytes": len(data),
            "target_bytes": len(target),
            "reduction_percent": round(reduction, 2),
            "pages": [step.page for step in plan.steps],
            "copied_bytes": plan.copied_bytes,
            "inserted_bytes": plan.inserted_bytes,
            "coding": plan.coding.name.lower(),
            "signed_by": signer,
            "new_key": None if new_key is None else new_key.fingerprint,
        }
        click.echo(json.dumps(fields))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("patch", f"{len(data)} bytes for a target of {len(target)}: {reduction:.1f} % less to send")
    table.add_row("pages rebuilt", f"{len(plan.steps)}, in the order {' '.join(str(step.page) for step in plan.steps) or '-'}")
    table.add_row("copied, inserted", f"{plan.copied_bytes} and {plan.inserted_bytes} bytes of those pages; coding {plan.coding.name.lower()}")
    table.add_row("signed by", signer or "nobody: a device takes what --key signed")
    if new_key is not None:
        table.add_row("new key", f"{new_key.fingerprint}, in place of {signer}")
    click.echo(str(output))
    result_console().print(table)
