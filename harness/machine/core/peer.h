/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The host at the other end of the UART. It is a program outside of this core, asked when its turn has come.
 *
 *  1. It speaks when the device may take a byte and has taken all that it was sent. The receiver decides that, not the code: a
 *     host does not know whether anybody reads.
 *  2. It hears what the device sent once the line has been silent for a frame, both ways; what it answers begins to arrive then.
 *  3. If the device says nothing, its timeout is due that long after it last spoke, and after the device took its last byte.
 *  4. Time alone decides when it acts: a wait that is proved (waiting.h), and a sleep, go on to that moment without being executed.
 *  5. What it says is a function of what it heard and when it timed out, so a boot stays a function of its arguments.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define PEER_WAITS_FOR_EVER UINT64_MAX

/* What it says. Mirrors `PeerReply` in native.py. */
struct peer_reply {
    const uint8_t *bytes; /* stay valid until it is asked again */
    uint64_t count;
    uint64_t timeout_ps; /* or PEER_WAITS_FOR_EVER */
};

/* Tell it what it heard; nothing: its timeout is over. Not 0: it failed. Mirrors `PEER_ASK` in native.py. */
typedef int32_t (*peer_ask)(const uint8_t *heard, uint64_t count, struct peer_reply *reply);

struct peer {
    peer_ask ask; /* NULL: nobody is there */
    uint32_t heard; /* bytes of the device's output */
    uint64_t timeout_fs;
    uint64_t due_fs;
};

/* Power-on: nothing heard yet. `timeout_ps` as in a reply. */
void peer_reset(struct machine *m, peer_ask ask, uint64_t timeout_ps);

/* When it will act; false for never, as things are. */
bool peer_next(const struct machine *m, uint64_t *fs);

/* Let it act if it is due. */
void peer_run(struct machine *m);

/* The device took a byte from the line. */
void peer_taken(struct machine *m);

#endif
