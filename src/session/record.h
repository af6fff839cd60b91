// SPDX-License-Identifier: Apache-2.0
// The supervisor's way to the record: neither of the two rooms knows the other.
#pragma once
#include "supervisor.h"
#include "writer.h"

// Functions that hand over to w, which must outlive the supervisor.
struct supervisor_record record_into(struct writer *w);
