// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "util.h"

#define WALK_MAX (1 << 20)         /* processes of one walk: it may not chase new ones for ever */
#define STOP_WALKS 4               /* that find nothing running any more */
#define STOP_NS (1000 * NS_PER_MS) /* how long tree_stop() looks for what still runs */

// The processes below one, each behind its parent.
struct walk {
    pid_t root;
    pid_t *pids;
    size_t n, room;
    pid_t spare;
    struct tree *tree; /* what is found is stopped before its children are looked for */
    bool found;        /* something ran */
};

enum task_state { TASK_GONE, TASK_STOPPED, TASK_DEAF, TASK_RUNS };

static void stop_one(struct walk *w, pid_t pid);

static void
walk_add(struct walk *w, pid_t pid)
{
    if (w->n == w->room) {
        w->room = w->room ? w->room * 2 : 64;
        w->pids = xrealloc(w->pids, w->room * sizeof *w->pids);
    }
    w->pids[w->n++] = pid;
}

static void
walk_children(struct walk *w, const char *list)
{
    char *end;
    for (const char *p = list; *p && w->n < WALK_MAX; p = end) {
        pid_t child = (pid_t)strtol(p, &end, 10);
        if (end == p)
            break;
        if (child != w->spare && w->tree)
            stop_one(w, child);
        walk_add(w, child);
    }
}

static DIR *
open_threads(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    return opendir(path);
}

// The file of a thread, or of the next one; NULL at the end. The caller frees it.
static char *
next_thread(DIR *threads, const char *file)
{
    for (const struct dirent *e; threads && (e = readdir(threads));) {
        char path[sizeof e->d_name + 16];
        char *text;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", e->d_name, file);
        if (read_file_at(dirfd(threads), path, 1 << 20, &text) >= 0)
            return text;
    }
    return NULL;
}

// A child belongs to the thread that made it. Without recursion: the sandbox says how deep it is.
static void
walk_all(struct walk *w)
{
    w->n = 0;
    w->found = false;
    walk_add(w, w->root);
    for (size_t i = 0; i < w->n; i++) {
        DIR *threads = open_threads(w->pids[i]);
        for (char *list; (list = next_thread(threads, "children")); free(list))
            walk_children(w, list);
        if (threads)
            closedir(threads);
    }
}

static enum task_state
state_of_thread(const char *stat)
{
    const char *p = strrchr(stat, ')');
    switch (p && p[1] == ' ' ? p[2] : 0) {
    case 'T':
    case 't':
        return TASK_STOPPED;
    case 'D': // it waits for us, or for a disk, and stops before it does anything else
        return TASK_DEAF;
    case 'Z':
    case 'X':
    case 0:
        return TASK_GONE;
    default:
        return TASK_RUNS;
    }
}

// Of all of its threads: the first one may have ended before the others.
static enum task_state
state_of(pid_t pid)
{
    enum task_state state = TASK_GONE;
    DIR *threads = open_threads(pid);
    for (char *stat; (stat = next_thread(threads, "stat")); free(stat))
        if (state_of_thread(stat) > state)
            state = state_of_thread(stat);
    if (threads)
        closedir(threads);
    return state;
}

bool
tree_is_stopped(pid_t pid)
{
    return state_of(pid) == TASK_STOPPED;
}

size_t
tree_list(pid_t root, pid_t **ret_pids)
{
    struct walk w = {.root = root};
    walk_all(&w);
    *ret_pids = w.pids;
    return w.n;
}

void
tree_kill(pid_t spare)
{
    struct walk w = {.root = getpid()};
    walk_all(&w);
    // Children first; the first one is this process.
    for (size_t i = w.n; --i > 0;)
        if (w.pids[i] != spare)
            kill(w.pids[i], SIGKILL);
    free(w.pids);
}

static bool
is_known(const struct tree *t, const struct tree_task *task)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->tasks[i].pid == task->pid && t->tasks[i].start_time == task->start_time)
            return true;
    return false;
}

static void
stop_one(struct walk *w, pid_t pid)
{
    struct tree *t = w->tree;
    struct tree_task task = {.pid = pid};
    if (proc_start_time(pid, &task.start_time) < 0)
        return;
    bool known = is_known(t, &task);
    enum task_state state = state_of(pid);
    // One that was told to stop may be in the middle of a fork, whose child was not told.
    if (state <= (known ? TASK_DEAF : TASK_STOPPED) || kill(pid, SIGSTOP) < 0)
        return;
    w->found = true;
    if (known)
        return;
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->tasks = xrealloc(t->tasks, t->room * sizeof *t->tasks);
    }
    t->tasks[t->n++] = task;
}

void
tree_stop(struct tree *t, pid_t spare)
{
    struct walk w = {.root = getpid(), .spare = spare, .tree = t};
    uint64_t end = clock_mono_ns() + STOP_NS;
    // One that moves up to us while the walk goes down is missed, by one walk hardly by all.
    for (unsigned clean = 0; clean < STOP_WALKS && clock_mono_ns() < end;) {
        walk_all(&w);
        clean = w.found ? 0 : clean + 1;
        sched_yield();
    }
    free(w.pids);
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
