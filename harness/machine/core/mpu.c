/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

#define REGISTER_TYPE 0xE000ED90u
#define REGISTER_CTRL 0xE000ED94u
#define REGISTER_RNR 0xE000ED98u
#define REGISTER_RBAR 0xE000ED9Cu
#define REGISTER_RASR 0xE000EDA0u
#define REGISTER_RASR_A3 0xE000EDB8u
#define ALIAS_BYTES 8u
#define TYPE_REGIONS_SHIFT 8u
#define CTRL_ENABLE 1u
#define CTRL_HFNMIENA 2u
#define CTRL_PRIVDEFENA 4u
#define RBAR_VALID 0x10u
#define RBAR_REGION 0xFu
#define RBAR_ADDRESS 0xFFFFFFE0u
#define RASR_ENABLE 1u
#define RASR_SIZE(attributes) ((attributes) >> 1 & 0x1Fu)
#define RASR_DISABLED_PARTS(attributes) ((attributes) >> 8 & 0xFFu)
#define RASR_AP(attributes) ((attributes) >> 24 & 7u)
#define RASR_XN 0x10000000u
#define SIZE_MIN 4u            /* 32 bytes */
#define SIZE_WITH_PARTS 7u     /* 256 bytes: eight parts */
#define PARTS_SHIFT 3u
#define CORE_BUS 0xE0000000u   /* its addresses are never protected (ARMv7-M B3.5.1) */
#define CORE_BUS_BYTES 0x100000u
#define CONTROL_UNPRIVILEGED 1u
#define UNIT_BYTES 32u

static void show(struct machine *m)
{
    scb_show(m, REGISTER_CTRL, m->mpu.control);
    scb_show(m, REGISTER_RNR, m->mpu.region);
    for (uint32_t alias = 0; alias < 4; alias++) {
        scb_show(m, REGISTER_RBAR + alias * ALIAS_BYTES, m->mpu.base[m->mpu.region] | m->mpu.region);
        scb_show(m, REGISTER_RASR + alias * ALIAS_BYTES, m->mpu.attributes[m->mpu.region]);
    }
}

void mpu_reset(struct machine *m)
{
    m->mpu.control = 0;
    m->mpu.region = 0;
    memset(m->mpu.base, 0, sizeof(m->mpu.base));
    memset(m->mpu.attributes, 0, sizeof(m->mpu.attributes));
    mpu_apply(m);
    if (m->chip->mpu_regions != 0) {
        scb_show(m, REGISTER_TYPE, (uint32_t)m->chip->mpu_regions << TYPE_REGIONS_SHIFT);
    }
}

static void changed(struct machine *m)
{
    m->mpu.changed = m->mpu.changed || (m->mpu.control & CTRL_ENABLE) != 0 || m->mpu.restricts;
    show(m);
    machine_schedule(m);
}

void mpu_see_control(struct machine *m)
{
    if (!m->mpu.drops_privilege) {
        m->mpu.drops_privilege = true;
        m->mpu.changed = (m->mpu.control & CTRL_ENABLE) != 0;
        machine_schedule(m);
    }
}

static void select_region(struct machine *m, uint32_t region)
{
    if (region < m->chip->mpu_regions) {
        m->mpu.region = region;
    }
}

bool mpu_write(struct machine *m, uint32_t address, uint32_t value)
{
    if (m->chip->mpu_regions == 0 || address < REGISTER_TYPE || address > REGISTER_RASR_A3) {
        return false;
    }
    if (address == REGISTER_TYPE) {
        return true;
    }
    if (address == REGISTER_CTRL) {
        m->mpu.control = value & (CTRL_ENABLE | CTRL_HFNMIENA | CTRL_PRIVDEFENA);
    } else if (address == REGISTER_RNR) {
        select_region(m, value);
    } else if ((address - REGISTER_RBAR) % ALIAS_BYTES == 0) {
        if ((value & RBAR_VALID) != 0) {
            select_region(m, value & RBAR_REGION);
        }
        m->mpu.base[m->mpu.region] = value & ~(RBAR_VALID | RBAR_REGION);
    } else {
        m->mpu.attributes[m->mpu.region] = value;
    }
    changed(m);
    return true;
}

/* Whether a region, or an enabled part of it, holds `address`. */
static bool holds(const struct machine *m, uint32_t region, uint32_t address)
{
    uint32_t attributes = m->mpu.attributes[region];
    uint32_t size = RASR_SIZE(attributes);
    uint32_t offset_mask = size == 31 ? UINT32_MAX : (2u << size) - 1;
    uint32_t part;

    if ((attributes & RASR_ENABLE) == 0 || size < SIZE_MIN ||
        ((address ^ m->mpu.base[region]) & RBAR_ADDRESS & ~offset_mask) != 0) {
        return false;
    }
    part = (address & offset_mask) >> (size + 1 - PARTS_SHIFT);
    return size < SIZE_WITH_PARTS || (RASR_DISABLED_PARTS(attributes) >> part & 1u) == 0;
}

/* AP of MPU_RASR (ARMv7-M B3.5.9, table B3-15). */
static uint32_t rights_of(uint32_t attributes, bool privileged)
{
    static const uint8_t privileged_rights[8] = {0, MPU_READ | MPU_WRITE, MPU_READ | MPU_WRITE, MPU_READ | MPU_WRITE, 0, MPU_READ, MPU_READ, MPU_READ};
    static const uint8_t user_rights[8] = {0, 0, MPU_READ, MPU_READ | MPU_WRITE, 0, 0, MPU_READ, MPU_READ};
    uint32_t rights = privileged ? privileged_rights[RASR_AP(attributes)] : user_rights[RASR_AP(attributes)];

    return (rights & MPU_READ) != 0 && (attributes & RASR_XN) == 0 ? rights | MPU_EXECUTE : rights;
}

static uint32_t rights_at(const struct machine *m, uint32_t address, bool privileged)
{
    for (uint32_t region = m->chip->mpu_regions; region-- > 0;) {
        if (holds(m, region, address)) {
            return rights_of(m->mpu.attributes[region], privileged);
        }
    }
    return privileged && (m->mpu.control & CTRL_PRIVDEFENA) != 0 ? MPU_ALL : 0;
}

bool mpu_allows(const struct machine *m, uint32_t address, enum mpu_right right)
{
    uint32_t control = 0;
    bool ignored = (m->mpu.control & CTRL_HFNMIENA) == 0 && exception_current_priority(m) < 0;

    if ((m->mpu.control & CTRL_ENABLE) == 0 || ignored || address - CORE_BUS < CORE_BUS_BYTES) {
        return true;
    }
    uc_reg_read(m->engine, UC_ARM_REG_CONTROL, &control);
    return (rights_at(m, address, m->exception.depth != 0 || (control & CONTROL_UNPRIVILEGED) == 0) & (uint32_t)right) != 0;
}

/* Whether all bytes of a page have the same rights: no border of a region or of a part of one lies inside. */
static bool is_uniform(const struct machine *m, uint32_t page_address)
{
    for (uint32_t region = 0; region < m->chip->mpu_regions; region++) {
        uint32_t size = RASR_SIZE(m->mpu.attributes[region]);
        uint32_t step = size >= SIZE_WITH_PARTS ? size - PARTS_SHIFT : size;
        uint32_t offset_mask = size == 31 ? UINT32_MAX : (2u << size) - 1;
        bool is_near = ((page_address ^ m->mpu.base[region]) & ~offset_mask & ~(MPU_PAGE_BYTES - 1)) == 0;

        if ((m->mpu.attributes[region] & RASR_ENABLE) != 0 && is_near && (2u << step) < MPU_PAGE_BYTES) {
            return false;
        }
    }
    return true;
}

/* Rights that a page lacks: reads and writes where any byte refuses them, execution where every byte does. */
static uint32_t denied_in(const struct machine *m, uint32_t page_address)
{
    uint32_t end = is_uniform(m, page_address) ? UNIT_BYTES : MPU_PAGE_BYTES;
    uint32_t denied = 0;
    uint32_t executable = 0;

    for (uint32_t offset = 0; offset < end; offset += UNIT_BYTES) {
        uint32_t rights = rights_at(m, page_address + offset, true);

        executable |= rights & MPU_EXECUTE;
        if (m->mpu.drops_privilege) {
            uint32_t user = rights_at(m, page_address + offset, false);

            executable |= user & MPU_EXECUTE;
            rights &= user;
        }
        denied |= ~rights & (MPU_READ | MPU_WRITE);
    }
    return executable != 0 ? denied : denied | MPU_EXECUTE;
}

/* What is left of Unicorn's permissions. */
static uint32_t left_of(uint32_t permissions, uint32_t denied)
{
    permissions &= ~((denied & MPU_READ) != 0 ? (uint32_t)UC_PROT_READ : 0);
    permissions &= ~((denied & MPU_WRITE) != 0 ? (uint32_t)UC_PROT_WRITE : 0);
    return permissions & ~((denied & MPU_EXECUTE) != 0 ? (uint32_t)UC_PROT_EXEC : 0);
}

/* Pages are taken in runs that change alike: each call splits a mapping of Unicorn's. */
static bool apply_to(struct machine *m, uint32_t address, uint32_t size_bytes, uint32_t permissions, uint8_t *known)
{
    bool on = (m->mpu.control & CTRL_ENABLE) != 0;
    uint32_t pages = size_bytes / MPU_PAGE_BYTES;
    uint32_t first = 0;
    uint32_t was = 0;
    uint32_t is = 0;

    for (uint32_t page = 0; page <= pages; page++) {
        uint32_t denied = page < pages && on ? denied_in(m, address + page * MPU_PAGE_BYTES) : 0;

        if (page == pages || page == 0 || denied != is || known[page] != was) {
            if (page != first && left_of(permissions, was) != left_of(permissions, is)) {
                m->engine_error = uc_mem_protect(m->engine, address + first * MPU_PAGE_BYTES, (page - first) * MPU_PAGE_BYTES,
                                                 left_of(permissions, is));
            }
            if (m->engine_error != UC_ERR_OK) {
                return false;
            }
            memset(known + first, (int)is, page - first);
            first = page;
            was = page < pages ? known[page] : 0;
            is = denied;
        }
        m->mpu.restricts = m->mpu.restricts || denied != 0;
    }
    return true;
}

bool mpu_apply(struct machine *m)
{
    const struct machine_config *config = &m->config;
    uint32_t ram_permissions = m->ram_executable ? UC_PROT_ALL : UC_PROT_READ | UC_PROT_WRITE;

    m->mpu.changed = false;
    m->engine_error = UC_ERR_OK;
    if (m->chip->mpu_regions == 0 || (!m->mpu.restricts && (m->mpu.control & CTRL_ENABLE) == 0)) {
        return true;
    }
    m->mpu.restricts = false;
    return apply_to(m, config->ram_address, config->ram_bytes, ram_permissions, m->mpu.denied) &&
           apply_to(m, config->flash_address, config->flash_bytes, UC_PROT_READ | UC_PROT_EXEC,
                    m->mpu.denied + config->ram_bytes / MPU_PAGE_BYTES);
}

void mpu_forget_ram(struct machine *m)
{
    memset(m->mpu.denied, 0, m->config.ram_bytes / MPU_PAGE_BYTES);
}

bool mpu_store(struct machine *m, const struct flash_store *store)
{
    uint32_t offset = store->address - m->config.ram_address;

    if (m->mpu.restricts && !mpu_allows(m, store->address, MPU_WRITE)) {
        fault_raise(m, FAULT_MPU_DATA, store->address, store->pc, "MPU: write of %u byte%s at 0x%08X", store->size_bytes,
                    store->size_bytes == 1 ? "" : "s", store->address);
        return true;
    }
    if (offset >= m->config.ram_bytes || offset + store->size_bytes > m->config.ram_bytes) {
        return false;
    }
    memcpy(m->ram + offset, &store->value, store->size_bytes);
    if (m->ram_executable) {
        uc_ctl_remove_cache(m->engine, (uint64_t)store->address, (uint64_t)store->address + store->size_bytes);
    }
    return true;
}
