// SPDX-License-Identifier: Apache-2.0
#include "landlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "bounds.h"
#include "display.h"
#include "kernel.h"
#include "mounts.h"
#include "util.h"

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE_RIGHTS (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
// MAKE_CHAR and MAKE_BLOCK are in no rule: device nodes are never made.
#define WRITE_RIGHTS                                                                               \
    (WRITE_FILE_RIGHTS | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |          \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define FILE_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_READ_FILE | WRITE_FILE_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE |               \
     LANDLOCK_ACCESS_FS_IOCTL_DEV)
#define DEVICE_NODE_RIGHTS (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

int
landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static uint64_t
handled_rights(int abi)
{
    uint64_t rights = READ_RIGHTS | WRITE_RIGHTS | DEVICE_NODE_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE |
                      LANDLOCK_ACCESS_FS_IOCTL_DEV;
    if (abi < 2)
        rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
    if (abi < 3)
        rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
    if (abi < 5)
        rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return rights;
}

static uint64_t
rights_of(const struct capability *c)
{
    uint64_t rights = 0;
    if (c->access & ACCESS_READ)
        rights |= c->verified ? LANDLOCK_ACCESS_FS_READ_DIR : READ_RIGHTS;
    if (c->access & ACCESS_WRITE)
        rights |= WRITE_RIGHTS;
    if (c->exec)
        rights |= LANDLOCK_ACCESS_FS_EXECUTE;
    if (c->device)
        rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return rights;
}

// Adds one rule for what dirfd and name hold. What vanished meanwhile, can't be opened, or is
// another name of what is refused, gets none.
static int
floor_add(struct floor *f, const struct capability_set *s, const struct capability *c, int dirfd,
          const char *name, char *path)
{
    struct stat st;
    cleanup_free char *owned = path;
    if (f->n >= NONO_FLOOR_RULES_MAX)
        return 0;
    cleanup_fd int fd = openat(dirfd, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0 || denials_refuse_object(&s->denials, st.st_dev, st.st_ino))
        return 0;
    uint64_t rights = rights_of(c) & handled_rights(f->abi);
    if (!S_ISDIR(st.st_mode))
        rights &= FILE_RIGHTS;
    struct landlock_path_beneath_attr attr = {.allowed_access = rights, .parent_fd = fd};
    if (rights && !S_ISLNK(st.st_mode) &&
        syscall(SYS_landlock_add_rule, f->ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
        return errno == EBADFD ? 0 : -errno;
    f->rules = xrealloc(f->rules, (f->n + 1) * sizeof *f->rules);
    unsigned access = c->verified ? c->access & ~(unsigned)ACCESS_READ : c->access;
    f->rules[f->n++] = (struct floor_rule){
        .path = steal_pointer(&owned), .access = access, .dev = st.st_dev, .ino = st.st_ino};
    return 0;
}

// Carves: rules for what lies in a directory on the way to something refused, none for itself.
static int
floor_carve(struct floor *f, const struct capability_set *s, const struct capability *c,
            const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    int ret = 0;
    struct dirent *e;
    while (ret == 0 && (e = readdir(dir))) {
        bool anywhere;
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        char *child = xasprintf("%s/%s", strcmp(path, "/") ? path : "", e->d_name);
        enum denial_place place = denials_place(&s->denials, child, &anywhere);
        bool is_dir =
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode);
        if (place == PLACE_FREE || (place == PLACE_ABOVE && !is_dir)) {
            ret = floor_add(f, s, c, dirfd(dir), e->d_name, child);
            continue;
        }
        // Where a refused name may appear at any depth, no directory can have a rule.
        if (place == PLACE_ABOVE && !anywhere)
            ret = floor_carve(f, s, c, child);
        free(child);
    }
    closedir(dir);
    return ret;
}

static int
floor_add_capability(struct floor *f, const struct capability_set *s, const struct capability *c)
{
    bool anywhere;
    if (capability_is_own(c))
        return 0;
    switch (denials_place(&s->denials, c->path, &anywhere)) {
    case PLACE_FREE:
        return floor_add(f, s, c, AT_FDCWD, c->path, xstrdup(c->path));
    case PLACE_ABOVE:
        return anywhere ? 0 : floor_carve(f, s, c, c->path);
    case PLACE_REFUSED:
        break;
    }
    return 0;
}

// The number of a refused object must not become another's while the session lasts, so that what
// is refused by it is that object: it is held.
static void
floor_hold(struct floor *f, const struct denials *d)
{
    for (size_t i = 0; i < d->n && f->n_held < NONO_HELD_MAX; i++) {
        struct stat st;
        const struct denial *row = &d->rows[i];
        cleanup_fd int fd = row->ino ? open(row->path, O_PATH | O_CLOEXEC | O_NOFOLLOW) : -1;
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != row->dev || st.st_ino != row->ino)
            continue;
        f->held = xrealloc(f->held, (f->n_held + 1) * sizeof *f->held);
        f->held[f->n_held++] = steal_fd(&fd);
    }
}

static int
rule_compare(const void *a, const void *b)
{
    return strcmp(((const struct floor_rule *)a)->path, ((const struct floor_rule *)b)->path);
}

static bool
add_port(int ruleset, uint64_t access, uint16_t port)
{
    struct nono_landlock_net_port_attr attr = {.allowed_access = access, .port = port};
    return syscall(SYS_landlock_add_rule, ruleset, NONO_LANDLOCK_RULE_NET_PORT, &attr, 0) == 0;
}

// Which TCP ports the sandbox may use at all, where that is known at the start: nobody is asked.
static uint64_t
static_net_rights(const struct socket_policy *p)
{
    uint64_t rights = NONO_LANDLOCK_NET_BIND_TCP | NONO_LANDLOCK_NET_CONNECT_TCP;
    size_t ports = 0;
    if (!p || (p->net != SOCKETS_BLOCK && !p->proxy_port))
        return 0;
    for (size_t i = 0; i < p->n_hosts && !p->proxy_port; i++)
        if (p->hosts[i].port == 0)
            rights &= ~(uint64_t)NONO_LANDLOCK_NET_CONNECT_TCP;
    for (size_t i = 0; i < p->n_ports; i++)
        ports += (size_t)(p->ports[i].to - p->ports[i].from) + 1;
    return ports > NONO_FLOOR_RULES_MAX / 4 ? rights & ~(uint64_t)NONO_LANDLOCK_NET_BIND_TCP
                                            : rights;
}

static bool
floor_add_ports(int ruleset, const struct socket_policy *p, uint64_t rights)
{
    bool good = true;
    if (rights & NONO_LANDLOCK_NET_CONNECT_TCP && p->proxy_port)
        good = add_port(ruleset, NONO_LANDLOCK_NET_CONNECT_TCP, p->proxy_port);
    else if (rights & NONO_LANDLOCK_NET_CONNECT_TCP)
        for (size_t i = 0; i < p->n_hosts; i++)
            good &= add_port(ruleset, NONO_LANDLOCK_NET_CONNECT_TCP, p->hosts[i].port);
    if (rights & NONO_LANDLOCK_NET_BIND_TCP)
        for (size_t i = 0; i < p->n_ports; i++)
            for (unsigned port = p->ports[i].from; port <= p->ports[i].to; port++)
                good &= add_port(ruleset, NONO_LANDLOCK_NET_BIND_TCP, (uint16_t)port);
    return good;
}

int
floor_build(const struct capability_set *s, const struct socket_policy *sockets, bool without,
            struct floor *ret_f, struct err *err)
{
    struct floor f = {.abi = without ? 0 : landlock_abi(), .ruleset_fd = -1};
    if (without) {
        floor_hold(&f, &s->denials);
        *ret_f = f;
        return 0;
    }
    if (f.abi == 0)
        return err_set(err, -EOPNOTSUPP,
                       "this kernel has no Landlock, the floor of the sandbox "
                       "(see nono doctor; --without-landlock starts without it)");
    struct nono_landlock_ruleset_attr attr = {.handled_access_fs = handled_rights(f.abi)};
    attr.handled_access_net = f.abi >= 4 ? static_net_rights(sockets) : 0;
    size_t size = f.abi >= 4 ? 16 : 8;
    if (f.abi >= 6) {
        attr.scoped = NONO_LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | NONO_LANDLOCK_SCOPE_SIGNAL;
        size = sizeof attr;
    }
    f.ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (f.ruleset_fd < 0)
        return err_set(err, -errno, "landlock_create_ruleset: %s", strerror(errno));
    if (!floor_add_ports(f.ruleset_fd, sockets, attr.handled_access_net)) {
        int error = errno;
        floor_done(&f);
        return err_set(err, -error, "landlock rule for a port: %s", strerror(error));
    }
    for (size_t i = 0; i < s->n; i++) {
        int ret = floor_add_capability(&f, s, &s->caps[i]);
        if (ret < 0) {
            cleanup_free char *shown = display_str(s->caps[i].path, DISPLAY_QUOTE);
            floor_done(&f);
            return err_set(err, ret, "landlock rule for %s: %s", shown, strerror(-ret));
        }
    }
    floor_hold(&f, &s->denials);
    if (f.n)
        qsort(f.rules, f.n, sizeof *f.rules, rule_compare);
    *ret_f = f;
    return 0;
}

void
floor_done(struct floor *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->rules[i].path);
    free(f->rules);
    for (size_t i = 0; i < f->n_held; i++)
        close(f->held[i]);
    free(f->held);
    close_fd(&f->ruleset_fd);
    *f = (struct floor){.ruleset_fd = -1};
}

int
floor_enforce(const struct floor *f)
{
    if (f->ruleset_fd < 0)
        return 0;
    return syscall(SYS_landlock_restrict_self, f->ruleset_fd, 0) < 0 ? -errno : 0;
}

// What the rules for exactly this path give to the object that dev and ino name.
static unsigned
rules_give(const struct floor *f, char *path, uint64_t dev, uint64_t ino)
{
    unsigned given = 0;
    struct floor_rule key = {.path = path};
    const struct floor_rule *r = bsearch(&key, f->rules, f->n, sizeof *r, rule_compare);
    while (r && r > f->rules && strcmp(r[-1].path, path) == 0)
        r--;
    for (; r && r < f->rules + f->n && strcmp(r->path, path) == 0; r++)
        if (r->dev == dev && r->ino == ino)
            given |= r->access;
    return given;
}

static unsigned
rules_give_below(const struct floor *f, char *dir)
{
    struct stat st;
    struct floor_rule key = {.path = dir};
    if (!bsearch(&key, f->rules, f->n, sizeof key, rule_compare))
        return 0;
    // The name may be another directory's by now, one without a rule.
    cleanup_fd int fd =
        sys_openat2(AT_FDCWD, dir, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, RESOLVE_CACHED);
    if (fd < 0 || mount_stat(fd, &st) < 0)
        return 0;
    return rules_give(f, dir, st.st_dev, st.st_ino);
}

bool
floor_covers(const struct floor *f, const char *path, uint64_t dev, uint64_t ino, unsigned access)
{
    if (f->n == 0)
        return access == 0;
    cleanup_free char *at = xstrdup(path);
    unsigned given = ino ? rules_give(f, at, dev, ino) : 0;
    for (char *slash; access & ~given && at[1] && (slash = strrchr(at, '/'));) {
        slash[slash == at] = 0;
        given |= rules_give_below(f, at);
    }
    return (access & ~given) == 0;
}

int
landlock_enter_domain(void)
{
    struct nono_landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK};
    cleanup_fd int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    if (ruleset < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return -errno;
    return 0;
}
