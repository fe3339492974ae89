/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define PORT_BYTES 0x300u
#define GPIO_OUT 0x504u
#define GPIO_OUTSET 0x508u
#define GPIO_OUTCLR 0x50Cu
#define GPIO_IN 0x510u
#define GPIO_DIR 0x514u
#define GPIO_DIRSET 0x518u
#define GPIO_DIRCLR 0x51Cu
#define GPIO_PIN_CNF 0x700u
#define PIN_CNF_AFTER_RESET 0x2u
#define PIN_CNF_PULL 0xCu
#define PINS 32u

/* The port that a register belongs to, as the address that its offsets count from. */
static uint32_t port_of(const struct machine *m, uint32_t address)
{
    bool second = m->chip->nrf->ports > 1 && address - BUS_SECOND_ADDRESS >= 0x800u;

    return BUS_SECOND_ADDRESS + (second ? PORT_BYTES : 0);
}

void nrf_gpio_reset(struct machine *m)
{
    for (uint32_t port = 0; port < m->chip->nrf->ports; port++) {
        for (uint32_t pin = 0; pin < PINS; pin++) {
            *bus_word(m, BUS_SECOND_ADDRESS + port * PORT_BYTES + GPIO_PIN_CNF + 4 * pin) = PIN_CNF_AFTER_RESET;
        }
    }
}

/* An input reads its pull resistor: nothing is connected. */
static uint32_t read_pins(struct machine *m, uint32_t base)
{
    uint32_t direction = *bus_word(m, base + GPIO_DIR);
    uint32_t value = *bus_word(m, base + GPIO_OUT) & direction;

    for (uint32_t pin = 0; pin < PINS; pin++) {
        bool pulled_up = (*bus_word(m, base + GPIO_PIN_CNF + 4 * pin) & PIN_CNF_PULL) == PIN_CNF_PULL;

        value |= pulled_up && (direction >> pin & 1u) == 0 ? UINT32_C(1) << pin : 0;
    }
    return value;
}

/* OUT and DIR with their set and clear registers; `first` is the plain one. */
static void write_pin_mask(struct machine *m, uint32_t base, uint32_t first, uint32_t offset, uint32_t value)
{
    uint32_t *word = bus_word(m, base + first);

    *word = offset == first ? value : offset == first + 4 ? *word | value : *word & ~value;
    *bus_word(m, base + first + 4) = *word;
    *bus_word(m, base + first + 8) = *word;
}

void nrf_gpio_write(struct machine *m, uint32_t address, uint32_t value)
{
    uint32_t base = port_of(m, address);
    uint32_t offset = address - base;

    if (offset >= GPIO_OUT && offset <= GPIO_OUTCLR) {
        write_pin_mask(m, base, GPIO_OUT, offset, value);
    } else if (offset >= GPIO_DIR && offset <= GPIO_DIRCLR) {
        write_pin_mask(m, base, GPIO_DIR, offset, value);
    } else {
        *bus_word(m, address) = value;
        if (offset >= GPIO_PIN_CNF && offset < GPIO_PIN_CNF + 4 * PINS) {
            uint32_t pin = UINT32_C(1) << (offset - GPIO_PIN_CNF) / 4;

            write_pin_mask(m, base, GPIO_DIR, (value & 1u) != 0 ? GPIO_DIRSET : GPIO_DIRCLR, pin);
        }
    }
}

uint32_t nrf_gpio_read(struct machine *m, uint32_t address)
{
    uint32_t base = port_of(m, address);

    return address - base == GPIO_IN ? read_pins(m, base) : *bus_word(m, address);
}
