# SPDX-License-Identifier: Apache-2.0
# Shared by the end-to-end scripts; run.sh sets NONO, NONO_E2E_DIR and a clean environment.
# Every assertion is one TAP line. A script ends with "finish".
set -u
T=$NONO_E2E_DIR
BIN=$T/bin
OUT=$T/outside
SECRET=$OUT/secret.txt
printf 'the content\n' >"$SECRET"
export HISTFILE=/dev/null HISTSIZE=0 GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org
export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
PYTHON=/usr/bin/python3
# What a busy machine may take for anything at all; every wait ends as soon as it can.
PATIENCE=${PATIENCE:-30}
tests=0 failures=0 scenario=0

pass() {
    tests=$((tests + 1))
    echo "ok $tests - $1"
}

fail() {
    tests=$((tests + 1)) failures=$((failures + 1))
    echo "not ok $tests - $1"
    shift
    [ $# = 0 ] || printf '%s\n' "$@" | head -n 60 | sed 's/^/# /'
}

equal() { # NAME GOT WANT
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:  $2" "want: $3"; fi
}

contains() { # NAME TEXT PART
    case $2 in *"$3"*) pass "$1" ;; *) fail "$1" "no '$3' in:" "$2" ;; esac
}

lacks() { # NAME TEXT PART
    case $2 in *"$3"*) fail "$1" "'$3' in:" "$2" ;; *) pass "$1" ;; esac
}

at_most() { # NAME GOT LIMIT
    if [ "$2" -le "$3" ] 2>/dev/null; then pass "$1 ($2)"; else fail "$1" "got $2, limit $3"; fi
}

fits() { # NAME TEXT COLUMNS
    if [ -n "$2" ]; then at_most "$1" "$(wc -L <<<"$2")" "$3"; else fail "$1" "there is nothing"; fi
}

# Succeeds as soon as the command does.
poll() { # COMMAND...
    local end=$((SECONDS + PATIENCE))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.03
    done
}

finish() {
    echo "1..$tests"
    [ "$tests" -gt 0 ] && [ "$failures" = 0 ]
    exit
}

# Skips what follows; what failed before stays a failure.
need() { # PROGRAM
    command -v "$1" >/dev/null && return
    echo "needs $1"
    [ "$failures" = 0 ] && exit 77
    exit 1
}

# Whether a part of a script can run here. With NONO_MUST_RUN it must.
can() { # COMMAND...: what succeeds then
    "$@" >/dev/null 2>&1 && return
    [ -z "${NONO_MUST_RUN:-}" ] || fail "it succeeds: $*"
    return 1
}

# A record of its own for what follows.
scenario() {
    scenario=$((scenario + 1))
    export XDG_STATE_HOME=$T/home/state$scenario
    echo "# $*"
}

# nono run with the test programs readable; sets $status, $output (both streams).
run() {
    output=$("$NONO" run -r "$BIN" "$@" 2>&1)
    status=$?
}

# The same in the background; the output is appended (cat copies into a plain file by
# copy_file_range(2), where concurrent ones lose lines) to $T/tmp/out, its status to $T/tmp/status.
run_background() {
    rm -f "$T/tmp/out" "$T/tmp/status"
    # A shell starts what it puts in the background with SIGINT ignored.
    { env --default-signal=INT,QUIT "$NONO" run -r "$BIN" "$@" >>"$T/tmp/out" 2>&1 </dev/null; echo $? >"$T/tmp/status"; } 2>/dev/null &
    background=$!
}

# Waits for it; sets $status and $output.
join_background() {
    if ! poll test -s "$T/tmp/status"; then
        fail "the program ends" "$(cat "$T/tmp/out")"
        "$NONO" pending 2>&1 | sed 's/^/# /'
        kill -KILL -- "$background" 2>/dev/null
        status=none
    else
        status=$(cat "$T/tmp/status")
    fi
    output=$(cat "$T/tmp/out")
}

# Python over JSON lines on standard input: rows is a list of dictionaries.
rows() { # EXPRESSION
    $PYTHON -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin if line.strip()]
def of(**want):
    return [r for r in rows if all(r.get(k) == v for k, v in want.items())]
print(eval(sys.argv[1]))' "$1"
}

log_rows() { # EXPRESSION
    "$NONO" log --jsonl | rows "$1"
}

pending_rows() { # EXPRESSION
    "$NONO" pending --jsonl | rows "$1"
}

pending_at_least() { # N
    [ "$(pending_rows 'len(rows)')" -ge "$1" ]
}

# The number of the first request whose resolved path ends in PATH, once there is one.
wait_request() { # PATH-END [ID-BEFORE]: newer than that one
    poll request_waits "$1" "${2:-0}" || { fail "a request for $1 appears" "$("$NONO" pending --jsonl 2>&1)" \
        "$(cat "$T/tmp/out" 2>/dev/null)"; return 1; }
    pending_rows "[r['request'] for r in rows if r['resolved'].endswith('$1') and r['request'] > ${2:-0}][0]"
}

request_waits() {
    [ "$(pending_rows "any(r['resolved'].endswith('$1') and r['request'] > ${2:-0} for r in rows)")" = True ]
}

# A port of loopback that nobody has now; the two identities run at the same time.
free_port() {
    $PYTHON -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

no_session_runs() {
    [ -z "$("$NONO" ps --jsonl 2>/dev/null)" ]
}

# A terminal: one tmux server per scenario, so that it carries the scenario's environment.
screen_start() { # COMMAND...
    need tmux
    # A server that was told to end may still listen: each has a socket of its own.
    screens=$((${screens:-0} + 1))
    TMUX_SOCKET=$T/tmp/tmux$screens
    rm -f "$T/tmp/status"
    tmux -S "$TMUX_SOCKET" -f /dev/null new-session -d -s main -x 120 -y 40 \
        "$* ; echo \$? >$T/tmp/status; echo ENDED; read -r x"
}

screen_window() { # NAME COMMAND...
    local name=$1
    shift
    tmux -S "$TMUX_SOCKET" new-window -d -t main: -n "$name" "$* ; echo LEFT; read -r x"
}

screen_text() { # [WINDOW]
    tmux -S "$TMUX_SOCKET" capture-pane -p -t "${1:-main:0}"
}

screen_keys() { # WINDOW KEYS...
    local window=$1
    shift
    tmux -S "$TMUX_SOCKET" send-keys -t "$window" "$@"
}

screen_has() { # WINDOW PART
    screen_text "$1" | grep -qF -- "$2"
}

wait_screen() { # NAME WINDOW PART
    if poll screen_has "$2" "$3"; then
        pass "$1"
    else
        fail "$1" "no '$3' on:" "$(screen_text "$2")"
        return 1
    fi
}

screen_stop() {
    tmux -S "$TMUX_SOCKET" kill-server 2>/dev/null
    poll no_session_runs || fail "no session is left behind" "$("$NONO" ps)"
}
