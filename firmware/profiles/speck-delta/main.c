/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The bootloader of profile speck-delta: rebuild what the staged patch asks for, start what verifies, or say why nothing does. */
#include "boot.h"
#include "hal.h"
#include "recovery.h"

int main(void)
{
    struct boot_end end;

    hal_start();
    end = boot_run();
    if (end.obstacle == BOOT_NOTHING) {
        hal_program_start(end.vector_table_address);
    }
    recovery_wait(&end);
}
