// SPDX-License-Identifier: Apache-2.0
#include "jsonc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "util.h"

// Behind the string that starts at s[i]; len when it does not end.
static size_t
string_end(const char *s, size_t i, size_t len)
{
    for (i++; i < len && s[i] != '"'; i++)
        i += s[i] == '\\';
    return i < len ? i + 1 : len;
}

// Puts blanks in the place of comments, so that every line keeps its number. False for a comment
// that does not end; it starts at *ret_line.
static bool
strip_comments(char *s, size_t len, unsigned *ret_line)
{
    *ret_line = 1;
    for (size_t i = 0; i < len;) {
        if (s[i] == '"') {
            i = string_end(s, i, len);
        } else if (s[i] == '/' && i + 1 < len && s[i + 1] == '/') {
            for (; i < len && s[i] != '\n'; i++)
                s[i] = ' ';
        } else if (s[i] == '/' && i + 1 < len && s[i + 1] == '*') {
            unsigned lines = 0;
            s[i] = s[i + 1] = ' ';
            for (i += 2; i + 1 < len && !(s[i] == '*' && s[i + 1] == '/'); i++) {
                lines += s[i] == '\n';
                if (s[i] != '\n')
                    s[i] = ' ';
            }
            if (i + 1 >= len)
                return false;
            s[i] = s[i + 1] = ' ';
            i += 2;
            *ret_line += lines;
        } else {
            *ret_line += s[i++] == '\n';
        }
    }
    return true;
}

// One number for each key and each value. The text is known to be sound.
static void
note_lines(struct jsonc *j, const char *s, size_t len)
{
    size_t room = 0;
    unsigned line = 1;
    for (size_t i = 0; i < len;) {
        if (memchr(" \t\r\n:,]}", s[i], 9) || !s[i]) {
            line += s[i++] == '\n';
            continue;
        }
        if (j->n == room) {
            room = room ? room * 2 : 64;
            j->lines = xrealloc(j->lines, room * sizeof *j->lines);
        }
        j->lines[j->n++] = line;
        if (s[i] == '"')
            i = string_end(s, i, len);
        else if (s[i] == '[' || s[i] == '{')
            i++;
        else
            while (i < len && s[i] && !memchr(" \t\r\n:,]}", s[i], 9))
                i++;
    }
}

int
jsonc_parse(const char *text, size_t len, const char *name, struct jsonc *ret_j, struct err *err)
{
    cleanup_free char *copy = xmalloc(len + 1);
    unsigned line;
    json_error_t e;
    memcpy(copy, text, len);
    copy[len] = 0;
    if (!strip_comments(copy, len, &line))
        return err_set(err, -EINVAL, "%s:%u: a comment that does not end", name, line);
    json_t *root = json_loadb(copy, len, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        // The library's words for this one speak of its flags.
        bool nul = json_error_code(&e) == json_error_null_character ||
                   json_error_code(&e) == json_error_null_byte_in_key;
        cleanup_free char *shown = display_str(nul ? "a NUL character is in no text" : e.text, 0);
        return err_set(err, -EINVAL, "%s:%d: %s", name, e.line > 0 ? e.line : 1, shown);
    }
    *ret_j = (struct jsonc){.root = root};
    note_lines(ret_j, copy, len);
    return 0;
}

void
jsonc_done(struct jsonc *j)
{
    json_decref(j->root);
    free(j->lines);
    *j = (struct jsonc){0};
}

unsigned
jsonc_line(struct jsonc *j)
{
    if (j->at >= j->n)
        abort(); // the walk and the text do not agree
    return j->lines[j->at++];
}

void
jsonc_skip(struct jsonc *j, const json_t *value)
{
    const char *key;
    json_t *child;
    size_t i;
    jsonc_line(j);
    json_object_foreach((json_t *)value, key, child)
    {
        jsonc_line(j);
        jsonc_skip(j, child);
    }
    json_array_foreach(value, i, child) jsonc_skip(j, child);
}
