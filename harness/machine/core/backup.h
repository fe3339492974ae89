/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Power control and backup registers of the STM32F103 (RM0008 5.4, 6.4).
 *
 *  1. A register is there while its clock is on (APB1ENR: PWREN, BKPEN): otherwise it reads 0 and ignores writes.
 *  2. The backup registers, and the oscillator and RTC bits of BDCR, take writes only while PWR_CR.DBP is set.
 *  3. They outlive every reset but BDCR.BDRST. VBAT is taken to be tied to VDD: a loss of power clears them.
 */
#ifndef BACKUP_H
#define BACKUP_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define BACKUP_REGISTERS 13u /* DR1 to DR10, RTCCR, CR, CSR */

struct backup {
    uint32_t registers[BACKUP_REGISTERS];
    uint32_t power_control;
    uint32_t power_status;
};

/* Registers after a reset; `retained` holds the backup registers, NULL after a power-on. */
void backup_reset(struct machine *m, const uint32_t *retained);

/* BDCR.BDRST: the backup domain as after a power-on. */
void backup_clear(struct machine *m);

/* Whether the register at `address` is one of these. */
bool backup_has(uint32_t address);

/* Read or write it. */
uint32_t backup_read(const struct machine *m, uint32_t address);
void backup_write(struct machine *m, uint32_t address, uint32_t value);

/* PWR_CR.DBP. */
bool backup_is_writable(const struct machine *m);

#endif
