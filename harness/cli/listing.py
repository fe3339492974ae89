"""`harness devices` and `harness scenarios`."""

from __future__ import annotations

import json

import click

from harness.device import device_names, load_device
from harness.scenario.debugger import is_debugger_scenario, load_debugger_scenario
from harness.scenario.model import load_scenario, scenario_names


@click.command("devices", epilog="Example: harness devices --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def devices_command(as_json: bool) -> None:
    """List the devices and their parts."""
    devices = [load_device(name) for name in device_names()]
    if as_json:
        click.echo(json.dumps([{"name": device.name, "title": device.title, "parts": sorted(device.parts)} for device in devices]))
        return
    for device in devices:
        click.echo(f"{device.name}  {device.title}")
        for name, part in sorted(device.parts.items()):
            pages = part.flash_bytes.value // device.flash.page_bytes.value
            click.echo(
                f"  {name}: {part.flash_bytes.value // 1024} KiB flash in {pages} pages of {device.flash.page_bytes.value} bytes,"
                f" {part.ram_bytes.value // 1024} KiB RAM"
            )


@click.command("scenarios", epilog="Example: harness scenarios")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def scenarios_command(as_json: bool) -> None:
    """List the bundled scenarios and their cases."""
    debugged = {name: load_debugger_scenario(name) for name in scenario_names() if is_debugger_scenario(name)}
    scenarios = {name: load_scenario(name) for name in scenario_names() if name not in debugged}
    if as_json:
        listed: list[dict[str, object]] = [
            {"name": name, "title": scenario.title, "cases": [case.name for case in scenario.case]} for name, scenario in scenarios.items()
        ]
        listed += [{"name": name, "title": scenario.title, "kind": scenario.kind, "cases": []} for name, scenario in debugged.items()]
        click.echo(json.dumps(listed))
        return
    for name, scenario in scenarios.items():
        click.echo(f"{name}  {scenario.title}")
        for case in scenario.case:
            click.echo(f"  {case.name}: {case.title} (must end: {case.end.value})")
    for name, debugger in debugged.items():
        click.echo(f"{name}  {debugger.title}")
        click.echo(f"  a debugger's {len(debugger.action)} actions on {debugger.firmware}, case {debugger.case}")
