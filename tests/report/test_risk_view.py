"""Risk as people read it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.oracle.risk import Risk
from harness.report.risk_view import print_risk


@pytest.mark.parametrize(("per_million", "text"), [(7272.7347, "7,273"), (999_999.6, "1,000,000"), (73.14, "73.1"), (5.41e-12, "5.41e-12")])
def test_expected_bricks_are_printed_in_full(per_million: float, text: str) -> None:
    """Thousands are not told in powers of ten."""
    out = io.StringIO()
    risk = Risk(case="update", update_ps=10**11, harmful_ps=10**10, losses_per_hour=100.0, bricked_per_million=per_million, harmed_per_million=per_million)

    print_risk(Console(file=out, width=400), risk, "none")

    assert f"{text} of 1,000,000 updates brick, {text} do harm" in out.getvalue()


@pytest.mark.parametrize("broken", [False, True])
def test_no_zero_is_printed_where_states_were_left_open(broken: bool) -> None:
    """Nor that nothing was found, where states break a rule and the ways to them were not all followed."""
    out = io.StringIO()
    risk = Risk(case="update", update_ps=10**11, harmful_ps=0, losses_per_hour=1.0, bricked_per_million=0.0, harmed_per_million=0.0)

    print_risk(Console(file=out, width=400), risk, "none", complete=False, broken=broken)

    assert "not known" in out.getvalue()
    assert ("nothing was found" in out.getvalue()) != broken
