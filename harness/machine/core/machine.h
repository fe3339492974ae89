/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One emulated chip: Unicorn executes, this core is everything around it. What differs between chips is in `chip.h`.
 *
 *  1. A boot is a function of its arguments alone. Whatever a boot leaves behind (memory, registers, peripherals, translated
 *     code of changed pages) is put back before the next one.
 *  2. Nothing happens after an end: every hook returns at once when `ended` is set, because Unicorn may finish the block that
 *     it is in.
 *  3. `instructions` counts the blocks that ran to their end; where a block is left early, the hook that leaves it counts.
 *  4. Flash cells change in `fpec_program.c`, `fpec_erase.c` and `nvmc_*.c` only, each time with an entry in the operation log.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

#include "backup.h"
#include "bit_band.h"
#include "bus.h"
#include "busy_reads.h"
#include "call_stack.h"
#include "chip.h"
#include "clock.h"
#include "code.h"
#include "converge.h"
#include "cycles.h"
#include "domain.h"
#include "dwt.h"
#include "exception.h"
#include "fault.h"
#include "flash.h"
#include "fpec.h"
#include "halt.h"
#include "iwdg.h"
#include "memo.h"
#include "mpu.h"
#include "nrf.h"
#include "nrf_counter.h"
#include "nrf_gpio.h"
#include "nrf_power.h"
#include "nrf_uart.h"
#include "nrf_watchdog.h"
#include "nvic.h"
#include "nvmc.h"
#include "operation_log.h"
#include "option_bytes.h"
#include "peer.h"
#include "random.h"
#include "rcc.h"
#include "reads.h"
#include "reset_values.h"
#include "retained.h"
#include "scb.h"
#include "sleep.h"
#include "systick.h"
#include "usart.h"
#include "waiting.h"
#include "watch.h"

/* Mirrors `End` in protocol.py. */
enum end {
    END_BUDGET = 0,
    END_STOPPED = 1,
    END_SLEEPING = 2,
    END_WAITING = 3,
    END_RESET = 4,
    END_WATCHDOG = 5,
    END_HARD_FAULT = 6,
    END_LOCKUP = 7,
    END_ERASED_FLASH = 8,
    END_UNSUPPORTED = 9,
    END_SETTLED = 10,
};

enum machine_error {
    MACHINE_OK = 0,
    MACHINE_NO_MEMORY = -1,
    MACHINE_UNICORN = -2,
};

#define FACTORY_MAX 16u
#define FACTORY_BYTES_MAX 32u

/* Read-only bytes from the factory. Mirrors `FactoryRange` in native.py. */
struct factory_range {
    uint32_t address;
    uint32_t size_bytes;
    uint8_t content[FACTORY_BYTES_MAX];
};

/* Mirrors `Config` in native.py: the numbers of one part, from its device.toml. */
struct machine_config {
    struct memo_store *memo; /* NULL: every call is executed */
    struct converge_store *converge; /* NULL: every boot is made to its end */
    uint64_t program_ps;
    uint64_t page_erase_ps;
    uint64_t mass_erase_ps;
    uint32_t flash_address;
    uint32_t flash_alias_address;
    uint32_t flash_bytes;
    uint32_t page_bytes;
    uint32_t protection_pages; /* pages that one bit of WRPR protects */
    uint32_t ram_address;
    uint32_t ram_bytes;
    uint32_t option_address;
    uint32_t option_size_bytes;
    uint32_t system_address; /* block that holds the option bytes and the factory's */
    uint32_t system_bytes;
    uint32_t writes_per_unit; /* n_WRITE of the nRF52 */
    uint32_t fpec_address;
    uint32_t nvmc_address;
    uint32_t rcc_address;
    uint32_t usart1_address;
    uint32_t iwdg_address;
    uint32_t hsi_hz;
    uint32_t hse_hz;
    uint32_t lsi_hz;
    uint32_t core;              /* enum cycle_core */
    uint32_t flash_wait_states; /* after reset */
    uint32_t watched_address;   /* of the function whose calls are timed; WATCH_NOTHING: none */
    uint32_t chip;              /* enum chip_kind */
    uint32_t records_reads;     /* not 0: `boot_result.page_uses` is filled */
    uint32_t halts;             /* not 0: a debugger can halt the core, see halt.h */
    uint32_t domain_count;
    struct domain domains[DOMAIN_MAX];
    uint32_t factory_count;
    struct factory_range factory[FACTORY_MAX];
};

/* What one boot is given. Mirrors `Request` in native.py. */
struct boot_request {
    const uint8_t *flash;
    const uint8_t *option_bytes;
    const uint8_t *uart_input;
    const uint8_t *ram;              /* kept over a reset; NULL: noise */
    const struct retained *retained; /* kept over a reset; NULL: power-on */
    const struct cell_history *writes;         /* of words, where their content does not tell */
    const struct cell_history *partial_erases; /* of pages, in ms */
    uint64_t writes_count;
    uint64_t partial_erases_count;
    uint64_t uart_input_bytes;
    peer_ask peer; /* NULL: nobody is at the other end of the UART */
    uint64_t peer_timeout_ps;
    uint64_t seed;
    uint64_t stop_before; /* UINT64_MAX: never */
    uint64_t instruction_budget;
};

/* What one boot did; the pointers stay valid until the next boot. Mirrors `Result` in native.py. */
struct boot_result {
    const uint8_t *flash;
    const uint8_t *option_bytes;
    const struct operation *operations;
    const uint8_t *arena;
    const struct domain_entry *entries;
    const struct misuse *misuses;
    const uint8_t *erases;
    const uint8_t *page_uses; /* a `page_use` a page; NULL in a machine that does not record */
    const uint32_t *erased_by;
    const uint32_t *reach;    /* beside `page_uses`: how far into each page the boot looked, and REACH_ENDED */
    const uint8_t *uart;
    const struct unmodelled *unmodelled;
    const struct cell_history *writes; /* as in the request */
    const struct cell_history *partial_erases;
    const char *detail;
    uint64_t operation_count;
    uint64_t arena_bytes;
    uint64_t entry_count;
    uint64_t misuse_count;
    uint64_t uart_bytes;
    uint64_t unmodelled_count;
    uint64_t writes_count;
    uint64_t partial_erases_count;
    uint64_t instructions;
    uint64_t time_ps;
    uint64_t time_low_ps;
    uint64_t time_high_ps;
    uint64_t cycles_low;
    uint64_t cycles_high;
    uint64_t watchdog_longest_ps;
    uint64_t watchdog_period_ps;
    struct watch_total watched;
    struct operation pending;
    struct retained retained;
    uint32_t end;
    uint32_t pc;
    int32_t domain;
    uint32_t stack_bytes; /* deepest stack below its initial pointer */
};

struct machine {
    /* What the block hook touches on every block. */
    uint64_t instructions;
    uint64_t next_check;
    uint64_t next_check_work; /* in half-cycles of the core's work, see clock.h */
    struct cycle_count cycles;
    struct cycle_count block_cycles;
    uint32_t block_address;
    uint32_t block_bytes;
    uint32_t block_instructions;
    uint32_t domain_start;
    uint32_t domain_span;
    bool ended;

    const struct chip *chip;
    struct machine_config config;
    uc_engine *engine;
    uc_context *reset_context;
    uint8_t *ram;
    uint8_t *scramble;
    uint8_t *system_memory;
    bool ram_executable;
    bool ram_fetch_refused;

    uint32_t end;
    uint32_t end_pc;
    uint64_t end_instructions;
    char detail[96];
    uc_err engine_error;

    uint64_t instruction_budget;
    uint64_t stop_before;

    struct clock clock;
    struct code code;
    struct domain_log domain_log;
    struct flash flash;
    struct fpec fpec;
    struct option_bytes option_bytes;
    struct operation_log log;
    struct rcc rcc;
    struct backup backup;
    struct reads reads;
    struct busy_reads busy_reads;
    struct usart usart;
    struct peer peer;
    struct iwdg iwdg;
    struct systick systick;
    struct scb scb;
    struct dwt dwt;
    struct exception exception;
    struct fault fault;
    struct nvic nvic;
    struct memo memo;
    struct converge converge;
    struct mpu mpu;
    struct nvmc nvmc;
    struct nrf nrf;
    struct waiting waiting;
    struct watch watch;
    struct bus bus;
    struct call_stacks call_stacks;
    struct halt halt;
};

/* Allocate and set up a machine; NULL where memory or Unicorn failed. */
struct machine *machine_create(const struct machine_config *config);

/* Digest of the sources that this library was compiled from. */
const char *machine_source_digest(void);

/* Release everything that `machine_create` took. */
void machine_destroy(struct machine *m);

/* Power up, run to an end, fill `result`. Returns MACHINE_OK or a negative `machine_error`. */
int32_t machine_boot(struct machine *m, const struct boot_request *request, struct boot_result *result);

/* The parts of a boot: power up; take the reset vector, and return where the core starts; run until an end or a halt, false where Unicorn failed; fill `result`. */
void machine_reset(struct machine *m, const struct boot_request *request);
uint32_t machine_take_reset(struct machine *m);
bool machine_run(struct machine *m, uint32_t pc);
void machine_fill_result(struct machine *m, struct boot_result *result);

/* RAM as the last boot left it. */
const uint8_t *machine_ram(const struct machine *m);

/* Text of the last Unicorn error, for MACHINE_UNICORN. */
const char *machine_error_text(const struct machine *m);

/* End the boot at `pc` after `instructions` retired instructions. Later calls in the same boot do nothing. */
void machine_end(struct machine *m, enum end end, uint32_t pc, uint64_t instructions, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Recompute at which instruction count or amount of work the block hook must look at events again. */
void machine_schedule(struct machine *m);

/* The next moment at which a peripheral, or the peer, may change something by itself; false for never. */
bool machine_next_event(const struct machine *m, uint64_t *fs);

/* Bring peripherals and peer up to now. */
void machine_run_events(struct machine *m);

/* Block hook's slow path: budget, watchdog, stall, interrupts, proof of waiting. */
void machine_check(struct machine *m, uint32_t pc);

#endif
