"""A search through states as JUnit XML: one suite a cause, and one test a case."""

from __future__ import annotations

import shlex
from xml.etree import ElementTree as ET

from harness.campaign.search.outcome import SearchResult
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown
from harness.oracle.verdict import Verdict, replay_id_of
from harness.report.junit import add_causes, finished_xml


def search_junit_xml(result: SearchResult) -> bytes:
    """Return the report, UTF-8 encoded. A case fails with the first violation of each kind; one without is skipped, not passed, where states were left open."""
    settings, scenario = result.options.settings, result.scenario
    root = ET.Element("testsuites", name=scenario.reference, time=f"{result.seconds:.3f}")
    hidden = rules_not_shown(shown_by(settings.engine))
    if hidden:
        ET.SubElement(ET.SubElement(root, "properties"), "property", name="rules_not_shown", value=" ".join(hidden))
    broken = [verdict for verdict in result.clean if any(found.case == verdict.case for found in result.violations)]
    left_open = result.interrupted or not result.finished
    skipped = len(result.clean) - len(broken) if left_open else 0
    counts = {"tests": str(len(result.clean)), "failures": str(len(broken)), "errors": "0", "skipped": str(skipped)}
    suite = ET.SubElement(root, "testsuite", counts, name=scenario.reference)
    cuts = "any number of cuts" if result.options.depth is None else f"up to {result.options.depth} cuts"
    for clean in result.clean:
        test = ET.SubElement(suite, "testcase", classname=f"{scenario.reference}.{clean.case}", name=f"{cuts} in a row break no rule")
        for verdict in (found for found in result.violations if found.case == clean.case):
            _add_failure(test, result, verdict)
        if left_open and clean not in broken:
            ET.SubElement(test, "skipped", message="states were left open, and nothing was found in the others: this proves nothing about the case")
    if left_open:
        _add_left_open(root, result)
    add_causes(root, scenario, result.causes, settings.seed, settings.engine)
    return finished_xml(root)


def _add_failure(test: ET.Element, result: SearchResult, verdict: Verdict) -> None:
    settings = result.options.settings
    failure = ET.SubElement(test, "failure", type=verdict.violations[0].rule, message=verdict.violations[0].message)
    replay_id = replay_id_of(result.scenario, verdict, settings.seed, settings.engine)
    lines = [f"{violation.rule}: {violation.message}" for violation in verdict.violations]
    failure.text = "\n".join([*lines, f"harness replay {shlex.quote(replay_id)}"])


def _add_left_open(root: ET.Element, result: SearchResult) -> None:
    suite = ET.SubElement(root, "testsuite", name="search", tests="1", failures="0", errors="1", skipped="0")
    test = ET.SubElement(suite, "testcase", classname=result.scenario.reference, name="every state that was reached was booted")
    if result.nothing_was_cut:
        ET.SubElement(test, "error", type="clean run", message="nothing was cut: a clean run breaks a rule")
    else:
        why = "interrupted" if result.interrupted else "budget"
        ET.SubElement(test, "error", type=why, message=f"{result.open_states} states were reached and not booted")
