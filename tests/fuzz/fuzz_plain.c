// SPDX-License-Identifier: Apache-2.0
// clang -fsanitize=fuzzer,address,undefined -Iui -Isrc/base -Isrc/model tests/fuzz/fuzz_plain.c
// ui/plain_*.c src/model/*.c src/base/*.c -lsodium
// The plain mode: any line is understood or refused, and no output of the agent looks like nono's.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plain_agent.h"
#include "plain_line.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_line(const char *line)
{
    struct plain_line l;
    const char *wrong = plain_parse(line, &l);

    if (wrong ? l.verb != PLAIN_EMPTY : l.verb == PLAIN_ALLOW && l.id == 0)
        abort();
    if (l.verb == PLAIN_ALLOW && (l.scope == SCOPE_TIME) != (l.for_ns > 0))
        abort();
}

static void
check_output(const struct buf *out)
{
    for (size_t i = 0; i < out->len; i++) {
        unsigned char c = (unsigned char)out->data[i];
        if ((c < 0x20 && c != '\n') || c == 0x7f)
            abort();
        if ((i == 0 || out->data[i - 1] == '\n') && strncmp(out->data + i, "| ", 2) != 0)
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    cleanup_free char *line = xstrndup((const char *)data, n);
    struct plain_agent a = {0};
    cleanup_buf struct buf out = {0};

    check_line(line);
    for (size_t i = 0; i < n; i += 1 + i % 13)
        plain_agent_feed(&a, data + i, n - i < 1 + i % 13 ? n - i : 1 + i % 13, 0, &out);
    plain_agent_pause(&a, 1, 0, &out);
    plain_agent_pause(&a, UINT64_MAX / 2, 0, &out);
    check_output(&out);
    plain_agent_done(&a);
    return 0;
}
