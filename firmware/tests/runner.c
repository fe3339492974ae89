/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `units --list` prints the names of the tests; `units NAME FOLDER` runs one, with the signed images of FOLDER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct unit *units;

void unit_register(struct unit *unit)
{
    unit->next = units;
    units = unit;
}

_Noreturn void unit_fail(const char *file, int line, const char *what, long long expected, long long seen)
{
    (void)fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n%s", file, line, what, seen, expected, device_story());
    exit(1);
}

static const struct unit *find(const char *name)
{
    const struct unit *unit = units;

    while (unit != NULL && strcmp(unit->name, name) != 0) {
        unit = unit->next;
    }
    return unit;
}

int main(int count, char **arguments)
{
    const struct unit *unit;

    if (count == 2 && strcmp(arguments[1], "--list") == 0) {
        for (unit = units; unit != NULL; unit = unit->next) {
            (void)printf("%s\n", unit->name);
        }
        return 0;
    }
    unit = count == 3 ? find(arguments[1]) : NULL;
    if (unit == NULL) {
        (void)fprintf(stderr, "usage: units --list | units NAME FOLDER\n");
        return 2;
    }
    device_load(arguments[2]);
    unit->run();
    (void)printf("%s: %s\n", unit->name, unit->sentence);
    return 0;
}
