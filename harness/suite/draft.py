"""A scenario that a suite writes case by case, on the device and with the limits of another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from harness.errors import InputError
from harness.output_file import write_output
from harness.scenario.model import Case, Scenario, load_scenario
from harness.toml_input import check_table


class ScenarioDraft:
    """A scenario in the making.

    Args:
        name: of the new scenario. base: bundled name, or path, of the one that it takes everything but the cases from.

    Raises:
        InputError: there is no such base.
    """

    def __init__(self, name: str, base: str) -> None:
        self.name = name
        self._base = load_scenario(base)
        self._cases: list[Case] = []

    def add_case(self, **keys: Any) -> None:
        """Add a case.

        Args:
            keys: those of a `[[case]]` table (SPEC, scenario files); None leaves a key out.

        Raises:
            InputError: a key is unknown, or a value can't be.
        """
        table = {key: value for key, value in keys.items() if value is not None}
        self._cases.append(check_table(table, Case, source=f"case {table.get('name')!r} of {self.name!r}"))

    def write(self, folder: Path) -> Path:
        """Write the scenario into a folder, so that its replay ids can name it; return its path.

        Raises:
            InputError: it has no case, or two of one name; or the folder can't be written.
        """
        path = folder / f"{self.name}.toml"
        if not self._cases:
            raise InputError("it has no case", source=f"scenario {self.name!r}", remedy="Add one.")
        changed = self._base.model_copy(update={"name": self.name, "title": "", "case": tuple(self._cases)})
        table = changed.model_dump(mode="json", exclude_none=True)
        check_table(table, Scenario, source=str(path))
        folder.mkdir(parents=True, exist_ok=True)
        write_output(path, tomli_w.dumps(table).encode())
        return path
