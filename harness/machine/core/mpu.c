/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define REGISTER_TYPE 0xE000ED90u
#define REGISTER_RNR 0xE000ED98u
#define REGISTER_RBAR 0xE000ED9Cu
#define REGISTER_RASR 0xE000EDA0u
#define REGISTER_RASR_A3 0xE000EDB8u
#define ALIAS_BYTES 8u
#define TYPE_REGIONS_SHIFT 8u
#define RBAR_VALID 0x10u
#define RBAR_REGION 0xFu

static void show(struct machine *m)
{
    scb_show(m, REGISTER_RNR, m->mpu.region);
    for (uint32_t alias = 0; alias < 4; alias++) {
        scb_show(m, REGISTER_RBAR + alias * ALIAS_BYTES, m->mpu.base[m->mpu.region] | m->mpu.region);
        scb_show(m, REGISTER_RASR + alias * ALIAS_BYTES, m->mpu.attributes[m->mpu.region]);
    }
}

void mpu_reset(struct machine *m)
{
    memset(&m->mpu, 0, sizeof(m->mpu));
    scb_show(m, REGISTER_TYPE, (uint32_t)m->chip->mpu_regions << TYPE_REGIONS_SHIFT);
}

static void select_region(struct machine *m, uint32_t region)
{
    if (region < m->chip->mpu_regions) {
        m->mpu.region = region;
    }
}

bool mpu_write(struct machine *m, uint32_t address, uint32_t value)
{
    if (m->chip->mpu_regions == 0 || address < REGISTER_TYPE || address > REGISTER_RASR_A3) {
        return false;
    }
    if (address == REGISTER_TYPE) {
        return true;
    }
    if (address == REGISTER_RNR) {
        select_region(m, value);
    } else if (address >= REGISTER_RBAR && (address - REGISTER_RBAR) % ALIAS_BYTES == 0) {
        if ((value & RBAR_VALID) != 0) {
            select_region(m, value & RBAR_REGION);
        }
        m->mpu.base[m->mpu.region] = value & ~(RBAR_VALID | RBAR_REGION);
    } else if (address >= REGISTER_RASR) {
        m->mpu.attributes[m->mpu.region] = value;
    } else {
        return false; /* CTRL */
    }
    show(m);
    return true;
}
