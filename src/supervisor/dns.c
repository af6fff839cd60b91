// SPDX-License-Identifier: Apache-2.0
#include "dns.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>
#include <sys/stat.h>

#include "bounds.h"
#include "socket_policy.h"
#include "util.h"

#define FILE_MAX (1024 * 1024) /* of /etc/hosts and resolv.conf */
#define LOOKUP_S 2
#define LINES_MAX 4096

struct name_row {
    char *name;                /* NULL: free */
    struct dns_address *found; /* n of the last lookup, then those of others before it */
    int n, all;
    uint64_t at_ns;
};

// One line of a file: an address, and a name for it or NULL.
struct file_row {
    struct dns_address address;
    char *name;
};

struct file_table {
    const char *path;
    struct stat seen; /* of what was read last; all zero: it is not there */
    bool read;
    struct file_row *rows;
    size_t n;
};

struct dns_names {
    struct name_row rows[NONO_HOSTS_MAX];
    size_t n; /* in use; the oldest makes room */
    struct file_table hosts, resolvers;
};

// --- queries -----------------------------------------------------------------------------------

int
dns_parse_query(const void *data, size_t len, char ret_name[DNS_NAME_MAX])
{
    const uint8_t *p = data;
    char name[DNS_NAME_MAX];
    size_t at = 12, n = 0;
    // A query of the standard kind with one question.
    if (len < 12 || p[2] & 0xf8 || p[4] != 0 || p[5] != 1)
        return -EBADMSG;
    while (at < len && p[at]) {
        size_t label = p[at++];
        // No query holds a pointer; a label is at most 63 bytes.
        if (label > 63 || at + label >= len || n + label + 2 > sizeof name)
            return -EBADMSG;
        if (n)
            name[n++] = '.';
        for (size_t i = 0; i < label; i++, at++) {
            if (p[at] == '.' || p[at] == 0)
                return -EBADMSG;
            name[n++] = (char)tolower(p[at]);
        }
    }
    if (n == 0 || at + 5 > len)
        return -EBADMSG;
    unsigned type = (unsigned)p[at + 1] << 8 | p[at + 2];
    unsigned class = (unsigned)p[at + 3] << 8 | p[at + 4];
    if ((type != 1 && type != 28 && type != 65) || class != 1) // A, AAAA, HTTPS
        return -EBADMSG;
    name[n] = 0;
    if (!socket_is_host_name(name))
        return -EBADMSG;
    memcpy(ret_name, name, n + 1);
    return 0;
}

static bool
take_address(const struct sockaddr *sa, struct dns_address *ret)
{
    *ret = (struct dns_address){.family = sa->sa_family};
    if (sa->sa_family == AF_INET) {
        memcpy(ret->addr, &((const struct sockaddr_in *)sa)->sin_addr, 4);
        return true;
    }
    if (sa->sa_family == AF_INET6)
        memcpy(ret->addr, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
    return sa->sa_family == AF_INET6;
}

int
dns_resolve(const char *name, struct dns_address ret[DNS_ADDRESSES_MAX])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int n = 0;
    // Of this thread alone: a connect may wait for the answer.
    res_init();
    _res.retrans = LOOKUP_S;
    _res.retry = 1;
    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return -ENOENT;
    for (struct addrinfo *a = list; a && n < DNS_ADDRESSES_MAX; a = a->ai_next)
        if (take_address(a->ai_addr, &ret[n]))
            n++;
    freeaddrinfo(list);
    return n;
}

// --- files -------------------------------------------------------------------------------------

static void
file_clear(struct file_table *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->rows[i].name);
    free(f->rows);
    f->rows = NULL;
    f->n = 0;
}

static void
file_add(struct file_table *f, const char *address, const char *name)
{
    struct file_row row = {.address.family = strchr(address, ':') ? AF_INET6 : AF_INET};
    if (f->n >= LINES_MAX || inet_pton(row.address.family, address, row.address.addr) != 1)
        return;
    if (name && !socket_is_host_name(name))
        return;
    row.name = xstrdup(name);
    f->rows = xrealloc(f->rows, (f->n + 1) * sizeof *f->rows);
    f->rows[f->n++] = row;
}

// "ADDRESS NAME..." of hosts(5), "nameserver ADDRESS" of resolv.conf(5).
static void
file_line(struct file_table *f, char *line, bool hosts)
{
    char *save = NULL;
    line[strcspn(line, "#;")] = 0;
    char *first = strtok_r(line, " \t\r", &save);
    char *second = first ? strtok_r(NULL, " \t\r", &save) : NULL;
    if (!second)
        return;
    if (hosts)
        file_add(f, first, second);
    else if (strcmp(first, "nameserver") == 0) {
        // Of a link-local one the interface does not matter.
        second[strcspn(second, "%")] = 0;
        file_add(f, second, NULL);
    }
}

static bool
is_same_state(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void
file_refresh(struct file_table *f, bool hosts)
{
    struct stat st;
    cleanup_free char *text = NULL;
    if (stat(f->path, &st) < 0)
        st = (struct stat){0};
    if (f->read && is_same_state(&st, &f->seen))
        return;
    file_clear(f);
    f->read = true;
    f->seen = st;
    if (read_file_at(AT_FDCWD, f->path, FILE_MAX, &text) >= 0) {
        char *save = NULL;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
            file_line(f, line, hosts);
    }
    // resolv.conf(5): without one it is this machine.
    if (!hosts && f->n == 0)
        file_add(f, "127.0.0.1", NULL);
}

static const struct file_row *
file_find(const struct file_table *f, const struct endpoint *e)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->rows[i].address.family == e->family &&
            memcmp(f->rows[i].address.addr, e->addr, sizeof e->addr) == 0)
            return &f->rows[i];
    return NULL;
}

// --- the table ---------------------------------------------------------------------------------

struct dns_names *
dns_names_new(void)
{
    struct dns_names *t = xcalloc(1, sizeof *t);
    t->hosts.path = "/etc/hosts";
    t->resolvers.path = "/etc/resolv.conf";
    return t;
}

struct dns_names *
dns_names_free(struct dns_names *t)
{
    for (size_t i = 0; t && i < t->n; i++) {
        free(t->rows[i].name);
        free(t->rows[i].found);
    }
    if (t) {
        file_clear(&t->hosts);
        file_clear(&t->resolvers);
    }
    free(t);
    return NULL;
}

static struct name_row *
row_of(const struct dns_names *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].name, name) == 0)
            return (struct name_row *)&t->rows[i];
    return NULL;
}

// Is it among the first n?
static bool
is_found(const struct name_row *row, int n, int family, const uint8_t addr[16])
{
    for (int i = 0; i < n; i++)
        if (row->found[i].family == family && memcmp(row->found[i].addr, addr, 16) == 0)
            return true;
    return false;
}

void
dns_names_add(struct dns_names *t, const char *name, const struct dns_address *found, int n,
              uint64_t now_ns)
{
    struct name_row *row = row_of(t, name);
    if (!row && t->n < NONO_HOSTS_MAX) {
        row = &t->rows[t->n++];
    } else if (!row) {
        row = &t->rows[0];
        for (size_t i = 1; i < t->n; i++)
            if (t->rows[i].at_ns < row->at_ns)
                row = &t->rows[i];
    }
    if (!row->name || strcmp(row->name, name) != 0) {
        free(row->found);
        free(row->name);
        *row = (struct name_row){.name = xstrdup(name)};
    }
    row->at_ns = now_ns;
    // A name that does not resolve for the moment still leads where it led.
    if (n <= 0)
        return;
    struct name_row before = *row;
    row->found = xmemdup(found, (size_t)n * sizeof *found);
    row->n = row->all = n;
    for (int i = 0; i < before.all && row->all < DNS_ADDRESSES_MAX; i++)
        if (!is_found(row, row->all, before.found[i].family, before.found[i].addr)) {
            row->found = xrealloc(row->found, (size_t)(row->all + 1) * sizeof *row->found);
            row->found[row->all++] = before.found[i];
        }
    free(before.found);
}

uint64_t
dns_names_age(const struct dns_names *t, const char *name)
{
    const struct name_row *row = row_of(t, name);
    return row ? row->at_ns : 0;
}

bool
dns_names_lead_anywhere(const struct dns_names *t, const char *name)
{
    const struct name_row *row = row_of(t, name);
    return row && row->n > 0;
}

bool
dns_names_lead_to(struct dns_names *t, const char *name, const struct endpoint *e)
{
    const struct name_row *row = row_of(t, name);
    if (row && is_found(row, row->n, e->family, e->addr))
        return true;
    file_refresh(&t->hosts, true);
    for (size_t i = 0; i < t->hosts.n; i++) {
        const struct file_row *f = &t->hosts.rows[i];
        if (f->name && strcasecmp(f->name, name) == 0 && f->address.family == e->family &&
            memcmp(f->address.addr, e->addr, sizeof e->addr) == 0)
            return true;
    }
    return false;
}

// before: has it led there, if not by now?
static const char *
latest_name(const struct dns_names *t, const struct endpoint *e, bool before)
{
    const struct name_row *latest = NULL;
    for (size_t i = 0; i < t->n; i++) {
        const struct name_row *row = &t->rows[i];
        if (is_found(row, before ? row->all : row->n, e->family, e->addr) &&
            (!latest || row->at_ns > latest->at_ns))
            latest = row;
    }
    return latest ? latest->name : NULL;
}

const char *
dns_names_of(struct dns_names *t, const struct endpoint *e)
{
    const char *latest = latest_name(t, e, false);
    if (latest)
        return latest;
    file_refresh(&t->hosts, true);
    const struct file_row *f = file_find(&t->hosts, e);
    return f ? f->name : latest_name(t, e, true);
}

bool
dns_is_resolver(struct dns_names *t, const struct endpoint *e)
{
    if (e->port != 53)
        return false;
    file_refresh(&t->resolvers, false);
    return file_find(&t->resolvers, e);
}
