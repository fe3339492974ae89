/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pins of an nRF51 or nRF52: outputs keep what was written, an input reads its pull resistor, since nothing is connected. */
#ifndef NRF_GPIO_H
#define NRF_GPIO_H

#include <stdint.h>

struct machine;

/* Registers after a reset. */
void nrf_gpio_reset(struct machine *m);

/* A register of the ports is read or written. */
uint32_t nrf_gpio_read(struct machine *m, uint32_t address);
void nrf_gpio_write(struct machine *m, uint32_t address, uint32_t value);

#endif
