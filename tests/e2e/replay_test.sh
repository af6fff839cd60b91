#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A session again, and what another policy would have said of it.
. "$(dirname "$0")/lib.sh"

scenario "the same order, verdicts and waiting times"
mkdir -p "$OUT/docs" "$OUT/keys"
echo one >"$OUT/docs/one"
echo two >"$OUT/docs/two"
echo key >"$OUT/keys/key"
echo draft >"$OUT/docs/draft.env"
run_background --name work --ui attach -- sh -c "cat $OUT/docs/one; cat $OUT/keys/key; cat $OUT/docs/draft.env"
"$NONO" allow "$(wait_request docs/one)" >/dev/null
"$NONO" deny "$(wait_request keys/key)" >/dev/null
"$NONO" allow "$(wait_request draft.env)" >/dev/null
join_background
plain=$("$NONO" replay --plain --color never)
equal "every event once" "$(echo "$plain" | grep -c '^ *[0-9]*:')" "$(log_rows "len(rows)")"
equal "asks and answers in their order" "$(echo "$plain" | grep -o 'asked\|ASK>[a-z]*' | tr '\n' ' ')" \
    "asked ASK>allow asked ASK>deny asked ASK>allow "
equal "waiting times as in the log" "$(echo "$plain" | grep -o 'after .*')" "$("$NONO" log --color never | grep -o 'after .*')"
equal "a pause is cut" "$("$NONO" replay --plain --idle 0.001s --color never | grep -c '^ *0:00:00')" "$(log_rows "len(rows)")"
equal "--speed plays it all" "$("$NONO" replay --plain --speed 1000 --color never)" "$plain"
equal "the reader may leave" "$("$NONO" replay --plain --speed 0.01 2>&1 | head -n 1 | grep -c work)" 1

scenario "what another policy would have said" && export XDG_STATE_HOME=$T/home/state1
cat >"$T/tmp/policy.json" <<END
{
    "extends": "default",
    "filesystem": {
        "read": ["$OUT/docs", "$OUT/keys"],
        "deny": ["$OUT/docs/*.env"]
    }
}
END
changes() { "$NONO" replay --policy "$T/tmp/policy.json" --jsonl "$@" | rows "[(r['change'], r['resolved'].rpartition('/')[2]) for r in rows]"; }
equal "what is widened comes first" "$(changes)" \
    "[('deny>allow', 'key'), ('allow>deny', 'draft.env'), ('ask>allow', 'one')]"
contains "the line that says so" "$("$NONO" replay --policy "$T/tmp/policy.json")" "by policy.json:4"
contains "the sum" "$("$NONO" replay --policy "$T/tmp/policy.json")" "3 of 3 requests differ: deny>allow 1, allow>deny 1, ask>allow 1, ask>deny 0, unknown 0"
equal "filters hold" "$(changes --path '*/key')" "[('deny>allow', 'key')]"
"$NONO" replay --policy "$T/tmp/policy.json" --exit-code >/dev/null
equal "differences with --exit-code" $? 5
"$NONO" replay --policy "$T/tmp/policy.json" >/dev/null
equal "without" $? 0
echo '{"extends": "default"}' >"$T/tmp/same.json"
"$NONO" replay --policy "$T/tmp/same.json" --exit-code >/dev/null
equal "no difference" $? 0
"$NONO" replay --policy "$T/missing.json" >/dev/null 2>&1
equal "no such policy" $? 2
rm -rf "$OUT/docs.gone" && mv "$OUT/docs" "$OUT/docs.gone"
equal "the disk as it is now plays no part" "$(changes)" \
    "[('deny>allow', 'key'), ('allow>deny', 'draft.env'), ('ask>allow', 'one')]"
mv "$OUT/docs.gone" "$OUT/docs"

scenario "a live run under that policy decides the same"
run --on-ask deny -- sh -c "cat $OUT/docs/one; cat $OUT/keys/key; cat $OUT/docs/draft.env; cat $SECRET; cat $OUT/docs/two"
# Every file of it was asked about and refused; the policy allows three, and goes on refusing two.
whatif=$("$NONO" replay --policy "$T/tmp/policy.json" --jsonl | rows "sorted(r['resolved'] for r in rows if r['change'] == 'deny>allow')")
export XDG_STATE_HOME=$T/home/state4
run -p "$T/tmp/policy.json" --on-ask deny -- sh -c "cat $OUT/docs/one; cat $OUT/keys/key; cat $OUT/docs/draft.env; cat $SECRET; cat $OUT/docs/two"
refused=$(log_rows "sorted({r['resolved'] for r in of(verdict='deny')})")
equal "what it allows" "$whatif" "['$OUT/docs/one', '$OUT/docs/two', '$OUT/keys/key']"
equal "what it refuses" "$refused" "['$OUT/docs/draft.env', '$SECRET']"

scenario "a profile of what was decided allows that and no more" && export XDG_STATE_HOME=$T/home/state1
"$NONO" profile from-session work >"$T/tmp/from.json"
equal "it is a profile" "$("$NONO" profile check "$T/tmp/from.json" >/dev/null 2>&1; echo $?)" 0
contains "what was denied stays denied" "$(cat "$T/tmp/from.json")" "\"deny\": [
            \"$OUT/keys/key\""
equal "every grant is a prompt saved" "$("$NONO" replay work --policy "$T/tmp/from.json" --jsonl | rows "[(r['change'], r['resolved'].rpartition('/')[2]) for r in rows]")" \
    "[('ask>allow', 'one'), ('ask>allow', 'draft.env'), ('ask>deny', 'key')]"
contains "directories on demand" "$("$NONO" profile from-session work --generalise)" "\"read\": [
            \"$OUT/docs\"
        ]"
lacks "but not for one file" "$("$NONO" profile from-session work)" "\"read\":"
export XDG_STATE_HOME=$T/home/state5
run -p "$T/tmp/from.json" --on-ask deny -- sh -c "cat $OUT/docs/one $OUT/docs/draft.env $OUT/docs/two $OUT/keys/key 2>/dev/null"
equal "a live run under it" "$(head -n 2 <<<"$output")" "one
draft"

scenario "a profile: what it can't say, and hosts" && export XDG_STATE_HOME=$T/home/state20
mkdir -p "$OUT/odd"
export ODD="$OUT/odd/a"$'\033'"[31m"
echo odd >"$ODD"
echo plain >"$OUT/odd/one"
echo plain >"$OUT/odd/two"
# Three ports of one host, of which another is refused in a second session.
run_background --name hosts --ui attach -- sh -c 'cat "$0/one" "$0/two" "$ODD"; for p in 7001 7002; do '"$PYTHON"' -c "import socket, sys; socket.socket().connect_ex((\"192.0.2.9\", int(sys.argv[1])))" $p & wait; done' "$OUT/odd"
"$NONO" allow "$(wait_request odd/one)" >/dev/null
"$NONO" allow "$(wait_request odd/two)" >/dev/null
"$NONO" deny "$(wait_request '[31m')" >/dev/null
"$NONO" allow "$(wait_request 9:7001)" >/dev/null
"$NONO" allow "$(wait_request 9:7002)" >/dev/null
join_background
exact=$("$NONO" profile from-session hosts)
contains "an odd name is told in a comment" "$exact" "// Left out: $OUT/odd/a\\x1b[31m (was denied; no clean text)"
contains "each port" "$exact" '"192.0.2.9:7001",'
wide=$("$NONO" profile from-session hosts --generalise)
contains "all ports of the host on demand" "$wide" '"192.0.2.9:*"'
lacks "and no other of it" "$wide" 7001
lacks "no directory with something in it that was denied" "$wide" '"read": ['
contains "its files stay" "$wide" "\"$OUT/odd/two\""
echo "$wide" >"$T/tmp/wide.json"
equal "it is a profile" "$("$NONO" profile check "$T/tmp/wide.json" >/dev/null 2>&1; echo $?)" 0

scenario "the timeline in the pane" && export XDG_STATE_HOME=$T/home/state1
screen_start "$NONO" replay work
wait_screen "the session is on the screen" main:0 "REPLAY"
screen_keys main:0 ,
wait_screen "a step back pauses" main:0 PAUSED
screen_keys main:0 0
wait_screen "back to the start" main:0 "0:00:00 /"
screen_keys main:0 "]"
wait_screen "the first ask" main:0 "docs/one}"
screen=$(screen_text main:0)
contains "a replay has its own keys" "$screen" "Space pause"
lacks "nothing is armed" "$screen" "[ARMED]"
lacks "no figures of what has no moment" "$screen" "by the floor"
screen_keys main:0 Enter
wait_screen "the detail" main:0 "[detail]"
lacks "it offers no rule" "$(screen_text main:0)" "allow once"
screen_keys main:0 "?"
wait_screen "the help is the replay's" main:0 "next that was asked about"
lacks "no key that decides is in it" "$(screen_text main:0)" "allow once"
screen_keys main:0 Escape
wait_screen "back in the detail" main:0 "[detail]"
screen_keys main:0 Escape
wait_screen "back in the list" main:0 "[approvals"
screen_keys main:0 /
wait_screen "words are asked for" main:0 " / _"
screen_keys main:0 nosuch Enter
wait_screen "a search without a match says so" main:0 "not found"
lacks "the second is not there yet" "$(screen_text main:0)" "{outside/ke"
screen_keys main:0 .
wait_screen "its answer" main:0 "allow"
screen_keys main:0 "]"
wait_screen "the next ask" main:0 "{outside/ke"
selected() { screen_text main:0 | grep '^>' | grep -q "$1"; }
poll selected outside/ke && pass "with the cursor on it" || fail "with the cursor on it" "$(screen_text main:0)"
screen_keys main:0 o d s p D P m
screen_keys main:0 "["
wait_screen "and back, at once" main:0 "docs/one"
gone() { ! screen_has main:0 "{outside/ke"; }
poll gone && pass "what came later is gone" || fail "what came later is gone" "$(screen_text main:0)"
screen_keys main:0 w
wait_screen "what-if asks for a policy" main:0 "what-if, policy"
tmux -S "$TMUX_SOCKET" send-keys -t main:0 -l "$T/tmp/nosuch.jsonq"
screen_keys main:0 BSpace Enter
wait_screen "one that cannot be used is said to be one" main:0 "nosuch.json: No such file"
screen_keys main:0 w C-u
tmux -S "$TMUX_SOCKET" send-keys -t main:0 -l "$T/tmp/policy.json"
screen_keys main:0 Enter
wait_screen "the sum" main:0 "what-if policy.json: deny>allow 1, allow>deny 1, ask>allow 1"
wait_screen "the row is marked" main:0 "x1       ask>allow"
screen_keys main:0 Enter
wait_screen "a request" main:0 "[detail]"
screen_keys main:0 w Enter
wait_screen "stays open while all is marked anew" main:0 "what-if policy.json"
contains "it does" "$(screen_text main:0)" "[detail]"
screen_keys main:0 Escape
wait_screen "until it is left" main:0 "[approvals"
screen_keys main:0 "]" .
wait_screen "and the next one" main:0 "x1      deny>allow"
screen_keys main:0 w q Escape w C-u Enter
unmarked() { ! screen_has main:0 "deny>allow"; }
poll unmarked && pass "no policy, no marks" || fail "no policy, no marks" "$(screen_text main:0)"
screen_keys main:0 9
screen_keys main:0 Space
wait_screen "it plays to the end" main:0 END
screen_keys main:0 q
poll test -s "$T/tmp/status"
equal "q leaves" "$(cat "$T/tmp/status")" 0
screen_stop
equal "nothing was decided" "$(log_rows "len(of(kind='decision'))")" 3

scenario "connections that nobody was asked about" && export XDG_STATE_HOME=$T/home/state30
run --net allow -- $PYTHON -c 'import socket
for port in (7101, 7102):
    socket.socket().connect_ex(("127.0.0.1", port))'
echo '{"extends": "default", "network": {"block": true}}' >"$T/tmp/blocked.json"
contains "the lines say so" "$("$NONO" replay --policy "$T/tmp/blocked.json")" "2 of 2 requests differ: deny>allow 0, allow>deny 2"
screen_start "$NONO" replay
wait_screen "the end" main:0 END
screen_keys main:0 w
wait_screen "a policy is asked for" main:0 "what-if, policy"
tmux -S "$TMUX_SOCKET" send-keys -t main:0 -l "$T/tmp/blocked.json"
screen_keys main:0 Enter
wait_screen "and the pane" main:0 "allow>deny 2 (2 connections"
screen_keys main:0 q
screen_stop

scenario "a search goes along all of the timeline" && export XDG_STATE_HOME=$T/home/state31
mkdir -p "$OUT/many"
for i in $(seq 10 49); do echo "$i" >"$OUT/many/file.$i"; done
run --on-ask deny -- sh -c 'for f; do cat "$f"; done' sh "$OUT"/many/*
search() { # WORDS
    screen_keys main:0 /
    wait_screen "words are asked for" main:0 " / _"
    tmux -S "$TMUX_SOCKET" send-keys -t main:0 -l -- "$1"
    screen_keys main:0 Enter
}
screen_start "$NONO" replay
wait_screen "the end" main:0 END
screen_keys main:0 ,
wait_screen "a step back pauses" main:0 PAUSED
screen_keys main:0 0
wait_screen "back to the start" main:0 "event 1 of"
lacks "it is not on the screen" "$(screen_text main:0)" "file.37"
search "FILE.37"
wait_screen "what comes later is found" main:0 "/FILE.37: 1 of 1"
contains "and the cursor is on it" "$(screen_text main:0 | grep '^>')" "file.37"
screen_keys main:0 n
wait_screen "there is no other behind it" main:0 "not found behind this moment"
screen_keys main:0 N
wait_screen "nor before it" main:0 "not found before this moment"
search "many -file.1"
wait_screen "words, and one that must not be there" main:0 ": 19 of 30"
contains "the next one from here" "$(screen_text main:0 | grep '^>')" "file.38"
screen_keys main:0 N
wait_screen "back" main:0 ": 18 of 30"
screen_keys main:0 N
wait_screen "and back" main:0 ": 17 of 30"
contains "to what was before" "$(screen_text main:0 | grep '^>')" "file.36"
screen_keys main:0 n
wait_screen "and on" main:0 ": 18 of 30"
search "read"
wait_screen "what was asked is a word too" main:0 ": 29 of 40"
search "/$(log_rows "of(kind='request')[0]['cwd'].split('/')[-1]")"
wait_screen "what the list does not show is none" main:0 "not found"
search "$(log_rows "rows[0]['session']")"
wait_screen "the session is one" main:0 ": 30 of 40"
search "nosuch"
wait_screen "what is nowhere" main:0 "not found"
screen_keys main:0 q
screen_stop

scenario "nonsense in the record does no harm to the pane"
$PYTHON - "$T/home/state1/nono/audit.db" "$T/tmp/odd.db" <<'END'
import sqlite3, sys
c = sqlite3.connect(sys.argv[2], isolation_level=None)
sqlite3.connect(sys.argv[1]).backup(c)
for (name,) in c.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
    c.execute(f"DROP TRIGGER {name}")
c.execute("UPDATE request SET op = 'evil' WHERE id = 1")
c.execute("UPDATE request SET access = -1, covered = 99999, argv = x'41', target = x'00ff', family = 77,"
          " port = -5, addr = x'01', call = 'evil', flags = -1, object_mode = -1, tags = ',,' WHERE id = 2")
c.execute("UPDATE decision SET verdict = 'evil', waited_ms = -5, count = -1 WHERE request = 2")
END
screen_start "$NONO" replay --db "$T/tmp/odd.db"
screen_keys main:0 0 "]" "]" Enter
screen_keys main:0 Escape
screen_keys main:0 9
screen_keys main:0 Space
wait_screen "it plays to the end" main:0 END
screen_keys main:0 q
poll test -s "$T/tmp/status"
equal "and leaves" "$(cat "$T/tmp/status")" 0
screen_stop

scenario "a session that runs"
mkdir -p "$OUT/live" && for i in 1 2 3 4; do echo "$i" >"$OUT/live/file$i"; done
run_background --ui attach -- sh -c "for i in 1 2 3 4; do cat $OUT/live/file\$i; done"
first=$(wait_request live/file1)
screen_start "$NONO" replay --follow
wait_screen "it follows" main:0 FOLLOWING
wait_screen "what waits" main:0 "live/file1"
"$NONO" allow "$first" >/dev/null
second=$(wait_request live/file2)
wait_screen "what comes next" main:0 "live/file2"
wait_screen "and what was decided" main:0 "allowed"
screen_keys main:0 "[" "["
wait_screen "who goes back stays there" main:0 PAUSED
lacks "in the past" "$(screen_text main:0)" "live/file2"
"$NONO" deny "$second" >/dev/null
third=$(wait_request live/file3)
# It is on the line within a quarter of a second.
next_ask() { screen_keys main:0 "]"; screen_has main:0 "live/file3"; }
poll next_ask && pass "the next ask came meanwhile" || fail "the next ask came meanwhile" "$(screen_text main:0)"
screen_keys main:0 F
wait_screen "F: to what happens now" main:0 FOLLOWING
search "live/file"
wait_screen "what is found so far lies before" main:0 "not found behind this moment"
screen_keys main:0 F
wait_screen "it still follows" main:0 FOLLOWING
"$NONO" allow "$third" >/dev/null
wait_screen "again" main:0 "live/file4"
"$NONO" allow "$(wait_request live/file4)" >/dev/null
join_background
wait_screen "and its end" main:0 END
screen_keys main:0 N
wait_screen "what came behind a search is found too" main:0 "/live/file: 4 of 4"
screen_keys main:0 q
poll test -s "$T/tmp/status"
equal "q leaves" "$(cat "$T/tmp/status")" 0
screen_stop
screen_start "$NONO" replay --follow --speed 1000
wait_screen "one that has ended plays" main:0 END
screen_keys main:0 q
screen_stop

status_of() { "$NONO" "$@" >"$T/tmp/answer" 2>&1; echo $?; }
equal "a wrong speed" "$(status_of replay --speed fast)" 2
equal "--exit-code alone" "$(status_of replay --exit-code)" 2
equal "--follow in lines" "$(status_of replay --follow --plain)" 2
equal "an unreadable record" "$(status_of replay --db "$SECRET")" 3
finish
