// SPDX-License-Identifier: Apache-2.0
// Whatever a profile holds: items with a line that is there, or one line that says what is wrong.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
    if (!ok)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_profile struct profile p = {0};
    cleanup_err struct err err = {0};
    struct profile_env env = {.home = "/h", .workdir = "/w", .tmpdir = "/t"};
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    int ret = profile_parse(&p, (const char *)data, size, "p.json", "p.json", &err);
    check((ret == 0) == !err.msg);
    check(!err.msg || (strncmp(err.msg, "p.json:", 7) == 0 && !strchr(err.msg, '\n')));
    for (size_t i = 0; i < p.n; i++) {
        const struct profile_item *item = &p.items[i];
        cleanup_free char *path = NULL;
        check(item->key < _PROFILE_KEY_MAX && strncmp(item->source, "p.json:", 7) == 0);
        size_t line = strtoull(item->source + 7, NULL, 10);
        check(line >= 1 && line <= lines);
        if (profile_key_expands(item->key)) {
            size_t fixed;
            check(profile_expand(item, &env, &path, &fixed, NULL) == 1);
            check(path[0] == '/' && fixed <= strlen(path));
        }
        if (item->key == PROFILE_DENY && ret == 0) {
            struct glob_part pattern = {item->value, strlen(item->value)};
            glob_matches(pattern, item->value, strlen(item->value));
        }
    }
    return 0;
}
