// SPDX-License-Identifier: Apache-2.0
// processes forks N: N children that open a file and exit with a status of their own, each waited
// for. processes spawns: eight threads, each starting programs by posix_spawn(3) one after another.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define SPAWNS 25

extern char **environ;

static int
forks(int n)
{
    int good = 0;
    for (int i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
            _exit(fd < 0 ? 255 : i % 200);
        }
        int status;
        if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == i % 200)
            good++;
    }
    printf("forks good=%d\n", good);
    return 0;
}

static void *
spawner(void *arg)
{
    intptr_t good = 0;
    (void)arg;
    for (int i = 0; i < SPAWNS; i++) {
        char name[] = "true", *argv[] = {name, NULL};
        pid_t pid;
        int status;
        if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0 &&
            waitpid(pid, &status, 0) == pid && status == 0)
            good++;
    }
    return (void *)good;
}

static int
spawns(void)
{
    pthread_t t[THREADS];
    intptr_t good = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, spawner, NULL);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(t[i], &result);
        good += (intptr_t)result;
    }
    printf("spawns good=%d\n", (int)good);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "forks") == 0)
        return forks(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "spawns") == 0)
        return spawns();
    return 2;
}
