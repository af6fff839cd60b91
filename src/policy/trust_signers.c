// SPDX-License-Identifier: Apache-2.0
// The allowed-signers file, as ssh-keygen(1) describes it: each line "PRINCIPALS [OPTIONS] KEYTYPE
// KEY [COMMENT]". ssh-keygen passes over a line that it cannot read; here it is an error, because a
// signer who is not there by mistake is missed only when it matters.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "display.h"
#include "trust_policy.h"
#include "util.h"

struct word {
    const char *text;
    size_t len;
};

static const char *const key_types[] = {
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
};

// The next word of a line; spaces between double quotes do not end it. len 0: there is none.
static struct word
next_word(const char **at, const char *end)
{
    bool quoted = false;
    while (*at < end && (**at == ' ' || **at == '\t'))
        ++*at;
    struct word w = {*at, 0};
    while (*at < end && (quoted || (**at != ' ' && **at != '\t'))) {
        quoted ^= **at == '"';
        ++*at;
    }
    if (!quoted)
        w.len = (size_t)(*at - w.text);
    return w;
}

static const char *
key_type_of(struct word w)
{
    for (size_t i = 0; i < ARRAY_SIZE(key_types); i++)
        if (w.len == strlen(key_types[i]) && memcmp(w.text, key_types[i], w.len) == 0)
            return key_types[i];
    return NULL;
}

static bool
is_option(struct word w)
{
    static const char *const names[] = {"cert-authority",
                                        "namespaces=", "valid-after=", "valid-before="};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (w.len >= strlen(names[i]) && strncasecmp(w.text, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

// A key begins with the length and the name of its type.
static bool
is_key(struct word w, const char *type)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char head[64] = {0};
    size_t n = strlen(type), len = w.len;
    head[3] = (unsigned char)n;
    memcpy(head + 4, type, n);
    while (len && w.text[len - 1] == '=' && w.len - len < 2)
        len--;
    if (w.len % 4 || len < (n + 4) / 3 * 4 + 16)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!memchr(digits, w.text[i], sizeof digits - 1))
            return false;
    for (size_t i = 0; i < (n + 4) / 3 * 4; i++) {
        const unsigned char *p = head + i / 4 * 3;
        unsigned group = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        if (w.text[i] != digits[group >> (18 - 6 * (i % 4)) & 63])
            return false;
    }
    return true;
}

// Why the line cannot be read; NULL when it can.
static const char *
check_line(const char *line, const char *end)
{
    struct word principals = next_word(&line, end), w = next_word(&line, end);
    if (principals.len == 0 || w.len == 0)
        return "not \"PRINCIPALS [OPTIONS] KEYTYPE KEY\"";
    if (key_type_of(principals))
        return "no principal before the key";
    if (!key_type_of(w) && is_option(w))
        w = next_word(&line, end);
    const char *type = key_type_of(w);
    if (!type)
        return "no key type that ssh-keygen knows";
    return is_key(next_word(&line, end), type) ? NULL : "the key is not one of its type";
}

int
trust_check_signers(const char *text, size_t len, const char *name, struct err *err)
{
    const char *end = text + len;
    unsigned number = 1;
    cleanup_free char *shown = display_str(name, DISPLAY_QUOTE);
    if (memchr(text, 0, len))
        return err_set(err, -EINVAL, "%s: is not text", shown);
    for (const char *line = text; line < end; number++) {
        const char *eol = memchr(line, '\n', (size_t)(end - line));
        const char *next = eol ? eol + 1 : end, *stop = eol ? eol : end;
        if (stop > line && stop[-1] == '\r')
            stop--;
        while (line < stop && (*line == ' ' || *line == '\t'))
            line++;
        const char *why = line < stop && *line != '#' ? check_line(line, stop) : NULL;
        if (why)
            return err_set(err, -EINVAL, "%s:%u: %s", shown, number, why);
        line = next;
    }
    return 0;
}

int
trust_load_signers(struct trust_policy *p, const char *path, struct err *err)
{
    cleanup_free char *text = NULL;
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    ssize_t n = read_file_at(AT_FDCWD, path, TRUST_SIGNERS_MAX, &text);
    if (n < 0)
        return err_set(err, (int)n, "%s: %s", shown, strerror((int)-n));
    int ret = trust_check_signers(text, (size_t)n, path, err);
    if (ret < 0)
        return ret;
    // Those of several files add up.
    p->signers = xrealloc(p->signers, p->signers_len + (size_t)n + 2);
    memcpy(p->signers + p->signers_len, text, (size_t)n);
    p->signers_len += (size_t)n;
    if (n && text[n - 1] != '\n')
        p->signers[p->signers_len++] = '\n';
    p->signers[p->signers_len] = 0;
    buf_printf(&p->signers_paths, "%s%c", path, 0);
    return 0;
}
