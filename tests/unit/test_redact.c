// SPDX-License-Identifier: Apache-2.0
// What is taken out of command lines before they are stored, and what is left alone.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"
#include "util.h"

#define R REDACTED
// In two parts, lest a scanner takes it for one.
#define SK                                                                                         \
    "sk-"                                                                                          \
    "ant-abcdefghijklmnopqrstuvwxyz"
#define GHP "ghp_abcdefghijklmnopqrstuvwxyz0123456789"

// Words are separated by '|' here.
static char *
redact(const char *words, const char *more, size_t *ret_n)
{
    struct buf out = {0};
    size_t len = strlen(words) + 1;
    cleanup_free char *argv = xstrdup(words);
    for (size_t i = 0; i < len; i++)
        argv[i] = argv[i] == '|' ? 0 : argv[i];
    *ret_n = redact_argv(argv, len, more, &out);
    cr_assert(out.len > 0 && out.data[out.len - 1] == 0);
    for (size_t i = 0; i + 1 < out.len; i++)
        out.data[i] = out.data[i] ? out.data[i] : '|';
    return buf_steal(&out);
}

static const struct {
    const char *argv, *left; /* NULL: nothing is taken out */
} cases[] = {
    // Flags, with their value behind '=' or in the next word.
    {"tool|--token|abc|x", "tool|--token|" R "|x"},
    {"tool|--token=abc|x", "tool|--token=" R "|x"},
    {"tool|--TOKEN=abc", "tool|--TOKEN=" R},
    {"tool|--github-token|abc", "tool|--github-token|" R},
    {"tool|--api_key=abc", "tool|--api_key=" R},
    {"tool|-password|a b c", "tool|-password|" R},
    {"tool|--client-secret|-x", "tool|--client-secret|" R},
    {"tool|--auth=abc|--bearer|def", "tool|--auth=" R "|--bearer|" R},
    {"tool|--password", NULL},
    {"java|-Ddb.password=abc", "java|-Ddb.password=" R},
    {"tool|--max-tokens=4096", NULL},
    {"tool|--no-auth|file", NULL},
    {"tool|--tokenizer|fast", NULL},
    {"tool|--passwordless", NULL},
    {"git|commit|-m|a message about tokens", NULL},
    // Assignments.
    {"env|GITHUB_TOKEN=abc|make", "env|GITHUB_TOKEN=" R "|make"},
    {"env|AWS_SECRET_ACCESS_KEY=abc", "env|AWS_SECRET_ACCESS_KEY=" R},
    {"env|AWS_ACCESS_KEY_ID=abc", "env|AWS_ACCESS_KEY_ID=" R},
    {"env|ANTHROPIC_API_KEY=abc", "env|ANTHROPIC_API_KEY=" R},
    {"psql|password=abc", "psql|password=" R},
    {"env|PATH=/bin", NULL},
    // User and password.
    {"curl|-u|joe:abc", "curl|-u|joe:" R},
    {"curl|--proxy-user|joe:abc", "curl|--proxy-user|joe:" R},
    {"sort|-u|file", NULL},
    // Headers.
    {"curl|-H|Authorization: Bearer abc", "curl|-H|Authorization: " R},
    {"curl|-HX-Api-Key:abc", "curl|-HX-Api-Key:" R},
    {"curl|--header=Cookie: a=b; c=d", "curl|--header=Cookie: " R},
    {"curl|-H|Accept: text/html", NULL},
    // URLs.
    {"git|clone|https://joe:abc@h.org/r.git", "git|clone|https://joe:" R "@h.org/r.git"},
    {"git|clone|https://0123456789abcdef0123@h.org/r", "git|clone|https://" R "@h.org/r"},
    {"git|clone|ssh://git@h.org/r.git", NULL},
    {"curl|http://h.org/a@b:c", NULL},
    {"curl|http://h/?q=1&access_token=abc&z=2", "curl|http://h/?q=1&access_token=" R "&z=2"},
    {"curl|http://h/?key=abc;code=def#top", "curl|http://h/?key=" R ";code=" R "#top"},
    {"curl|http://h/?keyword=abc", NULL},
    // Shapes.
    {"tool|" GHP, "tool|" R},
    {"tool|x=" GHP ",y", "tool|x=" R ",y"},
    {"tool|sk-ant-"
     "abcdefghijklmnopqrstuvwxyz",
     "tool|" R},
    {"tool|AKIAABCDEFGHIJKLMNOP", "tool|" R},
    {"tool|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", "tool|" R},
    {"tool|sk-short", NULL},
    {"tool|desk-abcdefghijklmnopqrstuvwxyz", NULL},
    // Scripts in one word.
    {"sh|-c|curl -H \"Authorization: Bearer abc\" http://h && x",
     "sh|-c|curl -H \"Authorization: " R "\" http://h && x"},
    {"sh|-c|TOKEN=abc tool --password 'a b' --verbose",
     "sh|-c|TOKEN=" R " tool --password " R " --verbose"},
    {"sh|-c|export DB_PASSWORD='a b'; run", "sh|-c|export DB_PASSWORD=" R "; run"},
    {"sh|-c|git clone https://joe:abc@h/r", "sh|-c|git clone https://joe:" R "@h/r"},
    {"sh|-c|curl -u joe:abc h", "sh|-c|curl -u joe:" R " h"},
    {"sh|-c|echo " GHP, "sh|-c|echo " R},
    {"sh|-c|tool --password", NULL},
    {"sh|-c|tool --token|next", NULL},
    {"sh|-c|\"unbalanced", NULL},
    // Odd ones.
    {"", NULL},
    {"|", NULL},
    {"-", NULL},
    {"--", NULL},
    {"=|--=|://|?|?=|@|:", NULL},
    {"\xff\xfe|\x1b[31m", NULL},
};

Test(redact, table)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t n = 0;
        cleanup_free char *left = redact(cases[i].argv, NULL, &n);
        const char *want = cases[i].left ? cases[i].left : cases[i].argv;
        cr_assert(strcmp(left, want) == 0, "%s: %s, not %s", cases[i].argv, left, want);
        cr_assert((n > 0) == (cases[i].left != NULL), "%s: %zu", cases[i].argv, n);
    }
}

Test(redact, names_of_the_profile)
{
    size_t n = 0;
    cleanup_free char *left =
        redact("tool|--acme-pin|1234|acme_0001|x_acme_0001|https://h/?acme-pin=5",
               "\nacme-pin\nacme_*\n", &n);
    cr_assert_str_eq(left, "tool|--acme-pin|" R "|" R "|x_acme_0001|https://h/?acme-pin=" R);
    cr_assert(n == 3);
}

Test(redact, notes)
{
    struct buf out = {0};
    cr_assert(redact_text("use " GHP " for it", NULL, &out) == 1);
    cr_assert_str_eq(buf_str(&out), "use " R " for it");
    buf_done(&out);
}

// No input makes it read or write out of bounds (under the sanitizers), and none grows without end.
Test(redact, anything)
{
    static const char alphabet[] = "-=:/?&;@#'\" \naT_.uH*0";
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        char argv[64];
        size_t len = (size_t)rand_r(&seed) % sizeof argv;
        struct buf out = {0};
        for (size_t i = 0; i < len; i++)
            argv[i] =
                rand_r(&seed) % 9 ? alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)] : 0;
        cleanup_free char *exact = xmemdup(argv, len ? len : 1);
        size_t n = redact_argv(exact, len, "a\nT*", &out);
        cr_assert(out.len <= len + n * strlen(R));
        buf_done(&out);
    }
}
