"""Firmware from a profile: equal inputs give equal bytes, in any folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.build.bugs import Edit, apply_edits
from harness.build.cache import cache_path, workspace
from harness.build.compiler import Compiler, RegionOverflowError, Source, SourceTree
from harness.build.elf import FIRMWARE_PREFIX, ElfFile
from harness.build.libraries import Library, library_path, load_libraries
from harness.build.profile import ImageRecipe, LayoutRegion, Profile, Recipe, regions_on
from harness.build.toolchain import Toolchain
from harness.device import Device, device_part
from harness.errors import InputError

VECTOR_TABLE_SYMBOL = "vector_table"
"""The symbol that every start-up file gives the vector table."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """One linked image.

    Attributes:
        elf_path: the ELF file, in the cache.
        binary: the bytes for flash. address: where they go.
        entry: address of the vector table.
        digest: SHA-256 of the binary.
    """

    elf_path: Path
    binary: bytes
    address: int
    entry: int
    digest: str


def build_bootloader(profile: Profile, device: Device, part: str, toolchain: Toolchain, edits: Sequence[Edit] = ()) -> Firmware:
    """Compile and link the bootloader of a profile.

    Args:
        part: member of the device's family.
        edits: of a seeded bug; they are made in a copy, never in the sources.

    Raises:
        InputError: layout, sources or edits don't fit; the image is larger than its region.
        EngineError: a library can't be fetched, or the toolchain failed.
    """
    with _edited(profile.root, edits) as root:
        return build_image(profile, "bootloader", profile.bootloader, device, part, toolchain, root, {})


def build_application(profile: Profile, device: Device, part: str, toolchain: Toolchain, version: int, edits: Sequence[Edit] = ()) -> Firmware:
    """Compile and link the application of a profile, behind the image header.

    Args:
        version: 0..2**64-1, compiled in as APPLICATION_VERSION.
        edits: of a seeded bug; they are made in a copy, never in the sources.

    Raises:
        InputError, EngineError: as `build_bootloader`.
    """
    if not 0 <= version < 2**64:
        raise InputError(f"{version} is out of range", source="version", remedy="A version is 0..2**64-1.")
    defines = {"APPLICATION_VERSION": f"{version}ull"}
    if profile.module is not None:
        defines["MODULE_MEMORY_BYTES"] = f"{profile.module.memory_bytes}u"
    with _edited(profile.root, edits) as root:
        return build_image(profile, "application", profile.application, device, part, toolchain, root, defines)


def build_image(
    profile: Recipe,
    field: str,
    recipe: ImageRecipe,
    device: Device,
    part: str,
    toolchain: Toolchain,
    root: Path,
    extra_defines: dict[str, str],
) -> Firmware:
    """Compile and link one image of a recipe.

    Args:
        field: the recipe's name in the file of `profile`.
        root: the firmware folder; a copy, where sources were edited.

    Raises:
        InputError, EngineError: as `build_bootloader`.
    """
    regions = regions_on(profile, device, part)
    region = regions[recipe.region]
    image = LayoutRegion(address=region.address + recipe.header_bytes, bytes=region.bytes - recipe.header_bytes)
    numbers = _numbers(device, part, regions, recipe.aliases, image)
    libraries = _libraries_of(profile, field, recipe)
    ours = SourceTree(root, FIRMWARE_PREFIX, headers_digest(root), foreign=False)
    foreign = {name: SourceTree(library_path(library), f"/libraries/{name}", library.sha256, foreign=True) for name, library in libraries.items()}
    include = [root / folder for folder in recipe.include]
    include += [foreign[name].path / folder for name, library in libraries.items() for folder in library.include]
    compiler = Compiler(toolchain, device.core, [ours, *foreign.values()], include)
    sources = sources_of(profile, field, recipe.sources, device, ours)
    sources += [Source(foreign[name], file) for name, files in recipe.libraries.items() for file in files]
    _check_exist(profile, field, sources)
    defines = {name: f"{value:#x}u" for name, value in numbers.items()} | extra_defines
    objects = compiler.compile_all(sources, defines, os.cpu_count() or 1)
    script = Source(ours, recipe.linker_script.replace("{chip}", device.name))
    _check_exist(profile, field, [script])
    try:
        elf_path = compiler.link(objects, compiler.linker_script(script, {name: f"{value:#x}" for name, value in numbers.items()}), f"{field}.elf")
    except RegionOverflowError as overflow:
        raise _too_large(profile, field, image.bytes + overflow.excess_bytes, image, part) from overflow
    return _read_firmware(profile, field, elf_path, image, part)


def _numbers(device: Device, part: str, regions: dict[str, LayoutRegion], aliases: dict[str, str], image: LayoutRegion) -> dict[str, int]:
    """Return the macros that tell sources and linker scripts where things are."""
    numbers = {}
    named = regions | {alias: regions[name] for alias, name in aliases.items()}
    for name, region in sorted(named.items()):
        numbers[f"REGION_{name.upper()}_ADDRESS"] = region.address
        numbers[f"REGION_{name.upper()}_BYTES"] = region.bytes
    numbers["PAGE_BYTES"] = device.flash.page_bytes.value
    numbers["PROGRAM_BYTES"] = device.flash.program_unit_bytes.value
    numbers["RAM_ADDRESS"] = device.ram_address.value
    numbers["RAM_BYTES"] = device_part(device, part).ram_bytes.value
    numbers["IMAGE_ADDRESS"] = image.address
    numbers["IMAGE_BYTES"] = image.bytes
    return numbers


def _libraries_of(profile: Recipe, field: str, recipe: ImageRecipe) -> dict[str, Library]:
    known = load_libraries(profile.root)
    for name in recipe.libraries:
        if name not in known:
            raise InputError("no such library", source=str(profile.path), field=f"{field}.libraries.{name}", remedy=f"Known: {', '.join(known) or 'none'}.")
    return {name: known[name] for name in recipe.libraries}


def sources_of(profile: Recipe, field: str, patterns: Sequence[str], device: Device, tree: SourceTree) -> list[Source]:
    """Return the sources that globs of a recipe match, each once, in their order.

    Raises:
        InputError: one matches no file.
    """
    files: dict[str, None] = {}
    for number, pattern in enumerate(patterns):
        found = sorted(path.relative_to(tree.path).as_posix() for path in tree.path.glob(pattern.replace("{chip}", device.name)))
        if not found:
            raise InputError(f"{pattern!r} matches no file", source=str(profile.path), field=f"{field}.sources[{number}]", remedy="Name an existing source.")
        files |= dict.fromkeys(found)
    return [Source(tree, file) for file in files]


def _check_exist(profile: Recipe, field: str, sources: list[Source]) -> None:
    for source in sources:
        if not source.path.is_file():
            raise InputError(f"there is no {source.tree.prefix[1:]}/{source.file}", source=str(profile.path), field=field, remedy="Name an existing file.")


def _read_firmware(profile: Recipe, field: str, elf_path: Path, image: LayoutRegion, part: str) -> Firmware:
    elf = ElfFile(elf_path)
    loaded = elf.load_image()
    if loaded.address < image.address:
        raise InputError(
            f"the image starts at 0x{loaded.address:08X}, before its place 0x{image.address:08X}",
            source=str(profile.path),
            field=f"{field}.linker_script",
            remedy="Place everything that is loaded at IMAGE_ADDRESS or behind it.",
        )
    binary = b"\xff" * (loaded.address - image.address) + loaded.content
    if len(binary) > image.bytes:
        raise _too_large(profile, field, len(binary), image, part)
    return Firmware(elf_path, binary, image.address, elf.symbol(VECTOR_TABLE_SYMBOL), hashlib.sha256(binary).hexdigest())


def _too_large(profile: Recipe, field: str, size_bytes: int, image: LayoutRegion, part: str) -> InputError:
    return InputError(
        f"the {field} takes {size_bytes} bytes, its place in layout.{part} has {image.bytes}",
        source=str(profile.path),
        field=field,
        remedy="Make it smaller, or its region larger.",
    )


@contextmanager
def _edited(root: Path, edits: Sequence[Edit]) -> Iterator[Path]:
    """Yield the firmware folder: itself without edits, else an edited copy."""
    if not edits:
        yield root
        return
    with workspace(cache_path("edited")) as folder:
        copy = folder / "firmware"
        shutil.copytree(root, copy)
        apply_edits(copy, edits)
        yield copy


def headers_digest(root: Path) -> str:
    """Return a digest of every header below a firmware folder."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.h")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
