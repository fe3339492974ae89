/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Erases 4 KiB, then programs 256 bytes: the operation log says how long each takes. */
#include "figure.h"
#include "hal.h"

enum { ERASED_BYTES = 4096, WRITTEN_BYTES = 256 };

int main(void)
{
    enum result result = RESULT_OK;

    hal_start();
    for (uint32_t offset = 0; result == RESULT_OK && offset < ERASED_BYTES; offset += PAGE_BYTES) {
        result = hal_flash_erase(REGION_MESSAGE_ADDRESS + offset);
    }
    if (result == RESULT_OK) {
        result = hal_flash_program(REGION_MESSAGE_ADDRESS, figure_input_bytes(0), WRITTEN_BYTES);
    }
    hal_uart_send(result == RESULT_OK ? '+' : '-');
    hal_sleep();
}
