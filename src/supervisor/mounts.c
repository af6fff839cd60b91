// SPDX-License-Identifier: Apache-2.0
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util.h"

#define MOUNTS "/proc/self/mountinfo"
#define MOUNTS_BYTES_MAX (16u << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int watch = -1; /* tells when the table has changed (proc_pid_mountinfo(5)) */
static struct row {
    unsigned id;
    enum mount_kind kind;
} * rows; /* as the kernel lists them */
static size_t n_rows;

static enum mount_kind
kind_of_name(const char *name)
{
    static const char *const local[] = {"ext2",     "ext3",     "ext4",  "xfs",     "btrfs",
                                        "f2fs",     "tmpfs",    "ramfs", "overlay", "sysfs",
                                        "devtmpfs", "squashfs", "erofs"};
    if (strcmp(name, "proc") == 0)
        return MOUNT_PROC;
    for (size_t i = 0; i < ARRAY_SIZE(local); i++)
        if (strcmp(name, local[i]) == 0)
            return MOUNT_LOCAL;
    return MOUNT_REMOTE;
}

// Of what is mounted nowhere (a pipe, a memfd): the kernel's own, which answers.
static int
kind_of_unlisted(int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return -errno;
    return fs.f_type == PROC_SUPER_MAGIC ? MOUNT_PROC
           : fs.f_type == TMPFS_MAGIC    ? MOUNT_LOCAL
                                         : MOUNT_REMOTE;
}

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
static void
read_rows(void)
{
    cleanup_free char *text = NULL;
    n_rows = 0;
    if (read_file_at(AT_FDCWD, MOUNTS, MOUNTS_BYTES_MAX, &text) < 0)
        return;
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        char *type = strstr(line, " - "); // spaces of names are escaped
        if (!type)
            continue;
        type += 3;
        type[strcspn(type, " ")] = 0;
        rows = xrealloc(rows, (n_rows + 1) * sizeof *rows);
        rows[n_rows++] =
            (struct row){.id = (unsigned)strtoul(line, NULL, 10), .kind = kind_of_name(type)};
    }
}

static const struct row *
find_row(unsigned id)
{
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i].id == id)
            return &rows[i];
    return NULL;
}

int
mount_kind_of(int fd)
{
    struct statx sx;
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &sx) < 0)
        return -errno;
    if (!(sx.stx_mask & STATX_MNT_ID))
        return kind_of_unlisted(fd);
    pthread_mutex_lock(&lock);
    struct pollfd p = {.events = POLLPRI};
    if (watch < 0)
        watch = open(MOUNTS, O_RDONLY | O_CLOEXEC);
    p.fd = watch;
    // The number of a mount that is gone is given to another.
    if (!n_rows || watch < 0 || poll(&p, 1, 0) != 0)
        read_rows();
    const struct row *r = find_row((unsigned)sx.stx_mnt_id);
    int kind = r ? (int)r->kind : kind_of_unlisted(fd);
    pthread_mutex_unlock(&lock);
    return kind;
}

int
mount_stat(int fd, struct stat *ret_st)
{
    struct statx sx;
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &sx) < 0)
        return -errno;
    *ret_st = (struct stat){.st_dev = makedev(sx.stx_dev_major, sx.stx_dev_minor),
                            .st_ino = sx.stx_ino,
                            .st_mode = sx.stx_mode,
                            .st_nlink = sx.stx_nlink,
                            .st_uid = sx.stx_uid,
                            .st_gid = sx.stx_gid,
                            .st_rdev = makedev(sx.stx_rdev_major, sx.stx_rdev_minor),
                            .st_size = (off_t)sx.stx_size,
                            .st_blksize = sx.stx_blksize,
                            .st_blocks = (blkcnt_t)sx.stx_blocks,
                            .st_atim = {sx.stx_atime.tv_sec, sx.stx_atime.tv_nsec},
                            .st_mtim = {sx.stx_mtime.tv_sec, sx.stx_mtime.tv_nsec},
                            .st_ctim = {sx.stx_ctime.tv_sec, sx.stx_ctime.tv_nsec}};
    return 0;
}
