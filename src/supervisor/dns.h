// SPDX-License-Identifier: Apache-2.0
// Names behind addresses: /etc/hosts, and what the supervisor itself found when it looked up what
// the sandbox asked a name server for. An answer that the sandbox got is nobody's word.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

#define DNS_NAME_MAX 254

// The host name that a query asks for, in lower case. Pure. 0, or -EBADMSG for anything but one
// well-formed question for addresses of a host.
int dns_parse_query(const void *data, size_t len, char ret_name[DNS_NAME_MAX]);

// One address that a name leads to.
struct dns_address {
    int family;
    uint8_t addr[16];
};
#define DNS_ADDRESSES_MAX 32
// Asks the system's resolver; blocks. How many, or -errno.
int dns_resolve(const char *name, struct dns_address ret[DNS_ADDRESSES_MAX]);

struct dns_names;
struct dns_names *dns_names_new(void);
struct dns_names *dns_names_free(struct dns_names *t);
// What a lookup found; n is 0 for nothing. now_ns: monotonic.
void dns_names_add(struct dns_names *t, const char *name, const struct dns_address *found, int n,
                   uint64_t now_ns);
// When it was looked up last; 0: never.
uint64_t dns_names_age(const struct dns_names *t, const char *name);
// Did any lookup of it find something?
bool dns_names_lead_anywhere(const struct dns_names *t, const char *name);
// The name looked up last that leads there, else that of /etc/hosts (read again when it changed),
// else the one looked up last that led there before; NULL for none. Valid until the table changes.
const char *dns_names_of(struct dns_names *t, const struct endpoint *e);
// Does it lead there by now?
bool dns_names_lead_to(struct dns_names *t, const char *name, const struct endpoint *e);

// Is e port 53 of a name server of /etc/resolv.conf (read again when it changed)?
bool dns_is_resolver(struct dns_names *t, const struct endpoint *e);
