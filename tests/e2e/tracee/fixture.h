// SPDX-License-Identifier: Apache-2.0
// What the programs that compare file calls share: each makes one call, prints its line and waits
// until fixture.c, which started it and is never supervised, has looked at the two directories,
// printed what the call changed there and made them as they were. So no call sees what another has
// done, and what a call does shows below its line, whether it failed or not.
//
//   fixture_start(LEFT, RIGHT)            works in LEFT/d from now on; fixture_right is RIGHT/d
//   fixture_picks(i, k, n)                in a sample: is the i-th to be tried with the k-th?
//   fixture_show(result, "what", ...)     prints one call's line; errno must be the call's
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAME_255                                                                                   \
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"        \
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"        \
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define NAME_ODD "odd\xff\xfe\x1b[31m\n\xe2\x80\xae"

// Numbers newer than Debian 12's headers; the same on every architecture.
#define NR_fchmodat2 452
#define NR_setxattrat 463
#define NR_removexattrat 466
#define NR_file_getattr 468
#define NR_file_setattr 469

static char fixture_right[4096];
static int fixture_other = -1; /* O_PATH on it */
static unsigned fixture_line;
static bool fixture_all; /* all pairs of calls and arguments, not a sample */

// Is the i-th with the k-th to be tried? Of a sample one in n.
static inline bool
fixture_picks(size_t i, size_t k, size_t n)
{
    return fixture_all || (i + k) % n == 0;
}

static inline void
fixture_die(const char *what)
{
    perror(what);
    exit(99);
}

// As much power as nono leaves to a command of root's: else a bare run could do more.
static inline void
fixture_drop_powers(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {0};
    if (geteuid() == 0)
        d[0].effective = d[0].permitted =
            1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID;
    if (syscall(SYS_capset, &h, d) < 0)
        fixture_die("capset");
}

static inline void
fixture_start(const char *left, const char *right)
{
    snprintf(fixture_right, sizeof fixture_right, "%s/d", right);
    fixture_drop_powers();
    fixture_other = open(fixture_right, O_PATH | O_DIRECTORY);
    if (fixture_other < 0 || chdir(left) < 0 || chdir("d") < 0)
        fixture_die("the directories");
    umask(022);
}

__attribute__((format(printf, 2, 3))) static inline void
fixture_show(long result, const char *what, ...)
{
    int error = errno;
    char answer;
    va_list ap;
    printf("%u ", fixture_line++);
    va_start(ap, what);
    vprintf(what, ap);
    va_end(ap);
    if (result >= 0)
        printf(": %ld\n", result);
    else
        printf(": %s\n", strerrorname_np(error));
    fflush(stdout);
    if (read(0, &answer, 1) != 1)
        fixture_die("fixture");
}
