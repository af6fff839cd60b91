// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "modes.h"
#include "util.h"

static const struct {
    const char *wrote, *undone;
} rows[] = {
    {"", ""},
    {"hello\r\n", ""},
    {"\033[1;31mred\033[m", ""},
    {"\033[1;31mred\033[0m", ""},
    {"\033[1;31mred", "\033[m"},
    {"\033[0;31mred", "\033[m"},
    {"\033[?25l", "\033[?25h"},
    {"\033[?25l\033[?25h", ""},
    {"\033[?7l", "\033[?7h"},
    {"\033[?1049h\033[?25l", "\033[?25h\033[?1049l"},
    {"\033[?1049h\033[?1049l", ""},
    {"\033[?1002;1006h", "\033[?1002l\033[?1006l"},
    {"\033[?1002;1006h\033[?1002l", "\033[?1006l"},
    {"\033[?2004h\033[?1h\033=", "\033>\033[?1l\033[?2004l"},
    {"\033=\033>", ""},
    {"\033(0\016", "\033(B\017"},
    {"\033(0\033(B\016\017", ""},
    {"\033[4h", "\033[4l"},
    {"\033[4h\033[4l", ""},
    {"\033[>1u", "\033[<99u\033[<99u"},
    {"\033[>1u\033[?1049h", "\033[<99u\033[?1049l\033[<99u"},
    {"\033[?90;90;90;90;90;90;90;90;90;90;90;90;90;90;90;2004;25;77h", "\033[?2004l"},
    {"\033[>4;2m", "\033[>4m"},
    {"\033[5 q", "\033[0 q"},
    {"\033[2;20r", "\0337\033[r\0338"},
    {"\033[?1049h\033c", ""},
    {"\033[?104", "\030"},
    {"\033]0;title\a\033[?25l", "\033[?25h"},
    {"\033[?99999999999999999999h", ""},
    {"\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;25m\033[m", ""},
    {"\033[?12\030\033[?25l", "\033[?25h"},
};

Test(modes, what_was_not_put_back_is)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t piece = 1; piece <= 64; piece *= 4) {
            struct modes m = {0};
            size_t n = strlen(rows[i].wrote);
            cleanup_buf struct buf out = {0};

            for (size_t at = 0; at < n; at += piece)
                modes_feed(&m, rows[i].wrote + at, n - at < piece ? n - at : piece);
            modes_undo(&m, &out);
            cr_expect_str_eq(buf_str(&out), rows[i].undone, "row %zu", i);
            buf_reset(&out);
            modes_undo(&m, &out);
            cr_expect_eq(out.len, 0);
        }
    }
}

// What undoes leaves nothing to undo, whatever was written.
Test(modes, undone_is_undone)
{
    static const char alphabet[] = "\033\033\033[[[?>?= !()0B124579hlmrqucp;;\016\017\030";
    unsigned seed = 1;

    for (int round = 0; round < 20000; round++) {
        struct modes m = {0};
        cleanup_buf struct buf out = {0}, again = {0};

        for (int i = 0; i < 100; i++)
            modes_feed(&m, &alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)], 1);
        struct modes before = m;
        modes_undo(&m, &out);
        modes_feed(&before, out.data, out.len);
        // Only seen to have been set; to set them back is no sign.
        before.keys = before.other_keys = before.shape = before.margins = false;
        modes_undo(&before, &again);
        cr_assert_eq(again.len, 0);
    }
}
