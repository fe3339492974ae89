/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What differs between chips, as one table a chip: the rest of this core knows Cortex-M only.
 *
 *  1. `store` takes every store to memory that Unicorn may only read: flash, its second array, the controller's registers.
 *  2. `advance` lets time pass for the flash controller at a block boundary; the core stalls or sees it finish. `complete` lets it
 *     pass up to the end of the operation under way.
 *  3. `retain` says, at the end of a boot, whether the chip starts again by itself, and what the next boot finds then.
 *  4. `next_event` is the next moment at which a peripheral may change by itself; `run_events` brings them up to now.
 *  5. `uart_takes`: a byte that comes now has a place; `uart_silent_fs`: when it will have been silent for a frame, both ways;
 *     `uart_arrives`: input was put down, and its first byte is on the line from now on.
 */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct boot_request;
struct flash_store;
struct reset_value;
struct retained;

#define CHIP_WINDOWS_MAX 3u

/* Mirrors `_CHIPS` in embedded.py. */
enum chip_kind {
    CHIP_STM32F103 = 0,
    CHIP_NRF52840 = 1,
    CHIP_NRF51822 = 2,
    CHIP_KINDS = 3,
};

/* Addresses of peripheral registers that call back. */
struct chip_window {
    uint32_t address;
    uint32_t end;
};

/* What differs between the chips of Nordic that share this core's models. */
struct nrf_family {
    uint32_t ports;
    uint32_t ppi_channels;
    uint32_t counters; /* bit n: the counter n of nrf_counter.c exists */
    bool has_easy_dma; /* UARTE, and forks of PPI, came together */
    bool has_partial_erase;
    bool has_access_port; /* UICR.APPROTECT */
    uint32_t crystal_start_us;
    uint32_t low_start_us;
    uint32_t low_crystal_start_us;
};

struct chip {
    const struct nrf_family *nrf; /* NULL for another maker's chip */
    int cpu_model;
    uint32_t cpuid;
    uint8_t priority_mask; /* implemented bits of a priority */
    uint8_t mpu_regions;
    bool has_fpu;
    bool has_bit_band;
    bool has_systick;
    bool is_armv6m; /* no VTOR, no DWT, every fault is a HardFault, control registers by words only */
    uint32_t interrupts;
    uint32_t debug_id_address; /* 0 for none */
    uint32_t debug_id;
    uint32_t systick_calibration;
    uint32_t storage_bytes; /* of plain storage behind the windows */
    struct chip_window windows[CHIP_WINDOWS_MAX];
    const struct reset_value *reset_values; /* of registers without a model; NULL: all 0 */
    const char *watchdog_name;
    const char *uart_name;
    uint32_t *(*controller_registers)(struct machine *m, uint32_t *address, uint32_t *size_bytes);
    void (*reset)(struct machine *m, const struct boot_request *request);
    void (*retain)(const struct machine *m, struct retained *retained);
    uint32_t (*read)(struct machine *m, uint32_t address);
    void (*write)(struct machine *m, uint32_t address, uint32_t value);
    void (*store)(struct machine *m, const struct flash_store *store);
    void (*advance)(struct machine *m, uint32_t pc);
    void (*complete)(struct machine *m, uint64_t instructions);
    bool (*next_event)(const struct machine *m, uint64_t *fs);
    void (*run_events)(struct machine *m);
    bool (*uart_takes)(const struct machine *m);
    uint64_t (*uart_silent_fs)(const struct machine *m);
    void (*uart_arrives)(struct machine *m);
};

extern const struct chip chip_stm32f103;
extern const struct chip chip_nrf52840;
extern const struct chip chip_nrf51822;

#endif
