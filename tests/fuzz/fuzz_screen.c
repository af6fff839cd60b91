// SPDX-License-Identifier: Apache-2.0
// clang -fsanitize=fuzzer,address,undefined -Iui -Isrc/base -Isrc/model tests/fuzz/fuzz_screen.c
// ui/*.c src/model/*.c src/base/*.c -lvterm -lncursesw -ltinfo -ljansson
// The whole screen: output of the agent, requests with any names, sizes down to 1x1, keys. What
// reaches the terminal is nono's own: no control byte but curses's, no C1, nothing of a title. A
// byte 0xff is an instruction; the rest goes to the agent's pane.
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "ui.h"
#include "ui_internal.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct fuzz {
    struct ui *ui;
    uint64_t id;
};

static uint64_t now_ns = NS_PER_SEC;

static uint64_t
fake_clock(void)
{
    return now_ns;
}

// Random keys may well decide: the guards have their own test. Only what was asked may be.
static int
on_decide(void *ctx, unsigned session, const struct decision *d)
{
    const struct fuzz *f = ctx;

    if (session != 0 || d->request == 0 || d->request > f->id || d->by != DECIDER_USER)
        abort();
    return 0;
}

static void
on_agent_input(void *ctx, const void *data, size_t n)
{
}

static void
on_agent_resize(void *ctx, unsigned rows, unsigned cols)
{
    if (rows == 0 || cols == 0)
        abort();
}

static void
on_leave(void *ctx)
{
}

static const struct ui_ops ops = {.decide = on_decide,
                                  .agent_input = on_agent_input,
                                  .agent_resize = on_agent_resize,
                                  .leave = on_leave};

static void
add_request(struct fuzz *f, const uint8_t *name, size_t n)
{
    struct request *r = request_new();

    r->id = ++f->id;
    r->op = (enum op)(n % _OP_MAX);
    r->call = "openat";
    r->risk = (enum risk)(n % _RISK_MAX);
    r->exe = xstrndup((const char *)name, n / 2);
    r->argv = xmemdup(name, n);
    r->argv_len = n;
    r->cwd = xstrdup("/");
    r->ancestry = xstrndup((const char *)name, n / 3);
    r->target = xstrndup((const char *)name, n);
    r->resolved = xasprintf("/%.*s", (int)n, (const char *)name);
    if (n % 3 == 0)
        r->resolved2 = xasprintf("/%.*s", (int)(n / 2), (const char *)name);
    r->covered = n / 2;
    r->nearest = xstrdup("");
    r->tags = xstrndup((const char *)name, n);
    r->count = 1;
    request_seal(r);
    ui_add_request(f->ui, 0, r);
}

// One instruction; returns its bytes.
static size_t
obey(struct fuzz *f, const uint8_t *p, size_t n)
{
    size_t length = n > 2 ? p[2] % 64 : 0;

    if (n < 3)
        return n;
    length = length < n - 3 ? length : n - 3;
    switch (p[1] % 4) {
    case 0:
        ui_set_size(f->ui, 1 + p[2] % 60, 1 + (p[2] * 7u) % 200, now_ns);
        return 3;
    case 1:
        add_request(f, p + 3, length);
        return 3 + length;
    case 2:
        ui_feed_input(f->ui, p + 3, length, now_ns);
        return 3 + length;
    default:
        ui_update_request(f->ui, 0,
                          &(struct request_update){.id = p[2],
                                                   .state = (enum state)(p[2] % _STATE_MAX),
                                                   .verdict = VERDICT_DENY,
                                                   .count = 1});
        return 3;
    }
}

static void
check_output(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    uint8_t *out = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;

    if (!out || out == MAP_FAILED)
        return;
    for (off_t i = 0; i < size; i++) {
        if ((out[i] < 0x20 && !strchr("\033\r\n\b\t\a\016\017", out[i])) || out[i] == 0x7f ||
            (out[i] == 0xc2 && i + 1 < size && out[i + 1] < 0xa0) ||
            (out[i] == 033 && i + 1 < size && strchr("]P^_X", out[i + 1]))) {
            fprintf(stderr, "byte %02x at %lld\n", out[i], (long long)i);
            abort();
        }
    }
    munmap(out, (size_t)size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz f = {0};
    int fd = memfd_create("screen", MFD_CLOEXEC);
    struct ui_config config = {
        .session = "7f3a", .title = "x", .agent = true, .in_fd = fd, .out_fd = fd};
    cleanup_err struct err err = {0};

    signal(SIGTSTP, SIG_IGN); /* ^Z is a key as well */
    setenv("TERM", "xterm-256color", 1);
    setenv("LINES", "24", 1);
    setenv("COLUMNS", "80", 1);
    if (!setlocale(LC_ALL, "C.UTF-8") ||
        ui_open(&config, &ops, &f, false, fake_clock, &f.ui, &err) < 0)
        abort();
    for (size_t i = 0; i < n;) {
        size_t end = i;
        while (end < n && data[end] != 0xff)
            end++;
        ui_agent_output(f.ui, data + i, end - i);
        i = end < n ? end + obey(&f, data + end, n - end) : end;
        now_ns += 700 * NS_PER_MS;
        ui_draw(f.ui, now_ns);
    }
    ui_free(f.ui);
    check_output(fd);
    close(fd);
    return 0;
}
