/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which flash pages a boot depended on: its read set.
 *
 * 1. A page counts as read when code or data is fetched from it, its cells are looked at by the flash controller, or a vector is
 *    taken from it, before the page is erased in the same boot.
 * 2. What a boot does is a function of the pages that it read, its RAM filling, its option bytes and its UART input, and of
 *    nothing else.
 * 3. A page's reach is how far into it the boot looked before it erased it: of a page that was read, nothing from there on mattered.
 * 4. Recording changes nothing that the firmware or the trace can see; it only costs time, so a machine records or does not.
 */
#ifndef MACHINE_READS_H
#define MACHINE_READS_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

enum page_use { PAGE_UNTOUCHED = 0, PAGE_READ = 1, PAGE_ERASED_FIRST = 2 };

#define REACH_ENDED 0x80000000u /* the page was erased: what is looked at from then on is not what it held */

struct reads {
    uint8_t *pages;      /* one `page_use` a page; NULL in a machine that does not record */
    uint32_t *erased_by; /* for each page that was erased first, the operation that did it */
    uint32_t *reach;     /* for each page, where the last byte that was looked at ends, and REACH_ENDED */
};

/* Add the hooks that see loads and fetches. Returns MACHINE_OK or a negative `machine_error`. */
int32_t reads_install(struct machine *m);

/* Forget the last boot. */
void reads_reset(struct machine *m);

/* The boot looked at `size_bytes` bytes at `address`, in either range of the flash; other addresses do not count. */
void reads_note(struct machine *m, uint32_t address, uint32_t size_bytes);

/* Note in `reach` that a page was looked at up to `end`. */
void reads_extend(uint32_t *reach, uint32_t end);

/* Operation `operation` erased the page at `offset`: what it held no longer matters, unless it was read before. */
void reads_erased(struct machine *m, uint32_t offset, uint32_t operation);

#endif
