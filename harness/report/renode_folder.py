"""A replay as a folder that plain Renode runs, without the harness."""

from __future__ import annotations

from pathlib import Path

from harness.bundled import bundled_path
from harness.campaign.replay import Replay
from harness.device.memory import NonVolatile
from harness.errors import InputError
from harness.fault.crash import FaultProof
from harness.machine.renode_host import BOARD_MODELS
from harness.scenario.prepared import PreparedScenario

_WORD_BYTES = 4


def renode_folder(scenario: PreparedScenario, result: Replay) -> dict[str, bytes]:
    """Return the files of a folder for the last cut of a replay: flash images, ELF files, board, models, two scripts, and a README.

    Raises:
        InputError: the replay cuts nothing, or Renode has no board for the device.
    """
    device = scenario.device.name
    if result.run.fault is None:
        raise InputError(
            "a run without a cut has nothing to export", source="--export", remedy="Name a replay id with a fault; `harness build --output` writes images."
        )
    if device not in BOARD_MODELS:
        raise InputError(f"Renode has no board for {device}", source="--export", remedy=f"It has: {', '.join(BOARD_MODELS)}.")
    *_, (log, proof) = result.cuts
    boot = log.boots[proof.fault.boot]
    before, crash = boot.start, result.run.start
    models = BOARD_MODELS[device]
    files = {Path(name).name: (bundled_path("platforms") / name).read_bytes() for name in (*models, f"{device}/board.repl")}
    files |= {"before.flash.bin": before.flash, "crash.flash.bin": crash.flash, "bootloader.elf": Path(scenario.bootloader_elf).read_bytes()}
    files |= {f"application-{version}.elf": Path(path).read_bytes() for version, path in scenario.application_elves.items()}
    texts = {
        "part.repl": _part(scenario),
        "cut.resc": _script(scenario, "before", before, boot.seed, f"sysbus.flashController HoldBefore {proof.fault.operation} {proof.pc:#010x}"),
        "recover.resc": _script(scenario, "crash", crash, boot.seed, ""),
        "README.md": _readme(scenario, result, proof),
    }
    return files | {name: text.encode() for name, text in texts.items()}


def _part(scenario: PreparedScenario) -> str:
    part = scenario.device.parts[scenario.part]
    return f'using "./board.repl"\n\nflash:\n    size: {part.flash_bytes.value:#x}\n\nram:\n    size: {part.ram_bytes.value:#x}\n'


def _script(scenario: PreparedScenario, image: str, state: NonVolatile, seed: int, last: str) -> str:
    models = " ".join(f"$ORIGIN/{Path(name).name}" for name in BOARD_MODELS[scenario.device.name])
    address = scenario.flash_address
    lines = [
        f"include {models}",
        f'mach create "{scenario.device.name}"',
        "machine LoadPlatformDescription $ORIGIN/part.repl",
        f"sysbus LoadBinary $ORIGIN/{image}.flash.bin {address:#010x}",
        *_system_words(scenario, state),
        "sysbus LoadSymbolsFrom $ORIGIN/bootloader.elf",
        f'macro reset "sysbus.cpu VectorTableOffset {address:#010x}"',
        "machine Reset",
        f'sysbus.flashController ScrambleRamWith "{seed}"',
        "sysbus.flashController BeginBoot",
        "showAnalyzer sysbus.uart",
        *([last] if last else []),
        "start",
    ]
    return "\n".join(lines) + "\n"


def _system_words(scenario: PreparedScenario, state: NonVolatile) -> list[str]:
    """Option bytes, where they are not as delivered."""
    item = scenario.device.option_bytes
    delivered, held = item.delivery_state.value, state.option_bytes
    offsets = [offset for offset in range(0, len(held), _WORD_BYTES) if held[offset : offset + _WORD_BYTES] != delivered[offset : offset + _WORD_BYTES]]
    words = [(item.address.value + offset, int.from_bytes(held[offset : offset + _WORD_BYTES], "little")) for offset in offsets]
    return [f"sysbus.flashController WriteFactoryWord {address:#010x} {word:#010x}" for address, word in words]


def _readme(scenario: PreparedScenario, result: Replay, proof: FaultProof) -> str:
    violations = [f"- {violation.rule}: {violation.message}" for violation in result.verdict.violations] or ["- none"]
    fault = proof.fault
    return "\n".join(
        [
            f"# {scenario.reference}, case {result.run.case.name}, cut {fault}",
            "",
            f"Power is lost at operation {fault.operation} of boot {fault.boot}:",
            f"{proof.kind} of {proof.size_bytes} bytes at {proof.address:#010x}, from pc {proof.pc:#010x}.",
            "",
            "Violations of the run:",
            *violations,
            "",
            "Renode 1.16 or newer runs this folder as it is:",
            "",
            "    renode recover.resc   what the cut left (crash.flash.bin) boots",
            "    renode cut.resc       the boot that is cut (before.flash.bin), held right before the operation; `start` goes on",
            "",
            "At the hold, `machine StartGdbServer 3333 true` lets `gdb-multiarch bootloader.elf -ex 'target remote :3333'` attach; Renode's server listens on",
            "every interface of the machine. `sysbus.flashController Log` prints the operations so far. RAM holds the same noise as in the harness,",
            "registers do not.",
            "",
        ]
    )
