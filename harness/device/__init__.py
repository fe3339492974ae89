"""Devices as data."""

from harness.device.loader import device_names, device_part, load_device
from harness.device.memory import Domain, NonVolatile
from harness.device.model import Clocks, Cycles, Device, Duration, FactoryBytes, Flash, Part, Sourced, Timing

__all__ = [
    "Clocks",
    "Cycles",
    "Device",
    "Domain",
    "Duration",
    "FactoryBytes",
    "Flash",
    "NonVolatile",
    "Part",
    "Sourced",
    "Timing",
    "device_names",
    "device_part",
    "load_device",
]
