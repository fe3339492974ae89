/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory protection unit (ARMv7-M B3.5): its registers hold what is written, nothing is enforced. */
#ifndef MPU_H
#define MPU_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

#define MPU_REGIONS_MAX 8u

struct mpu {
    uint32_t region;
    uint32_t base[MPU_REGIONS_MAX];
    uint32_t attributes[MPU_REGIONS_MAX];
};

/* Registers after a reset. */
void mpu_reset(struct machine *m);

/* A write to the register at `address`; false if it is none of the MPU's that needs more than storage. */
bool mpu_write(struct machine *m, uint32_t address, uint32_t value);

#endif
