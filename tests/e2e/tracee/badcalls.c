// SPDX-License-Identifier: Apache-2.0
// badcalls DIR: prints what the kernel answers to odd calls of the open family in DIR: run bare and
// supervised, the two texts must be the same (I9). badcalls DIR prepare: only fills DIR.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ODD_NAME "odd\xff\xfe\x1b[31m\n\xe2\x80\xae"

static int dir;

// Prints the result and what can be seen of the descriptor.
static void
show(const char *what, long fd)
{
    if (fd < 0) {
        printf("%s: %s\n", what, strerrorname_np(errno));
        return;
    }
    struct stat st = {0};
    fstat((int)fd, &st);
    printf("%s: fd flags=%x status=%x mode=%o size=%ld\n", what, fcntl((int)fd, F_GETFD),
           fcntl((int)fd, F_GETFL), st.st_mode, (long)st.st_size);
    close((int)fd);
}

// Of a call that gives no descriptor.
static void
tell(const char *what, long ret)
{
    printf("%s: %s\n", what, ret < 0 ? strerrorname_np(errno) : "done");
}

static long
raw_open(const char *path, int flags, unsigned mode)
{
    return syscall(SYS_open, path, flags, mode);
}

static long
raw_openat(int dirfd, const char *path, int flags, unsigned mode)
{
    return syscall(SYS_openat, dirfd, path, flags, mode);
}

static long
raw_openat2(int dirfd, const char *path, const void *how, size_t size)
{
    return syscall(SYS_openat2, dirfd, path, how, size);
}

static void
make_file(const char *name, mode_t mode)
{
    int fd = openat(dir, name, O_CREAT | O_WRONLY, mode);
    if (fd < 0 || write(fd, "0123456789", 10) != 10)
        printf("setup of %s: %s\n", name, strerrorname_np(errno));
    if (fd >= 0)
        close(fd);
}

static void
make_link(const char *target, const char *name)
{
    if (symlinkat(target, dir, name) < 0 && errno != EEXIST && errno != EACCES)
        printf("setup of %s: %s\n", name, strerrorname_np(errno));
}

static void
prepare(void)
{
    mkdirat(dir, "sub", 0755);
    make_file("file", 0644);
    make_file("sub/inner", 0640);
    make_link("file", "link");
    make_link("loop", "loop");
    make_link("made", "dangling");
    make_link("sub", "subln");
    mkfifoat(dir, "fifo", 0600);
}

static void
bad_pointers(void)
{
    long page = sysconf(_SC_PAGESIZE);
    char *p =
        mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + page, (size_t)page);
    memcpy(p + page - 5, "file", 5);
    show("name at the end of a page", raw_openat(dir, p + page - 5, O_RDONLY, 0));
    memset(p + page - 4, 'f', 4);
    show("name without an end", raw_openat(dir, p + page - 4, O_RDONLY, 0));
    show("pointer 1", raw_open((void *)1, O_RDONLY, 0));
    show("pointer NULL", raw_open(NULL, O_RDONLY, 0));
    show("kernel pointer", raw_open((void *)(uintptr_t)0xffff888000000000u, O_RDONLY, 0));
    show("how NULL", raw_openat2(dir, "file", NULL, sizeof(struct open_how)));
    memset(p + page - 8, 0, 8);
    show("how cut by a page", raw_openat2(dir, "file", p + page - 8, sizeof(struct open_how)));
}

static void
lengths(void)
{
    static char path[5000];
    show("empty path", raw_openat(dir, "", O_RDONLY, 0));
    show("empty path, creating", raw_openat(dir, "", O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < 4996; i += 2)
        memcpy(path + i, "./", 2);
    memcpy(path + 4090, "file", 5);
    show("4094 bytes", raw_openat(dir, path, O_RDONLY, 0));
    memcpy(path + 4090, "./file", 7);
    show("4096 bytes", raw_openat(dir, path, O_RDONLY, 0));
    memset(path, 'a', 255);
    path[255] = 0;
    show("255 bytes in one name", raw_openat(dir, path, O_RDONLY, 0));
    path[255] = 'a';
    path[256] = 0;
    show("256 bytes in one name", raw_openat(dir, path, O_RDONLY, 0));
    show("256 bytes, creating", raw_openat(dir, path, O_CREAT | O_WRONLY, 0600));
}

static void
directories(void)
{
    show("dirfd 99", raw_openat(99, "file", O_RDONLY, 0));
    show("dirfd -7", raw_openat(-7, "file", O_RDONLY, 0));
    show("dirfd 99, absolute", raw_openat(99, "/dev/null", O_RDONLY, 0));
    int file = openat(dir, "file", O_RDONLY);
    show("dirfd is a file", raw_openat(file, "file", O_RDONLY, 0));
    close(file);
    show("file as directory", raw_openat(dir, "file/x", O_RDONLY, 0));
    show("file with a slash", raw_openat(dir, "file/", O_RDONLY, 0));
    show("file, O_DIRECTORY", raw_openat(dir, "file", O_RDONLY | O_DIRECTORY, 0));
    show("directory to write", raw_openat(dir, "sub", O_WRONLY, 0));
    show("directory, O_CREAT", raw_openat(dir, "sub", O_RDONLY | O_CREAT, 0600));
    show("missing", raw_openat(dir, "missing", O_RDONLY, 0));
    show("missing parent", raw_openat(dir, "missing/x", O_CREAT | O_WRONLY, 0600));
    show("missing, slash, creating", raw_openat(dir, "new/", O_CREAT | O_WRONLY, 0600));
}

static void
links(void)
{
    show("link", raw_openat(dir, "link", O_RDONLY, 0));
    show("link, O_NOFOLLOW", raw_openat(dir, "link", O_RDONLY | O_NOFOLLOW, 0));
    show("link, O_PATH|O_NOFOLLOW", raw_openat(dir, "link", O_PATH | O_NOFOLLOW, 0));
    show("loop", raw_openat(dir, "loop", O_RDONLY, 0));
    show("through a link", raw_openat(dir, "subln/inner", O_RDONLY, 0));
    show("dangling, O_EXCL", raw_openat(dir, "dangling", O_CREAT | O_EXCL | O_WRONLY, 0600));
    show("dangling", raw_openat(dir, "dangling", O_RDONLY, 0));
    show("dangling, creating", raw_openat(dir, "dangling", O_CREAT | O_WRONLY, 0600));
    show("what it made", raw_openat(dir, "made", O_RDONLY, 0));
}

static void
flags(void)
{
    show("read", raw_openat(dir, "file", O_RDONLY, 0));
    show("append, cloexec", raw_openat(dir, "file", O_WRONLY | O_APPEND | O_CLOEXEC, 0));
    show("nonblock", raw_openat(dir, "file", O_RDWR | O_NONBLOCK, 0));
    show("existing, O_EXCL", raw_openat(dir, "file", O_CREAT | O_EXCL | O_WRONLY, 0600));
    show("existing, O_CREAT", raw_openat(dir, "file", O_CREAT | O_WRONLY, 0600));
    show("truncate", raw_openat(dir, "file", O_WRONLY | O_TRUNC, 0));
    show("O_PATH", raw_openat(dir, "file", O_PATH | O_CLOEXEC, 0));
    show("O_TMPFILE", raw_openat(dir, ".", O_TMPFILE | O_RDWR, 0600));
    show("O_TMPFILE, read only", raw_openat(dir, ".", O_TMPFILE | O_RDONLY, 0600));
    show("access mode 3", raw_openat(dir, "file", O_ACCMODE, 0));
    umask(027);
    show("umask 027", raw_openat(dir, "new1", O_CREAT | O_WRONLY, 0666));
    umask(0);
    show("umask 0, sticky", raw_openat(dir, "new2", O_CREAT | O_WRONLY, 01666));
    show("creat", syscall(SYS_openat, dir, "new3", O_CREAT | O_WRONLY | O_TRUNC, 0604));
    umask(022);
    show("odd name, creating", raw_openat(dir, ODD_NAME, O_CREAT | O_WRONLY, 0600));
    show("odd name", raw_openat(dir, ODD_NAME, O_RDONLY, 0));
    show("FIFO without a reader", raw_openat(dir, "fifo", O_WRONLY | O_NONBLOCK, 0));
    show("FIFO, nonblock", raw_openat(dir, "fifo", O_RDONLY | O_NONBLOCK, 0));
}

static void
openat2_calls(void)
{
    static const size_t sizes[] = {0, 8, 23, 4097};
    static unsigned char big[4200];
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char what[64];
        snprintf(what, sizeof what, "openat2 of %zu bytes", sizes[i]);
        show(what, raw_openat2(dir, "file", big, sizes[i]));
    }
    show("openat2, zeros behind", raw_openat2(dir, "file", big, 64));
    show("openat2, 4096 bytes", raw_openat2(dir, "file", big, 4096));
    big[40] = 1;
    show("openat2, more behind", raw_openat2(dir, "file", big, 64));
    static const struct {
        const char *what, *path;
        struct open_how how;
    } calls[] = {
        {"mode without O_CREAT", "file", {.mode = 0600}},
        {"unknown flag", "file", {.flags = 1ull << 40}},
        {"mode too large", "new4", {.flags = O_CREAT | O_WRONLY, .mode = 0200000}},
        {"unknown resolve", "file", {.resolve = 1u << 20}},
        {"beneath", "sub/inner", {.resolve = RESOLVE_BENEATH}},
        {"beneath, up", "sub/../../x", {.resolve = RESOLVE_BENEATH}},
        {"beneath, absolute", "/etc/passwd", {.resolve = RESOLVE_BENEATH}},
        {"beneath and in root", "file", {.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT}},
        {"in root", "/sub/inner", {.resolve = RESOLVE_IN_ROOT}},
        {"in root, up", "../../file", {.resolve = RESOLVE_IN_ROOT}},
        {"no symlinks", "subln/inner", {.resolve = RESOLVE_NO_SYMLINKS}},
        {"no symlinks, plain", "sub/inner", {.resolve = RESOLVE_NO_SYMLINKS}},
        {"no magic links", "/proc/self/exe", {.resolve = RESOLVE_NO_MAGICLINKS}},
        {"no crossing", "file", {.resolve = RESOLVE_NO_XDEV}},
        {"no crossing, /proc", "/proc/version", {.resolve = RESOLVE_NO_XDEV}},
        {"created", "new5", {.flags = O_CREAT | O_WRONLY, .mode = 0640}},
        {"cloexec", "file", {.flags = O_CLOEXEC}},
    };
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        printf("openat2 ");
        show(calls[i].what, raw_openat2(dir, calls[i].path, &calls[i].how, sizeof calls[i].how));
    }
}

static void
own_files(void)
{
    show("/dev/null", raw_open("/dev/null", O_RDWR, 0));
    show("/proc/self/exe", raw_open("/proc/self/exe", O_PATH, 0));
    char want[32], text[32] = "";
    snprintf(want, sizeof want, "%d ", getpid());
    int fd = open("/proc/self/stat", O_RDONLY);
    printf("/proc/self is me: %d\n",
           read(fd, text, sizeof text - 1) > 0 && strncmp(text, want, strlen(want)) == 0);
    close(fd);
    int file = openat(dir, "sub/inner", O_RDONLY);
    snprintf(want, sizeof want, "/dev/fd/%d", file);
    fd = open(want, O_RDONLY);
    struct stat a, b;
    printf("/dev/fd/N is mine: %d\n", fd >= 0 && fstat(fd, &a) == 0 && fstat(file, &b) == 0 &&
                                          a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    close(fd);
    close(file);
    struct rlimit none = {0, 0}, old;
    getrlimit(RLIMIT_NOFILE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    long full = raw_openat(dir, "file", O_RDONLY, 0);
    int error = errno;
    setrlimit(RLIMIT_NOFILE, &old);
    errno = error;
    show("no descriptor free", full);
}

// Directories and descriptors that are less than they seem.
static void
odd_places(void)
{
    char name[300], path[64];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    int file = openat(dir, "file", O_RDONLY), link = openat(dir, "link", O_PATH | O_NOFOLLOW);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    tell("rmdir of a descriptor's link", rmdir(path));
    tell("unlink of a descriptor's link", unlink(path));
    tell("rmdir of /proc/self/fd", rmdir("/proc/self/fd"));
    show(". of a link's descriptor", openat(link, ".", O_RDONLY));
    tell("chmod of . of a link's descriptor", fchmodat(link, ".", 0700, 0));
    show("long name below a file", openat(file, name, O_RDONLY));
    show("long name to be made below a file", openat(file, name, O_RDONLY | O_CREAT, 0600));
    tell("long name made below a file", mkdirat(file, name, 0700));
    tell("long name made below a link's descriptor", mkdirat(link, name, 0700));
    tell("long name made", mkdirat(dir, name, 0700));
    tell("long name below a file to be changed", fchmodat(file, name, 0700, 0));
    mkdirat(dir, "closed", 0700);
    int closed = openat(dir, "closed", O_RDONLY | O_DIRECTORY);
    fchmod(closed, 0600);
    show(". of a closed directory", openat(closed, ".", O_RDONLY));
    show("./ of it", openat(closed, "./", O_RDONLY));
    show("closed/.", openat(dir, "closed/.", O_RDONLY));
    show("closed/./", openat(dir, "closed/./", O_RDONLY));
    show("closed", openat(dir, "closed", O_RDONLY));
    show("closed/../file", openat(dir, "closed/../file", O_RDONLY));
    tell("chmod of closed/.", fchmodat(dir, "closed/.", 0600, 0));
    tell("long name made in it", mkdirat(closed, name, 0700));
    show("long name in it", openat(closed, name, O_RDONLY));
    close(closed);
    unlinkat(dir, "closed", AT_REMOVEDIR);
    close(file);
    close(link);
}

static void
below_closed(void)
{
    int start = open(".", O_RDONLY | O_DIRECTORY);
    mkdirat(dir, "outer", 0700);
    mkdirat(dir, "outer/inner", 0700);
    int outer = openat(dir, "outer", O_RDONLY | O_DIRECTORY);
    if (fchdir(outer) < 0 || chdir("inner") < 0)
        printf("setup: %s\n", strerrorname_np(errno));
    fchmod(outer, 0);
    show("made below a closed directory", open("file", O_RDWR | O_CREAT | O_EXCL, 0640));
    show("opened there", open("file", O_RDONLY));
    show("opened as ./", open("./file", O_RDWR | O_TRUNC));
    show("missing there", open("missing", O_RDONLY));
    show("directory there", open(".", O_RDONLY | O_DIRECTORY));
    show("above it", open("../inner/file", O_RDONLY));
    tell("chmod there", chmod("file", 0600));
    tell("mkdir there", mkdir("new", 0700));
    tell("mkdir in that", mkdir("new/one", 0700));
    tell("rename there", rename("new/one", "one"));
    tell("link there", link("file", "second"));
    tell("symlink there", symlink("file", "third"));
    show("by that", open("third", O_RDONLY));
    tell("truncate there", truncate("third", 5));
    tell("rmdir there", rmdir("one"));
    static const char *const names[] = {"file", "second", "third"};
    for (size_t i = 0; i < 3; i++)
        tell("unlink there", unlink(names[i]));
    tell("rmdir there", rmdir("new"));
    fchmod(outer, 0700);
    if (fchdir(start) < 0)
        printf("setup: %s\n", strerrorname_np(errno));
    unlinkat(outer, "inner", AT_REMOVEDIR);
    unlinkat(dir, "outer", AT_REMOVEDIR);
    close(outer);
    close(start);
}

// getname_maybe_null() of fs/namei.c.
static void
no_path(void)
{
    static char value[] = "v";
    struct {
        uint64_t value;
        uint32_t size, flags;
    } args = {(uintptr_t)value, 1, 0};
    struct {
        uint64_t flags;
        uint32_t sizes[4];
    } attr = {0};
    int start = open(".", O_RDONLY | O_DIRECTORY);
    if (fchdir(dir) < 0)
        printf("setup: %s\n", strerrorname_np(errno));
    static const int fds[] = {AT_FDCWD, -1, -5, 9999};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        printf("%d ", fds[i]);
        tell("setxattrat of nothing",
             syscall(463, fds[i], NULL, AT_EMPTY_PATH, "user.n", &args, 16));
        tell("of an empty path", syscall(463, fds[i], "", AT_EMPTY_PATH, "user.n", &args, 16));
        tell("removexattrat of nothing", syscall(466, fds[i], NULL, AT_EMPTY_PATH, "user.n"));
        tell("of an empty path", syscall(466, fds[i], "", AT_EMPTY_PATH, "user.n"));
        tell("file_setattr of nothing",
             syscall(469, fds[i], NULL, &attr, sizeof attr, AT_EMPTY_PATH));
        tell("of an empty path", syscall(469, fds[i], "", &attr, sizeof attr, AT_EMPTY_PATH));
        tell("linkat of nothing", syscall(SYS_linkat, fds[i], NULL, dir, "no", AT_EMPTY_PATH));
        tell("fchmodat2 of nothing", syscall(452, fds[i], NULL, 0700, AT_EMPTY_PATH));
        tell("fchownat of nothing", syscall(SYS_fchownat, fds[i], NULL, -1, -1, AT_EMPTY_PATH));
        tell("utimensat of nothing", syscall(SYS_utimensat, fds[i], NULL, NULL, AT_EMPTY_PATH));
        tell("setxattrat without the flag", syscall(463, fds[i], NULL, 0, "user.n", &args, 16));
    }
    if (fchdir(start) < 0)
        printf("setup: %s\n", strerrorname_np(errno));
    close(start);
}

static long
raw_mq_open(const char *name, int flags, unsigned mode, const void *attr)
{
    return syscall(SYS_mq_open, name, flags, mode, attr);
}

static void
queues(void)
{
    char own[64], long_name[300];
    long small[8] = {0, 2, 16}, bad[8] = {0, -1, 16}, huge[8] = {0, 1 << 20, 1 << 20};
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    snprintf(own, sizeof own, "nono-badcalls-%d", (int)getpid());
    show("queue that is missing", raw_mq_open(own, O_RDWR, 0, NULL));
    show("queue without a name", raw_mq_open("", O_RDWR | O_CREAT, 0600, NULL));
    show("queue with a slash", raw_mq_open("a/b", O_RDWR | O_CREAT, 0600, NULL));
    show("queue called .", raw_mq_open(".", O_RDWR | O_CREAT, 0600, NULL));
    show("queue called ..", raw_mq_open("..", O_RDONLY, 0, NULL));
    show("queue with a long name", raw_mq_open(long_name, O_RDWR | O_CREAT, 0600, NULL));
    show("queue nowhere", raw_mq_open(NULL, O_RDWR | O_CREAT, 0600, NULL));
    show("queue of attributes nowhere", raw_mq_open(own, O_RDWR | O_CREAT, 0600, (void *)8));
    show("queue of bad attributes", raw_mq_open(own, O_RDWR | O_CREAT, 0600, bad));
    show("queue of huge attributes", raw_mq_open(own, O_RDWR | O_CREAT, 0600, huge));
    show("queue with all access", raw_mq_open(own, O_ACCMODE | O_CREAT, 0600, NULL));
    show("a queue left by that", raw_mq_open(own, O_RDONLY, 0, NULL));
    tell("queue removed", syscall(SYS_mq_unlink, own));
    mode_t before = umask(027);
    show("a queue", raw_mq_open(own, O_WRONLY | O_CREAT | O_NONBLOCK, 07777, small));
    umask(before);
    show("again", raw_mq_open(own, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    show("opened", raw_mq_open(own, O_RDONLY | O_CREAT | 0x40000000, 0, bad));
    tell("queue removed", syscall(SYS_mq_unlink, own));
    tell("queue removed again", syscall(SYS_mq_unlink, own));
    tell("no queue removed", syscall(SYS_mq_unlink, ""));
    tell("no name removed", syscall(SYS_mq_unlink, NULL));
    tell("a path removed", syscall(SYS_mq_unlink, "a/b"));
}

// System V objects that are not there.
static void
no_objects(void)
{
    static const int ids[] = {-1, INT32_MAX, INT32_MIN};
    long message[2] = {1};
    struct sembuf up = {0, 1, 0};
    struct timespec now = {0};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        tell("shmat", (long)shmat(ids[i], NULL, 0));
        tell("shmctl", shmctl(ids[i], IPC_RMID, NULL));
        tell("shmctl nothing", shmctl(ids[i], SHM_LOCK, NULL));
        tell("shmctl what", shmctl(ids[i], 77, NULL));
        tell("msgsnd", msgsnd(ids[i], message, 1, 0));
        tell("msgrcv", msgrcv(ids[i], message, 1, 0, IPC_NOWAIT));
        tell("msgctl", msgctl(ids[i], IPC_RMID, NULL));
        tell("semop", semop(ids[i], &up, 1));
        tell("semop of none", semop(ids[i], &up, 0));
        tell("semtimedop", semtimedop(ids[i], &up, 1, &now));
        tell("semctl", semctl(ids[i], 0, IPC_RMID));
        tell("semctl what", semctl(ids[i], 0, GETVAL));
    }
}

int
main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (dir < 0) {
        printf("%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    umask(022);
    prepare();
    if (argc > 2)
        return 0;
    bad_pointers();
    lengths();
    directories();
    links();
    flags();
    openat2_calls();
    own_files();
    odd_places();
    below_closed();
    no_path();
    queues();
    no_objects();
    return 0;
}
