/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the peripherals of an nRF51 or nRF52 share (PS 6.1): tasks, events, interrupts and PPI. A peripheral's number is that of its
 * interrupt, and all its registers are words of plain storage; the models change and watch them.
 */
#ifndef NRF_H
#define NRF_H

#include <stdbool.h>
#include <stdint.h>

#include "nrf_counter.h"
#include "nrf_uart.h"

struct machine;

#define NRF_POWER 0u
#define NRF_UART 2u
#define NRF_TIMER0 8u
#define NRF_TIMER1 9u
#define NRF_TIMER2 10u
#define NRF_RTC0 11u
#define NRF_WDT 16u
#define NRF_RTC1 17u
#define NRF_TIMER3 26u
#define NRF_TIMER4 27u
#define NRF_PPI 31u
#define NRF_RTC2 36u

#define NRF_EVENTS 0x100u
#define NRF_SHORTS 0x200u
#define NRF_INTEN 0x300u
#define NRF_EVTEN 0x340u

struct nrf {
    struct nrf_uart uart;
    struct nrf_counter counters[NRF_COUNTERS];
    bool high_clock_requested;
    bool low_clock_requested;
    bool low_clock_runs;
    uint64_t high_clock_fs; /* when the crystal has started; 0 for not under way */
    uint64_t low_clock_fs;
    uint32_t reload_requests; /* of the watchdog */
    uint32_t event_depth;
};

/* The register at `offset` of a peripheral. */
uint32_t *nrf_register(struct machine *m, uint32_t peripheral, uint32_t offset);

/* An event happens: its register is set, the interrupt line follows, and PPI triggers the tasks that are wired to it. */
void nrf_event(struct machine *m, uint32_t peripheral, uint32_t offset);

/* Whether the firmware would notice the event without reading its register: by interrupt or PPI. */
bool nrf_event_matters(struct machine *m, uint32_t peripheral, uint32_t offset);

/* A write to one of the registers that all peripherals share; false if it is another one. */
bool nrf_write_shared(struct machine *m, uint32_t peripheral, uint32_t offset, uint32_t value);

#endif
