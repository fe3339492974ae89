/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define TASK_STARTRX 0x000u
#define TASK_STOPRX 0x004u
#define TASK_STARTTX 0x008u
#define TASK_STOPTX 0x00Cu
#define TASK_FLUSHRX 0x02Cu
#define EVENT_RXDRDY 0x108u
#define EVENT_ENDRX 0x110u
#define EVENT_TXDRDY 0x11Cu
#define EVENT_ENDTX 0x120u
#define EVENT_RXTO 0x144u
#define EVENT_RXSTARTED 0x14Cu
#define EVENT_TXSTARTED 0x150u
#define EVENT_TXSTOPPED 0x158u
#define SHORT_ENDRX_STARTRX 0x20u
#define SHORT_ENDRX_STOPRX 0x40u
#define REGISTER_ENABLE 0x500u
#define REGISTER_PSEL_FIRST 0x508u
#define REGISTER_PSEL_LAST 0x514u
#define REGISTER_RXD 0x518u
#define REGISTER_TXD 0x51Cu
#define REGISTER_BAUDRATE 0x524u
#define REGISTER_RXD_PTR 0x534u
#define REGISTER_RXD_MAXCNT 0x538u
#define REGISTER_RXD_AMOUNT 0x53Cu
#define REGISTER_TXD_PTR 0x544u
#define REGISTER_TXD_MAXCNT 0x548u
#define REGISTER_TXD_AMOUNT 0x54Cu
#define REGISTER_CONFIG 0x56Cu
#define ENABLE_UART 4u
#define ENABLE_UARTE 8u
#define CONFIG_PARITY 0xEu
#define CONFIG_TWO_STOP_BITS 0x10u
#define BAUDRATE_AFTER_RESET 0x04000000u
#define DISCONNECTED 0xFFFFFFFFu
#define FEMTOSECONDS_PER_CLOCK_16MHZ 62500000u

static uint32_t *at(struct machine *m, uint32_t offset)
{
    return nrf_register(m, NRF_UART, offset);
}

static bool has_dma(struct machine *m)
{
    return m->chip->nrf->has_easy_dma && *at(m, REGISTER_ENABLE) == ENABLE_UARTE;
}

/* BAUDRATE is the rate over 16 MHz, times 2**32 (PS 6.34.9.18). */
static uint64_t frame_fs(struct machine *m)
{
    uint32_t config = *at(m, REGISTER_CONFIG);
    uint64_t rate = *at(m, REGISTER_BAUDRATE);
    uint32_t bits = 10u + ((config & CONFIG_PARITY) != 0) + ((config & CONFIG_TWO_STOP_BITS) != 0);

    return (UINT64_C(1) << 32) * FEMTOSECONDS_PER_CLOCK_16MHZ / (rate == 0 ? BAUDRATE_AFTER_RESET : rate) * bits;
}

void nrf_uart_reset(struct machine *m)
{
    memset(&m->nrf.uart, 0, sizeof(m->nrf.uart));
    *at(m, REGISTER_BAUDRATE) = BAUDRATE_AFTER_RESET;
    for (uint32_t offset = REGISTER_PSEL_FIRST; offset <= REGISTER_PSEL_LAST; offset += 4) {
        *at(m, offset) = DISCONNECTED;
    }
}

static bool in_ram(struct machine *m, uint32_t address, uint32_t count)
{
    uint32_t offset = address - m->config.ram_address;

    if (count <= m->config.ram_bytes && offset <= m->config.ram_bytes - count) {
        return true;
    }
    machine_end(m, END_UNSUPPORTED, m->block_address, m->instructions, "EasyDMA of %u bytes at 0x%08X, outside of data RAM",
                count, address);
    return false;
}

static void put(struct machine *m, const uint8_t *bytes, uint32_t count)
{
    uint32_t room = USART_OUTPUT_MAX - m->usart.output_bytes;

    count = count < room ? count : room;
    memcpy(m->usart.output + m->usart.output_bytes, bytes, count);
    m->usart.output_bytes += count;
}

static void start_frames(struct machine *m, uint32_t count)
{
    struct nrf_uart *uart = &m->nrf.uart;

    uart->transmitting = true;
    uart->stop_requested = false;
    uart->transmit_count = count;
    uart->transmit_start_fs = clock_fs(m, m->instructions);
    uart->transmit_end_fs = uart->transmit_start_fs + count * frame_fs(m);
}

static void start_transmitter(struct machine *m)
{
    uint32_t address = *at(m, REGISTER_TXD_PTR);
    uint32_t count = *at(m, REGISTER_TXD_MAXCNT);

    m->nrf.uart.transmitter_started = true;
    if (!has_dma(m) || m->nrf.uart.transmitting || !in_ram(m, address, count)) {
        return;
    }
    put(m, m->ram + (address - m->config.ram_address), count);
    start_frames(m, count);
    nrf_event(m, NRF_UART, EVENT_TXSTARTED);
}

/* The byte on the line is finished; what EasyDMA has not sent is not sent. */
static void stop_transmitter(struct machine *m)
{
    struct nrf_uart *uart = &m->nrf.uart;
    uint64_t frame = frame_fs(m);
    uint64_t sent;

    uart->transmitter_started = false;
    if (!uart->transmitting) {
        nrf_event(m, NRF_UART, EVENT_TXSTOPPED);
        return;
    }
    sent = (clock_fs(m, m->instructions) - uart->transmit_start_fs) / frame + 1;
    if (sent < uart->transmit_count) {
        m->usart.output_bytes -= uart->transmit_count - (uint32_t)sent;
        uart->transmit_count = (uint32_t)sent;
        uart->transmit_end_fs = uart->transmit_start_fs + sent * frame;
    }
    uart->stop_requested = true;
}

static void start_receiver(struct machine *m)
{
    struct nrf_uart *uart = &m->nrf.uart;

    uart->receiver_started = true;
    uart->receive_fs = clock_fs(m, m->instructions) + frame_fs(m);
    if (has_dma(m)) {
        uart->receive_address = *at(m, REGISTER_RXD_PTR);
        uart->receive_limit = *at(m, REGISTER_RXD_MAXCNT);
        uart->receive_count = 0;
        nrf_event(m, NRF_UART, EVENT_RXSTARTED);
    }
}

static void end_receive(struct machine *m)
{
    *at(m, REGISTER_RXD_AMOUNT) = m->nrf.uart.receive_count;
    m->nrf.uart.receive_count = 0;
    m->nrf.uart.receive_limit = 0;
    nrf_event(m, NRF_UART, EVENT_ENDRX);
}

static void stop_receiver(struct machine *m)
{
    if (m->nrf.uart.receiver_started) {
        m->nrf.uart.receiver_started = false;
        if (has_dma(m)) {
            end_receive(m);
        }
        nrf_event(m, NRF_UART, EVENT_RXTO);
    }
}

void nrf_uart_task(struct machine *m, uint32_t offset)
{
    if (*at(m, REGISTER_ENABLE) != ENABLE_UART && !has_dma(m)) {
        return;
    }
    switch (offset) {
    case TASK_STARTRX:
        start_receiver(m);
        break;
    case TASK_STOPRX:
        stop_receiver(m);
        break;
    case TASK_STARTTX:
        start_transmitter(m);
        break;
    case TASK_STOPTX:
        stop_transmitter(m);
        break;
    case TASK_FLUSHRX:
        end_receive(m);
        break;
    default:
        break;
    }
    machine_schedule(m);
}

uint32_t nrf_uart_read(struct machine *m, uint32_t offset)
{
    struct nrf_uart *uart = &m->nrf.uart;
    uint64_t fs;

    if (offset == REGISTER_RXD && uart->holds_byte) {
        uart->holds_byte = false;
        uart->receive_fs = clock_fs(m, m->instructions) + frame_fs(m);
        waiting_disturb(m);
        peer_taken(m);
        machine_schedule(m);
    } else if (offset >= NRF_EVENTS && offset < NRF_SHORTS && *at(m, offset) == 0 && !nrf_uart_next(m, &fs)) {
        waiting_poll(m);
    } else {
        waiting_disturb(m);
    }
    return *at(m, offset);
}

void nrf_uart_write(struct machine *m, uint32_t offset, uint32_t value)
{
    uint8_t byte = (uint8_t)value;

    *at(m, offset) = value;
    if (offset == REGISTER_TXD && *at(m, REGISTER_ENABLE) == ENABLE_UART && m->nrf.uart.transmitter_started) {
        if (m->nrf.uart.transmitting) { /* TXDRDY was not awaited: the byte on the line is overwritten and lost */
            m->usart.output_bytes--;
        }
        put(m, &byte, 1);
        start_frames(m, 1);
        machine_schedule(m);
    }
}

static bool has_room(const struct nrf_uart *uart, bool dma)
{
    return dma ? uart->receive_count < uart->receive_limit : !uart->holds_byte;
}

/* Registers are looked at, nothing is changed. */
static struct machine *looked_at(const struct machine *m)
{
    return (struct machine *)(uintptr_t)m;
}

bool nrf_uart_takes(const struct machine *m)
{
    return m->nrf.uart.receiver_started && has_room(&m->nrf.uart, has_dma(looked_at(m)));
}

uint64_t nrf_uart_silent_fs(const struct machine *m)
{
    uint64_t sent_fs = m->nrf.uart.transmit_end_fs + frame_fs(looked_at(m));

    return sent_fs > m->nrf.uart.receive_fs ? sent_fs : m->nrf.uart.receive_fs;
}

void nrf_uart_arrives(struct machine *m)
{
    m->nrf.uart.receive_fs = clock_fs(m, m->instructions) + frame_fs(m);
}

static bool receives(const struct machine *m)
{
    return m->usart.input_next < m->usart.input_bytes && nrf_uart_takes(m);
}

bool nrf_uart_next(const struct machine *m, uint64_t *fs)
{
    const struct nrf_uart *uart = &m->nrf.uart;
    bool receiving = receives(m);

    if (uart->transmitting && (!receiving || uart->transmit_end_fs <= uart->receive_fs)) {
        *fs = uart->transmit_end_fs;
    } else {
        *fs = uart->receive_fs;
    }
    return uart->transmitting || receiving;
}

static void end_transmit(struct machine *m)
{
    struct nrf_uart *uart = &m->nrf.uart;

    uart->transmitting = false;
    nrf_event(m, NRF_UART, EVENT_TXDRDY);
    if (has_dma(m)) {
        *at(m, REGISTER_TXD_AMOUNT) = uart->transmit_count;
        nrf_event(m, NRF_UART, EVENT_ENDTX);
    }
    if (uart->stop_requested) {
        uart->stop_requested = false;
        nrf_event(m, NRF_UART, EVENT_TXSTOPPED);
    }
}

static void receive(struct machine *m)
{
    struct nrf_uart *uart = &m->nrf.uart;
    uint8_t byte = m->usart.input[m->usart.input_next++];

    uart->receive_fs += frame_fs(m);
    *at(m, REGISTER_RXD) = byte;
    if (!has_dma(m)) {
        uart->holds_byte = true;
    } else if (in_ram(m, uart->receive_address + uart->receive_count, 1)) {
        m->ram[uart->receive_address + uart->receive_count++ - m->config.ram_address] = byte;
        peer_taken(m);
    }
    nrf_event(m, NRF_UART, EVENT_RXDRDY);
    if (has_dma(m) && uart->receive_count == uart->receive_limit) {
        uint32_t shorts = *at(m, NRF_SHORTS);

        end_receive(m);
        if ((shorts & SHORT_ENDRX_STARTRX) != 0) {
            start_receiver(m);
        } else if ((shorts & SHORT_ENDRX_STOPRX) != 0) {
            stop_receiver(m);
        }
    }
}

void nrf_uart_run(struct machine *m)
{
    uint64_t now_fs = clock_fs(m, m->instructions);
    uint64_t fs;

    while (!m->ended && nrf_uart_next(m, &fs) && fs <= now_fs) {
        waiting_disturb(m);
        m->bus.storage_used = true;
        if (m->nrf.uart.transmitting && m->nrf.uart.transmit_end_fs == fs) {
            end_transmit(m);
        } else {
            receive(m);
        }
    }
}
