/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* STM32F103: pins and their configuration are plain storage; USART1, RCC, IWDG and the flash controller are models. */
#include "machine.h"

#include <string.h>

#define PERIPHERALS_END 0x40024000u
#define GPIO_ADDRESS 0x40010800u
#define GPIO_PORTS 5u
#define GPIO_PORT_BYTES 0x400u
#define GPIO_REGISTERS_BYTES 0x1Cu
#define GPIO_CRL 0x00u
#define GPIO_CRH 0x04u
#define GPIO_ODR 0x0Cu
#define GPIO_BSRR 0x10u
#define GPIO_BRR 0x14u
#define GPIO_FLOATING_INPUTS 0x44444444u
#define AFIO_ADDRESS 0x40010000u
#define AFIO_BYTES 0x20u
#define FPEC_ADDRESS 0x40022000u

static bool within(uint32_t address, uint32_t start, uint32_t size_bytes)
{
    return address - start < size_bytes;
}

static bool is_pin_register(uint32_t address)
{
    return (within(address, GPIO_ADDRESS, GPIO_PORTS * GPIO_PORT_BYTES) &&
            address % GPIO_PORT_BYTES < GPIO_REGISTERS_BYTES) ||
           within(address, AFIO_ADDRESS, AFIO_BYTES);
}

static void write_pin(struct machine *m, uint32_t address, uint32_t value)
{
    uint32_t base = address & ~(GPIO_PORT_BYTES - 1);
    uint32_t *output = bus_word(m, base + GPIO_ODR);

    if (address < GPIO_ADDRESS) {
        *bus_word(m, address) = value;
    } else if (address - base == GPIO_BSRR) {
        *output = (*output & ~(value >> 16)) | (value & 0xFFFFu);
    } else if (address - base == GPIO_BRR) {
        *output &= ~(value & 0xFFFFu);
    } else {
        *bus_word(m, address) = value;
    }
}

static uint32_t read_register(struct machine *m, uint32_t address)
{
    const struct machine_config *config = &m->config;

    if (within(address, config->usart1_address, USART_BLOCK_BYTES)) {
        if (!usart_is_poll(address - config->usart1_address)) {
            waiting_disturb(m);
        }
        return usart_read(m, address - config->usart1_address);
    }
    if (within(address, config->iwdg_address, IWDG_BLOCK_BYTES)) {
        return iwdg_read(m, address - config->iwdg_address);
    }
    waiting_disturb(m);
    if (within(address, config->rcc_address, RCC_BLOCK_BYTES)) {
        return rcc_read(m, address - config->rcc_address);
    }
    if (backup_has(address)) {
        return backup_read(m, address);
    }
    if (!is_pin_register(address)) {
        bus_count_unmodelled(m, address);
    }
    return *bus_word(m, address);
}

static void write_register(struct machine *m, uint32_t address, uint32_t value)
{
    const struct machine_config *config = &m->config;

    if (within(address, config->iwdg_address, IWDG_BLOCK_BYTES)) {
        if (iwdg_write(m, address - config->iwdg_address, value)) {
            m->waiting.fed = true;
        } else {
            waiting_disturb(m);
        }
        return;
    }
    waiting_disturb(m);
    if (within(address, config->usart1_address, USART_BLOCK_BYTES)) {
        usart_write(m, address - config->usart1_address, value);
    } else if (within(address, config->rcc_address, RCC_BLOCK_BYTES)) {
        rcc_write(m, address - config->rcc_address, value);
    } else if (backup_has(address)) {
        backup_write(m, address, value);
    } else {
        m->bus.storage_used = true;
        if (is_pin_register(address)) {
            write_pin(m, address, value);
        } else {
            bus_count_unmodelled(m, address);
            *bus_word(m, address) = value;
        }
    }
}

static void store(struct machine *m, const struct flash_store *store)
{
    uint32_t offset;

    if (within(store->address, m->config.fpec_address, FPEC_BLOCK_BYTES)) {
        fpec_write(m, store);
    } else if (flash_locate(m, store->address, &offset)) {
        fpec_store_flash(m, store);
    } else {
        fpec_store_option(m, store);
    }
}

static uint32_t *controller_registers(struct machine *m, uint32_t *address, uint32_t *size_bytes)
{
    *address = m->config.fpec_address;
    *size_bytes = FPEC_BLOCK_BYTES;
    return m->fpec.registers;
}

static void reset(struct machine *m, const struct boot_request *request)
{
    const uint32_t *words = request->retained == NULL ? NULL : request->retained->words;

    option_bytes_load(m, request->option_bytes);
    fpec_reset(m);
    rcc_reset(m, words);
    backup_reset(m, words == NULL ? NULL : words + RCC_RETAINED_WORDS);
    usart_reset(m, request->uart_input, request->uart_input_bytes);
    for (uint32_t port = 0; port < GPIO_PORTS; port++) {
        *bus_word(m, GPIO_ADDRESS + port * GPIO_PORT_BYTES + GPIO_CRL) = GPIO_FLOATING_INPUTS;
        *bus_word(m, GPIO_ADDRESS + port * GPIO_PORT_BYTES + GPIO_CRH) = GPIO_FLOATING_INPUTS;
    }
    iwdg_reset(m);
}

/* A system reset keeps RAM, the reset flags and the backup domain (RM0008 7.1.1). A lockup lasts until power is cycled. */
static void retain(const struct machine *m, struct retained *retained)
{
    retained->restarts = m->end == END_RESET || m->end == END_WATCHDOG;
    retained->keeps_ram = retained->restarts;
    rcc_retain(m, m->end == END_WATCHDOG, retained->words);
    memcpy(retained->words + RCC_RETAINED_WORDS, m->backup.registers, sizeof(m->backup.registers));
}

const struct chip chip_stm32f103 = {
    .cpu_model = UC_CPU_ARM_CORTEX_M3,
    .cpuid = 0x411FC231u, /* Cortex-M3 r1p1 */
    .priority_mask = 0xF0u, /* PM0056 4.4.7 */
    .has_bit_band = true,
    .has_systick = true,
    .interrupts = 43,
    .debug_id_address = 0xE0042000u,
    .debug_id = 0x20036410u, /* DBGMCU_IDCODE, medium density */
    .systick_calibration = 9000u, /* RM0008: 1 ms at 9 MHz */
    .storage_bytes = PERIPHERALS_END - BUS_PERIPHERAL_ADDRESS,
    .windows = {{BUS_PERIPHERAL_ADDRESS, FPEC_ADDRESS}, {FPEC_ADDRESS + FPEC_BLOCK_BYTES, PERIPHERALS_END}},
    .reset_values = reset_values_stm32f103,
    .watchdog_name = "independent watchdog",
    .uart_name = "USART1",
    .controller_registers = controller_registers,
    .reset = reset,
    .retain = retain,
    .read = read_register,
    .write = write_register,
    .store = store,
    .advance = fpec_advance,
    .complete = fpec_complete,
    .next_event = usart_next,
    .run_events = usart_run,
    .uart_takes = usart_takes,
    .uart_silent_fs = usart_silent_fs,
    .uart_arrives = usart_arrives,
};
