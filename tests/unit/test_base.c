// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "queue.h"
#include "util.h"

static bool
is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

Test(queue, order_and_wake_up)
{
    struct queue *q = queue_new(4);
    struct msg m = {0};
    cr_assert_not(is_readable(queue_fd(q)));
    cr_assert_not(queue_pop(q, &m));
    for (int i = 1; i <= 3; i++)
        cr_assert_eq(queue_push(q, &(struct msg){.type = i}, 0), 0);
    cr_assert(is_readable(queue_fd(q)));
    cr_assert_eq(queue_room(q), 1);
    for (int i = 1; i <= 3; i++) {
        cr_assert(queue_pop(q, &m));
        cr_assert_eq(m.type, i);
    }
    cr_assert_not(queue_pop(q, &m));
    cr_assert_not(is_readable(queue_fd(q)));
    queue_free(q);
}

Test(queue, wraps)
{
    struct queue *q = queue_new(3);
    struct msg m;
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(queue_push(q, &(struct msg){.type = i}, 0), 0);
        cr_assert_eq(queue_push(q, &(struct msg){.type = -i}, 0), 0);
        cr_assert(queue_pop(q, &m));
        cr_assert_eq(m.type, i);
        cr_assert(queue_pop(q, &m));
        cr_assert_eq(m.type, -i);
    }
    queue_free(q);
}

static int freed;

static void
count_free(void *p)
{
    free(p);
    freed++;
}

Test(queue, full_keeps_the_message_with_its_owner)
{
    struct queue *q = queue_new(2);
    struct msg m = {.type = 1, .data = malloc(1), .free = count_free};
    cr_assert_eq(queue_push(q, &m, 0), 0);
    struct msg other = {.type = 2, .data = malloc(1), .free = count_free};
    cr_assert_eq(queue_push(q, &other, 1), -EAGAIN);
    cr_assert_not_null(other.data);
    cr_assert_eq(queue_push(q, &other, 0), 0);
    cr_assert_eq(queue_push(q, &(struct msg){.type = 3}, 0), -EAGAIN);
    freed = 0;
    cr_assert_null(queue_free(q));
    cr_assert_eq(freed, 2);
    cr_assert_null(queue_free(NULL));
}

Test(buf, grows_and_ends_in_nul)
{
    cleanup_buf struct buf b = {0};
    cr_assert_str_eq(buf_str(&b), "");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    cr_assert_eq(strlen(b.data), b.len);
    cr_assert_eq(strncmp(b.data, "0,1,2,", 6), 0);
    buf_consume(&b, 2);
    cr_assert_eq(strncmp(b.data, "1,2,", 4), 0);
    buf_consume(&b, b.len + 5);
    cr_assert_eq(b.len, 0);
    cr_assert_str_eq(buf_str(&b), "");
    buf_add(&b, "a\0b", 3);
    buf_putc(&b, 'c');
    cr_assert_eq(b.len, 4);
    cr_assert_arr_eq(b.data, "a\0bc", 5);
}

Test(buf, steal_leaves_an_empty_one)
{
    struct buf b = {0};
    char *s = buf_steal(&b);
    cr_assert_str_eq(s, "");
    free(s);
    buf_puts(&b, "text");
    s = buf_steal(&b);
    cr_assert_str_eq(s, "text");
    cr_assert_null(b.data);
    free(s);
    buf_done(&b);
}

Test(err, keeps_the_first)
{
    cleanup_err struct err e = {0};
    cr_assert_eq(err_set(&e, -ENOENT, "no %s", "file"), -ENOENT);
    cr_assert_eq(err_set(&e, -EIO, "later"), -EIO);
    err_wrap(&e, "in %s", "here");
    cr_assert_eq(e.code, -ENOENT);
    cr_assert_str_eq(e.msg, "in here: no file");
    cr_assert_eq(err_set(NULL, -EIO, "nobody reads this"), -EIO);
}

Test(util, ownership)
{
    char *p = xstrdup("x");
    char *q = steal_pointer(&p);
    cr_assert_null(p);
    cr_assert_str_eq(q, "x");
    free(q);
    int fd = open("/dev/null", O_RDONLY), old = fd;
    cr_assert_eq(steal_fd(&fd), old);
    cr_assert_eq(fd, -1);
    errno = EXDEV;
    close_fd(&old);
    cr_assert_eq(old, -1);
    close_fd(&old);
    cr_assert_eq(errno, EXDEV);
    cr_assert_null(xstrdup(NULL));
    char *n = xstrndup("abcdef", 3);
    cr_assert_str_eq(n, "abc");
    free(n);
}

Test(util, read_file)
{
    char *text = NULL;
    cr_assert_eq(read_file_at(AT_FDCWD, "/proc/self/nonexistent", 100, &text), -ENOENT);
    cr_assert_null(text);
    cr_assert_gt(read_file_at(AT_FDCWD, "/proc/self/stat", 4096, &text), 10);
    cr_assert_eq(strtol(text, NULL, 10), getpid());
    free(text);
    cr_assert_eq(read_file_at(AT_FDCWD, "/proc/self/stat", 4, &text), -EFBIG);
    // Up to the last byte, over the sizes that the buffer grows by.
    cleanup_fd int fd = memfd_create("file", 0);
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t size = 1; size < 20000; size = size * 2 + 1) {
        cr_assert_eq(ftruncate(fd, (off_t)size), 0);
        cr_expect_eq(read_file_at(AT_FDCWD, path, size, &text), (ssize_t)size, "%zu", size);
        free(steal_pointer(&text));
        cr_expect_eq(read_file_at(AT_FDCWD, path, size - 1, &text), -EFBIG, "%zu", size);
    }
}

Test(util, start_time)
{
    uint64_t mine = 0, again = 0;
    cr_assert_eq(proc_start_time(getpid(), &mine), 0);
    cr_assert_gt(mine, 0);
    cr_assert_eq(proc_start_time(getpid(), &again), 0);
    cr_assert_eq(mine, again);
    cr_assert_lt(proc_start_time(1 << 30, &again), 0);
}

Test(util, private_dir)
{
    char dir[] = "/tmp/nono-test.XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    char *path = xasprintf("%s/a/b", dir), *file = xasprintf("%s/a/b/f", dir);
    cr_assert_eq(make_private_dir(path), 0);
    cr_assert_eq(make_private_dir(path), 0);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0700);
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    cr_assert_eq(write_all(fd, "hello", 5), 0);
    close(fd);
    cr_assert_eq(make_private_dir(file), -ENOTDIR);
    unlink(file);
    rmdir(path);
    path[strlen(path) - 2] = 0;
    rmdir(path);
    rmdir(dir);
    free(path);
    free(file);
}

Test(clock, goes_on)
{
    uint64_t a = clock_mono_ns(), b = clock_mono_ns();
    cr_assert_leq(a, b);
    cr_assert_gt(clock_real_ns(), 1600000000ull * NS_PER_SEC);
}
