// SPDX-License-Identifier: Apache-2.0
// A socket address as a task wrote it, and as the kernel will understand it for that socket. Pure.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "request.h"
#include "socket_policy.h"

// What the kernel does with an address on a socket of a domain and a type.
enum sockaddr_kind {
    SOCKADDR_HARMLESS, /* fails by itself, or dissolves a connection: the kernel's own business */
    SOCKADDR_INET,     /* peer says where to */
    SOCKADDR_UNIX,     /* a UNIX socket's name */
    SOCKADDR_NETLINK,  /* of the kernel's routing tables */
};

struct sockaddr_parsed {
    enum sockaddr_kind kind;
    struct endpoint peer;
    enum unix_name name;
    char path[109]; /* UNIX_PATH, UNIX_ABSTRACT (without the leading NUL, may hold NULs) */
    size_t path_len;
};

// data: len bytes as copied, at most sizeof(struct sockaddr_storage); domain and type of the
// socket. Whatever is not understood for sure is of the family that could be reached at worst.
void sockaddr_parse(const void *data, size_t len, int domain, int type, enum op op,
                    struct sockaddr_parsed *ret);

// "host:port", "[::1]:80", a path, "@name". host: a name to stand for the address, or NULL. The
// caller frees it.
char *sockaddr_text(const struct endpoint *e, const char *host);
