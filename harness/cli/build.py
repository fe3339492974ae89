"""`harness build`: the firmware of a scenario, as files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.options import scenario_options
from harness.output_file import write_files
from harness.scenario.prepared import PreparedScenario


@click.command("build", epilog="Example: harness build stm32f103/speck-full --output build")
@scenario_options
@click.option("--output", type=click.Path(path_type=Path), default=None, help="Copy ELF files and each case's flash image to this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def build_command(scenario: PreparedScenario, output: Path | None, as_json: bool) -> None:
    """Compile the bootloader and the applications of SCENARIO, sign the images, and lay out each case's flash."""
    files = _export(scenario, output) if output else []
    limit = scenario.regions["bootloader"].size_bytes
    if as_json:
        report = {
            "scenario": scenario.reference,
            "part": scenario.part,
            "fingerprint": scenario.fingerprint,
            "bootloader_bytes": scenario.bootloader_bytes,
            "bootloader_region_bytes": limit,
            "application_bytes": scenario.application_bytes,
            "files": [str(file) for file in files],
        }
        click.echo(json.dumps(report))
        return
    click.echo(f"{scenario.reference} on {scenario.device.name} {scenario.part}, fingerprint {scenario.fingerprint}")
    click.echo(f"  bootloader   {scenario.bootloader_bytes} of {limit} bytes")
    click.echo(f"  application  {scenario.application_bytes} bytes of code, {len(scenario.application_elves)} versions")
    for file in files:
        click.echo(f"  {file}")


def _export(scenario: PreparedScenario, folder: Path) -> list[Path]:
    files = {f"application-{version}.elf": Path(elf).read_bytes() for version, elf in scenario.application_elves.items()}
    if scenario.bootloader_elf:
        files["bootloader.elf"] = Path(scenario.bootloader_elf).read_bytes()
    files |= {f"{case.name}.flash.bin": case.state.flash for case in scenario.cases}
    return write_files(folder, files, source="--output")
