"""Settings that hold for all tests, and which engines they can run on here."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

from harness.machine.engines import ENGINES, probe_engine

# No deadline: on shared cores the time of one example says nothing. A failure prints how to repeat it.
settings.register_profile("harness", deadline=None, print_blob=True)
settings.load_profile("harness")
# A shell has what it starts in the background ignore Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known: the engine that a test needs, and what only `tox -e long` runs."""
    config.addinivalue_line("markers", "engine(name): runs only where this engine is usable")
    config.addinivalue_line("markers", "long: left out by `tox -e py`, made by `tox -e long`")


def pytest_report_header() -> list[str]:
    """Say in one line an engine whether tests run on it."""
    probes = {engine: probe_engine(engine) for engine in ENGINES}
    return [
        f"engine {engine}: {probe.version if probe.usable else f'not usable here, its tests are skipped: {probe.remedy}'}" for engine, probe in probes.items()
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what needs an engine that is not usable here."""
    for item in items:
        for marker in item.iter_markers("engine"):
            probe = probe_engine(marker.args[0])
            if not probe.usable:
                item.add_marker(pytest.mark.skip(reason=f"engine {marker.args[0]} is not usable here: the first lines say why"))
