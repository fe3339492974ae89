"""`harness certificate`: try a certificate again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from harness.campaign.certificate import AnyCertificate, Certificate, read_certificate, verify_certificate
from harness.campaign.check import Check
from harness.campaign.debug_certificate import DebuggerCertificate, verify_debugger_certificate
from harness.campaign.sweep_certificate import SweepCertificate, verify_sweep_certificate
from harness.cli.options import prepare_with_progress, progress_console, result_console
from harness.errors import ExitCode
from harness.scenario.prepare import PrepareOptions
from harness.scenario.prepared import PreparedScenario

_CHANGED = "the file was changed after it was written: its digest is another one"


@click.group("certificate")
def certificate_group() -> None:
    """What `harness sweep --certificate` wrote."""


@certificate_group.command("verify", epilog="Example: harness certificate verify closure.json --sample 20")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--sample", type=click.IntRange(min=1), default=10, show_default=True, help="How many states, faults of a sweep, or sequences, to make again.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Draws the sample.")
@click.option("--json", "as_json", is_flag=True, help="Print one object on standard output.")
def verify_command(file: Path, sample: int, seed: int, as_json: bool) -> int:
    """Make a sample of what FILE certifies again.

    Of a search: states, by their cuts, and what one more cut of each leaves; each must behave as certified, and each cut must lead to a state
    that the certificate knows. Of a plain sweep: faults, made by stopping the machine, with what each leaves and what comes of it. Of sampled
    sequences: the same, and each must be the one that the seed draws. Another build is refused.
    """
    certificate = read_certificate(file)
    build = PrepareOptions.from_pairs(certificate.build.options.items(), source=str(file))
    scenario = prepare_with_progress(certificate.build.scenario, build)
    what, listed = _listed(certificate)
    checks = []
    with progress_console().status("") as status:
        for number, check in enumerate(_checks(certificate, scenario, sample, seed), 1):
            checks.append(check)
            status.update(f"{number} of {min(sample, listed)}: {check.case} {check.faults or check.cut}"[:100])
    different = [check for check in checks if check.difference]
    changed = not certificate.is_unchanged
    if as_json:
        found = [{"case": check.case, "faults": check.faults, "cut": check.cut, "difference": check.difference} for check in different]
        summary = {"certificate": str(file), "holds": certificate.holds, "checked": len(checks), "changed": changed, "different": found}
        click.echo(json.dumps(summary))
    else:
        _print(certificate, f"{listed} {what}", checks, different, changed=changed)
    return ExitCode.VIOLATION if different or changed else ExitCode.HOLDS


def _listed(certificate: AnyCertificate) -> tuple[str, int]:
    """Return what a sample is drawn from, in words, and how many there are."""
    if isinstance(certificate, Certificate):
        return "states and a cut of each", len(certificate.states)
    if isinstance(certificate, DebuggerCertificate):
        return "actions, with every cut,", len(certificate.actions)
    return "faults" if certificate.model.depth == 1 else "sequences of cuts", len(certificate.faults)


def _checks(certificate: AnyCertificate, scenario: PreparedScenario, sample: int, seed: int) -> Iterator[Check]:
    if isinstance(certificate, Certificate):
        return verify_certificate(certificate, scenario, sample, seed)
    if isinstance(certificate, DebuggerCertificate):
        return verify_debugger_certificate(certificate, scenario, sample, seed)
    return verify_sweep_certificate(certificate, scenario, sample, seed)


def _breaks(certificate: AnyCertificate) -> bool:
    if isinstance(certificate, DebuggerCertificate):
        return any(row.problems for row in certificate.actions)
    return certificate.counts.violations > 0


def _print(certificate: AnyCertificate, listed: str, checks: list[Check], different: list[Check], *, changed: bool) -> None:
    console = result_console()
    if changed:
        console.print(f"[red]differs[/red] {_CHANGED}", highlight=False)
    for check in different:
        console.print(f"[red]differs[/red] {check.case}:{check.faults or 'clean'}, cut {check.cut or 'none'}: {check.difference}", highlight=False)
    if different and isinstance(certificate, Certificate) and certificate.counts.told_apart:
        told = f"its search told {certificate.counts.told_apart} states apart from those that they were taken for"
        console.print(f"{told}: this firmware does not treat them alike, so what differs may do so where none was booted", highlight=False)
    holds = "no violation" if not isinstance(certificate, SweepCertificate) or certificate.whole else "no violation, in a part of the cuts"
    claim = holds if certificate.holds else "violations" if _breaks(certificate) else "an unfinished campaign"
    console.print(f"{len(checks)} of {listed} made again, {len(different)} differ; certified: {claim}")
