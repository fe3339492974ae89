"""`harness flash`: how an update wears the flash, and what the flash holds."""

from __future__ import annotations

import json
from enum import StrEnum

import click

from harness.campaign.replay import replay
from harness.campaign.sweep import SweepOptions, chosen_cases, run_clean
from harness.campaign.wear import measure_wear
from harness.campaign.wear_of_updates import measure_updates
from harness.cli.engine_remarks import print_other_engine
from harness.cli.options import (
    build_options,
    engine_of_id_option,
    engine_option,
    options_given,
    prepare_with_progress,
    progress_bar,
    result_console,
    scenario_options,
    seed_option,
)
from harness.errors import InputError
from harness.fault.replay_id import parse_replay_id
from harness.machine.engines import DEFAULT_ENGINE
from harness.machine.protocol import NonVolatile
from harness.report.hex_dump import hex_dump
from harness.report.wear_view import print_updates, print_wear, updates_record, wear_record
from harness.scenario.prepare import PrepareOptions
from harness.scenario.prepared import PreparedScenario

_SAMPLED_CUTS = 200
_DUMPED_BYTES = 256


class Moment(StrEnum):
    """When the flash is looked at."""

    START = "start"
    """As the case begins."""
    CUT = "cut"
    """Right after the cut of a replay id: its crash image."""
    END = "end"
    """When the run has ended."""


@click.group("flash", epilog="Example: harness flash stats stm32f103/speck-full")
def flash_group() -> None:
    """Wear and contents of the flash."""


@flash_group.command("stats", epilog="Example: harness flash stats stm32f103/speck-full --case update --all-cuts")
@scenario_options
@engine_option
@seed_option
@click.option("--case", default=None, help="The case to look at; by default the first.")
@click.option("--cuts", type=click.IntRange(min=0), default=_SAMPLED_CUTS, show_default=True, help="How many cuts to make, those in erases first.")
@click.option("--all-cuts", is_flag=True, help="Make every cut of the case.")
@click.option("--updates", type=click.IntRange(min=1), default=None, metavar="N", help="Instead: update the device N times in a row, and count.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every page.")
def stats_command(scenario: PreparedScenario, engine: str, seed: int, case: str | None, cuts: int, all_cuts: bool, updates: int | None, as_json: bool) -> None:
    """Count the erases of each page in an update of SCENARIO, uninterrupted and cut, and the updates that it survives.

    With --updates, the device is updated again and again, each time to the next version, and the erases of all of it are counted: whether
    the pages of a region share them.
    """
    if updates is not None:
        others = options_given() & {"case", "cuts", "all_cuts"}
        if others:
            name = f"--{min(others).replace('_', '-')}"
            raise InputError("it says nothing with --updates", source=name, remedy="Leave one of the two out.")
        _count_updates(scenario, updates, engine, seed, as_json)
        return
    chosen = chosen_cases(scenario, case)[0]
    with progress_bar() as progress:
        task = progress.add_task("cuts", total=None)
        report = measure_wear(
            scenario,
            chosen,
            seed=seed,
            engine=engine,
            cuts=None if all_cuts else cuts,
            planned=lambda total: progress.update(task, total=total),
            done=lambda: progress.advance(task),
        )
    if as_json:
        click.echo(json.dumps(wear_record(scenario, report)))
    else:
        print_wear(result_console(), scenario, report)


def _count_updates(scenario: PreparedScenario, updates: int, engine: str, seed: int, as_json: bool) -> None:
    with progress_bar() as progress:
        task = progress.add_task("updates", total=updates)
        report = measure_updates(scenario, updates, seed=seed, engine=engine, done=lambda: progress.advance(task))
    if as_json:
        click.echo(json.dumps(updates_record(scenario, report)))
    else:
        print_updates(result_console(), scenario, report)


@flash_group.command("dump", epilog="Example: harness flash dump stm32f103/speck-full --region slot --len 144")
@click.argument("source", metavar="SCENARIO|REPLAY-ID")
@build_options
@engine_of_id_option
@seed_option
@click.option("--case", default=None, help="The case of a scenario; by default the first.")
@click.option(
    "--at",
    type=click.Choice([moment.value for moment in Moment]),
    default=None,
    help="Which moment; by default the start of a scenario, the cut of a replay id.",
)
@click.option("--region", default=None, help="A region of the layout, by name: its whole, unless --start or --len says less.")
@click.option("--start", default=None, metavar="ADDRESS", help="First address; 0x for hexadecimal.")
@click.option("--len", "length", default=None, metavar="BYTES", help=f"How many bytes; by default {_DUMPED_BYTES}, or to the end of the region.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the address and the bytes in hexadecimal.")
def dump_command(
    source: str,
    build: PrepareOptions,
    engine: str | None,
    seed: int,
    case: str | None,
    at: str | None,
    region: str | None,
    start: str | None,
    length: str | None,
    as_json: bool,
) -> None:
    """Print the flash of a scenario or of a faulted run, in hexadecimal.

    A replay id comes from a report of `harness sweep`; its builds and its case are those that the id names.
    """
    if source.count(":") >= 4:
        if build != PrepareOptions() or case is not None:
            raise InputError("a replay id names its build and its case itself", source="replay id", remedy="Leave out --case and the options of the build.")
        scenario, state = _state_of_replay(source, engine, Moment(at or Moment.CUT))
    else:
        scenario = prepare_with_progress(source, build)
        state = _state_of_scenario(scenario, case, seed, engine or DEFAULT_ENGINE, Moment(at or Moment.START))
    address, size_bytes = _range(scenario, len(state.flash), region, start, length)
    offset = address - scenario.flash_address
    content = state.flash[offset : offset + size_bytes]
    if as_json:
        click.echo(json.dumps({"address": address, "bytes": content.hex()}))
    else:
        for line in hex_dump(content, address):
            click.echo(line)


def _state_of_replay(text: str, engine: str | None, moment: Moment) -> tuple[PreparedScenario, NonVolatile]:
    replay_id = parse_replay_id(text)
    scenario = prepare_with_progress(replay_id.scenario, PrepareOptions.from_pairs(replay_id.options, source=f"replay id {text}"))
    if moment is Moment.CUT and not replay_id.faults:
        raise InputError("the id is of an uninterrupted run, which has no cut", source="--at", remedy="Take start or end.")
    engine = engine or replay_id.engine
    print_other_engine(replay_id.engine, engine)
    run = replay(scenario, replay_id, engine).run
    states = {Moment.START: run.case.state, Moment.CUT: run.start, Moment.END: run.last.final}
    return scenario, states[moment]


def _state_of_scenario(scenario: PreparedScenario, case: str | None, seed: int, engine: str, moment: Moment) -> NonVolatile:
    if moment is Moment.CUT:
        raise InputError("a scenario has no cut", source="--at", remedy="Give the replay id of a faulted run, or take start or end.")
    chosen = chosen_cases(scenario, case)[0]
    if moment is Moment.START:
        return chosen.state
    (run,) = run_clean(scenario, SweepOptions(seed=seed, engine=engine, only_case=chosen.name))
    return run.last.final


def _range(scenario: PreparedScenario, flash_bytes: int, region: str | None, start: str | None, length: str | None) -> tuple[int, int]:
    """Return address and length of what is to be printed; it lies in the flash, and in the region where one is named."""
    first, end, name = scenario.flash_address, scenario.flash_address + flash_bytes, "the flash"
    if region is not None:
        if region not in scenario.regions:
            raise InputError(f"no region {region!r}", source="--region", remedy=f"Regions: {', '.join(scenario.regions)}.")
        addresses = scenario.regions[region].addresses
        first, end, name = addresses.start, addresses.stop, f"region {region}"
    address = first if start is None else _number("--start", start)
    if not first <= address < end:
        raise InputError(f"{address:#010x} is outside {name}", source="--start", remedy=f"Give an address from {first:#010x} to {end - 1:#010x}.")
    default = end - address if region is not None else min(_DUMPED_BYTES, end - address)
    size_bytes = default if length is None else _number("--len", length)
    if not 0 < size_bytes <= end - address:
        raise InputError(f"{size_bytes} bytes from {address:#010x} do not lie in {name}", source="--len", remedy=f"Give 1 to {end - address}.")
    return address, size_bytes


def _number(option: str, text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise InputError(f"{text!r} is not a number", source=option, remedy="Write 4096 or 0x1000.") from None
