"""The bundled bootloader as a stranger would bring it: an ELF file, plain binaries and a scenario of the kind `own-bootloader`."""

from __future__ import annotations

from pathlib import Path

from harness.image.spk import HEADER_BYTES
from harness.image.verify import image_in_region
from harness.scenario.prepared import PreparedScenario

LIMITS = "[limits]\nboots = 3\nsettling_boots = 1\npage_erases = 1\ncut_erases = 2\ninstructions = 40_000_000\n"


def write_own_scenario(folder: Path, scenario: PreparedScenario, case_name: str, *, more: str = "", name: str = "own.toml") -> Path:
    """Write one case of a bundled scenario as files that the harness did not make, and the scenario that names them.

    Args:
        more: TOML keys at the top of the file.
    """
    case = scenario.case(case_name)
    (folder / "bootloader.elf").write_bytes(Path(scenario.bootloader_elf).read_bytes())
    for region in ("identity", "application", "slot", "metadata"):
        (folder / f"{region}.bin").write_bytes(scenario.region_bytes(case.state.flash, region).rstrip(b"\xff") or b"\xff")
    images = []
    for label, region, version in (("installed", "application", case.installed_version), ("staged", "slot", case.staged_version)):
        content = image_in_region(scenario.region_bytes(case.state.flash, region))
        assert content is not None
        (folder / f"{label}.spk").write_bytes(content.to_bytes())
        authentic = label == "installed" or case.end.value == "new"
        vectors = HEADER_BYTES + content.header.entry_offset
        images.append(f'[[image]]\nname = "{label}"\nversion = {version}\nfile = "{label}.spk"\nvectors = {vectors}\nauthentic = {str(authentic).lower()}\n')
    regions = [f"[regions.{region.name}]\naddress = {region.address}\nbytes = {region.size_bytes}\n" for region in scenario.regions.values()]
    files = ['[[flash]]\nfile = "bootloader.elf"\n', '[[flash]]\nfile = "identity.bin"\nregion = "identity"\n']
    placed = ", ".join(f'{{ file = "{region}.bin", region = "{region}" }}' for region in ("application", "slot", "metadata"))
    head = f'kind = "own-bootloader"\nname = "own"\ndevice = "{scenario.device.name}"\npart = "{scenario.part}"\nprotected = ["bootloader", "identity"]\n'
    text = f'[[case]]\nname = "{case.name}"\ninstalled = "installed"\nstaged = "staged"\nend = "{case.end.value}"\nflash = [{placed}]\n'
    path = folder / name
    path.write_text("\n".join([head + more, LIMITS, *regions, *files, *images, text]))
    return path
