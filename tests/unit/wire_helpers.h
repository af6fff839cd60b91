// SPDX-License-Identifier: Apache-2.0
// A session and a request whose strings are as hostile as they may be, for what travels.
#pragma once
#include <string.h>

#include "clock.h"
#include "event.h"
#include "request.h"
#include "util.h"

static inline struct session_info
test_info(void)
{
    static char id[] = "0123456789ab", name[] = "shop", boot[] = "boot", cwd[] = "/home/u",
                argv[] = "claude\0-p\0caf\xe9", caps[] = "";
    return (struct session_info){.id = id,
                                 .name = name,
                                 .pid = 4711,
                                 .start_time = UINT64_MAX,
                                 .boot_id = boot,
                                 .uid = 1000,
                                 .cwd = cwd,
                                 .argv = argv,
                                 .argv_len = sizeof argv,
                                 .capabilities = caps,
                                 .started_real_ns = 1732400000123456789u};
}

static inline struct request *
new_request(uint64_t id)
{
    struct request *r = request_new();
    r->id = id;
    r->op = OP_READ;
    r->access = ACCESS_READ;
    r->call = "openat";
    r->flags = UINT64_MAX;
    r->pid = 100;
    r->tid = 101;
    r->start_time = 1u << 30;
    r->exe = xstrdup("/bin/c\x1b[31mat");
    r->argv = xmemdup("cat\0a b\0\xff\xfe", 10);
    r->argv_len = 10;
    r->cwd = xstrdup("/");
    r->ancestry = xstrdup("");
    r->target = xstrdup("\xe2\x80\xae\\x\n\x80");
    r->resolved = xstrdup("/home/u/\xe2\x80\xae\\x\n\x80");
    r->covered = 7;
    r->nearest = xstrdup("");
    r->why = REASON_POLICY_BLOCKED;
    r->object = (struct object){.exists = true, .dev = 5, .ino = UINT64_MAX, .mode = 0100644};
    r->risk = RISK_HIGH;
    r->tags = xstrdup("ssh-key");
    r->raised_real_ns = 1732400000123456789u;
    r->raised_mono_ns = clock_mono_ns();
    r->count = 1;
    request_seal(r);
    return r;
}
