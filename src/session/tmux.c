// SPDX-License-Identifier: Apache-2.0
#include "tmux.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

bool
tmux_is_here(void)
{
    const char *server = getenv("TMUX"), *pane = getenv("TMUX_PANE");
    return server && *server && pane && *pane;
}

static int
run(char **argv)
{
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid;
    int status;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int ret = posix_spawnp(&pid, argv[0], NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    if (ret)
        return -ret;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

int
tmux_split(const char *session, struct err *err)
{
    // Where sessions are found: the server may have been started with other ones.
    static const char *const names[] = {"HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"};
    static char set[] = "-e";
    char *settings[ARRAY_SIZE(names)], *argv[24], *program = realpath("/proc/self/exe", NULL);
    size_t n = 0;
    if (!program)
        return err_set(err, -errno, "--ui tmux: /proc/self/exe: %s", strerror(errno));
    // Without a shell in between: tmux runs several words as they are.
    argv[n++] = (char[]){"tmux"};
    argv[n++] = (char[]){"split-window"};
    argv[n++] = (char[]){"-d"};
    argv[n++] = (char[]){"-t"};
    argv[n++] = getenv("TMUX_PANE");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = getenv(names[i]);
        settings[i] = xasprintf("%s=%s", names[i], value ? value : "");
        argv[n++] = set;
        argv[n++] = settings[i];
    }
    argv[n++] = (char[]){"--"};
    argv[n++] = program;
    argv[n++] = (char[]){"ui"};
    argv[n++] = xstrdup(session);
    argv[n] = NULL;
    int ret = run(argv);
    free(argv[n - 1]);
    free(program);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        free(settings[i]);
    if (ret == -ECHILD)
        return err_set(err, ret,
                       "--ui tmux: tmux could not split the window (make it larger, or use --ui "
                       "attach and nono ui)");
    return ret < 0 ? err_set(err, ret, "--ui tmux: tmux: %s", strerror(-ret)) : 0;
}
