#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Thousands of file calls give the same, and leave the same behind, bare and supervised (I9): outside
# every capability and approved, inside the floor, and half and half. With NONO_TEST_LONG=1 all
# pairs of names and calls, else a sample.
. "$(dirname "$0")/lib.sh"

INSIDE=$T/work
[ "${NONO_TEST_LONG:-0}" = 1 ] && all=all || all=

sides() { # LEFT RIGHT: two empty directories
    LEFT=$1/left RIGHT=$2/right
    chmod -R u+rwx "$OUT/left" "$OUT/right" "$INSIDE/left" "$INSIDE/right" 2>/dev/null
    rm -rf "$OUT/left" "$OUT/right" "$INSIDE/left" "$INSIDE/right"
    mkdir "$LEFT" "$RIGHT"
}

programs=(names "two ends" descriptors "what is not ours")
each() { # VARIABLE LEFT RIGHT COMMAND...: fills VARIABLE with the four texts
    local -n texts=$1
    local left=$2 right=$3
    shift 3
    # shellcheck disable=SC2086
    sides "$left" "$right"
    texts[0]=$("$BIN/fixture" "$LEFT" "$RIGHT" "$@" "$BIN/fileops" "$LEFT" "$RIGHT" $all 2>&1)
    sides "$left" "$right"
    texts[1]=$("$BIN/fixture" "$LEFT" "$RIGHT" "$@" "$BIN/fileops_two" "$LEFT" "$RIGHT" $all 2>&1)
    sides "$left" "$right"
    texts[2]=$("$BIN/fixture" "$LEFT" "$RIGHT" "$@" "$BIN/fileops_fds" "$LEFT" "$RIGHT" $all 2>&1)
    sides "$left" "$right"
    texts[3]=$("$BIN/fixture" "$LEFT" "$RIGHT" "$@" "$BIN/fileops_fds" "$LEFT" "$RIGHT" others 2>&1)
}

compare() { # WHERE PROGRAMS...
    local i where=$1
    shift
    for i; do
        if [ "${got[i]}" = "${want[i]}" ]; then
            pass "$where: ${programs[i]}"
        else
            fail "$where: ${programs[i]}" "$(diff <(echo "${want[i]}") <(echo "${got[i]}") | grep -a '^[<>]')"
        fi
    done
}

scenario "bare"
each want "$OUT" "$OUT" env
for i in 0 1 2 3; do
    equal "all of it ran: ${programs[i]}" "$(tail -n 1 <<<"${want[i]}")" "status 0"
done
equal "of many calls" "$([ "$(printf '%s\n' "${want[@]}" | grep -ac '^[0-9]')" -gt 1200 ] && echo yes)" yes

scenario "outside every capability, allowed"
each got "$OUT" "$OUT" "$NONO" run -r "$BIN" --on-ask allow --
compare outside 0 1 2 3

scenario "inside the floor"
each got "$INSIDE" "$INSIDE" "$NONO" run -r "$BIN" --on-ask deny --
# What is not ours is asked about, and refused.
compare inside 0 1 2

scenario "from inside to outside"
each got "$INSIDE" "$OUT" "$NONO" run -r "$BIN" --on-ask allow --
compare "inside, outside" 0 1 2

scenario "from outside to inside"
each got "$OUT" "$INSIDE" "$NONO" run -r "$BIN" --on-ask allow --
compare "outside, inside" 0 1 2

scenario "outside, refused"
each got "$OUT" "$OUT" "$NONO" run -r "$BIN" --on-ask deny --
lacks "nothing is touched" "${got[*]}" "    left"
lacks "nor on the other side" "${got[*]}" "    right"
finish
