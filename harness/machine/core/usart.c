/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define REGISTER_SR USART_STATUS
#define REGISTER_DR 0x04u
#define REGISTER_BRR 0x08u
#define REGISTER_CR1 0x0Cu
#define REGISTER_GTPR 0x18u

#define SR_RXNE 0x20u
#define SR_TC 0x40u
#define SR_TXE 0x80u

#define CR1_RE 0x0004u
#define CR1_TE 0x0008u
#define CR1_IDLEIE 0x0010u
#define CR1_M 0x1000u
#define CR1_UE 0x2000u
#define CR2_STOP_SHIFT 12u
#define CR2_STOP_TWO 2u

#define IRQ_USART1 37u

#define FEMTOSECONDS_PER_SECOND 1000000000000000u

void usart_reset(struct machine *m, const uint8_t *input, uint64_t input_bytes)
{
    uint8_t *output = m->usart.output;

    memset(&m->usart, 0, sizeof(m->usart));
    m->usart.output = output;
    m->usart.input = input;
    m->usart.input_bytes = input_bytes;
}

static uint64_t frame_fs(const struct machine *m)
{
    const struct usart *usart = &m->usart;
    uint32_t bits = 10u + ((usart->control[0] & CR1_M) != 0) +
                    (((usart->control[1] >> CR2_STOP_SHIFT) & 3u) == CR2_STOP_TWO);

    return FEMTOSECONDS_PER_SECOND / m->rcc.pclk2_hz * usart->brr * bits;
}

static bool enabled(const struct usart *usart, uint32_t direction)
{
    return (usart->control[0] & (CR1_UE | direction)) == (CR1_UE | direction);
}

static void advance_transmitter(struct machine *m, uint64_t now_fs)
{
    if (m->usart.transmit_full && now_fs >= m->usart.shift_end_fs) {
        m->usart.transmit_full = false;
        m->usart.shift_end_fs += frame_fs(m);
    }
}

static bool receive_ready(const struct machine *m, uint64_t now_fs)
{
    return enabled(&m->usart, CR1_RE) && m->usart.input_next < m->usart.input_bytes && now_fs >= m->usart.receive_ready_fs;
}

static bool is_idle(const struct machine *m, uint64_t now_fs)
{
    return !m->usart.transmit_full && now_fs >= m->usart.shift_end_fs;
}

static uint32_t status_now(struct machine *m)
{
    uint64_t now_fs = clock_fs(m, m->instructions);
    uint32_t status = 0;

    advance_transmitter(m, now_fs);
    status |= m->usart.transmit_full ? 0 : SR_TXE;
    status |= is_idle(m, now_fs) && !m->usart.complete_cleared ? SR_TC : 0;
    status |= receive_ready(m, now_fs) ? SR_RXNE : 0;
    return status;
}

static uint32_t read_status(struct machine *m)
{
    uint32_t status = status_now(m);

    if (is_idle(m, clock_fs(m, m->instructions)) && m->usart.input_next == m->usart.input_bytes) {
        waiting_poll(m);
    } else {
        waiting_disturb(m);
    }
    return status;
}

static uint32_t read_data(struct machine *m)
{
    uint64_t now_fs = clock_fs(m, m->instructions);

    if (receive_ready(m, now_fs)) {
        waiting_disturb(m);
        m->usart.received = m->usart.input[m->usart.input_next++];
        m->usart.receive_ready_fs = now_fs + frame_fs(m);
        peer_taken(m);
    }
    return m->usart.received;
}

/* TC and RXNE clear by writing 0 to them; without its flag the byte is gone (RM0008 27.6.1). */
static void write_status(struct machine *m, uint32_t value)
{
    m->usart.complete_cleared = m->usart.complete_cleared || (value & SR_TC) == 0;
    if ((value & SR_RXNE) == 0) {
        (void)read_data(m);
    }
}

static void write_data(struct machine *m, uint8_t value)
{
    struct usart *usart = &m->usart;
    uint64_t now_fs = clock_fs(m, m->instructions);

    if (!enabled(usart, CR1_TE)) {
        return;
    }
    usart->complete_cleared = false;
    advance_transmitter(m, now_fs);
    if (usart->transmit_full) {
        usart->output[usart->output_bytes - 1] = value; /* TXE was clear: the byte in DR is overwritten and lost */
        return;
    }
    if (now_fs >= usart->shift_end_fs) {
        usart->shift_end_fs = now_fs + frame_fs(m);
    } else {
        usart->transmit_full = true;
    }
    if (usart->output_bytes < USART_OUTPUT_MAX) {
        usart->output[usart->output_bytes++] = value;
    }
}

static uint32_t read_register(struct machine *m, uint32_t offset)
{
    switch (offset) {
    case REGISTER_SR:
        return read_status(m);
    case REGISTER_DR:
        return read_data(m);
    case REGISTER_BRR:
        return m->usart.brr;
    default:
        return offset >= REGISTER_CR1 && offset <= REGISTER_GTPR ? m->usart.control[(offset - REGISTER_CR1) / 4] : 0;
    }
}

uint32_t usart_read(struct machine *m, uint32_t offset)
{
    uint32_t value = rcc_usart1_enabled(m) ? read_register(m, offset) : 0;

    if (offset == REGISTER_DR) {
        usart_run(m);
    }
    return value;
}

static void write_register(struct machine *m, uint32_t offset, uint32_t value)
{
    uint32_t *control = m->usart.control;

    if (offset == REGISTER_SR) {
        write_status(m, value);
    } else if (offset == REGISTER_DR) {
        write_data(m, (uint8_t)value);
    } else if (offset == REGISTER_BRR) {
        m->usart.brr = value & 0xFFFFu;
    } else if (offset >= REGISTER_CR1 && offset <= REGISTER_GTPR) {
        bool was_receiving = enabled(&m->usart, CR1_RE);

        control[(offset - REGISTER_CR1) / 4] = value;
        if (!was_receiving && enabled(&m->usart, CR1_RE)) {
            m->usart.receive_ready_fs = clock_fs(m, m->instructions) + frame_fs(m);
        }
    }
}

bool usart_is_poll(uint32_t offset)
{
    return offset == REGISTER_SR || offset == REGISTER_DR;
}

void usart_write(struct machine *m, uint32_t offset, uint32_t value)
{
    if (rcc_usart1_enabled(m)) {
        write_register(m, offset, value);
        usart_run(m);
        machine_schedule(m);
    }
}

/* The enable bits of CR1 stand where the flags stand in SR. */
static uint32_t wanted(const struct machine *m)
{
    bool works = rcc_usart1_enabled(m) && (m->usart.control[0] & CR1_UE) != 0;

    return works ? m->usart.control[0] & (SR_TXE | SR_TC | SR_RXNE) : 0;
}

static bool is_heard(const struct machine *m)
{
    return nvic_is_enabled(m, IRQ_USART1) || scb_events_on_pending(m);
}

bool usart_takes(const struct machine *m)
{
    return rcc_usart1_enabled(m) && enabled(&m->usart, CR1_RE);
}

uint64_t usart_silent_fs(const struct machine *m)
{
    uint64_t sent_fs = m->usart.shift_end_fs + (m->usart.transmit_full ? 2 : 1) * frame_fs(m);

    return sent_fs > m->usart.receive_ready_fs ? sent_fs : m->usart.receive_ready_fs;
}

void usart_arrives(struct machine *m)
{
    m->usart.receive_ready_fs = clock_fs(m, m->instructions) + frame_fs(m);
    usart_run(m);
}

bool usart_next(const struct machine *m, uint64_t *fs)
{
    const struct usart *usart = &m->usart;
    uint32_t flags = wanted(m);
    bool sends = usart->transmit_full || clock_fs(m, m->instructions) < usart->shift_end_fs;

    *fs = UINT64_MAX;
    if (!is_heard(m) || nvic_line(m, IRQ_USART1)) {
        return false; /* nobody hears it, or it calls already */
    }
    if ((flags & SR_TXE) != 0 && usart->transmit_full) {
        *fs = usart->shift_end_fs;
    } else if ((flags & SR_TC) != 0 && sends) {
        *fs = usart->shift_end_fs + (usart->transmit_full ? frame_fs(m) : 0);
    }
    if ((flags & SR_RXNE) != 0 && enabled(usart, CR1_RE) && usart->input_next < usart->input_bytes && usart->receive_ready_fs < *fs) {
        *fs = usart->receive_ready_fs;
    }
    return *fs != UINT64_MAX;
}

void usart_run(struct machine *m)
{
    if (is_heard(m) && (m->usart.control[0] & CR1_IDLEIE) != 0) {
        machine_end(m, END_UNSUPPORTED, m->block_address, m->instructions, "idle interrupt of USART1");
    }
    nvic_set_line(m, IRQ_USART1, (status_now(m) & wanted(m)) != 0);
}

bool usart_only_sends(const struct machine *m, uint32_t offset, bool writes)
{
    const struct usart *usart = &m->usart;
    uint64_t now_fs = clock_fs(m, m->instructions);

    if (!rcc_usart1_enabled(m) || !enabled(usart, CR1_TE) || wanted(m) != 0 || (usart->control[0] & CR1_IDLEIE) != 0 ||
        usart->input_next != usart->input_bytes || m->peer.ask != NULL) {
        return false;
    }
    if (!writes) {
        return offset == REGISTER_SR;
    }
    return offset == REGISTER_DR && (!usart->transmit_full || now_fs >= usart->shift_end_fs); /* no byte is overwritten */
}

void usart_sender_read(struct machine *m, struct usart_sender *sender)
{
    const struct usart *usart = &m->usart;
    uint64_t now_fs = clock_fs(m, m->instructions);

    advance_transmitter(m, now_fs);
    *sender = (struct usart_sender){
        .shift_left_fs = now_fs < usart->shift_end_fs ? usart->shift_end_fs - now_fs : 0,
        .pclk2_hz = m->rcc.pclk2_hz,
        .brr = usart->brr,
        .control = {usart->control[0], usart->control[1], usart->control[2], usart->control[3]},
        .transmit_full = usart->transmit_full,
        .complete_cleared = usart->complete_cleared,
    };
}

void usart_sender_write(struct machine *m, const struct usart_sender *sender, const uint8_t *sent, uint32_t count)
{
    m->usart.shift_end_fs = clock_fs(m, m->instructions) + sender->shift_left_fs;
    m->usart.transmit_full = sender->transmit_full != 0;
    m->usart.complete_cleared = sender->complete_cleared != 0;
    memcpy(m->usart.output + m->usart.output_bytes, sent, count);
    m->usart.output_bytes += count;
}
