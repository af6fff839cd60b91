// SPDX-License-Identifier: Apache-2.0
// What is refused whatever capabilities and decisions say: explicit denials and nono's own places
// (I7). Pure, but for denials_add(), which looks the path up once. One owner.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "glob.h"
#include "path_index.h"

// What stands between a source and what it said: an option takes a value, a line of a file says
// something.
const char *source_gap(const char *source);

// A path and all below it, or what a pattern matches below a path.
struct denial {
    char *path; /* canonical, no trailing slash but for "/"; need not exist */
    size_t len; /* of path */
    // Components below path that the pattern is made of; "**" is any number of them. 0: no pattern.
    struct glob_part *parts;
    size_t n_parts;
    char *pattern;     /* owns the text of the parts; or NULL */
    char *source;      /* where it comes from: "--deny", "shop.json:7"; NULL: nono's own */
    uint64_t dev, ino; /* of what path named when it was added; ino 0: of nothing, or a pattern */
};

struct denials {
    struct denial *rows;
    size_t n;
    struct path_index index; /* of their paths */
    size_t n_objects; /* rows whose object must be known by itself: what is explicitly denied,
                         and nono's own that had other names when it was added */
};

void denials_done(struct denials *d);

// Adds what path names and, where it is a symbolic link, what that leads to, whether anything is
// there or not; of "/proc/self" the same of every process. A component with "*", "?" or "[" behind
// the first fixed bytes begins a pattern; a file of that very name is refused too. path is relative
// to the current directory. 0 or -errno with *err naming source and path.
int denials_add(struct denials *d, const char *path, size_t fixed, const char *source,
                struct err *err);

// Adds one name as it is: canonical, no pattern, no link.
void denials_add_name(struct denials *d, const char *path, const char *source);
// Adds one of nono's own places, whether anything is there or not, and the symbolic links on the
// way to it: no pattern, no source. A relative path is taken from "/".
void denials_protect(struct denials *d, const char *path);

// Is there something refused that has hard links?
bool denials_have_names(const struct denials *d);
// The kernel's rules cannot tell the names of one file apart, so what is refused and has hard links
// is looked for below root, which is canonical, and refused under the names that are found. *budget
// entries are looked at, and taken off. False when that
// was not enough.
bool denials_find_names(struct denials *d, const char *root, size_t *budget);

// path behind the current directory, unless it is absolute. The caller frees it.
char *path_absolute(const char *path);
// The canonical path of what may be missing: that of the nearest directory that is there, and the
// rest by its words. path is absolute. The caller frees it.
char *path_canonical(const char *path);

// "/proc/self" means another process for each that says it. What is behind the entry of process pid
// in a canonical path, or behind that of one of its threads there ("/comm"); NULL: path is not of
// that process.
const char *path_in_process(const char *path, pid_t pid);

// How a canonical path stands to a denial.
enum denial_place {
    PLACE_FREE,    /* neither it nor anything below it is refused */
    PLACE_ABOVE,   /* something below it is refused, or would be once it appears */
    PLACE_REFUSED, /* it is refused, and so is all below it */
};
// *ret_anywhere is set with PLACE_ABOVE: whether that may be at any depth below path.
enum denial_place denial_place(const struct denial *d, const char *path, bool *ret_anywhere);

// The first one that refuses path; NULL for none.
const struct denial *denials_refuse(const struct denials *d, const char *path);
// The first one that refuses the object under whatever name (a hard link, or renamed since).
const struct denial *denials_refuse_object(const struct denials *d, uint64_t dev, uint64_t ino);
// The strongest standing to any of them.
enum denial_place denials_place(const struct denials *d, const char *path, bool *ret_anywhere);

// What forbids that what is at from is renamed to to, or removed (to NULL): it would carry
// something refused, which lies or may come to lie below it, out of the reach of its denial. NULL:
// nothing does. Whether the two ends themselves are refused is another question.
const struct denial *denials_hold(const struct denials *d, const char *from, bool is_dir,
                                  const char *to);

// "/home/u/shop/**/.env*"; foreign bytes raw. The caller frees it.
char *denial_describe(const struct denial *d);
