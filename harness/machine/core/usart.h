/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * USART1 (RM0008 section 27), polled or by interrupt. TXE and TC follow virtual time at the rate that BRR and PCLK2 give. The host peer
 * honours flow: it sends its next byte one frame after the receiver is enabled or the last byte was read, so nothing overruns, is
 * malformed or breaks; the interrupt of an idle line is not modelled.
 */
#ifndef USART_H
#define USART_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define USART_BLOCK_BYTES 0x400u
#define USART_STATUS 0x00u /* offset of SR */
#define USART_OUTPUT_MAX (1024u * 1024u)

struct usart {
    uint8_t *output;
    uint32_t output_bytes;
    const uint8_t *input;
    uint64_t input_bytes;
    uint64_t input_next;
    uint64_t receive_ready_fs;
    uint64_t shift_end_fs;
    bool transmit_full;
    bool complete_cleared; /* TC of the last frame was cleared by a write to SR */
    uint8_t received;
    uint32_t brr;
    uint32_t control[4]; /* CR1, CR2, CR3, GTPR */
};

/* Registers after a reset, with what the host peer will send. */
void usart_reset(struct machine *m, const uint8_t *input, uint64_t input_bytes);

/* Read the register at `offset`, a multiple of 4. */
uint32_t usart_read(struct machine *m, uint32_t offset);

/* Write the register at `offset`, a multiple of 4. */
void usart_write(struct machine *m, uint32_t offset, uint32_t value);

/* What the transmitter is a function of, once nothing can be received and no interrupt is heard. */
struct usart_sender {
    uint64_t shift_left_fs; /* of the byte on the line */
    uint32_t pclk2_hz;
    uint32_t brr;
    uint32_t control[4];
    uint32_t transmit_full;
    uint32_t complete_cleared;
};

/* Whether an access to `offset` does no more than to poll the status or to send a byte, and nobody but the core takes note. */
bool usart_only_sends(const struct machine *m, uint32_t offset, bool writes);

/* Read the transmitter; put it into the state that another one was in. */
void usart_sender_read(struct machine *m, struct usart_sender *sender);
void usart_sender_write(struct machine *m, const struct usart_sender *sender, const uint8_t *sent, uint32_t count);

/* Whether a read of `offset` has no effect and depends on nothing but time and input. */
bool usart_is_poll(uint32_t offset);

/* When a flag next rises that has an interrupt which the firmware would notice; false for never. */
bool usart_next(const struct machine *m, uint64_t *fs);

/* For a peer; see `struct chip`. */
bool usart_takes(const struct machine *m);
uint64_t usart_silent_fs(const struct machine *m);
void usart_arrives(struct machine *m);

/* Take in what happened up to now; the interrupt line follows. */
void usart_run(struct machine *m);

#endif
