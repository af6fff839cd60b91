// SPDX-License-Identifier: Apache-2.0
// fixture LEFT RIGHT COMMAND [ARG...]: runs COMMAND, a program that uses fixture.h, with LEFT/d and
// RIGHT/d full of files of every kind. After each line that it prints they are looked at: what has
// changed is printed, and undone. Ends with COMMAND's status.
#include "fixture.h"

#include <dirent.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define TIME 1000000000 /* every file's, to begin with */
#define NOW_AFTER 1500000000
#define ENTRIES (sizeof entries / sizeof entries[0])
#define ROOM 80
#define CONTENT "0123456789"

// 'd' directory, 'f' file, 'l' link to text, 'h' hard link to text, 'p' FIFO, 's' socket. A
// directory before what lies in it.
static const struct entry {
    char kind;
    const char *name;
    mode_t mode;
    const char *text;
} entries[] = {{'d', "..", 0755, NULL},
               {'d', ".", 0755, NULL},
               {'f', "file", 0644, NULL},
               {'f', "two", 0600, NULL},
               {'h', "twin", 0600, "two"},
               {'f', "suid", 06755, NULL},
               {'d', "empty", 0755, NULL},
               {'d', "full", 0755, NULL},
               {'f', "full/inner", 0640, NULL},
               {'d', "full/deep", 0700, NULL},
               {'f', "ro", 0444, NULL},
               {'f', "none", 0, NULL},
               {'d', "setgid", 02775, NULL},
               {'d', "sealed", 0555, NULL},
               {'f', "sealed/inner", 0644, NULL},
               {'l', "link", 0777, "file"},
               {'l', "dangling", 0777, "nothing"},
               {'l', "dlink", 0777, "empty"},
               {'l', "loop", 0777, "loop"},
               {'l', "deeplink", 0777, "full/inner"},
               {'l', "uplink", 0777, "../d/full"},
               {'l', "slashlink", 0777, "file/"},
               {'l', "dirslash", 0777, "empty/"},
               {'p', "fifo", 0600, NULL},
               {'s', "sock", 0600, NULL}};

struct seen {
    char name[300];
    struct statx st;
    char text[400]; /* a link's, or what a file holds, and the extended attributes */
};

static struct side {
    const char *name, *path;
    int dir; /* on its "d" */
    struct seen before[ENTRIES];
    struct seen now[ROOM];
    size_t n;
} sides[2] = {{.name = "left"}, {.name = "right"}};

static void
look_at_text(int dir, struct seen *s)
{
    char path[400];
    static char names[1024];
    size_t at = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, s->name);
    if (S_ISLNK(s->st.stx_mode)) {
        ssize_t n = readlink(path, s->text, sizeof s->text - 1);
        s->text[n < 0 ? 0 : n] = 0;
        return;
    }
    int fd = S_ISREG(s->st.stx_mode) ? openat(dir, s->name, O_RDONLY) : -1;
    if (fd >= 0) {
        ssize_t n = read(fd, s->text, 100);
        at = n < 0 ? 0 : (size_t)n;
        for (size_t i = 0; i < at; i++)
            s->text[i] = s->text[i] ? s->text[i] : '0';
        close(fd);
    }
    s->text[at] = 0;
    ssize_t size = llistxattr(path, names, sizeof names);
    for (char *name = names; name < names + size; name += strlen(name) + 1) {
        unsigned char value[8] = {0};
        ssize_t n = lgetxattr(path, name, value, sizeof value);
        at += (size_t)snprintf(s->text + at, sizeof s->text - at, " %s=%zd:%02x%02x", name, n,
                               value[0], value[1]);
    }
}

static void
look_at(struct side *side, const char *name)
{
    if (side->n == ROOM)
        fixture_die("too many names");
    struct seen *s = &side->now[side->n++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->text[0] = 0;
    // "." may have lost the permission to look anything up in it.
    if (statx(side->dir, strcmp(name, ".") ? name : "", AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH,
              STATX_BASIC_STATS, &s->st) < 0)
        fixture_die(name);
    look_at_text(side->dir, s);
    if (!S_ISDIR(s->st.stx_mode) || strcmp(name, "..") == 0)
        return;
    // It will be made as it was anyway.
    if ((s->st.stx_mode & 0500) != 0500)
        strcmp(name, ".") ? fchmodat(side->dir, name, 0700, 0) : fchmod(side->dir, 0700);
    int fd = openat(side->dir, name, O_RDONLY | O_DIRECTORY | O_NOATIME);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s%s%s", strcmp(name, ".") ? name : "",
                 strcmp(name, ".") ? "/" : "", e->d_name);
        look_at(side, path);
    }
    if (d)
        closedir(d);
}

static void
look(struct side *side)
{
    side->n = 0;
    look_at(side, ".");
    look_at(side, "..");
}

static struct seen *
find(struct seen *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static bool
same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same(const struct seen *a, const struct seen *b)
{
    const struct statx *s = &a->st, *t = &b->st;
    // A link that is followed and a file that is read are used: whoever does it.
    bool used = same_time(&s->stx_atime, &t->stx_atime) || t->stx_atime.tv_sec > NOW_AFTER;
    return s->stx_ino == t->stx_ino && s->stx_mode == t->stx_mode && s->stx_uid == t->stx_uid &&
           s->stx_gid == t->stx_gid && s->stx_size == t->stx_size && s->stx_nlink == t->stx_nlink &&
           s->stx_attributes == t->stx_attributes && same_time(&s->stx_mtime, &t->stx_mtime) &&
           used && strcmp(a->text, b->text) == 0;
}

static const char *
stamp(char *buf, size_t n, const struct statx_timestamp *t)
{
    if (t->tv_sec > NOW_AFTER)
        return "now";
    snprintf(buf, n, "%lld.%09u", (long long)t->tv_sec, t->tv_nsec);
    return buf;
}

static void
print_seen(const struct side *side, const struct seen *s, const struct seen *before)
{
    char mtime[40], atime[40];
    const struct statx *st = &s->st;
    printf("    %s ", side->name);
    for (const char *c = strlen(s->name) < 200 ? s->name : "(long)"; *c; c++)
        printf(*c > ' ' && *c < 127 ? "%c" : "\\%03o", (unsigned char)*c);
    printf("%s %o %u:%u %llu n=%u m=%s a=%s x=%llx %s\n",
           before && before->st.stx_ino == st->stx_ino ? "" : " (another)", st->stx_mode,
           st->stx_uid, st->stx_gid, (unsigned long long)st->stx_size, st->stx_nlink,
           stamp(mtime, sizeof mtime, &st->stx_mtime),
           S_ISLNK(st->stx_mode) ? "" : stamp(atime, sizeof atime, &st->stx_atime),
           (unsigned long long)st->stx_attributes & 0x70, s->text);
}

// In the order of their names: the order of a directory is nobody's promise.
static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct seen *)a)->name, ((const struct seen *)b)->name);
}

static bool
print_changes(struct side *side)
{
    bool changed = false;
    look(side);
    for (size_t i = 0; i < ENTRIES; i++) {
        struct seen *before = &side->before[i], *now = find(side->now, side->n, before->name);
        if (!now)
            printf("    %s %s is gone\n", side->name, before->name);
        changed |= !now;
    }
    qsort(side->now, side->n, sizeof side->now[0], by_name);
    for (size_t i = 0; i < side->n; i++) {
        struct seen *s = &side->now[i], *before = find(side->before, ENTRIES, s->name);
        if (before && same(before, s))
            continue;
        print_seen(side, s, before);
        changed = true;
    }
    return changed;
}

static void
remove_all(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d)
        fchmod(fd, 0700);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            remove_all(dirfd(d), e->d_name);
    if (d)
        closedir(d);
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0)
        fixture_die(name);
}

static void
create(int dir, const struct entry *e)
{
    int fd, ret;
    switch (e->kind) {
    case 'd':
        ret = mkdirat(dir, e->name, 0700);
        break;
    case 'f':
        fd = openat(dir, e->name, O_CREAT | O_WRONLY | O_EXCL, 0600);
        ret = fd < 0 ? -1 : close(fd);
        break;
    case 'l':
        ret = symlinkat(e->text, dir, e->name);
        break;
    case 'h':
        ret = linkat(dir, e->text, dir, e->name, 0);
        break;
    default:
        ret = mknodat(dir, e->name, (e->kind == 'p' ? S_IFIFO : S_IFSOCK) | 0600, 0);
    }
    if (ret < 0)
        fixture_die(e->name);
}

// What can be set again is, the rest is made anew.
static bool
is_hopeless(const struct entry *e, const struct seen *s)
{
    mode_t kind = s->st.stx_mode & S_IFMT;
    mode_t want = e->kind == 'd'                     ? S_IFDIR
                  : e->kind == 'f' || e->kind == 'h' ? S_IFREG
                  : e->kind == 'l'                   ? S_IFLNK
                  : e->kind == 'p'                   ? S_IFIFO
                                                     : S_IFSOCK;
    unsigned links = strcmp(e->name, "two") == 0 || e->kind == 'h' ? 2 : 1;
    if (kind != want)
        return true;
    return kind == S_IFLNK ? strcmp(s->text, e->text) != 0
                           : kind != S_IFDIR && s->st.stx_nlink != links;
}

static void
clear_flags(int dir, const struct entry *e)
{
    int flags, fd = e->kind == 'd' || e->kind == 'f' ? openat(dir, e->name, O_RDONLY) : -1;
    if (fd < 0)
        return;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_NODUMP_FL) {
        flags &= ~FS_NODUMP_FL;
        ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    close(fd);
}

static void
set_again(int dir, const struct entry *e)
{
    char path[400];
    const struct timespec times[2] = {{TIME, 0}, {TIME, 0}};
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, e->name);
    if (fchownat(dir, e->name, geteuid(), getegid(), AT_SYMLINK_NOFOLLOW) < 0)
        fixture_die(e->name);
    if (e->kind != 'l') {
        fchmodat(dir, e->name, 0700, 0);
        clear_flags(dir, e);
        removexattr(path, "user.b");
        removexattr(path, "user.a");
        removexattr(path, "system.posix_acl_access");
    }
    if (e->kind == 'f') {
        int fd = openat(dir, e->name, O_WRONLY | O_TRUNC);
        if (write(fd, CONTENT, 10) != 10)
            fixture_die(e->name);
        if (strcmp(e->name, "file") == 0)
            fsetxattr(fd, "user.a", "1", 1, 0);
        close(fd);
    }
    if (e->kind != 'l')
        fchmodat(dir, e->name, e->mode, 0);
    utimensat(dir, e->name, times, AT_SYMLINK_NOFOLLOW);
}

static void
restore(struct side *side)
{
    bool again[ENTRIES] = {false};
    fchmod(side->dir, 0700);
    fchmodat(side->dir, "sealed", 0700, 0);
    for (size_t i = 0; i < side->n; i++) {
        bool known = false;
        for (size_t k = 0; k < ENTRIES; k++)
            known |= strcmp(side->now[i].name, entries[k].name) == 0;
        if (!known)
            remove_all(side->dir, side->now[i].name);
    }
    for (size_t i = 0; i < ENTRIES; i++) {
        struct seen *s = find(side->now, side->n, entries[i].name);
        again[i] = !s || !same(&side->before[i], s);
        if (again[i] && entries[i].kind == 'd')
            fchmodat(side->dir, entries[i].name, 0700, AT_SYMLINK_NOFOLLOW);
        if (s && is_hopeless(&entries[i], s))
            remove_all(side->dir, s->name);
    }
    fchmodat(side->dir, "sealed", 0700, 0);
    for (size_t i = 0; i < ENTRIES; i++) {
        if (faccessat(side->dir, entries[i].name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            create(side->dir, &entries[i]);
    }
    // A directory's time is the last that may be set.
    for (size_t i = ENTRIES; i-- > 0;)
        if (again[i] || entries[i].kind == 'd')
            set_again(side->dir, &entries[i]);
    look(side);
    if (side->n != ENTRIES)
        fixture_die("the fixture");
    for (size_t i = 0; i < ENTRIES; i++) {
        struct seen *s = find(side->now, side->n, entries[i].name);
        if (!s)
            fixture_die(entries[i].name);
        side->before[i] = *s;
    }
}

static void
serve(FILE *lines, int answers)
{
    static char line[8192];
    while (fgets(line, sizeof line, lines)) {
        fputs(line, stdout);
        if (line[0] < '0' || line[0] > '9')
            continue;
        for (int i = 0; i < 2; i++)
            if (print_changes(&sides[i]))
                restore(&sides[i]);
        if (write(answers, "", 1) != 1)
            break;
    }
}

int
main(int argc, char **argv)
{
    int out[2], in[2], status = 0;
    if (argc < 4)
        return 2;
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/d", argv[1 + i]);
        if (mkdir(path, 0755) < 0 || (sides[i].dir = open(path, O_RDONLY | O_CLOEXEC)) < 0)
            fixture_die(path);
        restore(&sides[i]);
        restore(&sides[i]);
    }
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0)
        fixture_die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    serve(fdopen(out[0], "r"), in[1]);
    close(in[1]);
    waitpid(pid, &status, 0);
    printf("status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return WEXITSTATUS(status);
}
