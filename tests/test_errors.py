"""Errors travel between processes whole."""

from __future__ import annotations

import pickle

from harness.errors import EngineError, InputError


def test_an_input_error_survives_a_worker_process() -> None:
    """What a worker raises is what the user reads: problem, source, field and remedy."""
    error = InputError("it is stale", source="bug.toml", field="edit[0].before", remedy="Mend it.")

    back = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert type(back) is InputError
    assert (str(back), back.source, back.field, back.remedy) == (str(error), error.source, error.field, error.remedy)


def test_an_engine_error_survives_a_worker_process() -> None:
    """The harness's own failures too."""
    assert str(pickle.loads(pickle.dumps(EngineError("no such core")))) == "no such core"  # noqa: S301
