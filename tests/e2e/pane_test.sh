#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The split screen and nono ui: a decision by a key.
. "$(dirname "$0")/lib.sh"
need tmux

scenario "once, in the pane"
screen_start "$NONO run -- env PS1='ready> ' bash --norc --noprofile"
wait_screen "the agent's prompt" main:0 'ready>'
screen_keys main:0 "cat $SECRET; echo status=\$?" Enter
id=$(wait_request secret.txt)
wait_screen "the request is shown" main:0 "$SECRET"
lacks "no content before" "$(screen_text)" "the content"
screen_keys main:0 'C-]' a
# What is typed before the focus is there is thrown away.
wait_screen "the pane has the focus" main:0 'FOCUS: APPROVALS'
screen_keys main:0 Enter
wait_screen "the detail shows the whole path, its uncovered part marked" main:0 '{outside/secret.txt}'
screen_keys main:0 Escape
screen_keys main:0 x
wait_screen "a key that means nothing" main:0 'unknown key'
wait_screen "armed" main:0 '[ARMED]'
screen_keys main:0 o
wait_screen "the content" main:0 'the content'
wait_screen "cat succeeded" main:0 'status=0'
equal "who decided" "$(log_rows "[(r['verdict'], r['by'], r['scope'], r['source']) for r in of(kind='decision')]")" \
    "[('allow', 'user', 'once', 'pane')]"
equal "how long it waited" "$(log_rows "of(kind='decision')[0]['waited_ms'] >= 600")" True
equal "keys that were ignored" "$(log_rows "[r['keys_ignored'] for r in of(kind='decision')]")" "[1]"
contains "and in words" "$("$NONO" show 1)" 'Keys       1 ignored'
equal "as log -v has it" "$("$NONO" log -v | grep Keys)" "$("$NONO" show 1 | grep Keys)"

screen_stop

scenario "deny, session and deny for the session by their keys"
printf 'one\n' >"$OUT/one.txt"
printf 'two\n' >"$OUT/two.txt"
cat >steps.sh <<EOF
for f in one two; do
    for i in 1 2; do cat $OUT/\$f.txt || echo refused-\$f; done
done
cat $SECRET || echo refused-secret
EOF
screen_start "$NONO run -- sh steps.sh"
wait_request one.txt >/dev/null
screen_keys main:0 'C-]' a
wait_screen "armed for the first" main:0 '[ARMED]'
screen_keys main:0 s
wait_request two.txt >/dev/null
wait_screen "armed for the second" main:0 '[ARMED]'
screen_keys main:0 D
wait_request secret.txt >/dev/null
wait_screen "armed for the third" main:0 '[ARMED]'
screen_keys main:0 d
poll test -s "$T/tmp/status"
equal "status of the last command" "$(cat "$T/tmp/status")" 0
equal "three decisions" "$(log_rows "[(r['verdict'], r['scope']) for r in of(kind='decision')]")" \
    "[('allow', 'session'), ('deny', 'session'), ('deny', 'once')]"
equal "three requests" "$(log_rows "len(of(kind='request'))")" 3
screen_stop

scenario "nono ui in a second window"
screen_start "$NONO run --ui attach -- cat $SECRET"
id=$(wait_request secret.txt)
screen_window ui "$NONO ui"
wait_screen "the request is shown" main:ui "1 waiting"
wait_screen "armed" main:ui '[ARMED]'
screen_keys main:ui o
wait_screen "the content" main:0 'the content'
poll test -s "$T/tmp/status"
equal "status" "$(cat "$T/tmp/status")" 0
equal "who decided" "$(log_rows "[(r['verdict'], r['by'], r['source']) for r in of(kind='decision')]")" \
    "[('allow', 'user', 'nono ui')]"
screen_stop

scenario "a command that waits unseen does not just hang"
screen_start "$NONO run --ui attach -- sh -c 'printf words; cat $SECRET'"
wait_screen "its terminal says what to do" main:0 'nono: 1 request waits: answer with "nono ui '
contains "on a line of its own" "$(screen_text main:0 | grep -x 'words')" words
screen_window ui "$NONO ui"
wait_screen "the request is shown" main:ui "1 waiting"
wait_screen "armed" main:ui '[ARMED]'
screen_keys main:ui d
poll test -s "$T/tmp/status"
equal "told once" "$(screen_text main:0 | grep -c 'answer with')" 1
screen_stop

scenario "leaving nono ui decides nothing"
screen_start "$NONO run --ui attach -- cat $SECRET"
id=$(wait_request secret.txt)
screen_window ui "$NONO ui"
wait_screen "the request is shown" main:ui "1 waiting"
screen_keys main:ui q
wait_screen "left" main:ui LEFT
equal "it still waits" "$(pending_rows "[r['request'] for r in rows]")" "[$id]"
"$NONO" deny "$id" >/dev/null
poll test -s "$T/tmp/status"
screen_stop

scenario "one queue over all sessions, also those that start later"
screen_start "$NONO run --ui attach --name one -- cat $SECRET"
poll pending_at_least 1
screen_window ui "$NONO ui"
wait_screen "the first one is shown" main:ui "1 waiting"
echo "other content" >"$OUT/other.txt"
screen_window later "$NONO run --ui attach --name two -- cat $OUT/other.txt"
wait_screen "the second one too" main:ui "2 waiting"
wait_screen "and counted" main:ui "2 sessions"
wait_screen "armed" main:ui '[ARMED]'
screen_keys main:ui o
wait_screen "the first one goes on" main:0 'the content'
wait_screen "the second waits" main:ui "1 waiting"
wait_screen "armed" main:ui '[ARMED]'
screen_keys main:ui d
wait_screen "refused" main:later 'Permission denied'
screen_keys main:ui q
wait_screen "left" main:ui LEFT
equal "two sessions, one decision each" \
    "$(log_rows "sorted((r['verdict'], r['source']) for r in of(kind='decision'))")" \
    "[('allow', 'nono ui'), ('deny', 'nono ui')]"
screen_stop

scenario "undo, and everything stands still, by their keys"
screen_start "$NONO run -- sh -c 'while :; do if cat $SECRET; then echo yes; else echo no; fi >>said 2>&1; date +%N >tick; sleep 0.2; done'"
poll pending_at_least 1
screen_keys main:0 C-] a
wait_screen "armed" main:0 '[ARMED]'
screen_keys main:0 s
said() { grep -q "$1" said 2>/dev/null; }
poll said yes && pass "allowed for the session" || fail "allowed for the session" "$(screen_text main:0)"
screen_keys main:0 u
waits() { pending_at_least 1; }
poll waits && pass "taken back, it is asked about again" || fail "taken back, it is asked about again" "$(screen_text main:0)"
wait_screen "what it did is said" main:0 "taken back: allow read"
equal "the record" "$(log_rows "[r['kind'] for r in rows if r['kind'] in ('grant', 'revoke')]")" "['grant', 'revoke']"
wait_screen "armed" main:0 '[ARMED]'
screen_keys main:0 s
stays_same() { a=$(cat tick) && sleep 0.5 && [ "$a" = "$(cat tick)" ]; }
screen_keys main:0 C-] f
poll stays_same && pass "nothing moves" || fail "nothing moves"
before=$(cat tick)
screen_keys main:0 C-] f
moves() { [ "$(cat tick)" != "$before" ]; }
poll moves && pass "it goes on" || fail "it goes on" "$(screen_text main:0)"
"$NONO" stop @
screen_stop
finish
