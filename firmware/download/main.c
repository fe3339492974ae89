/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The application of profile speck-download: a console on the UART that takes updates.
 *
 *     update     receive a file by XMODEM-CRC into the slot, verify it, ask the bootloader for it, reset
 *     status     what runs, and what the slot holds
 */
#include "hal.h"
#include "result.h"
#include "speck.h"
#include "text.h"
#include "xmodem.h"

enum { COMMAND_BYTES_MAX = 16 };

static const char *const LINK_ENDS[] = {
    [XMODEM_RECEIVED] = "received",
    [XMODEM_CANCELLED] = "cancelled by the sender",
    [XMODEM_SILENT] = "no answer",
    [XMODEM_LOST] = "a block is missing",
    [XMODEM_REFUSED] = "refused",
};

static void say_result(const char *what, enum result result)
{
    text_send(what);
    text_send(": ");
    text_send(result_word(result));
    text_end();
}

static enum result take_block(uint32_t offset, const uint8_t block[XMODEM_BLOCK_BYTES])
{
    return speck_write_slot_chunk(0, offset, block, XMODEM_BLOCK_BYTES);
}

/* The transfer is complete: ask the bootloader for what verifies. */
static void install(void)
{
    enum result result = speck_validate_slot(0);

    if (result == RESULT_OK) {
        result = speck_mark_update_pending(0);
    }
    say_result("update", result);
    if (result == RESULT_OK) {
        speck_apply_update();
    }
}

static void update(void)
{
    enum result result;
    const enum xmodem_end end = xmodem_receive(take_block, &result);

    text_send("transfer: ");
    text_send(LINK_ENDS[end]);
    text_end();
    if (end == XMODEM_RECEIVED) {
        install();
    } else if (end == XMODEM_REFUSED) {
        say_result("update", result);
    }
}

static void status(void)
{
    struct speck_header header;
    const enum result result = speck_read_slot_header(0, &header);

    say_result("application", speck_verify_current_app());
    say_result("slot", result);
    if (result == RESULT_OK) {
        text_send("slot: version ");
        text_send_number(header.version);
        text_end();
    }
    text_send(speck_has_update_pending() ? "update: pending" : "update: none");
    text_end();
}

/* Read a line; what does not fit is left out. */
static void read_command(char command[COMMAND_BYTES_MAX])
{
    uint32_t length = 0;

    for (;;) {
        const char symbol = (char)hal_uart_receive();

        if (symbol == '\r' || symbol == '\n') {
            command[length] = '\0';
            return;
        }
        if (length < COMMAND_BYTES_MAX - 1) {
            command[length++] = symbol;
        }
    }
}

int main(void)
{
    char command[COMMAND_BYTES_MAX];

    hal_start();
    text_send("application ");
    text_send_number(APPLICATION_VERSION);
    text_send(" ready");
    text_end();
    for (;;) {
        read_command(command);
        if (text_is(command, "update")) {
            update();
        } else if (text_is(command, "status")) {
            status();
        } else if (command[0] != '\0') {
            text_send("update, or status");
            text_end();
        }
    }
}
