/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "device_log.h"

#include "flash_fake.h"
#include "unit.h"

static struct log_state state_to_write;

static void write_log(void)
{
    struct log log = log_read();
    struct log_state next = state_to_write;

    CHECK_EQUAL(RESULT_OK, log_settle(&log));
    next.cursor = log.state.cursor;
    CHECK_EQUAL(RESULT_OK, log_write(&log, &next));
}

void device_write_log(const struct log_state *state)
{
    state_to_write = *state;
    CHECK_EQUAL(FAKE_RETURNED, fake_boot(write_log));
}

struct log_state device_state(void)
{
    return log_read().state;
}
