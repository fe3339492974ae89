/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "store.h"

#include <stddef.h>
#include <string.h>

#include "flash.h"
#include "image.h"
#include "layout.h"
#include "place.h"

enum { STORE_BANKS = 2, STORE_BANK_BYTES = REGION_MODULES_BYTES / STORE_BANKS, STORE_BANK_PAGES = STORE_BANK_BYTES / LAYOUT_PAGE_BYTES };

_Static_assert(STORE_BANK_PAGES * LAYOUT_PAGE_BYTES * STORE_BANKS == REGION_MODULES_BYTES, "a bank is made of whole pages");
_Static_assert(REGION_SLOT_BYTES <= STORE_BANK_BYTES, "a bank holds every module that the slot holds");
_Static_assert(REGION_APPLICATION_ADDRESS == REGION_MODULES_ADDRESS, "the region that images go to is the store");
_Static_assert(REGION_METADATA_ADDRESS == REGION_MODULE_LOG_ADDRESS, "the log is the store's own");

static const struct region STORE = {REGION_MODULES_ADDRESS, REGION_MODULES_BYTES};

static struct region bank_at(uint32_t bank)
{
    return (struct region){STORE.address + bank * STORE_BANK_BYTES, STORE_BANK_BYTES};
}

/* Verify the module in a region, its content too. */
static enum result verify(const struct store *store, const struct region *region, enum image_age age, struct image *image, struct module *module)
{
    enum result result = image_verify_module(image, region, age, store->log.state.counter);
    uint32_t payload_bytes;

    if (result != RESULT_OK) {
        return result;
    }
    if (image->version >= PLACE_VALUE_END) {
        return RESULT_VERSION;
    }
    payload_bytes = image->size_bytes - IMAGE_HEADER_BYTES;
    return module_read(module, flash_view(region, IMAGE_HEADER_BYTES, payload_bytes), payload_bytes, image->entry, store->limits);
}

/* The bank that holds a module which verifies, of the version that the counter names; STORE_BANKS where none does: then `why` is
 * what refused the better one. */
static uint32_t installed_bank(const struct store *store, struct module *module, enum result *why)
{
    for (uint32_t bank = 0; bank < STORE_BANKS; bank++) {
        const struct region region = bank_at(bank);
        struct image image;
        enum result result = verify(store, &region, IMAGE_NOT_OLDER, &image, module);

        if (result == RESULT_OK && image.version == store->log.state.counter) {
            return bank;
        }
        if (result == RESULT_OK) {
            result = RESULT_VERSION;
        }
        if (result > *why) {
            *why = result;
        }
    }
    return STORE_BANKS;
}

static enum result write_idle(struct store *store, uint64_t counter, enum result closed)
{
    struct log_state next = store->log.state;

    next.counter = counter;
    next.stage = LOG_IDLE;
    next.closed = closed;
    next.scratch = 0;
    return log_write(&store->log, &next);
}

/* Raise the counter to the version of the bank that is complete: from then on it is the installed one. If that bank lost what it
 * held, the old module stays. */
static enum result finish(struct store *store)
{
    const struct region region = bank_at(store->log.state.scratch % STORE_BANKS);
    struct image image;
    struct module module;
    enum result result;

    if (store->log.state.stage != LOG_COMPLETE) {
        return RESULT_OK;
    }
    result = verify(store, &region, IMAGE_NOT_OLDER, &image, &module);
    return write_idle(store, result == RESULT_OK ? image.version : store->log.state.counter, result);
}

struct store store_open(struct module_limits limits)
{
    return (struct store){log_read(), limits};
}

enum result store_find(struct store *store, struct module *module)
{
    enum result why = log_settle(&store->log);

    if (why == RESULT_OK) {
        why = finish(store);
    }
    if (why != RESULT_OK) {
        return why;
    }
    return installed_bank(store, module, &why) == STORE_BANKS ? why : RESULT_OK;
}

bool store_is_pending(const struct store *store)
{
    return store->log.state.stage == LOG_PENDING;
}

enum result store_mark_pending(struct store *store)
{
    struct log_state next;
    enum result result = log_settle(&store->log);

    if (result == RESULT_OK) {
        result = finish(store);
    }
    if (result != RESULT_OK) {
        return result;
    }
    next = store->log.state;
    next.stage = LOG_PENDING;
    next.closed = RESULT_OK;
    return log_write(&store->log, &next);
}

/* Copy what the slot holds to a page of a bank. Whatever a module is made of is words: no program unit is filled up. */
static enum result copy_page(uint32_t bank, uint32_t page, uint32_t image_bytes)
{
    const uint32_t offset = page * LAYOUT_PAGE_BYTES;
    const uint32_t left = image_bytes - offset;
    const uint32_t size_bytes = left < LAYOUT_PAGE_BYTES ? left : LAYOUT_PAGE_BYTES;
    const uint32_t target = bank * STORE_BANK_BYTES + offset;
    const uint8_t *source = flash_view(&LAYOUT_SLOT, offset, size_bytes);
    const uint8_t *copy = flash_view(&STORE, target, size_bytes);
    enum result result;

    if (source == NULL || copy == NULL) {
        return RESULT_ERROR_RANGE;
    }
    result = flash_erase_page(&STORE, bank * STORE_BANK_PAGES + page);
    if (result == RESULT_OK) {
        result = flash_program(&STORE, target, source, size_bytes);
    }
    return result == RESULT_OK && memcmp(copy, source, size_bytes) != 0 ? RESULT_ERROR_MISMATCH : result;
}

static enum result copy(uint32_t bank, uint32_t image_bytes)
{
    enum result result = RESULT_OK;

    for (uint32_t page = 0; result == RESULT_OK && page * LAYOUT_PAGE_BYTES < image_bytes; page++) {
        result = copy_page(bank, page, image_bytes);
    }
    return result;
}

enum result store_install(struct store *store)
{
    struct image image;
    struct module module;
    struct log_state next;
    uint32_t bank;
    enum result why = RESULT_OK;
    enum result result = log_settle(&store->log);

    if (result != RESULT_OK || !store_is_pending(store)) {
        return result;
    }
    result = verify(store, &LAYOUT_SLOT, IMAGE_NEWER, &image, &module);
    if (result != RESULT_OK) {
        const enum result written = write_idle(store, store->log.state.counter, result);

        return written == RESULT_OK ? result : written;
    }
    bank = installed_bank(store, &module, &why) == 0 ? 1 : 0;
    result = copy(bank, image.size_bytes);
    if (result != RESULT_OK) {
        return result;
    }
    next = store->log.state;
    next.stage = LOG_COMPLETE;
    next.scratch = (uint8_t)bank;
    result = log_write(&store->log, &next);
    return result == RESULT_OK ? finish(store) : result;
}
