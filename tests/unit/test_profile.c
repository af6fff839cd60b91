// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtin.h"
#include "profile.h"
#include "util.h"

static char dir[64];

static void
make_dir(void)
{
    strcpy(dir, "/tmp/nono-profile-XXXXXX");
    cr_assert(mkdtemp(dir));
}

static void
remove_dir(void)
{
    cleanup_free char *command = xasprintf("rm -rf %s", dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(profile, .init = make_dir, .fini = remove_dir);

static void
write_file(const char *name, const char *text)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0);
    cr_assert_eq(write_all(fd, text, strlen(text)), 0);
    close(fd);
}

static int
parse(struct profile *p, const char *text, struct err *err)
{
    return profile_parse(p, text, strlen(text), "/x/t.json", "t.json", err);
}

Test(profile, every_key)
{
    static const struct {
        enum profile_key key;
        const char *value;
        uint64_t number;
        const char *source;
    } want[] = {
        {PROFILE_META_NAME, "n", 0, "t.json:2"},
        {PROFILE_META_VERSION, "1", 0, "t.json:3"},
        {PROFILE_EXTENDS, "default", 0, "t.json:5"},
        {PROFILE_ALLOW, "$WORKDIR", 0, "t.json:8"},
        {PROFILE_ALLOW, "~/x", 0, "t.json:9"},
        {PROFILE_READ_FILE, "/a\tb\"c", 0, "t.json:11"},
        {PROFILE_DENY, ".env*", 0, "t.json:12"},
        {PROFILE_DENY, "$HOME/.ssh", 0, "t.json:12"},
        {PROFILE_UNIX_SOCKET_DIR_BIND, "/run/x", 0, "t.json:13"},
        {PROFILE_WORKDIR_ACCESS, "read", WORKDIR_READ, "t.json:15"},
        {PROFILE_NETWORK_BLOCK, "1", 1, "t.json:16"},
        {PROFILE_CONNECT_PORT, "443", 443, "t.json:16"},
        {PROFILE_CONNECT_PORT, "80", 80, "t.json:16"},
        {PROFILE_ALLOW_CONNECT, "example.org:443", 443, "t.json:17"},
        {PROFILE_ALLOW_CONNECT, "[::1]:*", 0, "t.json:17"},
        {PROFILE_EXEC, "ask", EXEC_ASK, "t.json:18"},
        {PROFILE_TRUST_PATTERNS, "CLAUDE.md", 0, "t.json:19"},
        {PROFILE_TRUST_SIGNERS, "~/.config/s", 0, "t.json:19"},
        {PROFILE_TRUST_ENFORCEMENT, "warn", TRUST_WARN, "t.json:20"},
        {PROFILE_REDACT, "--token", 0, "t.json:21"},
    };
    cleanup_profile struct profile p = {0};
    cleanup_err struct err err = {0};
    cr_assert_eq(
        parse(&p,
              "{ // comment \" {\n"
              "\"meta\": {\"name\": \"n\",\n"
              "  \"version\": \"1\"}, /* one\n"
              "  two */\n"
              "\"extends\": \"default\",\n"
              "\"filesystem\": {\n"
              "  \"allow\": [\n"
              "    \"$WORKDIR\",\n"
              "    \"~/x\"\n"
              "  ],\n"
              "  \"read_file\": [\"/a\\tb\\\"c\"],\n"
              "  \"deny\": [\".env*\", \"$HOME/.ssh\"],\n"
              "  \"unix_socket_dir_bind\": [\"/run/x\"]\n"
              "},\n"
              "\"workdir\": {\"access\": \"read\"},\n"
              "\"network\": {\"block\": true, \"connect_port\": [443, 80],\n"
              "  \"allow_connect\": [\"example.org:443\", \"[::1]:*\"]},\n"
              "\"exec\": \"ask\",\n"
              "\"trust\": {\"patterns\": [\"CLAUDE.md\"], \"signers\": [\"~/.config/s\"],\n"
              "  \"enforcement\": \"warn\"},\n"
              "\"redact\": [\"--token\"]\n"
              "}\n",
              &err),
        0, "%s", err.msg);
    cr_assert_eq(p.n, ARRAY_SIZE(want), "%zu", p.n);
    for (size_t i = 0; i < p.n; i++) {
        cr_expect_eq(p.items[i].key, want[i].key, "%zu: %s", i, profile_key_name(p.items[i].key));
        cr_expect_str_eq(p.items[i].value, want[i].value);
        cr_expect_eq(p.items[i].number, want[i].number, "%s", want[i].value);
        cr_expect_str_eq(p.items[i].source, want[i].source, "%s", want[i].value);
    }
    cr_expect_eq(p.warnings.len, 0, "%s", buf_str(&p.warnings));
    cr_expect_str_eq(profile_key_name(PROFILE_ALLOW), "filesystem.allow");
    cr_expect_str_eq(profile_key_name(PROFILE_EXEC), "exec");
}

Test(profile, unknown_keys_are_named_with_their_line)
{
    cleanup_profile struct profile p = {0};
    cleanup_err struct err err = {0};
    cr_assert_eq(parse(&p,
                       "{\"a\": [1, {\"b\": [2,\n\"x\"]}, null],\n"
                       "\"filesystem\": {\"allows\": {\n\"y\": 1.5e3}, \"read\": [\"/r\"]},\n"
                       "\"filesystem.read\": 1, \"\": 2, \"allow\": 3, \"\\u001b\": 4}",
                       &err),
                 0, "%s", err.msg);
    cr_expect_str_eq(buf_str(&p.warnings), "/x/t.json:1: unknown key \"a\"\n"
                                           "/x/t.json:3: unknown key \"filesystem.allows\"\n"
                                           "/x/t.json:5: unknown key \"filesystem.read\"\n"
                                           "/x/t.json:5: unknown key \"\"\n"
                                           "/x/t.json:5: unknown key \"allow\"\n"
                                           "/x/t.json:5: unknown key \"\\x1b\"\n");
    cr_assert_eq(p.n, 1);
    cr_expect_str_eq(p.items[0].source, "t.json:4");
}

Test(profile, mistakes_are_named_with_their_line)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "t.json:1: "},
        {"{", "t.json:1: "},
        {"[]", "t.json:1: a profile wants an object"},
        {"{}x", "t.json:1: "},
        {"{\n\"meta\": {\n\"name\": \"\xff\"}}", "t.json:3: "},
        {"{\n\"meta\": {\n\"name\": \"\xed\xa0\x80\"}}", "t.json:3: "}, // a surrogate
        {"{\n\"meta\": {\n\"name\": \"\\u0000\"}}", "t.json:3: a NUL character is in no text"},
        {"{\n/* x\n\n", "t.json:2: a comment that does not end"},
        {"{\n/*/", "t.json:2: a comment that does not end"},
        {"{\n\"exec\": \"ask\",\n\"exec\": \"ask\"}", "t.json:3: "},
        {"{\n\"exec\":\n\"maybe\"}", "t.json:3: exec: is allow or ask"},
        {"{\n\"exec\": 1}", "t.json:2: exec: wants text"},
        {"{\n\"meta\": 1}", "t.json:2: meta: wants an object"},
        {"{\n\"workdir\": {\"access\": \"rw\"}}", "workdir.access: is none, read"},
        {"{\n\"network\": {\"block\": 1}}", "t.json:2: network.block: is true or false"},
        {"{\"network\": {\n\"connect_port\": 1}}", "t.json:2: network.connect_port: wants a list"},
        {"{\"network\": {\n\"connect_port\": [1,\n0]}}", "t.json:3: network.connect_port: a port"},
        {"{\"network\": {\n\"listen_port\": [65536]}}", "t.json:2: network.listen_port: a port"},
        {"{\"network\": {\n\"listen_port\": [1.0]}}", "t.json:2: network.listen_port: a port"},
        {"{\"network\": {\"allow_connect\": [\"x\"]}}", "wants HOST:PORT"},
        {"{\"network\": {\"allow_connect\": [\":1\"]}}", "wants HOST:PORT"},
        {"{\"network\": {\"allow_connect\": [\"x:0\"]}}", "wants HOST:PORT"},
        {"{\"network\": {\"allow_connect\": [\"x:+1\"]}}", "wants HOST:PORT"},
        {"{\"network\": {\"allow_connect\": [\"[::1:1\"]}}", "wants HOST:PORT"},
        {"{\"filesystem\": {\n\"read\": [\"x/y\"]}}", "t.json:2: filesystem.read: a path starts"},
        {"{\"filesystem\": {\n\"read\": [\"x\"]}}", "t.json:2: filesystem.read: a path starts"},
        {"{\"filesystem\": {\n\"read\": [\"\"]}}", "t.json:2: filesystem.read: an empty path"},
        {"{\"filesystem\": {\n\"read\": [\"$HOM/x\"]}}", "unknown variable"},
        {"{\"filesystem\": {\n\"read\": [\"$/x\"]}}", "unknown variable"},
        {"{\"filesystem\": {\n\"read\": [\"$HOMEx/x\"]}}", "a variable ends at a slash"},
        {"{\"filesystem\": {\n\"read\": [\"~u/x\"]}}", "the home of another user (~NAME)"},
        {"{\"filesystem\": {\n\"deny\": [\"a/b\"]}}", "a bare name has no slash"},
        {"{\"extends\": {}}", "t.json:1: extends: wants a list"},
        {"{\"redact\": \"x\"}", "t.json:1: redact: wants a list"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_profile struct profile p = {0};
        cleanup_err struct err err = {0};
        cr_expect_eq(parse(&p, rows[i].text, &err), -EINVAL, "%s", rows[i].text);
        cr_expect(err.msg && strstr(err.msg, rows[i].message), "%s: %s", rows[i].text, err.msg);
        cr_expect(!err.msg || !strchr(err.msg, '\n'));
    }
}

static int
load(struct profile *p, const char *name, struct err *err)
{
    struct profile_env env = {.dir = dir};
    return profile_load(p, name, &env, err);
}

static void
expect_items(const struct profile *p, enum profile_key key, const char *want)
{
    cleanup_buf struct buf got = {0};
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].key == key)
            buf_printf(&got, "%s(%s) ", p->items[i].value, p->items[i].source);
    cr_expect_str_eq(buf_str(&got), want);
}

Test(profile, extends_puts_parents_first_and_each_once)
{
    cleanup_profile struct profile p = {0};
    cleanup_err struct err err = {0};
    write_file("base.json", "{\"filesystem\": {\"read\": [\"/b\"]}, \"exec\": \"ask\"}");
    write_file("one.json", "{\"extends\": \"base\", \"filesystem\": {\"read\": [\"/1\"]}}");
    write_file("two.json",
               "{\"filesystem\": {\"read\": [\"/2\"]},\n\"extends\": [\"./base.json\"]}");
    write_file("top.json",
               "{\"filesystem\": {\"read\": [\"/t\"]},\n\"extends\": [\"one\", \"two\"],"
               "\"exec\": \"allow\"}");
    cr_assert_eq(load(&p, "top", &err), 0, "%s", err.msg);
    expect_items(&p, PROFILE_READ, "/b(base.json:1) /1(one.json:1) /2(two.json:1) /t(top.json:1) ");
    cr_expect_eq(p.n_loaded, 4);
    cr_expect_str_eq(profile_last(&p, PROFILE_EXEC)->value, "allow");
    cr_expect(!profile_last(&p, PROFILE_NETWORK_BLOCK));
}

Test(profile, extends_that_leads_nowhere)
{
    static const struct {
        const char *name;
        int error;
        const char *message;
    } rows[] = {
        {"self", -ELOOP, "self.json:2: "},
        {"a", -ELOOP, "b.json:1: "},
        {"orphan", -ENOENT, "orphan.json:3: no profile named missing"},
        {"strange", -ENOENT, "strange.json:1: ./no.json: No such file"},
        {"nobody", -ENOENT, "no profile named nobody"},
        {"./no.json", -ENOENT, "./no.json: No such file"},
        {"broken", -EINVAL, "/base.json:2: exec: is allow or ask"},
    };
    write_file("self.json", "{\n\"extends\": \"self\"}");
    write_file("a.json", "{\"extends\": \"b\"}");
    write_file("b.json", "{\"extends\": \"a\"}");
    write_file("orphan.json", "{\n\n\"extends\": \"missing\"}");
    write_file("strange.json", "{\"extends\": \"./no.json\"}");
    write_file("broken.json", "{\"extends\": \"base\"}");
    write_file("base.json", "{\n\"exec\": \"x\"}");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_profile struct profile p = {0};
        cleanup_err struct err err = {0};
        cr_expect_eq(load(&p, rows[i].name, &err), rows[i].error, "%s", rows[i].name);
        cr_expect(err.msg && strstr(err.msg, rows[i].message), "%s: %s", rows[i].name, err.msg);
    }
    cleanup_free char *name = xstrdup("row0");
    for (int i = 0; i < 30; i++) {
        cleanup_free char *file = xasprintf("row%d.json", i);
        cleanup_free char *text = xasprintf("{\"extends\": \"row%d\"}", i + 1);
        write_file(file, text);
    }
    cleanup_profile struct profile p = {0};
    cleanup_err struct err err = {0};
    cr_expect_eq(load(&p, name, &err), -ELOOP);
    cr_expect(strstr(err.msg, "in a row"), "%s", err.msg);
}

Test(profile, a_users_default_builds_on_the_built_in_one)
{
    cleanup_profile struct profile p = {0}, q = {0};
    cleanup_err struct err err = {0};
    write_file("default.json",
               "{\"extends\": \"default\", \"filesystem\": {\"read\": [\"/mine\"]}}");
    cr_assert_eq(load(&p, "default", &err), 0, "%s", err.msg);
    cr_expect_str_eq(p.loaded[0], "built in: default");
    cr_expect_eq(p.n_loaded, 2);
    cr_expect_str_eq(p.items[p.n - 1].value, "/mine");
    cleanup_free char *mine = xasprintf("%s/default.json", dir);
    cr_expect_str_eq(profile_identity(&p), mine);
    // Only a name with a slash, or one that ends in .json, is a file: what lies in the current
    // directory is not taken for a profile.
    write_file("here", "{\"exec\": \"ask\"}");
    cr_assert_eq(chdir(dir), 0);
    cr_expect_eq(load(&q, "here", &err), -ENOENT);
    err_done(&err);
    cr_expect_eq(load(&q, "./here", &err), 0, "%s", err.msg);
    cr_assert_eq(chdir("/"), 0);
}

Test(profile, names)
{
    struct profile_env env = {.dir = dir};
    write_file("b.json", "");
    write_file("a.json", "");
    write_file("c.txt", "");
    write_file(".hidden.json", "");
    cleanup_buf struct buf got = {0};
    char **names = profile_names(&env);
    for (char **n = names; *n; n++) {
        buf_printf(&got, "%s ", *n);
        free(*n);
    }
    free(names);
    cr_expect(strncmp(buf_str(&got), "a b default ", 12) == 0, "%s", buf_str(&got));
}

Test(profile, every_built_in_one_is_without_fault)
{
    size_t n = 0;
    for (const struct builtin_profile *b = builtin_profiles; b->name; b++, n++) {
        cleanup_profile struct profile p = {0};
        cleanup_err struct err err = {0};
        cr_expect_eq(load(&p, b->name, &err), 0, "%s: %s", b->name, err.msg);
        cr_expect_eq(p.warnings.len, 0, "%s", buf_str(&p.warnings));
        cr_expect_str_eq(profile_identity(&p), b->name);
    }
    cr_expect(n > 0);
}

Test(profile, apply)
{
    cleanup_profile struct profile p = {0};
    cleanup_err struct err err = {0};
    cleanup_capability_set struct capability_set s = {0};
    struct profile_env env = {.home = dir, .workdir = dir};
    struct judgement j;
    write_file("file", "");
    write_file(".env", "");
    cr_assert_eq(parse(&p,
                       "{\"filesystem\": {\n"
                       "\"read\": [\"$HOME\", \"/nono/is/not/there\", \"$TMPDIR\"],\n"
                       "\"write_file\": [\"$WORKDIR/file\"],\n"
                       "\"allow\": [\"/etc/passwd\", \"/dev/null\", \"/usr\"],\n"
                       "\"deny\": [\".env*\", \"~/private\"]}}",
                       &err),
                 0, "%s", err.msg);
    cr_assert_eq(profile_apply(&p, &env, &s, &err), 0, "%s", err.msg);
    cr_assert_eq(profile_apply(&p, &env, &s, &err), 0, "%s", err.msg);
    capability_set_seal(&s);
    cleanup_free char *text = capability_set_describe(&s);
    cleanup_free char *want =
        xasprintf("rx %s (t.json:2)\nw %s/file (t.json:3)\nrw /etc/passwd (t.json:4)\n"
                  "rw /dev/null (t.json:4)\nrwx /usr (t.json:4)\n"
                  "deny %s/**/.env* (t.json:5)\ndeny %s/private (t.json:5)\n"
                  "deny %s/**/.env* (t.json:5)\ndeny %s/private (t.json:5)\n",
                  dir, dir, dir, dir, dir, dir);
    cr_expect_str_eq(text, want);
    cr_expect(s.caps[3].device && !s.caps[2].device);
    cleanup_free char *deep = xasprintf("%s/a/b/.env.local", dir);
    capability_judge(&s, deep, &j);
    cr_expect(j.protected_ && j.by == DECIDER_INITIAL);
    cr_expect_str_eq(j.denied->source, "t.json:5");
    env.home = NULL;
    cr_expect_eq(profile_apply(&p, &env, &s, &err), -ENOENT);
    cr_expect(strstr(err.msg, "t.json:2: $HOME is not known"), "%s", err.msg);
}

Test(profile, variables)
{
    static const struct {
        const char *value, *want;
        size_t fixed;
    } rows[] = {
        {"$HOME", "/home/u", 7},  {"$HOME/x", "/home/u/x", 7},     {"~/x", "/home/u/x", 7},
        {"~", "/home/u", 7},      {"$WORKDIR/x", "/x", 1},         {"$WORKDIR", "/", 1},
        {"$TMPDIR/a", "/t/a", 2}, {"/abs/$HOME", "/abs/$HOME", 0}, {".env*", "/**/.env*", 1},
    };
    struct profile_env env = {.home = "/home/u", .workdir = "/", .tmpdir = "/t"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char value[64];
        strcpy(value, rows[i].value);
        struct profile_item item = {.value = value};
        cleanup_free char *path = NULL;
        size_t fixed;
        cr_expect_eq(profile_expand(&item, &env, &path, &fixed, NULL), 1);
        cr_expect_str_eq(path, rows[i].want);
        cr_expect_eq(fixed, rows[i].fixed, "%s: %zu", value, fixed);
    }
}

Test(profile, paths_of_options)
{
    static const struct {
        const char *value, *want, *wrong;
        bool names;
        size_t fixed;
    } rows[] = {
        {".env", "/w/**/.env", NULL, true, 2},
        {"*.pem", "/w/**/*.pem", NULL, true, 2},
        {"[", "/w/**/[", NULL, true, 2},
        {"./.env", "./.env", NULL, true, 0},
        {"a/b", "a/b", NULL, true, 0},
        {"a/", "a/", NULL, true, 0},
        {".", ".", NULL, true, 0},
        {"..", "..", NULL, true, 0},
        {"...", "/w/**/...", NULL, true, 2},
        {"", "", NULL, true, 0},
        {"~", "/home/u", NULL, true, 7},
        {"~/x", "/home/u/x", NULL, true, 7},
        {"$HOME/x*", "/home/u/x*", NULL, true, 7},
        {"$WORKDIR/x", "/w/x", NULL, true, 2},
        {"$TMPDIR", NULL, "--deny '$TMPDIR': $TMPDIR is not known", true, 0},
        {"~u/x", NULL, "--deny '~u/x': the home of another user (~NAME)", true, 0},
        {"$USER", NULL, "--deny '$USER': unknown variable", true, 0},
        {"$", NULL, "--deny '$': unknown variable", true, 0},
        {"x~", "/w/**/x~", NULL, true, 2},
        {"./~", "./~", NULL, true, 0},
        {"shop", "shop", NULL, false, 0},
        {"~/shop", "/home/u/shop", NULL, false, 7},
        {"/abs", "/abs", NULL, false, 0},
    };
    struct profile_env env = {.home = "/home/u", .workdir = "/w"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *path = NULL;
        cleanup_err struct err err = {0};
        size_t fixed;
        int ret = profile_expand_option(rows[i].value, rows[i].names, "--deny", &env, &path, &fixed,
                                        &err);
        cr_expect_eq(ret == 0, rows[i].want != NULL, "%s", rows[i].value);
        if (ret == 0) {
            cr_expect_str_eq(path, rows[i].want);
            cr_expect_eq(fixed, rows[i].fixed, "%s: %zu", rows[i].value, fixed);
        } else {
            cr_expect(strstr(err.msg, rows[i].wrong), "%s", err.msg);
        }
    }
}
