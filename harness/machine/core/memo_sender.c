/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls that send on the UART may be shared too.
 *
 *  1. Such a call polls the status and writes bytes, and no more: no other register, no interrupt, nothing to receive, no peer.
 *  2. The transmitter is then a function of its registers, its rate, and the time that is left of the byte on the line. With these
 *     equal at the beginning, every poll reads the same at the same distance from there, for time is linear in work.
 *  3. The call ends with its last access a write, or a poll while a byte is on the line: so the proof of waiting has nothing in hand.
 */
#include <string.h>

#include "memo_private.h"

void memo_sends(struct machine *m, uint32_t address, bool writes)
{
    if (!usart_only_sends(m, address - m->config.usart1_address, writes)) {
        memo_disturb(m);
        return;
    }
    memo_note_sending(m);
}

bool memo_same_sender(struct machine *m, const struct usart_sender *before)
{
    struct usart_sender now;

    usart_sender_read(m, &now);
    return memcmp(&now, before, sizeof(now)) == 0 && usart_only_sends(m, USART_STATUS, false);
}

bool memo_sending_is_settled(const struct machine *m)
{
    return !m->waiting.polled && !m->waiting.valid && m->waiting.polls == 0 && m->usart.output_bytes < USART_OUTPUT_MAX;
}
