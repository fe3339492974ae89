/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Recording a call: what it looked at, what it wrote, what it cost. */
#include "memo_private.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 4u /* calls inside calls that are recorded at once */
#define RAM_READ 1u
#define RAM_WRITTEN 2u
#define REGISTER_SP 12u /* of `memo_state` */
#define REGISTER_LR 13u
#define XPSR_NZCV 0xF0000000u

/* A call under way. */
struct frame {
    uint32_t pc;
    uint32_t return_pc;
    uint32_t stack;
    uint32_t first_operation;
    struct memo_state before;
    uint64_t instructions;
    struct cycle_count cycles;
    struct clock clock;
    uint8_t *ram_use;    /* RAM_READ and RAM_WRITTEN a byte; 0 outside of the bytes from `ram_first` up to `ram_end` */
    uint8_t *ram_before; /* where RAM_READ */
    uint8_t *page_use;   /* a `page_use` a page */
    uint32_t *page_reach;
    const uint8_t **page_before;
    struct memo_wear *page_wear;
    struct usart_sender sender;
    uint32_t ram_first;
    uint32_t ram_end;
    uint32_t sent_bytes;
    uint32_t sharing;
    uint32_t saturated; /* XPSR_Q where the call set that flag, and a call inside of it began without */
    bool controls;
    bool sends;
    bool complete; /* nothing was lost for want of memory */
};

struct memo_recorder {
    struct frame frames[FRAMES_MAX];
    uint32_t depth; /* counts only while `memo.return_pc` is set */
};

static uint32_t page_count(const struct machine *m)
{
    return m->config.flash_bytes / m->config.page_bytes;
}

static uint32_t depth_of(const struct machine *m)
{
    return m->memo.return_pc == MEMO_NOTHING ? 0 : m->memo.recorder->depth;
}

/* A frame is about to note a use of RAM: most of it is never used, and never looked through. Returns where the bytes end. */
static uint32_t widen(const struct machine *m, struct frame *frame, uint32_t offset, uint32_t size_bytes)
{
    uint32_t end = offset + size_bytes < m->config.ram_bytes ? offset + size_bytes : m->config.ram_bytes;

    frame->ram_first = offset < frame->ram_first ? offset : frame->ram_first;
    frame->ram_end = end > frame->ram_end ? end : frame->ram_end;
    return end;
}

static void forget_ram(const struct machine *m, struct frame *frame)
{
    if (frame->ram_first < frame->ram_end) {
        memset(frame->ram_use + frame->ram_first, 0, frame->ram_end - frame->ram_first);
    }
    frame->ram_first = m->config.ram_bytes;
    frame->ram_end = 0;
}

void memo_ram_read(struct machine *m, uint32_t offset, uint32_t size_bytes)
{
    if (m->memo.recorder == NULL) {
        return;
    }
    for (uint32_t level = depth_of(m); level > 0; level--) {
        struct frame *frame = &m->memo.recorder->frames[level - 1];
        const uint32_t end = widen(m, frame, offset, size_bytes);

        for (uint32_t place = offset; place < end; place++) {
            if (frame->ram_use[place] == 0) {
                frame->ram_use[place] = RAM_READ;
                frame->ram_before[place] = m->ram[place];
            }
        }
    }
}

void memo_ram_written(struct machine *m, uint32_t offset, uint32_t size_bytes)
{
    if (m->memo.recorder == NULL) {
        return;
    }
    for (uint32_t level = depth_of(m); level > 0; level--) {
        struct frame *frame = &m->memo.recorder->frames[level - 1];
        const uint32_t end = widen(m, frame, offset, size_bytes);

        for (uint32_t place = offset; place < end; place++) {
            frame->ram_use[place] |= RAM_WRITTEN;
        }
    }
}

void memo_note_controlling(struct machine *m)
{
    if (m->memo.recorder == NULL) {
        return;
    }
    for (uint32_t level = depth_of(m); level > 0; level--) {
        m->memo.recorder->frames[level - 1].controls = true;
    }
}

void memo_note_sending(struct machine *m)
{
    if (m->memo.recorder == NULL) {
        return;
    }
    for (uint32_t level = depth_of(m); level > 0; level--) {
        m->memo.recorder->frames[level - 1].sends = true;
    }
}

void memo_note_sharing(struct machine *m, uint32_t sharing)
{
    if (m->memo.recorder == NULL) {
        return;
    }
    for (uint32_t level = depth_of(m); level > 0; level--) {
        m->memo.recorder->frames[level - 1].sharing |= sharing;
    }
}

static struct memo_wear wear_of(struct machine *m, uint32_t page)
{
    struct memo_wear wear = {.page = m->nvmc.pages[page]};
    uint32_t words = m->config.page_bytes / NVMC_WORD_BYTES;

    if (wear.page.counted) {
        wear.writes = memo_keep(m->memo.store, m->nvmc.writes + page * words, words);
    }
    return wear;
}

void memo_page_read(struct machine *m, uint32_t page, uint32_t end)
{
    const uint8_t *content = m->flash.cells + page * m->config.page_bytes;

    for (uint32_t level = depth_of(m); level > 0; level--) {
        struct frame *frame = &m->memo.recorder->frames[level - 1];

        reads_extend(&frame->page_reach[page], end);
        if (frame->page_use[page] == PAGE_UNTOUCHED) {
            frame->page_use[page] = PAGE_READ;
            frame->page_before[page] = memo_keep(m->memo.store, content, m->config.page_bytes);
            frame->page_wear[page] = wear_of(m, page);
            frame->complete = frame->complete && frame->page_before[page] != NULL;
        }
    }
}

void memo_page_erased(struct machine *m, uint32_t page)
{
    for (uint32_t level = depth_of(m); level > 0; level--) {
        struct frame *frame = &m->memo.recorder->frames[level - 1];

        if (frame->page_use[page] == PAGE_UNTOUCHED) {
            frame->page_use[page] = PAGE_ERASED_FIRST;
        }
        frame->page_reach[page] |= REACH_ENDED;
    }
}

/* Contents that live in the machine become the store's own. */
static bool keep_state(struct machine *m, struct memo_state *state)
{
    state->scb = memo_keep(m->memo.store, state->scb, SCB_BLOCK_BYTES);
    state->controller = memo_keep(m->memo.store, state->controller, memo_controller_bytes(m));
    state->system = memo_keep(m->memo.store, state->system, m->config.system_bytes);
    return state->scb != NULL && state->controller != NULL && state->system != NULL;
}

void memo_show_saturation(struct machine *m)
{
    uint32_t status = 0;

    if (m->memo.saturated != 0) {
        uc_reg_read(m->engine, UC_ARM_REG_XPSR, &status);
        status = (status & XPSR_NZCV) | m->memo.saturated;
        uc_reg_write(m->engine, UC_ARM_REG_APSR_NZCVQ, &status);
        m->memo.saturated = 0;
    }
}

/* A call begins inside of `depth` others. What could read the Q flag ends their recording first, and gets it back. */
static void hide_saturation(struct machine *m, uint32_t depth, const struct memo_state *now)
{
    uint32_t status = now->registers[MEMO_XPSR] & XPSR_NZCV;

    if (now->saturated == 0) {
        return;
    }
    for (uint32_t level = 0; level < depth; level++) {
        m->memo.recorder->frames[level].saturated = XPSR_Q;
    }
    m->memo.saturated = XPSR_Q;
    uc_reg_write(m->engine, UC_ARM_REG_APSR_NZCVQ, &status);
}

void memo_begin(struct machine *m, uint32_t pc, const struct memo_state *now)
{
    struct memo_recorder *recorder = m->memo.recorder;
    uint32_t depth = depth_of(m);
    struct frame *frame = &recorder->frames[depth];

    if (depth == FRAMES_MAX || m->waiting.polled || exception_any(m)) {
        return;
    }
    clock_rebase(m, m->instructions);
    frame->pc = pc;
    frame->return_pc = now->registers[REGISTER_LR] & ~1u;
    frame->stack = now->registers[REGISTER_SP];
    frame->first_operation = m->log.count;
    frame->before = *now;
    frame->instructions = m->instructions;
    frame->cycles = m->cycles;
    frame->clock = m->clock;
    frame->controls = false;
    frame->sends = false;
    frame->sharing = CODE_SHARING_KNOWN;
    frame->saturated = 0;
    frame->sent_bytes = m->usart.output_bytes;
    usart_sender_read(m, &frame->sender);
    forget_ram(m, frame);
    memset(frame->page_use, PAGE_UNTOUCHED, page_count(m));
    memset(frame->page_reach, 0, page_count(m) * sizeof(*frame->page_reach));
    memset(frame->page_before, 0, page_count(m) * sizeof(*frame->page_before));
    frame->complete = keep_state(m, &frame->before);
    hide_saturation(m, depth, now);
    recorder->depth = depth + 1;
    m->memo.return_pc = frame->return_pc;
}

/* Where the next byte that was used at all may be: most of RAM never is. */
static uint32_t skip_unused(const struct frame *frame, uint32_t offset)
{
    uint64_t uses = 0;

    while (uses == 0 && offset + sizeof(uses) <= frame->ram_end) {
        memcpy(&uses, frame->ram_use + offset, sizeof(uses));
        offset += uses == 0 ? sizeof(uses) : 0;
    }
    return offset;
}

/* The ranges of bytes whose use has the bit `use`; `ranges` NULL: only count them. */
static uint32_t find_ranges(const struct machine *m, const struct frame *frame, uint8_t use, const uint8_t *content,
                            struct memo_range *ranges)
{
    uint32_t count = 0;

    for (uint32_t offset = skip_unused(frame, frame->ram_first); offset < frame->ram_end; offset = skip_unused(frame, offset + 1)) {
        uint32_t start = offset;

        while (offset < frame->ram_end && (frame->ram_use[offset] & use) != 0) {
            offset++;
        }
        if (offset != start && ranges != NULL) {
            ranges[count] = (struct memo_range){start, offset - start, memo_keep(m->memo.store, content + start, offset - start)};
        }
        count += offset != start;
    }
    return count;
}

static bool record_ram(struct machine *m, const struct frame *frame, struct memo_record *record)
{
    record->ram_read_count = find_ranges(m, frame, RAM_READ, frame->ram_before, NULL);
    record->ram_write_count = find_ranges(m, frame, RAM_WRITTEN, m->ram, NULL);
    record->ram_reads = memo_allocate(m->memo.store, (record->ram_read_count + 1) * sizeof(struct memo_range));
    record->ram_writes = memo_allocate(m->memo.store, (record->ram_write_count + 1) * sizeof(struct memo_range));
    if (record->ram_reads == NULL || record->ram_writes == NULL) {
        return false;
    }
    find_ranges(m, frame, RAM_READ, frame->ram_before, record->ram_reads);
    find_ranges(m, frame, RAM_WRITTEN, m->ram, record->ram_writes);
    for (uint32_t index = 0; index < record->ram_read_count; index++) {
        if (record->ram_reads[index].content == NULL) {
            return false;
        }
    }
    for (uint32_t index = 0; index < record->ram_write_count; index++) {
        if (record->ram_writes[index].content == NULL) {
            return false;
        }
    }
    return true;
}

static uint32_t page_of(const struct machine *m, const struct operation *operation)
{
    return (operation->address - m->config.flash_address) / m->config.page_bytes;
}

/* `changed` receives one entry a page: not 0 where an operation changed it. */
static bool record_operations(struct machine *m, const struct frame *frame, struct memo_record *record, uint8_t *changed)
{
    uint64_t begin_fs = frame->clock.base_fs;

    record->operation_count = m->log.count - frame->first_operation;
    record->operations = memo_allocate(m->memo.store, (record->operation_count + 1) * sizeof(struct memo_operation));
    if (record->operations == NULL) {
        return false;
    }
    for (uint32_t index = 0; index < record->operation_count; index++) {
        struct memo_operation *known = &record->operations[index];
        uint32_t page;

        known->operation = m->log.operations[frame->first_operation + index];
        known->start_fs = operation_start_fs(&known->operation) - begin_fs;
        page = page_of(m, &known->operation);
        if (known->operation.kind == OPERATION_PAGE_ERASE && (changed[page] != 0 || frame->page_use[page] == PAGE_READ)) {
            known->old_bytes = memo_keep(m->memo.store, m->log.arena + known->operation.arena_offset, m->config.page_bytes);
            if (known->old_bytes == NULL) {
                return false;
            }
        }
        known->operation.instructions -= frame->instructions;
        record->erase_count += known->operation.kind == OPERATION_PAGE_ERASE;
        changed[page] = 1;
    }
    return true;
}

/* The first operation that erased a page. */
static uint32_t first_erase(const struct machine *m, const struct memo_record *record, uint32_t page)
{
    for (uint32_t index = 0; index < record->operation_count; index++) {
        const struct operation *operation = &record->operations[index].operation;

        if (operation->kind == OPERATION_PAGE_ERASE && page_of(m, operation) == page) {
            return index;
        }
    }
    return 0;
}

static bool record_pages(struct machine *m, const struct frame *frame, struct memo_record *record, const uint8_t *changed)
{
    uint32_t page_bytes = m->config.page_bytes;
    struct memo_page *next;

    for (uint32_t page = 0; page < page_count(m); page++) {
        record->page_count += frame->page_use[page] != PAGE_UNTOUCHED;
    }
    record->pages = memo_allocate(m->memo.store, (record->page_count + 1) * sizeof(struct memo_page));
    if (record->pages == NULL) {
        return false;
    }
    next = record->pages;
    for (uint32_t page = 0; page < page_count(m); page++) {
        if (frame->page_use[page] == PAGE_UNTOUCHED) {
            continue;
        }
        *next = (struct memo_page){.page = page, .use = frame->page_use[page], .reach = frame->page_reach[page], .before = frame->page_before[page]};
        if (next->use == PAGE_ERASED_FIRST) {
            next->erased_by = first_erase(m, record, page);
        }
        if (changed[page] != 0) {
            next->after = memo_keep(m->memo.store, m->flash.cells + page * page_bytes, page_bytes);
            next->wear_before = next->before == NULL ? (struct memo_wear){0} : frame->page_wear[page];
            next->wear_after = wear_of(m, page);
            if (next->after == NULL || (next->wear_after.page.counted && next->wear_after.writes == NULL) ||
                (next->before != NULL && next->wear_before.page.counted && next->wear_before.writes == NULL)) {
                return false;
            }
        }
        next++;
    }
    return true;
}

static bool record_sending(struct machine *m, const struct frame *frame, struct memo_record *record)
{
    if (!frame->sends) {
        return true;
    }
    record->sends = true;
    record->sender_before = frame->sender;
    usart_sender_read(m, &record->sender_after);
    record->sent_bytes = m->usart.output_bytes - frame->sent_bytes;
    record->sent = memo_keep(m->memo.store, m->usart.output + frame->sent_bytes, record->sent_bytes);
    return record->sent != NULL && memo_sending_is_settled(m);
}

static void finish(struct machine *m, const struct frame *frame)
{
    struct memo_record *record;
    uint8_t *changed;

    if (m->instructions - frame->instructions < MEMO_INSTRUCTIONS_WORTH) {
        return;
    }
    record = memo_allocate(m->memo.store, sizeof(*record));
    changed = calloc(page_count(m), 1);
    clock_rebase(m, m->instructions);
    if (record != NULL && changed != NULL && frame->complete && !m->fpec.busy && !m->nvmc.busy) {
        record->pc = frame->pc;
        record->return_pc = frame->return_pc;
        record->before = frame->before;
        record->instructions = m->instructions - frame->instructions;
        record->cycles = (struct cycle_count){m->cycles.low - frame->cycles.low, m->cycles.high - frame->cycles.high,
                                              m->cycles.waits - frame->cycles.waits};
        record->clock = clock_difference(&frame->clock, &m->clock);
        record->controls = frame->controls;
        record->sharing = frame->sharing;
        memo_read_state(m, &record->after);
        record->after.saturated |= frame->saturated;
        if (keep_state(m, &record->after) && record_ram(m, frame, record) && record_operations(m, frame, record, changed) &&
            record_pages(m, frame, record, changed) && record_sending(m, frame, record)) {
            memo_add(m->memo.store, record);
        }
    }
    free(changed);
}

void memo_return(struct machine *m, uint32_t pc)
{
    struct memo_recorder *recorder = m->memo.recorder;
    uint32_t stack = 0;

    uc_reg_read(m->engine, UC_ARM_REG_SP, &stack);
    while (m->memo.return_pc == pc && recorder->frames[recorder->depth - 1].stack == stack) {
        finish(m, &recorder->frames[recorder->depth - 1]);
        recorder->depth--;
        m->memo.return_pc = recorder->depth == 0 ? MEMO_NOTHING : recorder->frames[recorder->depth - 1].return_pc;
    }
    if (m->memo.return_pc == MEMO_NOTHING) {
        memo_show_saturation(m);
    }
}

void memo_follow(struct machine *m, uint32_t pc, uint32_t size_bytes)
{
    if (m->memo.recorder == NULL || m->ended || m->memo.found != NULL) {
        return;
    }
    if (m->memo.return_pc != MEMO_NOTHING) {
        uint32_t sharing = memo_calls_sharing(m, pc, size_bytes);

        memo_note_sharing(m, sharing);
        if ((sharing & CODE_SHARING_REFUSED) != 0) {
            memo_disturb(m);
        }
    }
    memo_calls_follow(m, &m->memo.calls, pc, size_bytes);
}

void memo_learn(struct machine *m, uint32_t pc, uint32_t size_bytes)
{
    memo_calls_follow(m, &m->memo.calls, pc, size_bytes);
}

static uint64_t on_read(uc_engine *engine, uint64_t offset, unsigned size_bytes, void *user_data)
{
    struct machine *m = user_data;
    uint64_t value = 0;

    (void)engine;
    memo_ram_read(m, (uint32_t)offset, size_bytes);
    memcpy(&value, m->ram + offset, size_bytes);
    return value;
}

static void on_write(uc_engine *engine, uint64_t offset, unsigned size_bytes, uint64_t value, void *user_data)
{
    struct machine *m = user_data;

    (void)engine;
    memo_ram_written(m, (uint32_t)offset, size_bytes);
    memcpy(m->ram + offset, &value, size_bytes);
}

static bool allocate_frames(struct machine *m)
{
    uint32_t pages = page_count(m);

    for (uint32_t level = 0; level < FRAMES_MAX; level++) {
        struct frame *frame = &m->memo.recorder->frames[level];

        forget_ram(m, frame);
        frame->ram_use = calloc(m->config.ram_bytes, 1);
        frame->ram_before = malloc(m->config.ram_bytes);
        frame->page_use = malloc(pages);
        frame->page_reach = calloc(pages, sizeof(*frame->page_reach));
        frame->page_before = calloc(pages, sizeof(*frame->page_before));
        frame->page_wear = calloc(pages, sizeof(*frame->page_wear));
        if (frame->ram_use == NULL || frame->ram_before == NULL || frame->page_use == NULL || frame->page_reach == NULL ||
            frame->page_before == NULL || frame->page_wear == NULL) {
            return false;
        }
    }
    return true;
}

int32_t memo_install(struct machine *m)
{
    m->memo = (struct memo){.store = m->config.memo, .return_pc = MEMO_NOTHING};
    if (m->memo.store == NULL || m->reads.pages == NULL) {
        return MACHINE_OK;
    }
    m->memo.recorder = calloc(1, sizeof(*m->memo.recorder));
    if (m->memo.recorder == NULL || !allocate_frames(m)) {
        return MACHINE_NO_MEMORY;
    }
    /* Registers instead of memory: a hook would cost ten times as much, as Unicorn finds out the program counter for it. */
    m->engine_error = uc_mem_unmap(m->engine, m->config.ram_address, m->config.ram_bytes);
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error = uc_mmio_map(m->engine, m->config.ram_address, m->config.ram_bytes, on_read, m, on_write, m);
    }
    return m->engine_error == UC_ERR_OK ? MACHINE_OK : MACHINE_UNICORN;
}

bool memo_stop_recording(struct machine *m)
{
    if (m->memo.recorder == NULL) {
        return true;
    }
    memo_release(m);
    m->engine_error = uc_mem_unmap(m->engine, m->config.ram_address, m->config.ram_bytes);
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error = uc_mem_map_ptr(m->engine, m->config.ram_address, m->config.ram_bytes, UC_PROT_ALL, m->ram);
    }
    if (m->engine_error == UC_ERR_OK) {
        m->engine_error = uc_mem_protect(m->engine, m->config.ram_address, m->config.ram_bytes, UC_PROT_READ | UC_PROT_WRITE);
    }
    return m->engine_error == UC_ERR_OK;
}

void memo_resume_recording(struct machine *m)
{
    if (m->memo.recorder == NULL && !m->mpu.restricts && !m->mpu.changed && memo_install(m) != MACHINE_OK) {
        memo_release(m);
    }
}

void memo_release(struct machine *m)
{
    if (m->memo.recorder == NULL) {
        return;
    }
    for (uint32_t level = 0; level < FRAMES_MAX; level++) {
        struct frame *frame = &m->memo.recorder->frames[level];

        free(frame->ram_use);
        free(frame->ram_before);
        free(frame->page_use);
        free(frame->page_reach);
        free(frame->page_before);
        free(frame->page_wear);
    }
    free(m->memo.recorder);
    m->memo.recorder = NULL;
    m->memo.return_pc = MEMO_NOTHING;
}
