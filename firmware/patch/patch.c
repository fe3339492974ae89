/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "patch.h"

#include <string.h>

#include "bytes.h"

enum { NUMBER_BYTES_MAX = 5, CODING_RAW = 0, CODING_HEATSHRINK = 1 };

void patch_start(struct patch *patch, struct patch_limits limits)
{
    memset(patch, 0, sizeof *patch);
    patch->limits = limits;
    heatshrink_start(&patch->stream);
}

static enum result fail(struct patch *patch)
{
    patch->result = RESULT_PATCH;
    return patch->result;
}

static enum result read_header(struct patch *patch)
{
    const uint8_t *raw = patch->stream.window;
    struct patch_header *header = &patch->header;
    const struct patch_limits *limits = &patch->limits;
    const uint8_t coding = raw[90];

    memcpy(header->base_digest, raw, PATCH_DIGEST_BYTES);
    memcpy(header->target_digest, raw + 32, PATCH_DIGEST_BYTES);
    header->base_version = load_u64(raw + 64);
    header->target_version = load_u64(raw + 72);
    header->base_bytes = load_u32(raw + 80);
    header->target_bytes = load_u32(raw + 84);
    header->steps = load_u16(raw + 92);
    if (load_u16(raw + 88) != limits->page_bytes || (raw[91] | raw[94] | raw[95]) != 0) {
        return fail(patch);
    }
    if (header->base_bytes == 0 || header->base_bytes > limits->region_bytes || header->target_bytes == 0 ||
        header->target_bytes > limits->region_bytes || limits->region_bytes > PATCH_PAGES_MAX * limits->page_bytes) {
        return fail(patch);
    }
    if (coding != CODING_RAW && coding != CODING_HEATSHRINK) {
        return fail(patch);
    }
    patch->is_compressed = coding == CODING_HEATSHRINK;
    patch->steps_left = header->steps;
    patch->stage = header->steps == 0 ? PATCH_AT_END : PATCH_AT_PAGE;
    patch->filled = 0;
    heatshrink_start(&patch->stream);
    return RESULT_OK;
}

enum result patch_feed(struct patch *patch, uint8_t byte)
{
    if (patch->result != RESULT_OK) {
        return patch->result;
    }
    if (patch->stage == PATCH_IN_HEADER) {
        patch->stream.window[patch->filled++] = byte;
        return patch->filled == PATCH_HEADER_BYTES ? read_header(patch) : RESULT_OK;
    }
    if (patch->is_compressed) {
        heatshrink_feed(&patch->stream, byte);
    } else {
        patch->byte = byte;
        patch->has_byte = true;
    }
    return RESULT_OK;
}

/* The next byte of the steps, if there is one. */
static bool take_byte(struct patch *patch, uint8_t *byte)
{
    if (patch->stage == PATCH_IN_HEADER) {
        return false;
    }
    if (patch->is_compressed) {
        return heatshrink_take(&patch->stream, byte);
    }
    *byte = patch->byte;
    const bool had_byte = patch->has_byte;
    patch->has_byte = false;
    return had_byte;
}

/* Add a byte to the number under way. True: the number is complete; a number that is none sets the result. */
static bool number_grows(struct patch *patch, uint8_t byte)
{
    const uint8_t index = patch->filled++;
    const uint32_t low = byte & 0x7Fu;

    if (index == 0) {
        patch->number = 0;
    }
    if (index == NUMBER_BYTES_MAX - 1 && byte > 0x0Fu) {
        (void)fail(patch); /* 2^32 or more, or a sixth byte */
        return false;
    }
    patch->number |= low << (7u * index);
    if (byte >= 0x80u) {
        return false;
    }
    if (index > 0 && byte == 0) {
        (void)fail(patch); /* not the shortest form */
        return false;
    }
    patch->filled = 0;
    return true;
}

static bool was_built(const struct patch *patch, uint32_t page)
{
    return ((uint32_t)patch->built[page / 8] >> (page % 8) & 1u) != 0;
}

static enum result begin_page(struct patch *patch, struct patch_event *event)
{
    const uint32_t page = patch->number;
    const uint32_t page_bytes = patch->limits.page_bytes;

    /* Divided, not multiplied: the number may be anything. */
    if (page > (patch->header.target_bytes - 1) / page_bytes || was_built(patch, page)) {
        return fail(patch);
    }
    patch->built[page / 8] = (uint8_t)(patch->built[page / 8] | 1u << (page % 8));
    patch->position = page * page_bytes;
    patch->page_end = patch->position + patch_page_bytes(patch, page);
    patch->stage = PATCH_AT_LENGTH;
    event->news = PATCH_PAGE;
    event->page = page;
    return RESULT_OK;
}

/* Count bytes that the page got; at its end the next step begins. */
static void page_grows(struct patch *patch, uint32_t length)
{
    patch->position += length;
    if (patch->position < patch->page_end) {
        patch->stage = PATCH_AT_LENGTH;
        return;
    }
    patch->steps_left--;
    patch->stage = patch->steps_left == 0 ? PATCH_AT_END : PATCH_AT_PAGE;
}

static enum result begin_instruction(struct patch *patch)
{
    const uint32_t length = patch->number >> 1;

    if (length == 0 || length > patch->page_end - patch->position) {
        return fail(patch);
    }
    patch->stage = (patch->number & 1u) != 0 ? PATCH_IN_INSERT : PATCH_AT_SHIFT;
    patch->length = length;
    return RESULT_OK;
}

static enum result take_copy(struct patch *patch, struct patch_event *event)
{
    const int64_t half = patch->number >> 1;
    const int64_t shift = patch->shift + ((patch->number & 1u) != 0 ? -half - 1 : half);
    const int64_t source = (int64_t)patch->position + shift;

    if (source < 0 || source > (int64_t)patch->limits.region_bytes - (int64_t)patch->length) {
        return fail(patch);
    }
    patch->shift = (int32_t)shift; /* it leads from one place of the region to another */
    event->news = PATCH_COPY;
    event->source = (uint32_t)source;
    event->length = patch->length;
    page_grows(patch, patch->length);
    return RESULT_OK;
}

static enum result take_insert(struct patch *patch, struct patch_event *event, uint8_t byte)
{
    event->news = PATCH_BYTE;
    event->byte = byte;
    patch->length--;
    if (patch->length == 0) {
        page_grows(patch, 1);
    } else {
        patch->position++;
    }
    return RESULT_OK;
}

static enum result read_byte(struct patch *patch, struct patch_event *event, uint8_t byte)
{
    if (patch->stage == PATCH_AT_END) {
        return fail(patch);
    }
    if (patch->stage == PATCH_IN_INSERT) {
        return take_insert(patch, event, byte);
    }
    if (!number_grows(patch, byte)) {
        return patch->result;
    }
    if (patch->stage == PATCH_AT_PAGE) {
        return begin_page(patch, event);
    }
    return patch->stage == PATCH_AT_LENGTH ? begin_instruction(patch) : take_copy(patch, event);
}

enum result patch_take(struct patch *patch, struct patch_event *event)
{
    uint8_t byte;

    event->news = PATCH_MORE;
    while (patch->result == RESULT_OK && event->news == PATCH_MORE && take_byte(patch, &byte)) {
        (void)read_byte(patch, event, byte);
    }
    return patch->result;
}

bool patch_is_complete(const struct patch *patch)
{
    return patch->result == RESULT_OK && patch->stage == PATCH_AT_END;
}

uint32_t patch_page_bytes(const struct patch *patch, uint32_t page)
{
    const uint32_t left = patch->header.target_bytes - page * patch->limits.page_bytes;

    return left < patch->limits.page_bytes ? left : patch->limits.page_bytes;
}
