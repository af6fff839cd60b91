// SPDX-License-Identifier: Apache-2.0
// nono stop
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attached.h"
#include "cli.h"
#include "clock.h"
#include "options.h"

// The command has 2 seconds to end by itself, and what it leaves is killed.
#define END_TIMEOUT_NS (15 * NS_PER_SEC)

static const struct option_row stop_rows[] = {{0}};

static const struct options_help stop_help = {
    .synopsis = "nono stop SESSION",
    .about = "Ends a running session: its command is told to (SIGTERM, then SIGHUP), what lives\n"
             "after 2 seconds is killed. Requests that wait are refused.",
    .rows = stop_rows,
    .more = "SESSION is an id, a unique prefix of one, a name, or @ for the newest.\n"
            "Exit status: 0 when the session has ended, 1 otherwise, 2 for wrong arguments.",
};

static int
fail(const char *text)
{
    fprintf(stderr, "nono stop: %s\n", text);
    return EXIT_FAILURE;
}

static int
stop(const char *spec)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    if (attached_open(&s, spec, "nono stop", 0, &err) < 0)
        return fail(err.msg);
    struct attached *a = s.list[0];
    if (attached_complain(&s, "stop"))
        return EXIT_FAILURE;
    int r = client_stop(a->client);
    if (r < 0)
        return fail(strerror(-r));
    if (attached_await(a, &err) < 0 && err.code != -ECONNRESET)
        return fail(err.msg);
    uint64_t now, end = clock_mono_ns() + END_TIMEOUT_NS;
    while (client_read(a->client) == 0 && (now = clock_mono_ns()) < end) {
        struct pollfd pfd = {.fd = client_fd(a->client), .events = POLLIN};
        poll(&pfd, 1, (int)((end - now) / NS_PER_MS) + 1);
    }
    return client_read(a->client) < 0 ? EXIT_SUCCESS : fail("the session goes on");
}

int
cmd_stop(int argc, char **argv)
{
    struct options o;
    options_init(&o, &stop_help, argc, argv);
    int c = options_next(&o);
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index != 1)
        return options_error(&o, o.index == argc ? "which session? nono ps lists them"
                                                 : "one SESSION at a time");
    return stop(argv[o.index]);
}
