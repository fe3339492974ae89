/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The A/B update of the security guide, step by step as it is written there, on partitions of one page.
 * Inputs: word 0 what, words 16..31 the new firmware, its version first. Sends the active partition and its version.
 */
#include <string.h>

#include "figure.h"
#include "hal.h"

enum { NOTHING = 0, UPDATE = 1, SWITCH_TO_B = 2, INCREMENT = 3 };
enum { AT_FIRMWARE = 16, FIRMWARE_BYTES = 64 };
enum partition { PARTITION_A, PARTITION_B };

static const uint32_t ACTIVE_PARTITION_ADDRESS = 0x0800FFF0u;

static uint32_t read_word(uint32_t address)
{
    return *(const volatile uint32_t *)address;
}

static enum result write_word(uint32_t address, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};

    return hal_flash_program(address, bytes, sizeof bytes);
}

static uint32_t partition_address(enum partition partition)
{
    return partition == PARTITION_A ? REGION_PARTITION_A_ADDRESS : REGION_PARTITION_B_ADDRESS;
}

/* "Default to Partition A if invalid" */
static enum partition partition_select(void)
{
    return read_word(ACTIVE_PARTITION_ADDRESS) == 0xBBBBBBBBu ? PARTITION_B : PARTITION_A;
}

static enum result active_partition_switch(enum partition partition)
{
    return write_word(ACTIVE_PARTITION_ADDRESS, partition == PARTITION_A ? 0xAAAAAAAAu : 0xBBBBBBBBu);
}

static enum result counter_increment(void)
{
    const uint32_t current = read_word(REGION_COUNTER_ADDRESS);
    const enum result result = write_word(REGION_COUNTER_ADDRESS, current + 1);

    if (result != RESULT_OK) {
        return result;
    }
    return read_word(REGION_COUNTER_ADDRESS) == current + 1 ? RESULT_OK : RESULT_ERROR_MISMATCH;
}

/* Steps 2 to 7 of the guide's function; step 1, the signature, is measured with the bootloader of profile speck. */
static enum result firmware_update(void)
{
    const uint8_t *firmware = figure_input_bytes(AT_FIRMWARE);
    const enum partition inactive = partition_select() == PARTITION_A ? PARTITION_B : PARTITION_A;
    const uint32_t address = partition_address(inactive);
    enum result result;

    if (figure_input(AT_FIRMWARE) <= read_word(REGION_COUNTER_ADDRESS)) {
        return RESULT_VERSION;
    }
    result = hal_flash_erase(address);
    if (result == RESULT_OK) {
        result = hal_flash_program(address, firmware, FIRMWARE_BYTES);
    }
    if (result == RESULT_OK && memcmp((const void *)address, firmware, FIRMWARE_BYTES) != 0) {
        result = RESULT_ERROR_MISMATCH;
    }
    if (result == RESULT_OK) {
        result = active_partition_switch(inactive);
    }
    return result == RESULT_OK ? counter_increment() : result;
}

static enum result perform(uint32_t what)
{
    switch (what) {
    case UPDATE:
        return firmware_update();
    case SWITCH_TO_B:
        return active_partition_switch(PARTITION_B);
    case INCREMENT:
        return counter_increment();
    default:
        return RESULT_OK;
    }
}

int main(void)
{
    const enum partition active = partition_select();

    hal_start();
    hal_uart_send(active == PARTITION_A ? 'A' : 'B');
    hal_uart_send((uint8_t)('0' + read_word(partition_address(active)) % 10u));
    hal_uart_send(perform(figure_input(0)) == RESULT_OK ? '+' : '-');
    hal_sleep();
}
