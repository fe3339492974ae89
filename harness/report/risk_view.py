"""Risk, for people and as plain data."""

from __future__ import annotations

from rich.console import Console

from harness.oracle.risk import Risk


def risk_record(risk: Risk, *, complete: bool = True) -> dict[str, str | float]:
    """Return a risk as plain data.

    Args:
        complete: nothing was left open; else it is the least that the risk can be.
    """
    return {
        "case": risk.case,
        "update_ms": risk.update_ps / 1e9,
        "harmful_share": risk.harmful_share,
        "losses_per_hour": risk.losses_per_hour,
        "bricked_per_million_updates": risk.bricked_per_million,
        "harmed_per_million_updates": risk.harmed_per_million,
        "complete": complete,
    }


def print_risk(console: Console, risk: Risk, tears: str, *, complete: bool = True, broken: bool = False) -> None:
    """Print the risk of one case's update, and what it rests on.

    Args:
        tears: names of those that were made. complete: nothing was left open. broken: a rule was broken, wherever that was.
    """
    if risk.harmed_per_million == 0 and not complete:
        text = "not known: states were left open" + (", and ways to those that break a rule, too" if broken else ", and nothing was found in the others")
    elif risk.harmed_per_million == 0:
        text = f"0 of 1,000,000 updates at any rate of power loss, if what a cut leaves is among the tears {tears}"
    else:
        share = f"a cut does harm in {100 * risk.harmful_share:.3f} % of the update's {risk.update_ps / 1e9:,.1f} ms"
        rate = f"with power lost {risk.losses_per_hour:g} times an hour"
        least = "" if complete else "at least "
        text = f"{share}; {rate}, {least}{_number(risk.bricked_per_million)} of 1,000,000 updates brick, {_number(risk.harmed_per_million)} do harm"
    console.print(f"risk ({risk.case}): {text}", highlight=False)


def _number(value: float) -> str:
    """Return a number as people read it: three digits, or all that stand before the point."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
