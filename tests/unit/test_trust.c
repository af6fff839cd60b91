// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "keygen.h"
#include "trust_policy.h"
#include "util.h"

static struct trust_policy p;

static void
start(void)
{
    p = (struct trust_policy){0};
}

static void
end(void)
{
    trust_policy_done(&p);
}

TestSuite(trust, .init = start, .fini = end);

Test(trust, defaults)
{
    static const struct {
        const char *path;
        bool matches;
    } rows[] = {
        {"/home/u/p/CLAUDE.md", true},
        {"CLAUDE.md", true},
        {"./CLAUDE.md", true},
        {"a/../CLAUDE.md", true},
        {"a//CLAUDE.md", true},
        {"/p/CLAUDE.md/x", false},
        {"/p/xCLAUDE.md", false},
        {"/p/CLAUDE.mdx", false},
        {"/p/claude.md", false},
        {"/p/.claude", false},
        {"/p/.claude/settings.json", true},
        {"/p/.claude/commands/deep/x", true},
        {".claude/x", true},
        {"/p/x.claude/y", false},
        {"/p/.claude/.claude/y", true},
        {"/.codex/y", true},
        {"/p/SKILL.md", true},
        {"/p/.cursorrules", true},
        {"/p/.cursorrules/x", false},
        {"/", false},
        {"", false},
    };
    trust_add_defaults(&p);
    cr_expect_eq(p.warnings.len, 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(trust_matches(&p, rows[i].path), rows[i].matches, "%s", rows[i].path);
}

Test(trust, patterns_of_a_profile)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } rows[] = {
        {"/srv/x.md", "/srv/x.md", true},
        {"/srv/x.md", "/a/srv/x.md", false},
        {"/srv/x.md", "srv/x.md", false},
        {"a/b", "/x/a/b", true},
        {"a/b", "/a/x/b", false},
        {"a/**/b", "/a/x/b", true},
        {"a/**/b", "/a/x/y/b", true},
        {"a/**/b", "/a/b", false},
        {"*.rules", "/x/y.rules", true},
        {"*.rules", "/x.rules/y", false},
        {"[Aa]gents.md", "/x/agents.md", true},
        {"**", "/anything", true},
        {"/**/x", "/a/b/x", true},
        {"/**/x", "/x", false},
        {"x", "/a/x", true},
        {"x", "/a/x/b", false},
        {"x/b", "/a/x/b", true},
        {"x*", "/a/x", true},
        {"\\*x", "/a/*x", true},
        {"\\*x", "/a/bx", false},
        {"a/**", "/b/a", false},
        {"a/a/b", "/a/a/a/b", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        trust_add_pattern(&p, rows[i].pattern, "t");
        cr_expect_eq(p.warnings.len, 0);
        cr_expect_eq(trust_matches(&p, rows[i].path), rows[i].matches, "%s %s", rows[i].pattern,
                     rows[i].path);
        trust_policy_done(&p);
    }
}

Test(trust, what_cannot_match_is_warned_about)
{
    static const char *const bad[] = {
        "",     "/",          "a//b",
        "a/",   "./a",        "../a",
        "a/..", "/usr/x",     "/etc/CLAUDE.md",
        "[\"",  "a/[z-a].md", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[256] = 0;
    for (size_t i = 0; i <= ARRAY_SIZE(bad); i++) {
        const char *pattern = i < ARRAY_SIZE(bad) ? bad[i] : longest;
        trust_add_pattern(&p, pattern, "shop.json:3");
        cr_expect_eq(p.n, 0, "%s", pattern);
        cr_expect(strncmp(buf_str(&p.warnings), "shop.json:3: the pattern ", 25) == 0, "%s: %s",
                  pattern, buf_str(&p.warnings));
        trust_policy_done(&p);
    }
    longest[255] = 0;
    trust_add_pattern(&p, longest, "t");
    cr_expect_eq(p.n, 1);
    for (int i = 0; i < TRUST_PATTERNS_MAX; i++)
        trust_add_pattern(&p, "x", "t");
    cr_expect_eq(p.n, TRUST_PATTERNS_MAX);
    cr_expect(p.warnings.len);
}

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN40vclfsNk/poSa73Eeuhr9QD8CiS5VpIN3yGLkPqAH"

Test(trust, signers)
{
    static const struct {
        const char *text;
        const char *error; /* NULL: none */
    } rows[] = {
        {"", NULL},
        {"# a comment\n\n   \n\t# another\n", NULL},
        {"a@example.org " ED25519 "\n", NULL},
        {"a@example.org " ED25519, NULL},
        {"a@example.org " ED25519 " a comment\r\n", NULL},
        {"a@x,b@x namespaces=\"nono,git\" " ED25519 "\n", NULL},
        {"\"a@x\" namespaces=\"with space\",valid-after=\"20200101\" " ED25519, NULL},
        {"* cert-authority " ED25519, NULL},
        {ED25519, "s:1: no principal before the key"},
        {"a@x", "s:1: not \"PRINCIPALS [OPTIONS] KEYTYPE KEY\""},
        {"\n\na@x ssh-none AAAA", "s:3: no key type that ssh-keygen knows"},
        {"a@x option " ED25519, "s:1: no key type that ssh-keygen knows"},
        {"a@x ssh-ed25519", "s:1: the key is not one of its type"},
        {"a@x ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQABAAABgQC7", "s:1: the key is not one of its type"},
        {"a@x ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIN40vclfsNk/poSa73Eeuhr9QD8CiS5VpIN3yGLkPqAH",
         "s:1: the key is not one of its type"},
        {"a@x ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN40vclfsNk!poSa73Eeuhr9QD8CiS5VpIN3yGLkPqAH",
         "s:1: the key is not one of its type"},
        {"a@x namespaces=\"open " ED25519, "s:1: not \"PRINCIPALS [OPTIONS] KEYTYPE KEY\""},
        {"a@x " ED25519 "\nb@x\n", "s:2: not \"PRINCIPALS [OPTIONS] KEYTYPE KEY\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_err struct err err = {0};
        int ret = trust_check_signers(rows[i].text, strlen(rows[i].text), "s", &err);
        cr_expect_eq(ret, rows[i].error ? -EINVAL : 0, "%s: %d", rows[i].text, ret);
        cr_expect(rows[i].error ? err.msg && strcmp(err.msg, rows[i].error) == 0 : !err.msg,
                  "%s: %s", rows[i].text, err.msg);
    }
    cleanup_err struct err err = {0};
    cr_expect_eq(trust_check_signers("a\0b", 3, "s", &err), -EINVAL);
}

static void
add(struct capability_set *s, enum capability_kind kind, unsigned access, const char *path)
{
    cr_assert_eq(capability_add_missing(s, kind, access, path, "test", NULL), 0);
}

Test(trust, where_the_kernel_lets_nothing_be_read)
{
    cleanup_capability_set struct capability_set s = {0};
    const unsigned r = ACCESS_READ, w = ACCESS_WRITE;
    trust_add_defaults(&p);
    add(&s, CAPABILITY_SUBTREE, r | w, "/srv/p");
    add(&s, CAPABILITY_SUBTREE, r, "/usr");
    add(&s, CAPABILITY_SUBTREE, w, "/srv/q");
    add(&s, CAPABILITY_FILE, r, "/srv/x/CLAUDE.md");
    add(&s, CAPABILITY_FILE, r, "/srv/x/notes.txt");
    add(&s, CAPABILITY_SUBTREE, r | w, "/dev/shm");
    static const bool want[] = {true, false, false, true, false, true};
    p.enforcement = TRUST_WARN;
    cr_expect_eq(trust_carve(&p, &s, NULL), 0);
    for (size_t i = 0; i < s.n; i++)
        cr_expect_not(s.caps[i].verified);
    p.enforcement = TRUST_DENY;
    cr_expect_eq(trust_carve(&p, &s, NULL), 0);
    for (size_t i = 0; i < s.n; i++) {
        cr_expect_eq(s.caps[i].verified, want[i], "%s", s.caps[i].path);
        cr_expect_eq(s.caps[i].holed, want[i]);
    }
    cleanup_err struct err err = {0};
    add(&s, CAPABILITY_SUBTREE, r | w, "/opt/project");
    cr_expect_eq(trust_carve(&p, &s, &err), -EINVAL);
    cr_expect(err.msg && strstr(err.msg, "/opt/project"));
}

// --- ssh-keygen --------------------------------------------------------------------------------

static int
memfd_of(const char *text, size_t len)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    cr_assert(fd >= 0 && write_all(fd, text, len) == 0);
    return fd;
}

static int
verify(int helper, const char *content, const char *signature, const char *signers, char *principal)
{
    cleanup_fd int c = memfd_of(content, strlen(content));
    cleanup_fd int sig = memfd_of(signature, strlen(signature));
    cleanup_fd int who = memfd_of(signers, strlen(signers));
    return keygen_verify(helper, c, sig, who, principal);
}

Test(trust, keygen)
{
    char dir[] = "/tmp/nono-trust.XXXXXX", principal[KEYGEN_PRINCIPAL_MAX] = "untouched";
    cleanup_free char *key = NULL, *signature = NULL, *public = NULL;
    cleanup_fd int helper = -1;
    cr_assert(mkdtemp(dir));
    cleanup_free char *make =
        xasprintf("cd %s && ssh-keygen -q -t ed25519 -N '' -f k && printf text >f && "
                  "ssh-keygen -q -Y sign -n nono -f k f 2>/dev/null",
                  dir);
    if (access(KEYGEN_PATH, X_OK) < 0)
        cr_skip_test("no " KEYGEN_PATH);
    cr_assert_eq(system(make), 0);
    cleanup_free char *sig = xasprintf("%s/f.sig", dir), *pub = xasprintf("%s/k.pub", dir);
    cr_assert(read_file_at(-1, sig, 65536, &signature) > 0);
    cr_assert(read_file_at(-1, pub, 65536, &public) > 0);
    cleanup_free char *remove = xasprintf("rm -r %s", dir);
    cr_expect_eq(system(remove), 0);
    cleanup_free char *signers = xasprintf("x,a@example.org %s", public);
    cleanup_free char *dated = xasprintf("a@example.org valid-before=\"20200101\" %s", public);
    cleanup_free char *other = xasprintf("a@example.org namespaces=\"git\" %s", public);

    cr_assert_eq(keygen_start(&helper), 0);
    cr_expect_eq(verify(helper, "changed", signature, signers, principal), -EKEYREJECTED);
    cr_expect_eq(verify(helper, "text", "garbage", signers, principal), -EKEYREJECTED);
    cr_expect_eq(verify(helper, "text", "", signers, principal), -EKEYREJECTED);
    cr_expect_eq(verify(helper, "text", signature, "", principal), -EKEYREJECTED);
    cr_expect_eq(verify(helper, "text", signature, dated, principal), -EKEYREJECTED);
    cr_expect_eq(verify(helper, "text", signature, other, principal), -EKEYREJECTED);
    cr_expect_str_eq(principal, "untouched");
    cr_expect_eq(verify(helper, "text", signature, signers, principal), 0);
    cr_expect_str_eq(principal, "x");
}
