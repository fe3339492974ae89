"""A signed package of whichever kind its flags say: an application, a patch, or a module."""

from __future__ import annotations

from harness.image.keys import PublicKey
from harness.image.module import MODULE_FLAGS, verify_module
from harness.image.patch import PATCH_FLAGS, ROTATION_FLAGS, check_patch_image
from harness.image.spk import SpkHeader
from harness.image.verify import verify_image

_NAMES: dict[int, str] = {PATCH_FLAGS: "patch", ROTATION_FLAGS: "patch with a new key", MODULE_FLAGS: "module"}


def package_name(header: SpkHeader) -> str:
    """Return what a package is, in words; whatever is nothing else is an image."""
    return _NAMES.get(header.flags, "image")


def verify_package(data: bytes, public_key: PublicKey, *, hardware_revision: int | None, minimum_version: int = 0) -> None:
    """Check a package as a device does before it reads what a patch tells or a module needs.

    Args:
        data: the package, no byte more; a header at least.
        public_key: the trusted key.
        hardware_revision: the board's; None: not checked.
        minimum_version: least version accepted.

    Raises:
        ImageRefused: with the reason of the first check that fails.
    """
    flags = SpkHeader.from_bytes(data).flags
    if flags == MODULE_FLAGS:
        verify_module(data, public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)
    elif flags in (PATCH_FLAGS, ROTATION_FLAGS):
        check_patch_image(data, public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)
    else:
        verify_image(data, public_key, hardware_revision=hardware_revision, minimum_version=minimum_version)
