// SPDX-License-Identifier: Apache-2.0
// screen_approve NONO DIRECTORY N - a person at the pane of the real program: N files in DIRECTORY
// (outside of every capability) are opened below NONO, each allowed by the key. Prints "p50 p99" in
// ns of: the call to its request on the terminal; the key to the return of the call, the durable
// record included; and, of which that takes one, a page to the disk by a program of its own.
// screen_approve --open DIRECTORY N runs inside.
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ui/terminal.h"
#include "buf.h"
#include "clock.h"
#include "util.h"

#define MAX 1000
#define ROWS 24
#define COLS 120
#define PATIENCE_NS (20 * NS_PER_SEC)

static int
open_all(const char *dir, int n)
{
    FILE *times = fopen("times", "we");

    for (int i = 0; i < n && times; i++) {
        cleanup_free char *path = xasprintf("%s/f%d.", dir, i);
        uint64_t before = clock_mono_ns();
        cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint64_t after = clock_mono_ns();
        if (fd < 0)
            return 1;
        fprintf(times, "%llu %llu\n", (unsigned long long)before, (unsigned long long)after);
        fflush(times);
    }
    return times ? 0 : 1;
}

static void
on_reply(void *ctx, const void *data, size_t n)
{
}

static bool
screen_has(const struct terminal *t, const char *text)
{
    for (unsigned row = 0; row < ROWS; row++) {
        cleanup_buf struct buf line = {0};
        struct terminal_cell c;
        for (unsigned col = 0; col < COLS; col++) {
            terminal_cell(t, row, col, &c);
            buf_putc(&line, c.chars[0] && c.chars[0] < 0x80 ? (char)c.chars[0] : ' ');
        }
        if (strstr(buf_str(&line), text))
            return true;
    }
    return false;
}

// Reads until the screen has both texts; when that was.
static uint64_t
wait_for(int fd, struct terminal *t, const char *text, const char *also)
{
    uint64_t end = clock_mono_ns() + PATIENCE_NS;
    char data[65536];

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (screen_has(t, text) && screen_has(t, also))
            return clock_mono_ns();
        if (clock_mono_ns() > end)
            die("no '%s' on the screen", text);
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = read(fd, data, sizeof data);
        if (n <= 0)
            die("the program ended before '%s'", text);
        terminal_feed(t, data, (size_t)n);
    }
}

// Starts argv on a terminal of its own.
static pid_t
start(char **argv, int *ret_fd)
{
    struct winsize size = {.ws_row = ROWS, .ws_col = COLS};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    pid_t pid;

    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
        ioctl(master, TIOCSWINSZ, &size) < 0)
        die("no terminal: %s", strerror(errno));
    pid = fork();
    if (pid == 0) {
        setsid();
        int slave = open(ptsname(master), O_RDWR);
        for (int i = 0; i < 3; i++)
            dup2(slave, i);
        setenv("TERM", "xterm-256color", 1);
        execv(argv[0], argv);
        _exit(127);
    }
    *ret_fd = master;
    return pid;
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

static void
report(const uint64_t *seen, const uint64_t *key, int n)
{
    static uint64_t shown[MAX], answered[MAX];
    FILE *times = fopen("times", "re");

    for (int i = 0; i < n; i++) {
        unsigned long long before, after;
        if (!times || fscanf(times, "%llu %llu", &before, &after) != 2)
            die("no times of call %d", i);
        shown[i] = seen[i] - before;
        answered[i] = after - key[i];
    }
    fclose(times);
    print_percentiles(shown, (size_t)n);
    print_percentiles(answered, (size_t)n);
}

static uint64_t
time_of_sync(int fd)
{
    static const char page[4096];
    uint64_t before = clock_mono_ns();

    if (write(fd, page, sizeof page) != sizeof page || fdatasync(fd) < 0)
        die("the disk: %s", strerror(errno));
    return clock_mono_ns() - before;
}

int
main(int argc, char **argv)
{
    static uint64_t seen[MAX], key[MAX], synced[MAX];
    int n = argc > 3 ? atoi(argv[3]) : 0, fd;

    if (n <= 0 || n > MAX)
        die("usage: screen_approve NONO DIRECTORY N");
    if (strcmp(argv[1], "--open") == 0)
        return open_all(argv[2], n);
    cleanup_free char *dir = xstrdup(argv[0]);
    char *command[] = {argv[1], (char[]){"run"},    (char[]){"-r"}, dirname(dir), (char[]){"--"},
                       argv[0], (char[]){"--open"}, argv[2],        argv[3],      NULL};
    cleanup_fd int disk = open("synced", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid_t pid = start(command, &fd);
    struct terminal *t = terminal_new(ROWS, COLS, on_reply, NULL);
    wait_for(fd, t, "nono", "");
    (void)!write(fd, "\035a", 2);
    for (int i = 0; i < n; i++) {
        cleanup_free char *name = xasprintf("f%d.}", i);
        seen[i] = wait_for(fd, t, name, "");
        // While nono waits for its quiet time.
        synced[i] = time_of_sync(disk);
        wait_for(fd, t, "[ARMED]", name);
        key[i] = clock_mono_ns();
        if (write(fd, "o", 1) != 1)
            die("write: %s", strerror(errno));
    }
    char rest[4096];
    while (read(fd, rest, sizeof rest) > 0)
        ;
    waitpid(pid, NULL, 0);
    report(seen, key, n);
    print_percentiles(synced, (size_t)n);
    terminal_free(t);
    return 0;
}
