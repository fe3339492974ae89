/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `TARGET FILES`: run a target on the content of each file, in the order given. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

enum { FILE_BYTES_MAX = 1 << 16 };

int main(int count, char **arguments)
{
    static uint8_t data[FILE_BYTES_MAX];

    for (int i = 1; i < count; i++) {
        FILE *file = fopen(arguments[i], "rb");

        if (file == NULL) {
            (void)fprintf(stderr, "cannot read %s\n", arguments[i]);
            return 2;
        }
        (void)LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, file));
        (void)fclose(file);
    }
    return 0;
}
