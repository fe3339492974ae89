/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trap.h"

#define HOST_PAGE_BYTES 4096u

static void *allocate(size_t size_bytes)
{
    /* Whole pages from the host: big buffers cost memory only as far as they are used. */
    return aligned_alloc(HOST_PAGE_BYTES, (size_bytes + HOST_PAGE_BYTES - 1) / HOST_PAGE_BYTES * HOST_PAGE_BYTES);
}

static bool allocate_all(struct machine *m)
{
    const struct machine_config *config = &m->config;
    uint32_t pages = config->flash_bytes / config->page_bytes;
    const struct {
        void **place;
        size_t size_bytes;
        int fill;
    } buffers[] = {
        {(void **)&m->flash.cells, config->flash_bytes, 0xFF},
        {(void **)&m->ram, config->ram_bytes, 0},
        {(void **)&m->scramble, config->ram_bytes, 0},
        {(void **)&m->waiting.ram, config->ram_bytes, 0},
        {(void **)&m->system_memory, config->system_bytes, 0xFF},
        {(void **)&m->fpec.registers, HOST_PAGE_BYTES, 0},
        {(void **)&m->nvmc.registers, HOST_PAGE_BYTES, 0},
        {(void **)&m->nvmc.pages, pages * sizeof(struct nvmc_page), 0},
        {(void **)&m->nvmc.writes, config->flash_bytes / NVMC_WORD_BYTES, 0},
        {(void **)&m->nvmc.option_writes, config->option_size_bytes, 0},
        {(void **)&m->nvmc.history, nvmc_history_bytes(m), -1},
        {(void **)&m->mpu.denied, (config->ram_bytes + config->flash_bytes) / MPU_PAGE_BYTES, 0},
        {(void **)&m->scb.registers, HOST_PAGE_BYTES, 0},
        {(void **)&m->bus.storage, m->chip->storage_bytes, 0},
        {(void **)&m->code.counts, config->flash_bytes / 2 * sizeof(struct code_count), 0},
        {(void **)&m->code.page_executed, pages * sizeof(bool), 0},
        {(void **)&m->log.erases, pages, 0},
        {(void **)&m->log.operations, OPERATIONS_MAX * sizeof(struct operation), -1},
        {(void **)&m->log.arena, ARENA_BYTES_MAX, -1},
        {(void **)&m->log.misuses, MISUSES_MAX * sizeof(struct misuse), -1},
        {(void **)&m->domain_log.entries, DOMAIN_ENTRIES_MAX * sizeof(struct domain_entry), -1},
        {(void **)&m->domain_log.moments, DOMAIN_ENTRIES_MAX * sizeof(struct domain_moment), -1},
        {(void **)&m->usart.output, USART_OUTPUT_MAX, -1},
    };

    if (config->records_reads != 0) {
        m->reads.pages = allocate(pages);
        m->reads.erased_by = allocate(pages * sizeof(uint32_t));
        m->reads.reach = allocate(pages * sizeof(uint32_t));
        if (m->reads.pages == NULL || m->reads.erased_by == NULL || m->reads.reach == NULL) {
            return false;
        }
    }
    for (size_t index = 0; index < sizeof(buffers) / sizeof(buffers[0]); index++) {
        *buffers[index].place = allocate(buffers[index].size_bytes);
        if (*buffers[index].place == NULL) {
            return false;
        }
        if (buffers[index].fill >= 0) {
            memset(*buffers[index].place, buffers[index].fill, buffers[index].size_bytes);
        }
    }
    return true;
}

static void place_factory_bytes(struct machine *m)
{
    const struct machine_config *config = &m->config;

    for (uint32_t index = 0; index < config->factory_count; index++) {
        const struct factory_range *range = &config->factory[index];

        memcpy(m->system_memory + (range->address - config->system_address), range->content, range->size_bytes);
    }
    m->option_bytes.cells = m->system_memory + (config->option_address - config->system_address);
}

static bool map_memory(struct machine *m)
{
    const struct machine_config *config = &m->config;
    uint32_t controller_address;
    uint32_t controller_bytes;
    uint32_t *controller = m->chip->controller_registers(m, &controller_address, &controller_bytes);
    const struct {
        uint32_t address;
        uint32_t size_bytes;
        uint32_t permissions;
        void *memory;
    } maps[] = {
        {config->flash_address, config->flash_bytes, UC_PROT_READ | UC_PROT_EXEC, m->flash.cells},
        {config->ram_address, config->ram_bytes, UC_PROT_READ | UC_PROT_WRITE, m->ram},
        {config->system_address, config->system_bytes, UC_PROT_READ, m->system_memory},
        {controller_address, controller_bytes, UC_PROT_READ, controller},
        {SCB_BLOCK_ADDRESS, SCB_BLOCK_BYTES, UC_PROT_READ, m->scb.registers},
        {config->flash_alias_address, config->flash_bytes, UC_PROT_READ | UC_PROT_EXEC, m->flash.cells},
    };
    size_t count = sizeof(maps) / sizeof(maps[0]) - (config->flash_alias_address == config->flash_address);

    for (size_t index = 0; index < count; index++) {
        /*
         * Mapped with every permission, then protected: memory that uc_mem_map_ptr maps without the write permission is not
         * read-only to Unicorn 2.1.4, and a refused store would land after its hook all the same.
         */
        m->engine_error = uc_mem_map_ptr(m->engine, maps[index].address, maps[index].size_bytes, UC_PROT_ALL,
                                         maps[index].memory);
        if (m->engine_error == UC_ERR_OK) {
            m->engine_error = uc_mem_protect(m->engine, maps[index].address, maps[index].size_bytes, maps[index].permissions);
        }
        if (m->engine_error != UC_ERR_OK) {
            return false;
        }
    }
    return true;
}

/*
 * Of translated code, before Unicorn forgets it all and begins anew. It never takes back the room of code that was changed or forgotten, and
 * allows itself a gibibyte if not told otherwise: the machines of a long campaign grew by hundreds of megabytes.
 */
#define TRANSLATED_BYTES_MAX (32u * 1024u * 1024u)

static bool open_engine(struct machine *m)
{
    m->engine_error = uc_open(UC_ARCH_ARM, UC_MODE_THUMB, &m->engine);
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error = uc_ctl_set_tcg_buffer_size(m->engine, TRANSLATED_BYTES_MAX);
    }
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error = uc_ctl_set_cpu_model(m->engine, m->chip->cpu_model);
    }
    if (m->engine_error != UC_ERR_OK || !map_memory(m) || bus_install(m) != MACHINE_OK ||
        code_install(m) != MACHINE_OK || trap_install(m) != MACHINE_OK || reads_install(m) != MACHINE_OK ||
        memo_install(m) != MACHINE_OK || halt_install(m) != MACHINE_OK || converge_install(m) != MACHINE_OK) {
        return false;
    }
    m->engine_error = uc_context_alloc(m->engine, &m->reset_context);
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error = uc_context_save(m->engine, m->reset_context);
    }
    return m->engine_error == UC_ERR_OK;
}

static const struct chip *const chips[CHIP_KINDS] = {
    [CHIP_STM32F103] = &chip_stm32f103,
    [CHIP_NRF52840] = &chip_nrf52840,
    [CHIP_NRF51822] = &chip_nrf51822,
};

struct machine *machine_create(const struct machine_config *config)
{
    struct machine *m = calloc(1, sizeof(*m));

    if (m == NULL) {
        return NULL;
    }
    m->config = *config;
    m->chip = chips[config->chip < CHIP_KINDS ? config->chip : CHIP_STM32F103];
    if (!allocate_all(m)) {
        machine_destroy(m);
        return NULL;
    }
    place_factory_bytes(m);
    if (!open_engine(m)) {
        machine_destroy(m);
        return NULL;
    }
    return m;
}

const char *machine_source_digest(void)
{
    return CORE_SOURCE_DIGEST;
}

void machine_destroy(struct machine *m)
{
    memo_release(m);
    converge_release(m);
    if (m->reset_context != NULL) {
        uc_context_free(m->reset_context);
    }
    if (m->engine != NULL) {
        uc_close(m->engine);
    }
    free(m->flash.cells);
    free(m->ram);
    free(m->scramble);
    free(m->waiting.ram);
    free(m->system_memory);
    free(m->fpec.registers);
    free(m->nvmc.registers);
    free(m->nvmc.pages);
    free(m->nvmc.writes);
    free(m->nvmc.option_writes);
    free(m->nvmc.history);
    free(m->mpu.denied);
    free(m->scb.registers);
    free(m->bus.storage);
    free(m->code.counts);
    free(m->code.page_executed);
    free(m->log.erases);
    free(m->log.operations);
    free(m->log.arena);
    free(m->log.misuses);
    free(m->domain_log.entries);
    free(m->domain_log.moments);
    free(m->usart.output);
    free(m->reads.pages);
    free(m->reads.erased_by);
    free(m->reads.reach);
    free(m);
}

const uint8_t *machine_ram(const struct machine *m)
{
    return m->ram;
}

const char *machine_error_text(const struct machine *m)
{
    return uc_strerror(m->engine_error);
}

void machine_end(struct machine *m, enum end end, uint32_t pc, uint64_t instructions, const char *format, ...)
{
    va_list arguments;

    if (m->ended) {
        return;
    }
    memo_disturb(m);
    m->ended = true;
    m->end = (uint32_t)end;
    m->end_pc = pc;
    m->end_instructions = instructions;
    va_start(arguments, format);
    vsnprintf(m->detail, sizeof(m->detail), format, arguments);
    va_end(arguments);
    uc_emu_stop(m->engine);
}

bool machine_next_event(const struct machine *m, uint64_t *fs)
{
    uint64_t peer_fs;
    bool found = m->chip->next_event(m, fs);

    if (peer_next(m, &peer_fs) && (!found || peer_fs < *fs)) {
        *fs = peer_fs;
        found = true;
    }
    return found;
}

void machine_run_events(struct machine *m)
{
    m->chip->run_events(m);
    peer_run(m);
}

void machine_schedule(struct machine *m)
{
    uint64_t next = UINT64_MAX;
    uint64_t cycle;
    uint64_t fs;

    if (m->iwdg.running) {
        uint64_t due = clock_work_at(m, m->iwdg.deadline_fs);

        next = due < next ? due : next;
    }
    if (m->domain_log.settled_fs != 0) {
        uint64_t due = clock_work_at(m, m->domain_log.settled_fs);

        next = due < next ? due : next;
    }
    if (systick_next_interrupt(m, &cycle)) {
        uint64_t due = clock_work_at_cycle(m, cycle);

        next = due < next ? due : next;
    }
    if (machine_next_event(m, &fs)) {
        uint64_t due = clock_work_at(m, fs);

        next = due < next ? due : next;
    }
    if (m->fpec.busy || m->nvmc.busy || m->mpu.changed || m->waiting.polled || exception_any(m)) {
        next = 0;
    }
    m->next_check = m->instruction_budget;
    m->next_check_work = next;
}

/* Nothing is due: the block hook only looks whether the firmware waits for ever. */
static bool only_polled(const struct machine *m)
{
    uint64_t cycle;
    uint64_t fs;

    return m->waiting.polled && m->instructions < m->instruction_budget && !m->iwdg.running && m->domain_log.settled_fs == 0 &&
           !systick_next_interrupt(m, &cycle) && !machine_next_event(m, &fs) && !m->fpec.busy && !m->nvmc.busy && !m->mpu.changed &&
           !exception_any(m);
}

void machine_check(struct machine *m, uint32_t pc)
{
    uint64_t cycle;
    uint64_t fs;

    if (!only_polled(m)) {
        memo_disturb(m);
    }
    m->chip->advance(m, pc);
    if (m->instructions >= m->instruction_budget) {
        machine_end(m, END_BUDGET, pc, m->instructions, "%s", "");
        return;
    }
    if (m->iwdg.running && clock_fs(m, m->instructions) >= m->iwdg.deadline_fs) {
        machine_end(m, END_WATCHDOG, pc, m->instructions, "%s ran out", m->chip->watchdog_name);
        return;
    }
    if (domain_settled(m, m->instructions)) {
        machine_end(m, END_SETTLED, pc, m->instructions, "%s", "");
        return;
    }
    if (systick_next_interrupt(m, &cycle)) {
        systick_advance(m, m->instructions);
    }
    if (machine_next_event(m, &fs) && clock_fs(m, m->instructions) >= fs) {
        machine_run_events(m);
    }
    if (m->mpu.changed && !m->ended) {
        code_drop_block(m); /* it runs after the permissions are made */
        uc_emu_stop(m->engine);
        return;
    }
    if (exception_check(m, pc)) {
        return;
    }
    waiting_check(m, pc);
    machine_schedule(m);
}
