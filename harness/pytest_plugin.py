"""The pytest plugin: fixtures that boot and cut a device, and a marker that runs a test once for each power cut.

Every pytest loads this module where the harness is installed, so it loads nothing of the harness until a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.fault.faults import Faults
    from harness.suite.device_run import DeviceRun
    from harness.suite.device_under_test import DeviceUnderTest

__all__ = ["MakeDevice"]

MakeDevice = Callable[..., "DeviceUnderTest"]
"""What the fixture `boot_harness` is: (scenario, case=None, *, engine=None, seed=None, bug=None, app_kib=4, part=None) -> DeviceUnderTest."""


@dataclass(frozen=True, slots=True)
class _PlannedCut:
    device: DeviceUnderTest
    faults: Faults


@dataclass(slots=True)
class _Devices:
    """The devices of a session: each is built and run uninterrupted once; only the one in use keeps its machines."""

    config: pytest.Config
    known: dict[tuple[object, ...], DeviceUnderTest] = field(default_factory=dict)

    def make(
        self,
        scenario: str,
        case: str | None = None,
        *,
        engine: str | None = None,
        seed: int | None = None,
        bug: str | None = None,
        app_kib: int = 4,
        part: str | None = None,
    ) -> DeviceUnderTest:
        """Return the device of a case, see `DeviceUnderTest`; what is left out comes from the command line or the configuration file."""
        from harness.scenario.prepare import PrepareOptions
        from harness.suite.device_under_test import DeviceUnderTest, build

        chosen = engine or self.config.getoption("harness_engine") or self.config.getini("harness_engine")
        fed = self.config.getoption("harness_seed") if seed is None else seed
        options = PrepareOptions(app_kib=app_kib, part=part, bug=bug)
        key = (scenario, options, case, chosen, fed)
        if key not in self.known:
            self.known[key] = DeviceUnderTest(build(scenario, options), case, engine=chosen, seed=fed)
        return self.known[key]

    def use(self, device: DeviceUnderTest) -> None:
        """Release the machines of all other devices: an engine may have a process for each."""
        for other in self.known.values():
            if other is not device:
                other.close()

    def close(self) -> None:
        """Release all machines."""
        for device in self.known.values():
            device.close()


_DEVICES = pytest.StashKey[_Devices]()
_USED = pytest.StashKey[list["DeviceUnderTest"]]()
"""The devices that a test uses."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the setting."""
    group = parser.getgroup("boot-harness", "power cuts in firmware updates")
    group.addoption("--harness-engine", default=None, metavar="NAME", help="What runs the firmware; `harness doctor` lists the engines that are usable here.")
    group.addoption("--harness-seed", type=int, default=1, metavar="N", help="Feeds tears, samples and the content of RAM. Default: 1.")
    parser.addini("harness_engine", "What runs the firmware, unless --harness-engine says so.", default="embedded")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "power_cuts(scenario, case=None, *, sample=None, tears=None, ...): run the test once for each power cut of a case, with the fixture `power_cut`",
    )
    config.stash[_DEVICES] = _Devices(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Release the machines."""
    config.stash[_DEVICES].close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Plan the cuts of a marked test: those that `harness sweep` makes."""
    markers = list(metafunc.definition.iter_markers("power_cuts"))
    if not markers:
        return
    if "power_cut" not in metafunc.fixturenames:
        raise pytest.Collector.CollectError(f"{metafunc.definition.name} is marked power_cuts, and does not take the fixture `power_cut`.")
    try:
        cuts = [cut for marker in reversed(markers) for cut in _plan(metafunc.config.stash[_DEVICES], *marker.args, **marker.kwargs)]
    except (HarnessError, TypeError) as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.name}: {error}") from None
    metafunc.parametrize("power_cut", cuts, ids=[f"{cut.device.case}-{'+'.join(map(str, cut.faults))}" for cut in cuts], indirect=True)


def _plan(
    devices: _Devices, scenario: str, case: str | None = None, *, sample: int | None = None, tears: str | None = None, **build: object
) -> list[_PlannedCut]:
    from harness.fault.tear_words import parse_tears

    device = devices.make(scenario, case, **build)  # type: ignore[arg-type] # a wrong name or value is told as an error of the marker
    return [_PlannedCut(device, faults) for faults in device.plan(sample, parse_tears(tears))]


@pytest.fixture
def power_cut(request: pytest.FixtureRequest) -> DeviceRun:
    """The run after one power cut; the marker `power_cuts` says which cuts there are."""
    planned = getattr(request, "param", None)
    if not isinstance(planned, _PlannedCut):
        pytest.fail(
            "the fixture `power_cut` needs the marker `power_cuts`: @pytest.mark.power_cuts('stm32f103/speck-full', 'update', sample=20)", pytrace=False
        )
    _use(request.node, planned.device)
    return planned.device.cut(*planned.faults)


@pytest.fixture
def boot_harness(request: pytest.FixtureRequest) -> MakeDevice:
    """A function that makes a device: `boot_harness("stm32f103/speck-full", "update").run()`."""

    def make(*arguments: object, **options: object) -> DeviceUnderTest:
        device = request.config.stash[_DEVICES].make(*arguments, **options)  # type: ignore[arg-type] # pytest shows the caller's line where they don't fit
        _use(request.node, device)
        return device

    return make


def _use(item: pytest.Item, device: DeviceUnderTest) -> None:
    """Remember that a test uses a device, to tell of its last run if the test fails."""
    device.last_run = None
    item.config.stash[_DEVICES].use(device)
    item.stash.setdefault(_USED, []).append(device)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of the last run of each device that a failed test used: its replay id, the cut, UART log and flash difference."""
    report = yield
    if call.when == "call" and report.failed:
        for device in item.stash.get(_USED, []):
            if device.last_run is not None:
                report.sections.append(("power cut", device.last_run.evidence()))
                item.user_properties.append(("replay_id", device.last_run.replay_id))
    return report
