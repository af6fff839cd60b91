#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exit statuses and errors of everything that reads the record, as the manual pages say them.
. "$(dirname "$0")/lib.sh"

scenario "a record, and files that are none"
run --name shop --on-ask deny -- sh -c "cat $SECRET; true"
cd "$T/tmp" || exit 1
state=$XDG_STATE_HOME/nono
"$NONO" export shop -o good.db >/dev/null
echo "a diary" >foreign.db
head -c 100 good.db >cut.db
mkdir dir.db
ln -s nowhere link.db
: >empty.db
cp "$state/audit.db" half.db
printf '{"extends": "default", "filesystem": {"read_file": ["%s"]}}' "$SECRET" >policy.json

# STATUS ARGUMENTS...: the status; one line that begins with the command, and one that points to
# --help where how it was called was wrong; nothing on standard output that could be taken for an
# answer.
try() {
    local want=$1 said out
    shift
    out=$("$NONO" "$@" 2>err </dev/null)
    equal "$*" "$?" "$want"
    said=$(cat err)
    [ "$want" != 0 ] || return 0
    [ "$want" = 5 ] && return 0
    case $want$said in
    2*Try*) contains "$*: the pointer names the command" "$said" "Try 'nono $1" ;;
    *) lacks "$*: no pointer" "$said" "Try '" ;;
    esac
    [ "$want" = 4 ] || { case $* in *anchor*) ;; *) equal "$*: no answer" "$out" "" ;; esac; contains "$*: it is said" "$said" "nono $1"; }
}

readers=("log" "log --json" "log --stats" "log --tree" "show 1" "replay --plain" "report -o -" "export --format jsonl"
    "export -o x.db" "verify" "profile from-session")
for command in "${readers[@]}"; do
    # shellcheck disable=SC2086
    for file in foreign.db cut.db dir.db link.db missing.db half.db; do
        try 3 $command --db $file
    done
done
for file in foreign.db cut.db dir.db link.db half.db missing.db; do
    try 3 ps --all --db $file
    try 3 grants --db $file
    try 3 import $file --db into.db
    case $file in missing.db | half.db) ;; *) try 3 prune --keep-days 1 --db $file ;; esac
    case $file in missing.db | half.db) ;; *) try 3 import good.db --db $file ;; esac
done

scenario "what is not there"
export XDG_STATE_HOME=$T/home/state1
for command in "log nobody" "show nobody:1" "replay --plain nobody" "report nobody -o -" "export nobody" "verify nobody" \
    "profile from-session nobody"; do
    # shellcheck disable=SC2086
    try 2 $command
done
try 1 show 99
try 1 report -o "$T/missing/x"
try 1 export -o "$T/missing/x"
try 1 export --format jsonl -o "$T/missing/x"
try 1 export --format csv -o good.db
try 1 export -o good.db
try 1 export --format cast -o x.cast
"$NONO" verify --anchor "$T/missing/x" >out 2>err
equal "verify --anchor to where nothing can be written" $? 1
contains "it is said" "$(cat err)" "$T/missing/x"
[ -e /dev/log ] || try 1 verify --anchor syslog

scenario "heads go to syslog"
export XDG_STATE_HOME=$T/home/state1
# A /dev of its own with a log of its own.
unshare=(unshare -m)
[ "$(id -u)" = 0 ] || unshare=(unshare -U --map-current-user --keep-caps -m)
mkdir dev
: >dev/null
in_dev() { "${unshare[@]}" bash -c 'mount --bind /dev/null "$0/null" && mount --rbind "$0" /dev && exec "$@"' "$T/tmp/dev" "$@"; }
cat >listen.py <<'END'
import socket, subprocess, sys
kind, path = getattr(socket, sys.argv[1]), sys.argv[2]
s = socket.socket(socket.AF_UNIX, kind)
s.bind(path)
if kind == socket.SOCK_STREAM: s.listen()
s.settimeout(30)
status = subprocess.call(sys.argv[3:])
if kind == socket.SOCK_DGRAM:
    s.setblocking(False)
    try:
        while True: print(s.recv(4096).decode())
    except BlockingIOError: pass
else:
    # The first one only asked whether anybody listens.
    for _ in range(2):
        c = s.accept()[0]
        while data := c.recv(4096): print(data.decode().replace("\0", "\n"))
sys.exit(status)
END
if can in_dev true; then
    "$NONO" verify --anchor stdout | grep ^nono-anchor >heads
    for kind in SOCK_DGRAM SOCK_STREAM; do
        rm -f dev/log
        in_dev $PYTHON listen.py $kind dev/log "$NONO" verify --anchor syslog >syslog
        equal "verify --anchor syslog ($kind)" $? 0
        equal "the heads are there" "$(grep -o 'nono-anchor.*' syslog)" "$(cat heads)"
        contains "by whom" "$(cat syslog)" "nono["
        try 0 verify --against syslog
    done
    in_dev "$NONO" verify --anchor syslog >out 2>err
    equal "nobody listens" "$?" 1
    contains "it is said" "$(cat err)" "can't write the heads to syslog: /dev/log: Connection refused"
fi

scenario "what else is not there"
export XDG_STATE_HOME=$T/home/state1
try 2 verify --against missing
try 2 verify --against foreign.db
try 0 log --since '@4000000000'
"$NONO" log --since '@4000000000' --exit-code
equal "log --exit-code, and nothing" $? 1
try 0 prune --keep-days 1
try 0 prune --keep-days 1 --db missing.db
equal "prune makes no record" "$([ -e missing.db ] || echo none)" none
try 0 replay --policy policy.json
try 5 replay --policy policy.json --exit-code

scenario "wrong arguments"
for command in "log --nonsense" "show" "show x" "replay --speed x" "report" "export --format x" "export -o -" "import" \
    "verify --key x" "prune" "grants a b" "ps x" "profile from-session a b"; do
    # shellcheck disable=SC2086
    try 2 $command
done

scenario "a record that was changed"
cp good.db bad.db
$PYTHON -c '
import sqlite3
c = sqlite3.connect("bad.db")
c.executescript("DROP TRIGGER event_no_update; UPDATE event SET real_ns = real_ns + 1 WHERE seq = 2")' || fail "changed"
try 4 verify --db bad.db
try 4 import bad.db --db into.db

scenario "no home"
for command in "${readers[@]}" "import good.db" "prune --keep-days 1"; do
    # shellcheck disable=SC2086
    "$NONO" $command --help >/dev/null || fail "$command --help"
done
finish
