// SPDX-License-Identifier: Apache-2.0
// fileops LEFT RIGHT [all]: prints what the calls that take one path give: for every kind of name,
// for every kind of directory descriptor, for pointers that lead nowhere. Run bare and supervised
// the texts must be the same (I9). Without "all": a sample.
#include <sys/mman.h>
#include <sys/time.h>
#include <utime.h>

#include "fixture.h"

// Stand-ins in a row for what varies.
#define PATH (-1001)
#define DIR (-1002)

static const struct timespec stamps[2] = {{1111111111, 5}, {1222222222, 7}};
static const struct timespec one_stamp[2] = {{0, UTIME_OMIT}, {1222222222, 7}};
static const struct timespec no_stamps[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
static const struct timespec now_stamps[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
static const struct timespec half_now[2] = {{1111111111, 5}, {0, UTIME_NOW}};
static const struct timespec bad_stamps[2] = {{1, 1000000000}, {1, 0}};
static const struct timeval values[2] = {{1111111111, 5}, {1222222222, 7}};
static const struct timeval bad_values[2] = {{1, 1000000}, {1, 0}};
static const struct utimbuf seconds = {1111111111, 1222222222};
static const char name_a[] = "user.a", name_b[] = "user.b", name_trusted[] = "trusted.b";
static const char name_security[] = "security.b", name_odd[] = "nonsense", name_empty[] = "user.";
static const char name_acl[] = "system.posix_acl_access";
// Version 2: owner rwx, group r, mask and others none, as linux/posix_acl_xattr.h lays it out.
static const unsigned char acl[] = {2,    0,    0, 0, 1,    0,    7,    0,    0xff, 0xff,
                                    0xff, 0xff, 4, 0, 4,    0,    0xff, 0xff, 0xff, 0xff,
                                    0x20, 0,    0, 0, 0xff, 0xff, 0xff, 0xff};
static const struct {
    uint64_t value;
    uint32_t size, flags;
} xattr_set = {(uintptr_t) "xyz", 3, 0}, xattr_create = {(uintptr_t) "xyz", 3, XATTR_CREATE};
static const struct {
    uint64_t xflags;
    uint32_t extsize, nextents, projid, cowextsize;
} nodump = {.xflags = 0x80}, immutable = {.xflags = 0x8}, unknown = {.xflags = 1ull << 50};
// Longer than any of the structures, with something where none of them has a field.
static const struct {
    uint64_t known[8], tail;
} with_tail = {.tail = 1};
static char attr_out[5000];

#define P(pointer) ((long)(uintptr_t)(pointer))

struct row {
    const char *name;
    int nr;
    long args[6];
};
static const struct row rows[] = {
#ifdef SYS_mkdir
    {"mkdir", SYS_mkdir, {PATH, 0750}},
    {"rmdir", SYS_rmdir, {PATH}},
    {"unlink", SYS_unlink, {PATH}},
    {"mknod fifo", SYS_mknod, {PATH, S_IFIFO | 0666}},
    {"symlink", SYS_symlink, {P("text"), PATH}},
    {"chmod", SYS_chmod, {PATH, 04711}},
    {"chown", SYS_chown, {PATH, 12345, 54321}},
    {"lchown same", SYS_lchown, {PATH, -1, -1}},
    {"utime", SYS_utime, {PATH, P(&seconds)}},
    {"utimes", SYS_utimes, {PATH, P(values)}},
    {"utimes bad", SYS_utimes, {PATH, P(bad_values)}},
    {"futimesat", SYS_futimesat, {DIR, PATH, P(values)}},
    {"creat", SYS_creat, {PATH, 0666}},
    {"open append", SYS_open, {PATH, O_WRONLY | O_APPEND | O_NONBLOCK}},
#endif
    {"mkdirat", SYS_mkdirat, {DIR, PATH, 0107777}},
    {"unlinkat", SYS_unlinkat, {DIR, PATH, 0}},
    {"unlinkat dir", SYS_unlinkat, {DIR, PATH, AT_REMOVEDIR}},
    {"unlinkat bad", SYS_unlinkat, {DIR, PATH, 1}},
    {"mknodat file", SYS_mknodat, {DIR, PATH, S_IFREG | 06666}},
    {"mknodat 0", SYS_mknodat, {DIR, PATH, 0666}},
    {"mknodat socket", SYS_mknodat, {DIR, PATH, S_IFSOCK | 0666}},
    {"mknodat dir", SYS_mknodat, {DIR, PATH, S_IFDIR | 0666}},
    {"mknodat link", SYS_mknodat, {DIR, PATH, S_IFLNK | 0666}},
    {"mknodat bad", SYS_mknodat, {DIR, PATH, 0170666}},
    {"mknodat char", SYS_mknodat, {DIR, PATH, S_IFCHR | 0666, 0x103}},
    {"symlinkat", SYS_symlinkat, {P("/absolute/text"), DIR, PATH}},
    {"symlinkat empty", SYS_symlinkat, {P(""), DIR, PATH}},
    {"truncate 5", SYS_truncate, {PATH, 5}},
    {"truncate 20", SYS_truncate, {PATH, 20}},
    {"truncate -1", SYS_truncate, {PATH, -1}},
    {"fchmodat", SYS_fchmodat, {DIR, PATH, 0100600}},
    {"fchmodat2", NR_fchmodat2, {DIR, PATH, 02755, 0}},
    {"fchmodat2 nofollow", NR_fchmodat2, {DIR, PATH, 0600, AT_SYMLINK_NOFOLLOW}},
    {"fchmodat2 empty", NR_fchmodat2, {DIR, PATH, 0600, AT_EMPTY_PATH}},
    {"fchmodat2 bad", NR_fchmodat2, {DIR, PATH, 0600, AT_SYMLINK_FOLLOW}},
    {"fchownat same", SYS_fchownat, {DIR, PATH, -1, -1, 0}},
    {"fchownat nofollow", SYS_fchownat, {DIR, PATH, 12345, -1, AT_SYMLINK_NOFOLLOW}},
    {"fchownat empty", SYS_fchownat, {DIR, PATH, -1, 54321, AT_EMPTY_PATH}},
    {"fchownat bad", SYS_fchownat, {DIR, PATH, -1, -1, AT_SYMLINK_FOLLOW}},
    {"utimensat NULL", SYS_utimensat, {DIR, PATH, 0, 0}},
    {"utimensat", SYS_utimensat, {DIR, PATH, P(stamps), 0}},
    {"utimensat nofollow", SYS_utimensat, {DIR, PATH, P(one_stamp), AT_SYMLINK_NOFOLLOW}},
    {"utimensat omit", SYS_utimensat, {DIR, PATH, P(no_stamps), 0}},
    {"utimensat now", SYS_utimensat, {DIR, PATH, P(now_stamps), 0}},
    {"utimensat half", SYS_utimensat, {DIR, PATH, P(half_now), AT_EMPTY_PATH}},
    {"utimensat bad", SYS_utimensat, {DIR, PATH, P(bad_stamps), 0}},
    {"utimensat flag", SYS_utimensat, {DIR, PATH, P(stamps), AT_SYMLINK_FOLLOW}},
    {"setxattr", SYS_setxattr, {PATH, P(name_b), P("xyz"), 3, 0}},
    {"setxattr create", SYS_setxattr, {PATH, P(name_a), P("xyz"), 3, XATTR_CREATE}},
    {"setxattr acl", SYS_setxattr, {PATH, P(name_acl), P(acl), sizeof acl, 0}},
    {"lsetxattr", SYS_lsetxattr, {PATH, P(name_a), P("xyz"), 3, XATTR_REPLACE}},
    {"lsetxattr trusted", SYS_lsetxattr, {PATH, P(name_trusted), P("x"), 1, 0}},
    {"removexattr", SYS_removexattr, {PATH, P(name_a)}},
    {"lremovexattr", SYS_lremovexattr, {PATH, P(name_a)}},
    {"setxattrat", NR_setxattrat, {DIR, PATH, 0, P(name_b), P(&xattr_set), 16}},
    {"setxattrat create",
     NR_setxattrat,
     {DIR, PATH, AT_SYMLINK_NOFOLLOW, P(name_a), P(&xattr_create), 16}},
    {"removexattrat", NR_removexattrat, {DIR, PATH, 0, P(name_a)}},
    {"file_setattr", NR_file_setattr, {DIR, PATH, P(&nodump), sizeof nodump, 0}},
    {"file_setattr nofollow",
     NR_file_setattr,
     {DIR, PATH, P(&immutable), sizeof immutable, AT_SYMLINK_NOFOLLOW}},
    {"openat creating", SYS_openat, {DIR, PATH, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 04666}},
    {"openat truncating", SYS_openat, {DIR, PATH, O_WRONLY | O_TRUNC | O_NONBLOCK}},
    {"openat nofollow", SYS_openat, {DIR, PATH, O_RDONLY | O_NOFOLLOW | O_NONBLOCK}},
};
#define ROWS (sizeof rows / sizeof rows[0])

// Arguments that the call looks at before, or instead of, its path.
static const struct row odd_rows[] = {
    {"utimensat, times nowhere", SYS_utimensat, {DIR, PATH, 8, 0}},
    {"setxattr, name nowhere", SYS_setxattr, {PATH, 8, P("x"), 1, 0}},
    {"setxattr, name empty", SYS_setxattr, {PATH, P(""), P("x"), 1, 0}},
    {"setxattr, name long", SYS_setxattr, {PATH, P("user." NAME_255), P("x"), 1, 0}},
    {"setxattr, no class", SYS_setxattr, {PATH, P(name_odd), P("x"), 1, 0}},
    {"setxattr, only a class", SYS_setxattr, {PATH, P(name_empty), P("x"), 1, 0}},
    {"setxattr, security", SYS_setxattr, {PATH, P(name_security), P("x"), 1, 0}},
    {"setxattr, value nowhere", SYS_setxattr, {PATH, P(name_b), 8, 10, 0}},
    {"setxattr, value empty", SYS_setxattr, {PATH, P(name_b), 0, 0, 0}},
    {"setxattr, value too long", SYS_setxattr, {PATH, P(name_b), P("x"), 65537, 0}},
    {"setxattr, bad flags", SYS_setxattr, {PATH, P(name_b), P("x"), 1, 4}},
    {"setxattr, both flags", SYS_setxattr, {PATH, P(name_b), P("x"), 1, 3}},
    {"setxattr, no such", SYS_setxattr, {PATH, P(name_b), P("x"), 1, XATTR_REPLACE}},
    {"removexattr, no such", SYS_removexattr, {PATH, P(name_b)}},
    {"removexattr, name nowhere", SYS_removexattr, {PATH, 8}},
    {"setxattrat, size 0", NR_setxattrat, {DIR, PATH, 0, P(name_b), P(&xattr_set), 0}},
    {"setxattrat, size 24", NR_setxattrat, {DIR, PATH, 0, P(name_b), P(&xattr_set), 24}},
    {"setxattrat, size 5000", NR_setxattrat, {DIR, PATH, 0, P(name_b), P(&xattr_set), 5000}},
    {"setxattrat, nowhere", NR_setxattrat, {DIR, PATH, 0, P(name_b), 8, 16}},
    {"setxattrat, flags", NR_setxattrat, {DIR, PATH, 1, P(name_b), P(&xattr_set), 16}},
    {"setxattrat, flags, size 0", NR_setxattrat, {DIR, PATH, 1, P(name_b), P(&xattr_set), 0}},
    {"setxattrat, flags, size 5000",
     NR_setxattrat,
     {DIR, PATH, 0x800, P(name_b), P(&xattr_set), 5000}},
    {"setxattrat, flags, tail",
     NR_setxattrat,
     {DIR, PATH, 0x200, P(name_b), P(&with_tail), sizeof with_tail}},
    {"setxattrat, flags, nowhere", NR_setxattrat, {DIR, PATH, 1, P(name_b), 8, 16}},
    {"setxattrat, flags, name nowhere", NR_setxattrat, {DIR, PATH, 1, 8, P(&xattr_set), 16}},
    {"removexattrat, name nowhere", NR_removexattrat, {DIR, PATH, 0, 8}},
    {"removexattrat, flags, name nowhere", NR_removexattrat, {DIR, PATH, 1, 8}},
    {"removexattrat, flags", NR_removexattrat, {DIR, PATH, 1, P(name_a)}},
    {"file_setattr, size 8", NR_file_setattr, {DIR, PATH, P(&nodump), 8, 0}},
    {"file_setattr, nowhere", NR_file_setattr, {DIR, PATH, 8, sizeof nodump, 0}},
    {"file_setattr, flags", NR_file_setattr, {DIR, PATH, P(&nodump), sizeof nodump, 1}},
    {"file_setattr, size 0", NR_file_setattr, {DIR, PATH, P(&nodump), 0, 0}},
    {"file_setattr, size 5000", NR_file_setattr, {DIR, PATH, P(&nodump), 5000, 0}},
    {"file_setattr, tail", NR_file_setattr, {DIR, PATH, P(&with_tail), sizeof with_tail, 0}},
    {"file_setattr, unknown", NR_file_setattr, {DIR, PATH, P(&unknown), sizeof unknown, 0}},
    {"file_setattr, flags, size 5000", NR_file_setattr, {DIR, PATH, P(&nodump), 5000, 1}},
    {"file_getattr, size 0", NR_file_getattr, {DIR, PATH, P(attr_out), 0, 0}},
    {"file_getattr, size 8", NR_file_getattr, {DIR, PATH, P(attr_out), 8, 0}},
    {"file_getattr, size 24", NR_file_getattr, {DIR, PATH, P(attr_out), 24, 0}},
    {"file_getattr, size 64", NR_file_getattr, {DIR, PATH, P(attr_out), 64, 0}},
    {"file_getattr, size 5000", NR_file_getattr, {DIR, PATH, P(attr_out), 5000, 0}},
    {"file_getattr, flags", NR_file_getattr, {DIR, PATH, P(attr_out), 24, 1}},
    {"symlinkat, text nowhere", SYS_symlinkat, {8, DIR, PATH}},
    {"symlinkat, text too long", SYS_symlinkat, {P(NULL), DIR, PATH}},
    {"unlinkat, all flags", SYS_unlinkat, {DIR, PATH, -1}},
    {"mknodat, a number with FIFO", SYS_mknodat, {DIR, PATH, S_IFIFO | 0600, 0x105}},
    {"mknodat, garbage above", SYS_mknodat, {DIR, PATH, S_IFREG | 0600 | 0x7000000000l}},
    {"fchmodat, garbage above", SYS_fchmodat, {DIR, PATH, 0640 | 0x7000000000l}},
    {"fchownat, garbage above", SYS_fchownat, {DIR, PATH, -1l & 0xffffffff, -1l, 0x500000000l}},
};

static char too_long[4200];

static bool
opens(const struct row *r)
{
#ifdef SYS_open
    if (r->nr == SYS_open || r->nr == SYS_creat)
        return true;
#endif
    return r->nr == SYS_openat;
}

// The line has the call's name and the path as it was given, unless that is none.
static void
make(const struct row *r, const char *what, const void *path, long dir)
{
    long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = r->args[i] == PATH ? P(path) : r->args[i] == DIR ? dir : r->args[i];
    errno = 0;
    long result = syscall(r->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    int error = errno;
    if (opens(r) && result >= 0) {
        printf("+ fd=%x fl=%x\n", fcntl((int)result, F_GETFD),
               // docs/differences.md
               fcntl((int)result, F_GETFL) & ~O_NOFOLLOW);
        close((int)result);
    }
    errno = error;
    fixture_show(result, "%s %s", r->name, what);
}

static bool
takes_dir(const struct row *r)
{
    for (int i = 0; i < 6; i++)
        if (r->args[i] == DIR)
            return true;
    return false;
}

static void
names(void)
{
    static const char *const all[] = {
        "file",
        "new",
        "empty",
        "link",
        "dangling",
        "full/inner",
        "file/",
        "new/",
        "empty/",
        "link/",
        "dangling/",
        "full/new",
        "file/x",
        "file/.",
        "full",
        "dlink",
        "loop",
        "nowhere/new",
        ".",
        "..",
        "",
        "dlink/",
        "dirslash",
        "sealed/inner",
        "empty/.",
        "empty/..",
        "deeplink",
        "uplink/new",
        "dirslash/new",
        "sealed/new",
        "slashlink",
        "loop/x",
        "suid",
        "uplink/../new",
        "./full//inner",
        "setgid/new",
        "fifo",
        "sock",
        "ro",
        "two",
        "none",
        "uplink/inner",
        "full/deep/../new",
        "uplink/.",
        "full/../../d/file",
        "empty/../nowhere/..",
        NAME_ODD,
    };
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++)
        for (size_t r = 0; r < ROWS; r++)
            // creat() of a FIFO waits for a reader.
            if (fixture_picks(n * 5, r, 16) &&
                (strcmp(rows[r].name, "creat") || strcmp(all[n], "fifo")))
                make(&rows[r], strcmp(all[n], NAME_ODD) ? all[n] : "an odd name", all[n], AT_FDCWD);
}

static void
lengths(void)
{
    static char path[4200];
    for (size_t r = 0; r < ROWS; r++) {
        if (!fixture_picks(r, 0, 3))
            continue;
        make(&rows[r], "255 bytes", NAME_255, AT_FDCWD);
        make(&rows[r], "256 bytes", "n" NAME_255, AT_FDCWD);
        for (size_t total = 4094; total <= 4097; total++) {
            memset(path, '/', sizeof path);
            path[0] = '.';
            strcpy(path + total - 3, "new");
            make(&rows[r], total < 4096 ? "shorter than a page" : "a page or longer", path,
                 AT_FDCWD);
        }
    }
}

static void
directories(void)
{
    static const struct {
        const char *what, *of, *path;
        int flags;
        long above;
    } all[] = {
        {"new in a directory", "full", "new", O_PATH, 0},
        {"inner in a directory", "full", "inner", O_PATH, 0},
        {"../file in a directory", "full", "../file", O_PATH, 0},
        {"new in one that is open", "empty", "new", O_RDONLY | O_DIRECTORY, 0},
        {"the directory itself", "full", "", O_PATH, 0},
        {"a file itself", "full/inner", "", O_PATH, 0},
        {"a link itself", "link", "", O_PATH | O_NOFOLLOW, 0},
        {"below a file", "full/inner", "x", O_PATH, 0},
        {"below a link", "link", "x", O_PATH | O_NOFOLLOW, 0},
        {"with garbage above", "full", "new", O_PATH, 0x100000000},
        {"nowhere", NULL, "new", 777, 0},
        {"nowhere itself", NULL, "", 777, 0},
        {"-1", NULL, "new", -1, 0},
        {"here with garbage above", NULL, "file", AT_FDCWD, 0x700000000},
        {"nowhere, absolute", NULL, "/", 777, 0},
        {"of a file, absolute", "full/inner", "/", O_PATH, 0},
    };
    char here[4090], absolute[4100];
    if (!getcwd(here, sizeof here))
        fixture_die("getcwd");
    snprintf(absolute, sizeof absolute, "%s/file", here);
    for (size_t r = 0; r < ROWS; r++) {
        if (!takes_dir(&rows[r]))
            continue;
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            if (!fixture_picks(r, i, 3))
                continue;
            // Opened each time: what was changed may have been made anew.
            int fd = all[i].of ? open(all[i].of, all[i].flags) : all[i].flags;
            long dir = all[i].above ? (fd & 0xffffffffl) | all[i].above : fd;
            const char *path = strcmp(all[i].path, "/") ? all[i].path : absolute;
            make(&rows[r], all[i].what, path, dir);
            if (all[i].of)
                close(fd);
        }
    }
}

static void
pointers(void)
{
    long page = sysconf(_SC_PAGESIZE);
    char *p =
        mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p + page, (size_t)page) < 0)
        fixture_die("mmap");
    memset(p, 'x', (size_t)page);
    for (size_t r = 0; r < ROWS; r++) {
        if (!fixture_picks(r, 1, 3))
            continue;
        make(&rows[r], "at NULL", NULL, AT_FDCWD);
        make(&rows[r], "at 1", (void *)1, AT_FDCWD);
        make(&rows[r], "in the kernel", (void *)(uintptr_t)0xffff888000000000u, AT_FDCWD);
        make(&rows[r], "without an end", p + page - 4, AT_FDCWD);
        memcpy(p + page - 5, "file", 5);
        make(&rows[r], "at a page's end", p + page - 5, AT_FDCWD);
        p[page - 1] = 'x';
    }
}

static void
odd_arguments(void)
{
    static const char *const all[] = {"file", "new", "nowhere/new", "", "empty", "link"};
    memset(too_long, 't', sizeof too_long - 1);
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        for (size_t r = 0; r < sizeof odd_rows / sizeof odd_rows[0]; r++) {
            struct row row = odd_rows[r];
            if (row.nr == SYS_symlinkat && row.args[0] == 0)
                row.args[0] = P(too_long);
            make(&row, all[n], all[n], AT_FDCWD);
        }
    }
}

static void
masks(void)
{
    static const mode_t all[] = {0, 077, 0777};
    for (size_t m = 0; m < sizeof all / sizeof all[0]; m++) {
        for (size_t r = 0; r < ROWS; r++) {
            int nr = rows[r].nr;
            if (nr != SYS_mkdirat && nr != SYS_mknodat && nr != SYS_symlinkat && !opens(&rows[r]))
                continue;
            umask(all[m]);
            make(&rows[r], "with a mask", "new", AT_FDCWD);
            make(&rows[r], "with a mask, set-group-id", "setgid/new", AT_FDCWD);
        }
    }
    umask(022);
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    fixture_all = argc > 3;
    fixture_start(argv[1], argv[2]);
    names();
    lengths();
    directories();
    pointers();
    odd_arguments();
    masks();
    return 0;
}
