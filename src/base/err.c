// SPDX-License-Identifier: Apache-2.0
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

int
err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;
    if (!e || e->msg)
        return code;
    e->code = code;
    va_start(ap, fmt);
    if (vasprintf(&e->msg, fmt, ap) < 0)
        die("out of memory");
    va_end(ap);
    return code;
}

void
err_wrap(struct err *e, const char *fmt, ...)
{
    va_list ap;
    char *context;
    if (!e || !e->msg)
        return;
    va_start(ap, fmt);
    if (vasprintf(&context, fmt, ap) < 0)
        die("out of memory");
    va_end(ap);
    char *msg = xasprintf("%s: %s", context, e->msg);
    free(context);
    free(e->msg);
    e->msg = msg;
}

void
err_done(struct err *e)
{
    free(e->msg);
    e->msg = NULL;
    e->code = 0;
}
