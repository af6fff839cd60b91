// SPDX-License-Identifier: Apache-2.0
// Existing files under a rule: counted exactly, or said not to be; never through a symbolic link.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "count.h"
#include "util.h"

static char top[] = "/tmp/nono-count.XXXXXX";

static void
make_files(const char *dir, size_t n)
{
    cleanup_free char *path = xasprintf("%s/%s", top, dir);

    mkdir(path, 0700);
    for (size_t i = 0; i < n; i++) {
        cleanup_free char *file = xasprintf("%s/%zu", path, i);
        cleanup_fd int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert_geq(fd, 0);
    }
}

static void
setup(void)
{
    cr_assert(mkdtemp(top));
}

static void
teardown(void)
{
    cleanup_free char *command = xasprintf("rm -rf %s", top);

    cr_assert_eq(system(command), 0);
}

TestSuite(count, .init = setup, .fini = teardown);

// risky: one pattern of a name; or NULL.
static struct count_result
counted_with(const char *dir, bool below, const char *risky)
{
    cleanup_free char *path = xasprintf("%s/%s", top, dir);
    char **list = risky ? xcalloc(2, sizeof *list) : NULL;
    if (list)
        list[0] = xstrdup(risky);
    struct count *c = count_start(path, below, list);
    struct count_result r = {0};
    uint64_t end = clock_mono_ns() + 20 * NS_PER_SEC;

    cr_assert(c);
    while (!count_ended(c, &r)) {
        cr_assert_lt(clock_mono_ns(), end);
        poll(NULL, 0, 1);
    }
    count_free(c);
    return r;
}

static struct count_result
counted(const char *dir, bool below)
{
    return counted_with(dir, below, NULL);
}

static void
expect(const char *dir, bool below, size_t files, bool whole)
{
    struct count_result r = counted(dir, below);

    cr_expect_eq(r.files, files, "%s: %zu files", dir, r.files);
    cr_expect_eq(r.whole, whole, "%s", dir);
}

// What is of high risk wherever it lies (.env).
Test(count, risky_names)
{
    make_files("a", 12);
    make_files("a/b", 12);
    struct count_result in = counted_with("a", false, "1*"), below = counted_with("a", true, "1*"),
                        none = counted_with("a", true, "b");
    cr_expect_eq(in.risky, 3); // 1, 10 and 11
    cr_expect_eq(in.names[0][0], '1');
    cr_expect_eq(below.risky, 6);
    cr_expect_eq(none.risky, 0, "a directory is no file");
}

Test(count, files_in_it_and_below)
{
    make_files("a", 3);
    make_files("a/b", 4);
    make_files("a/b/c", 5);
    expect("a", false, 3, true);
    expect("a", true, 12, true);
    expect("a/b/c", true, 5, true);
}

Test(count, links_are_files_and_lead_nowhere)
{
    cleanup_free char *link = xasprintf("%s/a/link", top);
    cleanup_free char *self = xasprintf("%s/link", top);

    make_files("a", 1);
    make_files("b", 7);
    cr_assert_eq(symlink("../b", link), 0);
    cr_assert_eq(symlink("b", self), 0);
    expect("a", true, 2, true);
    // Nor is a directory looked for behind the name itself.
    expect("link", true, 0, false);
}

Test(count, many_are_not_all_counted)
{
    make_files("a", COUNT_MAX);
    expect("a", false, COUNT_MAX, true);
    make_files("a/b", 1);
    expect("a", false, COUNT_MAX, true);
    expect("a", true, COUNT_MAX + 1, true);
}

Test(count, what_was_not_read_is_told)
{
    cleanup_free char *path = xstrdup("deep");

    expect("nowhere", true, 0, false);
    for (int i = 0; i < 80; i++) {
        make_files(path, 1);
        char *next = xasprintf("%s/d", path);
        free(path);
        path = next;
    }
    expect("deep", true, 64, false);
}

Test(count, other_file_systems_are_not_entered)
{
    struct count *c = count_start("/", true, NULL);
    struct count_result r = {0};
    uint64_t end = clock_mono_ns() + 20 * NS_PER_SEC;

    cr_assert(c);
    while (!count_ended(c, &r) && clock_mono_ns() < end)
        poll(NULL, 0, 1);
    count_free(c);
    cr_expect(r.files > COUNT_MAX || !r.whole, "/proc is below it");
}

Test(count, given_up_at_once)
{
    make_files("a", 100);
    // Each of them may still be busy when the next one starts: too many are refused, never awaited.
    for (int i = 0; i < 200; i++) {
        cleanup_free char *path = xasprintf("%s/a", top);
        count_free(count_start(path, true, NULL));
    }
    uint64_t end = clock_mono_ns() + 20 * NS_PER_SEC;
    struct count *c = NULL;
    while (!c && clock_mono_ns() < end)
        c = count_start(top, true, NULL);
    cr_expect(c, "there is room again");
    count_free(c);
}
