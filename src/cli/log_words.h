// SPDX-License-Identifier: Apache-2.0
// Words in the requests of the record, as the search of the pane has them: all of them, each
// anywhere in what its list says of a request, and in any case; "-word" must not be there. Any one
// thread.
#pragma once
#include "log_job.h"

// Requests of the selected sessions, between the times of l's filter, that have the words. Changes
// nothing of l but the ids of its archive. 0 or -errno with *err.
int log_find_words(struct log *l, const char *words, struct key_list *ret_keys, struct err *err);
