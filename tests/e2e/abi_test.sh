#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that open files in other ways than libc does: the same decision, or none of it works.
. "$(dirname "$0")/lib.sh"

scenario "open(2) in a static program"
if [ -x "$BIN/raw64" ]; then
    equal "bare" "$("$BIN/raw64" "$SECRET")" "the content"
    run --on-ask deny -- "$BIN/raw64" "$SECRET"
    equal "refused: EACCES" "$status" 13
    lacks "refused: nothing is read" "$output" "the content"
    equal "refused: recorded" "$(log_rows "[r['verdict'] for r in of(kind='decision')]")" "['deny']"
    run --on-ask allow -- "$BIN/raw64" "$SECRET"
    equal "approved" "$output" "the content"
    equal "approved: status" "$status" 0
    echo inside >inside
    run --on-ask deny -- "$BIN/raw64" inside
    equal "inside" "$output" inside
else
    echo "# not this architecture's"
fi

# One refusal for each program and kind, however many calls it makes; the footer says so in words.
recorded() { # NAME PROGRAM DETAIL
    equal "$1: recorded once" "$(log_rows "[(r['verdict'], r['by'], r['op'], r['resolved'].split('/')[-1]) for r in of(kind='decision') if r.get('detail') == '$3']")" \
        "[('deny', 'floor', 'exec', '$2')]"
    contains "$1: told by nono log" "$("$NONO" log)" "floor ($3)"
    echo '{"filesystem": {"allow": ["/"]}}' >"$T/tmp/wide.json"
    equal "$1: no policy would change it" "$("$NONO" replay --policy "$T/tmp/wide.json" --jsonl |
        rows "[r['change'] for r in rows if r['by'] == 'floor']")" "[]"
}

scenario "32 bits"
if [ -x "$BIN/raw32" ] && [ "$("$BIN/raw32" "$SECRET" 2>/dev/null)" = "the content" ]; then
    for ask in allow deny; do
        run --on-ask $ask -- "$BIN/raw32" "$SECRET"
        lacks "--on-ask $ask: nothing is read" "$output" "the content"
        # No call of its works, not even exit(2).
        equal "--on-ask $ask: it does not go on" "$([ "$status" -ge 128 ] && echo ended)" ended
        contains "--on-ask $ask: the footer" "$output" "$BIN/raw32   (32-bit system calls do not run here: nothing can allow it)"
        lacks "--on-ask $ask: the footer proposes nothing" "$output" "allow with: "
        recorded "--on-ask $ask" raw32 "32-bit system calls do not run here"
        scenario "32 bits"
    done
else
    echo "# not this machine's"
fi

scenario "32 bits, from a program of 64"
if "$BIN/foreign" "$SECRET" | grep -q "the content"; then
    for ask in allow deny; do
        run --on-ask $ask -- "$BIN/foreign" "$SECRET"
        equal "--on-ask $ask" "$output" "getpid of 32 bits: ENOSYS
getpid of x32: ENOSYS
257 of 32 bits: ENOSYS
open of 32 bits: ENOSYS
openat of x32: ENOSYS"
        recorded "--on-ask $ask, 32 bits" foreign "32-bit system calls do not run here"
        recorded "--on-ask $ask, x32" foreign "x32 system calls do not run here"
        scenario "32 bits, from a program of 64"
    done
else
    echo "# not this machine's"
fi

scenario "io_uring"
if [ "$("$BIN/uring" "$SECRET")" = "the content" ]; then
    for ask in allow deny; do
        run --on-ask $ask -- "$BIN/uring" "$SECRET"
        lacks "--on-ask $ask: nothing is read" "$output" "the content"
        contains "--on-ask $ask: programs fall back" "$output" "io_uring_setup: ENOSYS"
        contains "--on-ask $ask: the footer" "$output" "$BIN/uring   (io_uring does not run here: nothing can allow it)"
        recorded "--on-ask $ask" uring "io_uring does not run here"
        scenario "io_uring"
    done
else
    echo "# not this kernel's"
fi
finish
