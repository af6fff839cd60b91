// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capability.h"
#include "risk.h"
#include "socket_policy.h"
#include "util.h"

#define R ACCESS_READ
#define W ACCESS_WRITE
#define RW (ACCESS_READ | ACCESS_WRITE)

static char dir[64];

static void
make_dir(void)
{
    strcpy(dir, "/tmp/nono-policy-XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void
remove_dir(void)
{
    cleanup_free char *command = xasprintf("rm -rf %s", dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(policy, .init = make_dir, .fini = remove_dir);

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
make_subdir(const char *name)
{
    cleanup_free char *path = below(name);
    cr_assert_eq(mkdir(path, 0700), 0);
}

struct cap_row {
    enum capability_kind kind;
    unsigned access;
    const char *path;
};

// Puts capabilities together that no file system has to hold.
static void
fill(struct capability_set *s, const struct cap_row *rows, size_t n)
{
    s->caps = xcalloc(n, sizeof *s->caps);
    for (size_t i = 0; i < n; i++) {
        s->caps[s->n] = (struct capability){.kind = rows[i].kind,
                                            .access = rows[i].access,
                                            .path = xstrdup(rows[i].path),
                                            .len = strlen(rows[i].path),
                                            .source = xstrdup("test")};
        path_index_add(&s->index, s->caps[s->n].path, s->n);
        s->n++;
    }
}

Test(policy, path_is_below)
{
    static const struct {
        const char *path, *root;
        bool below;
    } rows[] = {
        {"/a/b", "/a/b", true},       {"/a/b/c", "/a/b", true}, {"/a/bc", "/a/b", false},
        {"/a", "/a/b", false},        {"/", "/", true},         {"/a", "/", true},
        {"/ab", "/a", false},         {"/", "/a", false},       {"/a/b/", "/a/b", true},
        {"/a/b/c/d/e", "/a/b", true}, {"", "/a", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(path_is_below(rows[i].path, rows[i].root), rows[i].below, "%s below %s",
                     rows[i].path, rows[i].root);
}

Test(policy, judge)
{
    static const struct cap_row caps[] = {
        {CAPABILITY_SUBTREE, R, "/usr"},    {CAPABILITY_SUBTREE, RW, "/usr/local/work"},
        {CAPABILITY_FILE, W, "/etc/one"},   {CAPABILITY_SUBTREE, R, "/home/u/shop"},
        {CAPABILITY_SUBTREE, W, "/home/u"}, {CAPABILITY_FILE, R, "/usr/local/work/file"},
    };
    static const struct {
        const char *path;
        unsigned access;
        const char *nearest;
        size_t shared;
    } rows[] = {
        {"/usr", R, "/usr", 4},
        {"/usr/lib/x", R, "/usr", 5},
        {"/usrx", 0, NULL, 0},
        {"/us", 0, NULL, 0},
        {"/", 0, NULL, 0},
        {"/usr/local/work", RW, "/usr/local/work", 15},
        {"/usr/local/workshop", R, "/usr", 5},
        {"/usr/local/work/a/b", RW, "/usr/local/work", 16},
        {"/usr/local/work/file", RW, "/usr/local/work/file", 20},
        {"/usr/local/work/file/x", RW, "/usr/local/work", 16},
        {"/etc/one", W, "/etc/one", 8},
        {"/etc/one/two", 0, NULL, 0},
        {"/etc/onetwo", 0, NULL, 0},
        {"/etc", 0, NULL, 0},
        {"/home/u/shop/x", RW, "/home/u/shop", 13}, // read from one, write from the other
        {"/home/u/x", W, "/home/u", 8},
    };
    cleanup_capability_set struct capability_set s = {0};
    fill(&s, caps, ARRAY_SIZE(caps));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct judgement j;
        capability_judge(&s, rows[i].path, &j);
        cr_expect_eq(j.access, rows[i].access, "%s: access %u", rows[i].path, j.access);
        cr_expect_eq(j.shared, rows[i].shared, "%s: shared %zu", rows[i].path, j.shared);
        cr_expect_str_eq(j.nearest ? j.nearest->path : "", rows[i].nearest ? rows[i].nearest : "",
                         "%s", rows[i].path);
        cr_expect(!j.protected_ && !j.holed);
    }
}

// Paths of few letters, so that many roots lie above many of them.
static void
make_path(unsigned *seed, char buf[64])
{
    size_t n = 0, parts = (size_t)rand_r(seed) % 6;
    for (size_t i = 0; i < parts; i++)
        n += (size_t)snprintf(buf + n, 64 - n, "/%.*s", 1 + rand_r(seed) % 5,
                              &"abababbb"[rand_r(seed) % 4]);
    strcpy(buf + n, n ? "" : "/");
}

Test(policy, the_index_finds_what_a_look_at_each_finds)
{
    static char roots[300][64];
    struct path_index ix = {0};
    unsigned seed = 1;
    size_t row, found = 0;
    struct path_walk none = path_walk_start(&ix, "/a");
    cr_assert(!path_walk_next(&none, &row), "nothing in an empty one");
    for (size_t n = 0; n < ARRAY_SIZE(roots); n++) {
        make_path(&seed, roots[n]);
        path_index_add(&ix, roots[n], n);
        for (int i = 0; i < 50; i++) {
            char path[64];
            bool seen[ARRAY_SIZE(roots)] = {false};
            size_t len = 0;
            make_path(&seed, path);
            for (struct path_walk w = path_walk_start(&ix, path); path_walk_next(&w, &row);) {
                cr_assert(!seen[row] && strlen(roots[row]) >= len, "once, the shortest first");
                seen[row] = true;
                len = strlen(roots[row]);
                found++;
            }
            for (size_t k = 0; k <= n; k++)
                cr_assert_eq(seen[k], path_is_below(path, roots[k]), "%s, %s", path, roots[k]);
        }
    }
    cr_expect_gt(found, 10000);
    struct path_walk relative = path_walk_start(&ix, "ab/a");
    cr_expect(!path_walk_next(&relative, &row));
    path_index_done(&ix);
}

Test(policy, what_is_given_of_proc_self_is_given_of_the_entry_of_who_asks)
{
    static const struct cap_row caps[] = {{CAPABILITY_SUBTREE, R, "/proc"},
                                          {CAPABILITY_FILE, W, "/proc/self/comm"}};
    static const char path[] = "/proc/12345/comm", other[] = "/proc/12345/stat";
    cleanup_capability_set struct capability_set s = {0};
    struct judgement j;
    fill(&s, caps, 2);
    capability_judge(&s, path, &j);
    cr_expect(j.access == R && j.nearest == &s.caps[0] && !j.holed);
    capability_judge_own(&s, path, path + strlen("/proc/12345"), &j);
    cr_expect(j.access == RW && j.nearest == &s.caps[1] && j.holed);
    cr_expect_eq(j.shared, strlen(path));
    capability_judge(&s, other, &j);
    capability_judge_own(&s, other, other + strlen("/proc/12345"), &j);
    cr_expect(j.access == R && j.nearest == &s.caps[0] && j.shared == strlen("/proc/"));
}

Test(policy, the_root_covers_everything)
{
    static const struct cap_row caps[] = {{CAPABILITY_SUBTREE, R, "/"}};
    static const struct cap_row file[] = {{CAPABILITY_FILE, R, "/"}};
    cleanup_capability_set struct capability_set s = {0}, f = {0};
    struct judgement j;
    fill(&s, caps, 1);
    capability_judge(&s, "/a/b", &j);
    cr_expect(j.access == R && j.shared == 1 && j.nearest == &s.caps[0]);
    capability_judge(&s, "/", &j);
    cr_expect(j.access == R && j.shared == 1);
    fill(&f, file, 1);
    capability_judge(&f, "/a", &j);
    cr_expect(j.access == 0 && !j.nearest);
}

Test(policy, protected_roots_win)
{
    static const struct cap_row caps[] = {{CAPABILITY_SUBTREE, RW, "/h"},
                                          {CAPABILITY_SUBTREE, RW, "/h/.state/nono/deep"},
                                          {CAPABILITY_SUBTREE, RW, "/h/other"},
                                          {CAPABILITY_SUBTREE, R, "/h/.state"}};
    cleanup_capability_set struct capability_set s = {0};
    struct judgement j;
    fill(&s, caps, ARRAY_SIZE(caps));
    capability_protect(&s, "/h/.state/nono");
    capability_set_seal(&s);
    cr_expect(s.caps[0].holed && !s.caps[1].holed && !s.caps[2].holed && s.caps[3].holed);
    const char *refused[] = {"/h/.state/nono", "/h/.state/nono/audit.db", "/h/.state/nono/deep/x"};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        capability_judge(&s, refused[i], &j);
        cr_expect(j.protected_ && j.by == DECIDER_PROTECTED, "%s", refused[i]);
    }
    capability_judge(&s, "/h/.state/nonox", &j);
    cr_expect(!j.protected_ && j.holed);
    capability_judge(&s, "/h/other/x", &j);
    cr_expect(j.holed, "the wider one still has a hole");
    capability_judge(&s, "/x", &j);
    cr_expect(!j.holed && !j.protected_);
}

Test(policy, nearest_of_what_nothing_covers)
{
    static const struct cap_row caps[] = {{CAPABILITY_SUBTREE, R, "/"},
                                          {CAPABILITY_SUBTREE, RW, "/home/u/shop"},
                                          {CAPABILITY_FILE, R, "/home/u/notes.txt"},
                                          {CAPABILITY_SUBTREE, R, "/usr"}};
    static const struct {
        const char *path, *nearest;
        size_t shared;
    } rows[] = {
        {"/home/u/shopping/list", "/home/u/shop", 8},
        {"/home/u", "/home/u/shop", 7},
        {"/home/v/x", "/home/u/shop", 6},
        {"/home/u/notes.txt.bak", "/home/u/shop", 8},
        {"/usrlocal/x", "", 0},
        {"/var/x", "", 0},
        {"/", "", 0},
    };
    cleanup_capability_set struct capability_set s = {0};
    fill(&s, caps, ARRAY_SIZE(caps));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct judgement j = {0};
        capability_nearest(&s, rows[i].path, &j);
        cr_expect_str_eq(j.nearest ? j.nearest->path : "", rows[i].nearest, "%s", rows[i].path);
        cr_expect_eq(j.shared, rows[i].shared, "%s: %zu", rows[i].path, j.shared);
    }
}

static void
expect_refused(enum capability_kind kind, unsigned access, const char *name, const char *option,
               int error, const char *hint)
{
    cleanup_capability_set struct capability_set s = {0};
    cleanup_err struct err err = {0};
    cleanup_free char *path = below(name);
    cr_expect_eq(capability_add_path(&s, kind, access, path, option, &err), error, "%s", name);
    cr_assert(err.msg);
    cr_expect(strstr(err.msg, option) && strstr(err.msg, path) && strstr(err.msg, hint), "%s",
              err.msg);
    cr_expect_eq(s.n, 0);
}

Test(policy, add_path_names_option_and_path)
{
    make_file("file");
    make_subdir("sub");
    expect_refused(CAPABILITY_SUBTREE, RW, "missing", "--allow", -ENOENT, "No such file");
    expect_refused(CAPABILITY_FILE, R, "missing", "--read-file", -ENOENT, "No such file");
    expect_refused(CAPABILITY_SUBTREE, R, "file/x", "--read", -ENOTDIR, "Not a directory");
    expect_refused(CAPABILITY_SUBTREE, R, "file", "--read", -ENOTDIR, "--read-file");
    expect_refused(CAPABILITY_SUBTREE, W, "file", "--write", -ENOTDIR, "--write-file");
    expect_refused(CAPABILITY_SUBTREE, RW, "file", "--allow", -ENOTDIR, "--allow-file");
    expect_refused(CAPABILITY_FILE, R, "sub", "--read-file", -EISDIR, "--read)");
    expect_refused(CAPABILITY_FILE, W, "sub", "--write-file", -EISDIR, "--write)");
    expect_refused(CAPABILITY_FILE, RW, "sub", "--allow-file", -EISDIR, "--allow)");
}

Test(policy, add_path_says_what_the_kernel_says)
{
    cleanup_capability_set struct capability_set s = {0};
    cleanup_err struct err err = {0};
    char path[4202] = "/missing/";
    memset(path + strlen(path), 'x', sizeof path - strlen(path) - 1);
    cr_expect_eq(capability_add_path(&s, CAPABILITY_SUBTREE, R, path, "--read", &err),
                 -ENAMETOOLONG);
}

Test(policy, what_a_file_says_is_told_by_its_line)
{
    cleanup_capability_set struct capability_set s = {0};
    struct socket_policy p = {0};
    cleanup_err struct err file = {0}, option = {0}, port = {0};
    capability_add_path(&s, CAPABILITY_SUBTREE, R, "/missing", "shop.json:7", &file);
    cr_expect_str_eq(file.msg, "shop.json:7: /missing: No such file or directory");
    capability_add_path(&s, CAPABILITY_SUBTREE, R, "/missing", "--read", &option);
    cr_expect_str_eq(option.msg, "--read /missing: No such file or directory");
    socket_policy_add_bind(&p, "x", "shop.json:7", &port);
    cr_expect(strncmp(port.msg, "shop.json:7: x: not a port", 26) == 0, "%s", port.msg);
}

Test(policy, add_path_resolves)
{
    cleanup_capability_set struct capability_set s = {0};
    cleanup_err struct err err = {0};
    cleanup_free char *link = below("link"), *sub = below("sub"), *slash = below("sub/");
    make_subdir("sub");
    cr_assert_eq(symlink("sub", link), 0);
    cr_expect_eq(capability_add_path(&s, CAPABILITY_SUBTREE, R, link, "--read", &err), 0);
    cr_expect_eq(capability_add_path(&s, CAPABILITY_SUBTREE, W, slash, "--write", &err), 0);
    cr_expect_str_eq(s.caps[0].path, sub);
    cr_expect_str_eq(s.caps[1].path, sub);
    cr_expect(s.caps[0].exec && !s.caps[1].exec);
    cleanup_free char *text = capability_describe(&s.caps[0]);
    cleanup_free char *want = xasprintf("rx %s (--read)", sub);
    cr_expect_str_eq(text, want);
}

Test(policy, protect_what_is_not_there_yet)
{
    static const struct {
        const char *given, *want;
    } rows[] = {{"link/a/b", "sub/a/b"}, {"sub", "sub"}, {"sub/", "sub"}, {"no/x//y", "no/x/y"}};
    cleanup_capability_set struct capability_set s = {0};
    cleanup_free char *link = below("link");
    make_subdir("sub");
    cr_assert_eq(symlink("sub", link), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *given = below(rows[i].given), *want = below(rows[i].want);
        capability_protect(&s, given);
        cr_expect_str_eq(s.denials.rows[s.denials.n - 1].path, want);
    }
    // The link on the way as well, once for the one path that leads through it.
    cr_expect_eq(s.denials.n, ARRAY_SIZE(rows) + 1);
    cr_expect_str_eq(s.denials.rows[0].path, link);
    capability_protect(&s, "/nono-not-there");
    cr_expect_str_eq(s.denials.rows[s.denials.n - 1].path, "/nono-not-there");
}

// A record behind a symbolic link that leads to nothing yet is made where the link leads.
Test(policy, protect_behind_a_dangling_link)
{
    cleanup_capability_set struct capability_set s = {0};
    cleanup_free char *link = below("db"), *target = below("sub/real.db");
    make_subdir("sub");
    cr_assert_eq(symlink("sub/real.db", link), 0);
    capability_protect(&s, link);
    struct judgement j;
    capability_judge(&s, target, &j);
    cr_expect(j.protected_);
    capability_judge(&s, link, &j);
    cr_expect(j.protected_);
}

Test(policy, risks)
{
    static const struct {
        const char *path;
        unsigned access;
        enum risk risk;
        const char *tags;
    } rows[] = {
        {"/home/u/.ssh/id_ed25519", R, RISK_HIGH, "ssh-key"},
        {"/home/u/.sshx/x", R, RISK_NONE, ""},
        {"/home/u/.aws", R, RISK_HIGH, "credentials"},
        {"/home/v/.aws/config", R, RISK_NONE, ""},
        {"/home/u/p/.env", R, RISK_HIGH, "credentials"},
        {"/home/u/p/.env.local", W, RISK_HIGH, "credentials"},
        {"/home/u/p/.envrc", R, RISK_HIGH, "credentials"},
        {"/home/u/p/x.env", R, RISK_NONE, ""},
        {"/home/u/p/.env.d/x", R, RISK_HIGH, "credentials"},
        {"/srv/tls/key.pem", R, RISK_HIGH, "private-key"},
        {"/srv/\xff\xfe.pem", R, RISK_HIGH, "private-key"},
        {"/home/u/.aws/key.pem", R, RISK_HIGH, "credentials,private-key"},
        {"/home/u/.gnupg/secring.gpg", R, RISK_HIGH, "gpg-key"},
        {"/home/u/.config/gh/hosts.yml", R, RISK_HIGH, "credentials"},
        {"/home/u/.mozilla/firefox/x/logins.json", R, RISK_HIGH, "browser-profile"},
        {"/home/u/.config/mozilla/firefox/x/key4.db", R, RISK_HIGH, "browser-profile"},
        {"/home/u/.config/google-chrome/Default/Cookies", R, RISK_HIGH, "browser-profile"},
        {"/home/u/.config/chromium/Default/Cookies", R, RISK_HIGH, "browser-profile"},
        {"/home/u/.config/BraveSoftware/x", R, RISK_HIGH, "browser-profile"},
        {"/home/u/.config/microsoft-edge/x", R, RISK_HIGH, "browser-profile"},
        {"/home/u/.local/share/keyrings/login.keyring", R, RISK_HIGH, "keyring"},
        {"/home/u/.local/share/kwalletd/x.kwl", R, RISK_HIGH, "keyring"},
        {"/home/u/.Xauthority", R, RISK_HIGH, "display"},
        {"/home/u/.bashrc", R, RISK_NOTICE, "shell-start"},
        {"/home/u/.bashrc", W, RISK_HIGH, "persistence"},
        {"/home/u/.bashrc", RW, RISK_HIGH, "shell-start,persistence"},
        {"/home/u/.profile", R, RISK_NOTICE, "shell-start"},
        {"/home/u/.zshenv", R, RISK_NOTICE, "shell-start"},
        {"/home/u/.zshrc", W, RISK_HIGH, "persistence"},
        {"/home/u/.config/fish/config.fish", R, RISK_NOTICE, "shell-start"},
        {"/home/u/p/.bashrc", R, RISK_NONE, ""},
        {"/home/u/.gitconfig", W, RISK_HIGH, "persistence"},
        {"/home/u/p/.git/hooks/pre-commit", W, RISK_NOTICE, "git-hook"},
        {"/home/u/p/.git/hooks/pre-commit", R, RISK_NOTICE, "git-hook"},
        {"/srv/shop.git/hooks/update", R, RISK_NOTICE, "git-hook"},
        {"/home/u/p/src/hooks/use.js", R, RISK_NONE, ""},
        {"/home/u/p/.githooks/x", R, RISK_NONE, ""},
        {"/var/run/docker.sock", R, RISK_HIGH, "escape"},
        {"/etc/shadow", R, RISK_HIGH, "credentials"},
        {"/etc/shadow-", R, RISK_HIGH, "credentials"},
        {"/etc/shadowx", R, RISK_NONE, ""},
        {"/etc/hostname", W, RISK_NOTICE, "system"},
        {"/etc/cron.d/x", W, RISK_HIGH, "persistence,system"},
        {"/proc/1/environ", R, RISK_NOTICE, "process"},
        {"/dev/sda", R, RISK_NOTICE, "device"},
        {"/", R, RISK_NONE, ""},
        {"/srv/x", RW, RISK_NONE, ""},
    };
    const char *homes[] = {"/home/u", "/home/u/"};
    setlocale(LC_ALL, "C.UTF-8");
    for (size_t h = 0; h < ARRAY_SIZE(homes); h++)
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            cleanup_free char *tags = NULL;
            enum risk risk = risk_of_path(rows[i].path, homes[h], rows[i].access, &tags);
            cr_expect_eq(risk, rows[i].risk, "%s (home %s): %s", rows[i].path, homes[h],
                         risk_to_string(risk));
            cr_expect_str_eq(tags, rows[i].tags, "%s (home %s)", rows[i].path, homes[h]);
        }
}

Test(policy, patterns_of_components)
{
    static const struct {
        const char *path, *pattern;
        bool want;
    } rows[] = {
        {"/a/b/c", "b", true},     {"/a/b/c", "b/c", true},
        {"/a/b/c", "a/b", true},   {"/a/b/c", "a/c", false},
        {"/a/b/c", "c/a", false},  {"/a/b/c", "b/c/d", false},
        {"/a/b/c", "?/*", true},   {"/a/b/c", "*", true},
        {"/a/bb/c", "b/c", false}, {"/a.git/hooks/x", "*.git/hooks", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(risk_component_matches(rows[i].path, rows[i].pattern), rows[i].want,
                     "%s in %s", rows[i].pattern, rows[i].path);
}

Test(policy, risks_without_a_home)
{
    cleanup_free char *tags = NULL, *root = NULL;
    cr_expect_eq(risk_of_path("/home/u/.aws/x", NULL, R, &tags), RISK_NONE);
    cr_expect_str_eq(tags, "");
    cr_expect_eq(risk_of_path("/.aws/x", "/", R, &root), RISK_HIGH);
}

Test(policy, places_of_high_risk)
{
    static const struct {
        const char *home, *place;
        unsigned access;
        bool there;
    } rows[] = {
        {"/home/u", "/home/u/.ssh", ACCESS_READ, true},
        {"/home/u/", "/home/u/.ssh", ACCESS_READ, true},
        {NULL, "/home/u/.ssh", ACCESS_READ, false},
        {NULL, "/etc/shadow", ACCESS_READ, true},
        {"/home/u", "/home/u/.bashrc", ACCESS_READ, false}, /* of notice */
        {"/home/u", "/home/u/.bashrc", ACCESS_WRITE, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char **places = risk_places(rows[i].home, rows[i].access);
        unsigned found = 0;
        for (size_t p = 0; places[p]; p++) {
            cleanup_free char *tags = NULL;
            found += strcmp(places[p], rows[i].place) == 0;
            cr_expect_eq(risk_of_path(places[p], rows[i].home, rows[i].access, &tags), RISK_HIGH);
            free(places[p]);
        }
        free(places);
        cr_expect_eq(found, rows[i].there, "%s", rows[i].place);
    }
}
