#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --ask-rate: new requests beyond it are refused, said and counted; nothing else is.
. "$(dirname "$0")/lib.sh"

mkdir "$OUT/many"
for i in $(seq 30); do echo "$i" >"$OUT/many/$i"; done

scenario "a flood: what is over the limit is refused as that, and recorded"
run_background --ui attach --ask-rate 1 --ask-burst 2 -- bash -c '
for i in {1..30}; do cat '"$OUT"'/many/$i 2>/dev/null & done; wait'
over_the_limit() {
    [ "$(log_rows "len(of(kind='decision', reason='rate_limited', by='rate_limit', verdict='deny')) > 9")" = True ]
}
poll over_the_limit && pass "refused" || fail "refused" "$("$NONO" log)"
equal "what was refused is not what is shown" \
    "$(pending_rows "len(rows) in range(2, 20)")" True
while [ ! -s "$T/tmp/status" ]; do
    for id in $(pending_rows "' '.join(str(r['request']) for r in rows)"); do
        "$NONO" allow "$id" >/dev/null 2>&1
    done
done
join_background
contains "and said" "$output" "too many new requests: refused for now (--ask-rate)"
equal "each is either read or refused" \
    "$(grep -c '^[0-9]*$' <<<"$output") $(log_rows "len(of(kind='decision'))")" \
    "$(log_rows "len(of(kind='decision', by='user'))") 30"

scenario "what is wrong on the command line"
run --ask-burst 3 -- true
contains "a burst without a rate" "$status $output" "125 nono run: --ask-burst needs --ask-rate"
run --ask-rate 0 -- true
contains "none a second" "$status $output" "125 nono run: --ask-rate 0: not a number from 1 to 1000000"

scenario "what nobody is asked costs nothing"
run --ask-rate 1 --on-ask deny -- cat "$OUT/many/1" "$OUT/many/2" "$OUT/many/3"
equal "refused as policy says" \
    "$(log_rows "sorted({r['reason'] for r in of(kind='decision')})")" "['policy_blocked']"
finish
