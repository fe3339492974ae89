"""A search as its command line asks for it: what it is about, and the file that its results are kept in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from harness.campaign.search.expand import SearchSettings
from harness.campaign.search.outcome import SearchOptions
from harness.campaign.search.state import Merging
from harness.campaign.search.store import SearchStore, StoredSearch
from harness.cli.campaign import CampaignArguments, build_as_it_began, check_reuse
from harness.cli.ending import refuse_to_begin
from harness.cli.options import prepare_with_progress
from harness.errors import InputError
from harness.fault.tear_words import parse_tears
from harness.scenario.prepared import PreparedScenario


@dataclass(frozen=True, slots=True)
class OpenSearch:
    """A search that can begin.

    Attributes:
        store: where results are kept; None: nowhere.
    """

    scenario: PreparedScenario
    options: SearchOptions
    store: SearchStore | None


def open_search(campaign: CampaignArguments, depth: int | None, merge: str | None, budget_seconds: float | None, *, join: bool | None) -> OpenSearch:
    """Build the scenario and open the store.

    Args:
        depth: most cuts in a row; None: any number. merge: which states are taken for one; None: the default.
        join: whether runs are followed only to where they join another one; None: the default.

    Raises:
        InputError: an option can't be used, or is not what the resumed search began with.
    """
    tears = parse_tears(campaign.tears, campaign.fractions)
    settings = SearchSettings(campaign.seed, campaign.engine, tears, Merging(merge or Merging.ROOM), accelerations=campaign.accelerations)
    settings = settings if join is None else replace(settings, join=join)
    options = SearchOptions(settings, depth, campaign.jobs, campaign.case, budget_seconds, cluster=campaign.cluster)
    if join and not campaign.resume and not options.joins:
        remedy = "Leave it out, or leave out --merge and give --depth closure."
        raise InputError("runs are joined only in closures of states that are merged by room", source="--join", remedy=remedy)
    if campaign.resume:
        return _resumed(campaign, options, SearchStore(campaign.resume))
    if campaign.scenario is None:
        raise click.UsageError("Missing argument 'SCENARIO'.", click.get_current_context())
    check_reuse(settings.engine, settings.accelerations)
    scenario = prepare_with_progress(campaign.scenario, campaign.build)
    return OpenSearch(scenario, options, _begun(campaign.store, options.stored(scenario)))


def _begun(path: Path | None, settings: StoredSearch) -> SearchStore | None:
    return SearchStore(path, settings) if path else None


def _resumed(campaign: CampaignArguments, options: SearchOptions, store: SearchStore) -> OpenSearch:
    try:
        refuse_to_begin(campaign.store)
        began = store.settings
        scenario = prepare_with_progress(campaign.scenario or began.scenario, build_as_it_began(campaign.given, campaign.build, began.build, str(store.path)))
        options = _as_it_began(campaign.given, options, began)
        check_reuse(options.settings.engine, options.settings.accelerations)
        began.check_same(options.stored(scenario), source=str(store.path))
    except BaseException:
        store.close()
        raise
    return OpenSearch(scenario, options, store)


def _as_it_began(given: frozenset[str], options: SearchOptions, began: StoredSearch) -> SearchOptions:
    """Return the options, those that the user did not write taken from the file."""
    kept: dict[str, Any] = {name: value for name, value in (("seed", began.seed), ("engine", began.engine)) if name not in given}
    if "merge" not in given:
        kept["merging"] = began.merging
    if "join" not in given:
        kept["join"] = began.join
    if not given & {"tears", "fractions"}:
        kept["tears"] = began.tears
    options = replace(options, settings=replace(options.settings, **kept))
    options = options if "depth" in given else replace(options, depth=began.depth)
    return options if "case" in given else replace(options, only_case=began.case)
