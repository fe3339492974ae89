"""Why a bootloader refuses an image."""

from __future__ import annotations

from enum import IntEnum

from harness.errors import ExitCode, HarnessError


class RefusalReason(IntEnum):
    """The checks of SPEC section 1, in their order. The numbers are shared with `firmware/boot/result.h`."""

    MAGIC = 1
    FORMAT = 2
    FLAGS = 3
    SIZE = 4
    ENTRY = 5
    RESERVED = 6
    HARDWARE = 7
    VERSION = 8
    CRC = 9
    KEY = 10
    SIGNATURE = 11
    BASE = 12
    """A patch for another base image."""
    PATCH = 13
    """A patch that is malformed."""
    TARGET = 14
    """A patch that does not make the image that it names."""
    MODULE = 15
    """A module that is malformed, or that this host can't load."""
    NEW_KEY = 16
    """A patch whose new key is none, or the trusted one."""
    KEY_PLACES = 17
    """A patch with a new key, and no place is left for it."""


class ImageRefused(HarnessError):  # noqa: N818 -- a refusal is a judgement, not an error
    """An image does not pass the bootloader's checks.

    Args:
        reason: the first check that it fails.
        detail: what was found, one sentence without a full stop.
    """

    exit_code = ExitCode.VIOLATION

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"refused, {reason.name.lower()} ({reason.value}): {detail}")
