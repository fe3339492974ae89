/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define PWR_ADDRESS 0x40007000u
#define PWR_CONTROL 0x40007000u
#define PWR_STATUS 0x40007004u
#define PWR_BYTES 8u
#define BKP_FIRST 0x40006C04u /* DR1 */
#define BKP_BYTES (4u * BACKUP_REGISTERS)

#define CONTROL_WRITABLE 0x01F3u /* DBP, PLS, PVDE, PDDS, LPDS; CWUF and CSBF read as 0 */
#define CONTROL_DBP 0x0100u
#define STATUS_EWUP 0x0100u
#define REGISTER_VALUE 0xFFFFu /* all are 16 bits wide */

void backup_clear(struct machine *m)
{
    memset(m->backup.registers, 0, sizeof(m->backup.registers));
}

void backup_reset(struct machine *m, const uint32_t *retained)
{
    m->backup.power_control = 0;
    m->backup.power_status = 0;
    backup_clear(m);
    if (retained != NULL) {
        memcpy(m->backup.registers, retained, sizeof(m->backup.registers));
    }
}

bool backup_has(uint32_t address)
{
    return address - PWR_ADDRESS < PWR_BYTES || address - BKP_FIRST < BKP_BYTES;
}

bool backup_is_writable(const struct machine *m)
{
    return (m->backup.power_control & CONTROL_DBP) != 0;
}

uint32_t backup_read(const struct machine *m, uint32_t address)
{
    if (address - PWR_ADDRESS < PWR_BYTES) {
        return !rcc_power_enabled(m)     ? 0
               : address == PWR_CONTROL ? m->backup.power_control
                                        : m->backup.power_status;
    }
    return rcc_backup_enabled(m) ? m->backup.registers[(address - BKP_FIRST) / 4] : 0;
}

void backup_write(struct machine *m, uint32_t address, uint32_t value)
{
    if (address - BKP_FIRST < BKP_BYTES) {
        if (rcc_backup_enabled(m) && backup_is_writable(m)) {
            m->backup.registers[(address - BKP_FIRST) / 4] = value & REGISTER_VALUE;
        }
    } else if (rcc_power_enabled(m)) {
        if (address == PWR_STATUS) {
            m->backup.power_status = value & STATUS_EWUP;
        } else {
            m->backup.power_control = value & CONTROL_WRITABLE;
        }
    }
}
