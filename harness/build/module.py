"""The module of a profile, from its sources."""

from __future__ import annotations

import os

from harness.build.compiler import Compiler, Source, SourceTree
from harness.build.elf import FIRMWARE_PREFIX
from harness.build.firmware import headers_digest, sources_of
from harness.build.module_elf import read_module_elf
from harness.build.profile import Profile
from harness.build.toolchain import Toolchain
from harness.device import Device
from harness.errors import InputError
from harness.image.module import Module

ENTRY_SYMBOL = "module_start"
"""The function that a module begins with."""


def build_module(profile: Profile, device: Device, toolchain: Toolchain, version: int) -> Module:
    """Compile and link the sample module of a profile.

    Args:
        version: 0..2**48-1, compiled in as MODULE_VERSION.

    Raises:
        InputError: the profile has none, or its sources don't fit.
        EngineError: the toolchain failed.
    """
    recipe = profile.module
    if recipe is None:
        raise InputError("has no module", source=str(profile.path), field="module", remedy="Use a profile that loads modules, such as speck-module.")
    pic = toolchain.position_independent(ENTRY_SYMBOL)
    tree = SourceTree(profile.root, FIRMWARE_PREFIX, headers_digest(profile.root), foreign=False)
    compiler = Compiler(pic, device.core, [tree], [profile.root / folder for folder in recipe.include])
    sources = sources_of(profile, "module", recipe.sources, device, tree)
    objects = compiler.compile_all(sources, {"MODULE_VERSION": f"{version}u"}, os.cpu_count() or 1)
    script = compiler.linker_script(Source(tree, recipe.linker_script), {})
    return read_module_elf(compiler.link(objects, script, "module.elf"))
