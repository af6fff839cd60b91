// SPDX-License-Identifier: Apache-2.0
#include "trust_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "display.h"
#include "util.h"

_Static_assert(NONO_VERIFIED_MAX == 4 << 20, "TRUST_TOO_LARGE, nono-trust(1)");

static int
memfd_of(const char *text, size_t len)
{
    cleanup_fd int fd = memfd_create("nono-trust", MFD_CLOEXEC);
    if (fd < 0 || write_all(fd, text, len) < 0)
        return -1;
    return steal_fd(&fd);
}

int
trust_verifier_start(const struct trust_policy *t, struct trust_verifier *ret_v)
{
    if (!t->signers)
        return 0;
    cleanup_fd int signers = memfd_of(t->signers, t->signers_len);
    int ret = signers < 0 ? -errno : keygen_start(&ret_v->helper);
    if (ret == 0)
        ret_v->signers = steal_fd(&signers);
    return ret;
}

void
trust_verifier_done(struct trust_verifier *v)
{
    close_fd(&v->helper);
    close_fd(&v->signers);
}

// What a regular file holds, in a memfd; -EINVAL: it is none; -errno.
static int
read_into_memfd(const char *path, int flags, size_t max)
{
    cleanup_free char *text = NULL;
    char link[40];
    struct stat st;
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = read_file_at(AT_FDCWD, link, max, &text);
    return n < 0 ? (int)n : memfd_of(text, (size_t)n);
}

static const char *
reading_error(int error)
{
    return error == -EINVAL  ? "not a regular file"
           : error == -ELOOP ? "a symbolic link is not followed"
           : error == -EFBIG ? "too large"
                             : strerror(-error);
}

static char *
verdict(int error)
{
    return xstrdup(error == -ENODATA  ? "not signed"
                   : error == -ENOKEY ? "signed, but no signer is allowed (nono trust allow-signer)"
                   : error == -EKEYREJECTED
                       ? "the signature is not by an allowed signer, or not of this content"
                       : strerror(-error));
}

int
trust_verify_file(const struct trust_verifier *v, const char *path,
                  char ret_principal[KEYGEN_PRINCIPAL_MAX], char **ret_why)
{
    *ret_why = NULL;
    cleanup_free char *real = realpath(path, NULL);
    cleanup_fd int content = real ? read_into_memfd(real, 0, NONO_VERIFIED_MAX) : -errno;
    if (content < 0) {
        *ret_why = xstrdup(content == -EFBIG ? TRUST_TOO_LARGE : reading_error(content));
        return content;
    }
    // As a session takes it: what has the name, not what that leads to.
    cleanup_free char *beside = xasprintf("%s.sig", real);
    cleanup_fd int signature = read_into_memfd(beside, O_NOFOLLOW, KEYGEN_SIGNATURE_MAX);
    if (signature < 0 && signature != -ENOENT) {
        cleanup_free char *shown = display_str(beside, DISPLAY_QUOTE);
        *ret_why = xasprintf("the signature %s: %s", shown, reading_error(signature));
        return signature;
    }
    int error = signature < 0 ? -ENODATA
                : v->signers < 0
                    ? -ENOKEY
                    : keygen_verify(v->helper, content, signature, v->signers, ret_principal);
    if (error)
        *ret_why = verdict(error);
    return error;
}
