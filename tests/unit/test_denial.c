// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "capability.h"
#include "util.h"

static char dir[64];

static void
make_dir(void)
{
    strcpy(dir, "/tmp/nono-denial-XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void
remove_dir(void)
{
    cleanup_free char *command = xasprintf("chmod -R u+rwx %s; rm -rf %s", dir, dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(denial, .init = make_dir, .fini = remove_dir);

static char *
below(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static void
make_file(const char *name)
{
    cleanup_free char *path = below(name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert(fd >= 0);
    close(fd);
}

static void
add(struct denials *d, const char *path)
{
    cleanup_err struct err err = {0};
    cr_assert_eq(denials_add(d, path, 0, "--deny", &err), 0, "%s", err.msg);
}

static void
add_below(struct denials *d, const char *name)
{
    cleanup_free char *path = below(name);
    add(d, path);
}

Test(denial, components)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } rows[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "ab", false},
        {"ab", "a", false},
        {"*", "", true},
        {"*", ".env", true}, // a leading dot is nothing special: what is meant to be hidden is
        {".env*", ".env", true},
        {".env*", ".env.local", true},
        {".env*", ".envrc", true},
        {".env*", "x.env", false},
        {".env*", ".env\xff\xfe", true}, // no valid text in any locale
        {"*.pem", "key.pem", true},
        {"*.pem", ".pem", true},
        {"*.pem", "key.pem.bak", false},
        {"*.pem", "a.pem.pem", true},
        {"*a*b*c", "xaxbxc", true},
        {"*a*b*c", "xaxbx", false},
        {"*aab", "aaaab", true},
        {"a**b", "ab", true},
        {"?", "x", true},
        {"?", "", false},
        {"?", "xy", false},
        {"caf?", "caf\xc3\xa9", true},
        {"caf?", "caf\xff", true},
        {"[abc]", "b", true},
        {"[abc]", "d", false},
        {"[a-c]x", "bx", true},
        {"[!a-c]", "d", true},
        {"[!a-c]", "b", false},
        {"[^a]", "b", true},
        {"[]]", "]", true},
        {"[!]]", "]", false},
        {"[a-]", "-", true},
        {"[", "[", true}, // not closed: a bracket
        {"[a", "[a", true},
        {"\\*", "*", true},
        {"\\*", "x", false},
        {"\\", "\\", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(glob_matches((struct glob_part){rows[i].pattern, strlen(rows[i].pattern)},
                                  rows[i].name, strlen(rows[i].name)),
                     rows[i].matches, "%s on %s", rows[i].pattern, rows[i].name);
}

Test(denial, components_that_match_nothing)
{
    char longest[600];
    memset(longest, 'a', sizeof longest);
    longest[256] = 0;
    const struct {
        const char *pattern, *fault;
    } rows[] = {
        {"a", NULL},
        {"*", NULL},
        {"**", NULL},
        {"[a-c]", NULL},
        {"[!a]", NULL},
        {"[]]", NULL},
        {"[a-]", NULL},
        {"\\[", NULL},
        {"\\", NULL},
        {"]", NULL},
        {"[\xff]", NULL},
        {"[", "a [ is not closed"},
        {"[\"", "a [ is not closed"},
        {"a[b", "a [ is not closed"},
        {"[]", "a [ is not closed"},
        {"[!]", "a [ is not closed"},
        {"[a]*[", "a [ is not closed"},
        {"\\[[", "a [ is not closed"},
        {"[z-a]", "a [ ] holds no character"},
        {"x[z-a]y", "a [ ] holds no character"},
        {"[!\x01-\xff]", "a [ ] holds no character"},
        {longest, "a component is longer than a name can be"},
        {longest + 1, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *fault = glob_fault(rows[i].pattern, strlen(rows[i].pattern));
        cr_expect_eq(!fault, !rows[i].fault, "%s: %s", rows[i].pattern, fault);
        cr_expect(!rows[i].fault || strncmp(fault, rows[i].fault, strlen(rows[i].fault)) == 0,
                  "%s: %s", rows[i].pattern, fault);
    }
}

// A name that is made to be slow is as fast as any.
Test(denial, no_name_is_slow, .timeout = 10)
{
    char name[255], pattern[255];
    memset(name, 'a', sizeof name);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 1] = 'b';
    for (int i = 0; i < 1000; i++)
        cr_assert(!glob_matches((struct glob_part){pattern, sizeof pattern}, name, sizeof name));
    struct denials d = {0};
    cleanup_buf struct buf path = {0};
    add(&d, "/p/**/a/**/a/**/a/**/a/**/a/**/b");
    buf_puts(&path, "/p");
    while (path.len < 4090)
        buf_puts(&path, "/a");
    for (int i = 0; i < 1000; i++)
        cr_assert(!denials_refuse(&d, buf_str(&path)));
    denials_done(&d);
}

Test(denial, place)
{
    static const struct {
        const char *denial, *path;
        enum denial_place place;
        bool anywhere;
    } rows[] = {
        {"/p/.env", "/p/.env", PLACE_REFUSED, false},
        {"/p/.env", "/p/.env/x", PLACE_REFUSED, false},
        {"/p/.env", "/p/.envx", PLACE_FREE, false},
        {"/p/.env", "/p", PLACE_ABOVE, false},
        {"/p/.env", "/", PLACE_ABOVE, false},
        {"/p/.env", "/pp", PLACE_FREE, false},
        {"/p/.env", "/p/x", PLACE_FREE, false},
        {"/", "/", PLACE_REFUSED, false},
        {"/", "/x/y", PLACE_REFUSED, false},
        {"/p/*.pem", "/p/a.pem", PLACE_REFUSED, false},
        {"/p/*.pem", "/p/a.pem/x", PLACE_REFUSED, false},
        {"/p/*.pem", "/p/x", PLACE_FREE, false},
        {"/p/*.pem", "/p/x/a.pem", PLACE_FREE, false},
        {"/p/*.pem", "/p", PLACE_ABOVE, false},
        {"/p/*/.env", "/p/x", PLACE_ABOVE, false},
        {"/p/*/.env", "/p/x/.env", PLACE_REFUSED, false},
        {"/p/*/.env", "/p/x/y", PLACE_FREE, false},
        {"/p/**/.env*", "/p", PLACE_ABOVE, true},
        {"/p/**/.env*", "/p/a/b", PLACE_ABOVE, true},
        {"/p/**/.env*", "/p/.env", PLACE_REFUSED, false},
        {"/p/**/.env*", "/p/a/b/.env.d/x", PLACE_REFUSED, false},
        {"/p/**/.env*", "/q/.env", PLACE_FREE, false},
        {"/p/**/.env*", "/", PLACE_ABOVE, false},
        {"/p/a/**", "/p/a", PLACE_ABOVE, true}, // the directory itself is not
        {"/p/a/**", "/p/a/x/y", PLACE_REFUSED, false},
        {"/p/**/a/b", "/p/a/x/a/b", PLACE_REFUSED, false},
        {"/p/**/a/b", "/p/a/x/b", PLACE_ABOVE, true},
        {"/**/x", "/a/x", PLACE_REFUSED, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct denials d = {0};
        bool anywhere;
        add(&d, rows[i].denial);
        enum denial_place want = rows[i].place, got = denials_place(&d, rows[i].path, &anywhere);
        cr_expect_eq(got, want, "%s on %s: %d", rows[i].denial, rows[i].path, got);
        cr_expect_eq(anywhere, rows[i].anywhere, "%s on %s", rows[i].denial, rows[i].path);
        cr_expect_eq(denials_refuse(&d, rows[i].path) != NULL, want == PLACE_REFUSED);
        denials_done(&d);
    }
}

Test(denial, moves)
{
    static const struct {
        const char *denial, *from, *to;
        bool allowed;
    } rows[] = {
        {"/p/a/.env", "/p/a", "/p/b", false}, // it would carry .env along
        {"/p/a/.env", "/p", "/q", false},       {"/p/a/.env", "/p/b", "/p/c", true},
        {"/p/**/.env", "/p/a", "/p/b", true}, // still refused there
        {"/p/**/.env", "/p/a", "/p/b/c", true}, {"/p/**/.env", "/p/a", "/q", false},
        {"/p/**/.env", "/q", "/p/a", true},     {"/p/*/.env", "/p/a", "/p/b", true},
        {"/p/*/.env", "/p/a", "/p/b/c", false}, {"/p/*/.env", "/p/a/b", "/p/c", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct denials d = {0};
        add(&d, rows[i].denial);
        cr_expect_eq(!denials_hold(&d, rows[i].from, true, rows[i].to), rows[i].allowed,
                     "%s: %s to %s", rows[i].denial, rows[i].from, rows[i].to);
        // A file has nothing below it, and what is removed goes nowhere; but a way that leads to
        // something refused stays.
        bool above = strncmp(rows[i].denial, "/p/a/.env", 9) == 0 && !rows[i].allowed;
        cr_expect_eq(!denials_hold(&d, rows[i].from, false, rows[i].to), !above);
        cr_expect_eq(!denials_hold(&d, rows[i].from, true, NULL), !above);
        denials_done(&d);
    }
}

Test(denial, links_and_what_they_lead_to)
{
    struct denials d = {0};
    make_file("real");
    cleanup_free char *one = below("one"), *two = below("two"), *real = below("real"),
                      *gone = below("gone"), *nowhere = below("no/where");
    cr_assert_eq(symlink("two", one), 0);
    cr_assert_eq(symlink(real, two), 0);
    cr_assert_eq(symlink("no/where", gone), 0);
    add(&d, one);
    add(&d, gone);
    const char *refused[] = {one, two, real, gone, nowhere};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        cr_expect(denials_refuse(&d, refused[i]), "%s", refused[i]);
    cr_assert_eq(unlink(one), 0);
    cr_assert_eq(symlink("one", one), 0); // a loop
    add(&d, one);
    denials_done(&d);
}

Test(denial, words_of_what_is_not_there)
{
    static const struct {
        const char *given, *want;
    } rows[] = {
        {"no/x", "no/x"},  {"no//x/", "no/x"}, {"no/./x", "no/x"}, {"no/../x", "x"},
        {"no/x/..", "no"}, {"./x", "x"},       {"sub/../x", "x"},
    };
    make_file("real");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct denials d = {0};
        cleanup_free char *want = below(rows[i].want);
        add_below(&d, rows[i].given);
        cr_expect_str_eq(d.rows[0].path, want, "%s", rows[i].given);
        denials_done(&d);
    }
}

Test(denial, relative_to_the_current_directory)
{
    struct denials d = {0};
    cleanup_free char *odd = below("[a]"), *file = below("[a]/f"), *key = below("[a]/x.pem");
    cr_assert_eq(mkdir(odd, 0700), 0);
    cr_assert_eq(chdir(odd), 0);
    add(&d, "f");
    add(&d, "*.pem");
    cr_expect_str_eq(d.rows[0].path, file);
    cr_expect(denials_refuse(&d, key), "brackets of the current directory are no pattern");
    cr_assert_eq(chdir("/"), 0);
    denials_done(&d);
}

Test(denial, a_pattern_that_is_a_name_too)
{
    struct denials d = {0};
    cleanup_free char *name = below("[id].tsx"), *match = below("i.tsx"), *other = below("x.tsx");
    make_file("[id].tsx");
    add(&d, name);
    cr_expect(denials_refuse(&d, name));
    cr_expect(denials_refuse(&d, match));
    cr_expect(!denials_refuse(&d, other));
    denials_done(&d);
}

Test(denial, an_entry_of_proc_is_denied_to_each_process)
{
    static const struct {
        const char *denied, *path;
        bool refused;
    } rows[] = {
        {"/proc/self/environ", "/proc/7/environ", true},
        {"/proc/self/environ", "/proc/7/task/8/environ", true},
        {"/proc/self/environ", "/proc/7/status", false},
        {"/proc/self/environ", "/proc/environ", false},
        {"/proc/thread-self/comm", "/proc/7/comm", true},
        {"/proc/self", "/proc/7/task", true},
        {"/proc/self", "/proc/cpuinfo", false},
        {"/proc/self/e*", "/proc/7/task/8/environ", true},
        {"/proc/self/e*", "/proc/7/stat", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct denials d = {0};
        add(&d, rows[i].denied);
        cr_expect_eq(!!denials_refuse(&d, rows[i].path), rows[i].refused, "%s: %s", rows[i].denied,
                     rows[i].path);
        denials_done(&d);
    }
    struct denials d = {0};
    char deep[138] = "/proc/self/";
    for (size_t i = strlen(deep); i + 2 < sizeof deep; i += 2)
        strcpy(deep + i, "*/");
    deep[strlen(deep) - 1] = 0;
    add(&d, deep);
    cr_expect(denials_refuse(&d, "/proc/7/comm"), "too many parts refuse more, not less");
    denials_done(&d);
}

Test(denial, what_is_behind_a_process)
{
    cr_expect_str_eq(path_in_process("/proc/7/comm", 7), "/comm");
    cr_expect_str_eq(path_in_process("/proc/7/task/8/comm", 7), "/comm");
    cr_expect_str_eq(path_in_process("/proc/7/task", 7), "/task");
    cr_expect_str_eq(path_in_process("/proc/7", 7), "");
    cr_expect(!path_in_process("/proc/77/comm", 7));
    cr_expect(!path_in_process("/proc/8/task/7/comm", 7));
    cr_expect(!path_in_process("/process", 7));
}

// What --deny makes of a name without a slash.
Test(denial, a_pattern_at_any_depth_that_is_a_name_here)
{
    struct denials d = {0};
    cleanup_err struct err err = {0};
    cleanup_free char *open_ = below("[x"), *deeper = below("sub/[x"), *id = below("[id].tsx");
    cleanup_free char *none = below("**/[y"), *parent = below("**/..");
    make_file("[x");
    make_file("[id].tsx");
    add_below(&d, "**/[x");
    cr_expect(denials_refuse(&d, open_) && denials_refuse(&d, deeper));
    cr_expect_eq(d.n, 2, "the file, whatever it is renamed to, and the name");
    add_below(&d, "**/[id].tsx");
    cr_expect(denials_refuse(&d, id));
    cr_expect_eq(denials_add(&d, none, 0, "--deny", &err), -EINVAL, "no such file");
    cr_expect_eq(denials_add(&d, parent, 0, "--deny", &err), -EINVAL, "no name");
    denials_done(&d);
}

Test(denial, objects)
{
    struct denials d = {0};
    struct stat st;
    cleanup_free char *file = below("file"), *link_ = below("link"), *other = below("other");
    make_file("file");
    make_file("other");
    cr_assert_eq(link(file, link_), 0);
    add(&d, file);
    cr_assert_eq(stat(link_, &st), 0);
    cr_expect(denials_refuse_object(&d, st.st_dev, st.st_ino) == &d.rows[0]);
    cr_assert_eq(stat(other, &st), 0);
    cr_expect(!denials_refuse_object(&d, st.st_dev, st.st_ino));
    cr_expect(!denials_refuse_object(&d, 0, 0));
    denials_done(&d);
}

Test(denial, what_a_pattern_matches_is_refused_as_what_it_is)
{
    struct denials d = {0};
    cleanup_free char *sub = below("sub"), *link_ = below("sub/a.pem"), *far = below("far"),
                      *hard = below("sub/b.pem"), *loop = below("sub/loop"), *next = below("sub/x");
    cr_assert_eq(mkdir(sub, 0700), 0);
    cr_assert_eq(mkdir(next, 0700), 0);
    make_file("far");
    make_file("near");
    make_file("sub/c.pem");
    cr_assert_eq(symlink("../far", link_), 0);
    cr_assert_eq(symlink("..", loop), 0);
    cleanup_free char *near = below("near");
    cr_assert_eq(link(near, hard), 0);
    add_below(&d, "*/*.pem");
    cr_expect(denials_refuse(&d, far), "where a matching link leads");
    struct stat st;
    cr_assert_eq(stat(near, &st), 0);
    cr_expect(denials_refuse_object(&d, st.st_dev, st.st_ino), "a matching file by another name");
    cr_expect_eq(d.n, 4, "%zu: the pattern, the link, its end, the file", d.n);
    denials_done(&d);
    add_below(&d, "**/*.pem");
    cr_expect_eq(d.n, 1, "no walk through a tree");
    denials_done(&d);
}

// "**" may stand for nothing: what has the name where the pattern begins is known as what it is.
Test(denial, a_name_at_any_depth_is_also_the_one_here)
{
    make_file("key");
    make_file("a.pem");
    make_file("plain.pem");
    make_file("end");
    cleanup_free char *key = below("key"), *link_ = below("l"), *end = below("end");
    cleanup_free char *a = below("a.pem"), *hard = below("hard");
    cr_assert_eq(symlink("end", link_), 0);
    cr_assert_eq(link(a, hard), 0);
    static const struct {
        const char *pattern;
        size_t rows;
    } rows[] = {
        {"**/key", 2},   // and the file, whatever it is renamed to
        {"**/none", 1},  // and nothing more
        {"**/l", 3},     // and the link, and its end
        {"**/*.pem", 2}, // and the one that has another name
        {"**/?", 3},     // and the link, and its end
        {"**/**", 1},    // no look
        {"**/x/**", 1},  // no look
        {"x/**", 1},     // no look
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct denials d = {0};
        add_below(&d, rows[i].pattern);
        cr_expect_eq(d.n, rows[i].rows, "%s: %zu", rows[i].pattern, d.n);
        denials_done(&d);
    }
    struct denials d = {0};
    struct stat st;
    add_below(&d, "**/key");
    cr_assert_eq(stat(key, &st), 0);
    cr_expect(denials_refuse_object(&d, st.st_dev, st.st_ino));
    denials_done(&d);
    add_below(&d, "**/l");
    cr_expect(denials_refuse(&d, end));
    denials_done(&d);
}

Test(denial, other_names_of_a_file_are_found)
{
    struct denials d = {0};
    size_t budget = 1000;
    make_file("secret");
    make_file("single");
    make_file("other");
    cleanup_free char *sub = below("sub"), *secret = below("secret"), *link_ = below("sub/link"),
                      *other = below("other"), *far = below("sub/other");
    cr_assert_eq(mkdir(sub, 0700), 0);
    cr_assert_eq(link(secret, link_), 0);
    cr_assert_eq(link(other, far), 0);
    add_below(&d, "single");
    cr_expect(!denials_have_names(&d), "nothing to look for");
    add_below(&d, "secret");
    cr_expect(denials_find_names(&d, dir, &budget) && budget < 1000);
    cr_assert_eq(d.n, 3);
    cr_expect_str_eq(d.rows[2].path, link_);
    cr_expect_str_eq(d.rows[2].source, "--deny");
    cr_expect(denials_find_names(&d, dir, &budget) && d.n == 3, "once");
    budget = 2;
    cr_expect(!denials_find_names(&d, dir, &budget), "and says when it could not look everywhere");
    denials_done(&d);
}

Test(denial, mistakes)
{
    static const char *const bad[] = {"",      "/p/*/../x", "/p/*/./x",  "/p/**/[",
                                      "/p/[a", "/p/[z-a]",  "/p/x/[\"/y"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct denials d = {0};
        cleanup_err struct err err = {0};
        cr_expect_eq(denials_add(&d, bad[i], 0, "--deny", &err), -EINVAL, "%s", bad[i]);
        cr_expect(err.msg && strstr(err.msg, "--deny"));
        denials_done(&d);
    }
    // A file has such a name: it is meant.
    make_file("[a");
    struct denials named = {0};
    add_below(&named, "[a");
    cr_expect_eq(named.n, 1);
    denials_done(&named);
    cleanup_buf struct buf deep = {0};
    for (int i = 0; i < 64; i++)
        buf_puts(&deep, "/*");
    struct denials d = {0};
    cr_expect_eq(denials_add(&d, buf_str(&deep), 0, "--deny", NULL), -EINVAL);
    int ret = 0;
    for (int i = 0; i < 5000 && ret == 0; i++)
        ret = denials_add(&d, "/x", 0, "--deny", NULL);
    cr_expect_eq(ret, -E2BIG);
    denials_done(&d);
}

Test(denial, wins_before_every_capability)
{
    cleanup_capability_set struct capability_set s = {0};
    cleanup_err struct err err = {0};
    struct judgement j;
    make_file("file");
    cleanup_free char *file = below("file"), *new = below("new");
    cr_assert_eq(capability_add_path(&s, CAPABILITY_FILE, ACCESS_READ, file, "--read-file", &err),
                 0);
    cr_assert_eq(capability_add_path(&s, CAPABILITY_SUBTREE, ACCESS_READ, dir, "--read", &err), 0);
    cr_assert_eq(capability_deny(&s, file, 0, "shop.json:7", &err), 0);
    capability_set_seal(&s);
    capability_judge(&s, file, &j);
    cr_expect(j.protected_ && j.by == DECIDER_INITIAL);
    cr_expect_str_eq(j.denied->source, "shop.json:7");
    capability_judge(&s, new, &j);
    cr_expect(!j.protected_ && j.holed && j.access == ACCESS_READ);
    capability_judge_object(&s, s.denials.rows[0].dev, s.denials.rows[0].ino, &j);
    cr_expect(j.protected_ && j.denied == &s.denials.rows[0], "another name of it");
    cleanup_free char *text = capability_set_describe(&s);
    cleanup_free char *want = xasprintf("rx %s (--read-file)\nrx %s (--read)\n"
                                        "deny %s (shop.json:7)\n",
                                        file, dir, file);
    cr_expect_str_eq(text, want);
}
