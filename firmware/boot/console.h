/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Short lines on the UART, for people. Each character costs 87 us, so a boot without a problem prints nothing. */
#ifndef BOOT_CONSOLE_H
#define BOOT_CONSOLE_H

#include "result.h"

void console_text(const char *text);

/* Print "<where>: <word> (<number>)" and a new line; nothing for RESULT_OK. */
void console_problem(const char *where, enum result result);

#endif
