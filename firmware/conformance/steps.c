/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "steps.h"

#include <stddef.h>

static const struct step *current;

static void send(const char *text)
{
    while (*text != '\0') {
        board_send((uint8_t)*text++);
    }
}

static bool is_equal(const char *one, const char *other)
{
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

static void report(const struct step *step, const char *seen)
{
    send(step->id);
    send(" expected=");
    send(step->expected);
    send(" seen=");
    send(seen == NULL ? "-" : seen);
    if (seen == NULL) {
        send(" not shown\n");
    } else {
        send(is_equal(seen, step->expected) ? " ok\n" : " DIFFERS\n");
    }
}

void steps_run(const struct step *steps, uint32_t count)
{
    for (uint32_t number = 0; number < count; number++) {
        const struct step *step = &steps[number];
        const uint32_t begun = 2 * number;
        const uint32_t done = 2 * number + 1;
        const bool faulted = board_is_marked(begun);
        const char *seen = "fault";

        if (board_is_marked(done)) {
            continue;
        }
        if (!faulted) {
            board_mark(begun);
            current = step;
            seen = step->run();
            current = NULL;
        }
        /* What a fault handler had to tell, it has told. */
        if (step->id != NULL && !(faulted && step->in_fault != NULL)) {
            report(step, seen);
        }
        board_mark(done);
        if (step->resets || !board_is_marked(done)) {
            board_reset();
        }
    }
}

_Noreturn void steps_fault(void)
{
    if (current != NULL && current->in_fault != NULL) {
        report(current, current->in_fault());
    }
    board_reset();
}
