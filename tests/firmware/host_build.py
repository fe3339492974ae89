"""Builds `firmware/boot` and `firmware/tests` for the machine that the tests run on."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.build.libraries import library_path, load_libraries
from harness.build.profile import load_profile

LAYOUTS = {
    "stm32f103": {
        "PAGE_BYTES": 1024,
        "PROGRAM_BYTES": 2,
        "WRITES_PER_UNIT": 0,
        "RAM_ADDRESS": 0x20000000,
        "RAM_BYTES": 0x5000,
        "REGION_BOOTLOADER_ADDRESS": 0x08000000,
        "REGION_BOOTLOADER_BYTES": 0x0800,
        "REGION_IDENTITY_ADDRESS": 0x08000800,
        "REGION_IDENTITY_BYTES": 0x0400,
        "REGION_APPLICATION_ADDRESS": 0x08000C00,
        "REGION_APPLICATION_BYTES": 0x1400,
        "REGION_SLOT_ADDRESS": 0x08002000,
        "REGION_SLOT_BYTES": 0x1800,
        "REGION_METADATA_ADDRESS": 0x08003800,
        "REGION_METADATA_BYTES": 0x1000,
    },
    "nrf52840": {
        "PAGE_BYTES": 4096,
        "PROGRAM_BYTES": 4,
        "WRITES_PER_UNIT": 2,
        "RAM_ADDRESS": 0x20000000,
        "RAM_BYTES": 0x40000,
        "REGION_BOOTLOADER_ADDRESS": 0x0000,
        "REGION_BOOTLOADER_BYTES": 0x1000,
        "REGION_IDENTITY_ADDRESS": 0x1000,
        "REGION_IDENTITY_BYTES": 0x1000,
        "REGION_APPLICATION_ADDRESS": 0x2000,
        "REGION_APPLICATION_BYTES": 0x5000,
        "REGION_SLOT_ADDRESS": 0x7000,
        "REGION_SLOT_BYTES": 0x6000,
        "REGION_METADATA_ADDRESS": 0xD000,
        "REGION_METADATA_BYTES": 0x4000,
    },
}
"""A small part of its own for each chip's flash: with five pages of application, every cut of an update is tried in seconds.

`WRITES_PER_UNIT` is for the fake: how often a unit may be programmed between erases; 0: only when it is erased, or to zero.
"""

DELTA_LAYOUTS = {chip: {**layout, "REGION_METADATA_BYTES": 7 * layout["PAGE_BYTES"]} for chip, layout in LAYOUTS.items()}
"""The same parts with seven pages for log and scratch."""

POOL_LAYOUT = DELTA_LAYOUTS["stm32f103"] | {"PAGE_BYTES": 512, "REGION_IDENTITY_BYTES": 512, "REGION_METADATA_BYTES": 5 * 512}
"""A pool of a few small pages: what it may hold is soon drawn."""

STORE_HOST_VERSION, STORE_MEMORY_BYTES = 5, 16384
"""What the tests' application says of itself to modules, as in `firmware/tests/store/store_device.h`."""


def _store_layout(layout: dict[str, int]) -> dict[str, int]:
    """Return the part with two banks of two pages, a slot as large as one of them, and four pages for the modules' log."""
    page, start = layout["PAGE_BYTES"], layout["REGION_APPLICATION_ADDRESS"]
    banks, slot, log = ((start, 4 * page), (start + 4 * page, 2 * page), (start + 6 * page, 4 * page))
    named = {"APPLICATION": banks, "MODULES": banks, "SLOT": slot, "METADATA": log, "MODULE_LOG": log}
    regions = {f"REGION_{name}_{what}": value for name, place in named.items() for what, value in zip(("ADDRESS", "BYTES"), place, strict=True)}
    return layout | regions


STORE_LAYOUTS = {chip: _store_layout(layout) for chip, layout in LAYOUTS.items()}
"""The same parts as the application that keeps modules sees them."""

_DEVICE_SOURCES = ("tests/flash_fake.c", "tests/new_device.c")

_WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror")


@dataclass(frozen=True, slots=True)
class HostCompiler:
    """A C compiler that makes programs for this machine.

    Attributes:
        command: how it is started. sanitizers: what `-fsanitize=` takes.
    """

    command: tuple[str, ...]
    sanitizers: str


def find_compiler() -> HostCompiler | None:
    """Return the host's compiler with both sanitizers, else zig's with one, else None."""
    native = shutil.which("cc")
    if native is not None and _links((native,), "address,undefined"):
        return HostCompiler((native,), "address,undefined")
    if importlib.util.find_spec("ziglang") is not None:
        return HostCompiler((sys.executable, "-m", "ziglang", "cc"), "undefined")
    return None


def build_units(compiler: HostCompiler, firmware: Path, folder: Path, chip: str) -> Path:
    """Build the test program for a chip's flash in `folder` and return its path.

    The C libraries are compiled without sanitizers: they have tests of their own, and the power-cut tests call them often.

    Raises:
        AssertionError: something does not compile; says what.
    """
    sources = sorted([*firmware.glob("boot/*.c"), *firmware.glob("tests/*.c")])
    return _build_program(compiler, firmware, folder, "speck", sources, ("boot", "hal", "tests"), LAYOUTS[chip])


def build_delta_units(compiler: HostCompiler, firmware: Path, folder: Path, chip: str) -> Path:
    """Build the test program of in-place updates for a chip's flash in `folder` and return its path.

    Raises:
        AssertionError: something does not compile; says what.
    """
    logic = [firmware / file for file in load_profile("speck-delta", firmware).bootloader.sources if file.startswith("boot/")]
    folders = ("delta", "patch", "tests/delta")
    sources = [*logic, *(source for name in folders for source in sorted(firmware.glob(f"{name}/*.c")) if source.name != "patch_apply.c")]
    sources += [firmware / name for name in ("speck/slot.c", "speck/staged_patch.c", *_DEVICE_SOURCES, "tests/boots.c", "tests/runner.c")]
    return _build_program(compiler, firmware, folder, "speck-delta", sources, ("boot", "hal", "speck", "tests", *folders), DELTA_LAYOUTS[chip])


def build_store_units(compiler: HostCompiler, firmware: Path, folder: Path, chip: str) -> Path:
    """Build the test program of the module store for a chip's flash in `folder` and return its path.

    Raises:
        AssertionError: something does not compile; says what.
    """
    recipe = load_profile("speck-module", firmware).application
    sources = [firmware / file for file in recipe.sources if file.startswith(("boot/", "delta/"))]
    sources += [source for name in ("module", "tests/store") for source in sorted(firmware.glob(f"{name}/*.c"))]
    sources += [firmware / name for name in (*_DEVICE_SOURCES, "tests/delta/device_log.c", "tests/runner.c")]
    headers = ("boot", "delta", "hal", "module", "tests", "tests/delta", "tests/store")
    return _build_program(compiler, firmware, folder, "speck-module", sources, headers, STORE_LAYOUTS[chip])


def _build_program(
    compiler: HostCompiler,
    firmware: Path,
    folder: Path,
    profile: str,
    sources: list[Path],
    headers: tuple[str, ...],
    layout: dict[str, int],
) -> Path:
    libraries = load_libraries(firmware)
    roots = {name: library_path(library) for name, library in libraries.items()}
    include = [f"-I{firmware / name}" for name in headers]
    include += [f"-isystem{roots[name] / inner}" for name, library in libraries.items() for inner in library.include]
    define = [f"-D{name}={value:#x}" for name, value in layout.items()]
    foreign = [roots[name] / file for name, files in load_profile(profile, firmware).bootloader.libraries.items() for file in files]
    objects = []
    for source in foreign:
        objects.append(folder / f"{source.stem}.library.o")
        _run([*compiler.command, "-std=c11", "-O2", "-w", *include, "-c", str(source), "-o", str(objects[-1])])
    program = folder / "units"
    _run([*compiler.command, *_checked(compiler), *include, *define, *map(str, [*sources, *objects]), "-o", str(program)])
    return program


def build_patch_apply(compiler: HostCompiler, firmware: Path, folder: Path) -> Path:
    """Build the reader of patches as a program that applies one, in `folder`, and return its path.

    Raises:
        AssertionError: something does not compile; says what.
    """
    include = [f"-I{firmware / name}" for name in ("boot", "patch")]
    program = folder / "patch_apply"
    sources = [*sorted(firmware.glob("patch/*.c")), firmware / "tests/patch/patch_apply.c"]
    _run([*compiler.command, *_checked(compiler), *include, *map(str, sources), "-o", str(program)])
    return program


def build_module_load(compiler: HostCompiler, firmware: Path, folder: Path) -> Path:
    """Build the loader of modules as a program that places one, in `folder`, and return its path.

    Raises:
        AssertionError: something does not compile; says what.
    """
    include = [f"-I{firmware / name}" for name in ("boot", "module")]
    program = folder / "module_load"
    sources = [firmware / "module/module.c", firmware / "tests/module/module_load.c"]
    _run([*compiler.command, *_checked(compiler), *include, *map(str, sources), "-o", str(program)])
    return program


def build_metadata_library(compiler: HostCompiler, firmware: Path, folder: Path, chip: str) -> Path:
    """Build counter and journal on a chip's flash as a library for this process, in `folder`, and return its path.

    Without sanitizers: their runtime would have to be in the interpreter. The fuzz targets run the same sources under them.

    Raises:
        AssertionError: something does not compile; says what.
    """
    sources = [firmware / f"boot/{name}.c" for name in ("counter", "journal", "record", "flash")]
    return _build_steps(compiler, firmware, folder, [*sources, firmware / "tests/metadata/metadata_steps.c"], LAYOUTS[chip])


def build_log_library(compiler: HostCompiler, firmware: Path, folder: Path, layout: dict[str, int]) -> Path:
    """Build the log of patches in the same way, on a flash with this layout.

    Raises:
        AssertionError: something does not compile; says what.
    """
    sources = [firmware / f"{name}.c" for name in ("boot/record", "boot/flash", "delta/log", "delta/page", "delta/place", "delta/pool")]
    return _build_steps(compiler, firmware, folder, [*sources, firmware / "tests/log/log_steps.c"], layout)


def _build_steps(compiler: HostCompiler, firmware: Path, folder: Path, sources: list[Path], layout: dict[str, int]) -> Path:
    sources = [*sources, firmware / "tests/flash_fake.c"]
    include = [f"-I{firmware / name}" for name in ("boot", "delta", "hal", "tests")]
    define = [f"-D{name}={value:#x}" for name, value in layout.items()]
    library = folder / "steps.so"
    _run([*compiler.command, "-std=c11", "-O1", "-g", "-shared", "-fPIC", *_WARNINGS, *include, *define, *map(str, sources), "-o", str(library)])
    return library


def build_xmodem_library(compiler: HostCompiler, firmware: Path, folder: Path) -> Path:
    """Build the receiver of XMODEM as a library for this process, in `folder`, and return its path; without sanitizers, as above.

    Raises:
        AssertionError: something does not compile; says what.
    """
    sources = [*(firmware / f"download/{name}.c" for name in ("xmodem", "crc16")), firmware / "tests/download/xmodem_line.c"]
    include = [f"-I{firmware / name}" for name in ("boot", "hal", "download")]
    library = folder / "xmodem_line.so"
    _run([*compiler.command, "-std=c11", "-O1", "-g", "-shared", "-fPIC", *_WARNINGS, *include, *map(str, sources), "-o", str(library)])
    return library


FUZZ_TARGETS = ("image", "metadata", "patch", "rebuild")


def find_fuzzer() -> HostCompiler | None:
    """Return a clang that brings libFuzzer, None if there is none on this machine."""
    sanitizers = "fuzzer,address,undefined"
    for name in ("clang", *(f"clang-{version}" for version in range(22, 12, -1))):
        found = shutil.which(name)
        if found is not None and _links((found,), sanitizers, "int LLVMFuzzerTestOneInput(void) { return 0; }"):
            return HostCompiler((found,), sanitizers)
    return None


def build_fuzz_target(compiler: HostCompiler, firmware: Path, folder: Path, target: str) -> Path:
    """Build one target of `firmware/fuzz` in `folder` and return its path: a fuzzer with libFuzzer, else a program that replays files.

    Raises:
        AssertionError: something does not compile; says what.
    """
    folders = ("boot", "hal", "tests", "delta", "patch", "tests/delta", "fuzz")
    include = [f"-I{firmware / name}" for name in folders]
    sources = [firmware / f"fuzz/fuzz_{target}.c", firmware / "fuzz/input.c"]
    sources += [] if "fuzzer" in compiler.sanitizers else [firmware / "fuzz/replay.c"]
    define: list[str] = []
    objects: list[Path] = []
    if target == "patch":
        sources += sorted(firmware.glob("patch/*.c"))
    else:
        profile, layouts = ("speck-delta", DELTA_LAYOUTS) if target == "rebuild" else ("speck", LAYOUTS)
        bootloader = load_profile(profile, firmware).bootloader
        libraries = load_libraries(firmware)
        roots = {name: library_path(library) for name, library in libraries.items()}
        include += [f"-isystem{roots[name] / inner}" for name, library in libraries.items() for inner in library.include]
        define = [f"-D{name}={value:#x}" for name, value in layouts["stm32f103"].items()]
        device = ("tests/delta/delta_device.c", "tests/delta/device_log.c") if target == "rebuild" else ("tests/device.c",)
        logic = [file for file in bootloader.sources if file.startswith(("boot/", "delta/", "patch/"))]
        sources += [source for file in logic for source in sorted(firmware.glob(file))]
        sources += [firmware / name for name in (*device, *_DEVICE_SOURCES, "tests/boots.c", "fuzz/device_fuzz.c")]
        for foreign in (roots[name] / file for name, files in bootloader.libraries.items() for file in files):
            objects.append(folder / f"{foreign.stem}.library.o")
            _run([*compiler.command, "-std=c11", "-O2", "-w", *include, "-c", str(foreign), "-o", str(objects[-1])])
    program = folder / f"fuzz_{target}"
    _run([*compiler.command, *_checked(compiler), *include, *define, *map(str, [*sources, *objects]), "-o", str(program)])
    return program


def _checked(compiler: HostCompiler) -> list[str]:
    """Return what our own code is compiled with: every warning an error, every run under sanitizers."""
    return ["-std=c11", "-O1", "-g", f"-fsanitize={compiler.sanitizers}", "-fno-sanitize-recover=all", *_WARNINGS]


def _links(command: tuple[str, ...], sanitizers: str, source: str = "int main(void) { return 0; }") -> bool:
    """Whether the compiler can link a program with these sanitizers: their runtime may not be installed."""
    probe = subprocess.run(
        [*command, f"-fsanitize={sanitizers}", "-x", "c", "-", "-o", "/dev/null"],
        input=source,
        text=True,
        capture_output=True,
        check=False,
    )
    return probe.returncode == 0


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
