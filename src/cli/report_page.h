// SPDX-License-Identifier: Apache-2.0
// The page of nono report around its data. The script writes text nodes only, never markup; the
// page's policy lets it load nothing.
#pragma once

extern const char report_page_head[]; /* up to the list of sessions */
extern const char report_page_body[]; /* up to the events, as JSON */
extern const char report_page_tail[]; /* the rest */
