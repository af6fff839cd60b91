// SPDX-License-Identifier: Apache-2.0
// fileops_fds LEFT RIGHT: prints what calls by descriptor give for every kind of descriptor,
// and links of procfs to them. Run bare and supervised the texts must be the same (I9).
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <utime.h>

#include "fixture.h"

#define FD (-1001)
#define P(pointer) ((long)(uintptr_t)(pointer))

static const struct timespec stamps[2] = {{1111111111, 5}, {1222222222, 7}};
static const struct {
    uint64_t value;
    uint32_t size, flags;
} xattr_set = {(uintptr_t) "xyz", 3, 0};
static const struct {
    uint64_t xflags;
    uint32_t extsize, nextents, projid, cowextsize;
} nodump = {.xflags = 0x80};

static const struct row {
    const char *name;
    int nr;
    long args[6];
} rows[] = {
    {"fchmod", SYS_fchmod, {FD, 04711}},
    {"fchmod, garbage above", SYS_fchmod, {FD, 0640 | 0x7000000000l}},
    {"fchown", SYS_fchown, {FD, 12345, 54321}},
    {"fchown same", SYS_fchown, {FD, -1, -1}},
    {"fsetxattr", SYS_fsetxattr, {FD, P("user.b"), P("xyz"), 3, 0}},
    {"fsetxattr create", SYS_fsetxattr, {FD, P("user.a"), P("xyz"), 3, XATTR_CREATE}},
    {"fsetxattr, name nowhere", SYS_fsetxattr, {FD, 8, P("xyz"), 3, 0}},
    {"fsetxattr, value nowhere", SYS_fsetxattr, {FD, P("user.b"), 8, 3, 0}},
    {"fsetxattr, bad flags", SYS_fsetxattr, {FD, P("user.b"), P("xyz"), 3, 8}},
    {"fsetxattr, trusted", SYS_fsetxattr, {FD, P("trusted.b"), P("xyz"), 3, 0}},
    {"fremovexattr", SYS_fremovexattr, {FD, P("user.a")}},
    {"fremovexattr, no such", SYS_fremovexattr, {FD, P("user.b")}},
    {"ftruncate", SYS_ftruncate, {FD, 5}},
    {"utimensat", SYS_utimensat, {FD, 0, P(stamps), 0}},
    {"utimensat now", SYS_utimensat, {FD, 0, 0, 0}},
    {"utimensat empty", SYS_utimensat, {FD, P(""), P(stamps), AT_EMPTY_PATH}},
    {"utimensat nofollow", SYS_utimensat, {FD, 0, P(stamps), AT_SYMLINK_NOFOLLOW}},
#ifdef SYS_futimesat
    {"futimesat", SYS_futimesat, {FD, 0, 0}},
#endif
    {"fchmodat2 empty", NR_fchmodat2, {FD, P(""), 0600, AT_EMPTY_PATH}},
    {"fchmodat2 NULL", NR_fchmodat2, {FD, 0, 0600, AT_EMPTY_PATH}},
    {"fchownat empty", SYS_fchownat, {FD, P(""), -1, -1, AT_EMPTY_PATH}},
    {"fchownat NULL", SYS_fchownat, {FD, 0, -1, -1, AT_EMPTY_PATH}},
    {"fchownat empty, other", SYS_fchownat, {FD, P(""), 12345, -1, AT_EMPTY_PATH}},
    {"setxattrat empty", NR_setxattrat, {FD, P(""), AT_EMPTY_PATH, P("user.b"), P(&xattr_set), 16}},
    {"setxattrat NULL", NR_setxattrat, {FD, 0, AT_EMPTY_PATH, P("user.b"), P(&xattr_set), 16}},
    {"removexattrat empty", NR_removexattrat, {FD, P(""), AT_EMPTY_PATH, P("user.a")}},
    {"file_setattr empty", NR_file_setattr, {FD, P(""), P(&nodump), sizeof nodump, AT_EMPTY_PATH}},
    {"unlinkat empty", SYS_unlinkat, {FD, P(""), 0}},
    {"linkat empty", SYS_linkat, {FD, P(""), AT_FDCWD, P("new"), AT_EMPTY_PATH}},
};

// Each is made anew for each call, at number 50 where nothing else is.
static int
make_fd(const char *kind)
{
    int pair[2] = {-1, -1}, fd = -1;
    if (strcmp(kind, "read") == 0)
        fd = open("file", O_RDONLY);
    else if (strcmp(kind, "write") == 0)
        fd = open("suid", O_WRONLY);
    else if (strcmp(kind, "path") == 0)
        fd = open("file", O_PATH);
    else if (strcmp(kind, "link") == 0)
        fd = open("link", O_PATH | O_NOFOLLOW);
    else if (strcmp(kind, "directory") == 0)
        fd = open("full", O_RDONLY | O_DIRECTORY);
    else if (strcmp(kind, "directory path") == 0)
        fd = open("empty", O_PATH);
    else if (strcmp(kind, "fifo") == 0)
        fd = open("fifo", O_RDONLY | O_NONBLOCK);
    else if (strcmp(kind, "socket file") == 0)
        fd = open("sock", O_PATH);
    else if (strcmp(kind, "removed") == 0 && (fd = open("twin", O_RDWR)) >= 0)
        unlink("twin"), unlink("two");
    else if (strcmp(kind, "nameless") == 0)
        fd = open(".", O_TMPFILE | O_RDWR, 0600);
    else if (strcmp(kind, "memory") == 0)
        fd = memfd_create("memory", 0);
    else if (strcmp(kind, "pipe") == 0 && pipe(pair) == 0)
        fd = pair[0];
    else if (strcmp(kind, "socket") == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
        fd = pair[0];
    else if (strcmp(kind, "null") == 0)
        fd = open("/dev/null", O_RDWR);
    if (fd < 0)
        return strcmp(kind, "-1") == 0 ? -1 : strcmp(kind, "here") == 0 ? AT_FDCWD : 777;
    dup2(fd, 50);
    close(fd);
    close(pair[1]);
    return 50;
}

static void
descriptors(void)
{
    static const char *const kinds[] = {
        "read",   "write",       "path",    "link",     "directory",    "directory path",
        "fifo",   "socket file", "removed", "nameless", "memory",       "pipe",
        "socket", "null",        "-1",      "here",     "nothing there"};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
            // Root must not change what is everybody's.
            if (geteuid() == 0 && strcmp(kinds[k], "null") == 0)
                continue;
            int fd = make_fd(kinds[k]);
            long a[6];
            struct stat st = {0};
            for (int i = 0; i < 6; i++)
                a[i] = rows[r].args[i] == FD ? fd : rows[r].args[i];
            long result = syscall(rows[r].nr, a[0], a[1], a[2], a[3], a[4], a[5]);
            int error = errno;
            if (fd == 50 && fstat(fd, &st) == 0)
                // A socket's times are what its memory held before.
                printf("+ %o %ld m=%d\n", st.st_mode, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size,
                       st.st_mtim.tv_sec == 1222222222 && !S_ISSOCK(st.st_mode));
            close(50);
            errno = error;
            fixture_show(result, "%s by %s", rows[r].name, kinds[k]);
        }
    }
}

// The same objects by their names in procfs, which mean the task's own.
static void
magic(void)
{
    static const char *const kinds[] = {"read",   "path", "link",   "directory",    "removed",
                                        "memory", "pipe", "socket", "nothing there"};
    static const char *const forms[] = {"/proc/self/fd/50",         "/dev/fd/50",
                                        "/proc/thread-self/fd/50",  "/proc/self/../self/fd/50",
                                        "/proc/self/fd/50/../file", "/proc/self/cwd/file",
                                        "/proc/self/cwd/new",       "/proc/self/cwd/../d/file",
                                        "/proc/self/fd/50/inner"};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
            for (int c = 0; c < 8; c++) {
                const char *n = forms[f];
                long result;
                if (!fixture_picks(k + f, (size_t)c, 3))
                    continue;
                // A removed file outside the floor is reached again by nobody.
                if (c == 1 && strcmp(kinds[k], "removed") == 0)
                    continue;
                make_fd(kinds[k]);
                errno = 0;
                switch (c) {
                case 0:
                    result = syscall(SYS_fchmodat, AT_FDCWD, n, 0601);
                    break;
                case 1:
                    result = syscall(SYS_truncate, n, 5);
                    break;
                case 2:
                    result = syscall(SYS_utimensat, AT_FDCWD, n, stamps, 0);
                    break;
                case 3:
                    result = syscall(SYS_fchownat, AT_FDCWD, n, 12345, -1, 0);
                    break;
                case 4:
                    result = syscall(SYS_setxattr, n, "user.b", "x", 1, 0);
                    break;
                case 5:
                    result = syscall(SYS_mkdirat, AT_FDCWD, n, 0700);
                    break;
                case 6:
                    result = syscall(SYS_linkat, AT_FDCWD, n, AT_FDCWD, "new", AT_SYMLINK_FOLLOW);
                    break;
                default:
                    result = syscall(SYS_renameat2, AT_FDCWD, n, AT_FDCWD, "new", 0);
                }
                int error = errno;
                close(50);
                errno = error;
                fixture_show(result, "call %d of %s (%s)", c, n, kinds[k]);
            }
        }
    }
}

// What belongs to somebody else, or to the system: nothing of it can be changed by a user. Root
// could.
static void
others(void)
{
    static const char *const names[] = {
        "/etc/passwd", "/usr", "/usr/bin/env",   "/",         "/dev/null", "/proc/self/status",
        "/proc/self",  "/sys", "/proc/self/exe", "/usr/none", "/root",     "/root/x"};
    for (size_t n = 0; geteuid() && n < sizeof names / sizeof names[0]; n++) {
        const char *p = names[n];
        fixture_show(syscall(SYS_fchmodat, AT_FDCWD, p, 0700), "chmod %s", p);
        fixture_show(syscall(SYS_fchownat, AT_FDCWD, p, -1, -1, 0), "chown %s", p);
        fixture_show(syscall(SYS_utimensat, AT_FDCWD, p, stamps, 0), "utimensat %s", p);
        fixture_show(syscall(SYS_setxattr, p, "user.b", "x", 1, 0), "setxattr %s", p);
        fixture_show(syscall(SYS_removexattr, p, "user.b"), "removexattr %s", p);
        fixture_show(syscall(SYS_unlinkat, AT_FDCWD, p, 0), "unlink %s", p);
        fixture_show(syscall(SYS_unlinkat, AT_FDCWD, p, AT_REMOVEDIR), "rmdir %s", p);
        fixture_show(syscall(SYS_mkdirat, AT_FDCWD, p, 0755), "mkdir %s", p);
        fixture_show(syscall(SYS_symlinkat, "text", AT_FDCWD, p), "symlink %s", p);
        fixture_show(syscall(SYS_mknodat, AT_FDCWD, p, S_IFREG | 0600, 0), "mknod %s", p);
        fixture_show(syscall(SYS_truncate, p, 0), "truncate %s", p);
        fixture_show(syscall(SYS_linkat, AT_FDCWD, p, AT_FDCWD, "new", 0), "link %s", p);
        fixture_show(syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, "new", 0), "rename %s", p);
        fixture_show(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, p, 0), "rename to %s", p);
    }
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    fixture_all = argc > 3 && strcmp(argv[3], "all") == 0;
    fixture_start(argv[1], argv[2]);
    if (argc > 3 && !fixture_all) {
        others();
        return 0;
    }
    descriptors();
    magic();
    return 0;
}
