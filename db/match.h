// SPDX-License-Identifier: Apache-2.0
// What a filter of the record matches. Pure; texts are bytes, whatever the locale.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Values of one kind of filter: any of them, and none of the negated ones.
struct pattern {
    const char *text; /* NULL behind the last */
    bool negated;
};

// As fnmatch(3) without flags, of bytes: * ? [a-z] [!a-z] and \ before a plain character.
bool match_glob(const char *glob, const char *text);
// Does glob name path? '*' crosses slashes; a pattern without a wildcard also names what is below
// it, and without a slash the last component.
bool path_matches(const char *glob, const char *path);
// Does pattern name the host or the address? A glob of names without regard to case, an address, or
// an address with a prefix length. host: "" for none; addr: 4 (AF_INET) or 16 bytes, or NULL.
bool host_matches(const char *pattern, const char *host, int family, const void *addr);
// What has a '/' is a network, or matches nothing.
bool host_pattern_is_valid(const char *pattern);

// Compiled --grep pattern: extended regular expression, without regard to case unless it has an
// upper-case letter. -EINVAL with a line of the C library in *ret_why (the caller frees it).
struct matcher;
int matcher_new(const char *regex, struct matcher **ret_m, char **ret_why);
struct matcher *matcher_free(struct matcher *m);
bool matcher_finds(const struct matcher *m, const void *bytes, size_t n);
