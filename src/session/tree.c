// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util.h"

static void
kill_children(pid_t pid, pid_t spare, unsigned depth)
{
    char path[64];
    cleanup_free char *list = NULL;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    if (depth > 256 || read_file_at(-1, path, 1 << 20, &list) < 0)
        return;
    for (char *p = list, *end; *p; p = end) {
        pid_t child = (pid_t)strtol(p, &end, 10);
        if (end == p)
            break;
        kill_children(child, spare, depth + 1);
        if (child != spare)
            kill(child, SIGKILL);
    }
}

void
tree_kill(pid_t spare)
{
    kill_children(getpid(), spare, 0);
}
