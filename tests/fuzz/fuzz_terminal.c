// SPDX-License-Identifier: Apache-2.0
// clang -fsanitize=fuzzer,address,undefined -Iui -Isrc/base -Isrc/model tests/fuzz/fuzz_terminal.c
// ui/terminal.c ui/history.c ui/input.c ui/sift.c ui/blocks.c src/base/*.c -lvterm
// The agent's pane survives any output, any size and any key; what is left in its cells is safe to
// draw. A byte 0xff is an instruction: resize, or type what follows.
#include <stdint.h>
#include <stdlib.h>

#include "display.h"
#include "input.h"
#include "terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
on_reply(void *ctx, const void *data, size_t n)
{
    size_t *total = ctx;

    *total += n;
}

static void
check_cells(const struct terminal *t)
{
    unsigned rows, cols;

    terminal_size(t, &rows, &cols);
    for (unsigned y = 0; y <= rows; y++) {
        for (unsigned x = 0; x <= cols; x++) {
            struct terminal_cell c;
            terminal_cell_back(t, x, y, x, &c);
            for (size_t i = 0; i < 6 && c.chars[i]; i++)
                if (c.chars[i] < 0x20 || (c.chars[i] >= 0x7f && c.chars[i] < 0xa0) ||
                    (i && display_char_width(c.chars[i]) != 0))
                    abort();
            if (c.width > 2 || c.fg > (TERMINAL_RGB | 0xffffff) || c.bg > (TERMINAL_RGB | 0xffffff))
                abort();
        }
    }
}

static void
type(struct terminal *t, const uint8_t *data, size_t n)
{
    struct input in = {0};
    struct input_key key;

    input_feed(&in, data, n, 1);
    while (input_next(&in, UINT64_MAX - 1, &key)) {
        if (key.code == INPUT_MOUSE)
            terminal_mouse(t, &key, key.row, key.col);
        else
            terminal_press(t, &key);
    }
    input_done(&in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t replied = 0;
    struct terminal *t = terminal_new(24, 80, on_reply, &replied);

    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && data[end] != 0xff)
            end++;
        terminal_feed(t, data + i, end - i);
        if (end + 2 < n && data[end + 1] & 1)
            terminal_resize(t, data[end + 1] / 2, data[end + 2]);
        else if (end + 2 < n)
            type(t, data + end + 1, (n - end - 1) % 64);
        i = end + 3;
    }
    check_cells(t);
    for (size_t back = 0; terminal_find(t, "a", true, &back);)
        if (back > terminal_history(t))
            abort();
    terminal_free(t);
    return 0;
}
