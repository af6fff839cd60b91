// SPDX-License-Identifier: Apache-2.0
// started [WORD...] - says how it was started: everything that a program can find out about it.
// With the first word "at" it first runs itself by execveat(2) of a descriptor, with "spawn" by
// posix_spawn(3), with "thread" from a thread of several: started at|spawn|thread PROGRAM
// [WORD...].
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void
show_signals(void)
{
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    printf("blocked");
    for (int i = 1; i < 64; i++)
        if (sigismember(&set, i) == 1)
            printf(" %d", i);
    printf("\nignored");
    for (int i = 1; i < 64; i++) {
        struct sigaction act;
        if (sigaction(i, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
            printf(" %d", i);
    }
    printf("\n");
}

static void
show(int argc, char **argv)
{
    char comm[17] = "";
    prctl(PR_GET_NAME, comm);
    printf("comm %s\n", comm);
    printf("execfn %s\n", (const char *)getauxval(AT_EXECFN));
    for (int i = 0; i < argc; i++)
        printf("argv %d %s\n", i, argv[i]);
    printf("environment %s\n", getenv("STARTED") ? getenv("STARTED") : "-");
    for (int fd = 0; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("fd %d\n", fd);
    show_signals();
    printf("main thread %d\n", getpid() == (int)syscall(SYS_gettid));
}

static void
must(int ret, const char *what)
{
    if (ret == 0)
        return;
    perror(what);
    exit(3);
}

static char **thread_argv;

static void *
thread_main(void *arg)
{
    (void)arg;
    execv(thread_argv[0], thread_argv);
    perror("execv");
    exit(3);
}

static void *
thread_idle(void *arg)
{
    (void)arg;
    while (pause() < 0)
        ;
    return NULL;
}

static int
start(const char *how, char **argv)
{
    if (strcmp(how, "at") == 0) {
        int fd = open(argv[0], O_PATH | O_CLOEXEC);
        syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
        perror("execveat");
        return 3;
    }
    if (strcmp(how, "spawn") == 0) {
        pid_t pid;
        int status = 0;
        must(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), "posix_spawn");
        must(waitpid(pid, &status, 0) != pid, "waitpid");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    pthread_t t;
    thread_argv = argv;
    for (int i = 0; i < 4; i++)
        must(pthread_create(&t, NULL, thread_idle, NULL), "pthread_create");
    must(pthread_create(&t, NULL, thread_main, NULL), "pthread_create");
    thread_idle(NULL);
    return 3;
}

int
main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[1] : "";
    if (strcmp(how, "at") == 0 || strcmp(how, "spawn") == 0 || strcmp(how, "thread") == 0)
        return start(how, argv + 2);
    show(argc, argv);
    return 0;
}
