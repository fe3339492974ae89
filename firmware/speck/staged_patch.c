/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An update is a patch in the slot, and the log says how far it is (profile speck-delta). */
#include "staged.h"

#include <stddef.h>
#include <string.h>

#include "digest.h"
#include "flash.h"
#include "identity.h"
#include "image.h"
#include "log.h"
#include "patch.h"
#include "place.h"

static struct patch patch;

bool staged_is_pending(void)
{
    return log_read().state.stage != LOG_IDLE;
}

/* Read the whole patch, whose payload has this size; what it says is checked and not done. */
static enum result read_through(uint32_t payload_bytes)
{
    const uint8_t *payload = flash_view(&LAYOUT_SLOT, IMAGE_HEADER_BYTES, payload_bytes);
    struct patch_event event;
    enum result result = RESULT_OK;

    if (payload == 0) {
        return RESULT_ERROR_RANGE;
    }
    patch_start(&patch, (struct patch_limits){LAYOUT_APPLICATION.size_bytes, LAYOUT_PAGE_BYTES});
    for (uint32_t i = 0; result == RESULT_OK && i < payload_bytes; i++) {
        result = patch_feed(&patch, payload[i]);
        do {
            result = result == RESULT_OK ? patch_take(&patch, &event) : result;
        } while (result == RESULT_OK && event.news != PATCH_MORE);
    }
    return result == RESULT_OK && !patch_is_complete(&patch) ? RESULT_PATCH : result;
}

/* Whether the application region begins with so many bytes that have this digest. */
static bool application_holds(uint32_t size_bytes, const uint8_t wanted[DIGEST_BYTES])
{
    const uint8_t *installed = flash_view(&LAYOUT_APPLICATION, 0, size_bytes);
    uint8_t digest[DIGEST_BYTES];

    if (installed == 0) {
        return false;
    }
    digest_of(installed, size_bytes, digest);
    return memcmp(digest, wanted, sizeof digest) == 0;
}

/* Whether the application that is installed is the base of the patch. */
static bool base_is_installed(void)
{
    const struct patch_header *told = &patch.header;

    return image_claims(&LAYOUT_APPLICATION, told->base_version, told->base_bytes) && application_holds(told->base_bytes, told->base_digest);
}

/* The counter, and from now on the key, that the log names. */
static uint64_t use_log(void)
{
    const struct log log = log_read();

    identity_trust(log.state.key);
    return log.state.counter;
}

enum result staged_check(void)
{
    struct image image;
    enum result result = image_verify_patch(&image, &LAYOUT_SLOT, use_log());

    if (result == RESULT_OK && image.version >= PLACE_VALUE_END) {
        result = RESULT_VERSION;
    }
    if (result == RESULT_OK) {
        result = read_through(image.payload_bytes);
    }
    if (result == RESULT_OK && patch.header.target_version != image.version) {
        result = RESULT_PATCH;
    }
    if (result == RESULT_OK && !base_is_installed()) {
        result = RESULT_BASE;
    }
    if (result == RESULT_OK && image.new_key != NULL && identity_last_key() == IDENTITY_KEY_PLACES) {
        result = RESULT_KEY_PLACES;
    }
    if (result == RESULT_OK && patch.header.steps == 0 && !application_holds(patch.header.target_bytes, patch.header.target_digest)) {
        result = RESULT_TARGET;
    }
    return result;
}

enum result staged_mark(void)
{
    struct log log = log_read();
    struct log_state next;
    enum result result = log_settle(&log);

    next = log.state;
    if (result != RESULT_OK || next.stage != LOG_IDLE) {
        return result;
    }
    next.stage = LOG_PENDING;
    next.closed = RESULT_OK;
    return log_write(&log, &next);
}

enum result staged_check_application(void)
{
    struct image application;

    return image_verify(&application, &LAYOUT_APPLICATION, IMAGE_NOT_OLDER, use_log());
}
