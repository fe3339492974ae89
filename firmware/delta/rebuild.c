/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "rebuild.h"

#include <stddef.h>
#include <string.h>

#include "digest.h"
#include "flash.h"
#include "identity.h"
#include "image.h"
#include "page.h"
#include "patch.h"
#include "place.h"

_Static_assert((int)DIGEST_BYTES == (int)PATCH_DIGEST_BYTES, "a patch names images by their digest");
_Static_assert(REGION_APPLICATION_BYTES <= PATCH_PAGES_MAX * LAYOUT_PAGE_BYTES, "or the reader would refuse every patch");

/* One pass over the patch. */
struct rebuild {
    struct patch patch;
    struct page page;    /* under construction */
    struct log *log;     /* NULL: the patch is only read */
    uint32_t step;       /* of the page that the patch tells of */
    uint32_t page_bytes; /* of it, which the patch told so far */
    uint32_t number;     /* of it in the application region */
    bool is_building;
};

static struct rebuild rebuild;
static struct log_state next; /* what is written to the log; here, since the stack is deepest where it is */

static enum result install_page(struct rebuild *pass)
{
    const struct log_state *state = &pass->log->state;
    enum result result = page_install(state->scratch, state->scratch_is_inverted, pass->number, patch_page_bytes(&pass->patch, pass->number));

    if (result != RESULT_OK) {
        return result;
    }
    next = *state;
    next.stage = LOG_STARTED;
    next.steps++;
    return log_write(pass->log, &next);
}

static enum result begin_page(struct rebuild *pass, uint32_t number)
{
    const struct log *log = pass->log;

    pass->number = number;
    pass->page_bytes = 0;
    if (log == NULL || pass->step != log->state.steps) {
        return RESULT_OK;
    }
    if (log->state.stage == LOG_BUILT) {
        return install_page(pass);
    }
    pass->is_building = true;
    return page_begin(&pass->page, log_next_page(log));
}

static enum result end_page(struct rebuild *pass)
{
    enum result result;

    pass->step++;
    if (!pass->is_building) {
        return RESULT_OK;
    }
    pass->is_building = false;
    result = page_end(&pass->page);
    if (result != RESULT_OK) {
        return result;
    }
    next = pass->log->state;
    next.stage = LOG_BUILT;
    next.scratch = (uint8_t)pass->page.number;
    next.scratch_is_inverted = pass->page.is_inverted;
    next.cursor = next.scratch;
    result = log_write(pass->log, &next);
    return result == RESULT_OK ? install_page(pass) : result;
}

static enum result page_grows(struct rebuild *pass, const uint8_t *data, uint32_t size_bytes)
{
    enum result result = RESULT_OK;

    if (data == NULL) {
        return RESULT_ERROR_RANGE;
    }
    if (pass->is_building) {
        result = page_add(&pass->page, data, size_bytes);
    }
    pass->page_bytes += size_bytes;
    if (result == RESULT_OK && pass->page_bytes == patch_page_bytes(&pass->patch, pass->number)) {
        result = end_page(pass);
    }
    return result;
}

static enum result act(struct rebuild *pass, const struct patch_event *event)
{
    switch (event->news) {
    case PATCH_PAGE:
        return begin_page(pass, event->page);
    case PATCH_COPY:
        return page_grows(pass, flash_view(&LAYOUT_APPLICATION, event->source, event->length), event->length);
    case PATCH_BYTE:
        return page_grows(pass, &event->byte, 1);
    case PATCH_MORE:
        break;
    }
    return RESULT_OK;
}

static enum result feed(struct rebuild *pass, uint8_t byte)
{
    struct patch_event event;
    enum result result = patch_feed(&pass->patch, byte);

    do {
        if (result == RESULT_OK) {
            result = patch_take(&pass->patch, &event);
        }
        if (result == RESULT_OK) {
            result = act(pass, &event);
        }
    } while (result == RESULT_OK && event.news != PATCH_MORE);
    return result;
}

/* Read the whole patch; with a log, rebuild what it does not count as done. */
static enum result read_through(struct rebuild *pass, struct log *log, uint32_t payload_bytes)
{
    const uint8_t *payload = flash_view(&LAYOUT_SLOT, IMAGE_HEADER_BYTES, payload_bytes);
    enum result result = RESULT_OK;

    memset(pass, 0, sizeof *pass);
    patch_start(&pass->patch, (struct patch_limits){LAYOUT_APPLICATION.size_bytes, LAYOUT_PAGE_BYTES});
    pass->log = log;
    for (uint32_t i = 0; result == RESULT_OK && i < payload_bytes; i++) {
        result = feed(pass, payload[i]);
    }
    if (result == RESULT_OK && !patch_is_complete(&pass->patch)) {
        result = RESULT_PATCH;
    }
    return result;
}

/* Whether the application region holds the image of this size and digest. */
static bool region_holds(uint32_t size_bytes, const uint8_t digest[DIGEST_BYTES])
{
    const uint8_t *image = flash_view(&LAYOUT_APPLICATION, 0, size_bytes);
    uint8_t seen[DIGEST_BYTES];

    if (image == NULL) {
        return false;
    }
    digest_of(image, size_bytes, seen);
    return memcmp(seen, digest, DIGEST_BYTES) == 0;
}

static enum result check_base(const struct patch_header *header)
{
    const bool is_base = region_holds(header->base_bytes, header->base_digest) &&
                         image_claims(&LAYOUT_APPLICATION, header->base_version, header->base_bytes);

    return is_base ? RESULT_OK : RESULT_BASE;
}

/* Of the patch's signature, what has room in a place of the log. */
static uint64_t name_of(const struct image *patch)
{
    return patch->fingerprint & (PLACE_VALUE_END - 1);
}

/* What must hold of a patch before an update begins, beyond what must hold whenever it goes on. */
static enum result check_beginning(const struct image *patch, const struct patch_header *header)
{
    enum result result = check_base(header);

    if (result == RESULT_OK && patch->new_key != NULL && identity_last_key() == IDENTITY_KEY_PLACES) {
        result = RESULT_KEY_PLACES;
    }
    return result;
}

/* Verify the patch in the slot; nothing is written. An update that was begun goes on with the patch that began it, or not at all. */
static enum result check_patch(const struct log *log, struct image *patch)
{
    const struct patch_header *header = &rebuild.patch.header;
    enum result result = image_verify_patch(patch, &LAYOUT_SLOT, log->state.counter);

    if (result != RESULT_OK) {
        return result;
    }
    if (patch->version >= PLACE_VALUE_END) {
        return RESULT_VERSION;
    }
    if (log->state.stage != LOG_PENDING && name_of(patch) != log->state.patch) {
        return RESULT_BASE;
    }
    result = read_through(&rebuild, NULL, patch->payload_bytes);
    if (result == RESULT_OK && header->target_version != patch->version) {
        result = RESULT_PATCH;
    }
    if (result == RESULT_OK && log->state.steps > header->steps) {
        result = RESULT_PATCH;
    }
    if (result == RESULT_OK && log->state.stage == LOG_PENDING) {
        result = check_beginning(patch, header);
    }
    if (result == RESULT_OK && header->steps == 0 && !region_holds(header->target_bytes, header->target_digest)) {
        result = RESULT_TARGET; /* before anything is begun: there is nothing that could make it the target */
    }
    return result;
}

static enum result start(struct log *log, const struct image *patch)
{
    if (log->state.stage != LOG_PENDING) {
        return RESULT_OK;
    }
    if (patch->new_key != NULL) {
        const enum result result = identity_add_key(patch->new_key);

        if (result != RESULT_OK) {
            return result;
        }
    }
    next = log->state;
    next.stage = LOG_STARTED;
    next.steps = 0;
    next.patch = name_of(patch);
    return log_write(log, &next);
}

/* The new key becomes the trusted one in the very place that says that its application is complete. */
static enum result complete(struct log *log, const struct image *patch)
{
    next = log->state;
    if (!region_holds(rebuild.patch.header.target_bytes, rebuild.patch.header.target_digest)) {
        return RESULT_TARGET;
    }
    next.stage = LOG_COMPLETE;
    if (patch->new_key != NULL) {
        next.key = (uint8_t)identity_last_key();
    }
    return log_write(log, &next);
}

enum result rebuild_run(struct log *log)
{
    struct image patch;
    enum result result;

    if (log->state.stage == LOG_IDLE || log->state.stage == LOG_COMPLETE) {
        return RESULT_OK;
    }
    result = check_patch(log, &patch);
    if (result == RESULT_OK) {
        result = log_settle(log);
    }
    if (result == RESULT_OK) {
        result = start(log, &patch);
    }
    if (result == RESULT_OK) {
        result = read_through(&rebuild, log, patch.payload_bytes);
    }
    return result == RESULT_OK ? complete(log, &patch) : result;
}
