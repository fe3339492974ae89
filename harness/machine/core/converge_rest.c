/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What followed a state: kept at the end of the boot that was in it, written down in one that comes to it. */
#include "converge_private.h"

#include <stdlib.h>
#include <string.h>

static uint32_t page_count(const struct machine *m)
{
    return m->config.flash_bytes / m->config.page_bytes;
}

void converge_read_place(struct machine *m, uint64_t instructions, struct converge_place *place)
{
    clock_rebase(m, instructions);
    *place = (struct converge_place){
        .instructions = instructions,
        .cycles = code_cycles_at(m, instructions),
        .clock = m->clock,
        .watched = m->watch.total,
        .operations = m->log.count,
        .arena_bytes = m->log.arena_bytes,
        .entries = m->domain_log.count,
        .misuses = m->log.misuse_count,
        .output_bytes = m->usart.output_bytes,
    };
    for (uint32_t index = 0; index < m->bus.unmodelled_count; index++) {
        place->unmodelled[index] = m->bus.unmodelled[index].count;
    }
}

/* A copy for the rest of this boot; NULL where there is no memory. */
static void *copy(struct machine *m, const void *content, size_t size_bytes)
{
    void *memory = converge_allocate(m->converge.store, size_bytes + 1);

    if (memory != NULL) {
        m->converge.rest->bytes += size_bytes + 1;
        memcpy(memory, content, size_bytes);
    }
    return memory;
}

static bool keep_log(struct machine *m, struct converge_rest *rest)
{
    const struct converge_place *first = &rest->states[0].place;
    const struct converge_place *last = &rest->end_place;

    rest->operations = copy(m, m->log.operations + first->operations, (last->operations - first->operations) * sizeof(struct operation));
    rest->arena = copy(m, m->log.arena + first->arena_bytes, last->arena_bytes - first->arena_bytes);
    rest->entries = copy(m, m->domain_log.entries + first->entries, (last->entries - first->entries) * sizeof(struct domain_entry));
    rest->moments = copy(m, m->domain_log.moments + first->entries, (last->entries - first->entries) * sizeof(struct domain_moment));
    rest->misuses = copy(m, m->log.misuses + first->misuses, (last->misuses - first->misuses) * sizeof(struct misuse));
    rest->output = copy(m, m->usart.output + first->output_bytes, last->output_bytes - first->output_bytes);
    return rest->operations != NULL && rest->arena != NULL && rest->entries != NULL && rest->moments != NULL && rest->misuses != NULL &&
           rest->output != NULL;
}

static uint32_t page_of(const struct machine *m, const struct operation *operation)
{
    return (operation->address - m->config.flash_address) / m->config.page_bytes;
}

static bool keep_pages(struct machine *m, struct converge_rest *rest)
{
    uint32_t page_bytes = m->config.page_bytes;
    uint32_t words = page_bytes / NVMC_WORD_BYTES;
    bool *written = calloc(page_count(m), sizeof(*written));
    bool complete;

    rest->pages = converge_allocate(m->converge.store, page_count(m) * sizeof(*rest->pages));
    rest->bytes += rest->pages == NULL ? 0 : page_count(m) * sizeof(*rest->pages);
    complete = written != NULL && rest->pages != NULL;
    for (uint32_t index = rest->states[0].place.operations; complete && index < m->log.count; index++) {
        written[page_of(m, &m->log.operations[index])] = true;
    }
    for (uint32_t page = 0; complete && page < page_count(m); page++) {
        if (written[page]) {
            struct converge_page *kept = &rest->pages[rest->page_count++];

            *kept = (struct converge_page){.page = page, .wear = m->nvmc.pages[page]};
            kept->cells = copy(m, m->flash.cells + page * page_bytes, page_bytes);
            kept->writes = copy(m, m->nvmc.writes + page * words, words);
            complete = kept->cells != NULL && kept->writes != NULL;
        }
    }
    free(written);
    return complete;
}

void converge_keep(struct machine *m)
{
    struct converge_rest *rest = m->converge.rest;

    converge_read_place(m, m->end_instructions, &rest->end_place);
    rest->ram = copy(m, m->ram, m->config.ram_bytes);
    rest->unmodelled_count = m->bus.unmodelled_count;
    memcpy(rest->unmodelled, m->bus.unmodelled, sizeof(rest->unmodelled));
    rest->watchdog_longest_fs = m->iwdg.closest_fs;
    rest->watchdog_period_fs = m->iwdg.closest_period_fs;
    rest->end = m->end;
    rest->end_pc = m->end_pc;
    memcpy(rest->detail, m->detail, sizeof(rest->detail));
    if (!keep_log(m, rest) || !keep_pages(m, rest) || rest->ram == NULL) {
        converge_drop(m);
        return;
    }
    converge_add(m->converge.store, rest);
    m->converge.rest = NULL;
}

void converge_drop(struct machine *m)
{
    if (m->converge.rest != NULL) {
        converge_drop_rest(m->converge.store, m->converge.rest);
        m->converge.rest = NULL;
    }
}

bool converge_fits(const struct machine *m, uint64_t instructions, const struct converge_state *state)
{
    const struct converge_place *from = &state->place;
    const struct converge_place *to = &state->rest->end_place;
    uint32_t operations = to->operations - from->operations;

    return instructions + (to->instructions - from->instructions) < m->instruction_budget && operations <= OPERATIONS_MAX - m->log.count &&
           to->arena_bytes - from->arena_bytes <= ARENA_BYTES_MAX - m->log.arena_bytes &&
           to->entries - from->entries < DOMAIN_ENTRIES_MAX - m->domain_log.count &&
           to->misuses - from->misuses < MISUSES_MAX - m->log.misuse_count &&
           to->output_bytes - from->output_bytes < USART_OUTPUT_MAX - m->usart.output_bytes &&
           state->rest->unmodelled_count < BUS_UNMODELLED_MAX;
}

static void write_log(struct machine *m, const struct converge_state *state)
{
    const struct converge_rest *rest = state->rest;
    const struct converge_place *first = &rest->states[0].place;
    const struct converge_place *from = &state->place;
    uint64_t later_fs = m->clock.base_fs - from->clock.base_fs;
    uint32_t operations = m->log.count;

    for (uint32_t index = from->operations; index < rest->end_place.operations; index++) {
        struct operation operation = rest->operations[index - first->operations];
        const uint8_t *old_bytes = operation.kind == OPERATION_PAGE_ERASE ? rest->arena + (operation.arena_offset - first->arena_bytes) : NULL;

        operation.instructions += m->instructions - from->instructions;
        operation_set_start(&operation, operation_start_fs(&operation) + later_fs);
        operation_log_append(m, &operation, old_bytes);
    }
    for (uint32_t index = from->misuses; index < rest->end_place.misuses; index++) {
        struct misuse misuse = rest->misuses[index - first->misuses];

        misuse.operations += operations - from->operations;
        m->log.misuses[m->log.misuse_count++] = misuse;
    }
    memcpy(m->usart.output + m->usart.output_bytes, rest->output + (from->output_bytes - first->output_bytes),
           rest->end_place.output_bytes - from->output_bytes);
    m->usart.output_bytes += rest->end_place.output_bytes - from->output_bytes;
}

static void write_entries(struct machine *m, const struct converge_state *state, uint32_t operations)
{
    const struct converge_rest *rest = state->rest;
    const struct converge_place *from = &state->place;
    struct clock_range now = clock_fs_range(m, m->instructions);
    struct clock_range then = {from->clock.base_fs - from->clock.below_fs, from->clock.base_fs + from->clock.above_fs};

    for (uint32_t index = from->entries; index < rest->end_place.entries; index++) {
        struct domain_entry entry = rest->entries[index - rest->states[0].place.entries];
        struct domain_moment moment = rest->moments[index - rest->states[0].place.entries];

        moment.fs += m->clock.base_fs - from->clock.base_fs;
        moment.low_fs += now.low - then.low;
        moment.high_fs += now.high - then.high;
        entry.operations += operations - from->operations;
        domain_add(m, &entry, &moment);
    }
}

static void write_counts(struct machine *m, const struct converge_state *state)
{
    const struct converge_rest *rest = state->rest;
    const struct converge_place *from = &state->place;
    const struct watch_total *total = &rest->end_place.watched;

    m->watch.total.calls += total->calls - from->watched.calls;
    m->watch.total.time_ps += total->time_ps - from->watched.time_ps;
    m->watch.total.time_low_ps += total->time_low_ps - from->watched.time_low_ps;
    m->watch.total.time_high_ps += total->time_high_ps - from->watched.time_high_ps;
    m->iwdg.closest_fs = rest->watchdog_longest_fs;
    m->iwdg.closest_period_fs = rest->watchdog_period_fs;
    /* Both boots had accessed the same registers so far, in the same order. */
    for (uint32_t index = 0; index < rest->unmodelled_count; index++) {
        uint32_t before = index < m->bus.unmodelled_count ? m->bus.unmodelled[index].count : 0;

        m->bus.unmodelled[index] = rest->unmodelled[index];
        m->bus.unmodelled[index].count += before - from->unmodelled[index];
    }
    m->bus.unmodelled_count = rest->unmodelled_count;
}

static void write_memories(struct machine *m, const struct converge_rest *rest)
{
    uint32_t page_bytes = m->config.page_bytes;
    uint32_t words = page_bytes / NVMC_WORD_BYTES;

    for (uint32_t index = 0; index < rest->page_count; index++) {
        const struct converge_page *page = &rest->pages[index];

        flash_replace(m, page->page * page_bytes, page->cells, page_bytes);
        m->nvmc.pages[page->page] = page->wear;
        memcpy(m->nvmc.writes + page->page * words, page->writes, words);
    }
    memcpy(m->ram, rest->ram, m->config.ram_bytes);
}

void converge_write(struct machine *m, uint64_t instructions, const struct converge_state *state)
{
    const struct converge_rest *rest = state->rest;
    const struct converge_place *from = &state->place;
    const struct converge_place *to = &rest->end_place;
    struct converge_counts *counts = converge_counts_of(m->converge.store);
    uint32_t operations = m->log.count;
    struct clock passed = clock_difference(&from->clock, &to->clock);
    struct cycle_count cycles = {to->cycles.low - from->cycles.low, to->cycles.high - from->cycles.high, to->cycles.waits - from->cycles.waits};

    m->cycles = code_cycles_at(m, instructions);
    m->instructions = instructions;
    code_drop_block(m);
    write_log(m, state);
    write_entries(m, state, operations);
    write_counts(m, state);
    write_memories(m, rest);
    clock_advance(m, &passed, cycles, to->instructions - from->instructions);
    counts->boots++;
    counts->instructions += to->instructions - from->instructions;
    machine_end(m, (enum end)rest->end, rest->end_pc, m->instructions, "%s", rest->detail);
}
