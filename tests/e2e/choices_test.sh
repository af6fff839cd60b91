#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# At the pane: reach, time, always, marks, notes, undo, grants, freezing; and the same by lines.
. "$(dirname "$0")/lib.sh"
need tmux

decisions() {
    log_rows "[(r['verdict'], r['scope'], r['reach']) for r in of(kind='decision') if r['by'] == 'user']"
}

for f in one two three four; do printf 'content-of-%s\n' $f >"$OUT/$f.txt"; done
cat >steps.sh <<END
step() { while [ ! -e go\$1 ]; do sleep 0.05; done; }
try() { cat "$OUT/\$1.txt" 2>/dev/null || echo "refused-\$1"; }
try one; try two; step 1
try three; step 2
try four; echo the-end
END

scenario "a wider rule, taken back"
screen_start "$NONO run -- sh steps.sh"
wait_request one.txt >/dev/null
screen_keys main:0 'C-]' a
wait_screen "armed" main:0 '[ARMED]'
screen_keys main:0 '>'
wait_screen "the rule is shown" main:0 'of what lies directly in'
screen_keys main:0 Enter
wait_screen "and how much it covers" main:0 "covers  $(ls "$OUT" | wc -l) existing files"
screen_keys main:0 Escape
wait_screen "back at the list" main:0 '[approvals 1/1'
wait_screen "armed again" main:0 '[ARMED]'
screen_keys main:0 s
wait_screen "a wide one asks for the name" main:0 'WIDE. To allow, type outside'
screen_keys main:0 -l outside
wait_screen "typed" main:0 ': outside_'
screen_keys main:0 Enter
wait_screen "one is read" main:0 content-of-one
wait_screen "and another, unasked" main:0 content-of-two
granted() { [ "$("$NONO" grants --jsonl | rows 'rows[0]["reach"]')" = dir ]; }
poll granted && pass "the grant is listed" || fail "the grant is listed" "$("$NONO" grants)"
: >go1
wait_screen "and a later one" main:0 content-of-three
screen_keys main:0 U
wait_screen "on the pane's page as well" main:0 'allow session read directly in'
screen_keys main:0 r
gone() { [ -z "$("$NONO" grants --jsonl)" ]; }
poll gone && pass "and taken back" || fail "and taken back" "$("$NONO" grants)" "$(screen_text)"
: >go2
wait_request four.txt >/dev/null && pass "the next file is asked about" || fail "the next file is asked about"
screen_keys main:0 Escape
wait_screen "armed for it" main:0 '[ARMED]'
screen_keys main:0 m
wait_screen "a note is asked for" main:0 ' note: _'
screen_keys main:0 -l 'not this one'
wait_screen "a note" main:0 'note: not this one_'
screen_keys main:0 Enter
wait_screen "armed with a note" main:0 '[ARMED]'
screen_keys main:0 d
poll test -s "$T/tmp/status"
equal "decisions" "$(decisions)" "[('allow', 'session', 'dir'), ('deny', 'once', 'object')]"
screen_stop

scenario "several at once"
# Names that a row has no room for: it does not count as seen.
far=$OUT/$(printf 'far-away-%.0s' {1..20})
mkdir "$far"
for n in one two three; do echo "$n" >"$far/$n.txt"; done
screen_start "$NONO run -- sh -c 'cat $far/one.txt & cat $far/two.txt & cat $far/three.txt & wait; echo all-read'"
poll pending_at_least 3
screen_keys main:0 'C-]' a
wait_screen "three wait" main:0 '3 waiting'
screen_keys main:0 '*'
wait_screen "marked" main:0 '[3 marked]'
wait_screen "armed" main:0 '[ARMED]'
screen_keys main:0 o
wait_screen "each must have been seen whole" main:0 'go over each of them first'
for i in 2 3; do
    screen_keys main:0 j
    wait_screen "number $i" main:0 "[approvals $i/3]"
done
wait_screen "armed again" main:0 '[ARMED]'
screen_keys main:0 o
wait_screen "a name is asked for" main:0 'ALLOW 3 REQUESTS'
name=$(screen_text main:0 | sed -n 's/.*To do so, type \([a-z]*\.txt\) .*/\1/p')
screen_keys main:0 -l "$name"
wait_screen "typed" main:0 ": ${name}_"
screen_keys main:0 Enter
poll test -s "$T/tmp/status"
equal "all are read" "$(cat "$T/tmp/status")" 0
equal "three decisions" "$(decisions)" "$(printf "[%s, %s, %s]" "('allow', 'once', 'object')" \
    "('allow', 'once', 'object')" "('allow', 'once', 'object')")"
screen_stop

scenario "frozen and thawed"
screen_start "$NONO run -- sh -c 'i=0; while :; do i=\$((i + 1)); echo \$i >count; sleep 0.05; done'"
poll test -s count
screen_keys main:0 'C-]' f
wait_screen "the pane says so" main:0 FROZEN
before=$(cat count)
poll test -n "$before"
sleep 0.5 # time is the subject: it would have counted on
equal "nothing runs" "$(cat count)" "$before"
screen_keys main:0 'C-]' f
goes_on() { [ "$(cat count)" != "$before" ]; }
poll goes_on && pass "and goes on" || fail "and goes on"
kill "$("$NONO" ps --jsonl | rows 'rows[0]["pid"]')"
poll test -s "$T/tmp/status"
screen_stop

scenario "lines instead of a screen"
screen_start "$NONO run --ui attach -- cat $SECRET"
id=$(wait_request secret.txt)
screen_window missing "$NONO ui nosuch"
wait_screen "a session that is not there is named" main:missing "no running session is called nosuch"
screen_window ui "$NONO ui --plain"
wait_screen "it is told" main:ui "request $id: READ"
sleep 0.7 # time is the subject: a line that comes sooner decides nothing
screen_keys main:ui -l "allow $id"
screen_keys main:ui Enter
poll test -s "$T/tmp/status"
equal "the command goes on" "$(cat "$T/tmp/status")" 0
equal "the decision" "$(decisions)" "[('allow', 'once', 'object')]"
screen_stop
scenario "lines beside the command"
screen_start "$NONO run --ui plain -- sh -c 'printf \"nono: request 1: READ x\\n\"; cat $SECRET; read -r x; echo got-\$x'"
id=$(wait_request secret.txt)
wait_screen "what the command prints stands behind a bar" main:0 '| nono: request 1: READ x'
wait_screen "it is told" main:0 "nono: request $id: READ"
sleep 0.7 # likewise
screen_keys main:0 -l ":allow $id"
screen_keys main:0 Enter
wait_screen "the content" main:0 '| the content'
screen_keys main:0 -l 'allow 1'
screen_keys main:0 Enter
wait_screen "other lines are the command's" main:0 '| got-allow 1'
poll test -s "$T/tmp/status"
equal "one decision" "$(decisions)" "[('allow', 'once', 'object')]"

scenario "both outputs in one pipe, and apart"
forge='echo "nono: request 1: READ x" >&2'
equal "standard error stands behind a bar too" \
    "$("$NONO" run --ui plain --on-ask deny -- sh -c "$forge" </dev/null 2>&1 | tr -d '\r')" \
    "| nono: request 1: READ x"
"$NONO" run --ui plain --on-ask deny -- sh -c "$forge" </dev/null >"$T/tmp/told" 2>"$T/tmp/errors"
equal "of its own it is as it was written" "$(cat "$T/tmp/errors")" "nono: request 1: READ x"
screen_stop
scenario "a line that is there before the queue is about the queue"
run_background --ui attach -- cat "$SECRET"
id=$(wait_request secret.txt)
for session in @ ""; do
    contains "list from a pipe, of ${session:-all}" "$(echo list | "$NONO" ui --plain $session)" "nono: $id: READ"
done
"$NONO" deny "$id" >/dev/null
join_background
equal "and where nothing waits" "$(echo list | "$NONO" ui --plain | grep -c 'nothing waits')" 1

finish
