"""`harness certificate`: try a search's certificate again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.campaign.certificate import read_certificate, verify_certificate
from harness.cli.options import prepare_with_progress, progress_console, result_console
from harness.errors import ExitCode
from harness.scenario.prepare import PrepareOptions


@click.group("certificate")
def certificate_group() -> None:
    """What `harness sweep --certificate` wrote."""


@certificate_group.command("verify", epilog="Example: harness certificate verify closure.json --sample 20")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--sample", type=click.IntRange(min=1), default=10, show_default=True, help="How many states to make again, each with one cut more.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Draws the sample.")
@click.option("--json", "as_json", is_flag=True, help="Print one object on standard output.")
def verify_command(file: Path, sample: int, seed: int, as_json: bool) -> int:
    """Make a sample of the certified states of FILE again, by their cuts, and boot what one more cut leaves.

    Each must behave as certified, and each cut must lead to a state that the certificate knows. Another build is refused.
    """
    certificate = read_certificate(file)
    build = PrepareOptions.from_pairs(certificate.build.options.items(), source=str(file))
    scenario = prepare_with_progress(certificate.build.scenario, build)
    checks = []
    with progress_console().status("") as status:
        for number, check in enumerate(verify_certificate(certificate, scenario, sample, seed), 1):
            checks.append(check)
            status.update(f"{number} of {min(sample, len(certificate.states))} states: {check.case} after {check.faults.count('/') + bool(check.faults)} cuts")
    different = [check for check in checks if check.difference]
    if as_json:
        found = [{"case": check.case, "faults": check.faults, "cut": check.cut, "difference": check.difference} for check in different]
        click.echo(json.dumps({"certificate": str(file), "holds": certificate.holds, "checked": len(checks), "different": found}))
    else:
        console = result_console()
        for check in different:
            console.print(f"[red]differs[/red] {check.case}:{check.faults or 'clean'}, cut {check.cut or 'none'}: {check.difference}", highlight=False)
        claim = "no violation" if certificate.holds else "violations" if certificate.counts.violations else "an unfinished search"
        console.print(f"{len(checks)} of {len(certificate.states)} states and a cut of each made again, {len(different)} differ; certified: {claim}")
    return ExitCode.VIOLATION if different else ExitCode.HOLDS
