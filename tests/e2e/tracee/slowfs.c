// SPDX-License-Identifier: Apache-2.0
// slowfs mount DIR       serves a small file system at DIR by FUSE, until DIR is unmounted; names
//                        are known for long, what they stand for has to be asked for every time.
//                        After SIGUSR1 it answers nothing more.
// slowfs CALL PATH FILE  makes FILE, then the call on PATH, and prints how it ended; "wait": makes
//                        FILE, waits until it is gone, and opens PATH.
// The file system holds the directory "dir", in it "file", "program", "link", which leads to
// "file", and "slowfs", which is this program; whatever else is asked for is not there.
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, DIR_NODE, FILE_NODE, PROGRAM_NODE, LINK_NODE, SELF_NODE, NODES };
static const struct {
    const char *name;
    uint64_t parent;
    uint32_t mode;
} nodes[NODES] = {
    [ROOT] = {"", 0, S_IFDIR | 0777},
    [DIR_NODE] = {"dir", ROOT, S_IFDIR | 0777},
    [FILE_NODE] = {"file", DIR_NODE, S_IFREG | 0666},
    [PROGRAM_NODE] = {"program", DIR_NODE, S_IFREG | 0777},
    [LINK_NODE] = {"link", DIR_NODE, S_IFLNK | 0777},
    [SELF_NODE] = {"slowfs", DIR_NODE, S_IFREG | 0777},
};
#define SCRIPT "#!/bin/sh\n"

static int device, self;
static off_t self_size;

static void
answer(uint64_t unique, int error, const void *data, size_t n)
{
    static char buf[1 << 18];
    struct fuse_out_header h = {.len = (uint32_t)(sizeof h + n), .error = -error, .unique = unique};
    memcpy(buf, &h, sizeof h);
    if (n)
        memcpy(buf + sizeof h, data, n);
    // An interrupted request is gone.
    if (write(device, buf, sizeof h + n) < 0 && errno != ENOENT)
        perror("slowfs: answer");
}

static struct fuse_attr
attr_of(uint64_t node)
{
    return (struct fuse_attr){.ino = node,
                              .mode = nodes[node].mode,
                              .nlink = 1,
                              .size = node == SELF_NODE           ? (uint64_t)self_size
                                      : S_ISREG(nodes[node].mode) ? sizeof SCRIPT - 1
                                                                  : 0};
}

static void
answer_read(const struct fuse_in_header *h, const struct fuse_read_in *in)
{
    static char data[1 << 17];
    if (h->nodeid != SELF_NODE) {
        answer(h->unique, 0, SCRIPT, sizeof SCRIPT - 1);
        return;
    }
    ssize_t n =
        pread(self, data, in->size < sizeof data ? in->size : sizeof data, (off_t)in->offset);
    answer(h->unique, n < 0 ? EIO : 0, data, n < 0 ? 0 : (size_t)n);
}

static void
lookup(const struct fuse_in_header *h, const char *name)
{
    struct fuse_entry_out e = {.entry_valid = 100000};
    for (uint64_t i = 1; i < NODES; i++)
        if (nodes[i].parent == h->nodeid && strcmp(nodes[i].name, name) == 0)
            e.nodeid = i;
    if (e.nodeid)
        e.attr = attr_of(e.nodeid);
    answer(h->unique, e.nodeid ? 0 : ENOENT, &e, e.nodeid ? sizeof e : 0);
}

static void
serve(const struct fuse_in_header *h)
{
    const void *argument = h + 1;
    struct fuse_attr_out attr = {.attr =
                                     attr_of(h->nodeid < NODES && h->nodeid ? h->nodeid : ROOT)};
    struct fuse_init_out init = {
        .major = 7, .minor = 31, .max_write = 65536, .max_readahead = 65536};
    struct fuse_open_out opened = {0};
    struct fuse_statfs_out fs = {0};
    switch (h->opcode) {
    case FUSE_INIT:
        answer(h->unique, 0, &init, sizeof init);
        break;
    case FUSE_LOOKUP:
        lookup(h, argument);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        answer(h->unique, 0, &attr, sizeof attr);
        break;
    case FUSE_READLINK:
        answer(h->unique, 0, "file", 4);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        answer(h->unique, 0, &opened, sizeof opened);
        break;
    case FUSE_READ:
        answer_read(h, argument);
        break;
    case FUSE_STATFS:
        answer(h->unique, 0, &fs, sizeof fs);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(h->unique, ENOSYS, NULL, 0);
    }
}

static volatile sig_atomic_t hangs;

static void
hang(int sig)
{
    hangs = 1;
}

static int
mount_at(const char *dir)
{
    static char buf[1 << 17];
    char options[128];
    struct sigaction sa = {.sa_handler = hang};
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    self_size = lseek(self, 0, SEEK_END);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
             device);
    if (device < 0 || mount("slowfs", dir, "fuse.slowfs", 0, options) < 0) {
        perror("slowfs: mount");
        return 1;
    }
    sigaction(SIGUSR1, &sa, NULL);
    for (;;) {
        ssize_t n = read(device, buf, sizeof buf);
        if (n < 0 && errno == ENODEV)
            return 0;
        if (n > 0 && !hangs)
            serve((struct fuse_in_header *)buf);
    }
}

static long
call(const char *name, const char *path)
{
    struct open_how how = {.resolve = RESOLVE_NO_MAGICLINKS};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char other[4096];
    snprintf(other, sizeof other, "%s.new", path);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    if (strcmp(name, "open") == 0)
        return open(path, O_RDWR);
    if (strcmp(name, "create") == 0)
        return open(other, O_CREAT | O_WRONLY, 0600);
    if (strcmp(name, "openat2") == 0)
        return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (strcmp(name, "chmod") == 0)
        return chmod(path, 0600);
    if (strcmp(name, "truncate") == 0)
        return truncate(path, 0);
    if (strcmp(name, "unlink") == 0)
        return unlink(path);
    if (strcmp(name, "rename") == 0)
        return rename(path, other);
    if (strcmp(name, "mkdir") == 0)
        return mkdir(other, 0700);
    if (strcmp(name, "exec") == 0)
        return execl(path, path, (char *)NULL);
    if (strcmp(name, "connect") == 0)
        return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&un, sizeof un);
    if (strcmp(name, "bind") == 0)
        return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&un, sizeof un);
    fprintf(stderr, "slowfs: no call %s\n", name);
    exit(2);
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "mount") == 0)
        return mount_at(argv[2]);
    if (argc != 4)
        return 2;
    close(open(argv[3], O_CREAT | O_WRONLY, 0600));
    bool wait = strcmp(argv[1], "wait") == 0;
    while (wait && access(argv[3], F_OK) == 0)
        usleep(10000);
    long ret = call(wait ? "open" : argv[1], argv[2]);
    printf("%s=%s\n", argv[1], ret < 0 ? strerrorname_np(errno) : "0");
    return 0;
}
