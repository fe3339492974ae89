/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The order of a boot (boot.h) with the log as counter and journal. */
#include "boot.h"

#include "console.h"
#include "identity.h"
#include "image.h"
#include "log.h"
#include "place.h"
#include "rebuild.h"

/* Raise the counter to a version that is about to start. A counter that may read otherwise in the next boot is written again. */
static enum result confirm_version(struct log *log, uint64_t version)
{
    enum result result = log_settle(log);

    if (result == RESULT_OK && log->state.counter < version) {
        struct log_state next = log->state;

        next.counter = version;
        result = log_write(log, &next);
    }
    return result;
}

/* An update is closed when it is installed, or refused: never when the flash failed on the way. */
static enum result close_update(struct log *log, enum result staged)
{
    struct log_state next = log->state;

    if (next.stage == LOG_IDLE || staged < RESULT_OK) {
        return RESULT_OK;
    }
    next.stage = LOG_IDLE;
    next.closed = staged;
    next.steps = 0;
    next.scratch = 0;
    next.scratch_is_inverted = false;
    return log_write(log, &next);
}

struct boot_end boot_run(void)
{
    struct boot_end end = {BOOT_APPLICATION, RESULT_OK, RESULT_OK, 0};
    struct log log = log_read();
    struct image application;

    identity_trust(log.state.key);
    end.staged = rebuild_run(&log);
    identity_trust(log.state.key);
    console_problem("slot", end.staged);
    if (end.staged == RESULT_TARGET && log.state.steps > 0) {
        end.result = RESULT_TARGET;
        return end;
    }
    end.result = image_verify(&application, &LAYOUT_APPLICATION, IMAGE_NOT_OLDER, log.state.counter);
    if (end.result == RESULT_OK && application.version >= PLACE_VALUE_END) {
        end.result = RESULT_VERSION;
    }
    if (end.result != RESULT_OK) {
        return end;
    }
    end.obstacle = BOOT_COUNTER;
    end.result = confirm_version(&log, application.version);
    if (end.result != RESULT_OK) {
        return end;
    }
    console_problem("log", close_update(&log, end.staged));
    end.obstacle = BOOT_NOTHING;
    end.vector_table_address = application.vector_table_address;
    return end;
}
