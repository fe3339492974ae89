/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "boots.h"

#include "boot.h"
#include "hal.h"
#include "recovery.h"
#include "unit.h"

static void boot_as_main_does(void)
{
    struct boot_end end = boot_run();

    if (end.obstacle == BOOT_NOTHING) {
        hal_program_start(end.vector_table_address);
    }
    recovery_wait(&end);
}

enum fake_end run_boot(void)
{
    return fake_boot(boot_as_main_does);
}

enum fake_end run_until_settled(void)
{
    enum fake_end end = FAKE_CUT;

    for (int boots = 0; boots < 3 && end == FAKE_CUT; boots++) {
        end = run_boot();
    }
    CHECK(end != FAKE_CUT);
    return end;
}
