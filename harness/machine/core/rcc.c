/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define REGISTER_CR 0x00u
#define REGISTER_CFGR 0x04u
#define REGISTER_AHBENR 0x14u
#define REGISTER_APB2ENR 0x18u
#define REGISTER_BDCR 0x20u
#define REGISTER_CSR 0x24u

#define CR_HSION 0x00000001u
#define CR_HSEON 0x00010000u
#define CR_PLLON 0x01000000u
#define CR_READY (CR_HSION << 1 | CR_HSEON << 1 | CR_PLLON << 1)
#define CR_AFTER_RESET 0x00000083u

#define CFGR_SW 0x3u
#define CFGR_SWS_SHIFT 2u
#define CFGR_HPRE_SHIFT 4u
#define CFGR_PPRE2_SHIFT 11u
#define CFGR_PLLSRC 0x00010000u
#define CFGR_PLLXTPRE 0x00020000u
#define CFGR_PLLMUL_SHIFT 18u

#define SOURCE_HSI 0u
#define SOURCE_HSE 1u
#define SOURCE_PLL 2u

#define APB2ENR_USART1EN 0x4000u
#define AHBENR_AFTER_RESET 0x14u
#define BDCR_LSEON 0x1u
#define CSR_LSION 0x1u
#define CSR_RMVF 0x01000000u
#define CSR_POWER_ON 0x0C000000u /* PORRSTF and PINRSTF */
#define CSR_FLAGS 0xFC000000u

static uint32_t *at(struct machine *m, uint32_t offset)
{
    return &m->rcc.registers[offset / 4];
}

static uint32_t pll_hz(struct machine *m)
{
    uint32_t configuration = *at(m, REGISTER_CFGR);
    uint32_t multiplier = ((configuration >> CFGR_PLLMUL_SHIFT) & 0xFu) + 2;
    uint32_t input = m->config.hsi_hz / 2;

    if ((configuration & CFGR_PLLSRC) != 0) {
        input = (configuration & CFGR_PLLXTPRE) != 0 ? m->config.hse_hz / 2 : m->config.hse_hz;
    }
    return input * (multiplier > 16 ? 16 : multiplier);
}

static uint32_t ahb_divisor(uint32_t hpre)
{
    static const uint16_t divisors[8] = {2, 4, 8, 16, 64, 128, 256, 512};

    return hpre < 8 ? 1 : divisors[hpre - 8];
}

static uint32_t apb_divisor(uint32_t ppre)
{
    return ppre < 4 ? 1 : 2u << (ppre - 4);
}

/* A clock always runs: a divided frequency below 1 Hz would stop virtual time. */
static uint32_t divide(uint32_t hz, uint32_t divisor)
{
    return hz < divisor ? 1 : hz / divisor;
}

static void update_clocks(struct machine *m)
{
    uint32_t configuration = *at(m, REGISTER_CFGR);
    uint32_t source_hz[3] = {m->config.hsi_hz, m->config.hse_hz, pll_hz(m)};
    uint32_t source = (configuration >> CFGR_SWS_SHIFT) & CFGR_SW;
    uint32_t core_hz = divide(source_hz[source > SOURCE_PLL ? SOURCE_HSI : source],
                              ahb_divisor((configuration >> CFGR_HPRE_SHIFT) & 0xFu));

    m->rcc.pclk2_hz = divide(core_hz, apb_divisor((configuration >> CFGR_PPRE2_SHIFT) & 0x7u));
    if (core_hz != m->clock.core_hz) {
        clock_set_core(m, m->instructions, core_hz);
        machine_schedule(m);
    }
}

/* The switch takes place when the selected source runs; until then SWS keeps its value. */
static void switch_source(struct machine *m)
{
    static const uint32_t ready[3] = {CR_HSION << 1, CR_HSEON << 1, CR_PLLON << 1};
    uint32_t *configuration = at(m, REGISTER_CFGR);
    uint32_t wanted = *configuration & CFGR_SW;

    if (wanted <= SOURCE_PLL && (*at(m, REGISTER_CR) & ready[wanted]) != 0) {
        *configuration = (*configuration & ~(CFGR_SW << CFGR_SWS_SHIFT)) | wanted << CFGR_SWS_SHIFT;
    }
    update_clocks(m);
}

static bool uses_internal_oscillator(struct machine *m)
{
    uint32_t configuration = *at(m, REGISTER_CFGR);
    uint32_t source = (configuration >> CFGR_SWS_SHIFT) & CFGR_SW;
    uint32_t wanted = configuration & CFGR_SW;
    bool pll_uses = (configuration & CFGR_PLLSRC) == 0;

    return source == SOURCE_HSI || wanted == SOURCE_HSI || ((source == SOURCE_PLL || wanted == SOURCE_PLL) && pll_uses);
}

void rcc_reset(struct machine *m)
{
    memset(m->rcc.registers, 0, sizeof(m->rcc.registers));
    *at(m, REGISTER_CR) = CR_AFTER_RESET;
    *at(m, REGISTER_AHBENR) = AHBENR_AFTER_RESET;
    *at(m, REGISTER_CSR) = CSR_POWER_ON;
    m->rcc.pclk2_hz = m->config.hsi_hz;
}

uint32_t rcc_read(struct machine *m, uint32_t offset)
{
    return offset / 4 < RCC_WORDS ? *at(m, offset) : 0;
}

void rcc_write(struct machine *m, uint32_t offset, uint32_t value)
{
    if (offset / 4 >= RCC_WORDS) {
        return;
    }
    switch (offset) {
    case REGISTER_CR:
        if (uses_internal_oscillator(m)) {
            value |= CR_HSION; /* cannot be cleared while the core runs from it (RM0008 7.3.1) */
        }
        *at(m, offset) = (value & ~CR_READY) | (value & (CR_HSION | CR_HSEON | CR_PLLON)) << 1;
        switch_source(m);
        break;
    case REGISTER_CFGR:
        *at(m, offset) = (value & ~(CFGR_SW << CFGR_SWS_SHIFT)) |
                         (*at(m, offset) & (CFGR_SW << CFGR_SWS_SHIFT));
        switch_source(m);
        break;
    case REGISTER_BDCR:
        *at(m, offset) = (value & ~(BDCR_LSEON << 1)) | (value & BDCR_LSEON) << 1;
        break;
    case REGISTER_CSR: {
        uint32_t flags = (value & CSR_RMVF) != 0 ? 0 : *at(m, offset) & CSR_FLAGS;

        *at(m, offset) = flags | (value & CSR_LSION) | (value & CSR_LSION) << 1;
        break;
    }
    default:
        *at(m, offset) = value;
        break;
    }
}

bool rcc_internal_oscillator_runs(const struct machine *m)
{
    return (m->rcc.registers[REGISTER_CR / 4] & CR_HSION) != 0;
}

bool rcc_usart1_enabled(const struct machine *m)
{
    return (m->rcc.registers[REGISTER_APB2ENR / 4] & APB2ENR_USART1EN) != 0;
}
