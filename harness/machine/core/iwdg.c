/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define REGISTER_KR 0x00u
#define REGISTER_PR 0x04u
#define REGISTER_RLR 0x08u

#define KEY_RELOAD 0xAAAAu
#define KEY_ACCESS 0x5555u
#define KEY_START 0xCCCCu

#define RELOAD_AFTER_RESET 0xFFFu
#define PRESCALER_MAX 6u /* 6 and 7 both divide by 256 */
#define FEMTOSECONDS_PER_SECOND 1000000000000000u

void iwdg_note_feeding(struct machine *m)
{
    struct iwdg *iwdg = &m->iwdg;
    uint64_t waited_fs = clock_fs(m, m->instructions) - iwdg->fed_fs;
    uint64_t period_fs = iwdg->deadline_fs - iwdg->fed_fs;

    if (iwdg->closest_period_fs == 0 ||
        (double)waited_fs * (double)iwdg->closest_period_fs > (double)iwdg->closest_fs * (double)period_fs) {
        iwdg->closest_fs = waited_fs;
        iwdg->closest_period_fs = period_fs;
    }
}

static void reload(struct machine *m)
{
    uint32_t prescaler = m->iwdg.prescaler > PRESCALER_MAX ? PRESCALER_MAX : m->iwdg.prescaler;
    uint64_t tick_fs = FEMTOSECONDS_PER_SECOND / m->config.lsi_hz * (4u << prescaler);

    m->iwdg.fed_fs = clock_fs(m, m->instructions);
    m->iwdg.deadline_fs = clock_fs(m, m->instructions) + tick_fs * (m->iwdg.reload + 1);
    machine_schedule(m);
}

void iwdg_reset(struct machine *m)
{
    m->iwdg = (struct iwdg){.reload = RELOAD_AFTER_RESET};
    if (option_bytes_hardware_watchdog(m)) {
        m->iwdg.running = true;
        reload(m);
    }
}

uint32_t iwdg_read(const struct machine *m, uint32_t offset)
{
    switch (offset) {
    case REGISTER_PR:
        return m->iwdg.prescaler;
    case REGISTER_RLR:
        return m->iwdg.reload;
    default:
        return 0; /* KR is write-only; SR: updates take effect at once */
    }
}

static bool write_key(struct machine *m, uint32_t key)
{
    m->iwdg.writable = key == KEY_ACCESS;
    if (key == KEY_START) {
        m->iwdg.running = true;
        reload(m);
    } else if (key == KEY_RELOAD && m->iwdg.running) {
        iwdg_note_feeding(m);
        reload(m);
    }
    return key == KEY_RELOAD;
}

bool iwdg_write(struct machine *m, uint32_t offset, uint32_t value)
{
    if (offset == REGISTER_KR) {
        return write_key(m, value & 0xFFFFu);
    }
    if (m->iwdg.writable && offset == REGISTER_PR) {
        m->iwdg.prescaler = value & 7u;
    } else if (m->iwdg.writable && offset == REGISTER_RLR) {
        m->iwdg.reload = value & 0xFFFu;
    }
    return false;
}
