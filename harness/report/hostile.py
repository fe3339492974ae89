"""What a table of hostile images came to: for people, as one object, and as JUnit XML."""

from __future__ import annotations

import shlex
from collections import Counter
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.markup import escape

from harness.campaign.hostile import Answer, HostileResult, Manner
from harness.campaign.hostile_worker import ImageVerdict, answer_of
from harness.image.refusal import RefusalReason
from harness.oracle.verdict import replay_id_of

_MOST_SHOWN = 10
_BAD = (Answer.WRONG_REASON, Answer.ACCEPTED)


def hostile_summary(result: HostileResult) -> dict[str, object]:
    """Return the result as plain data.

    Returns:
        `images`, and how many of them were `refused`, refused for the `wrong_reason`, or `accepted`, at rest; `stopped`: applied, and never started,
        since nothing but the whole shows that the trusted key signed a patch which makes another image than it says; `controls_installed`, good images
        staged the same way; `at_cuts`, null where nothing was cut; `refusals`, all of them; `findings`, what was not refused as it should be;
        `interrupted`, whether some of it was not tried.
    """
    return {
        "scenario": result.scenario.reference,
        "part": result.scenario.part,
        "options": dict(result.scenario.options),
        "fingerprint": result.scenario.fingerprint,
        "engine": result.options.engine,
        "seed": result.options.seed,
        "images": len(result.images),
        **{answer.value: result.count(answer) for answer in (Answer.REFUSED, *_BAD)},
        "stopped": len(result.stopped),
        "reasons": dict(Counter(hostile.reason.name.lower() for hostile in result.table)),
        "controls_installed": result.controls_hold,
        "at_cuts": _at_cuts(result) if result.options.at_cuts else None,
        "refusals": result.count(Answer.REFUSED) + result.count_at_cuts(Answer.REFUSED) + result.count_at_cuts(Answer.RECOVERY),
        "findings": [*_findings_at_rest(result), *_findings_at_cuts(result)],
        "interrupted": result.interrupted,
        "seconds": round(result.seconds, 1),
    }


def _at_cuts(result: HostileResult) -> dict[str, object]:
    manners = {manner.value: {answer.value: result.count_attacks(answer, manner) for answer in Answer} for manner in Manner}
    return {
        "cuts_of_refusals": sum(len(image.at_cuts) for image in result.images),
        "cuts_of_the_update": result.possible,
        "sequences_of_cuts": result.cuts,
        "planned_sequences": result.planned,
        **{answer.value: result.count_at_cuts(answer) for answer in Answer},
        **manners,
        "rollbacks_refused": result.attacks.rollbacks if not result.attacks.findings else None,
    }


def _findings_at_rest(result: HostileResult) -> list[dict[str, object]]:
    return [
        {
            "image": image.name,
            "answer": image.answer.value,
            "message": _message(image),
            "replay_id": replay_id_of(result.scenario, image.verdict, result.options.seed, result.options.engine),
        }
        for image in result.images
        if image.answer in _BAD
    ]


def _findings_at_cuts(result: HostileResult) -> list[dict[str, object]]:
    own: list[dict[str, object]] = [
        {
            "image": image.name,
            "answer": answer_of(verdict).value,
            "message": verdict.violations[0].message,
            "replay_id": replay_id_of(result.scenario, verdict, result.options.seed, result.options.engine),
        }
        for image in result.images
        for verdict in image.at_cuts
        if verdict.violations
    ]
    attacks: list[dict[str, object]] = [
        {"image": found.image, "answer": found.answer.value, "message": f"{found.manner.value} the update cut at {found.faults}: {found.message}"}
        for found in result.attacks.findings
    ]
    return [*own, *attacks]


def _message(image: ImageVerdict) -> str:
    if image.verdict.violations:
        first, *others = image.verdict.violations
        return f"{first.rule}: {first.message}" + (f" (and {len(others)} more)" if others else "")
    return f"more changed than the record of the refusal; recorded is {image.recorded}"


def print_hostile(console: Console, result: HostileResult) -> None:
    """Print what was not refused as it should be, and the counts."""
    summary = hostile_summary(result)
    findings = [*_findings_at_rest(result), *_findings_at_cuts(result)]
    for finding in findings[:_MOST_SHOWN]:
        console.print(f"[red]{finding['answer']}[/red] {escape(str(finding['image']))}: {escape(str(finding['message']))}", highlight=False)
        if "replay_id" in finding:
            console.print(f"    harness replay {shlex.quote(str(finding['replay_id']))}", highlight=False, markup=False)
    if len(findings) > _MOST_SHOWN:
        console.print(f"... and {len(findings) - _MOST_SHOWN} more; --json has them all", highlight=False)
    scenario = result.scenario
    console.print(f"[bold]{scenario.reference} on {scenario.device.name} {scenario.part}: hostile images[/bold]", highlight=False)
    counts = f"{summary['refused']} refused for their own reason, {summary['wrong_reason']} for another, {summary['accepted']} accepted"
    console.print(f"at rest       {summary['images']} images: {counts}", highlight=False)
    reasons = Counter(hostile.reason for hostile in result.table)
    told = ", ".join(f"{reasons[reason]} {reason.name.lower()}" for reason in RefusalReason if reasons[reason])
    console.print(f"reasons       {told}", highlight=False)
    if result.stopped:
        console.print(f"stopped       {len(result.stopped)} that the trusted key signed wrongly: applied, and never started", highlight=False)
    console.print(f"controls      a good image, and one with bytes behind it: {'installed' if result.controls_hold else '[red]NOT installed[/red]'}")
    if result.options.at_cuts:
        _print_cuts(console, result)
    console.print(f"refusals      {summary['refusals']} in all; wall time {result.seconds:.1f} s", highlight=False)
    if result.interrupted:
        console.print(f"[yellow]interrupted[/yellow]: {_missing(result)} not tried; this proves nothing about them", highlight=False)
    if not result.holds:
        console.print("[red]not every image is refused as it should be[/red]")
    elif not result.interrupted:
        console.print("[green]every image is refused[/green]")


def _missing(result: HostileResult) -> str:
    """What Ctrl-C came before."""
    images = len(result.table) - len(result.images)
    if images:
        return f"{images} of {len(result.table)} images were" + (", and no cut of the update was" if result.options.at_cuts else "")
    return f"{result.planned - result.cuts} of {result.planned} sequences of cuts were"


def _print_cuts(console: Console, result: HostileResult) -> None:
    own = sum(len(image.at_cuts) for image in result.images)
    console.print(f"own cuts      {own} cuts of refusals: {result.count_own_cuts(Answer.REFUSED)} refused", highlight=False)
    told = {
        Manner.INTERRUPTS: "an image takes the slot right after a cut",
        Manner.FOLLOWS: "an image is staged after the recovery",
    }
    for manner, sentence in told.items():
        counts = ", ".join(f"{result.count_attacks(answer, manner)} {answer.value.replace('_', ' ')}" for answer in Answer)
        console.print(f"{manner.value:<13} {sentence}: {counts}", highlight=False)
    console.print(f"cuts          {result.cuts} sequences, of {result.possible} single cuts of the update that there are", highlight=False)
    console.print(f"rollbacks     {result.attacks.rollbacks} times the version before was staged again after the update", highlight=False)


def hostile_junit(result: HostileResult) -> bytes:
    """Return the report as JUnit XML: one test an image, failed if it was not refused for its reason, at rest or at a cut of its refusal; and one a manner."""
    root = ET.Element("testsuites", name=result.scenario.reference, time=f"{result.seconds:.3f}")
    suite = ET.SubElement(root, "testsuite", name="hostile images", errors="0", skipped="0")
    control = _test(suite, result, "controls", "good images are installed")
    if not result.controls_hold:
        ET.SubElement(control, "failure", type="control", message="a good image was not installed: the refusals say nothing")
    for image in result.images:
        test = _test(suite, result, "images", image.name)
        at_cuts = [verdict for verdict in image.at_cuts if verdict.violations]
        if image.answer in _BAD or at_cuts:
            message = _message(image) if image.answer in _BAD else at_cuts[0].violations[0].message
            failure = ET.SubElement(test, "failure", type=image.answer.value, message=message)
            shown = image.verdict if image.answer in _BAD else at_cuts[0]
            failure.text = f"harness replay {shlex.quote(replay_id_of(result.scenario, shown, result.options.seed, result.options.engine))}"
    for manner in Manner if result.options.at_cuts else ():
        test = _test(suite, result, "cuts", f"an image {manner.value} an update that is cut")
        for found in result.attacks.findings:
            if found.manner is manner:
                ET.SubElement(test, "failure", type=found.answer.value, message=f"{found.image}, cut at {found.faults}: {found.message}")
    if result.interrupted:
        test = _test(suite, result, "cuts" if result.planned else "images", "all of it was tried")
        ET.SubElement(test, "error", type="interrupted", message=f"{_missing(result)} not tried")
        suite.set("errors", "1")
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(sum(test.find("failure") is not None for test in suite.findall("testcase"))))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _test(suite: ET.Element, result: HostileResult, group: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=f"{result.scenario.reference}.{group}", name=name)
