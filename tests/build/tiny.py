"""A firmware folder of a few lines, for tests that want to break it."""

from __future__ import annotations

from pathlib import Path

from harness.build import Profile, load_profile

PROFILE = """\
name = "tiny"
[bootloader]
sources = ["boot/*.c", "hal/{chip}.c"]
include = ["boot"]
linker_script = "hal/{chip}.ld"
region = "bootloader"
[application]
sources = ["app/main.c", "hal/{chip}.c"]
include = ["boot"]
linker_script = "hal/{chip}.ld"
region = "application"
header_bytes = 144
[layout.c8]
bootloader = { address = 0x08000000, bytes = 0x0400 }
application = { address = 0x08000400, bytes = 0x0800 }
"""

FILES = {
    "profiles/tiny/profile.toml": PROFILE,
    "boot/answer.h": "#include <stdint.h>\nuint32_t answer(uint32_t question);\n",
    "boot/answer.c": """\
#include "answer.h"
uint32_t answer(uint32_t question)
{
    return question + 42u;
}
""",
    "boot/main.c": """\
#include "answer.h"
int main(void);
int main(void)
{
    return (int)answer(REGION_APPLICATION_ADDRESS);
}
""",
    "app/main.c": """\
#include <stdint.h>
int main(void);
static volatile uint64_t version;
int main(void)
{
    version = APPLICATION_VERSION;
    return 0;
}
""",
    "hal/stm32f103.c": """\
#include <stdint.h>
extern uint32_t stack_top;
int main(void);
void Reset_Handler(void);
__attribute__((section(".vectors"), used)) const void *const vector_table[2] = {&stack_top, (const void *)Reset_Handler};
void Reset_Handler(void)
{
    (void)main();
    for (;;) {
    }
}
""",
    "hal/stm32f103.ld": """\
MEMORY
{
    IMAGE (rx) : ORIGIN = IMAGE_ADDRESS, LENGTH = IMAGE_BYTES
    RAM (rw) : ORIGIN = RAM_ADDRESS, LENGTH = RAM_BYTES
}
SECTIONS
{
    .text : { . = ALIGN(256); KEEP(*(.vectors)) *(.text .text.* .rodata .rodata.*) } > IMAGE =0xFFFFFFFF
    .data : { *(.data .data.*) } > RAM AT > IMAGE
    .bss (NOLOAD) : { *(.bss .bss.*) } > RAM
    stack_top = RAM_ADDRESS + RAM_BYTES;
    /DISCARD/ : { *(.ARM.exidx* .comment) }
}
""",
}


def make_tiny_firmware(root: Path, replaced: dict[str, str] | None = None) -> Path:
    """Write the folder to `root` and return it.

    Args:
        replaced: contents that differ from `FILES`, by path.
    """
    for name, content in {**FILES, **(replaced or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def load_tiny(root: Path, replaced: dict[str, str] | None = None) -> Profile:
    """Write the folder to `root` and return its profile."""
    return load_profile("tiny", make_tiny_firmware(root, replaced))
