// SPDX-License-Identifier: Apache-2.0
// attack WHAT [ARGS]: tries one way out of the sandbox and prints what came of it: "ok", an errno's
// name, or what was read.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void
say(const char *what, long result)
{
    printf("%s=%s\n", what, result >= 0 ? "ok" : strerrorname_np(errno));
}

static void
calls_refused(void)
{
    char handle[128] = {8};
    say("io_uring_setup", syscall(SYS_io_uring_setup, 1, handle));
    say("clone3", syscall(SYS_clone3, handle, 64));
    say("unshare", unshare(CLONE_NEWNS));
    say("unshare_user", unshare(CLONE_NEWUSER));
    say("clone_newuser", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    int ns = open("/proc/self/ns/mnt", O_RDONLY);
    say("setns", setns(ns, 0));
    say("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    say("chroot", chroot("/tmp"));
    say("open_tree", syscall(SYS_open_tree, AT_FDCWD, ".", 0));
    say("open_tree_attr", syscall(467, AT_FDCWD, ".", 0, NULL, 0)); // newer than the headers
    say("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY));
    say("bpf", syscall(SYS_bpf, 0, handle, 16));
    say("quotactl_fd", syscall(SYS_quotactl_fd, -1, 0, 0, NULL));
    say("userfaultfd", syscall(SYS_userfaultfd, 0));
    say("TIOCSTI", ioctl(0, TIOCSTI, "x"));
    say("TIOCSTI_high", syscall(SYS_ioctl, 0, TIOCSTI | 1ull << 32, "x"));
    say("TIOCLINUX", ioctl(0, TIOCLINUX, handle));
    say("unix", syscall(SYS_socket, AF_UNIX | 1ull << 32, SOCK_STREAM, 0));
    say("packet", syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0));
    say("packet_high", syscall(SYS_socket, AF_PACKET | 1ull << 32, SOCK_RAW, 0));
    say("vsock", syscall(SYS_socket, 40, SOCK_STREAM, 0));
}

#ifdef __x86_64__
static void
other_abis(const char *path)
{
    long result = 5; // open
    // The path must lie where 32 bits reach it, lest EFAULT be mistaken for a refusal.
    char *low = (char *)0x10000000;
    if (syscall(SYS_mmap, low, 4096, 3, 0x32 | 0x40, -1, 0) < 0)
        return;
    strcpy(low, path);
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"(low), "c"(O_RDONLY), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
    printf("int80=%s\n", result >= 0 ? "ok" : strerrorname_np((int)-result));
    say("x32", syscall(SYS_open | 0x40000000, path, O_RDONLY));
    say("x32_openat", syscall(SYS_openat | 0x40000000, AT_FDCWD, path, O_RDONLY));
}
#else
static void
other_abis(const char *path)
{
}
#endif

// nono and its monitor must be out of reach.
static void
processes(pid_t pid)
{
    char buf[16];
    struct iovec local = {buf, sizeof buf}, remote = {(void *)say, sizeof buf};
    struct rlimit low = {1, 1};
    say("attach", ptrace(PTRACE_ATTACH, pid, 0, 0));
    say("seize", ptrace(PTRACE_SEIZE, pid, 0, 0));
    say("kill", kill(pid, SIGURG));
    say("tgkill", syscall(SYS_tgkill, pid, pid, SIGURG));
    long r = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    // EFAULT would mean that the memory was within reach.
    say("readv", r);
    say("writev", process_vm_writev(pid, &local, 1, &remote, 1, 0));
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    say("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0));
    say("pidfd_signal", syscall(SYS_pidfd_send_signal, pidfd, SIGURG, NULL, 0));
    say("prlimit", syscall(SYS_prlimit64, pid, RLIMIT_CORE, &low, NULL));
    // Nothing that would slow it down if it worked.
    unsigned long all = ~0ul;
    say("affinity", syscall(SYS_sched_setaffinity, pid, sizeof all, &all));
    struct sched_param other = {0};
    say("scheduler", syscall(SYS_sched_setscheduler, pid, SCHED_OTHER, &other));
    say("priority", syscall(SYS_setpriority, PRIO_PROCESS, pid, 0));
    say("user_priority", syscall(SYS_setpriority, PRIO_USER, 0, 0));
    say("ioprio", syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid, 0));
}

// System V objects: those made outside, and one's own.
static void
sysv(int shm, key_t key)
{
    say("attach", (long)shmat(shm, NULL, SHM_RDONLY));
    say("get", shmget(key, 1, 0));
    say("get_or_make", shmget(key, 1, IPC_CREAT | 0600));
    say("remove", shmctl(shm, IPC_RMID, NULL));
    say("missing", (long)shmat(-1, NULL, SHM_RDONLY));
    // More than are known at a time: making and removing goes on.
    for (int i = 0; i < 5000; i++)
        shmctl(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), IPC_RMID, NULL);
    int own = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    char *memory = shmat(own, NULL, 0);
    say("own", memory == (void *)-1 ? -1 : (*memory = 1));
    say("own_remove", shmctl(own, IPC_RMID, NULL));
    int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600),
        set = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    struct {
        long type;
        char text;
    } message = {1, 'x'};
    say("own_send", msgsnd(queue, &message, 1, 0));
    say("own_queue", msgctl(queue, IPC_RMID, NULL));
    struct sembuf up = {0, 1, 0};
    say("own_up", semop(set, &up, 1));
    say("own_set", semctl(set, 0, IPC_RMID));
}

// POSIX message queues: one that was made outside, and one's own.
static void
queues(const char *outside, const char *own)
{
    say("open", mq_open(outside, O_RDWR));
    say("open_or_make", mq_open(outside, O_RDWR | O_CREAT, 0600, NULL));
    say("make", mq_open(outside, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    say("remove", mq_unlink(outside));
    mqd_t q = mq_open(own, O_RDWR | O_CREAT, 0600, NULL),
          again = mq_open(own, O_RDONLY | O_CREAT, 0600, NULL);
    say("own_send", mq_send(q, "x", 1, 1));
    char text[8192];
    say("own_receive", mq_receive(again, text, sizeof text, NULL));
    say("own_remove", mq_unlink(own));
    say("own_gone", mq_open(own, O_RDWR));
    say("own_send_again", mq_send(q, "x", 1, 1));
}

static char flipped[4096];
static atomic_bool stop;
static const char *names[2];

static void *
flip(void *arg)
{
    for (unsigned i = 0; !atomic_load_explicit(&stop, memory_order_relaxed); i++)
        memcpy(flipped, names[i & 1], strlen(names[i & 1]) + 1);
    return NULL;
}

// One thread opens while another changes the name under it.
static void
race(const char *allowed, const char *forbidden, int times)
{
    pthread_t t;
    unsigned good = 0, bad = 0;
    names[0] = allowed, names[1] = forbidden;
    memcpy(flipped, allowed, strlen(allowed) + 1);
    pthread_create(&t, NULL, flip, NULL);
    for (int i = 0; i < times; i++) {
        char c = 0;
        struct open_how how = {.flags = O_RDONLY};
        int fd = i & 1 ? (int)syscall(SYS_openat, AT_FDCWD, flipped, O_RDONLY)
                       : (int)syscall(SYS_openat2, AT_FDCWD, flipped, &how, sizeof how);
        if (fd < 0)
            continue;
        if (read(fd, &c, 1) == 1)
            *(c == 'A' ? &good : &bad) += 1;
        close(fd);
    }
    atomic_store(&stop, true);
    pthread_join(t, NULL);
    printf("race=%s\n", bad ? "leaked" : good ? "held" : "never opened");
}

static void
resolve_flags(const char *path)
{
    static const struct {
        const char *name;
        uint64_t flag;
    } rows[] = {{"none", 0},
                {"no_xdev", RESOLVE_NO_XDEV},
                {"no_magiclinks", RESOLVE_NO_MAGICLINKS},
                {"no_symlinks", RESOLVE_NO_SYMLINKS},
                {"beneath", RESOLVE_BENEATH},
                {"in_root", RESOLVE_IN_ROOT},
                {"cached", RESOLVE_CACHED}};
    int root = open("/", O_PATH | O_DIRECTORY);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char c;
        struct open_how how = {.resolve = rows[i].flag};
        int fd = (int)syscall(SYS_openat2, root, path + 1, &how, sizeof how);
        say(rows[i].name, fd >= 0 && read(fd, &c, 1) == 1 ? 0 : -1);
    }
}

static void
drop(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    syscall(SYS_capset, &h, none);
}

static void
drop_and_open(const char *path)
{
    drop();
    say("dropped", open(path, O_RDONLY));
}

static void
drop_and_open_queue(const char *name)
{
    say("made", mq_open(name, O_RDONLY | O_CREAT | O_EXCL, 0, NULL));
    say("opened", mq_open(name, O_RDWR));
    drop();
    say("dropped", mq_open(name, O_RDWR));
}

static void
copy_out(int fd)
{
    char buf[4096];
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
    if (n < 0)
        say("read", -1);
    else
        fwrite(buf, 1, (size_t)n, stdout);
}

// Own descriptors by their names in /proc mean the task's own objects.
static void
own(const char *file)
{
    char name[64];
    int pair[2];
    struct stat a, b;
    int gone = open("gone", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("gone");
    if (write(gone, "gone", 4) != 4 || pipe(pair) < 0)
        return;
    int fds[] = {gone, pair[0], pair[1], open(file, O_RDONLY)};
    static const char *const forms[] = {"/proc/self/fd", "/dev/fd", "/proc/thread-self/fd",
                                        "/proc/../proc/self/fd", "own-fds"};
    symlink("/proc/self/fd", "own-fds");
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned f = 0; f < sizeof forms / sizeof forms[0]; f++) {
            snprintf(name, sizeof name, "%s/%d", forms[f], fds[i]);
            int fd = open(name, i == 2 ? O_WRONLY : O_RDONLY);
            if (fd < 0 || fstat(fd, &a) < 0 || fstat(fds[i], &b) < 0 || a.st_ino != b.st_ino ||
                a.st_dev != b.st_dev)
                printf("%s (kind %u): %s\n", name, i, fd < 0 ? strerrorname_np(errno) : "another");
            close(fd);
        }
    }
    puts("own=done");
}

static void *
open_leased(void *arg)
{
    int fd = open(arg, O_WRONLY);
    say("broken", fd);
    return NULL;
}

// A lease of our own on a file that is opened on behalf must hold nobody else up.
static void
lease(const char *leased, const char *other)
{
    pthread_t t;
    unsigned opened = 0;
    signal(SIGIO, SIG_IGN);
    int fd = open(leased, O_RDONLY);
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) {
        say("lease", -1);
        return;
    }
    pthread_create(&t, NULL, open_leased, (void *)(uintptr_t)leased);
    while (fcntl(fd, F_GETLEASE) == F_RDLCK) // the open has begun when it is to be given back
        opened += close(open(other, O_RDONLY)) == 0;
    for (int i = 0; i < 100; i++)
        opened += close(open(other, O_RDONLY)) == 0;
    say("lease", opened >= 100 ? 0 : -1);
    fcntl(fd, F_SETLEASE, F_UNLCK);
    pthread_join(t, NULL);
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(what, "calls") == 0)
        calls_refused();
    else if (strcmp(what, "abis") == 0)
        other_abis(arg);
    else if (strcmp(what, "processes") == 0)
        processes((pid_t)atoi(arg));
    else if (strcmp(what, "sysv") == 0 && argc > 3)
        sysv(atoi(arg), (key_t)strtol(argv[3], NULL, 0));
    else if (strcmp(what, "queues") == 0 && argc > 3)
        queues(arg, argv[3]);
    else if (strcmp(what, "queue") == 0)
        say("queue", mq_open(arg, O_CREAT | O_EXCL | O_RDWR, 0600, NULL));
    else if (strcmp(what, "unqueue") == 0)
        say("unqueue", mq_unlink(arg));
    else if (strcmp(what, "race") == 0 && argc > 4)
        race(arg, argv[3], atoi(argv[4]));
    else if (strcmp(what, "lease") == 0 && argc > 3)
        lease(arg, argv[3]);
    else if (strcmp(what, "resolve") == 0)
        resolve_flags(arg);
    else if (strcmp(what, "drop") == 0)
        drop_and_open(arg);
    else if (strcmp(what, "drop_queue") == 0)
        drop_and_open_queue(arg);
    else if (strcmp(what, "own") == 0)
        own(arg);
    else if (strcmp(what, "write") == 0)
        say("write", open(arg, O_WRONLY | O_NOCTTY));
    else if (strcmp(what, "link") == 0)
        say("link", link(arg, "hardlink"));
    else if (strcmp(what, "read") == 0)
        copy_out(open(arg, O_RDONLY | O_NOCTTY));
    else
        return 2;
    return 0;
}
