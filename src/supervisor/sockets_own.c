// SPDX-License-Identifier: Apache-2.0
#include "sockets_own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "sockets_diag.h"
#include "util.h"

#define ANSWER_NS (3 * NS_PER_SEC)

// An inode number alone is given out again; with the time of its birth it is not.
struct identity {
    uint64_t dev, ino;
    int64_t born_s;
    uint32_t born_ns;
};

// Where a name without a file is unique: in a network namespace, among sockets of one type.
struct space {
    uint64_t netns;
    int type;
};

struct abstract_name {
    char name[108];
    size_t len;
    uint32_t socket; /* its inode */
    struct space space;
};

struct risky {
    struct identity id;
    char *path;
};

// By the environment of an approving client.
struct named {
    char *path;
    bool looked_at; /* at last */
    bool silent;    /* that takes longer than a call waits for it */
};

struct own_sockets {
    atomic_uint users;
    const struct socket_policy *policy;
    struct identity paths[NONO_SOCKETS_MAX];
    struct identity forbidden[NONO_SOCKETS_MAX];
    struct identity served[NONO_SOCKETS_MAX]; /* by a multiplexer; the sandbox may have its own */
    struct identity passed[NONO_SOCKETS_MAX]; /* looked at, and neither */
    struct abstract_name names[NONO_SOCKETS_MAX];
    uint64_t bound[NONO_SOCKETS_MAX]; /* cookies of sockets, which the kernel never gives again */
    size_t n_paths, n_names, n_bound; /* ever added; the newest are kept */
    pthread_mutex_t looking;          /* one at a time */
    uint64_t looked_at;               /* begin of the last look; under looking */
    pthread_mutex_t lock;             /* guards what follows, forbidden, served and passed */
    size_t n_forbidden, n_served, n_passed;
    struct risky *risky; /* none is taken out: their paths last as long as this */
    size_t n_risky;
    struct named *named;
    size_t n_named;
    pthread_cond_t answered; /* one of these was looked at */
    bool blind;              /* there is more than can be seen, or remembered */
};

struct own_sockets *
own_sockets_new(const struct socket_policy *p)
{
    struct own_sockets *o = xcalloc(1, sizeof *o);
    atomic_init(&o->users, 1);
    o->policy = p;
    pthread_mutex_init(&o->looking, NULL);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->answered, NULL);
    return o;
}

struct own_sockets *
own_sockets_ref(struct own_sockets *o)
{
    atomic_fetch_add(&o->users, 1);
    return o;
}

struct own_sockets *
own_sockets_unref(struct own_sockets *o)
{
    if (!o || atomic_fetch_sub(&o->users, 1) > 1)
        return NULL;
    pthread_mutex_destroy(&o->looking);
    pthread_mutex_destroy(&o->lock);
    pthread_cond_destroy(&o->answered);
    for (size_t i = 0; i < o->n_named; i++)
        free(o->named[i].path);
    free(o->named);
    for (size_t i = 0; i < o->n_risky; i++)
        free(o->risky[i].path);
    free(o->risky);
    free(o);
    return NULL;
}

static uint64_t
device_of(const struct statx *st)
{
    return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

static bool
identify(int dirfd, const char *name, int flags, struct identity *ret)
{
    struct statx st;
    if (statx(dirfd, name, flags, STATX_INO | STATX_BTIME | STATX_TYPE, &st) < 0 ||
        !(st.stx_mask & STATX_BTIME) || !S_ISSOCK(st.stx_mode))
        return false;
    *ret = (struct identity){.dev = device_of(&st),
                             .ino = st.stx_ino,
                             .born_s = st.stx_btime.tv_sec,
                             .born_ns = st.stx_btime.tv_nsec};
    return true;
}

static bool
is_among(const struct identity *rows, size_t n, const struct identity *id)
{
    for (size_t i = 0; i < n && i < NONO_SOCKETS_MAX; i++)
        if (rows[i].dev == id->dev && rows[i].ino == id->ino && rows[i].born_s == id->born_s &&
            rows[i].born_ns == id->born_ns)
            return true;
    return false;
}

bool
own_sockets_has_path(const struct own_sockets *o, int fd)
{
    struct identity id;
    return identify(fd, "", AT_EMPTY_PATH, &id) && is_among(o->paths, o->n_paths, &id);
}

// Under o->lock. True: it was not there.
static bool
add_identity(struct own_sockets *o, struct identity *rows, size_t *n, const struct identity *id)
{
    if (is_among(rows, *n, id))
        return false;
    if (*n < NONO_SOCKETS_MAX)
        rows[(*n)++] = *id;
    else
        o->blind = true;
    return true;
}

static const char *
find_risky(const struct own_sockets *o, const struct identity *id)
{
    for (size_t i = 0; i < o->n_risky; i++)
        if (is_among(&o->risky[i].id, 1, id))
            return o->risky[i].path;
    return NULL;
}

// The first ones stay: they were there before the sandbox was.
static void
remember_risky(struct own_sockets *o, const char *path)
{
    struct identity id;
    if (!identify(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &id))
        return;
    pthread_mutex_lock(&o->lock);
    if (o->n_risky < NONO_SOCKETS_MAX && !find_risky(o, &id)) {
        o->risky = xrealloc(o->risky, (o->n_risky + 1) * sizeof *o->risky);
        o->risky[o->n_risky++] = (struct risky){.id = id, .path = xstrdup(path)};
    }
    pthread_mutex_unlock(&o->lock);
}

static bool
is_risky(const struct own_sockets *o, const char *path)
{
    const char *tag, *gives;
    return socket_risk_unix(o->policy, path, &tag, &gives) == RISK_HIGH;
}

static void
forbid(struct own_sockets *o, int dirfd, const char *name, int flags)
{
    struct identity id;
    if (!identify(dirfd, name, flags, &id))
        return;
    pthread_mutex_lock(&o->lock);
    add_identity(o, o->forbidden, &o->n_forbidden, &id);
    pthread_mutex_unlock(&o->lock);
}

// --- who serves it -----------------------------------------------------------------------------

// The kernel tells 32 bits of the inode, and the device of the filesystem, which these two show
// otherwise.
static bool
is_socket_of(uint32_t inode, int fd, const struct statx *st)
{
    struct unix_diag_vfs vfs;
    struct statfs fs;
    return socket_diag_file(inode, &vfs) && vfs.udiag_vfs_ino == (uint32_t)st->stx_ino &&
           (vfs.udiag_vfs_dev == (st->stx_dev_major << 20 | st->stx_dev_minor) ||
            (fstatfs(fd, &fs) == 0 &&
             (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC)));
}

// Does the process have it? Of one whose descriptors may not be seen nothing is known
// (docs/security-model.md). *room: descriptors that may still be looked at.
static bool
is_served_by(int proc, const char *pid, int fd, const struct statx *st, size_t *room)
{
    char link[64];
    struct dirent *e;
    bool found = false;
    cleanup_free char *path = xasprintf("%s/fd", pid);
    int at = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *fds = at < 0 ? NULL : fdopendir(at);
    if (at >= 0 && !fds)
        close(at);
    while (fds && !found && *room && (e = readdir(fds))) {
        unsigned inode;
        --*room;
        ssize_t n = readlinkat(dirfd(fds), e->d_name, link, sizeof link - 1);
        link[n < 0 ? 0 : n] = 0;
        found = sscanf(link, "socket:[%u]", &inode) == 1 && is_socket_of(inode, fd, st);
    }
    if (fds)
        closedir(fds);
    return found;
}

static bool
is_served(int fd, size_t *room)
{
    struct statx st;
    struct dirent *e;
    bool found = false;
    DIR *proc = opendir("/proc");
    // Not seen is not passed.
    if (!proc || statx(fd, "", AT_EMPTY_PATH, STATX_INO, &st) < 0)
        *room = 0;
    while (!found && *room && (e = readdir(proc))) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9')
            continue;
        cleanup_free char *comm = NULL, *path = xasprintf("%s/comm", e->d_name);
        if (read_file_at(dirfd(proc), path, 64, &comm) < 0)
            continue;
        comm[strcspn(comm, "\n")] = 0;
        found = socket_is_multiplexer(comm) && is_served_by(dirfd(proc), e->d_name, fd, &st, room);
    }
    if (proc)
        closedir(proc);
    return found;
}

// Of one that passed nothing changes: whoever makes a socket makes a file of it anew.
static void
look_at_server(struct own_sockets *o, int fd, size_t *room)
{
    struct identity id;
    if (!identify(fd, "", AT_EMPTY_PATH, &id))
        return;
    pthread_mutex_lock(&o->lock);
    bool known = is_among(o->passed, o->n_passed, &id) || is_among(o->served, o->n_served, &id) ||
                 is_among(o->forbidden, o->n_forbidden, &id);
    pthread_mutex_unlock(&o->lock);
    if (known)
        return;
    bool served = is_served(fd, room);
    pthread_mutex_lock(&o->lock);
    if (served)
        add_identity(o, o->served, &o->n_served, &id);
    else if (*room && !is_among(o->passed, o->n_passed, &id))
        o->passed[o->n_passed++ % NONO_SOCKETS_MAX] = id;
    pthread_mutex_unlock(&o->lock);
}

// --- where they lie ----------------------------------------------------------------------------

// Looks at what lies in a directory, and in those directly below it that are forbidden. *room:
// entries that may still be looked at.
static void
look_into(struct own_sockets *o, const char *path, bool below, size_t *room)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    while (dir && *room && (e = readdir(dir))) {
        --*room;
        if (e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.'))
            continue;
        if (e->d_type != DT_SOCK && !(e->d_type == DT_DIR && below))
            continue;
        cleanup_free char *name = xasprintf("%s/%s", path, e->d_name);
        bool forbidden = socket_forbidden(NULL, name);
        if (!forbidden && !is_risky(o, name))
            continue;
        if (e->d_type == DT_DIR)
            look_into(o, name, false, room);
        else if (forbidden)
            forbid(o, dirfd(dir), e->d_name, AT_SYMLINK_NOFOLLOW);
        else
            remember_risky(o, name);
    }
    if (dir)
        closedir(dir);
}

// A file system that did not answer yet holds up those who connect elsewhere once, and not for
// ever: nor does it let anybody look up a socket there. One that falls silent after that is waited
// for.
// Under o->lock.
static bool
answers(struct own_sockets *o, size_t i)
{
    struct timespec end = clock_timespec(clock_mono_ns() + ANSWER_NS);
    int ret = 0;
    while (!o->named[i].looked_at && !o->named[i].silent && ret == 0)
        ret = pthread_cond_clockwait(&o->answered, &o->lock, CLOCK_MONOTONIC, &end);
    o->named[i].silent = !o->named[i].looked_at;
    return o->named[i].looked_at;
}

// The one that we run in may be anywhere.
static void
look_at_named(struct own_sockets *o)
{
    for (size_t i = 0; i < o->policy->n_named; i++)
        if (socket_named_is_forbidden(&o->policy->named[i]))
            forbid(o, AT_FDCWD, o->policy->named[i].path, AT_SYMLINK_NOFOLLOW);
        else
            remember_risky(o, o->policy->named[i].path);
    for (size_t i = 0;; i++) {
        cleanup_free char *path = NULL;
        pthread_mutex_lock(&o->lock);
        bool end = i >= o->n_named;
        if (!end && answers(o, i))
            path = xstrdup(o->named[i].path);
        pthread_mutex_unlock(&o->lock);
        if (end)
            return;
        if (path)
            forbid(o, AT_FDCWD, path, 0);
    }
}

bool
own_sockets_add_named(struct own_sockets *o, const struct socket_named *n)
{
    bool known = !socket_named_is_forbidden(n);
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->n_named && !known; i++)
        known = strcmp(o->named[i].path, n->path) == 0;
    if (!known && o->n_named == NONO_SOCKETS_MAX)
        o->blind = known = true;
    if (!known) {
        o->named = xrealloc(o->named, (o->n_named + 1) * sizeof *o->named);
        o->named[o->n_named++] = (struct named){.path = xstrdup(n->path)};
    }
    pthread_mutex_unlock(&o->lock);
    return !known;
}

bool
own_sockets_look_at(struct own_sockets *o, const char *path)
{
    struct identity id;
    bool found = identify(AT_FDCWD, path, 0, &id);
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->n_named; i++)
        if (strcmp(o->named[i].path, path) == 0)
            o->named[i].looked_at = true;
    pthread_cond_broadcast(&o->answered);
    if (found)
        add_identity(o, o->forbidden, &o->n_forbidden, &id);
    bool late = found && is_among(o->passed, o->n_passed, &id);
    pthread_mutex_unlock(&o->lock);
    return late;
}

void
own_sockets_look_around(struct own_sockets *o, int fd)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *tmux = getenv("TMUX_TMPDIR");
    const char *const dirs[] = {"/tmp", "/run/screen", "/run/screens", tmux, runtime};
    size_t room = NONO_NAMES_MAX;
    uint64_t now = clock_mono_ns();
    pthread_mutex_lock(&o->looking);
    // One that began since we came has seen all that we would.
    if (o->looked_at <= now) {
        o->looked_at = clock_mono_ns();
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
            if (dirs[i] && dirs[i][0] == '/')
                look_into(o, dirs[i], true, &room);
        look_at_named(o);
    }
    pthread_mutex_unlock(&o->looking);
    if (fd >= 0)
        look_at_server(o, fd, &room);
    if (room)
        return;
    pthread_mutex_lock(&o->lock);
    o->blind = true;
    pthread_mutex_unlock(&o->lock);
}

const char *
own_sockets_judge(struct own_sockets *o, int fd, const char *path, struct socket_verdict *v)
{
    struct identity id;
    if (!identify(fd, "", AT_EMPTY_PATH, &id))
        return NULL;
    pthread_mutex_lock(&o->lock);
    const char *known = is_risky(o, path) ? NULL : find_risky(o, &id);
    bool forbidden = is_among(o->forbidden, o->n_forbidden, &id) ||
                     ((o->blind || is_among(o->served, o->n_served, &id)) &&
                      !is_among(o->paths, o->n_paths, &id));
    pthread_mutex_unlock(&o->lock);
    // A rule for a place does not speak of what was moved there.
    if (known && v->answer == SOCKET_ALLOW && v->nearest)
        *v = (struct socket_verdict){.answer = SOCKET_ASK,
                                     .reason = REASON_UNIX_SOCKET_DENIED,
                                     .text = "a service of high risk has this name by now"};
    if (forbidden)
        *v = (struct socket_verdict){.answer = SOCKET_DENY,
                                     .reason = REASON_UNIX_SOCKET_DENIED,
                                     .category = NET_CATEGORY_UNIX_SOCKET_DENIED,
                                     .text = "a terminal multiplexer's or a display's socket",
                                     .fixed = true};
    return known;
}

// --- names without a file ----------------------------------------------------------------------

static size_t
abstract_name(int fd, char name[108])
{
    struct sockaddr_un un;
    socklen_t len = sizeof un;
    const size_t head = offsetof(struct sockaddr_un, sun_path) + 1;
    if (getsockname(fd, (struct sockaddr *)&un, &len) < 0 || len <= head || un.sun_path[0])
        return 0;
    memcpy(name, un.sun_path + 1, len - head);
    return len - head;
}

static bool
space_of(int fd, struct space *ret)
{
    *ret = (struct space){0};
    socklen_t type_len = sizeof ret->type, netns_len = sizeof ret->netns;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &ret->type, &type_len) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &ret->netns, &netns_len) == 0;
}

void
own_sockets_add_abstract(struct own_sockets *o, int fd)
{
    struct stat st;
    struct abstract_name row = {0};
    row.len = abstract_name(fd, row.name);
    if (row.len == 0 || fstat(fd, &st) < 0 || !space_of(fd, &row.space))
        return;
    row.socket = (uint32_t)st.st_ino;
    o->names[o->n_names++ % NONO_SOCKETS_MAX] = row;
}

// Names are unique in their space: while the socket that a task bound has the name, nobody else
// does.
static bool
still_bound(const struct abstract_name *row)
{
    return socket_diag_has_abstract(row->socket, row->name, row->len);
}

bool
own_sockets_has_abstract(struct own_sockets *o, int fd, const char *name, size_t len)
{
    struct space space;
    if (!space_of(fd, &space))
        return false;
    for (size_t i = 0; i < o->n_names && i < NONO_SOCKETS_MAX; i++)
        if (o->names[i].len == len && memcmp(o->names[i].name, name, len) == 0 &&
            o->names[i].space.netns == space.netns && o->names[i].space.type == space.type &&
            still_bound(&o->names[i]))
            return true;
    return false;
}

// --- names with a file -------------------------------------------------------------------------

// Is id, found in that directory, what socket fd is bound to? A task may have put another socket
// there since; the kernel tells 32 bits of the inode.
static bool
is_bound_to(int fd, int directory, const struct identity *id)
{
    struct statx dir;
    struct unix_diag_vfs vfs;
    if (statx(directory, "", AT_EMPTY_PATH, STATX_INO, &dir) < 0 || !socket_diag_file_of(fd, &vfs))
        return false;
    return id->ino == vfs.udiag_vfs_ino && id->dev == device_of(&dir);
}

void
own_sockets_add_path(struct own_sockets *o, int fd, const struct resolved *place)
{
    struct identity id;
    if (identify(place->fd, place->leaf, AT_SYMLINK_NOFOLLOW, &id) &&
        is_bound_to(fd, place->fd, &id))
        o->paths[o->n_paths++ % NONO_SOCKETS_MAX] = id;
}

// --- ports -------------------------------------------------------------------------------------

static uint64_t
cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

void
own_sockets_add_bound(struct own_sockets *o, int fd)
{
    uint64_t cookie = cookie_of(fd);
    if (cookie)
        o->bound[o->n_bound++ % NONO_SOCKETS_MAX] = cookie;
}

bool
own_sockets_has_bound(const struct own_sockets *o, int fd)
{
    uint64_t cookie = cookie_of(fd);
    for (size_t i = 0; cookie && i < o->n_bound && i < NONO_SOCKETS_MAX; i++)
        if (o->bound[i] == cookie)
            return true;
    return false;
}
