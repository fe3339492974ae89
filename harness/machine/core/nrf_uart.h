/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * UART0 and UARTE0 (PS 6.33, 6.34), at one address: ENABLE decides which. Bytes take their time on the line. The host peer
 * honours flow: it sends its next byte one frame after there is room for it, so nothing overruns.
 */
#ifndef NRF_UART_H
#define NRF_UART_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct nrf_uart {
    bool transmitting;
    bool stop_requested;
    bool transmitter_started;
    bool receiver_started;
    bool holds_byte; /* UART0: RXD was not read yet */
    uint32_t transmit_count;
    uint64_t transmit_start_fs;
    uint64_t transmit_end_fs;
    uint64_t receive_fs; /* when the next byte is complete */
    uint32_t receive_address;
    uint32_t receive_limit;
    uint32_t receive_count;
};

/* Registers after a reset. */
void nrf_uart_reset(struct machine *m);

/* A task register was written with 1. */
void nrf_uart_task(struct machine *m, uint32_t offset);

/* A register other than the shared ones is read or was written. */
uint32_t nrf_uart_read(struct machine *m, uint32_t offset);
void nrf_uart_write(struct machine *m, uint32_t offset, uint32_t value);

/* For a peer; see `struct chip`. */
bool nrf_uart_takes(const struct machine *m);
uint64_t nrf_uart_silent_fs(const struct machine *m);
void nrf_uart_arrives(struct machine *m);

/* When it will do something by itself; false for never. */
bool nrf_uart_next(const struct machine *m, uint64_t *fs);

/* Do what is due. */
void nrf_uart_run(struct machine *m);

#endif
