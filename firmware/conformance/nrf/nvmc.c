/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "nvmc.h"

void nvmc_wait(void)
{
    __asm__ volatile("dmb" ::: "memory");
    while ((*NVMC_READY & 1u) == 0) {
    }
}

void nvmc_erase(uint32_t address)
{
    *NVMC_CONFIG = CONFIG_ERASE;
    *NVMC_ERASEPAGE = address;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
}

void nvmc_program(volatile uint32_t *cell, uint32_t value)
{
    *NVMC_CONFIG = CONFIG_WRITE;
    *cell = value;
    nvmc_wait();
    *NVMC_CONFIG = CONFIG_READ;
}
