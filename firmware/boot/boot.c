/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "boot.h"

#include "console.h"
#include "counter.h"
#include "image.h"
#include "install.h"
#include "journal.h"

/* An update is closed when it is installed, or refused: never when the flash failed on the way. */
static enum result close_journal(struct journal *journal, enum result staged)
{
    if (journal->stage == JOURNAL_STAGE_IDLE || staged < RESULT_OK) {
        return RESULT_OK;
    }
    return journal_append(journal, JOURNAL_CLOSED, (uint16_t)staged);
}

struct boot_end boot_run(void)
{
    struct boot_end end = {BOOT_APPLICATION, RESULT_OK, RESULT_OK, 0};
    struct counter counter = counter_read();
    struct journal journal = journal_read();
    struct image application;

    end.staged = install_run(&journal, counter.value);
    console_problem("slot", end.staged);

    end.result = image_verify(&application, &LAYOUT_APPLICATION, IMAGE_NOT_OLDER, counter.value);
    if (end.result != RESULT_OK) {
        return end;
    }
    end.obstacle = BOOT_COUNTER;
    end.result = counter_advance(&counter, application.version);
    if (end.result != RESULT_OK) {
        return end;
    }
    console_problem("journal", close_journal(&journal, end.staged));
    end.obstacle = BOOT_NOTHING;
    end.vector_table_address = application.vector_table_address;
    return end;
}
