/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define REGISTER_CR 0x00u
#define REGISTER_CFGR 0x04u
#define REGISTER_AHBENR 0x14u
#define REGISTER_APB2ENR 0x18u
#define REGISTER_APB1ENR 0x1Cu
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
#define APB1ENR_BKPEN 0x08000000u
#define APB1ENR_PWREN 0x10000000u
#define AHBENR_AFTER_RESET 0x14u
#define BDCR_LSEON 0x1u
#define BDCR_LSE 0x7u        /* LSEON, LSERDY, LSEBYP */
#define BDCR_RTC 0x8300u     /* RTCEN, RTCSEL */
#define BDCR_BDRST 0x10000u
#define CSR_LSION 0x1u
#define CSR_RMVF 0x01000000u
#define CSR_POWER_ON 0x0C000000u /* PORRSTF and PINRSTF */
#define CSR_PIN 0x04000000u      /* PINRSTF: every reset pulls NRST low (RM0008 7.1.1) */
#define CSR_SOFTWARE 0x10000000u /* SFTRSTF */
#define CSR_WATCHDOG 0x20000000u /* IWDGRSTF */
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

void rcc_reset(struct machine *m, const uint32_t *retained)
{
    memset(m->rcc.registers, 0, sizeof(m->rcc.registers));
    *at(m, REGISTER_CR) = CR_AFTER_RESET;
    *at(m, REGISTER_AHBENR) = AHBENR_AFTER_RESET;
    *at(m, REGISTER_CSR) = retained == NULL ? CSR_POWER_ON : retained[0];
    *at(m, REGISTER_BDCR) = retained == NULL ? 0 : retained[1];
    m->rcc.pclk2_hz = m->config.hsi_hz;
}

void rcc_retain(const struct machine *m, bool by_watchdog, uint32_t *retained)
{
    retained[0] = (m->rcc.registers[REGISTER_CSR / 4] & CSR_FLAGS) | CSR_PIN | (by_watchdog ? CSR_WATCHDOG : CSR_SOFTWARE);
    retained[1] = m->rcc.registers[REGISTER_BDCR / 4];
}

/* The oscillator runs at once; its bits and those of the RTC are in the backup domain (RM0008 7.3.9). */
static void write_backup_domain(struct machine *m, uint32_t value)
{
    uint32_t *control = at(m, REGISTER_BDCR);

    if ((value & BDCR_BDRST) != 0) {
        backup_clear(m);
        *control = BDCR_BDRST;
    } else if (backup_is_writable(m)) {
        *control = (value & (BDCR_LSE & ~(BDCR_LSEON << 1))) | (value & BDCR_LSEON) << 1 | (value & BDCR_RTC);
    } else {
        *control &= ~BDCR_BDRST;
    }
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
        write_backup_domain(m, value);
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

bool rcc_power_enabled(const struct machine *m)
{
    return (m->rcc.registers[REGISTER_APB1ENR / 4] & APB1ENR_PWREN) != 0;
}

bool rcc_backup_enabled(const struct machine *m)
{
    return (m->rcc.registers[REGISTER_APB1ENR / 4] & APB1ENR_BKPEN) != 0;
}

bool rcc_usart1_enabled(const struct machine *m)
{
    return (m->rcc.registers[REGISTER_APB2ENR / 4] & APB2ENR_USART1EN) != 0;
}
