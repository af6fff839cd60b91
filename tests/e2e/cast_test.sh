#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The terminal of a session, recorded, exported and played again.
. "$(dirname "$0")/lib.sh"

cast() { # FILE EXPRESSION: h is the header, e the events, shown their output
    $PYTHON -c '
import json, sys
lines = open(sys.argv[1], encoding="utf-8", errors="strict").read().split("\n")
assert lines.pop() == "", "a last line without its end"
h, e = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
shown = "".join(x[2] for x in e if x[1] == "o")
print(eval(sys.argv[2]))' "$@"
}
status_of() { output=$("$NONO" "$@" 2>&1); status=$?; }

scenario "what the terminal showed is in the record"
cat >show.sh <<'END'
printf 'plain \033[31mred\033[0m \342\202\254 \377\233 \033]0;title\007\n'
printf 'half \342'; /bin/true; printf '\202\254\nready\n'
read -r answer
stty -echo; echo password:; read -r answer; stty echo
stty size
echo "last words"
END
screen_start "$NONO" run --record --ui none --name shown -- sh show.sh
wait_screen "it runs" main:0 "ready"
screen_keys main:0 "typed and echoed" Enter
wait_screen "it asks" main:0 "password:"
tmux -S "$TMUX_SOCKET" resize-window -t main:0 -x 90 -y 30
screen_keys main:0 "swordfish" Enter
poll test -s "$T/tmp/status"
equal "it ends" "$(cat "$T/tmp/status")" 0
screen_stop
"$NONO" export --format cast >"$T/tmp/a.cast"
equal "its header" "$(cast "$T/tmp/a.cast" "h['version'], h['width'], h['height'], h['timestamp'] > 1.6e9, h['command'].startswith('sh ')")" \
    "(2, 120, 40, True, True)"
equal "events in order of time" "$(cast "$T/tmp/a.cast" "all(x[0] <= y[0] for x, y in zip(e, e[1:])) and {x[1] for x in e} == {'o', 'r'}")" True
contains "what was shown, escape sequences included" "$(cast "$T/tmp/a.cast" "ascii(shown)")" \
    "'plain \\x1b[31mred\\x1b[0m \\u20ac \\ufffd\\ufffd \\x1b]0;title\\x07\\r\\nhalf \\u20ac\\r\\n"
contains "a new size" "$(cast "$T/tmp/a.cast" "[x[2] for x in e if x[1] == 'r']")" "'90x30'"
contains "which the command saw" "$(cast "$T/tmp/a.cast" "shown")" "30 90"
contains "the end" "$(cast "$T/tmp/a.cast" "shown")" "last words"
contains "what is echoed was shown" "$(cast "$T/tmp/a.cast" "shown")" "typed and echoed"
lacks "what is typed was not" "$(cat "$T/tmp/a.cast")" swordfish
lacks "the file draws nothing" "$(cat "$T/tmp/a.cast")" $'\033'
if can command -v asciinema; then
    # It wants a terminal to look for keys at.
    script -qec "asciinema cat $T/tmp/a.cast" /dev/null </dev/null >"$T/tmp/cat" 2>&1
    contains "asciinema reads it" "$(cat "$T/tmp/cat")" "last words"
    contains "with its colours" "$(cat "$T/tmp/cat")" $'\033[31mred\033[0m \342\202\254'
    script -qec "asciinema play -s 1000 -i 0.01 $T/tmp/a.cast" /dev/null </dev/null >"$T/tmp/cat" 2>&1
    contains "and plays it" "$(cat "$T/tmp/cat")" "last words"
fi
status_of export -o "$T/tmp/b.cast"
equal "a name in .cast says so too" "$status $(cmp "$T/tmp/a.cast" "$T/tmp/b.cast" && echo same)" "0 same"
status_of export -o "$T/tmp/b.cast"
contains "a file that is there stays" "$status $output" "1 nono export: $T/tmp/b.cast: File exists"
status_of verify
equal "the record verifies" "$status" 0
screen_start "$NONO" replay --speed 1000
wait_screen "it plays" main:0 "last words"
lacks "but its title and its bell go nowhere" "$(tmux -S "$TMUX_SOCKET" display-message -p -t main:0 '#{pane_title} #{window_bell_flag}')" title
tmux -S "$TMUX_SOCKET" resize-window -t main:0 -x 80 -y 24
wait_screen "in a small terminal the rows up to the cursor" main:0 "last words"
tmux -S "$TMUX_SOCKET" resize-window -t main:0 -x 50 -y 7
wait_screen "and in one that is too small nothing breaks" main:0 "waiting"
screen_keys main:0 q
poll test -s "$T/tmp/status"
equal "q leaves there too" "$(cat "$T/tmp/status")" 0
screen_stop
"$NONO" export -o "$T/tmp/moved.db" >/dev/null
equal "it travels with the session" "$("$NONO" export --db "$T/tmp/moved.db" --format cast | cmp - "$T/tmp/a.cast" && echo same)" same

scenario "it plays in step with the requests"
cat >step.sh <<'END'
printf 'first \033[31mred\033[0m \007\n'; cat "$1"
printf 'second\n'; cat "$2"
printf '\033[2J\033[Hthird\n'
END
echo other >"$OUT/other.txt"
screen_start "$NONO" run --record --ui attach -- sh step.sh "$SECRET" "$OUT/other.txt"
"$NONO" allow "$(wait_request secret.txt)" >/dev/null
"$NONO" deny "$(wait_request other.txt)" >/dev/null
poll test -s "$T/tmp/status"
screen_stop
screen_start "$NONO" replay
wait_screen "it plays to the end" main:0 END
contains "with what was shown last" "$(screen_text main:0)" "third"
lacks "and no more" "$(screen_text main:0)" "second"
# Output is recorded when it is read, a little behind what the command did next: so to the answers.
# Stopped before it goes back: the whole session is over in a moment.
screen_keys main:0 Space 0 "]" .
# At the end there is an answer as well.
wait_screen "what was shown before the first ask" main:0 "first red"
wait_screen "and its answer" main:0 "allowed"
lacks "what came behind it is not there yet" "$(screen_text main:0)" "second"
screen_keys main:0 "]" .
wait_screen "the next ask and its answer" main:0 "denied"
wait_screen "and the terminal then" main:0 "second"
screen_keys main:0 "[" "[" .
gone() { ! screen_has main:0 "second"; }
poll gone && pass "back, at once" || fail "back, at once" "$(screen_text main:0)"
contains "as it was" "$(screen_text main:0)" "first red"
screen_keys main:0 0
gone() { ! screen_has main:0 "first red"; }
poll gone && pass "at the start there is nothing" || fail "at the start there is nothing" "$(screen_text main:0)"
screen_keys main:0 /
wait_screen "after a jump words can be looked for" main:0 " / _"
screen_keys main:0 other.txt Enter
wait_screen "they are found" main:0 "/other.txt: 1 of 1"
# What came with the second question may be recorded behind it; what came with the first is not.
wait_screen "and the terminal goes where they are" main:0 "first red"
screen_keys main:0 .
wait_screen "a step on is none of them" main:0 "/other.txt: 1 found"
wait_screen "and has what came with it" main:0 "second"
screen_keys main:0 q
poll test -s "$T/tmp/status"
equal "q leaves" "$(cat "$T/tmp/status")" 0
screen_stop

scenario "what lies behind is looked at meanwhile, and leaves no trace"
cat >much.sh <<'END'
echo first words; sleep 0.3
seq 40000; printf '\033[?5h\033[?25l\033[2;5r'; seq 40000; stty rows 30 cols 90; printf '\033[2J\033[H'; seq 40000
sleep 0.3; echo last words; sleep 0.3
END
screen_start "$NONO" run --record --ui none -- sh much.sh
poll test -s "$T/tmp/status"
screen_stop
screen_start "$NONO" replay --speed 0.02
wait_screen "it begins" main:0 "first words"
screen_keys main:0 Space
pid=$(tmux -S "$TMUX_SOCKET" list-panes -t main:0 -F '#{pane_pid}')
# It works while nobody asks for anything; when that ends it has seen everything.
worked() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
at_rest() { local before; before=$(worked); sleep 0.5; [ "$(worked)" = "$before" ]; }
poll at_rest && pass "it comes to rest" || fail "it comes to rest"
shown=$(screen_text main:0)
contains "the begin is still there" "$shown" "first words"
lacks "and nothing else" "$shown" "40000"
screen_keys main:0 9
wait_screen "it jumps to the end" main:0 "40000"
screen_keys main:0 0 Space
wait_screen "and back" main:0 "first words"
equal "as it was" "$(screen_text main:0 | grep -v ' event ')" "$(echo "$shown" | grep -v ' event ')"
screen_keys main:0 q
screen_stop

scenario "without a terminal, and without --record"
status_of run --record -- true
contains "there is nothing to record" "$status $output" "125 nono: --record needs a terminal"
run -- true
status_of export --format cast
contains "and nothing to export" "$status $output" "1 nono export: session "
contains "in words" "$output" "has no recorded terminal (nono run --record makes one"
status_of export --format cast --checkpoint "$T/tmp/c"
equal "no checkpoint in it" "$status" 2

scenario "with the pane, in lines, and after a crash"
screen_start "$NONO" run --record -- sh -c "'echo in the pane; cat $SECRET'"
wait_screen "it asks" main:0 "secret.txt"
recorded() { "$NONO" export --format cast 2>/dev/null | grep -q "$1"; }
poll recorded "in the pane" && pass "the record has it while it runs" || fail "the record has it while it runs"
"$NONO" ps --jsonl | rows "rows[0]['pid']" | xargs kill -KILL
poll no_session_runs
recorded "in the pane" && pass "and after a crash" || fail "and after a crash"
screen_stop
"$NONO" run --record --ui plain -- sh -c 'echo in lines; stty size' >/dev/null 2>&1 </dev/null
recorded "in lines" && pass "--ui plain gives the command a terminal" || fail "--ui plain gives the command a terminal"

scenario "a damaged recording is not played" && export XDG_STATE_HOME=$T/home/state1
$PYTHON - "$XDG_STATE_HOME/nono/audit.db" "$T/tmp/odd.db" <<'END'
import sqlite3, sys
c = sqlite3.connect(sys.argv[2], isolation_level=None)
sqlite3.connect(sys.argv[1]).backup(c)
c.execute("UPDATE terminal SET data = x'00ff'")
END
status_of export --db "$T/tmp/odd.db" -o "$T/tmp/odd.cast"
contains "export says so" "$status $output" "3 nono export: session "
[ ! -e "$T/tmp/odd.cast" ] && pass "and leaves nothing half done" || fail "and leaves nothing half done"
screen_start "$NONO" replay --db "$T/tmp/odd.db"
wait_screen "replay says so" main:0 "the terminal is damaged"
wait_screen "and shows the rest" main:0 END
screen_keys main:0 q
screen_stop
status_of verify --db "$T/tmp/odd.db"
contains "verify finds it" "$output" "terminal was altered"
finish
