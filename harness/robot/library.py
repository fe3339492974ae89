"""The keyword library. Keywords do one thing each; the sentences that suites are written in are in `power_cuts.resource`."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any, Literal

from robot.api import SkipExecution, logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from harness import __version__
from harness.campaign.hostile import Answer, HostileOptions, try_hostile_images
from harness.device import Timing
from harness.errors import InputError
from harness.fault.faults import Fault, Tear
from harness.fault.tear_words import parse_tears
from harness.fault.virtual_time import parse_virtual_time
from harness.image.hostile import hostile_images
from harness.image.refusal import RefusalReason
from harness.machine.capability import Capability
from harness.machine.engines import probe_engine, shown_by
from harness.oracle.rules import RULES
from harness.oracle.run import Outcome
from harness.output_file import write_output
from harness.scenario.model import Defect, ExpectedEnd, PageFill
from harness.scenario.prepare import PrepareOptions
from harness.suite.device_run import DeviceRun
from harness.suite.device_under_test import DeviceUnderTest, build
from harness.suite.draft import ScenarioDraft

_SHOWN_VIOLATIONS = 5
_SHOWN_IMAGES = 10


@library(scope="SUITE", version=__version__, doc_format="ROBOT", listener="SELF", auto_keywords=False)
class BootHarness:
    """Boots real bootloader firmware on an emulated chip, cuts power at a flash operation or at a moment, and judges what follows.

    A suite names a device with `Use Device`, a case with `Choose Case`, makes a run with `Power On` or one of the keywords that cut power, and
    says what must have come of it. Every run that is made puts its replay id, the UART log and the flash difference into the log; a
    test that fails after one has the command that replays it in its message.

    All times are virtual: nothing sleeps, and a result does not depend on how busy the machine is.

    | Use Device               | stm32f103/speck-full |      |
    | Choose Case              | update               |      |
    | Cut Power At Operation   | 600                  | most |
    | Outcome Should Be        | new version          |      |
    | Every Rule Should Hold   |                      |      |
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self._scenario = ""
        self._options = PrepareOptions()
        self._engine = "embedded"
        self._seed = 1
        self._device: DeviceUnderTest | None = None
        self._draft: ScenarioDraft | None = None
        self._run: DeviceRun | None = None
        self._faults: tuple[Fault, ...] = ()

    # What is tested.

    @keyword
    def use_device(
        self, scenario: str, engine: str = "embedded", *, seed: int = 1, bug: str | None = None, app_kib: int = 4, timing: Timing = Timing.TYPICAL
    ) -> None:
        """Takes a scenario, bundled or the path of a TOML file, and an engine; builds its firmware and chooses its first case.

        `bug` puts a seeded bug into the bootloader. An engine that is not usable here fails the test, with what to install.

        Example: | Use Device | stm32f103/speck-full | engine=renode |
        """
        self._scenario, self._engine, self._seed = scenario, engine, seed
        self._options = PrepareOptions(app_kib=app_kib, bug=bug, timing=timing)
        self._choose(None)

    @keyword
    def choose_case(self, case: str) -> None:
        """Takes another case of the scenario: another content of the flash at power-on.

        Example: | Choose Case | downgrade |
        """
        self._choose(case)

    @keyword
    def choose_hostile_image(self, image: str) -> None:
        """Takes a case in which an image of the table of `harness hostile --list` is staged beside the scenario's installed version, and must be refused.

        Example: | Choose Hostile Image | key-foreign |
        """
        if image not in (hostile.name for hostile in hostile_images()):
            raise InputError(f"there is no hostile image {image!r}", source="Choose Hostile Image", remedy="`harness hostile --list` names them.")
        self._choose(image)

    @keyword
    def skip_unless_engine_shows(self, capability: Capability) -> None:
        """Skips the test, and says so, where the engine can't show something: instructions, time, misuse, stack, option-bytes, returns or callers.

        Example: | Skip Unless Engine Shows | time |
        """
        if capability not in shown_by(self._engine):
            raise SkipExecution(f"The {self._engine} engine does not show {capability.value}.")

    @keyword
    def skip_unless_engine_is_usable(self, engine: str) -> None:
        """Skips the test, and says what is missing, where an engine is not installed.

        Example: | Skip Unless Engine Is Usable | renode |
        """
        probe = probe_engine(engine)
        if not probe.usable:
            raise SkipExecution(f"The {engine} engine is not usable here. {probe.remedy}")

    # A scenario of one's own.

    @keyword
    def begin_scenario(self, name: str, based_on: str = "stm32f103/speck-full") -> None:
        """Begins a scenario with own cases; device, limits and layout are those of another one.

        Example: | Begin Scenario | field-return | nrf52840/speck-full |
        """
        self._draft = ScenarioDraft(name, based_on)

    @keyword
    def add_case(
        self,
        name: str,
        end: ExpectedEnd,
        installed: int,
        staged: int | None = None,
        *,
        defect: Defect = Defect.NONE,
        counter: int | None = None,
        counter_page: PageFill = PageFill.FRESH,
        journal_page: PageFill = PageFill.FRESH,
    ) -> None:
        """Adds a case: the versions installed and staged, what is wrong with the staged image, how full its metadata pages are, and the end it must reach.

        Example: | Add Case | forged-over-full-counter | old | installed=1 | staged=2 | defect=altered code | counter_page=full |
        """
        image = {"version": staged, "defect": defect.value} if staged is not None else None
        pages = {"counter_page": counter_page.value, "journal_page": journal_page.value}
        self._begun().add_case(name=name, end=end.value, installed={"version": installed}, staged=image, counter=counter, **pages)

    @keyword
    def use_own_scenario(self, engine: str = "embedded", *, seed: int = 1) -> Path:
        """Writes the scenario that was begun into the output folder, builds it, chooses its first case, and returns its path.

        Example: | Use Own Scenario | engine=${ENGINE} |
        """
        path = self._begun().write(Path(str(BuiltIn().get_variable_value("${OUTPUT DIR}", "."))) / "scenarios")
        self.use_device(str(path), engine, seed=seed)
        return path

    # Runs.

    @keyword
    def power_on(self) -> Outcome:
        """Runs the case uninterrupted, and returns its outcome.

        Example: | ${outcome} = | Power On |
        """
        return self._made(self._chosen().run(), ())

    @keyword
    def cut_power_at_operation(self, operation: int, tear: Tear = Tear.SOME, boot: int = 0) -> Outcome:
        """Cuts power at a flash operation of the uninterrupted run, and runs what that leaves.

        Operations count from 0 in the order in which the flash controller executes them. `tear` says what becomes of the interrupted one:
        none, some, most, half-page (erases only), all, or metastable.

        Example: | Cut Power At Operation | 600 | half-page |
        """
        return self._cut(_fault(boot, operation, tear))

    @keyword
    def cut_power_again_at_operation(self, operation: int, tear: Tear = Tear.SOME, boot: int = 0) -> Outcome:
        """Cuts power once more, at an operation of the recovery from the last cut, and runs what that leaves.

        Example: | Cut Power Again At Operation | 0 | all |
        """
        if not self._faults:
            raise InputError("nothing was cut yet", source="Cut Power Again At Operation", remedy="Cut power at an operation first.")
        return self._cut(*self._faults, _fault(boot, operation, tear))

    @keyword
    def cut_power_at_time(self, moment: str) -> Outcome:
        """Cuts power at a moment of virtual time since the first reset (`12.345ms`; ns, us, ms or s), and runs what that leaves.

        Example: | Cut Power At Time | 150.25ms |
        """
        run = self._chosen().cut_at(parse_virtual_time(moment, "Cut Power At Time"))
        return self._made(run, run.verdict.proof.faults if run.verdict.proof else ())

    @keyword
    def cut_power_throughout(self, sample: int | None = None, tears: str | None = None) -> int:
        """Cuts power at every operation with every tear, or at a sample drawn by the seed; fails if any of these runs breaks a rule.

        Returns how many cuts were made. `tears` is a list like `none,some,metastable`. A case's own plan may leave operations out.

        Example: | ${cuts} = | Cut Power Throughout | sample=50 |
        """
        device = self._chosen()
        plan = device.plan(sample, parse_tears(tears))
        broken = [(faults, verdict) for faults, verdict in device.judge_cuts(plan) if verdict.violations]
        if not broken:
            logger.info(f"{len(plan)} cuts of case {device.case}; every rule holds after each.")
            return len(plan)
        for faults, verdict in broken[:_SHOWN_VIOLATIONS]:
            logger.info(f"{'/'.join(map(str, faults))}: {', '.join(violation.message for violation in verdict.violations)}")
        first, _ = broken[0]
        self._cut(*first)
        raise AssertionError(f"{len(broken)} of {len(plan)} cuts break a rule; the first: {self._last().verdict.violations[0].message}")

    @keyword
    def try_every_hostile_image(self) -> int:
        """Stages every image of the table of `harness hostile` in turn, and runs it; fails unless each is refused for its own reason.

        Returns how many there are. The first that is not refused so is put into the log as a run of its own.
        """
        result = try_hostile_images(build(self._scenario, self._options), HostileOptions(self._seed, engine=self._engine))
        wrong = [image.name for image in result.images if image.answer is not Answer.REFUSED]
        logger.info("\n".join(f"{image.name}: {image.answer.value}" for image in result.images))
        if wrong:
            self._choose(wrong[0])
            self.power_on()
            raise AssertionError(
                f"{len(wrong)} of {len(result.images)} hostile images are not refused for their own reason: {', '.join(wrong[:_SHOWN_IMAGES])}."
            )
        if not result.controls_hold:
            raise AssertionError("A good image that is staged the same way is not installed: the refusals say nothing.")
        return len(result.images)

    # What came of it.

    @keyword
    def outcome_should_be(self, outcome: Outcome) -> None:
        """Fails unless the last run ended so: new version, old version, recovery, other image or bricked.

        Example: | Outcome Should Be | old version |
        """
        if self._last().outcome is not outcome:
            raise AssertionError(f"Expected {_words(outcome)}, the run ended with {_words(self._last().outcome)}.")

    @keyword
    def every_rule_should_hold(self) -> None:
        """Fails if the last run broke a rule, and names it. Rules that the engine can't show broken are named in the log."""
        self._last().should_hold()

    @keyword
    def rule_should_be_broken(self, rule: str) -> None:
        """Fails unless the last run broke a rule: for tests that prove that a test can fail.

        Example: | Rule Should Be Broken | no_downgrade |
        """
        if rule not in RULES:
            raise InputError(f"there is no rule {rule!r}", source="Rule Should Be Broken", remedy=f"Rules: {', '.join(RULES)}.")
        if rule not in self._last().broken_rules:
            raise AssertionError(f"Rule {rule} holds; broken: {', '.join(self._last().broken_rules) or 'none'}.")

    @keyword
    def refusal_reason_should_be(self, reason: RefusalReason) -> None:
        """Fails unless the bootloader recorded this reason for refusing the staged image: magic, format, flags, size, and so on.

        Example: | Refusal Reason Should Be | signature |
        """
        found = self._last().refusal
        if found is not reason:
            raise AssertionError(f"Expected a refusal for {reason.name.lower()}, recorded is {found.name.lower() if found else 'none'}.")

    @keyword
    def installed_version_should_be(self, version: int) -> None:
        """Fails unless the application region holds a properly signed image of this version at the end of the last run.

        Example: | Installed Version Should Be | 2 |
        """
        image = self._last().image
        if image is None or not image.authentic:
            raise AssertionError(f"The application region holds {'no image' if image is None else 'an image that is not authentic'}.")
        if image.version != version:
            raise AssertionError(f"Version {image.version} is installed, not {version}.")

    @keyword
    def version_counter_should_be(self, version: int) -> None:
        """Fails unless the monotonic counter has this value at the end of the last run.

        Example: | Version Counter Should Be | 2 |
        """
        if self._last().counter != version:
            raise AssertionError(f"The version counter is {self._last().counter}, not {version}.")

    @keyword
    def application_should_run_within(self, limit: str) -> None:
        """Fails unless the application ran for good within this virtual time of the power-on, taken at the slow end of its range.

        Example: | Application Should Run Within | 800ms |
        """
        ready = self._last().ready
        if not self._last().shows_time:
            raise InputError(f"the {self._engine} engine does not model time", source="Application Should Run Within", remedy="Skip the test on this engine.")
        if ready is None:
            raise AssertionError("No application ran for good.")
        if ready.high_us * 1e6 > parse_virtual_time(limit, "Application Should Run Within"):
            raise AssertionError(f"The application ran after {ready.us / 1e3:.3f} ms, {ready.high_us / 1e3:.3f} ms at the slowest, not within {limit}.")

    @keyword
    def uart_log_should_contain(self, text: str) -> None:
        """Fails unless the firmware sent this text in the last run. A faulted firmware may lie: this shows what it told, not what it did.

        Example: | Uart Log Should Contain | ready |
        """
        if text not in self._last().uart:
            raise AssertionError(f"The UART log does not contain {text!r}: {self._last().uart!r}")

    @keyword
    def get_replay_id(self) -> str:
        """Returns the id of the last run, which `harness replay` takes."""
        return self._last().replay_id

    @keyword
    def save_flash(self, path: Path, moment: Literal["start", "end"] = "start") -> Path:
        """Writes the flash of the last run to a file: as power came back after the cut (start), or as the run left it (end). Returns the path.

        Example: | Save Flash | ${OUTPUT DIR}/crash.bin |
        """
        flash = self._last().replay.run.start.flash if moment == "start" else self._last().flash
        write_output(path, flash)
        return path

    def end_test(self, data: Any, result: Any) -> None:  # noqa: ARG002 -- Robot Framework calls it with both
        """Put the command that replays the last run into the message of a test that failed after it."""
        if result.failed and self._run is not None:
            result.message = f"{result.message}\nReplay: {self._run.replay_command}"
        self._run = None
        self._faults = ()

    def end_suite(self, data: Any, result: Any) -> None:  # noqa: ARG002 -- Robot Framework calls it with both
        """Release the machines."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def _choose(self, case: str | None) -> None:
        scenario = build(self._scenario, self._options)
        if self._device is not None:
            self._device.close()
        self._device = None
        self._run = None
        self._device = DeviceUnderTest(scenario, case, engine=self._engine, seed=self._seed)

    def _cut(self, *faults: Fault) -> Outcome:
        return self._made(self._chosen().cut(*faults), faults)

    def _made(self, run: DeviceRun, faults: tuple[Fault, ...]) -> Outcome:
        """Remember a run, and put what it did into the log."""
        self._run, self._faults = run, faults
        logger.info(f"<pre>{html.escape(run.evidence())}</pre>", html=True)
        return run.outcome

    def _chosen(self) -> DeviceUnderTest:
        if self._device is None:
            raise InputError("no device was chosen", source="this suite", remedy="Begin with the keyword `Use Device`.")
        return self._device

    def _begun(self) -> ScenarioDraft:
        if self._draft is None:
            raise InputError("no scenario was begun", source="this suite", remedy="Begin with the keyword `Begin Scenario`.")
        return self._draft

    def _last(self) -> DeviceRun:
        if self._run is None:
            raise InputError("nothing was run in this test", source="this test", remedy="Use `Power On` or a keyword that cuts power first.")
        return self._run


def _fault(boot: int, operation: int, tear: Tear) -> Fault:
    if tear is Tear.FRACTION:
        raise InputError("a fraction of an operation is a moment", source="tear", remedy="Use `Cut Power At Time`.")
    return Fault(boot, operation, tear)


def _words(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")
