// SPDX-License-Identifier: Apache-2.0
// native TREE SCRATCH: prints what many calls of the open family give in TREE: number, errno, flags
// and what is there afterwards. Run bare and supervised the two texts must be the same (I9).
// native TREE prepare: fills TREE. Only opens are made below TREE, in SCRATCH anything.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int dir;
static unsigned line;

// Without O_NOFOLLOW in the descriptor's flags: docs/differences.md.
static void
show(const char *call, const char *what, unsigned flags, long fd)
{
    printf("%u %s %s %o: ", line++, call, what, flags);
    if (fd < 0) {
        puts(strerrorname_np(errno));
        return;
    }
    struct stat st = {0};
    fstat((int)fd, &st);
    printf("%ld fd=%x fl=%x mode=%o size=%ld nlink=%lu\n", fd, fcntl((int)fd, F_GETFD),
           fcntl((int)fd, F_GETFL) & ~O_NOFOLLOW, st.st_mode,
           S_ISDIR(st.st_mode) ? 0 : (long)st.st_size,
           S_ISDIR(st.st_mode) ? 0 : (unsigned long)st.st_nlink);
    close((int)fd);
}

static void
at(const char *name, unsigned flags, unsigned mode)
{
    show("openat", name, flags, syscall(SYS_openat, dir, name, flags, mode));
}

static void
prepare(void)
{
    static const char *const links[][2] = {
        {"file", "link"},         {"sub/inner", "deep"},   {"..", "sub/up"},
        {"loop-b", "loop-a"},     {"loop-a", "loop-b"},    {"sub", "subln"},
        {"sub/", "subslash"},     {"file/", "fileslash"},  {"nowhere/x", "lost"},
        {"fresh-a", "dangle-a"},  {"fresh-b", "dangle-b"}, {"sub/fresh-c", "dangle-c"},
        {"fresh-d/", "dangle-d"}, {"fifo", "fifoln"},      {".", "dot"}};
    mkdirat(dir, "sub", 0755);
    mkdirat(dir, "setgid", 02775);
    fchmodat(dir, "setgid", 02775, 0);
    mkdirat(dir, "sealed", 0555);
    for (const char *const *f =
             (const char *const[]){"file", "sub/inner", "trunc", "a (deleted)", NULL};
         *f; f++) {
        int fd = openat(dir, *f, O_CREAT | O_WRONLY, 0644);
        if (write(fd, "0123456789", 10) != 10)
            exit(1);
        close(fd);
    }
    for (unsigned i = 0; i < sizeof links / sizeof links[0]; i++)
        if (symlinkat(links[i][0], dir, links[i][1]) < 0)
            perror(links[i][1]);
    mkfifoat(dir, "fifo", 0600);
    mkfifoat(dir, "pipe", 0600);
}

// Every kind of name with every kind of flags that makes nothing.
static void
matrix(void)
{
    static const char *const names[] = {"file",        "file/",        "file/.",
                                        "file/..",     "./file",       "sub/../file",
                                        "sub//inner",  "sub",          "sub/",
                                        "sub/.",       "sub/..",       ".",
                                        "./",          "..",           "",
                                        "link",        "link/",        "deep",
                                        "sub/up",      "sub/up/file",  "loop-a",
                                        "loop-a/x",    "subln",        "subln/",
                                        "subln/inner", "subslash",     "subslash/inner",
                                        "fileslash",   "lost",         "dangle-d",
                                        "dot",         "dot/dot/file", "fifoln/x",
                                        "missing",     "missing/",     "missing/x",
                                        "missing/..",  "file/x",       "sealed",
                                        "a (deleted)", "b (deleted)",  "sub/inner/../inner"};
    static const unsigned flags[] = {O_RDONLY,
                                     O_WRONLY,
                                     O_RDWR,
                                     3,
                                     O_DIRECTORY,
                                     O_NOFOLLOW,
                                     O_NOFOLLOW | O_DIRECTORY,
                                     O_PATH,
                                     O_PATH | O_NOFOLLOW,
                                     O_RDWR | O_CLOEXEC | O_APPEND,
                                     O_RDONLY | O_NOATIME,
                                     O_RDONLY | O_NONBLOCK,
                                     O_RDWR | O_DSYNC,
                                     O_RDONLY | O_TRUNC | O_DIRECTORY,
                                     O_CREAT | O_EXCL | O_DIRECTORY,
                                     O_CREAT | O_DIRECTORY,
                                     O_TMPFILE,
                                     O_TMPFILE | O_WRONLY,
                                     O_TMPFILE | O_RDWR | O_EXCL,
                                     020000000 | O_RDWR,
                                     O_RDONLY | 040000000u,
                                     O_RDONLY | O_EXCL,
                                     O_WRONLY | O_ASYNC};
    for (unsigned n = 0; n < sizeof names / sizeof names[0]; n++)
        for (unsigned f = 0; f < sizeof flags / sizeof flags[0]; f++)
            at(names[n], flags[f], 0640);
}

static void
creations(void)
{
    static const mode_t masks[] = {022, 077, 0, 0777};
    static const unsigned modes[] = {0666, 0777, 0, 04755, 01666, 02644, 0100644};
    char name[300];
    for (unsigned u = 0; u < 4; u++) {
        umask(masks[u]);
        for (unsigned m = 0; m < sizeof modes / sizeof modes[0]; m++) {
            snprintf(name, sizeof name, "new-%u-%u", u, m);
            at(name, O_CREAT | O_RDWR | (m & 1 ? O_EXCL : 0), modes[m]);
            snprintf(name, sizeof name, "setgid/new-%u-%u", u, m);
            at(name, O_CREAT | O_WRONLY, modes[m]);
        }
    }
    umask(022);
    static const char *const names[] = {"dangle-a",    "dangle-b",    "dangle-c",   "dangle-d",
                                        "lost",        "missing/x",   "x/",         "sub",
                                        "sub/",        "file",        "file/",      "link",
                                        ".",           "..",          "",           "loop-a",
                                        "sub/up",      "file/x",      "sub/./made", "sub/up/made",
                                        "sealed/made", "odd\xff\xfe", "fileslash",  "subslash/made",
                                        "made/.",      "a (deleted)", "c (deleted)"};
    for (unsigned n = 0; n < sizeof names / sizeof names[0]; n++) {
        at(names[n], O_CREAT | O_EXCL | O_WRONLY, 0644);
        at(names[n], O_CREAT | O_NOFOLLOW | O_RDONLY, 0444);
        at(names[n], O_CREAT | O_WRONLY | O_TRUNC, 0600);
    }
    memset(name, 'n', sizeof name);
    name[255] = 0;
    at(name, O_CREAT | O_WRONLY, 0600);
    name[255] = 'n', name[256] = 0;
    at(name, O_CREAT | O_WRONLY, 0600);
    show("creat", "made-by-creat", 0, syscall(SYS_creat, "made-by-creat", 0640));
    show("open", "made-by-open", 0, syscall(SYS_open, "made-by-open", O_CREAT | O_RDWR, 0640));
}

static void
paths(void)
{
    static char path[5000];
    static const unsigned sizes[] = {4094, 4095, 4096, 4097};
    for (unsigned i = 0; i < 4; i++) {
        memset(path, '/', sizeof path);
        path[0] = '.';
        memcpy(path + sizes[i] - 4, "file", 5);
        show("openat", "long", sizes[i], syscall(SYS_openat, dir, path, O_RDONLY));
    }
}

static void
openat2_calls(void)
{
    static const size_t sizes[] = {0, 8, 23, 24, 25, 32, 4096, 4097};
    static const uint64_t resolves[] = {0, 1, 2, 4, 8, 16, 32, 24, 64};
    static const uint64_t flags[] = {0,
                                     O_CREAT,
                                     O_TMPFILE | O_RDWR,
                                     O_CREAT | O_DIRECTORY,
                                     1ull << 40,
                                     1u << 31,
                                     O_TRUNC | O_WRONLY,
                                     O_PATH,
                                     O_PATH | O_RDWR,
                                     O_DIRECTORY,
                                     O_CLOEXEC};
    static const char *const names[] = {"file", "sub/inner", "deep", "sub/../file",
                                        "../x", "/file",     "sub"};
    static unsigned char room[4200];
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int tail = 0; tail < 2; tail++) {
            room[24] = (unsigned char)tail;
            show("openat2", tail ? "tail" : "clean", (unsigned)sizes[s],
                 syscall(SYS_openat2, dir, "file", room, sizes[s]));
        }
    }
    for (unsigned r = 0; r < sizeof resolves / sizeof resolves[0]; r++) {
        for (unsigned n = 0; n < 7 * sizeof flags / sizeof flags[0]; n++) {
            struct open_how how = {.flags = flags[n / 7], .resolve = resolves[r]};
            // Without a bound the root is not ours to fill.
            if (names[n % 7][0] == '/' && !(resolves[r] & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)))
                continue;
            for (how.mode = 0; how.mode <= 0600; how.mode += 0600)
                show("openat2", names[n % 7], (unsigned)r << 8 | (unsigned)how.mode,
                     syscall(SYS_openat2, dir, names[n % 7], &how, sizeof how));
        }
    }
}

// The caller's own entries in procfs, under every restriction: whose they are tells what is in
// them.
static void
own_entries(void)
{
    static const uint64_t resolves[] = {0, 1, 2, 4, 8, 16, 24};
    static const char *const names[] = {
        "self/comm",     "thread-self/comm", "self/task/../comm", "./self//comm",
        "self",          "selfish/comm",     "self/fd/self",      "thread-self/../../comm",
        "self/cwd/file", "proc/self/comm",   "/proc/self/comm",   "/self/comm"};
    static const char *const bases[] = {"/proc", "/", "/proc/self"};
    for (unsigned b = 0; b < sizeof bases / sizeof bases[0]; b++) {
        int base = open(bases[b], O_PATH | O_DIRECTORY);
        for (unsigned r = 0; r < sizeof resolves / sizeof resolves[0]; r++) {
            for (unsigned n = 0; n < sizeof names / sizeof names[0]; n++) {
                struct open_how how = {.resolve = resolves[r]};
                char comm[16] = "";
                int fd = (int)syscall(SYS_openat2, base, names[n], &how, sizeof how);
                if (fd >= 0 && read(fd, comm, sizeof comm - 1) < 0)
                    comm[0] = 0;
                printf("%s %s", bases[b], comm);
                show("openat2", names[n], (unsigned)resolves[r], fd);
            }
        }
        close(base);
    }
}

static void
descriptors(void)
{
    int holes[3];
    struct rlimit all, few;
    int file = openat(dir, "file", O_RDONLY);
    show("openat", "dirfd file", 0, syscall(SYS_openat, file, "x", O_RDONLY));
    show("openat", "dirfd file, empty", 0, syscall(SYS_openat, file, "", O_RDONLY));
    show("openat", "bad dirfd", 0, syscall(SYS_openat, 77, "file", O_RDONLY));
    show("openat", "bad dirfd, creating", 0,
         syscall(SYS_openat, 77, "file", O_CREAT | O_RDWR, 0600));
    show("openat", "bad dirfd, empty", 0, syscall(SYS_openat, 77, "", O_RDONLY));
    for (int i = 0; i < 3; i++)
        holes[i] = dup(file);
    close(holes[1]);
    at("file", O_RDONLY, 0);
    close(0);
    at("file", O_RDONLY, 0);
    dup2(file, 0);
    getrlimit(RLIMIT_NOFILE, &all);
    few = all;
    few.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &few);
    at("file", O_RDONLY, 0);
    at("missing", O_RDONLY, 0);
    at("full-made", O_CREAT | O_WRONLY, 0644);
    at("trunc", O_WRONLY | O_TRUNC, 0644);
    setrlimit(RLIMIT_NOFILE, &all);
    at("full-made", O_RDONLY, 0);
    at("trunc", O_RDONLY, 0);
}

static void *
other_end(void *arg)
{
    char text[8] = "";
    int fd = (int)syscall(SYS_openat, dir, "pipe", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    printf("fifo: fl=%x read %zd %s\n", fcntl(fd, F_GETFL), n, text);
    close(fd);
    return NULL;
}

static void
special_files(void)
{
    pthread_t t;
    at("fifo", O_WRONLY | O_NONBLOCK, 0);
    at("fifo", O_RDONLY | O_NONBLOCK, 0);
    at("fifo", O_RDWR, 0);
    at("fifo", O_RDWR | O_TRUNC | O_CREAT, 0600);
    pthread_create(&t, NULL, other_end, NULL);
    int fd = (int)syscall(SYS_openat, dir, "pipe", O_WRONLY);
    printf("fifo: fl=%x\n", fcntl(fd, F_GETFL));
    if (write(fd, "hello", 5) != 5)
        puts("write failed");
    close(fd);
    pthread_join(t, NULL);
    show("open", "/dev/null", 0, syscall(SYS_open, "/dev/null", O_RDWR | O_TRUNC));
    show("open", "/dev/zero", 0, syscall(SYS_open, "/dev/zero", O_RDONLY | O_NONBLOCK));
    show("open", "/dev/null/", 0, syscall(SYS_open, "/dev/null/", O_RDONLY));
}

static void
removed(const char *scratch)
{
    static const char *const names[] = {"x", ".", "..", "./x", "../x", "sub/x"};
    if (chdir(scratch) < 0 || mkdir("gone", 0700) < 0 || chdir("gone") < 0 || rmdir("../gone") < 0)
        perror("scratch");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        show("open", names[i], 0, syscall(SYS_open, names[i], O_RDONLY));
        show("open", names[i], O_CREAT, syscall(SYS_open, names[i], O_RDWR | O_CREAT, 0600));
    }
    unlink("../x");
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    dir = open(argv[1], O_PATH | O_DIRECTORY);
    if (dir < 0 || fchdir(dir) < 0)
        return 1;
    umask(022);
    if (strcmp(argv[2], "prepare") == 0) {
        prepare();
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    matrix();
    creations();
    paths();
    openat2_calls();
    own_entries();
    descriptors();
    special_files();
    removed(argv[2]);
    return 0;
}
