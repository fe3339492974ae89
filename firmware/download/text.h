/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Text on the UART. No text of this application has a capital letter: a 'C' begins a transfer. */
#ifndef DOWNLOAD_TEXT_H
#define DOWNLOAD_TEXT_H

#include <stdbool.h>
#include <stdint.h>

void text_send(const char *text);

/* In decimal digits. */
void text_send_number(uint64_t number);

bool text_is(const char *text, const char *other);

/* End the line. */
void text_end(void);

#endif
