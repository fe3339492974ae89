"""A campaign as JUnit XML: one suite a case, one test an operation, failed if any of its tears broke a rule; and one a cause."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from harness.campaign.causes import Cause
from harness.campaign.sweep import CampaignResult
from harness.campaign.verdict_log import longer
from harness.fault.faults import spell_faults
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict, replay_id_of
from harness.report.summary import cause_text, times_of
from harness.scenario.prepared import PreparedScenario


def junit_xml(result: CampaignResult) -> bytes:
    """Return the report, UTF-8 encoded, with an XML declaration."""
    root = ET.Element("testsuites", name=result.scenario.reference, time=f"{result.seconds:.3f}")
    if result.rules_not_shown:
        properties = ET.SubElement(root, "properties")
        ET.SubElement(properties, "property", name="rules_not_shown", value=" ".join(result.rules_not_shown))
    suites: dict[str, _CaseSuite] = {}
    for verdict in itertools.chain(result.clean, result.verdicts):
        if verdict.case not in suites:
            suites[verdict.case] = _CaseSuite(result, verdict.case)
        suites[verdict.case].add(verdict)
    root.extend(suite.finished() for suite in suites.values())
    add_causes(root, result.scenario, result.causes, result.seed, result.engine)
    if result.interrupted:
        _add_interruption(root, result)
    return finished_xml(root)


def finished_xml(root: ET.Element) -> bytes:
    """Return a report with its suites counted, UTF-8 encoded."""
    root.set("tests", str(len(root.findall(".//testcase"))))
    root.set("failures", str(sum(int(suite.get("failures", "0")) for suite in root.findall("testsuite"))))
    root.set("errors", str(len(root.findall(".//error"))))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _add_interruption(root: ET.Element, result: CampaignResult) -> None:
    """A campaign that was stopped must not look as if it had held."""
    suite = ET.SubElement(root, "testsuite", name="campaign", tests="1", failures="0", errors="1", skipped="0")
    test = ET.SubElement(suite, "testcase", classname=result.scenario.reference, name="every planned cut was run")
    missing = result.planned - len(result.verdicts)
    ET.SubElement(test, "error", type="interrupted", message=f"{missing} of {result.planned} planned cuts were not run")


def add_causes(root: ET.Element, scenario: PreparedScenario, causes: Sequence[Cause], seed: int, engine: str) -> None:
    """Add one failed test a cause, before everything else: this is what an engineer reads first. Nothing where there is none."""
    if not causes:
        return
    count = str(len(causes))
    suite = ET.Element("testsuite", name="causes", tests=count, failures=count, errors="0", skipped="0")
    for number, cause in enumerate(causes, 1):
        name = f"cause {number} of {count}: {cause.rule}, {cause_text(cause, engine)}"
        test = ET.SubElement(suite, "testcase", classname=f"{scenario.reference}.causes", name=name)
        failure = ET.SubElement(test, "failure", type=cause.rule, message=cause.violation.message)
        explained = f"{cause.count} violations in {', '.join(cause.cases)}"
        failure.text = f"{explained}\nharness replay {shlex.quote(replay_id_of(scenario, cause.first, seed, engine))}"
    root.insert(0, suite)


class _CaseSuite:
    """The suite of one case, verdict by verdict: of a verdict that broke no rule it keeps the test's name and the longest times."""

    def __init__(self, result: CampaignResult, case: str) -> None:
        self._result = result
        self._case = case
        self._tests: dict[str, list[ET.Element]] = {}
        self._ready: TimeRange | None = None
        self._boot: TimeRange | None = None
        self._verification: TimeRange | None = None

    def add(self, verdict: Verdict) -> None:
        """Take in a verdict of the case."""
        failures = self._tests.setdefault(_test_name(verdict), [])
        if verdict.violations:
            failures.append(_failure(self._result, verdict))
        self._ready = longer(self._ready, verdict.ready)
        self._boot = longer(self._boot, verdict.boot)
        self._verification = longer(self._verification, verdict.verification)

    def finished(self) -> ET.Element:
        """Return the suite."""
        tests = self._tests
        counts: dict[str, str] = {"tests": str(len(tests)), "failures": str(sum(map(bool, tests.values()))), "errors": "0", "skipped": "0"}
        suite = ET.Element("testsuite", {"name": self._case, **counts})
        self._add_times(suite)
        for name, failures in tests.items():
            test = ET.SubElement(suite, "testcase", classname=f"{self._result.scenario.reference}.{self._case}", name=name)
            test.extend(failures)
        return suite

    def _add_times(self, suite: ET.Element) -> None:
        """Add the longest times of the case: until an application ran, of a boot that updates nothing, and of verification."""
        times = {"virtual_ready_worst_us": self._ready, "virtual_boot_us": self._boot, "virtual_verification_us": self._verification}
        properties = ET.SubElement(suite, "properties")
        for key, time in times.items():
            for name, value in times_of(key, time).items():
                if value is not None:
                    ET.SubElement(properties, "property", name=name, value=str(value))


def _test_name(verdict: Verdict) -> str:
    proof = verdict.proof
    if proof is None:
        return "clean run"
    after = f"after {spell_faults(proof.faults[:-1])}, " if proof.earlier else ""
    boot = f"boot {proof.fault.boot}, " if proof.fault.boot else ""
    return f"{after}{boot}operation {proof.fault.operation}: {proof.kind} {proof.address:#010x}"


def _failure(result: CampaignResult, verdict: Verdict) -> ET.Element:
    replay_id = replay_id_of(result.scenario, verdict, result.seed, result.engine)
    failure = ET.Element("failure", type=verdict.violations[0].rule, message=verdict.violations[0].message)
    lines = [f"{violation.rule}: {violation.message}" for violation in verdict.violations]
    failure.text = "\n".join([*lines, f"harness replay {shlex.quote(replay_id)}"])
    return failure
