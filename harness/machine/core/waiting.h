/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Proof that the firmware waits for UART input that never comes. The boot ends as waiting when
 *
 *  1. the firmware polls the status or data register of USART1, all input is used up, and the transmitter is idle;
 *  2. the core comes back to the same block with the same registers and the same RAM, byte for byte;
 *  3. in between it touched no peripheral but those two registers and the watchdog's, and changed no flash;
 *  4. no exception can occur, no flash operation runs, and the watchdog is stopped or was fed in between.
 *
 * The machine is deterministic, so the same state again means: for ever. A loop that reads a timer, toggles a pin or counts
 * in RAM is not proven to wait and runs on. Where a peer (peer.h) is due to speak, time goes on to there instead. Snapshots are taken at ever longer distances (Brent), so every period is found.
 */
#ifndef WAITING_H
#define WAITING_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define WAITING_REGISTERS 19u

struct waiting {
    bool polled;
    bool valid;
    bool fed;
    uint64_t polls;
    uint64_t next_snapshot;
    uint32_t pc;
    uint32_t registers[WAITING_REGISTERS];
    uint8_t *ram;
};

/* Forget everything. */
void waiting_reset(struct machine *m);

/* The firmware polled in vain; the next block is a candidate. */
void waiting_poll(struct machine *m);

/* Something happened that could end the wait. */
void waiting_disturb(struct machine *m);

/* At the block that follows a poll: end the boot if the state is proven to repeat. */
void waiting_check(struct machine *m, uint32_t pc);

#endif
