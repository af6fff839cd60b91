// SPDX-License-Identifier: Apache-2.0
// swap COUNT ALLOWED FORBIDDEN - runs a program COUNT times from a task that shares its memory and
// its descriptors with threads that swap the path, the argument and the descriptors for FORBIDDEN
// ones all the time. Says how many ended how.
// swap after COUNT ALLOWED FORBIDDEN - runs ALLOWED in a way that fails, and FORBIDDEN behind it.
// swap later path|argument ALLOWED FORBIDDEN - swaps once, while the call waits: when there is a
// file "go", then makes one "swapped". swap mark - what is run: leaves a file "ran-WORD" for its
// first argument, and "ran-FORBIDDEN" when its own file ends in that word.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[256], argument[8];
static const char *paths[2];

static void
leave(const char *word)
{
    char name[32];
    snprintf(name, sizeof name, "ran-%s", word);
    close(open(name, O_CREAT | O_WRONLY, 0600));
}

static int
mark(int argc, char **argv)
{
    char end[16] = "";
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd < 0 || lseek(fd, -9, SEEK_END) < 0 || read(fd, end, 9) != 9)
        return 1;
    if (strcmp(end, "FORBIDDEN") == 0)
        leave(end);
    if (argc > 2)
        leave(argv[2]);
    return 0;
}

static void *
swap_strings(void *arg)
{
    size_t n = strlen(paths[0]) + 1;
    for (unsigned i = 0;; i++) {
        memcpy(path, paths[i & 1], n);
        memcpy(argument, i & 1 ? "evil" : "good", 5);
        for (volatile int spin = 0; spin < 200; spin++)
            ;
    }
    return arg;
}

static void *
swap_descriptors(void *arg)
{
    int forbidden = open(paths[1], O_PATH | O_CLOEXEC);
    for (;;)
        for (int fd = 20; fd > 3; fd--)
            if (fd != forbidden)
                dup3(forbidden, fd, O_CLOEXEC);
    return arg;
}

static int
child(void *arg)
{
    char *argv[] = {path, (char *)"mark", argument, NULL};
    char *none[] = {NULL};
    (void)arg;
    execve(path, argv, none);
    _exit(9);
}

static int
after(int count, const char *allowed, const char *forbidden)
{
    static char huge[200000];
    char *too_long[] = {huge, NULL}, *word[] = {huge + sizeof huge - 5, (char *)"mark", NULL};
    unsigned ran = 0;
    memset(huge, 'x', sizeof huge - 1);
    for (int i = 0; i < count; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            execv(allowed, too_long);
            execv(forbidden, word);
            _exit(9);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 2;
        ran += !(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    }
    printf("ran %u\n", ran);
    return 0;
}

static int
later(const char *what, char **argv)
{
    static char stack[65536] __attribute__((aligned(16)));
    int status;
    strcpy(path, argv[0]);
    strcpy(argument, "good");
    pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    while (access("go", F_OK) < 0)
        usleep(1000);
    if (strcmp(what, "path") == 0)
        strcpy(path, argv[1]);
    else
        strcpy(argument, "evil");
    close(open("swapped", O_CREAT | O_WRONLY, 0600));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 2;
    printf("%s %d\n", WIFSIGNALED(status) ? "killed" : "ended", status);
    return 0;
}

int
main(int argc, char **argv)
{
    static char stack[65536] __attribute__((aligned(16)));
    pthread_t t;
    unsigned ran = 0, refused = 0, killed = 0;
    if (argc > 1 && strcmp(argv[1], "mark") == 0)
        return mark(argc, argv);
    if (argc == 5 && strcmp(argv[1], "after") == 0)
        return after(atoi(argv[2]), argv[3], argv[4]);
    if (argc == 5 && strcmp(argv[1], "later") == 0)
        return later(argv[2], argv + 3);
    if (argc < 4 || strlen(argv[2]) != strlen(argv[3]) || strlen(argv[2]) >= sizeof path)
        return 2;
    paths[0] = argv[2];
    paths[1] = argv[3];
    strcpy(path, argv[2]);
    strcpy(argument, "good");
    if (pthread_create(&t, NULL, swap_strings, NULL) != 0 ||
        pthread_create(&t, NULL, swap_descriptors, NULL) != 0)
        return 2;
    for (int i = 0; i < atoi(argv[1]); i++) {
        int status;
        pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            return 2;
        *(WIFSIGNALED(status) ? &killed : WEXITSTATUS(status) == 0 ? &ran : &refused) += 1;
    }
    printf("ran %u refused %u killed %u\n", ran, refused, killed);
    return 0;
}
