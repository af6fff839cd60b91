// SPDX-License-Identifier: Apache-2.0
#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

static bool
in_path(const char *name)
{
    cleanup_free char *path = xstrdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char *rest = path;
    for (char *dir = strsep(&rest, ":"); dir; dir = strsep(&rest, ":")) {
        cleanup_free char *file = xasprintf("%s/%s", dir, name);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

// A command for the shell, NULL for none.
static const char *
pager_command(void)
{
    const char *term = getenv("TERM");
    if (!isatty(STDOUT_FILENO) || !term || strcmp(term, "dumb") == 0)
        return NULL;
    const char *command = getenv("NONO_PAGER");
    if (!command)
        command = getenv("PAGER");
    if (!command)
        command = in_path("less") ? "less" : "";
    return command[0] && strcmp(command, "cat") != 0 ? command : NULL;
}

static _Noreturn void
run_pager(const char *command, int input)
{
    signal(SIGPIPE, SIG_DFL);
    dup2(input, STDIN_FILENO);
    // F: leave when it fits, R: our colours, S: cut long lines, X: keep what was shown.
    setenv("LESS", "FRSX", 0);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

void
pager_open(struct pager *p)
{
    int fds[2];
    *p = (struct pager){.out = stdout};
    signal(SIGPIPE, SIG_IGN);
    const char *command = pager_command();
    if (!command || pipe2(fds, O_CLOEXEC) < 0)
        return;
    FILE *out = fdopen(fds[1], "w");
    pid_t pid = out ? fork() : -1;
    if (pid == 0)
        run_pager(command, fds[0]);
    close(fds[0]);
    if (pid > 0) {
        *p = (struct pager){.out = out, .pid = pid};
        // Ctrl-C in less means "stop searching", not "leave".
        signal(SIGINT, SIG_IGN);
    } else if (out) {
        fclose(out);
    } else {
        close(fds[1]);
    }
}

// A pipe whose reader went away: head(1) has seen enough, or the pager was left.
static bool
reader_gone(FILE *out)
{
    struct pollfd pfd = {.fd = fileno(out)};
    return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLERR;
}

bool
pager_close(struct pager *p)
{
    bool failed = fflush(p->out) != 0 || ferror(p->out);
    bool gone = failed && reader_gone(p->out);
    if (p->pid) {
        fclose(p->out);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    *p = (struct pager){.out = stdout};
    return !failed || gone;
}

bool
color_wanted(enum color_when when)
{
    const char *force = getenv("CLICOLOR_FORCE"), *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (when != COLOR_AUTO)
        return when == COLOR_ALWAYS;
    if (force && force[0] && strcmp(force, "0") != 0)
        return true;
    if (no && no[0])
        return false;
    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}
