/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The seam between the logic in boot/ and a chip. One file and one linker script a chip; tests/ has a RAM-backed one.
 *
 * 1. Flash is memory-mapped, is read through hal_flash_view, and erases to 0xFF in pages of PAGE_BYTES; PROGRAM_BYTES
 *    are programmed at a time.
 * 2. A write returns RESULT_OK only after the flash was read back and holds what was asked for.
 * 3. The flash controller is locked, with no operation selected, whenever none of these functions runs.
 */
#ifndef HAL_HAL_H
#define HAL_HAL_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

/* Set up the clocks and the UART (115200 baud, 8N1). Call it once, first. */
void hal_start(void);

/* The flash at an address, for reading `size_bytes` bytes. The range must lie in the flash. */
const uint8_t *hal_flash_view(uint32_t address, uint32_t size_bytes);

/* Erase the page that starts at `page_address`, always, even if it reads blank. */
enum result hal_flash_erase(uint32_t page_address);

/* Program erased flash. `address` and `size_bytes` are multiples of PROGRAM_BYTES. Every unit is programmed, all ones too. */
enum result hal_flash_program(uint32_t address, const uint8_t *data, uint32_t size_bytes);

/* Send one byte; waits until the transmitter takes it. */
void hal_uart_send(uint8_t byte);

/* Wait for a byte, for ever. */
uint8_t hal_uart_receive(void);

/* Wait for a byte asleep, for `milliseconds` or up to 20 more. False: none came. Where the core has a SysTick (receive.c). */
bool hal_uart_receive_within(uint8_t *byte, uint32_t milliseconds);

/* For hal_uart_receive_within: whether a byte waits; whether one that comes ends a sleep; the core's clock. */
bool hal_uart_has_byte(void);
void hal_uart_wakes(bool on);
uint32_t hal_core_hz(void);

/* Reset the chip once everything is sent. */
_Noreturn void hal_reset(void);

/* Undo hal_start, then run the program whose vector table is at this address. Does not return. */
_Noreturn void hal_program_start(uint32_t vector_table_address);

/* Sleep for ever. */
_Noreturn void hal_sleep(void);

#endif
