// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

#include "clock.h"
#include "input.h"
#include "keys.h"
#include "util.h"

Test(keys, no_key_is_bound_twice)
{
    size_t n;
    const struct keys_row *table = keys_table(&n);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_SIZE(table[i].codes) && table[i].codes[k]; k++)
            cr_expect_eq(table[i].group == KEYS_REPLAY
                             ? keys_find_replay(table[i].codes[k])
                             : keys_find(table[i].codes[k], table[i].group == KEYS_PREFIXED),
                         table[i].command, "%s", table[i].name);
}

// What decides, or says what is decided, means nothing there; moving does what it always does.
Test(keys, a_replay_decides_nothing)
{
    size_t n;
    const struct keys_row *table = keys_table(&n);

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ARRAY_SIZE(table[i].codes) && table[i].codes[k]; k++) {
            enum keys_command command = keys_find_replay(table[i].codes[k]);
            if (table[i].group == KEYS_DECIDE || table[i].group == KEYS_CHOOSE)
                cr_expect(command >= KEYS_PLAY, "%s", table[i].name);
            else if (table[i].group == KEYS_MOVE || table[i].group == KEYS_GENERAL)
                cr_expect_eq(command, KEYS_NONE, "%s", table[i].name);
        }
}

Test(keys, nothing_people_type_at_an_agent_allows)
{
    for (const char *c = "ya0123456789\r\n "; *c; c++) {
        enum keys_command command = keys_find((unsigned char)*c, false);
        cr_expect(command < KEYS_ALLOW_ONCE || command > KEYS_ALLOW_ALWAYS);
    }
}

Test(keys, legend_fits)
{
    for (size_t columns = 0; columns < 120; columns++) {
        cleanup_buf struct buf b = {0}, replay = {0};
        keys_legend(&b, columns, false);
        keys_legend(&replay, columns, true);
        cr_expect_leq(b.len, columns);
        cr_expect_leq(replay.len, columns);
        // On a terminal of 80 columns: how to decide, and how far.
        if (columns == 79)
            cr_expect(strstr(buf_str(&b), "D deny session") && strstr(buf_str(&b), "<> reach"));
        if (columns == 79)
            cr_expect(strstr(buf_str(&replay), "w what-if") && !strstr(buf_str(&replay), "o once"));
    }
}

// The manual pages hold the table: they cannot fall behind.
static void
check_page(const char *name, bool replay)
{
    cleanup_buf struct buf want = {0};
    cleanup_free char *page = NULL;
    cleanup_free char *path = xasprintf(
        "%.*s../../docs/man/%s", (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, name);

    keys_mdoc(&want, replay);
    cr_assert_gt(read_file_at(AT_FDCWD, path, 1 << 20, &page), 0, "%s", path);
    cr_assert(strstr(page, buf_str(&want)), "%s lacks:\n%s", name, buf_str(&want));
}

Test(keys, manual_pages_agree)
{
    check_page("nono-keys.7", false);
    check_page("nono-replay.1", true);
}

static void
check_code(const struct input_key *k, const uint32_t *codes, size_t count, size_t *got)
{
    if (k->code == INPUT_PASTE && !k->paste_end)
        return;
    cr_expect_eq(k->code, *got < count ? codes[*got] : 0, "key %zu: %x", *got, k->code);
    ++*got;
}

static void
check_keys(const char *bytes, size_t n, const uint32_t *codes, size_t count)
{
    // In one piece, and byte by byte.
    for (int piecewise = 0; piecewise < 2; piecewise++) {
        struct input in = {0};
        struct input_key k;
        size_t got = 0;

        for (size_t i = 0; i < n; i += piecewise ? 1 : n) {
            input_feed(&in, bytes + i, piecewise ? 1 : n, 1);
            while (input_next(&in, 2, &k))
                check_code(&k, codes, count, &got);
        }
        while (input_next(&in, 10 * NS_PER_SEC, &k))
            check_code(&k, codes, count, &got);
        cr_expect_eq(got, count, "%zu keys", got);
        input_done(&in);
    }
}

#define CHECK_KEYS(bytes, ...)                                                                     \
    check_keys(bytes, sizeof(bytes) - 1, (uint32_t[]){__VA_ARGS__},                                \
               ARRAY_SIZE(((uint32_t[]){__VA_ARGS__})))

Test(input, keys)
{
    CHECK_KEYS("o", 'o');
    CHECK_KEYS("\x1d\x61", KEYS_PREFIX, 'a');
    CHECK_KEYS("\033", 27);
    CHECK_KEYS("\033\033", 27, 27);
    CHECK_KEYS("\033[A\033OB", INPUT_UP, INPUT_DOWN);
    CHECK_KEYS("\033\033[A", 27, INPUT_UP);
    CHECK_KEYS("\033[1;5C", INPUT_RIGHT);
    CHECK_KEYS("\033[5~\033[6~", INPUT_PAGE_UP, INPUT_PAGE_DOWN);
    CHECK_KEYS("\033[24~\033[[A\033OP", INPUT_F0 + 12, INPUT_F0 + 1, INPUT_F0 + 1);
    CHECK_KEYS("\xc3\xa9", 0xe9);
    CHECK_KEYS("\xff", INPUT_OTHER);
    CHECK_KEYS("\033[<0;1;1M\033[<0;3;2m", INPUT_MOUSE, INPUT_MOUSE);
    CHECK_KEYS("\033[<0;0;1M\033[<0;1M", INPUT_OTHER, INPUT_OTHER);
    CHECK_KEYS("\033[200~o\no\033[201~j", INPUT_PASTE, 'j');
    CHECK_KEYS("\033[200~\033[201~", INPUT_PASTE);
}
