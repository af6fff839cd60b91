// SPDX-License-Identifier: Apache-2.0
// From a path that a task wrote to the object: the task is a child of this program.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resolve.h"
#include "tracee.h"

static char root[64];
static pid_t task;
static int task_dir = 30, task_file = 31, task_pipe = 32;

static void
make_file(const char *name)
{
    int fd = open(name, O_CREAT | O_WRONLY, 0644);
    cr_assert_geq(fd, 0);
    close(fd);
}

// The task stands in root/sub and holds a directory, a file and a pipe under fixed numbers.
static void
setup(void)
{
    int ready[2], ends[2];
    strcpy(root, "/tmp/nono-resolve-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    cr_assert_eq(chdir(root), 0);
    mkdir("sub", 0755);
    mkdir("sub/deeper", 0755);
    make_file("file");
    make_file("sub/inner");
    make_file("name (deleted)");
    cr_assert_eq(symlink("file", "link") | symlink("loop", "loop") | symlink("made", "dangling") |
                     symlink("/proc/self/fd/31", "magic") | symlink("sub/deeper/..", "round"),
                 0);
    cr_assert_eq(pipe(ready) | pipe(ends), 0);
    task = fork();
    if (task == 0) {
        if (chdir("sub") < 0)
            _exit(1);
        dup2(open(root, O_RDONLY | O_DIRECTORY), task_dir);
        dup2(open("inner", O_RDONLY), task_file);
        dup2(ends[0], task_pipe);
        if (write(ready[1], "r", 1) == 1)
            pause();
        _exit(0);
    }
    char c;
    cr_assert_eq(read(ready[0], &c, 1), 1);
}

static void
teardown(void)
{
    char command[128];
    kill(task, SIGKILL);
    waitpid(task, NULL, 0);
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(resolve, .init = setup, .fini = teardown);

// Resolves and compares what comes out with root + want; returns the result.
static void
leads_to(int dirfd, const char *path, unsigned flags, const char *want, bool exists)
{
    struct resolved r;
    char full[256];
    int ret = resolve_path(task, dirfd, path, flags, &r);
    snprintf(full, sizeof full, "%s%s", root, want);
    cr_assert_eq(ret, 0, "%s: %d", path, ret);
    cr_expect_str_eq(r.path, full, "%s: %s", path, r.path);
    cr_expect_eq(r.exists, exists, "%s", path);
    cr_expect_not(r.pathless, "%s", path);
    resolved_done(&r);
}

static void
fails(int dirfd, const char *path, unsigned flags, int error)
{
    struct resolved r;
    int ret = resolve_path(task, dirfd, path, flags, &r);
    cr_expect_eq(ret, -error, "%s: %d", path, ret);
    if (ret == 0)
        resolved_done(&r);
}

Test(resolve, where_the_task_stands)
{
    leads_to(AT_FDCWD, "inner", 0, "/sub/inner", true);
    leads_to(AT_FDCWD, "./inner", 0, "/sub/inner", true);
    leads_to(AT_FDCWD, "../file", 0, "/file", true);
    leads_to(AT_FDCWD, ".", 0, "/sub", true);
    leads_to(AT_FDCWD, "..", 0, "", true);
    leads_to(task_dir, "sub//inner", 0, "/sub/inner", true);
    leads_to(task_dir, "sub/deeper/../../file", 0, "/file", true);
    fails(99, "file", 0, EBADF);
    fails(task_file, "x", 0, ENOTDIR);
    fails(AT_FDCWD, "", 0, ENOENT);
}

Test(resolve, links)
{
    leads_to(task_dir, "link", 0, "/file", true);
    leads_to(task_dir, "link", RESOLVE_KEEP_LINK, "/link", true);
    leads_to(task_dir, "round/inner", 0, "/sub/inner", true);
    fails(task_dir, "loop", 0, ELOOP);
    fails(task_dir, "dangling", 0, ENOENT);
    fails(task_dir, "link/", 0, ENOTDIR);
    leads_to(task_dir, "dangling", RESOLVE_WANT_PARENT, "/made", false);
    leads_to(task_dir, "dangling", RESOLVE_WANT_PARENT | RESOLVE_KEEP_LINK, "/dangling", true);
}

Test(resolve, what_is_missing)
{
    leads_to(task_dir, "new", RESOLVE_WANT_PARENT, "/new", false);
    leads_to(task_dir, "sub/../new", RESOLVE_WANT_PARENT, "/new", false);
    fails(task_dir, "new", 0, ENOENT);
    fails(task_dir, "new/", RESOLVE_WANT_PARENT, ENOENT);
    fails(task_dir, "new/x", RESOLVE_WANT_PARENT, ENOENT);
    fails(task_dir, "file/x", RESOLVE_WANT_PARENT, ENOTDIR);
    fails(task_dir, "file/", 0, ENOTDIR);
}

Test(resolve, self_is_the_task)
{
    struct resolved r;
    char want[64];
    leads_to(AT_FDCWD, "/proc/self/fd/31", 0, "/sub/inner", true);
    leads_to(AT_FDCWD, "/dev/fd/31", 0, "/sub/inner", true);
    leads_to(task_dir, "magic", 0, "/sub/inner", true);
    leads_to(AT_FDCWD, "/proc/self/cwd/inner", 0, "/sub/inner", true);
    snprintf(want, sizeof want, "/proc/%d/comm", (int)task);
    cr_assert_eq(resolve_path(task, AT_FDCWD, "/proc/../proc/self/comm", 0, &r), 0);
    cr_expect_str_eq(r.path, want);
    resolved_done(&r);
    cr_assert_eq(resolve_path(task, AT_FDCWD, "/proc/self/fd/32", 0, &r), 0);
    cr_expect(r.pathless, "a pipe has no name");
    resolved_done(&r);
}

Test(resolve, nothing_through_processes_outside)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/cwd/file", (int)getpid());
    fails(AT_FDCWD, path, 0, EACCES);
    fails(AT_FDCWD, "/proc/1/root/etc/passwd", 0, EACCES);
    tracee_set_monitor(task);
    snprintf(path, sizeof path, "/proc/%d/cwd/inner", (int)task);
    fails(AT_FDCWD, path, 0, EACCES);
    tracee_set_monitor(0);
}

Test(resolve, deleted_or_only_named_so)
{
    struct resolved r;
    leads_to(task_dir, "name (deleted)", 0, "/name (deleted)", true);
    leads_to(task_dir, "sub/../name (deleted)", 0, "/name (deleted)", true);
    cr_assert_eq(unlink("sub/inner"), 0);
    cr_assert_eq(resolve_path(task, AT_FDCWD, "/proc/self/fd/31", 0, &r), 0);
    cr_expect(r.pathless);
    resolved_done(&r);
    cr_assert_eq(rmdir("sub/deeper") | rmdir("sub"), 0);
    fails(AT_FDCWD, "inner", 0, ENOENT);
    fails(AT_FDCWD, "new", RESOLVE_WANT_PARENT, ENOENT);
    // The name that the kernel gives the removed directory is free for anybody.
    cr_assert_eq(mkdir("sub (deleted)", 0755), 0);
    make_file("sub (deleted)/inner");
    fails(AT_FDCWD, "inner", 0, ENOENT);
}

Test(resolve, lengths)
{
    static char path[8000];
    for (int i = 0; i < 4000; i += 2)
        memcpy(path + i, "./", 2);
    strcpy(path + 4000, "inner");
    leads_to(AT_FDCWD, path, 0, "/sub/inner", true);
    memset(path, 'x', 255);
    path[255] = 0;
    struct resolved r;
    cr_assert_eq(resolve_path(task, AT_FDCWD, path, RESOLVE_WANT_PARENT, &r), 0);
    cr_expect_eq(strlen(r.leaf), 255);
    resolved_done(&r);
    path[255] = 'x', path[256] = 0;
    fails(AT_FDCWD, path, RESOLVE_WANT_PARENT, ENAMETOOLONG);
    strcpy(path + 256, "/../inner");
    fails(AT_FDCWD, path, 0, ENAMETOOLONG);
}
