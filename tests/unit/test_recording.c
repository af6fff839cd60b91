// SPDX-License-Identifier: Apache-2.0
// A session's terminal on its way into the record and out again.
#include <criterion/criterion.h>

#include "clock.h"
#include "db_helpers.h"
#include "recording.h"

TestSuite(recording, .init = setup, .fini = teardown, .timeout = 60);

struct chunks {
    size_t n;
    unsigned rows, columns;
    uint64_t first_ns, last_ns;
    struct buf text;
};

static int
add_event(void *ctx, const struct cast_event *e)
{
    struct chunks *c = ctx;
    buf_printf(&c->text, "%c:", e->code);
    buf_add(&c->text, e->text, e->n);
    buf_putc(&c->text, '|');
    return 0;
}

static int
add_chunk(void *ctx, const struct terminal_row *row)
{
    struct chunks *c = ctx;
    cr_assert(row->first_ns <= row->last_ns && row->first_ns >= c->last_ns);
    cr_assert(++c->n == row->chunk);
    if (c->n == 1) {
        c->rows = row->rows;
        c->columns = row->columns;
        c->first_ns = row->first_ns;
    }
    c->last_ns = row->last_ns;
    return row->data ? cast_read(row->data, row->len, add_event, c) : 0;
}

static void
read_back(const char *id, uint64_t chunk, struct chunks *c)
{
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    cr_assert(reader_open(db, &r, &err) == 0, "%s", err.msg);
    cr_assert(reader_terminal(r, id, chunk, add_chunk, c, &err) == 0, "%s", err.msg);
    reader_close(r);
}

Test(recording, what_was_shown_comes_back)
{
    struct recording r = {0};
    struct writer *w = start("aaaaaaaaaaaa");
    uint64_t before = clock_real_ns();
    cr_assert(recording_turn(&r) == -1);
    recording_start(&r, w, before, 24, 80);
    recording_resize(&r, 30, 90); /* before anything was shown: to begin with */
    cr_assert(recording_turn(&r) == -1);
    cr_assert(recording_output(&r, "one \xe2", 5));
    cr_assert(recording_turn(&r) > 0);
    recording_resize(&r, 0, 0);
    recording_resize(&r, 31, 91);
    cr_assert(recording_output(&r, "\x82\xac", 2));
    recording_stop(&r);
    writer_stop(w, 0);
    struct chunks index = {0}, c = {0};
    read_back("aaaaaaaaaaaa", 0, &index);
    cr_assert(index.n == 1 && index.rows == 30 && index.columns == 90 && index.text.len == 0);
    cr_assert(index.first_ns >= before && index.last_ns <= clock_real_ns());
    read_back("aaaaaaaaaaaa", 1, &c);
    cr_assert_str_eq(buf_str(&c.text), "o:one |r:91x31|o:\xe2\x82\xac|");
    buf_done(&c.text);
}

Test(recording, much_leaves_in_chunks)
{
    struct recording r = {0};
    struct writer *w = start("bbbbbbbbbbbb");
    static char line[1000];
    memset(line, 'x', sizeof line);
    recording_start(&r, w, clock_real_ns(), 24, 80);
    for (int i = 0; i < 1000; i++)
        cr_assert(recording_output(&r, line, sizeof line));
    recording_stop(&r);
    writer_stop(w, 0);
    struct chunks index = {0};
    read_back("bbbbbbbbbbbb", 0, &index);
    cr_assert(index.n >= 15 && index.n <= 17, "%zu", index.n);
    size_t bytes = 0;
    for (uint64_t i = 1; i <= index.n; i++) {
        struct chunks c = {.n = i - 1};
        read_back("bbbbbbbbbbbb", i, &c);
        bytes += c.text.len;
        buf_done(&c.text);
    }
    cr_assert(bytes == 1000 * (sizeof line + 3));
}

Test(recording, without_a_writer_nothing_is_kept)
{
    struct recording r = {0};
    cr_assert(recording_output(&r, "x", 1) && r.cast.lines.len == 0);
    recording_resize(&r, 1, 1);
    cr_assert(recording_turn(&r) == -1);
    recording_stop(&r);
}
