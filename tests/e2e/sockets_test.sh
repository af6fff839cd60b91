#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sockets as programs use them: allowed, asked and then allowed, refused; and what the record says.
. "$(dirname "$0")/lib.sh"
need curl
need git
need redis-check-rdb

# The events of the record; the view is for other programs as well.
network() { # PYTHON-EXPRESSION over rows
    $PYTHON - "$XDG_STATE_HOME/nono/audit.db" "$1" <<'END'
import sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
db.row_factory = sqlite3.Row
rows = [{k: v.decode() if k in ("target", "host", "exe") and v else v for k, v in dict(r).items()}
        for r in db.execute("SELECT * FROM network ORDER BY session, seq")]
print(eval(sys.argv[2]))
END
}

# A server that says what reached it; its port is in $port.
serve() { # PYTHON-CODE
    rm -f "$T/tmp/port"
    $PYTHON -c "
import sys
def ready(port):
    import os
    open('$T/tmp/port.new', 'w').write(str(port))
    os.rename('$T/tmp/port.new', '$T/tmp/port')
$1" >"$T/tmp/server" 2>&1 &
    server=$!
    poll test -s "$T/tmp/port" || fail "the server starts" "$(cat "$T/tmp/server")"
    port=$(cat "$T/tmp/port")
}

stop_server() {
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
}

HTTP='
import http.server
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
ready(s.server_address[1])
s.serve_forever()'

scenario "curl: refused, with the reason and the way out"
echo page >index.html
serve "$HTTP"
run --on-ask deny -- curl -sS "http://127.0.0.1:$port/index.html"
equal "curl's own status" "$status" 7
contains "the footer names the option" "$output" "allow with: --allow-connect localhost:$port"
equal "one event, a refusal" "$(network "[(r['mode'], r['decision'], r['reason']) for r in rows]")" \
    "[('connect', 'denied', 'network_denied')]"
equal "with the facts" \
    "$(network "[(r['target'], r['family'], r['port'], r['loopback'], r['category']) for r in rows]")" \
    "[('localhost:$port', 2, $port, 1, 'host_denied')]"

run --on-ask deny -- sh -c "for i in 1 2 3; do curl -sS http://127.0.0.1:$port/index.html; done; false"
contains "repeats are counted" "$output" "nono: refused 3 times:"
equal "under the request that was recorded" "$(network "[r['request'] for r in rows[-3:]]")" \
    "$(log_rows "[of(kind='request')[0]['request']] * 3")"

scenario "curl: refused, in the log"
run --on-ask deny -- curl -sS "http://127.0.0.1:$port/index.html"
shown=$("$NONO" log --color never --kind network)
contains "the log tells of it in a line" "$shown" " denied "
contains "with its address" "$shown" "connect   localhost:$port (127.0.0.1:$port)"
contains "and in full" "$("$NONO" log --color never --kind network -v)" "Address    127.0.0.1:$port
    Decision   denied
    Category   host_denied"

scenario "curl: allowed by what the footer said"
run --on-ask deny --allow-connect "localhost:$port" -- curl -sS "http://127.0.0.1:$port/index.html"
equal "the page" "$output" page
equal "one event, allowed" "$(network "[(r['mode'], r['decision'], r['reason']) for r in rows]")" \
    "[('connect', 'allow', 'none')]"
contains "the log tells of what had no request" "$("$NONO" log --color never --kind network)" \
    " allow       -                          connect   localhost:$port (127.0.0.1:$port)  curl/"
for grant in "127.0.0.1:$port" "127.0.0.0/8:*" "*:$port" "*:*"; do
    run --on-ask deny --allow-connect "$grant" -- curl -sS "http://127.0.0.1:$port/index.html"
    equal "by $grant" "$output" page
done
run --on-ask deny --allow-connect "127.0.0.2:$port" -- curl -sS "http://127.0.0.1:$port/index.html"
equal "not by another host" "$status" 7
run --net allow -- curl -sS "http://127.0.0.1:$port/index.html"
equal "by --net allow" "$output" page
run --net block --on-ask allow -- curl -sS "http://127.0.0.1:$port/index.html"
equal "not with --net block" "$status" 7
run --net block --allow-connect "127.0.0.1:$port" -- curl -sS "http://127.0.0.1:$port/index.html"
equal "but for what is allowed beside it" "$output" page
run --proxy-port "$port" -- curl -sS "http://127.0.0.1:$port/index.html"
equal "by --proxy-port" "$output" page
run --proxy-port 1 --on-ask allow --net allow -- curl -sS "http://127.0.0.1:$port/index.html"
equal "nothing but the proxy" "$status" 7
contains "which is said" "$output" "--proxy-port is given"

scenario "curl: asked, then allowed"
run_background --ui attach -- curl -sS "http://127.0.0.1:$port/index.html"
id=$(wait_request ":$port")
equal "what it is" \
    "$(pending_rows "[(r['op'], r['resolved'], r.get('host')) for r in rows]")" \
    "[('connect', 'localhost:$port', 'localhost')]"
contains "where the name leads is said" "$("$NONO" pending)" "  localhost:$port (127.0.0.1)  "
contains "and with the decision" "$("$NONO" allow "$id")" "allowed once: connect localhost:$port (127.0.0.1)"
join_background
equal "the page" "$output" page
equal "the event knows its request" "$(network "[(r['decision'], r['request']) for r in rows]")" \
    "[('granted', $id)]"

scenario "a decision for the session answers for the host and port"
run_background --ui attach -- sh -c "for i in 1 2 3; do curl -sS http://127.0.0.1:$port/index.html; done"
id=$(wait_request ":$port")
"$NONO" allow "$id" --session >/dev/null || fail "nono allow succeeds"
join_background
equal "three pages for one decision" "$output" "page
page
page"
equal "an event each" "$(network "[r['decision'] for r in rows]")" "['granted', 'granted', 'granted']"

run_background --ui attach -- sh -c "for i in 1 2 3; do curl -sS http://127.0.0.1:$port/index.html; done; true"
"$NONO" deny "$(wait_request ":$port")" --session >/dev/null || fail "nono deny succeeds"
join_background
equal "a refusal is the user's each time" "$(network "{(r['decision'], r['reason'], r['category']) for r in rows[-3:]}")" \
    "{('denied', 'user_denied', 'host_denied')}"

scenario "a decision for this program alone"
cp "$(command -v curl)" "$BIN/curl2"
run_background --ui attach -- sh -c "curl -sS http://127.0.0.1:$port/index.html; $BIN/curl2 -sS http://127.0.0.1:$port/index.html
    curl -sS http://127.0.0.1:$port/index.html; $BIN/curl2 -sS http://127.0.0.1:$port/index.html"
id=$(wait_request ":$port")
"$NONO" allow "$id" --program >/dev/null 2>"$T/tmp/err" && fail "not for one call" || contains "not for one call" "$(cat "$T/tmp/err")" "--program is for what holds longer than once"
contains "nono allow says so" "$("$NONO" allow "$id" --session --reach host --program)" "allowed for the session, host, by $(readlink -f "$(command -v curl)"):"
second=$(wait_request ":$port" "$id")
equal "the other one asks" "$(pending_rows "rows[0]['exe']")" "$BIN/curl2"
contains "the grant says whose it is" "$("$NONO" grants 2>&1)" "any port of localhost (127.0.0.1) by $(readlink -f "$(command -v curl)")"
"$NONO" deny "$second" --session --program >/dev/null || fail "nono deny succeeds"
join_background
equal "two pages, by the one" "$(echo "$output" | grep -c page)" 2
equal "who was asked about" "$(log_rows "[r['exe'].split('/')[-1] for r in of(kind='decision', by='user')]")" "['curl', 'curl2']"
contains "the record says it" "$("$NONO" log -v --color never --kind decision)" "allow, session, host, this program alone"
equal "to programs as well" "$(log_rows "[r.get('only_exe', '')[-5:] for r in of(kind='decision', by='user')]")" "['/curl', 'curl2']"
rm "$BIN/curl2"

scenario "asyncio and connects that do not block"
cat >async.py <<END
import asyncio, socket, errno, select
async def main():
    async def one():
        r, w = await asyncio.open_connection("127.0.0.1", $port)
        w.write(b"GET /index.html HTTP/1.0\r\n\r\n")
        data = await r.read()
        w.close()
        return data.endswith(b"page\n")
    print(sum(await asyncio.gather(*[one() for i in range(20)])))
asyncio.run(main())
s = socket.socket()
s.setblocking(False)
print(errno.errorcode[s.connect_ex(("127.0.0.1", $port))])
select.select([], [s], [])
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
END
run --on-ask deny --allow-connect "*:$port" -- $PYTHON async.py
equal "as native" "$output" "$($PYTHON async.py)"
stop_server

scenario "a server inside"
lport=$(free_port)
cat >listen.py <<END
import socket, threading
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", $lport))
s.listen()
print("listening")
END
run --on-ask deny -- $PYTHON listen.py
contains "refused" "$output" "Permission denied"
contains "and how to allow it" "$output" "--allow-bind $lport"
run --on-ask deny --allow-bind $((lport - 3))-$((lport + 3)) -- $PYTHON listen.py
equal "allowed by a range" "$output" listening
run --on-ask deny -- $PYTHON -c '
import socket
s = socket.socket()
s.listen()'
contains "a socket that is not bound is not listened at" "$output" "Permission denied"
run --on-ask deny -- $PYTHON -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print("ok")'
equal "a port of the kernel's choice on loopback" "$output" ok

# A port of the kernel's choice that others may reach: bound, or by listening at once.
cat >any.py <<'END'
import socket
for bound in (True, False):
    try:
        s = socket.socket()
        if bound:
            s.bind(("0.0.0.0", 0))
        s.listen()
        print("listening")
    except OSError as e:
        print(e.strerror)
END
for options in "--on-ask deny" "--net block" "--proxy-port 1"; do
    # shellcheck disable=SC2086
    run $options --allow-bind 0 -- $PYTHON any.py
    equal "port 0 with $options" "$output" "listening
listening"
    # shellcheck disable=SC2086
    run $options -- $PYTHON any.py
    equal "and not without" "$output" "Permission denied
Permission denied"
done
# As dig +tcp does: bound to nothing in particular, and never listened on.
taken=$(free_port)
$PYTHON -c "
import socket
s = socket.create_server(('127.0.0.1', $taken))
open('$T/tmp/taken', 'w').close()
while True:
    s.accept()[0].close()" &
taker=$!
poll test -e "$T/tmp/taken"
run --on-ask deny --allow-connect 127.0.0.1:$taken -- $PYTHON -c "
import socket
s = socket.socket()
s.bind(('0.0.0.0', 0))
s.connect(('127.0.0.1', $taken))
print('connected')
s = socket.socket()
s.bind(('0.0.0.0', 0))
try:
    s.listen()
    print('LISTENS')
except OSError as e:
    print(e.strerror)"
equal "a port of the kernel's choice to connect from" "$(grep -v '^nono:\|^  ' <<<"$output")" "connected
Permission denied"
kill $taker

scenario "git over its own protocol"
need git
git init -q --bare "$OUT/repo.git"
git init -q source && (cd source && git commit -q --allow-empty -m first && git push -q "$OUT/repo.git" HEAD:main)
gitd=$(free_port)
git daemon --listen=127.0.0.1 --port=$gitd --base-path="$OUT" --export-all --reuseaddr \
    --enable=receive-pack >/dev/null 2>&1 &
daemon=$!
poll git ls-remote git://127.0.0.1:$gitd/repo.git || fail "git daemon starts"
run --on-ask deny --allow-connect 127.0.0.1:$gitd -- git clone -q -b main git://127.0.0.1:$gitd/repo.git copy
equal "clone" "$status $(git -C copy log --format=%s 2>&1)" "0 first"
run --on-ask deny -- git ls-remote git://127.0.0.1:$gitd/repo.git
equal "refused" "$status" 128
kill $daemon

scenario "redis over TCP and over a UNIX socket"
rport=$(free_port)
# The server is the same program; its package would start a service.
(exec -a redis-server redis-check-rdb --port $rport --bind 127.0.0.1 --unixsocket "$OUT/redis.sock" --save "" --dir "$T/tmp" \
    >"$T/tmp/redis" 2>&1) &
redis=$!
poll redis-cli -p $rport ping || fail "redis starts" "$(cat "$T/tmp/redis")"
run --on-ask deny --allow-connect 127.0.0.1:$rport -- redis-cli -p $rport set key value
equal "TCP allowed" "$output" OK
run --on-ask deny -- redis-cli -p $rport get key
contains "TCP refused" "$output" "Permission denied"
run --on-ask deny --allow-unix-socket "$OUT/redis.sock" -- redis-cli -s "$OUT/redis.sock" get key
equal "UNIX allowed" "$output" value
equal "its event" "$(network "[(r['target'], r['family'], r['decision']) for r in rows][-1]")" \
    "('unix:$OUT/redis.sock', 1, 'allow')"
run --on-ask deny --allow-unix-socket-dir "$OUT" -- redis-cli -s "$OUT/redis.sock" get key
equal "by its directory" "$output" value
run --on-ask deny --allow-unix-socket-subtree "$T" -- redis-cli -s "$OUT/redis.sock" get key
equal "by a directory above" "$output" value
run --on-ask deny --allow-unix-socket-dir "$T" -- redis-cli -s "$OUT/redis.sock" get key
contains "not by one above that is not its own" "$output" "Permission denied"
run --on-ask deny -- redis-cli -s "$OUT/redis.sock" get key
contains "UNIX refused" "$output" "Permission denied"
ln -s "$OUT/redis.sock" link.sock
run --on-ask deny -- sh -c "redis-cli -s link.sock get key; false"
contains "a link to it is it" "$output" "allow with: --allow-unix-socket $OUT/redis.sock"
run --unix-sockets allow -- redis-cli -s "$OUT/redis.sock" get key
equal "by --unix-sockets allow" "$output" value
run --unix-sockets block --on-ask allow -- redis-cli -s "$OUT/redis.sock" get key
contains "not with --unix-sockets block" "$output" "Permission denied"
run_background --ui attach -- redis-cli -s "$OUT/redis.sock" get key
id=$(wait_request redis.sock)
"$NONO" allow "$id" >/dev/null
join_background
equal "asked, then allowed" "$output" value
shown() { "$NONO" log --kind network "$@" --jsonl | rows "[(r['target'], r['decision']) for r in rows]"; }
equal "the target is the same whoever allows it" "$(shown --path "$OUT/redis.sock" | tr -d '[]' | tr ')' '\n' | grep -v "'unix:$OUT/redis.sock'" | grep redis)" ""
contains "the one that was asked about as well" "$(shown --path "$OUT/redis.sock")" "('unix:$OUT/redis.sock', 'granted')"
run --on-ask deny -- $PYTHON -c "
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind('made.sock')
s.listen(1)
socket.socket(socket.AF_UNIX).connect('./made.sock')"
equal "a relative name is recorded as its path" "$(shown --path "$PWD/made.sock")" \
    "[('unix:$PWD/made.sock', 'allow'), ('unix:$PWD/made.sock', 'allow')]"
kill $redis

scenario "a profile"
serve "$HTTP"
cat >"$T/home/shop.json" <<END
{ "extends": "default",
  "network": { "block": true, "allow_connect": ["localhost:$port"], "listen_port": [$lport] },
  "filesystem": { "unix_socket_dir": ["$OUT", "/nowhere"] } }
END
run -p "$T/home/shop.json" --on-ask deny -- curl -sS "http://127.0.0.1:$port/index.html"
equal "allow_connect beside block" "$output" page
run -p "$T/home/shop.json" --on-ask allow -- curl -sS "http://127.0.0.2:$port/index.html"
equal "nothing else" "$status" 7
run -p "$T/home/shop.json" --on-ask deny -- $PYTHON listen.py
equal "listen_port" "$output" listening
stop_server

scenario "datagrams"
serve '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
ready(s.getsockname()[1])
while True:
    data, peer = s.recvfrom(2000)
    s.sendto(data.upper(), peer)'
cat >udp.py <<END
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(b"first", ("127.0.0.1", $port)); print(s.recv(100))
s.sendmsg([b"sec", b"ond"], [], 0, ("127.0.0.1", $port)); print(s.recv(100))
s.connect(("127.0.0.1", $port))
s.send(b"third"); print(s.recv(100))
s.sendmsg([b"four", b"th"]); print(s.recv(100))
END
run --on-ask deny --allow-connect "127.0.0.1:$port" -- $PYTHON udp.py
equal "by every call" "$output" "b'FIRST'
b'SECOND'
b'THIRD'
b'FOURTH'"
run --on-ask deny -- $PYTHON udp.py
contains "refused" "$output" "PermissionError"
stop_server

scenario "nono why"
why() { # WANT ARGUMENTS
    local want=$1
    shift
    equal "$*" "$("$NONO" why --json "$@" | rows "(rows[0]['verdict'], rows[0]['source'], rows[0]['allow_with'])")" "$want"
}
why "('ask', '', '--allow-connect example.org:443')" --connect example.org:443
why "('allow', '--allow-connect', '')" --connect --allow-connect example.org:443 example.org:443
why "('deny', '', '--allow-connect 10.0.0.1:80')" --connect --net block 10.0.0.1:80
why "('allow', '--allow-bind', '')" --bind --allow-bind 8000-8099 8080
why "('ask', '', '--allow-unix-socket-bind $OUT/x')" --bind "$OUT/x"
why "('deny', '', '')" --connect /tmp/tmux-1000/default
why "('deny', '', '')" --connect @name
why "('ask', '', '--allow-unix-socket $OUT/x')" --connect "unix:$OUT/x"
equal "nothing is nearest" "$("$NONO" why --connect example.org:443)" "asks: connect example.org:443
  no rule covers it
  allow without asking: --allow-connect example.org:443"
"$NONO" why --connect nohost >/dev/null 2>&1
equal "a target that does not parse" $? 2

scenario "what gives a keyboard or a screen (I4)"
cat >display.py <<END
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])))
except OSError as e:
    print(e)
sys.exit(3)
END
DISPLAY=:77 run --net allow --on-ask allow --allow-connect '*:6077' -- $PYTHON display.py 6077
contains "the display of the session is refused" "$output" "Permission denied"
contains "whatever is allowed" "$output" "protected: nothing can allow it"
DISPLAY=:77 run --net allow --on-ask deny --allow-connect '*:*' -- $PYTHON display.py 6061
contains "another one is not the network's" "$output" "Permission denied"
contains "and has to be named" "$output" "allow with: --allow-connect localhost:6061"
run --on-ask deny --allow-connect localhost:6061 -- $PYTHON display.py 6061
contains "as here" "$output" "Connection refused"
named() { # WANT ARGUMENTS
    local want=$1
    shift
    equal "$*" "$(env "$1" "$NONO" why --json --connect "$2" | rows "(rows[0]['verdict'], rows[0]['risk'], rows[0]['tags'])")" "$want"
}
named "('ask', 'high', 'ssh-agent')" SSH_AUTH_SOCK="$OUT/a" "$OUT/a"
named "('ask', 'high', 'ssh-key,ssh-agent')" x= "$HOME/.ssh/agent/s.x"
named "('ask', 'none', '')" x= "$OUT/a"
named "('deny', 'none', '')" TMUX="$OUT/a,1,0" "$OUT/a"
named "('deny', 'high', 'display')" DISPLAY=:77 127.0.0.1:6077
named "('ask', 'high', 'display')" DISPLAY=:77 127.0.0.1:6061

cat >own.py <<END
import os, socket
for port in 6077, 6061, 9:
    for family, address in ((socket.AF_INET, "203.0.113.5"), (socket.AF_INET6, "::ffff:203.0.113.5"), (socket.AF_INET6, "2606:2::5")):
        e = socket.socket(family).connect_ex((address, port))
        print(port, os.strerror(e))
END
if unshare -rn true 2>/dev/null; then
    output=$(unshare -rn sh -c "ip link set lo up; ip addr add 203.0.113.5/32 dev lo; ip addr add 2606:2::5/128 dev lo nodad
        DISPLAY=:77 $NONO run --net allow --on-ask deny -- $PYTHON own.py" 2>/dev/null)
    equal "this machine has other addresses, too" "$(sort <<<"$output" | uniq -c | sed 's/^ *//')" "3 6061 Permission denied
3 6077 Permission denied
3 9 Connection refused"
fi

scenario "messages that a stream takes in part"
for how in nonblock timeout; do
    want=$("$BIN/sendparts" $how)
    contains "$how: bare" "$want" "told what came"
    run -r "$BIN" --on-ask deny -- "$BIN/sendparts" $how
    equal "$how: as bare" "$output" "$want"
done

scenario "what calls come to is native"
identity=$USER
mkdir -p sock
# As root the bare run has powers over the routing tables that a sandbox never has.
route() { if [ "$identity" = root ]; then grep -v '^route'; else cat; fi; }
bare=$("$BIN/sockets" odd | route)
supervised=$("$NONO" run --net allow --unix-sockets allow -r "$BIN" -- "$BIN/sockets" odd 2>&1 | route)
[ "$bare" = "$supervised" ] && pass "odd arguments" ||
    fail "odd arguments" "$(diff <(echo "$bare") <(echo "$supervised"))"
bare=$("$BIN/sockets" unix "$T/work/sock")
rm -rf sock && mkdir sock
run --on-ask deny -- "$BIN/sockets" unix "$T/work/sock"
[ "$bare" = "$output" ] && pass "UNIX sockets" || fail "UNIX sockets" "$(diff <(echo "$bare") <(echo "$output"))"
bare=$("$BIN/sockets" stream)
run --on-ask deny --net allow -- "$BIN/sockets" stream
[ "$bare" = "$output" ] && pass "streams" || fail "streams" "$(diff <(echo "$bare") <(echo "$output"))"
bare=$("$BIN/badsend")
run --net allow --unix-sockets allow -- "$BIN/badsend"
[ "$bare" = "$output" ] && pass "what cannot be read" || fail "what cannot be read" "$(diff <(echo "$bare") <(echo "$output"))"
at_most "errors that are told apart" "$((10 - $(echo "$bare" | sed 's/.*: //' | sort -u | wc -l)))" 4
run --on-ask deny -- "$BIN/sockets" families
equal "kinds of sockets that there are not" "$(echo "$output" | grep -c ': 0$')" 7

if [ "$(id -u)" != 0 ] && [ -x "$BIN/raw64" ]; then
    scenario "a program whose sockets nobody can look at"
    cp "$BIN/raw64" "$BIN/unseen"
    chmod 0111 "$BIN/unseen"
    run --on-ask allow --net allow -- sh -c "\"$BIN/unseen\"; exit \$?"
    equal "its connect is refused" "$status" 13
    contains "the person is told" "$output" "cannot be duplicated"
    equal "it is recorded" "$(log_rows "[(r['op'], r['resolved']) for r in of(kind='request')] + [(r['verdict'], r['reason']) for r in of(kind='decision')]")" "[('connect', '(unknown)'), ('deny', 'backend_error')]"
fi

finish
