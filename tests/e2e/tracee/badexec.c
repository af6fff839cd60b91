// SPDX-License-Identifier: Apache-2.0
// badexec PROGRAM - what the kernel answers to odd arguments of execve(2) and execveat(2).
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)-4096L)

static void
show(const char *what, long ret)
{
    printf("%s: %ld %s\n", what, ret, ret < 0 ? strerror(errno) : "");
}

int
main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    const char *program = argv[1];
    char *none[] = {NULL}, *bad[] = {BAD, NULL}, *word[] = {argv[1], NULL};
    static char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    int file = open(program, O_PATH | O_CLOEXEC), dir = open(".", O_PATH | O_CLOEXEC);
    char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + 4096, 4096);
    memset(edge, '/', 4096);
    setvbuf(stdout, NULL, _IONBF, 0);
    show("no path", syscall(SYS_execve, NULL, none, none));
    show("bad path", syscall(SYS_execve, BAD, none, none));
    show("path at the edge", syscall(SYS_execve, edge + 4090, none, none));
    show("empty path", syscall(SYS_execve, "", none, none));
    show("long path", syscall(SYS_execve, longest, none, none));
    show("bad argv", syscall(SYS_execve, program, BAD, none));
    show("bad string", syscall(SYS_execve, program, bad, none));
    show("bad environment", syscall(SYS_execve, program, word, BAD));
    show("bad environment string", syscall(SYS_execve, program, word, bad));
    show("directory", syscall(SYS_execve, "/", word, none));
    show("device", syscall(SYS_execve, "/dev/null", word, none));
    show("bad flags", syscall(SYS_execveat, file, "", word, none, 0x40000000));
    show("empty without the flag", syscall(SYS_execveat, file, "", word, none, 0));
    show("no path with the flag", syscall(SYS_execveat, file, NULL, word, none, AT_EMPTY_PATH));
    show("bad descriptor", syscall(SYS_execveat, 99, "", word, none, AT_EMPTY_PATH));
    show("bad directory", syscall(SYS_execveat, 99, "x", word, none, 0));
    show("file as directory", syscall(SYS_execveat, file, "x", word, none, 0));
    show("directory itself", syscall(SYS_execveat, dir, "", word, none, AT_EMPTY_PATH));
    symlink(program, "badexec-link");
    show("link", syscall(SYS_execveat, dir, "badexec-link", word, none, AT_SYMLINK_NOFOLLOW));
    unlink("badexec-link");
    char *huge = malloc(200000);
    memset(huge, 'y', 199999);
    huge[199999] = 0;
    char *one_huge[] = {huge, NULL};
    show("one huge string", syscall(SYS_execve, program, one_huge, none));
    char **many = calloc(60001, sizeof *many);
    huge[100] = 0;
    for (int i = 0; i < 60000; i++)
        many[i] = huge;
    show("too many strings", syscall(SYS_execve, program, many, none));
    many[30] = NULL;
    many[0] = argv[1];
    fflush(stdout);
    // The last one runs.
    show("many strings, no environment", syscall(SYS_execve, program, many, NULL));
    return 0;
}
