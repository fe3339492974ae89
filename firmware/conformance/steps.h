/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs the steps of a conformance program and prints one line a rule: `F01 expected=locked seen=locked ok`.
 *
 * 1. RAM is lost at a reset, so what was begun and what is done stands in flash, in the page of marks.
 * 2. A step is marked begun before it runs and done after its line is sent.
 * 3. A step that was begun but is not done when the chip starts has faulted: that is what it saw.
 * 4. The first line of a rule counts: where even a mark cannot be written any more, the step is reported again.
 */
#ifndef CONFORMANCE_STEPS_H
#define CONFORMANCE_STEPS_H

#include <stdbool.h>
#include <stdint.h>

struct step {
    const char *id;                /* of the rule; NULL: only arranges something for the steps behind it */
    const char *expected;          /* one word */
    const char *(*run)(void);      /* returns what it saw; NULL: this board cannot show the rule */
    const char *(*in_fault)(void); /* what only the fault handler can see; then `run` provokes the fault */
    bool resets;                   /* a reset follows */
};

/* Run all steps that are not done yet. Returns after the last one, unless that one does not return. */
void steps_run(const struct step *steps, uint32_t count);

/* A fault was taken: report what only the handler can see, then reset. */
_Noreturn void steps_fault(void);

/* What each chip brings. */

/* Clocks and UART (115200 baud, 8N1). */
void board_start(void);

/* Send one byte; waits until the transmitter takes it. */
void board_send(uint8_t byte);

/* Whether a mark, numbered from 0, is set. */
bool board_is_marked(uint32_t mark);

/* Set a mark, following the manual to the letter. */
void board_mark(uint32_t mark);

/* Wait until everything is sent, then reset the chip. */
_Noreturn void board_reset(void);

#endif
