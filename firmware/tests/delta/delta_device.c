/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "delta_device.h"

#include "unit.h"

static const char *const FILES[DELTA_IMAGES] = {
    "v1.spk",        "v2.spk",           "patch.spk",        "patch_base.spk", "patch_foreign.spk",
    "patch_old.spk", "patch_broken.spk", "patch_target.spk", "patch_last.spk", "v2_next.spk",
    "patch_rotation.spk", "v3_next.spk", "patch_next.spk", "patch_old_key.spk", "v_past_last.spk",
};

_Static_assert((int)DELTA_IMAGES <= (int)DEVICE_IMAGES_MAX, "there is room for each");

void device_load(const char *folder)
{
    device_read_files(folder, FILES, DELTA_IMAGES);
}

void make_staged_device(enum delta_image patch)
{
    const struct log_state state = {1, LOG_PENDING, RESULT_OK, 0, 0, false, 0, 0, 0};

    make_device();
    device_put_image(&LAYOUT_APPLICATION, DELTA_V1);
    device_put_image(&LAYOUT_SLOT, patch);
    device_write_log(&state);
}

void stage_patch(enum delta_image patch)
{
    struct log_state state = device_state();

    device_put_image(&LAYOUT_SLOT, patch);
    state.stage = LOG_PENDING;
    device_write_log(&state);
}
