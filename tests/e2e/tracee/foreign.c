// SPDX-License-Identifier: Apache-2.0
// foreign FILE: makes calls of another ABI from a program of this machine's own: getpid of 32 bits
// and of x32, and what is openat here by the gates of both. Prints what they give, and the content
// of whatever could be opened.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define X32 0x40000000l

static long
call32(long nr, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(nr), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
}

static long
call_x32(long nr, long a, long b, long c)
{
    long result = syscall(nr | X32, a, b, c);
    return result < 0 ? -errno : result;
}

static void
show(const char *what, long result)
{
    char text[64];
    const char *error = result < 0 ? strerrorname_np((int)-result) : NULL;
    printf("%s: %s\n", what, error ? error : "done");
    ssize_t n = result > 2 ? read((int)result, text, sizeof text) : 0;
    fwrite(text, 1, n > 0 ? (size_t)n : 0, stdout);
}

int
main(int argc, char **argv)
{
    // Where a pointer of 32 bits reaches.
    char *low =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (argc != 2 || low == MAP_FAILED || strlen(argv[1]) > 4000)
        return 2;
    strcpy(low, argv[1]);
    show("getpid of 32 bits", call32(20, 0, 0, 0) > 0 ? 0 : -ENOSYS);
    show("getpid of x32", call_x32(SYS_getpid, 0, 0, 0) > 0 ? 0 : -ENOSYS);
    // The same number means something else there.
    show("257 of 32 bits", call32(SYS_openat, AT_FDCWD, (long)(intptr_t)low, O_RDONLY));
    show("open of 32 bits", call32(5, (long)(intptr_t)low, O_RDONLY, 0));
    show("openat of x32", call_x32(SYS_openat, AT_FDCWD, (long)(intptr_t)low, O_RDONLY));
    return 0;
}
#else
int
main(void)
{
    return 77;
}
#endif
