// SPDX-License-Identifier: Apache-2.0
// execs DIR: prints what execve(2) and execveat(2) give for every kind of program in DIR and for
// odd arguments. What runs prints what it was given. Run bare and supervised the two texts must be
// the same (I9). execs prepare DIR: fills DIR, with copies of itself as programs.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *env[] = {(char[]){"EXECS=1"}, (char[]){"B=two words"}, NULL};
static unsigned line;

static void
fail(const char *what)
{
    perror(what);
    exit(99);
}

// The program that runs: everything that it got, without what differs from run to run.
static int
report(int argc, char **argv)
{
    sigset_t blocked;
    struct sigaction action;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    sigaction(SIGUSR1, NULL, &action);
    printf("  ran:");
    for (int i = 0; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        printf(" [%.40s]", slash ? slash + 1 : argv[i]);
    }
    for (char **e = environ; *e; e++)
        printf(" {%.20s}", *e);
    printf(" fds");
    for (int fd = 0; fd < 70; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf(" %d:%x", fd, fcntl(fd, F_GETFD));
    mode_t mask = umask(0);
    printf(" umask %o ignored %d blocked %d secure %d\n", mask, action.sa_handler == SIG_IGN,
           sigismember(&blocked, SIGUSR2), geteuid() != getuid());
    return 7;
}

static void
make(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) < 0)
        fail(name);
    close(fd);
}

static void
copy_self(const char *name, mode_t mode)
{
    int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_CREAT | O_WRONLY, 0700);
    while (copy_file_range(from, NULL, to, NULL, 1 << 20, 0) > 0)
        ;
    if (from < 0 || to < 0 || fchmod(to, mode) < 0)
        fail(name);
    close(from);
    close(to);
}

static void
prepare(void)
{
    char text[600];
    copy_self("prog", 0755);
    copy_self("suid", 04755);
    copy_self("noexec", 0644);
    mkdir("sub", 0755);
    copy_self("sub/inner", 0755);
    mkdir("sealed", 0755);
    copy_self("sealed/inner", 0755);
    make("script", "#!./prog  one two \nrest\n", 0755);
    make("script-noexec", "#!./prog\n", 0644);
    make("nested", "#!./script more\n", 0755);
    make("deep", "#!./nested\n", 0755);
    make("deeper", "#!./deep\n", 0755);
    make("deepest", "#!./deeper\n", 0755);
    make("selfish", "#!./selfish\n", 0755);
    make("lost", "#!./nowhere\n", 0755);
    make("interp-dir", "#!./sub\n", 0755);
    make("interp-plain", "#!./noexec\n", 0755);
    make("no-newline", "#!./prog x", 0755);
    make("crlf", "#!./prog\r\n", 0755);
    make("blank", "#!   \n", 0755);
    make("sh", "#!/bin/sh\necho \"sh: $# $1 $EXECS\"; exit 5\n", 0755);
    make("env", "#!/usr/bin/env sh\necho \"env: $# $EXECS\"; exit 6\n", 0755);
    make("plain", "echo no interpreter\n", 0755);
    make("empty", "", 0755);
    make("garbage", "\177ELF and no more than that", 0755);
    make("odd\xff\n", "#!./prog odd\n", 0755);
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "#!./prog ", 9);
    text[sizeof text - 1] = 0;
    make("long-line", text, 0755);
    if (symlink("prog", "link") < 0 || symlink("script", "script-link") < 0 ||
        symlink("nowhere", "dangling") < 0 || symlink("loop", "loop") < 0 ||
        symlink("sub", "dlink") < 0 || mkfifo("fifo", 0755) < 0)
        fail("links");
    chmod("sealed", 0600);
}

// One call in a child of its own.
struct call {
    int nr;
    int dirfd;
    const void *path;
    const void *argv, *envp;
    int flags;
};

static void
attempt(const char *what, const struct call *c)
{
    int status;
    printf("%u %s: ", line++, what);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (c->nr == SYS_execve)
            syscall(SYS_execve, c->path, c->argv, c->envp);
        else
            syscall(SYS_execveat, c->dirfd, c->path, c->argv, c->envp, c->flags);
        puts(strerrorname_np(errno));
        fflush(stdout);
        _exit(98);
    }
    if (waitpid(pid, &status, 0) != pid)
        fail("waitpid");
    printf("  status %x\n", status);
}

static char *const usual[] = {(char[]){"zero"}, (char[]){"first argument"}, (char[]){""}, NULL};

static void
names(void)
{
    static const char *const all[] = {"prog",
                                      "./prog",
                                      "suid",
                                      "noexec",
                                      "sub",
                                      "sub/inner",
                                      "sub/../prog",
                                      "sealed/inner",
                                      "script",
                                      "nested",
                                      "deep",
                                      "deeper",
                                      "deepest",
                                      "selfish",
                                      "lost",
                                      "interp-dir",
                                      "interp-plain",
                                      "crlf",
                                      "no-newline",
                                      "blank",
                                      "sh",
                                      "env",
                                      "plain",
                                      "empty",
                                      "garbage",
                                      "odd\xff\n",
                                      "long-line",
                                      "link",
                                      "script-link",
                                      "dangling",
                                      "loop",
                                      "dlink/inner",
                                      "fifo",
                                      "missing",
                                      "missing/x",
                                      "prog/",
                                      "prog/x",
                                      "",
                                      ".",
                                      "/",
                                      "script-noexec",
                                      "/bin/true",
                                      "/etc/passwd",
                                      "/dev/null",
                                      "dlink/"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct call c = {SYS_execve, 0, all[i], usual, env, 0};
        attempt(all[i], &c);
        if (i % 3)
            continue;
        c = (struct call){SYS_execveat, AT_FDCWD, all[i], usual, env, AT_SYMLINK_NOFOLLOW};
        attempt(all[i], &c);
    }
}

static void
arguments(void)
{
    static char huge[(1 << 17) + 2];
    static char *one[] = {huge, NULL}, *bad[] = {(char *)8, NULL}, *none[] = {NULL};
    long page = sysconf(_SC_PAGESIZE);
    char *p =
        mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + page, (size_t)page);
    memset(p, 'x', (size_t)page);
    char **cut = (char **)(p + page - sizeof *cut);
    *cut = huge;
    memset(huge, 'h', sizeof huge - 1);
    struct call c = {SYS_execve, 0, "prog", none, env, 0};
    attempt("no arguments", &c);
    c.argv = NULL;
    attempt("argv NULL", &c);
    c.argv = bad;
    attempt("an argument nowhere", &c);
    c.argv = (void *)8;
    attempt("argv nowhere", &c);
    c.argv = cut;
    attempt("argv without an end", &c);
    c.argv = one;
    attempt("too long an argument", &c);
    huge[100] = 0;
    attempt("not too long", &c);
    c = (struct call){SYS_execve, 0, "prog", usual, NULL, 0};
    attempt("envp NULL", &c);
    c.envp = bad;
    attempt("envp bad", &c);
    c = (struct call){SYS_execve, 0, p + page - 4, usual, env, 0};
    attempt("a path without an end", &c);
    c.path = NULL;
    attempt("path NULL", &c);
    c = (struct call){SYS_execveat, AT_FDCWD, "prog", usual, env, 0x4000};
    attempt("bad flags", &c);
}

static void
descriptors(void)
{
    static const struct {
        const char *what, *of, *path;
        int open, flags;
    } all[] = {
        {"open", "prog", "", O_RDONLY, AT_EMPTY_PATH},
        {"open, to be closed", "prog", "", O_RDONLY | O_CLOEXEC, AT_EMPTY_PATH},
        {"O_PATH", "prog", "", O_PATH, AT_EMPTY_PATH},
        {"no flag", "prog", "", O_RDONLY, 0},
        {"a script", "script", "", O_RDONLY, AT_EMPTY_PATH},
        {"a script, to be closed", "script", "", O_RDONLY | O_CLOEXEC, AT_EMPTY_PATH},
        {"not executable", "noexec", "", O_RDONLY, AT_EMPTY_PATH},
        {"a directory", "sub", "", O_RDONLY, AT_EMPTY_PATH},
        {"in a directory", "sub", "inner", O_PATH, 0},
        {"out of a directory", "sub", "../script", O_PATH, 0},
        {"below a file", "prog", "x", O_PATH, 0},
        {"a link", "link", "", O_PATH | O_NOFOLLOW, AT_EMPTY_PATH},
        {"a link, followed", "sub", "../link", O_PATH, 0},
        {"a link, not followed", "sub", "../link", O_PATH, AT_SYMLINK_NOFOLLOW},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int fd = open(all[i].of, all[i].open);
        struct call c = {SYS_execveat, fd, all[i].path, usual, env, all[i].flags};
        attempt(all[i].what, &c);
        close(fd);
    }
    struct call c = {SYS_execveat, 66, "prog", usual, env, 0};
    attempt("nowhere", &c);
    c.path = "";
    c.flags = AT_EMPTY_PATH;
    attempt("nowhere itself", &c);
    c = (struct call){SYS_execve, 0, "/proc/self/exe", usual, env, 0};
    attempt("by a magic link", &c);
    int fd = open("prog", O_RDONLY);
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    c.path = name;
    attempt("by a descriptor's name", &c);
    close(fd);
    int memory = memfd_create("memory", 0), from = open("prog", O_RDONLY);
    while (copy_file_range(from, NULL, memory, NULL, 1 << 20, 0) > 0 ||
           sendfile64(memory, from, NULL, 1 << 20) > 0)
        ;
    c = (struct call){SYS_execveat, memory, "", usual, env, AT_EMPTY_PATH};
    attempt("memory", &c);
    close(from);
    close(memory);
}

static void *
exec_in_thread(void *arg)
{
    syscall(SYS_execve, "prog", usual, env);
    _exit(97);
}

// Who calls, and with what around it.
static void
callers(void)
{
    int status;
    struct call c = {SYS_execve, 0, "prog", usual, env, 0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGUSR1, SIG_IGN);
    umask(027);
    int kept = dup2(1, 60), closed = fcntl(1, F_DUPFD_CLOEXEC, 61);
    attempt("signals, umask, descriptors", &c);
    close(kept);
    close(closed);
    fflush(stdout);
    pid_t pid = vfork();
    if (pid == 0) {
        syscall(SYS_execve, "prog", usual, env);
        _exit(97);
    }
    waitpid(pid, &status, 0);
    printf("%u vfork: %x\n", line++, status);
    fflush(stdout);
    if (posix_spawn(&pid, "script", NULL, NULL, usual, env) == 0)
        waitpid(pid, &status, 0);
    printf("%u spawn: %x, missing: %s\n", line++, status,
           strerrorname_np(posix_spawn(&pid, "missing", NULL, NULL, usual, env)));
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        pthread_t t;
        pthread_create(&t, NULL, exec_in_thread, NULL);
        pthread_join(t, NULL);
        _exit(96);
    }
    waitpid(pid, &status, 0);
    printf("%u a thread that is not the first: %x\n", line++, status);
    int busy = open("sub/inner", O_WRONLY);
    c.path = "sub/inner";
    attempt("open for writing", &c);
    close(busy);
    attempt("no more", &c);
}

int
main(int argc, char **argv)
{
    if (getenv("EXECS") || argc == 0 || (argc != 2 && argc != 3))
        return report(argc, argv);
    if (chdir(argv[argc - 1]) < 0)
        fail(argv[argc - 1]);
    umask(022);
    if (argc == 3) {
        prepare();
        return 0;
    }
    names();
    arguments();
    descriptors();
    callers();
    puts("end");
    return 0;
}
