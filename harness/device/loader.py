"""Finds and reads devices."""

from __future__ import annotations

from pathlib import Path

from harness.bundled import bundled_path
from harness.device.model import Device, Part
from harness.errors import InputError
from harness.toml_input import load_toml

_FILE_NAME = "device.toml"


def device_names() -> list[str]:
    """Return the names of the bundled devices."""
    return sorted(path.parent.name for path in bundled_path("platforms").glob(f"*/{_FILE_NAME}"))


def load_device(name_or_path: str) -> Device:
    """Load a device by bundled name, or by the path of a `.toml` file.

    Raises:
        InputError: there is no such device, or its file is malformed.
    """
    known = device_names()
    if name_or_path in known:
        return load_toml(bundled_path("platforms") / name_or_path / _FILE_NAME, Device)
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return load_toml(path, Device)
    raise InputError("no such device", source=repr(name_or_path), remedy=f"Known devices: {', '.join(known)}; or give the path of a .toml file.")


def device_part(device: Device, name: str) -> Part:
    """Return the member `name` of the device's family.

    Raises:
        InputError: the device has no such part.
    """
    try:
        return device.parts[name]
    except KeyError:
        raise InputError(f"the device has no part {name!r}", source=device.name, field="parts", remedy=f"Known parts: {', '.join(device.parts)}.") from None
