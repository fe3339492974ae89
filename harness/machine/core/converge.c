/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a boot is looked at, and all that its state consists of. */
#include "converge_private.h"

#include <stdlib.h>
#include <string.h>

enum kind { BEFORE_OPERATION, AFTER_CALL };

static uint32_t page_count(const struct machine *m)
{
    return m->config.flash_bytes / m->config.page_bytes;
}

static void absorb(struct converge_digest *digest, const void *content, size_t size_bytes)
{
    *digest = converge_digest_of(*digest, content, size_bytes);
}

void converge_page_changed(struct machine *m, uint32_t page)
{
    if (m->converge.store != NULL) {
        m->converge.changed[page] = true;
    }
}

/* The digest of the flash is a sum over its pages, so that it costs what has changed. */
static void digest_flash(struct machine *m)
{
    struct converge *converge = &m->converge;
    uint32_t page_bytes = m->config.page_bytes;

    for (uint32_t page = 0; page < page_count(m); page++) {
        struct converge_digest *known = &converge->pages[page];
        struct converge_digest now;

        if (!converge->changed[page]) {
            continue;
        }
        now = converge_digest_of((struct converge_digest){page + 1, 0}, m->flash.cells + page * page_bytes, page_bytes);
        converge->flash.low += now.low - known->low;
        converge->flash.high += now.high - known->high;
        *known = now;
        converge->changed[page] = false;
    }
}

/* Rule 3: nothing depends on what time it is. */
static bool is_timeless(const struct machine *m)
{
    uint64_t fs;

    for (uint32_t index = 0; index < NRF_COUNTERS; index++) {
        if (m->nrf.counters[index].started) {
            return false;
        }
    }
    return !m->iwdg.running && m->domain_log.settled_fs == 0 && m->watch.return_pc == WATCH_NOTHING && !systick_enabled(m) &&
           !dwt_enabled(m) && !m->fpec.busy && !m->nvmc.busy && !m->usart.transmit_full && !machine_next_event(m, &fs);
}

/* Nothing is under way that this program knows, and a state does not hold. */
static bool is_simple(const struct machine *m)
{
    return !m->waiting.polled && !m->waiting.valid && !m->mpu.changed && !m->mpu.restricts && !m->ram_executable &&
           m->call_stacks.kept == NULL && m->memo.found == NULL && !exception_any(m);
}

static void absorb_core(struct machine *m, struct converge_digest *digest)
{
    const uint32_t words[] = {
        m->block_address,       m->block_bytes,        m->clock.core_hz,    m->clock.wait_states, m->systick.control,
        m->systick.reload,      m->systick.frozen,     m->systick.counted,  m->dwt.control,       m->dwt.frozen,
        m->exception.pending,   m->exception.depth,    m->exception.next,   m->exception.returns, m->exception.event,
        m->mpu.control,         m->mpu.region,         m->mpu.drops_privilege, m->waiting.fed,    (uint32_t)m->waiting.polls,
        (uint32_t)m->waiting.next_snapshot, (uint32_t)m->domain_log.current, (uint32_t)(m->clock.base_half_cycles & 1u),
    };

    uc_context_save(m->engine, m->converge.core);
    absorb(digest, m->converge.core, uc_context_size(m->engine));
    absorb(digest, words, sizeof(words));
    absorb(digest, m->exception.active, sizeof(m->exception.active));
    absorb(digest, m->mpu.base, sizeof(m->mpu.base));
    absorb(digest, m->mpu.attributes, sizeof(m->mpu.attributes));
    absorb(digest, &m->nvic, sizeof(m->nvic));
    absorb(digest, &m->fault, sizeof(m->fault));
    absorb(digest, m->scb.registers, SCB_BLOCK_BYTES);
}

static void absorb_cells(struct machine *m, struct converge_digest *digest)
{
    uint32_t words = m->config.page_bytes / NVMC_WORD_BYTES;

    absorb(digest, &m->converge.flash, sizeof(m->converge.flash));
    absorb(digest, m->system_memory, m->config.system_bytes);
    if (m->chip->nrf == NULL) {
        return;
    }
    absorb(digest, m->nvmc.option_writes, m->config.option_size_bytes);
    for (uint32_t page = 0; page < page_count(m); page++) {
        const uint32_t wear[] = {m->nvmc.pages[page].erased_ms, m->nvmc.pages[page].counted};

        absorb(digest, wear, sizeof(wear));
        if (m->nvmc.pages[page].counted) {
            absorb(digest, m->nvmc.writes + page * words, words);
        }
    }
}

static void absorb_nrf(struct machine *m, struct converge_digest *digest)
{
    const struct nrf *nrf = &m->nrf;
    const uint32_t words[] = {
        nrf->high_clock_requested, nrf->low_clock_requested,  nrf->low_clock_runs,           nrf->reload_requests,
        nrf->event_depth,          nrf->uart.transmitting,    nrf->uart.stop_requested,      nrf->uart.transmitter_started,
        nrf->uart.receiver_started, nrf->uart.holds_byte,     nrf->uart.transmit_count,      nrf->uart.receive_address,
        nrf->uart.receive_limit,   nrf->uart.receive_count,   m->nvmc.port_closed,
    };

    absorb(digest, words, sizeof(words));
    for (uint32_t index = 0; index < NRF_COUNTERS; index++) {
        const uint64_t ticks[] = {nrf->counters[index].base_ticks, nrf->counters[index].seen_ticks};

        absorb(digest, ticks, sizeof(ticks));
    }
}

static void absorb_peripherals(struct machine *m, struct converge_digest *digest)
{
    struct usart_sender sender;
    uint32_t size_bytes;
    uint32_t address;
    const uint32_t *controller = m->chip->controller_registers(m, &address, &size_bytes);
    const uint32_t words[] = {
        m->fpec.lock,      m->fpec.option_lock, m->fpec.late,    m->option_bytes.obr, m->option_bytes.wrpr,     m->iwdg.writable,
        m->iwdg.prescaler, m->iwdg.reload,      m->usart.received, m->bus.storage_used, m->bus.unmodelled_count,
    };

    memset(&sender, 0, sizeof(sender));
    usart_sender_read(m, &sender);
    absorb(digest, &sender, sizeof(sender));
    absorb(digest, words, sizeof(words));
    absorb(digest, controller, size_bytes);
    absorb(digest, &m->rcc, sizeof(m->rcc));
    absorb(digest, &m->backup, sizeof(m->backup));
    absorb_nrf(m, digest);
    for (uint32_t index = 0; index < m->bus.unmodelled_count; index++) {
        absorb(digest, &m->bus.unmodelled[index].address, sizeof(m->bus.unmodelled[index].address));
    }
    if (m->bus.storage_used) {
        absorb(digest, m->bus.storage, m->chip->storage_bytes);
    }
}

static struct converge_digest digest_state(struct machine *m, uint32_t pc, enum kind kind, const struct operation *operation)
{
    const uint64_t words[] = {m->converge.seed, pc, kind};
    struct converge_digest digest = {0};

    absorb(&digest, words, sizeof(words));
    if (operation != NULL) {
        const uint64_t what[] = {operation->kind, operation->address, operation->size_bytes, operation->old, operation->new_, operation->duration_ps};

        absorb(&digest, what, sizeof(what));
    }
    absorb(&digest, m->ram, m->config.ram_bytes);
    absorb_core(m, &digest);
    absorb_cells(m, &digest);
    absorb_peripherals(m, &digest);
    return digest;
}

static void keep_state(struct machine *m, uint64_t instructions, const struct converge_digest *digest)
{
    struct converge *converge = &m->converge;
    struct converge_state *state;

    if (converge->rest == NULL) {
        converge->rest = converge_allocate(converge->store, sizeof(*converge->rest));
        if (converge->rest == NULL) {
            return;
        }
        converge->rest->bytes = sizeof(*converge->rest);
    }
    if ( converge->rest->state_count == CONVERGE_STATES_MAX) {
        return;
    }
    state = &converge->rest->states[converge->rest->state_count++];
    state->digest = *digest;
    state->rest = converge->rest;
    converge_read_place(m, instructions, &state->place);
}

/* True where the boot has ended, with the rest of an earlier one. */
static bool look(struct machine *m, uint32_t pc, uint64_t instructions, enum kind kind, const struct operation *operation)
{
    struct converge *converge = &m->converge;
    struct converge_counts *counts;
    const struct converge_state *known;
    struct converge_digest digest;
    struct usart_sender sender;

    usart_sender_read(m, &sender); /* lets go what has left it by now */
    if (m->ended || !is_simple(m) || !is_timeless(m)) {
        return false;
    }
    counts = converge_counts_of(converge->store);
    counts->looks++;
    digest_flash(m);
    if (!converge_seen(converge->store, converge_digest_of(converge->flash, &pc, sizeof(pc)).low ^ converge->seed)) {
        return false;
    }
    counts->states++;
    clock_rebase(m, instructions);
    digest = digest_state(m, pc, kind, operation);
    known = converge_find(converge->store, &digest);
    if (known == NULL || !converge_fits(m, instructions, known)) {
        if (known == NULL) {
            keep_state(m, instructions, &digest);
        }
        return false;
    }
    converge_drop(m);
    converge_write(m, instructions, known);
    return true;
}

bool converge_before(struct machine *m, const struct operation *operation)
{
    bool erases = operation->kind == OPERATION_PAGE_ERASE;
    bool comes_together = erases || m->converge.erased;

    if (!m->converge.looks) {
        return false;
    }
    if (!erases && operation->kind != OPERATION_PROGRAM) {
        m->converge.looks = false; /* rarer operations are not worth an argument of their own */
        converge_drop(m);
        return false;
    }
    m->converge.erased = erases;
    return comes_together && look(m, operation->pc, operation->instructions, BEFORE_OPERATION, operation);
}

void converge_after_call(struct machine *m, uint32_t pc)
{
    if (m->converge.looks) {
        m->converge.erased = true;
        look(m, pc, m->instructions, AFTER_CALL, NULL);
    }
}

void converge_reset(struct machine *m, const struct boot_request *request)
{
    struct converge *converge = &m->converge;

    if (converge->store == NULL) {
        return;
    }
    converge_drop(m);
    converge->seed = request->seed;
    converge->erased = true;
    converge->looks = request->stop_before == UINT64_MAX && request->peer == NULL && request->ram == NULL && request->uart_input_bytes == 0;
}

void converge_finish(struct machine *m)
{
    struct retained retained = {0};

    if (m->converge.rest == NULL) {
        return;
    }
    m->chip->retain(m, &retained);
    if (m->end == END_BUDGET || m->end == END_STOPPED || m->end == END_UNSUPPORTED || retained.restarts != 0) {
        converge_drop(m);
    } else {
        converge_keep(m);
    }
}

int32_t converge_install(struct machine *m)
{
    struct converge *converge = &m->converge;

    if (m->config.converge == NULL || m->config.records_reads != 0 || m->config.halts != 0) {
        return MACHINE_OK;
    }
    converge->store = m->config.converge;
    converge->pages = calloc(page_count(m), sizeof(*converge->pages));
    converge->changed = malloc(page_count(m) * sizeof(*converge->changed));
    if (converge->pages == NULL || converge->changed == NULL) {
        return MACHINE_NO_MEMORY;
    }
    memset(converge->changed, true, page_count(m) * sizeof(*converge->changed));
    m->engine_error = uc_context_alloc(m->engine, &converge->core);
    return m->engine_error == UC_ERR_OK ? MACHINE_OK : MACHINE_UNICORN;
}

void converge_release(struct machine *m)
{
    if (m->converge.store != NULL) {
        converge_drop(m);
    }
    free(m->converge.pages);
    free(m->converge.changed);
    if (m->converge.core != NULL) {
        uc_context_free(m->converge.core);
    }
}
