// SPDX-License-Identifier: Apache-2.0
#include "asker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "clock.h"
#include "exec.h"
#include "kernel.h"
#include "mounts.h"
#include "resolve.h"
#include "util.h"

struct asker_job {
    struct job job;
    struct asker_job *next; /* in the supervisor's list */
    uint64_t started_ns;
    int fd;                  /* the program; owned */
    struct file_state state; /* of it */
    bool found;
    uint8_t sha256[SHA256_LEN];
    uint64_t *requests; /* that wait for it; owned */
    size_t n, room;
};

// Is what has this path on a file system that answers? A program that runs is in the dentry cache
// with all that is above it; what is not there has lost its name, or was asked for just now.
static bool
is_local_path(const char *path)
{
    cleanup_free char *place = xstrdup(path);
    for (;;) {
        cleanup_fd int fd = sys_openat2(AT_FDCWD, place, O_PATH | O_CLOEXEC, 0, RESOLVE_CACHED);
        char *slash = strrchr(place, '/');
        if (fd >= 0)
            return resolve_is_local(fd);
        if (errno != EAGAIN && errno != ENOENT)
            return false;
        if (slash == place)
            return false;
        *slash = 0;
    }
}

// The program that the task runs, O_PATH; path: as the kernel tells it. -errno, and -EAGAIN for one
// on a file system that might not answer.
static int
hold_program(pid_t tid, const char *path, struct stat *ret_st)
{
    char link[64];
    // The link itself asks a remote file system whether it is still there.
    if (!is_local_path(path))
        return -EAGAIN;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)tid);
    cleanup_fd int fd = open(link, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (!resolve_is_local(fd))
        return -EAGAIN;
    int ret = mount_stat(fd, ret_st);
    return ret < 0 ? ret : steal_fd(&fd);
}

void
asker_known(struct request *q)
{
    struct stat st;
    _Static_assert(sizeof q->exe_state > SHA256_LEN, "the digest has room in it");
    // That of a copy was found with its name, and tells it from another copy of that name.
    if (q->has_exe_sha256 && !q->exe_state.ino)
        memcpy(&q->exe_state, q->exe_sha256, SHA256_LEN);
    if (q->has_exe_sha256 || q->exe[0] != '/')
        return;
    cleanup_fd int fd = hold_program(q->tid, q->exe, &st);
    if (fd < 0)
        return;
    q->exe_state = file_state_of(&st);
    q->has_exe_sha256 = exec_digest_known(&st, q->exe_sha256);
}

// --- finding out, in a worker ------------------------------------------------------------------

static void
asker_run(struct job *job)
{
    struct asker_job *j = (struct asker_job *)job;
    struct stat st;
    j->found = exec_digest(j->fd, false, &st, j->sha256) == 0 && file_state_is(&j->state, &st);
}

static void
asker_drop(struct job *job)
{
    struct asker_job *j = (struct asker_job *)job;
    close_fd(&j->fd);
    free(j->requests);
    free(j);
}

static void
asker_done(struct job *job, void *ctx)
{
    struct asker_job *j = (struct asker_job *)job;
    struct supervisor *s = ctx;
    struct asker_job **link = &s->askers;
    while (*link != j)
        link = &(*link)->next;
    *link = j->next;
    s->n_askers--;
    for (size_t i = 0; i < j->n; i++) {
        // I5: no question without its facts in the record.
        core_wait_for_room(s);
        uint64_t now = clock_mono_ns();
        core_look_at(s, j->requests[i], now);
        broker_ask(&s->broker, j->requests[i], j->found ? j->sha256 : NULL, now);
    }
    asker_drop(job);
}

static struct asker_job *
find_job(const struct supervisor *s, const struct request *q)
{
    struct asker_job *j = s->askers;
    while (j && !file_state_same(&j->state, &q->exe_state))
        j = j->next;
    return j;
}

// NULL: its digest cannot be found out.
static struct asker_job *
start_job(struct supervisor *s, const struct request *q, uint64_t now)
{
    struct stat st;
    if (s->n_askers >= NONO_ASKERS_MAX)
        return NULL;
    cleanup_fd int fd = hold_program(q->tid, q->exe, &st);
    // It must be what was known to be the asker's.
    if (fd < 0 || !file_state_is(&q->exe_state, &st) || !S_ISREG(st.st_mode) ||
        st.st_size > NONO_ASKER_MAX)
        return NULL;
    struct asker_job *j = xcalloc(1, sizeof *j);
    *j = (struct asker_job){
        .job = {.run = asker_run, .done = asker_done, .drop = asker_drop},
        .next = s->askers,
        .started_ns = now,
        .fd = steal_fd(&fd),
        .state = q->exe_state,
    };
    if (worker_submit(s->workers, &j->job) < 0) {
        asker_drop(&j->job);
        return NULL;
    }
    s->askers = j;
    s->n_askers++;
    return j;
}

static void
add_request(struct asker_job *j, uint64_t id)
{
    if (j->n == j->room) {
        j->room = j->room ? j->room * 2 : 4;
        j->requests = xrealloc(j->requests, j->room * sizeof *j->requests);
    }
    j->requests[j->n++] = id;
}

void
asker_submit(struct supervisor *s, struct call *copy, struct request *q, struct held *object)
{
    struct asker_job *j = NULL;
    uint64_t now = clock_mono_ns();
    core_look_after(s);
    if (!q->has_exe_sha256 && q->exe_state.ino) {
        j = find_job(s, q);
        if (!j)
            j = start_job(s, q, now);
        // What was not done in time keeps nobody else waiting.
        if (j && (j->n >= NONO_ASKER_REQUESTS_MAX || now - j->started_ns >= NONO_UNASKED_NS))
            j = NULL;
    }
    if (!j) {
        broker_submit(&s->broker, q, object, copy->id, copy->tid, now, copy);
        return;
    }
    uint64_t id = broker_hold(&s->broker, q, object, copy->id, copy->tid, now, copy);
    if (id)
        add_request(j, id);
}
