// SPDX-License-Identifier: Apache-2.0
// What the floor's own list says, and whether the kernel says the same.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "last.h"
#include "util.h"

#define R ACCESS_READ
#define RW (ACCESS_READ | ACCESS_WRITE)

static char dir[64];

static void
make_dir(void)
{
    strcpy(dir, "/tmp/nono-floor-XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void
remove_dir(void)
{
    cleanup_free char *command = xasprintf("rm -rf %s", dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(floor, .init = make_dir, .fini = remove_dir);

// In the directory of the test: each line of a shell.
static void
shell(const char *line)
{
    cleanup_free char *command = xasprintf("cd %s && %s", dir, line);
    cr_assert_eq(system(command), 0, "%s", command);
}

static void
deny(struct capability_set *s, const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    cleanup_err struct err err = {0};
    cr_assert_eq(capability_deny(s, path, 0, "--deny", &err), 0, "%s", err.msg);
}

static void
build(struct capability_set *s, struct floor *f)
{
    cleanup_err struct err err = {0};
    cr_assert_eq(capability_add_path(s, CAPABILITY_SUBTREE, RW, dir, "--allow", &err), 0, "%s",
                 err.msg);
    capability_set_seal(s);
    cr_assert_eq(floor_build(s, NULL, false, f, &err), 0, "%s", err.msg);
}

static bool
covers(const struct floor *f, const char *name, unsigned access)
{
    struct stat st = {0};
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    bool exists = lstat(path, &st) == 0;
    return floor_covers(f, path, exists ? st.st_dev : 0, exists ? st.st_ino : 0, access);
}

// errno of reading (or, when it is missing, making) name below the floor, 0 for success.
static int
kernel_says(const struct floor *f, const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || floor_enforce(f) < 0)
            _exit(255);
        _exit(open(path, O_RDONLY) >= 0 ||
                      (errno == ENOENT && open(path, O_WRONLY | O_CREAT, 0600) >= 0)
                  ? 0
                  : errno);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 255);
    return WEXITSTATUS(status);
}

Test(floor, says_what_the_kernel_says)
{
    static const struct {
        const char *name;
        bool covered;
    } rows[] = {
        {".env", false},       {".env/x", false},     {"plain", true},   {"new", false},
        {"a", true},           {"a/x", true},         {"a/new", true},   {"a/deep/y", true},
        {"k", false},          {"k/a.pem", false},    {"k/b.txt", true}, {"k/new.pem", false},
        {"k/sub/c.pem", true}, {"any", false},        {"any/x", false},  {"any/deep/x", false},
        {"way/to", false},     {"way/other/x", true}, {"hard", false},
    };
    struct capability_set s = {0};
    struct floor f;
    if (!landlock_abi())
        cr_skip_test("no Landlock");
    shell("mkdir -p a/deep k/sub any/deep way/to way/other");
    shell("touch plain .env a/x a/deep/y k/a.pem k/b.txt k/sub/c.pem any/x any/deep/x way/other/x");
    shell("ln .env hard");
    deny(&s, ".env");
    deny(&s, "k/*.pem");
    deny(&s, "any/**/.env*");
    deny(&s, "way/to/what/is/missing");
    build(&s, &f);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool there = covers(&f, rows[i].name, R);
        int kernel = kernel_says(&f, rows[i].name);
        cr_expect_eq(there, rows[i].covered, "%s", rows[i].name);
        // I2: never does the list promise what the kernel refuses, nor the kernel give what the
        // list does not.
        cr_expect_eq(kernel,
                     rows[i].covered                       ? 0
                     : strcmp(rows[i].name, ".env/x") == 0 ? ENOTDIR
                                                           : EACCES,
                     "%s: %s", rows[i].name, strerror(kernel));
    }
    floor_done(&f);
    capability_set_done(&s);
}

// A directory that was replaced has no rule, and a rule goes with the directory that it is for.
Test(floor, a_replaced_directory_is_not_covered)
{
    struct capability_set s = {0};
    struct floor f;
    if (!landlock_abi())
        cr_skip_test("no Landlock");
    shell("mkdir -p build/sub && touch .env build/x");
    deny(&s, ".env");
    build(&s, &f);
    cr_expect(covers(&f, "build/x", RW) && kernel_says(&f, "build/x") == 0);
    for (int i = 0; i < 50; i++) { // whatever inode number the new one gets
        shell("rm -r build && mkdir -p build/sub && touch build/x");
        cr_expect(!covers(&f, "build/x", R) && !covers(&f, "build/sub/new", R));
        cr_expect_eq(kernel_says(&f, "build/x"), EACCES);
    }
    floor_done(&f);
    capability_set_done(&s);
}

// What is refused by its inode number is that object: nothing else gets the number.
Test(floor, refused_objects_are_held)
{
    struct capability_set s = {0};
    struct floor f;
    struct stat st;
    cleanup_free char *path = xasprintf("%s/.env", dir);
    shell("echo secret >.env");
    deny(&s, ".env");
    cleanup_err struct err err = {0};
    cr_assert_eq(floor_build(&s, NULL, true, &f, &err), 0);
    cr_expect_eq(f.n_held, 1);
    cr_expect(!floor_covers(&f, path, 1, 1, R), "without a floor nothing is covered by it");
    for (int i = 0; i < 200; i++) {
        shell("rm -f .env; echo other >.env");
        cr_assert_eq(stat(path, &st), 0);
        cr_expect(!denials_refuse_object(&s.denials, st.st_dev, st.st_ino));
    }
    floor_done(&f);
    capability_set_done(&s);
}

// However much is refused, descriptors are left for everything else.
Test(floor, few_of_many_refused_objects_are_held)
{
    struct capability_set s = {0};
    struct floor f;
    cleanup_err struct err err = {0};
    for (int i = 0; i < 300; i++) {
        cleanup_free char *line = xasprintf("touch f%d", i);
        cleanup_free char *name = xasprintf("f%d", i);
        shell(line);
        deny(&s, name);
    }
    cr_assert_eq(floor_build(&s, NULL, true, &f, &err), 0);
    cr_expect_eq(f.n_held, 256);
    floor_done(&f);
    capability_set_done(&s);
}

Test(floor, the_last_refusal_in_words)
{
    cleanup_request struct request *q = request_new();
    q->op = OP_READ;
    q->target = xstrdup(".env\033[2J");
    q->resolved = xstrdup("/p/.env\033[2J");
    q->exe = xstrdup("/usr/bin/cat");
    q->nearest = xstrdup("deny /p/.env* (shop.json:7)");
    cleanup_free char *text = last_text(q, DECIDER_INITIAL, REASON_POLICY_BLOCKED);
    cr_expect_str_eq(text, "refused: read\ntarget: .env\\x1b[2J\npath: /p/.env\\x1b[2J\n"
                           "program: /usr/bin/cat\nby: initial\nreason: policy_blocked\n"
                           "rule: deny /p/.env* (shop.json:7)\nno decision can allow it\n");
    cleanup_fd int fd = last_open(text);
    char got[512] = "";
    cr_assert_gt(fd, -1);
    cr_expect_eq(read(fd, got, sizeof got - 1), (ssize_t)strlen(text));
    cr_expect_str_eq(got, text);
    cr_expect_eq(write(fd, "x", 1), -1);
    cleanup_free char *link = xasprintf("/proc/self/fd/%d", fd);
    cleanup_fd int again = open(link, O_RDWR);
    cr_expect(again < 0 || write(again, "x", 1) < 0, "sealed");
    cr_expect_eq(ftruncate(again, 0), -1);
    cleanup_fd int none = last_open(NULL);
    cr_expect_gt(read(none, got, sizeof got), 0);
}
