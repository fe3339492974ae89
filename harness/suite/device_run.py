"""What came of one power-on of a device under test, cut or not."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO

from rich.console import Console

from harness.campaign.replay import Replay
from harness.image.refusal import RefusalReason
from harness.machine.capability import Capability
from harness.machine.engines import shown_by
from harness.oracle.rules import rules_not_shown
from harness.oracle.run import Outcome
from harness.oracle.times import TimeRange
from harness.oracle.verdict import Verdict, replay_id_of
from harness.report.replay_view import print_replay
from harness.scenario.prepared import InstalledImage

_WIDTH = 160


@dataclass(frozen=True, slots=True)
class DeviceRun:
    """A run that was made, and judged by every rule.

    Attributes:
        replay: the run with what led to it. seed, engine: what it was made with.
    """

    replay: Replay
    seed: int
    engine: str

    @property
    def verdict(self) -> Verdict:
        """Outcome, broken rules, times."""
        return self.replay.verdict

    @property
    def outcome(self) -> Outcome:
        """Where it ended, by flash bytes and program counter."""
        return self.verdict.outcome

    @property
    def broken_rules(self) -> tuple[str, ...]:
        """Names of the broken rules, each once."""
        return tuple(dict.fromkeys(violation.rule for violation in self.verdict.violations))

    @property
    def replay_id(self) -> str:
        """What `harness replay` takes to make it again."""
        return replay_id_of(self.replay.run.scenario, self.verdict, self.seed, self.engine)

    @property
    def image(self) -> InstalledImage | None:
        """What the application region holds at the end; None where there is not even a header."""
        return self.replay.run.scenario.format.installed_image(self.flash)

    @property
    def counter(self) -> int:
        """The version counter at the end; 0 where the device keeps none."""
        return self.replay.run.scenario.format.counter(self.flash)

    @property
    def refusal(self) -> RefusalReason | None:
        """The reason that the bootloader recorded for refusing the staged image; None where there is no such record."""
        number = self.replay.run.scenario.format.refusal(self.flash)
        return RefusalReason(number) if number else None

    @property
    def flash(self) -> bytes:
        """The flash at the end."""
        return self.replay.run.final_flash

    @property
    def uart(self) -> str:
        """What the firmware sent, all boots together. Diagnosis, never evidence."""
        return b"".join(trace.uart for trace in self.replay.run.traces).decode("ascii", "replace")

    @property
    def ready(self) -> TimeRange | None:
        """Virtual time from power-on until the application ran for good; None where it did not, or the engine does not model time."""
        return self.verdict.ready

    @property
    def rules_not_shown(self) -> tuple[str, ...]:
        """The rules that this engine cannot show broken: that they hold says nothing."""
        return rules_not_shown(shown_by(self.engine))

    @property
    def shows_time(self) -> bool:
        """Whether the engine models time."""
        return Capability.TIME in shown_by(self.engine)

    @property
    def replay_command(self) -> str:
        """The command that makes it again."""
        return f"harness replay '{self.replay_id}'"

    def evidence(self) -> str:
        """Return what an engineer needs to see: the cut, the operations around it, the flash difference, each boot with its UART log."""
        text = StringIO()
        print_replay(Console(file=text, width=_WIDTH, no_color=True, soft_wrap=True), self.replay, self.engine)
        hidden = f"not shown by the {self.engine} engine: {', '.join(self.rules_not_shown)}\n" if self.rules_not_shown else ""
        return f"{self.replay_command}\n{text.getvalue()}{hidden}"

    def should_hold(self) -> None:
        """Fail unless every rule holds.

        Raises:
            AssertionError: one is broken; the message names rule, message and replay id.
        """
        if self.verdict.violations:
            broken = "; ".join(f"{violation.rule} (boot {violation.boot}): {violation.message}" for violation in self.verdict.violations)
            raise AssertionError(f"{broken}. Replay: {self.replay_command}")
