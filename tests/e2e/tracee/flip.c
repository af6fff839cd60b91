// SPDX-License-Identifier: Apache-2.0
// flip WHAT ALLOWED FORBIDDEN TIMES: makes one kind of call while another thread changes the path
// under it, from one to the other and back. Prints whether it was done with the allowed one and
// refused for the forbidden one, and "touched" when the latter changed or was handed over. Works in
// the current directory and puts ALLOWED back in place after each call.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char flipped[4096];
static atomic_bool stop;
static const char *allowed, *forbidden;
static struct stat before; /* of the forbidden one */
static unsigned done, refused, touched, failed;

static void *
flip(void *arg)
{
    size_t n = strlen(allowed) + 1;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        memcpy(flipped, forbidden, n);
        // Long enough for a call to be received with one and looked at with the other.
        for (unsigned i = 0; i < 200; i++)
            atomic_signal_fence(memory_order_seq_cst);
        memcpy(flipped, allowed, n);
        for (unsigned i = 0; i < 200; i++)
            atomic_signal_fence(memory_order_seq_cst);
    }
    return NULL;
}

// Nothing that looks is mediated.
static bool
is_untouched(void)
{
    struct stat now;
    return lstat(forbidden, &now) == 0 && now.st_ino == before.st_ino &&
           now.st_dev == before.st_dev && now.st_mode == before.st_mode &&
           now.st_size == before.st_size && now.st_nlink == before.st_nlink &&
           now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == before.st_ctim.tv_nsec;
}

static void
put_back(void)
{
    int fd = open(allowed, O_CREAT | O_WRONLY, 0644);
    if (fd < 0 || write(fd, "A", 1) != 1)
        failed++;
    close(fd);
}

static bool
is_forbidden(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_ino == before.st_ino && st.st_dev == before.st_dev;
}

static int
run_program(void)
{
    int status;
    pid_t pid = vfork();
    if (pid == 0) {
        char *argv[] = {flipped, NULL};
        syscall(SYS_execve, flipped, argv, NULL);
        _exit(99);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) == 99)
        return -1;
    // ALLOWED is a true(1), FORBIDDEN a false(1).
    touched += WEXITSTATUS(status) == 1;
    return 0;
}

// One call. 0, or -1 when it failed.
static int
attempt(const char *what)
{
    int ret = -1;
    if (strcmp(what, "open") == 0) {
        ret = (int)syscall(SYS_openat, AT_FDCWD, flipped, O_RDONLY);
        touched += ret >= 0 && is_forbidden(ret);
        close(ret);
    } else if (strcmp(what, "write") == 0) {
        ret = (int)syscall(SYS_openat, AT_FDCWD, flipped, O_WRONLY | O_TRUNC | O_CREAT, 0600);
        touched += ret >= 0 && is_forbidden(ret);
        close(ret);
    } else if (strcmp(what, "truncate") == 0) {
        ret = truncate(flipped, 3);
    } else if (strcmp(what, "chmod") == 0) {
        ret = (int)syscall(SYS_fchmodat, AT_FDCWD, flipped, 0600);
    } else if (strcmp(what, "chown") == 0) {
        ret = lchown(flipped, geteuid(), getegid());
    } else if (strcmp(what, "utimes") == 0) {
        const struct timespec times[2] = {{5, 5}, {5, 5}};
        ret = (int)syscall(SYS_utimensat, AT_FDCWD, flipped, times, 0);
    } else if (strcmp(what, "setxattr") == 0) {
        ret = (int)syscall(SYS_setxattr, flipped, "user.x", "x", 1, 0);
    } else if (strcmp(what, "unlink") == 0) {
        if ((ret = unlink(flipped)) == 0)
            put_back();
    } else if (strcmp(what, "rename-from") == 0) {
        if ((ret = rename(flipped, "got")) == 0)
            failed += rename("got", allowed) < 0;
    } else if (strcmp(what, "rename-to") == 0) {
        if ((ret = rename("mine", flipped)) == 0)
            failed += rename(allowed, "mine") < 0;
    } else if (strcmp(what, "link-from") == 0) {
        if ((ret = link(flipped, "got")) == 0)
            failed += unlink("got") < 0;
    } else if (strcmp(what, "link-to") == 0) {
        // The forbidden place is beside the forbidden file: nothing may appear there.
        if ((ret = link("mine", flipped)) == 0)
            failed += unlink(allowed) < 0;
    } else if (strcmp(what, "exec") == 0) {
        ret = run_program();
    } else {
        exit(2);
    }
    return ret < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
    pthread_t t;
    if (argc != 5 || strlen(argv[2]) != strlen(argv[3]) || strlen(argv[2]) >= sizeof flipped)
        return 2;
    allowed = argv[2], forbidden = argv[3];
    strcpy(flipped, allowed);
    unsigned times = (unsigned)atoi(argv[4]);
    bool absent = strcmp(argv[1], "link-to") == 0;
    if (absent ? lstat(forbidden, &before) == 0 : lstat(forbidden, &before) < 0)
        return 3;
    pthread_create(&t, NULL, flip, NULL);
    // On a busy machine a short run may see but one of the two.
    for (unsigned i = 0; i < times || ((!done || !refused) && i < 200 * times); i++) {
        *(attempt(argv[1]) == 0 ? &done : &refused) += 1;
        if (absent ? lstat(forbidden, &before) == 0 : !is_untouched()) {
            touched++;
            break;
        }
    }
    atomic_store(&stop, true);
    pthread_join(t, NULL);
    printf("%s: %s, %s, %s%s\n", argv[1], done ? "done" : "never done",
           refused ? "refused" : "never refused", touched ? "touched" : "held",
           failed ? ", not put back" : "");
    return 0;
}
