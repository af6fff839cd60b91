// SPDX-License-Identifier: Apache-2.0
#include "enums.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "request.h"
#include "util.h"

#define ENUM_WORD_(value, word) [value] = word,
#define DEFINE_ENUM(name, LIST, UPPER)                                                             \
    static const char *const name##_words[_##UPPER##_MAX] = {LIST(ENUM_WORD_)};                    \
    const char *name##_to_string(enum name v)                                                      \
    {                                                                                              \
        return (int)v >= 0 && v < _##UPPER##_MAX ? name##_words[v] : NULL;                         \
    }                                                                                              \
    enum name name##_from_string(const char *s)                                                    \
    {                                                                                              \
        for (int i = 0; s && i < _##UPPER##_MAX; i++)                                              \
            if (strcmp(s, name##_words[i]) == 0)                                                   \
                return (enum name)i;                                                               \
        return _##UPPER##_INVALID;                                                                 \
    }

DEFINE_ENUM(verdict, VERDICT_LIST, VERDICT)
DEFINE_ENUM(decider, DECIDER_LIST, DECIDER)
DEFINE_ENUM(reason, REASON_LIST, REASON)
DEFINE_ENUM(op, OP_LIST, OP)
DEFINE_ENUM(scope, SCOPE_LIST, SCOPE)
DEFINE_ENUM(reach, REACH_LIST, REACH)
DEFINE_ENUM(risk, RISK_LIST, RISK)
DEFINE_ENUM(state, STATE_LIST, STATE)
DEFINE_ENUM(grant_state, GRANT_STATE_LIST, GRANT_STATE)
DEFINE_ENUM(kind, KIND_LIST, KIND)
DEFINE_ENUM(net_decision, NET_DECISION_LIST, NET_DECISION)
DEFINE_ENUM(net_category, NET_CATEGORY_LIST, NET_CATEGORY)

const char *
access_to_string(unsigned access)
{
    switch (access & (ACCESS_READ | ACCESS_WRITE)) {
    case ACCESS_READ:
        return "r";
    case ACCESS_WRITE:
        return "w";
    case ACCESS_READ | ACCESS_WRITE:
        return "rw";
    default:
        return "-";
    }
}

struct number_word {
    int number;
    const char *word;
};

// The last one stands for everything else.
static const struct number_word family_words[] = {
    {AF_UNIX, "unix"},       {AF_INET, "inet"}, {AF_INET6, "inet6"},
    {AF_NETLINK, "netlink"}, {0, "other"},
};
static const struct number_word socket_type_words[] = {
    {SOCK_STREAM, "stream"},
    {SOCK_DGRAM, "dgram"},
    {SOCK_SEQPACKET, "seqpacket"},
    {0, "other"},
};

static const char *
word_of(const struct number_word *words, size_t n, int number)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (words[i].number == number)
            return words[i].word;
    return words[n - 1].word;
}

static int
number_of(const struct number_word *words, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].number;
    return -EINVAL;
}

const char *
family_to_string(int family)
{
    return word_of(family_words, ARRAY_SIZE(family_words), family);
}

int
family_from_string(const char *s)
{
    return number_of(family_words, ARRAY_SIZE(family_words), s);
}

const char *
socket_type_to_string(int type)
{
    return word_of(socket_type_words, ARRAY_SIZE(socket_type_words), type);
}

int
socket_type_from_string(const char *s)
{
    return number_of(socket_type_words, ARRAY_SIZE(socket_type_words), s);
}
