/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One boot, from reset to the decision what to run (SPEC section 5).
 *
 * 1. Read the counter and the journal.
 * 2. Do what the journal asks for. Whatever comes of it, step 3 decides.
 * 3. Verify the application region as a whole. What does not verify is never started.
 * 4. Raise the counter to the application's version, confirmed. A counter that cannot be raised starts nothing.
 * 5. Close the journal if nothing is left to do. If that fails, the next boot tries again.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <stdint.h>

#include "result.h"

/* What stands in the way of the application. */
enum boot_obstacle { BOOT_NOTHING, BOOT_APPLICATION, BOOT_COUNTER };

struct boot_end {
    enum boot_obstacle obstacle;
    enum result result;            /* why, RESULT_OK with BOOT_NOTHING */
    enum result staged;            /* what became of the staged image; RESULT_OK also when there was none */
    uint32_t vector_table_address; /* of the application; valid with BOOT_NOTHING only */
};

struct boot_end boot_run(void);

#endif
