// SPDX-License-Identifier: Apache-2.0
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "display.h"
#include "util.h"

#define SEED_LEN crypto_sign_SEEDBYTES
#define TEXT_LEN (2 * SEED_LEN)

static int
fail(const char *path, int code, const char *what, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    return err_set(err, code, "the key %s of the record: %s", shown, what);
}

static int
write_seed(int fd)
{
    uint8_t seed[SEED_LEN];
    char text[TEXT_LEN + 1];
    randombytes_buf(seed, sizeof seed);
    sodium_bin2hex(text, sizeof text, seed, sizeof seed);
    text[TEXT_LEN] = '\n';
    int r = write_all(fd, text, sizeof text);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(text, sizeof text);
    return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

// Several sessions may find that there is none at the same time: link(2) lets one of them win.
static int
make(const char *path, struct err *err)
{
    cleanup_free char *draft = xasprintf("%s.XXXXXX", path);
    cleanup_free char *dir = xstrdup(path);
    char *slash = strrchr(dir, '/');
    if (slash && slash != dir) {
        *slash = 0;
        int r = make_private_dir(dir);
        if (r < 0)
            return fail(path, r, strerror(-r), err);
    }
    cleanup_fd int fd = mkostemp(draft, O_CLOEXEC);
    if (fd < 0)
        return fail(path, -errno, strerror(errno), err);
    int r = write_seed(fd);
    if (r == 0 && link(draft, path) < 0 && errno != EEXIST)
        r = -errno;
    unlink(draft);
    return r < 0 ? fail(path, r, strerror(-r), err) : 0;
}

static int
parse(const char *path, int fd, struct key *ret_key, struct err *err)
{
    struct stat st;
    char text[TEXT_LEN + 2];
    uint8_t seed[SEED_LEN];
    size_t n = 0;
    if (fstat(fd, &st) < 0)
        return fail(path, -errno, strerror(errno), err);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return fail(path, -EPERM, "must be a file of yours that nobody else can read (mode 0600)",
                    err);
    ssize_t got = read(fd, text, sizeof text);
    if (got < 0)
        return fail(path, -errno, strerror(errno), err);
    int r = 0;
    if (got != TEXT_LEN + 1 || text[TEXT_LEN] != '\n' ||
        sodium_hex2bin(seed, sizeof seed, text, TEXT_LEN, NULL, &n, NULL) < 0 || n != SEED_LEN)
        r = fail(path, -EINVAL, "holds no key; move it away for a new one to be made", err);
    else
        crypto_sign_seed_keypair(ret_key->public, ret_key->secret, seed);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(text, sizeof text);
    return r;
}

int
key_open(const char *path, struct key *ret_key, struct err *err)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        int r = make(path, err);
        if (r < 0)
            return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    }
    return fd < 0 ? fail(path, -errno, strerror(errno), err) : parse(path, fd, ret_key, err);
}

int
key_read_public(const char *path, uint8_t ret_public[KEY_PUBLIC_LEN], struct err *err)
{
    struct key key;
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return fail(path, -errno, strerror(errno), err);
    int r = parse(path, fd, &key, err);
    if (r == 0)
        memcpy(ret_public, key.public, KEY_PUBLIC_LEN);
    sodium_memzero(&key, sizeof key);
    return r;
}

void
key_sign(const struct key *key, const void *data, size_t n,
         uint8_t ret_signature[KEY_SIGNATURE_LEN])
{
    crypto_sign_detached(ret_signature, NULL, data, n, key->secret);
}

int
key_check(const uint8_t public[KEY_PUBLIC_LEN], const void *data, size_t n,
          const uint8_t signature[KEY_SIGNATURE_LEN])
{
    return crypto_sign_verify_detached(signature, data, n, public) == 0 ? 0 : -EBADMSG;
}

void
key_name(const uint8_t public[KEY_PUBLIC_LEN], char ret_name[KEY_NAME_LEN])
{
    sodium_bin2hex(ret_name, KEY_NAME_LEN, public, (KEY_NAME_LEN - 1) / 2);
}
