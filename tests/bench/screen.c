// SPDX-License-Identifier: Apache-2.0
// screen FRAMES - "p50 p99" in ns of what the screen costs with 10 000 requests that wait: a frame
// after a key that moves (the key included), a frame after a new request, then the resident memory
// in MB that they take.
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "ui.h"
#include "ui_internal.h"
#include "util.h"

#define REQUESTS 10000
#define SETTLED_NS (20 * NS_PER_MS) /* longer than a frame: each call draws */

static uint64_t now_ns = NS_PER_SEC;

static uint64_t
fake_clock(void)
{
    return now_ns;
}

static int
on_decide(void *ctx, unsigned session, const struct decision *d)
{
    return 0;
}

static void
on_leave(void *ctx)
{
}

static const struct ui_ops ops = {.decide = on_decide, .leave = on_leave};

static void
add_request(struct ui *ui, uint64_t id)
{
    static const char argv[] = "node\0scripts/deploy.js\0--prod";
    struct request *r = request_new();

    r->id = id;
    r->op = OP_READ;
    r->call = "openat";
    r->exe = xstrdup("/usr/bin/node");
    r->argv = xmemdup(argv, sizeof argv);
    r->argv_len = sizeof argv;
    r->cwd = xstrdup("/home/luke/src/shop");
    r->ancestry = xstrdup("claude/48102 > bash/48190");
    r->target = xstrdup("x");
    r->resolved = xasprintf("/home/luke/data/%llu/file", (unsigned long long)id);
    r->nearest = xstrdup("rw /home/luke/src/shop (--allow)");
    r->tags = xstrdup("");
    r->count = 1;
    r->raised_mono_ns = now_ns;
    request_seal(r);
    ui_add_request(ui, 0, r);
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void
print_percentiles(uint64_t *ns, size_t n)
{
    qsort(ns, n, sizeof *ns, compare);
    printf("%llu %llu\n", (unsigned long long)ns[n / 2], (unsigned long long)ns[n * 99 / 100]);
}

static double
resident_mb(void)
{
    long total = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

int
main(int argc, char **argv)
{
    size_t frames = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    uint64_t *ns = xcalloc(frames, sizeof *ns), id = 0;
    struct ui_config config = {.session = "7f3a", .title = "x"};
    cleanup_err struct err err = {0};
    struct ui *ui = NULL;
    double before = resident_mb();

    setlocale(LC_ALL, "C.UTF-8");
    setenv("TERM", "xterm-256color", 1);
    setenv("LINES", "48", 1);
    setenv("COLUMNS", "160", 1);
    config.in_fd = config.out_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (ui_open(&config, &ops, NULL, false, fake_clock, &ui, &err) < 0)
        die("%s", err.msg);
    while (id < REQUESTS)
        add_request(ui, ++id);
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < frames; i++) {
            uint64_t start = clock_mono_ns();
            now_ns += SETTLED_NS;
            if (kind == 0)
                ui_feed_input(ui, i % 2 ? "k" : "j", 1, now_ns);
            else
                add_request(ui, ++id);
            ui_draw(ui, now_ns);
            ns[i] = clock_mono_ns() - start;
        }
        print_percentiles(ns, frames);
    }
    printf("%.1f\n", resident_mb() - before);
    ui_free(ui);
    free(ns);
    return 0;
}
