// SPDX-License-Identifier: Apache-2.0
#include "trust_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "util.h"

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

// What a regular file holds, in a memfd; -errno.
static int
read_into_memfd(const char *path, size_t max)
{
    cleanup_free char *text = NULL;
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    ssize_t n = read_file_at(AT_FDCWD, path, max, &text);
    return n < 0 ? (int)n : memfd_of(text, (size_t)n);
}

int
trust_verify_file(const struct trust_verifier *v, const char *path,
                  char ret_principal[KEYGEN_PRINCIPAL_MAX])
{
    cleanup_free char *real = realpath(path, NULL);
    if (!real)
        return -errno;
    cleanup_free char *beside = xasprintf("%s.sig", real);
    cleanup_fd int content = read_into_memfd(real, NONO_VERIFIED_MAX);
    if (content < 0)
        return content;
    cleanup_fd int signature = read_into_memfd(beside, KEYGEN_SIGNATURE_MAX);
    if (signature < 0)
        return signature == -ENOENT ? -ENODATA : signature;
    return v->signers < 0 ? -ENOKEY
                          : keygen_verify(v->helper, content, signature, v->signers, ret_principal);
}

const char *
trust_verdict_text(int error)
{
    return error == -ENODATA  ? "not signed"
           : error == -ENOKEY ? "signed, but no signer is allowed (nono trust allow-signer)"
           : error == -EKEYREJECTED
               ? "the signature is not by an allowed signer, or not of this content"
               : strerror(-error);
}
