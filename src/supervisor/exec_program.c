// SPDX-License-Identifier: Apache-2.0
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

#include "copies.h"
#include "exec.h"
#include "file_state.h"
#include "kernel.h"
#include "mounts.h"
#include "util.h"

int
exec_reopen(int path_fd, int flags)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", path_fd);
    // A lease on it may be the sandbox's: nobody waits for that.
    int fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
    return fd < 0 ? -errno : fd;
}

int
exec_read_head(int path_fd, bool now, char head[EXEC_HEAD])
{
    struct stat st;
    memset(head, 0, EXEC_HEAD);
    int ret = mount_stat(path_fd, &st);
    if (ret < 0)
        return ret;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    if (now && !resolve_is_local(path_fd))
        return -EAGAIN;
    cleanup_fd int fd = exec_reopen(path_fd, O_NONBLOCK);
    if (fd < 0)
        return fd;
    struct iovec iov = {.iov_base = head, .iov_len = EXEC_HEAD};
    ssize_t n = preadv2(fd, &iov, 1, 0, now ? RWF_NOWAIT : 0);
    // tmpfs has no such reads, and nothing to wait for.
    if (n < 0 && errno == EOPNOTSUPP)
        n = preadv2(fd, &iov, 1, 0, 0);
    return n < 0 ? -errno : 0;
}

#if defined __x86_64__
#define MACHINE EM_X86_64
#define MACHINE_COMPAT EM_386
#elif defined __aarch64__
#define MACHINE EM_AARCH64
#define MACHINE_COMPAT EM_ARM
#else
#error "which ELF machine is this?"
#endif

enum exec_format
exec_format_of(const char head[EXEC_HEAD])
{
    Elf64_Ehdr e;
    if (head[0] == '#' && head[1] == '!')
        return EXEC_SCRIPT;
    // e_machine lies at the same place in both classes.
    memcpy(&e, head, sizeof e);
    if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0)
        return EXEC_OTHER;
    return e.e_machine == MACHINE          ? EXEC_NATIVE
           : e.e_machine == MACHINE_COMPAT ? EXEC_COMPAT
                                           : EXEC_OTHER;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

int
exec_parse_line(const char head[EXEC_HEAD], char interpreter[EXEC_HEAD], char argument[EXEC_HEAD])
{
    const char *limit = head + EXEC_HEAD - 1;
    const char *end = memchr(head, '\n', EXEC_HEAD);
    const char *name = head + 2;
    if (!end) {
        // A name that may have been cut is none.
        while (name < limit && is_blank(*name))
            name++;
        const char *p = name;
        while (p < limit && *p && !is_blank(*p))
            p++;
        if (*p && !is_blank(*p))
            return -ENOEXEC;
        end = limit;
    }
    while (end > head + 2 && is_blank(end[-1]))
        end--;
    for (name = head + 2; name < end && is_blank(*name); name++)
        ;
    size_t n = 0;
    while (name + n < end && name[n] && !is_blank(name[n]))
        n++;
    // A name that ends before the line does is the empty one: that is the directory.
    if (n == 0)
        return name < end ? -EACCES : -ENOEXEC;
    memcpy(interpreter, name, n);
    interpreter[n] = 0;
    argument[0] = 0;
    if (name + n < end && name[n]) {
        const char *arg = name + n;
        while (arg < end && is_blank(*arg))
            arg++;
        n = strnlen(arg, (size_t)(end - arg));
        memcpy(argument, arg, n);
        argument[n] = 0;
    }
    return 0;
}

// --- digests and copies ------------------------------------------------------------------------

// What was hashed before. A file is known again by what no program inside can set: its status
// change time beside the rest.
struct known {
    struct file_state state;
    uint8_t sha256[SHA256_LEN];
    int copy; /* sealed, or -1; owned */
    uint64_t used;
};
#define KNOWN_MAX 256
#define COPIES_MAX (256ull << 20) /* bytes of copies kept for the next time */
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct known known[KNOWN_MAX];
static uint64_t known_clock;

static struct known *
known_find(const struct stat *st)
{
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        struct known *k = &known[i];
        if (k->used && file_state_is(&k->state, st)) {
            k->used = ++known_clock;
            return k;
        }
    }
    return NULL;
}

static void
known_drop(struct known *k)
{
    if (k->used && k->copy >= 0)
        close(k->copy);
    *k = (struct known){.copy = -1};
}

static uint64_t
known_bytes(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < KNOWN_MAX; i++)
        if (known[i].used && known[i].copy >= 0)
            sum += known[i].state.size;
    return sum;
}

static struct known *
known_oldest(bool with_copy)
{
    struct known *oldest = NULL;
    for (size_t i = 0; i < KNOWN_MAX; i++) {
        if (with_copy && (!known[i].used || known[i].copy < 0))
            continue;
        if (!oldest || known[i].used < oldest->used)
            oldest = &known[i];
    }
    return oldest;
}

// A time stamp that is as coarse as a tick of the clock does not tell two changes of one tick
// apart.
static bool
is_settled(const struct stat *st)
{
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec > st->st_ctim.tv_sec + 1;
}

// copy: kept as a duplicate, or -1.
static void
known_add(const struct stat *st, const uint8_t *sha256, int copy)
{
    if (!is_settled(st))
        return;
    pthread_mutex_lock(&known_lock);
    struct known *k = known_find(st);
    if (!k) {
        k = known_oldest(false);
        known_drop(k);
        *k = (struct known){.state = file_state_of(st), .copy = -1, .used = ++known_clock};
        memcpy(k->sha256, sha256, SHA256_LEN);
    }
    if (copy >= 0 && k->copy < 0)
        k->copy = fcntl(copy, F_DUPFD_CLOEXEC, 3);
    // The newest stays whatever its size: those who run it share its memory.
    struct known *oldest;
    while (known_bytes() > COPIES_MAX && (oldest = known_oldest(true)) != k)
        close_fd(&oldest->copy);
    pthread_mutex_unlock(&known_lock);
}

// Reads all of it; to: also writes it there, or -1. -ETXTBSY when it is being written.
static int
hash(int fd, int to, struct stat *ret_st, uint8_t ret_sha256[SHA256_LEN])
{
    struct stat before, after;
    crypto_hash_sha256_state h;
    cleanup_free char *block = xmalloc(1 << 17);
    if (fstat(fd, &before) < 0)
        return -errno;
    if (before.st_size > NONO_EXEC_PROGRAM_MAX)
        return -EFBIG;
    crypto_hash_sha256_init(&h);
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, block, 1 << 17, at)) > 0) {
        int ret = to >= 0 ? write_all(to, block, (size_t)n) : 0;
        if (ret < 0)
            return ret;
        crypto_hash_sha256_update(&h, (unsigned char *)block, (unsigned long long)n);
        at += n;
        if (at > before.st_size)
            return -ETXTBSY;
    }
    if (n < 0 || fstat(fd, &after) < 0)
        return -errno;
    crypto_hash_sha256_final(&h, ret_sha256);
    const struct file_state state = file_state_of(&before);
    if (at != after.st_size || !file_state_is(&state, &after))
        return -ETXTBSY;
    *ret_st = after;
    return 0;
}

bool
exec_digest_known(const struct stat *st, uint8_t ret_sha256[SHA256_LEN])
{
    pthread_mutex_lock(&known_lock);
    const struct known *k = known_find(st);
    if (k)
        memcpy(ret_sha256, k->sha256, SHA256_LEN);
    pthread_mutex_unlock(&known_lock);
    return k;
}

int
exec_digest(int path_fd, bool fresh, struct stat *ret_st, uint8_t ret_sha256[SHA256_LEN])
{
    struct stat st;
    if (fstat(path_fd, &st) < 0)
        return -errno;
    if (!fresh && exec_digest_known(&st, ret_sha256)) {
        *ret_st = st;
        return 0;
    }
    cleanup_fd int fd = exec_reopen(path_fd, 0);
    if (fd < 0)
        return fd;
    int ret = hash(fd, -1, ret_st, ret_sha256);
    if (ret == 0)
        known_add(ret_st, ret_sha256, -1);
    return ret;
}

static int
known_copy(const struct stat *st, uint8_t ret_sha256[SHA256_LEN])
{
    pthread_mutex_lock(&known_lock);
    const struct known *k = known_find(st);
    int fd = k && k->copy >= 0 ? fcntl(k->copy, F_DUPFD_CLOEXEC, 3) : -1;
    if (fd >= 0)
        memcpy(ret_sha256, k->sha256, SHA256_LEN);
    pthread_mutex_unlock(&known_lock);
    return fd;
}

static int
new_memfd(void)
{
    int fd = memfd_create(NONO_COPY_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING | NONO_MFD_EXEC);
    // Before Linux 6.3 every one can be run.
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(NONO_COPY_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

int
exec_copy(int path_fd, uint8_t ret_sha256[SHA256_LEN])
{
    struct stat st;
    if (fstat(path_fd, &st) < 0)
        return -errno;
    int fd = known_copy(&st, ret_sha256);
    if (fd >= 0)
        return fd;
    cleanup_fd int from = exec_reopen(path_fd, 0);
    if (from < 0)
        return from;
    cleanup_fd int to = new_memfd();
    if (to < 0)
        return to;
    int ret = hash(from, to, &st, ret_sha256);
    if (ret < 0)
        return ret;
    if (fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -errno;
    // What is open for writing cannot be run (ETXTBSY).
    fd = exec_reopen(to, 0);
    if (fd >= 0)
        known_add(&st, ret_sha256, fd);
    return fd;
}
