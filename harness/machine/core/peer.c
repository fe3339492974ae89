/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

static uint64_t due_after(uint64_t now_fs, uint64_t timeout_fs)
{
    return timeout_fs == PEER_WAITS_FOR_EVER ? PEER_WAITS_FOR_EVER : clock_after(now_fs, timeout_fs, 1);
}

static void set_timeout(struct peer *peer, uint64_t now_fs, uint64_t timeout_ps)
{
    bool for_ever = timeout_ps >= CLOCK_FAR_FS / FEMTOSECONDS_PER_PICOSECOND;

    peer->timeout_fs = for_ever ? PEER_WAITS_FOR_EVER : timeout_ps * FEMTOSECONDS_PER_PICOSECOND;
    peer->due_fs = due_after(now_fs, peer->timeout_fs);
}

void peer_reset(struct machine *m, peer_ask ask, uint64_t timeout_ps)
{
    m->peer = (struct peer){.ask = ask};
    set_timeout(&m->peer, 0, timeout_ps);
}

bool peer_next(const struct machine *m, uint64_t *fs)
{
    const struct peer *peer = &m->peer;

    if (peer->ask == NULL || m->usart.input_next < m->usart.input_bytes || !m->chip->uart_takes(m)) {
        return false;
    }
    *fs = m->usart.output_bytes > peer->heard ? m->chip->uart_silent_fs(m) : peer->due_fs;
    return *fs != PEER_WAITS_FOR_EVER;
}

void peer_run(struct machine *m)
{
    struct peer *peer = &m->peer;
    struct peer_reply reply = {.timeout_ps = PEER_WAITS_FOR_EVER};
    uint64_t now_fs = clock_fs(m, m->instructions);
    uint64_t fs;

    if (m->ended || !peer_next(m, &fs) || now_fs < fs) {
        return;
    }
    waiting_disturb(m);
    if (peer->ask(m->usart.output + peer->heard, m->usart.output_bytes - peer->heard, &reply) != 0) {
        machine_end(m, END_UNSUPPORTED, m->block_address, m->instructions, "the peer failed");
        return;
    }
    peer->heard = m->usart.output_bytes;
    set_timeout(peer, now_fs, reply.timeout_ps);
    m->usart.input = reply.bytes;
    m->usart.input_bytes = reply.count;
    m->usart.input_next = 0;
    if (reply.count > 0) {
        m->chip->uart_arrives(m);
    }
}

void peer_taken(struct machine *m)
{
    if (m->peer.ask != NULL && m->usart.input_next == m->usart.input_bytes) {
        m->peer.due_fs = due_after(clock_fs(m, m->instructions), m->peer.timeout_fs);
        machine_schedule(m);
    }
}
