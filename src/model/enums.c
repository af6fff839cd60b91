// SPDX-License-Identifier: Apache-2.0
#include "enums.h"

#include <string.h>

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
DEFINE_ENUM(kind, KIND_LIST, KIND)

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
