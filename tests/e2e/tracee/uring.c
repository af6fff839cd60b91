// SPDX-License-Identifier: Apache-2.0
// uring FILE: opens FILE through an io_uring, where no filter sees the call, and prints what is
// there.
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
fail(const char *what, int error)
{
    printf("%s: %s\n", what, strerrorname_np(error));
    return 1;
}

int
main(int argc, char **argv)
{
    struct io_uring_params p = {0};
    char text[64];
    int ring = (int)syscall(SYS_io_uring_setup, 4, &p);
    if (ring < 0)
        return fail("io_uring_setup", errno);
    size_t size = p.sq_off.array + p.sq_entries * sizeof(unsigned);
    size_t completions = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    char *shared = mmap(NULL, size > completions ? size : completions, PROT_READ | PROT_WRITE,
                        MAP_SHARED, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entries = mmap(NULL, p.sq_entries * sizeof *entries,
                                        PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    if (argc != 2 || shared == MAP_FAILED || entries == MAP_FAILED)
        return fail("mmap", errno);
    entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
                                       .fd = AT_FDCWD,
                                       .addr = (uintptr_t)argv[1],
                                       .open_flags = O_RDONLY};
    *(unsigned *)(shared + p.sq_off.array) = 0;
    __atomic_store_n((unsigned *)(shared + p.sq_off.tail), 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
        return fail("io_uring_enter", errno);
    int fd = ((struct io_uring_cqe *)(shared + p.cq_off.cqes))[0].res;
    if (fd < 0)
        return fail("open", -fd);
    ssize_t n = read(fd, text, sizeof text);
    fwrite(text, 1, n < 0 ? 0 : (size_t)n, stdout);
    return 0;
}
