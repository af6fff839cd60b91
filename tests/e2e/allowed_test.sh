#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --log-allowed: a row for every access that is allowed, and the same figures as without.
. "$(dirname "$0")/lib.sh"

cat >work.sh <<'END'
cat inside.txt
mkdir made && mv made moved && rmdir moved
cat "$1"; cat "$1"
cat missing 2>/dev/null
python3 -c 'import socket; s = socket.socketpair(); open("/dev/null", "w")'
END
echo inside >inside.txt
by_floor() { # OP END: how many
    log_rows "len([r for r in of(kind='decision', by='floor', verdict='allow', op='$1') if (r.get('resolved') or '').endswith('$2')])"
}
counts() { "$NONO" log --color never | grep -o "(requests [^)]*" | sed "s/, inside.*//"; }

scenario "without it" && run_background --deny .env --ui attach -- sh work.sh "$SECRET"
"$NONO" allow --session "$(wait_request secret.txt)" >/dev/null
join_background
plain_output=$output
plain=$(counts)
equal "only what was asked has a row" "$(log_rows "len(of(kind='request'))")" 1

scenario "with it" && run_background --log-allowed --deny .env --ui attach -- sh work.sh "$SECRET"
"$NONO" allow --session "$(wait_request secret.txt)" >/dev/null
join_background
equal "the program sees no difference" "$output" "$plain_output"
equal "the figures are the same" "$(counts)" "$plain"
equal "a file inside" "$(by_floor read work/inside.txt)" 1
equal "a directory that is made, renamed, removed" "$(by_floor mkdir work/made) $(by_floor rename work/made) $(by_floor delete work/moved)" "1 1 1"
at_most "programs, each" "$(log_rows "1 if len([r for r in of(kind='decision', by='floor', op='exec') if r['resolved'].endswith('/cat')]) == 4 else 99")" 1
equal "what a grant answered" "$(log_rows "[r['resolved'].endswith('secret.txt') for r in of(kind='decision', by='rule')]")" "[True]"
equal "not what failed" "$(log_rows "any((r.get('resolved') or '').endswith('missing') for r in rows)")" False
equal "who did it" "$(log_rows "[r['exe'].rpartition('/')[2] for r in of(kind='request') if r['resolved'].endswith('inside.txt')]")" "['cat']"
equal "every request has its decision" "$(log_rows "len(of(kind='request')) == len({r['request'] for r in of(kind='decision')})")" True
equal "the record verifies" "$("$NONO" verify >/dev/null && echo yes)" yes

scenario "a narrower policy is judged by what was allowed" && export XDG_STATE_HOME=$T/home/state2
cat >"$T/tmp/narrow.json" <<END
{ "extends": "default", "filesystem": { "deny": ["$PWD/inside.txt"] } }
END
equal "what would break" "$("$NONO" replay --policy "$T/tmp/narrow.json" --jsonl | rows "[(r['change'], r['resolved'].rpartition('/')[2], r['by']) for r in rows if r['by'] == 'floor']")" \
    "[('allow>deny', 'inside.txt', 'floor')]"
lacks "nothing is unknown, though more was counted" "$("$NONO" replay --policy "$T/tmp/narrow.json")" "only counted"
lacks "a profile of the session takes only what a person allowed" "$("$NONO" profile from-session)" "inside.txt"
contains "and that" "$("$NONO" profile from-session)" "secret.txt"

scenario "what connected without being asked about"
port=$(free_port)
cat >connect.py <<'END'
import socket, sys
for port in map(int, sys.argv[1:]):
    print(socket.socket().connect_ex(("127.0.0.1", port)))
END
run --on-ask deny --allow-connect "127.0.0.1:$port" -- $PYTHON connect.py "$port"
echo '{"extends": "default", "network": {"block": true}}' >"$T/tmp/block.json"
equal "would break without a network" "$("$NONO" replay --policy "$T/tmp/block.json" --jsonl | rows "[(r['change'], r['target'].rpartition(':')[2], 'seq' in r) for r in rows]")" \
    "[('allow>deny', '$port', True)]"
"$NONO" replay --policy "$T/tmp/block.json" --exit-code >"$T/tmp/block"
equal "that is a difference" $? 5
contains "the rest is not known" "$(cat "$T/tmp/block")" "only counted"
echo '{"extends": "default", "network": {"allow_connect": ["127.0.0.1:'"$port"'"]}}' >"$T/tmp/same.json"
"$NONO" replay --policy "$T/tmp/same.json" --exit-code >/dev/null
equal "and none where it is allowed" $? 0

scenario "a program that a grant answers"
cp /bin/true "$OUT/true"
run_background --log-allowed --ui attach -- sh -c "$OUT/true; $OUT/true"
"$NONO" allow --session "$(wait_request /true)" >/dev/null
join_background
equal "is allowed by that" "$(log_rows "[r['by'] for r in of(kind='decision', op='exec') if r['resolved'] == '$OUT/true']")" \
    "['user', 'rule']"
finish
