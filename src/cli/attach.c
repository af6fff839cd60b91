// SPDX-License-Identifier: Apache-2.0
// nono attach: shows a session on this terminal. The session itself draws on it and reads from it;
// this process keeps the terminal's foreground, and says when its size changes.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"
#include "client.h"
#include "display.h"
#include "options.h"
#include "registry.h"
#include "util.h"
#include "wire.h"

#define ANSWER_TIMEOUT_MS 3000

static const struct option_row attach_rows[] = {{0}};

static const struct options_help attach_help = {
    .synopsis = "nono attach [SESSION]",
    .about =
        "Shows a session that was started with nono run in a terminal, on this one: the command\n"
        "and its approvals. Where it was shown before it is detached. Ctrl-] d detaches.",
    .rows = attach_rows,
    .more =
        "SESSION is an id, a unique prefix of one, a name, or @ for the newest; it may be left\n"
        "out where one session runs.",
};

struct shown {
    struct client *client;
    int signal_fd;
    bool detached;
    int refused; /* 0 or -errno */
    int killed;  /* by this signal */
};

static void
on_ordered(void *ctx, int error)
{
    ((struct shown *)ctx)->refused = error;
}

static void
on_detached(void *ctx)
{
    ((struct shown *)ctx)->detached = true;
}

static const struct client_ops shown_ops = {.ordered = on_ordered, .detached = on_detached};

static int
watch_signals(void)
{
    static const int watched[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
read_signals(struct shown *s)
{
    struct signalfd_siginfo si;
    while (read(s->signal_fd, &si, sizeof si) == sizeof si) {
        if (si.ssi_signo == SIGWINCH)
            client_resized(s->client);
        else if (si.ssi_signo != SIGTSTP)
            s->killed = (int)si.ssi_signo;
    }
}

// Returns what client_read() said last.
static int
show(struct shown *s)
{
    int r;
    while ((r = client_read(s->client)) == 0 && !s->detached && !s->refused && !s->killed) {
        struct pollfd fds[] = {{.fd = client_fd(s->client), .events = POLLIN},
                               {.fd = s->signal_fd, .events = POLLIN}};
        if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
            die("poll: %s", strerror(errno));
        if (fds[1].revents)
            read_signals(s);
    }
    return r;
}

static int
attach(struct shown *s, const char *spec, struct err *err)
{
    cleanup_free char *id = NULL, *path = NULL;
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(err, -ENOTTY, "no terminal to show it on");
    int r = registry_find_socket(spec, &id, &path, err);
    if (r == 0)
        r = client_connect(path, "nono attach", 0, &shown_ops, s, &s->client, err);
    if (r == 0)
        r = client_wait_synced(s->client, ANSWER_TIMEOUT_MS, err);
    if (r < 0)
        return r;
    s->signal_fd = watch_signals();
    r = client_show(s->client, STDIN_FILENO, STDOUT_FILENO, term ? term : "");
    return r < 0 ? err_set(err, r, "the session does not answer: %s", strerror(-r)) : 0;
}

static int
finish(struct shown *s, int over, const struct termios *modes)
{
    bool ended = over == -ECONNRESET && !client_refusal(s->client);
    if (s->refused) {
        fprintf(stderr, "nono attach: %s\n", wire_error_text(s->refused));
        return EXIT_FAILURE;
    }
    // A session that could not say good-bye has not tidied up either.
    if (!s->detached) {
        static const char tidy[] = "\033[?1049l\033[?2004l\033[?1000l\033[0m\033[?25h\r";
        tcsetattr(STDIN_FILENO, TCSANOW, modes);
        if (!ended || s->killed)
            write_all(STDOUT_FILENO, tidy, sizeof tidy - 1);
    }
    if (s->killed)
        return 128 + s->killed;
    if (client_refusal(s->client)) {
        fprintf(stderr, "nono attach: %s\n", client_refusal(s->client));
        return EXIT_FAILURE;
    }
    puts(s->detached ? "detached" : "session ended");
    return EXIT_SUCCESS;
}

int
cmd_attach(int argc, char **argv)
{
    cleanup_err struct err err = {0};
    struct shown s = {.signal_fd = -1};
    struct termios modes = {0};
    struct options o;
    options_init(&o, &attach_help, argc, argv);
    int c = options_next(&o);
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index > 1)
        return options_error(&o, "one SESSION at most");
    tcgetattr(STDIN_FILENO, &modes);
    int status = EXIT_FAILURE;
    if (attach(&s, o.index < argc ? argv[o.index] : NULL, &err) < 0)
        fprintf(stderr, "nono attach: %s\n", err.msg);
    else
        status = finish(&s, show(&s), &modes);
    close_fd(&s.signal_fd);
    client_free(s.client);
    return status;
}
