#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Frozen, nothing of the sandbox runs: not what left its parent, nor what somebody else continues.
. "$(dirname "$0")/lib.sh"
need tmux

# Time is the subject: what runs would have counted on.
stands_still() { local before; before=$(cat "$1") && sleep 0.4 && [ -n "$before" ] && [ "$(cat "$1")" = "$before" ]; }
goes_on() { [ "$(cat "$1")" != "$2" ]; }
frozen_key() { screen_keys main:0 'C-]' f; }

cat >runaway.sh <<'EOF'
# Each one counts, has a successor in a session of its own, and ends.
n=$((${1:-0} + 1))
echo $n >count.new && mv count.new count
setsid sh runaway.sh $n </dev/null >/dev/null 2>&1 &
EOF

scenario "what runs away does not get away"
screen_start "$NONO run -- sh -c 'sh runaway.sh; sh -c \"kill -STOP \\\$\\\$; echo stopped >went-on\" & while :; do date +%N >tick; sleep 0.05; done'"
poll test -s count
poll test -s tick
frozen_key
wait_screen "the pane says so" main:0 FROZEN
poll stands_still count && pass "those that run away stand still" || fail "those that run away stand still"
poll stands_still tick && pass "the command stands still" || fail "the command stands still"
count=$(cat count) tick=$(cat tick)
frozen_key
poll goes_on count "$count" && pass "those go on" || fail "those go on"
poll goes_on tick "$tick" && pass "so does the command" || fail "so does the command"
equal "what was stopped before stays stopped" "$(test -e went-on && echo it went on)" ""
"$NONO" stop @
screen_stop

scenario "what somebody continues is stopped again"
rm -f tick
screen_start "$NONO run -- sh -c 'echo \$\$ >pid; while :; do i=\$((i + 1)); echo \$i 1<>tick; done'"
poll test -s tick
frozen_key
wait_screen "the pane says so" main:0 FROZEN
poll stands_still tick || fail "the command stands still"
before=$(cat tick)
kill -CONT "$(cat pid)"
poll goes_on tick "$before" || fail "it was continued"
poll stands_still tick && pass "it stands still again" || fail "it stands still again"
"$NONO" stop @
screen_stop

scenario "frozen, nono can be stopped and continued, and stays frozen"
rm -f tick
screen_start "bash --norc --noprofile -i"
screen_keys main:0 "$NONO run -- sh -c 'while :; do date +%N >tick; sleep 0.05; done'" Enter
poll test -s tick
frozen_key
wait_screen "the pane says so" main:0 FROZEN
screen_keys main:0 'C-]' a
wait_screen "the pane has the focus" main:0 'FOCUS: APPROVALS'
screen_keys main:0 C-z
wait_screen "the shell is back" main:0 Stopped
screen_keys main:0 fg Enter
wait_screen "the pane is back" main:0 FROZEN
poll stands_still tick && pass "it still stands still" || fail "it still stands still"
before=$(cat tick)
frozen_key
poll goes_on tick "$before" && pass "and goes on" || fail "and goes on"
"$NONO" stop @
screen_keys main:0 exit Enter
screen_stop

scenario "frozen, no request runs out"
screen_start "$NONO run --ask-timeout 6 -- cat $SECRET"
wait_request secret.txt >"$T/tmp/id"
frozen_key
wait_screen "the pane says so" main:0 FROZEN
# Time is the subject: it would have run out.
waited() { [ "$(pending_rows "rows[0]['waited_ms']")" -ge "$1" ]; }
nothing_waits() { [ "$(pending_rows "len(rows)")" = 0 ]; }
poll waited 7000 && pass "it waits on" || fail "it waits on"
screen_keys main:0 'C-]' a
wait_screen "how long it still has does not count" main:0 'deny in -'
frozen_key
wait_screen "what was left is left" main:0 'deny in 0:0'
poll nothing_waits && pass "and runs out" || fail "and runs out"
equal "the record tells all of the time" "$(log_rows "[(r['verdict'], r['waited_ms'] > 9000) for r in of(kind='decision')]")" "[('expired', True)]"
screen_stop

finish
