// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define DEPTH_MAX 256
#define PASSES_MAX 1000

struct walk {
    pid_t spare;
    void (*before)(struct walk *w, pid_t pid); /* its children; may be NULL */
    void (*after)(struct walk *w, pid_t pid);  /* likewise */
    struct tree *tree;
    bool found;
};

static void walk_process(struct walk *w, pid_t pid, unsigned depth);

static void
walk_children(struct walk *w, const char *list, unsigned depth)
{
    char *end;
    for (const char *p = list; *p; p = end) {
        pid_t child = (pid_t)strtol(p, &end, 10);
        if (end == p)
            break;
        if (child != w->spare && w->before)
            w->before(w, child);
        walk_process(w, child, depth);
        if (child != w->spare && w->after)
            w->after(w, child);
    }
}

// A child belongs to the thread that made it.
static void
walk_process(struct walk *w, pid_t pid, unsigned depth)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = depth < DEPTH_MAX ? opendir(path) : NULL;
    for (const struct dirent *e; d && (e = readdir(d));) {
        char file[sizeof e->d_name + 16];
        cleanup_free char *list = NULL;
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/children", e->d_name);
        if (read_file_at(dirfd(d), file, 1 << 20, &list) >= 0)
            walk_children(w, list, depth + 1);
    }
    if (d)
        closedir(d);
}

// The letter of proc(5): 'R', 'S', 'T', 'Z', ...; 0 when there is no such process.
static char
state_of(pid_t pid)
{
    char path[64];
    cleanup_free char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_file_at(-1, path, 4096, &text) < 0)
        return 0;
    const char *p = strrchr(text, ')');
    return p && p[1] == ' ' ? p[2] : 0;
}

bool
tree_is_stopped(pid_t pid)
{
    return state_of(pid) == 'T';
}

static void
kill_one(struct walk *w, pid_t pid)
{
    (void)w;
    kill(pid, SIGKILL);
}

void
tree_kill(pid_t spare)
{
    struct walk w = {.spare = spare, .after = kill_one};
    walk_process(&w, getpid(), 0);
}

static void
stop_one(struct walk *w, pid_t pid)
{
    struct tree *t = w->tree;
    struct tree_task task = {.pid = pid};
    if (proc_start_time(pid, &task.start_time) < 0)
        return;
    for (size_t i = 0; i < t->n; i++)
        if (t->tasks[i].pid == pid && t->tasks[i].start_time == task.start_time)
            return;
    char state = state_of(pid);
    if (state == 'T' || state == 'Z' || state == 0 || kill(pid, SIGSTOP) < 0)
        return;
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->tasks = xrealloc(t->tasks, t->room * sizeof *t->tasks);
    }
    t->tasks[t->n++] = task;
    w->found = true;
}

void
tree_stop(struct tree *t, pid_t spare)
{
    struct walk w = {.spare = spare, .before = stop_one, .tree = t, .found = true};
    for (unsigned i = 0; w.found && i < PASSES_MAX; i++) {
        w.found = false;
        walk_process(&w, getpid(), 0);
    }
}

void
tree_continue(struct tree *t)
{
    while (t->n) {
        const struct tree_task *task = &t->tasks[--t->n];
        uint64_t start;
        if (proc_start_time(task->pid, &start) == 0 && start == task->start_time)
            kill(task->pid, SIGCONT);
    }
}

void
tree_done(struct tree *t)
{
    free(t->tasks);
    *t = (struct tree){0};
}
