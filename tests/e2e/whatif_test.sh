#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nono replay --policy says of recorded calls what a live run under that policy does: every kind of
# call on files, sockets and programs, under several policies.
. "$(dirname "$0")/lib.sh"

cat >"$BIN/calls.py" <<'END'
import os, socket, sys
def attempt(call):
    try:
        call()
        print("done")
    except OSError as e:
        print(e.errno)
def on_socket(family, kind, name, address):
    s = socket.socket(family, kind)
    s.settimeout(1)
    try:
        getattr(s, name)(address)
    finally:
        s.close()
for d in "abc":
    p = os.path.join(sys.argv[1], d) + "/"
    stream = (socket.AF_UNIX, socket.SOCK_STREAM)
    for call in (
        lambda: open(p + "read").close(),
        lambda: open(p + "write", "a").close(),
        lambda: open(p + "both", "r+").close(),
        lambda: os.close(os.open(p + "create", os.O_CREAT | os.O_WRONLY)),
        lambda: os.mkdir(p + "mkdir"),
        lambda: os.rename(p + "rename", p + "renamed"),
        lambda: os.link(p + "link", p + "linked"),
        lambda: os.symlink("x", p + "symlink"),
        lambda: os.unlink(p + "delete"),
        lambda: os.chmod(p + "chmod", 0o600),
        lambda: os.truncate(p + "truncate", 0),
        lambda: os.listdir(p),
        lambda: os.spawnv(os.P_WAIT, p + "program", ["program"]),
        lambda: on_socket(*stream, "connect", p + "socket"),
        lambda: on_socket(*stream, "bind", p + "bind"),
    ):
        attempt(call)
attempt(lambda: os.rename(sys.argv[1] + "/a/across", sys.argv[1] + "/b/across"))
attempt(lambda: os.rename(sys.argv[1] + "/b/away", sys.argv[1] + "/c/away"))
for port in (7101, 7102, 7103):
    inet = socket.AF_INET
    attempt(lambda: on_socket(inet, socket.SOCK_STREAM, "connect", ("127.0.0.1", port)))
    attempt(lambda: on_socket(inet, socket.SOCK_STREAM, "bind", ("127.0.0.1", port + 100)))
    attempt(lambda: on_socket(inet, socket.SOCK_DGRAM, "connect", ("127.0.0.1", port)))
END

prepare() {
    rm -rf "$OUT/v"
    for d in a b c; do
        mkdir -p "$OUT/v/$d"
        (cd "$OUT/v/$d" && touch read write both rename link delete chmod truncate across away &&
            cp "$(type -P true)" program &&
            $PYTHON -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")')
    done
    rm "$OUT/v/b/across" "$OUT/v/c/away"
}

scenario "as it is refused, and judged again"
prepare
run --on-ask deny -- "$PYTHON" "$BIN/calls.py" "$OUT/v"
before=$XDG_STATE_HOME/nono/audit.db
keys="sorted({(r['op'], r['resolved'], r.get('resolved2', '')) for r in rows if r.get('kind') == 'decision' and r['verdict'] == 'deny'})"
all=$("$NONO" log --jsonl | rows "$keys")
at_most "calls that were never asked about" $((53 - $(rows "len($all)" </dev/null))) 0

policy() { # NAME TEXT: what it would allow is what a live run under it does not refuse
    local file="$T/tmp/policy.json" predicted refused
    echo "$2" >"$file"
    # What is on the disk now plays no part.
    rm -rf "$OUT/v"
    predicted=$("$NONO" replay --db "$before" --policy "$file" --jsonl |
        rows "sorted({(r['op'], r['resolved'], r.get('resolved2', '')) for r in rows if r['change'] == 'deny>allow'})")
    prepare
    scenario "$1"
    run -p "$file" --on-ask deny -- "$PYTHON" "$BIN/calls.py" "$OUT/v"
    refused=$("$NONO" log --jsonl | rows "$keys")
    equal "$1" "$predicted" "$(rows "[x for x in $all if x not in $refused]" </dev/null)"
}
policy "directories, files and denials" '{"extends": "default", "filesystem": {"read": ["'"$OUT"'/v/a"], "allow": ["'"$OUT"'/v/b"],
    "read_file": ["'"$OUT"'/v/c/read"], "deny": ["'"$OUT"'/v/a/read", "'"$OUT"'/v/b/delete"]}}'
policy "single files" '{"extends": "default", "filesystem": {"read_file": ["'"$OUT"'/v/a/read", "'"$OUT"'/v/a/program"], "allow_file": ["'"$OUT"'/v/a/both"],
    "write_file": ["'"$OUT"'/v/a/write", "'"$OUT"'/v/a/delete", "'"$OUT"'/v/a/rename", "'"$OUT"'/v/b/link", "'"$OUT"'/v/b/away", "'"$OUT"'/v/c/create"]}}'
policy "sockets one by one" '{"extends": "default", "filesystem": {"unix_socket": ["'"$OUT"'/v/a/socket"], "unix_socket_dir": ["'"$OUT"'/v/b"],
    "unix_socket_dir_bind": ["'"$OUT"'/v/c"]}, "network": {"allow_connect": ["127.0.0.1:7101", "localhost:7102"], "listen_port": [7202]}}'
policy "ports and networks" '{"extends": "default", "filesystem": {"unix_socket_subtree": ["'"$OUT"'/v"], "write": ["'"$OUT"'/v/c"]},
    "network": {"connect_port": [7103], "allow_connect": ["127.0.0.0/8:7101"], "listen_port": [7201, 7203]}}'
policy "no network" '{"extends": "default", "filesystem": {"allow": ["'"$OUT"'/v"], "unix_socket_subtree": ["'"$OUT"'/v"]}, "network": {"block": true}}'
policy "all of it" '{"extends": "default", "filesystem": {"allow": ["'"$OUT"'/v"], "unix_socket_subtree_bind": ["'"$OUT"'/v"]},
    "network": {"allow_connect": ["*:*"], "listen_port": [7201, 7202, 7203]}}'

policy "programs are asked about" '{"extends": "default", "exec": "ask", "filesystem": {"allow": ["'"$OUT"'/v"]}}'

scenario "a profile of what was allowed allows it again"
prepare
run --on-ask allow -- "$PYTHON" "$BIN/calls.py" "$OUT/v"
allowed=$output
"$NONO" profile from-session --generalise >"$T/tmp/general.json"
"$NONO" profile from-session >"$T/tmp/exact.json"
prepare
run -p "$T/tmp/general.json" --on-ask deny -- "$PYTHON" "$BIN/calls.py" "$OUT/v"
equal "all of it, with --generalise" "$(grep -E '^(done|[0-9]+)$' <<<"$output")" "$(grep -E '^(done|[0-9]+)$' <<<"$allowed")"
equal "and no directory above" "$("$NONO" why --read "$OUT/other" -p "$T/tmp/general.json" --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["verdict"])')" ask
prepare
run -p "$T/tmp/exact.json" --on-ask deny -- "$PYTHON" "$BIN/calls.py" "$OUT/v"
# Of each directory: files, sockets and the program, but no attributes, new names or listing; then
# the ports.
equal "what a profile can say, without" "$(grep -cE '^(done|111)$' <<<"$output")" $((3 * 7 + 9))

scenario "to remove, to rename and to change attributes is not to write"
mkdir "$OUT/names"
for name in del mv mode both; do echo old >"$OUT/names/$name"; done
run_background --ui attach -- sh -c 'cd "$0" || exit; rm -f del; mv mv moved; chmod 600 mode; echo more >>both; rm -f both; echo new >new; cat refused' "$OUT/names"
for name in del mv mode both both new; do
    last=$(wait_request "names/$name" "${last:-0}")
    "$NONO" allow "$last" >/dev/null
done
join_background
"$NONO" profile from-session >"$T/tmp/names.json"
equal "what was written to is all that is allowed" "$(grep '^ *"/' "$T/tmp/names.json" | tr -d ' ')" "\"$OUT/names/both\""
for left in "del (to remove, rename or link); --generalise" "mv (to remove, rename or link); --generalise" \
    "moved (something new, to remove, rename or link); --generalise" "mode (to change attributes); --generalise" \
    "both (to remove, rename or link); --generalise" "new (something new); --generalise"; do
    contains "left out: $left" "$(cat "$T/tmp/names.json")" "// Left out: $OUT/names/$left
"
done
contains "the directory on demand" "$("$NONO" profile from-session --generalise)" "\"write\": [
            \"$OUT/names\""
echo old >"$OUT/names/refused"
run_background --name second --ui attach -- sh -c 'cat "$0/refused"' "$OUT/names"
"$NONO" deny "$(wait_request names/refused)" >/dev/null
join_background
contains "but not where something in it was denied" "$("$NONO" profile from-session --generalise @ '@{1}')" \
    "// Left out: $OUT/names/del (to remove, rename or link; something in its directory was denied)"

scenario "a directory whose name is no clean text is in no profile"
for csi in $'\xc2\x9b' $'\xe2\x80\xae'; do
    mkdir "$OUT/odd${csi}2J"
    run --name odd --on-ask allow -- touch "$OUT/odd${csi}2J/new"
    "$NONO" profile from-session odd --generalise >"$T/tmp/odd.json"
    lacks "its bytes" "$(cat "$T/tmp/odd.json")" "$csi"
    contains "it is left out" "$(cat "$T/tmp/odd.json")" "2J (was allowed; no clean text)"
done

scenario "a grant for a directory is not one for those below it"
mkdir -p "$OUT/wide/below" && echo one >"$OUT/wide/one" && echo two >"$OUT/wide/below/two"
run_background --ui attach -- sh -c 'cat "$0/one" "$0/below/two"' "$OUT/wide"
"$NONO" allow "$(wait_request wide/one)" --session --reach dir >/dev/null
"$NONO" allow "$(wait_request below/two)" --session --reach subtree >/dev/null
join_background
"$NONO" profile from-session >"$T/tmp/wide.json"
contains "one of a subtree is" "$(cat "$T/tmp/wide.json")" "\"read\": [
            \"$OUT/wide/below\"
        ]"
contains "the other is left out" "$(cat "$T/tmp/wide.json")" "// Left out: $OUT/wide (a directory without those below it); --generalise"
scenario "what a policy says of /proc/self"
run --on-ask deny -- bash -c 'echo 0x33 >/proc/self/coredump_filter; (echo 0x33 >/proc/$$/coredump_filter)'
echo '{"extends": "default", "filesystem": {"write_file": ["/proc/self/coredump_filter"]}}' >"$T/tmp/policy.json"
equal "is of each process, of its own" "$("$NONO" replay --policy "$T/tmp/policy.json" --jsonl | rows "[(r['op'], r['change']) for r in rows]")" \
    "[('write', 'deny>allow')]"
finish
