// SPDX-License-Identifier: Apache-2.0
// For who has nothing else to do while the record is opened, and does not care what is lost.
#pragma once
#include "writer.h"

static inline int
writer_start(const struct writer_options *o, struct writer **ret_w, struct err *err)
{
    int r = writer_begin(o, ret_w, err);
    return r < 0 ? r : writer_opened(ret_w, err);
}

static inline struct writer *
writer_stop(struct writer *w, int wait_status)
{
    struct writer_lost lost;
    return writer_end(w, wait_status, &lost);
}
