#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A request never blocks another.
. "$(dirname "$0")/lib.sh"

scenario "eight threads wait, others open granted files"
for i in 0 1 2 3 4 5 6 7; do echo "$i" >"$OUT/w$i"; done
echo granted >granted
run_background --ui attach -- "$BIN/waiters" granted "$OUT" go
poll pending_at_least 8 && pass "eight requests wait" || fail "eight requests wait" "$("$NONO" pending 2>&1)" "$(cat "$T/tmp/out")"
: >go
poll grep -q measured "$T/tmp/out" && pass "opens went on" || fail "opens went on" "$(cat "$T/tmp/out")"
equal "and still eight wait" "$(pending_rows 'len(rows)')" 8
for id in $(pending_rows '" ".join(str(r["request"]) for r in rows if r["resolved"][-1] < "4")'); do
    "$NONO" allow "$id" >/dev/null || fail "nono allow $id"
done
for id in $(pending_rows '" ".join(str(r["request"]) for r in rows)'); do
    "$NONO" deny "$id" >/dev/null || fail "nono deny $id"
done
join_background
contains "each got its own answer" "$output" "opened=4 refused=4"
idle=$(sed -n 's/^idle_us=//p' "$T/tmp/out")
for which in busy other; do
    us=$(sed -n "s/^${which}_us=//p" "$T/tmp/out")
    # Both are the cost of a granted open; a loop that waits for a person would take seconds.
    at_most "p99 of the $which opens in µs, idle ${idle:-?}" "${us:-999999}" $((${idle:-0} * 4 + 2000))
done

scenario "the same object asked for by one program is one row"
cat >many.sh <<EOF
for i in 1 2 3 4 5; do cat $SECRET & done
wait
EOF
run_background --ui attach -- sh many.sh
id=$(wait_request secret.txt)
joined() { [ "$(pending_rows "sum(r.get('count', 1) for r in rows)")" -ge 5 ]; }
poll joined && pass "five in all" || fail "five in all" "$("$NONO" pending --jsonl)"
equal "in one row" "$(pending_rows 'len(rows)')" 1
"$NONO" allow "$id" >/dev/null
join_background
equal "one answer for all" "$output" "$(yes 'the content' | head -n 5)"
finish
