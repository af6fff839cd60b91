#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sockets against a sandbox that means harm: races, ways round the address, sockets that would let
# it approve itself; and against one that is only busy.
. "$(dirname "$0")/lib.sh"
need tmux
need dig
# As often as it takes to find what is there to find; NONO_FLIPS=100000 for a long look.
FLIPS=${NONO_FLIPS:-5000}

# Two servers that count what comes, TCP and UDP; their ports are in $good and $bad.
count() { # NAME
    mkfifo "$T/tmp/$1.in"
    $PYTHON -c '
import socket, sys, threading
t = socket.create_server(("127.0.0.1", 0), backlog=4096)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(t.getsockname())
seen = {"tcp": 0, "udp": 0}
def tcp():
    while True:
        c, _ = t.accept()
        seen["tcp"] += 1
        c.close()
def udp():
    while True:
        u.recv(100)
        seen["udp"] += 1
for f in (tcp, udp):
    threading.Thread(target=f, daemon=True).start()
print(t.getsockname()[1], flush=True)
for line in sys.stdin:
    print(seen["tcp"], seen["udp"], flush=True)
' <"$T/tmp/$1.in" >"$T/tmp/$1.out" &
}
count good
count bad
exec 7>"$T/tmp/good.in" 8>"$T/tmp/bad.in"
poll test -s "$T/tmp/good.out" && poll test -s "$T/tmp/bad.out" || fail "the servers start"
good=$(head -n 1 "$T/tmp/good.out") bad=$(head -n 1 "$T/tmp/bad.out")

scenario "an address that changes under the call"
for call in connect sendto sendmsg; do
    run --on-ask deny --allow-connect "127.0.0.1:$good" -- "$BIN/sockets" flip $call "$good" "$bad" "$FLIPS"
    contains "$call: some got through to the allowed server" "$output" "sent "
    lacks "$call: and not none" "$output" "sent 0 "
    lacks "$call: some were refused" "$output" "refused 0"
done
echo >&7
echo >&8
poll test "$(wc -l <"$T/tmp/bad.out")" -ge 2
equal "the forbidden server saw nothing" "$(sed -n 2p "$T/tmp/bad.out")" "0 0"

scenario "ways round the address"
cat >round.py <<END
import socket, os, struct, ctypes, array
libc = ctypes.CDLL(None, use_errno=True)
bad = ("127.0.0.1", $bad)
def tried(what, f):
    try:
        f()
        print(what, "GOT THROUGH")
    except OSError as e:
        print(what, "refused" if e.errno in (1, 13, 22, 93, 95, 97) else e)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tried("sendto", lambda: udp.sendto(b"x", bad))
tried("sendmsg", lambda: udp.sendmsg([b"x"], [], 0, bad))
tried("connect", lambda: udp.connect(bad))
udp.connect(("127.0.0.1", $good))
tried("sendto on a connected one", lambda: udp.sendto(b"x", bad))
tried("sendmsg on a connected one", lambda: udp.sendmsg([b"x"], [], 0, bad))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
tried("mapped", lambda: six.sendto(b"x", ("::ffff:127.0.0.1", $bad)))
six = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
tried("mapped connect", lambda: six.connect(("::ffff:127.0.0.1", $bad)))
tcp = socket.socket()
tried("fast open", lambda: tcp.sendto(b"x", socket.MSG_FASTOPEN, bad))
tried("fast open by message", lambda: tcp.sendmsg([b"x"], [], socket.MSG_FASTOPEN, bad))
tried("no address at all", lambda: tcp.connect(("0.0.0.0", $bad)))
def unspec(call, flags):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name = ctypes.create_string_buffer(struct.pack("=H", 0) + struct.pack(">H", $bad) + socket.inet_aton("127.0.0.1") + bytes(8), 16)
    data = ctypes.create_string_buffer(b"x", 1)
    part = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(data), 1))
    batch = ctypes.create_string_buffer(struct.pack("QIIQQQQQQ", ctypes.addressof(name), 16, 0, ctypes.addressof(part), 1, 0, 0, 0, 0))
    sent = {"sendto": lambda: libc.sendto(u.fileno(), data, 1, flags, name, 16),
            "sendmsg": lambda: libc.sendmsg(u.fileno(), batch, flags),
            "sendmmsg": lambda: libc.sendmmsg(u.fileno(), batch, 1, flags)}[call]()
    if sent < 0:
        raise OSError(ctypes.get_errno(), "")
for call in "sendto", "sendmsg", "sendmmsg":
    for flags in 0, socket.MSG_FASTOPEN:
        tried("family 0, %s %#x" % (call, flags), lambda: unspec(call, flags))
tried("source route", lambda: tcp.setsockopt(socket.IPPROTO_IP, 4, bytes([131, 7, 4]) + socket.inet_aton("127.0.0.1") + b"\0"))
def label():
    route = bytes([0, 2, 2, 1, 0, 0, 0, 0]) + socket.inet_pton(socket.AF_INET6, "::1")
    control = struct.pack("QII", 16 + len(route), 41, 57) + route
    request = socket.inet_pton(socket.AF_INET6, "::1") + struct.pack("IBBHHHI", 0, 0, 1, 1, 0, 0, 0)
    for data in request, request + control:
        try:
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).setsockopt(41, 32, data)
        except PermissionError:
            continue
        return
    raise PermissionError(1, "")
tried("source route of a flow label", label)
tried("source route of a message", lambda: udp.sendmsg([b"x"], [(0, 7, bytes([131, 7, 4]) + socket.inet_aton("127.0.0.1") + b"\0")], 0, ("127.0.0.1", $good)))
tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 255))
tried("sctp", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132))
END
run --on-ask deny --allow-connect "127.0.0.1:$good" -- $PYTHON round.py
equal "none gets through" "$(echo "$output" | grep -v 'refused$')" ""
cat >batch.c.py <<END
import ctypes, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]
class msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(iovec)),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("pad", ctypes.c_int), ("sent", ctypes.c_uint), ("pad2", ctypes.c_int)]
assert ctypes.sizeof(msghdr) == 64
def address(port):
    return ctypes.create_string_buffer(struct.pack("=H", 2) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8), 16)
good, bad = address($good), address($bad)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def send(*names):
    batch = (msghdr * len(names))()
    iov = iovec(b"xyz", 3)
    for m, n in zip(batch, names):
        m.name, m.namelen, m.iov, m.iovlen = ctypes.addressof(n), 16, ctypes.pointer(iov), 1
    n = libc.sendmmsg(u.fileno(), batch, len(names), 0)
    return n if n >= 0 else ctypes.get_errno(), [m.sent for m in batch]
print(send(good, good, good))
print(send(good, good, bad, good))
print(send(bad, good))
for n in 1000, 20, 16:
    sent, lengths = send(*[good] * n, bad, *[good] * 4)
    print(sent, sum(lengths), lengths[n])
END
run --on-ask deny --allow-connect "127.0.0.1:$good" -- $PYTHON batch.c.py
equal "a batch is sent up to the first other address" "$output" "(3, [3, 3, 3])
(2, [3, 3, 0, 0])
(13, [0, 0])
1000 3000 0
20 60 0
16 48 0"
echo >&8
poll test "$(wc -l <"$T/tmp/bad.out")" -ge 3
equal "the forbidden server saw nothing" "$(sed -n 3p "$T/tmp/bad.out")" "0 0"

scenario "sockets that come by descriptor, and names that lead elsewhere"
cat >outside.py <<END
import socket, sys, os
s = socket.socket(socket.AF_UNIX)
s.bind("$OUT/outside.sock")
s.listen()
print("ready", flush=True)
seen = 0
s.settimeout(60)
while True:
    c, _ = s.accept()
    seen += 1
    open("$T/tmp/seen", "w").write(str(seen))
END
$PYTHON outside.py >"$T/tmp/outside.log" 2>&1 &
outside=$!
poll grep -q ready "$T/tmp/outside.log"
cat >names.py <<END
import socket, os
def tried(what, path):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
        print(what, "GOT THROUGH")
    except OSError as e:
        print(what, "refused" if e.errno == 13 else e)
os.symlink("$OUT/outside.sock", "l1")
tried("a link", "l1")
tried("by /proc", "/proc/self/root$OUT/outside.sock")
tried("by /proc, cwd", "/proc/self/cwd/l1")
fd = os.open("$OUT/outside.sock", os.O_PATH)
tried("by a descriptor", "/proc/self/fd/%d" % fd)
d = os.open("$OUT", os.O_PATH)
tried("by its directory", "/proc/self/fd/%d/outside.sock" % d)
tried("relative", "../outside/outside.sock")
END
run --on-ask deny -- $PYTHON names.py
equal "each is the socket that it is" "$(echo "$output" | grep -v 'refused$' | grep -v '^nono:\|^  ')" ""
[ -e "$T/tmp/seen" ] && fail "nobody came" || pass "nobody came"
# A descriptor of a socket that the sandbox made itself leads where it was allowed to.
run --on-ask deny -- $PYTHON -c '
import socket, array, os
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
s = socket.create_server(("127.0.0.1", 0))
socket.send_fds(a, [b"m"], [s.fileno()])
_, fds, _, _ = socket.recv_fds(b, 10, 4)
t = socket.socket(fileno=fds[0])
print(t.getsockname() == s.getsockname())'
equal "a listening socket is passed on" "$output" True
kill $outside

scenario "a socket that looks like the sandbox's own"
cat >outside2.py <<END
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\0nono-outside-$$" if sys.argv[1] == "abstract" else sys.argv[1])
s.listen()
print("ready", flush=True)
while True:
    c, _ = s.accept()
    print("somebody came", flush=True)
END
$PYTHON outside2.py abstract >"$T/tmp/abstract.log" 2>&1 &
outside=$!
poll grep -q ready "$T/tmp/abstract.log"
cat >abstract.py <<END
import socket
def tried(what, bound, connecting, name):
    s = socket.socket(socket.AF_UNIX, bound)
    s.bind(name)
    c = socket.socket(socket.AF_UNIX, connecting)
    try:
        c.connect(name)
        print(what, "reached")
    except OSError as e:
        print(what, "refused" if e.errno == 13 else e)
tried("another type", socket.SOCK_DGRAM, socket.SOCK_STREAM, "\0nono-outside-$$")
tried("a third one", socket.SOCK_SEQPACKET, socket.SOCK_STREAM, "\0nono-outside-$$")
tried("its own", socket.SOCK_DGRAM, socket.SOCK_DGRAM, "\0nono-outside-$$")
END
run --on-ask deny --unix-sockets ask -- $PYTHON abstract.py
equal "a name counts for the type that it was bound for" "$(echo "$output" | grep -v '^nono:\|^  ')" "another type refused
a third one refused
its own reached"
lacks "nobody came to the abstract socket" "$(cat "$T/tmp/abstract.log")" came
kill $outside
mkdir links
$PYTHON outside2.py "$PWD/victim.sock" >"$T/tmp/victim.log" 2>&1 &
outside=$!
poll grep -q ready "$T/tmp/victim.log"
run --on-ask deny --unix-sockets ask -- sh -c "cd links && $BIN/sockets linked '$PWD/victim.sock' 300"
equal "what is put in the place of a bound socket is not its own" "$(echo "$output" | grep -v '^nono:\|^  ')" "bound 1, reached 0"
kill $outside

scenario "a socket whose directory is swapped under the call"
mkdir -p stray/denied/deeper
run --on-ask deny --unix-sockets allow --deny "$PWD/stray/denied" -- "$BIN/sockets" stray "$PWD/stray" \
    "$PWD/stray/denied/deeper" 2000
contains "is bound where it may be" "$output" "bound 1"
equal "and leaves nothing elsewhere" "$(find stray -type s)" ""

scenario "listening on a port that nobody allowed"
cat >listen.py <<END
import socket
def tried(what, s):
    try:
        s.listen(1)
        print(what, "LISTENS")
    except OSError as e:
        print(what, "refused" if e.errno == 13 else e)
s = socket.socket()
try:
    s.connect(("127.0.0.1", 1))
except OSError as e:
    print(e.errno)
tried("after a refused connect", s)
s = socket.socket()
s.connect(("127.0.0.1", $good))
tried("connected", s)
s.connect_ex(("0.0.0.0", 0))
s.shutdown(2)
tried("shut down", s)
tried("a new one", socket.socket())
s = socket.socket(socket.AF_INET6)
tried("of six", s)
END
run --on-ask deny --allow-connect 127.0.0.1:1 --allow-connect "127.0.0.1:$good" -- $PYTHON listen.py
equal "each is asked about" "$(echo "$output" | grep -v '^nono:\|^  ')" "111
after a refused connect refused
connected refused
shut down refused
a new one refused
of six refused"
run --on-ask deny --allow-bind 20000-60000 -- $PYTHON -c '
import random, socket
while True:
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(20000, 60000)))
        break
    except OSError as e:
        assert e.errno == 98
s.listen(1)
s.listen(2)
print("listens")'
equal "one that was bound listens" "$output" listens

scenario "nothing that types into the terminal where requests are decided (I4)"
tmux -S "$OUT/tmux.sock" -f /dev/null new-session -d -s main -x 80 -y 24 "cat"
run --on-ask allow --unix-sockets allow -r "$OUT" -- tmux -S "$OUT/tmux.sock" send-keys -t main "typed by the agent" Enter
tmux -S "$OUT/tmux.sock" send-keys -t main "of the user" Enter
seen_there() { tmux -S "$OUT/tmux.sock" capture-pane -p -t main | grep -q "of the user"; }
poll seen_there && pass "its owner types" || fail "its owner types"
lacks "wherever its socket lies" "$(tmux -S "$OUT/tmux.sock" capture-pane -p -t main)" "typed"
run --on-ask allow --allow-unix-socket-subtree "$OUT" -r "$OUT" -- sh -c "ln $OUT/tmux.sock $T/work/l; tmux -S $T/work/l send-keys -t main typed Enter"
lacks "with a grant and another name" "$(tmux -S "$OUT/tmux.sock" capture-pane -p -t main)" "typed"
run --on-ask allow --unix-sockets allow -- sh -c "tmux -S $T/work/own.sock -f /dev/null new-session -d -s main 'cat' && tmux -S $T/work/own.sock kill-server && echo own"
equal "but the sandbox's own is its own" "$output" own
mkdir -p "/tmp/tmux-$(id -u)"
chmod 700 "/tmp/tmux-$(id -u)"
name=nono-test-$$
tmux -L $name -f /dev/null new-session -d -s main -x 80 -y 24 "cat"
run --on-ask allow --unix-sockets allow -- tmux -L $name send-keys -t main "typed by the agent" Enter
lacks "nothing was typed" "$(tmux -L $name capture-pane -p -t main)" "typed"
run --on-ask allow --unix-sockets allow -a /tmp -- sh -c "mv /tmp/tmux-$(id -u)/$name /tmp/tmux-$(id -u)/../moved-$$; tmux -S /tmp/moved-$$ send-keys -t main typed Enter; mv /tmp/moved-$$ /tmp/tmux-$(id -u)/$name"
lacks "nor by another name" "$(tmux -L $name capture-pane -p -t main)" "typed"
run --on-ask allow --unix-sockets allow -a /tmp -- sh -c "ln /tmp/tmux-$(id -u)/$name /tmp/linked-$$; tmux -S /tmp/linked-$$ send-keys -t main typed Enter; rm -f /tmp/linked-$$"
lacks "nor by a second one" "$(tmux -L $name capture-pane -p -t main)" "typed"
tmux -L $name send-keys -t main "of the user" Enter
seen() { tmux -L $name capture-pane -p -t main | grep -q "of the user"; }
poll seen && pass "what is typed is seen" || fail "what is typed is seen"
equal "the record says why" "$(log_rows "any(r.get('by') == 'protected' for r in rows)")" True
tmux -L $name kill-server
cat >control.py <<'END'
import os, socket, sys, glob
for path in glob.glob(os.environ["XDG_RUNTIME_DIR"] + "/nono/*.sock") or [sys.argv[1]]:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(path)
        print("GOT THROUGH")
    except OSError as e:
        print(e.errno, flush=True)
END
run --on-ask allow --unix-sockets allow --allow-unix-socket-subtree "$XDG_RUNTIME_DIR" -- $PYTHON control.py "$XDG_RUNTIME_DIR/nono/x.sock"
lacks "nono's own control socket" "$output" "GOT THROUGH"
run_background --ui attach --unix-sockets allow -- sh -c 'nono() { '"$NONO"' "$@"; }; nono allow 1; cat '"$SECRET"
id=$(wait_request secret.txt)
equal "the agent cannot approve itself" "$(pending_rows "[r['request'] for r in rows if r['resolved'].endswith('secret.txt')] == [$id]")" True
"$NONO" deny "$id" >/dev/null
join_background
lacks "and did not" "$output" "the content"
tmux -S "$OUT/tmux.sock" kill-server
# The terminal in which nono runs, wherever its socket is.
tmux -S "$OUT/in.sock" -f /dev/null new-session -d -s main -x 100 -y 30 \
    "$NONO run --ui none --on-ask allow --unix-sockets allow -r $BIN -- sh -c 'tmux -S $OUT/in.sock send-keys -t main typed-by-the-agent; echo status \$?'; echo ENDED; cat"
TMUX_SOCKET=$OUT/in.sock
poll screen_has main ENDED
lacks "not even where TMUX says it is" "$(tmux -S "$OUT/in.sock" capture-pane -p -t main | grep -v 'nono\|connect')" "typed-by-the-agent"
tmux -S "$OUT/in.sock" kill-server

scenario "many at once"
run_background --ui attach -- "$BIN/sockets" many "$good" 500
poll pending_at_least 1
waits_all() { [ "$(pending_rows "sum(r['count'] for r in rows)")" = 500 ]; }
poll waits_all && pass "500 threads wait" || fail "500 threads wait" "$("$NONO" pending)"
equal "in one row" "$(pending_rows 'len(rows)')" 1
"$NONO" allow "$(wait_request ":$good")" >/dev/null
join_background
equal "decided by one word" "$output" "succeeded 500"
run --on-ask deny --allow-connect "127.0.0.1:$good" -- "$BIN/sockets" rate "$good" 5000
contains "5000 connects, one after the other" "$output" "failed 0,"
equal "an event each" "$("$NONO" log --jsonl | rows "sum(r['kind'] == 'network' for r in rows) >= 5000")" True

scenario "a connect that blocks delays nobody else, and Ctrl-C ends it"
$PYTHON -c "
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind('$OUT/full.sock')
s.listen(0)
c = socket.socket(socket.AF_UNIX)
c.connect('$OUT/full.sock')
print('full', flush=True)
time.sleep(100)" >"$T/tmp/full" &
full=$!
poll grep -q full "$T/tmp/full"
run_background --net allow --allow-unix-socket "$OUT/full.sock" -- "$BIN/sockets" queue "$OUT/full.sock"
poll grep -q "not delayed" "$T/tmp/out" && pass "others are not delayed" || fail "others are not delayed" "$(cat "$T/tmp/out")"
kill -INT "$("$NONO" ps --jsonl | rows "rows[0]['pid']")"
join_background
equal "interrupted" "$status" 130
kill $full

scenario "lookups"
echo 7 >"$T/tmp/last"
if [ "$(id -u)" = 0 ]; then dns=53; else dns=15353; fi
$PYTHON -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.77', $dns))
print('ready', flush=True)
while True:
    q, peer = s.recvfrom(1500)
    end = 12 + q[12:].index(0) + 5
    s.sendto(q[:2] + b'\x81\x80\0\1\0\1\0\0\0\0' + q[12:end] + b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + bytes([192, 0, 2, int(open('$T/tmp/last').read())]), peer)
" >"$T/tmp/dns" 2>&1 &
server=$!
poll grep -q ready "$T/tmp/dns" || fail "the name server starts" "$(cat "$T/tmp/dns")"
run --on-ask deny --allow-connect "127.0.0.77:$dns" -- dig +short +tries=1 +time=5 -p $dns @127.0.0.77 www.example
equal "dig is answered" "$output" 192.0.2.7
run --on-ask deny -- dig +short +tries=1 +time=2 -p $dns @127.0.0.77 www.example
lacks "dig is refused" "$output" 192.0.2.7
# The supervisor asks itself: of /etc/hosts, where there is another name for this machine.
alias=$(awk '$1 == "127.0.0.1" || $1 == "127.0.1.1" { for (i = 2; i <= NF; i++) if ($i != "localhost") { print $i, $1; exit } }' /etc/hosts)
if [ $dns = 53 ] && [ -n "$alias" ]; then
    run_background --ui attach --allow-connect 127.0.0.77:53 -- $PYTHON -c "
import socket
q = b'\x12\x34\1\0\0\1\0\0\0\0\0\0' + b''.join(bytes([len(p)]) + p.encode() for p in '${alias% *}'.split('.')) + b'\0\0\1\0\1'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(q, ('127.0.0.77', 53))
s.recv(100)
socket.socket().connect(('${alias#* }', 9))"
    id=$(wait_request "${alias% *}:9")
    equal "a name that was looked up is shown" "$(pending_rows "rows[0].get('host')")" "${alias% *}"
    "$NONO" deny "$id" >/dev/null
    join_background
    # The same name at once again, by now with another address.
    echo "nameserver 127.0.0.77" >"$T/tmp/resolv.conf"
    cat >"$T/tmp/flipped-nono" <<END
#!/bin/sh
exec unshare -m -- sh -c 'mount --bind "$T/tmp/resolv.conf" /etc/resolv.conf && exec "$NONO" "\$@"' nono "\$@"
END
    chmod +x "$T/tmp/flipped-nono"
    NONO=$T/tmp/flipped-nono run_background --ui attach --allow-file "$T/tmp/last" -- $PYTHON -c "
import socket
def tried(address):
    try:
        socket.socket().connect((address, 9))
    except OSError as e:
        print(e.errno, flush=True)
for last in 7, 8, 9:
    open('$T/tmp/last', 'w').write(str(last))
    q = b'\x12\x34\1\0\0\1\0\0\0\0\0\0\4flip\4test\0\0\1\0\1'
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(q, ('127.0.0.77', 53))
    s.recv(100)
    tried('192.0.2.%d' % last)
tried('192.0.2.7')"
    id=0
    for last in 7 8 9 7; do
        before=$id
        id=$(wait_request flip.test:9 "$before") && pass "a name that leads elsewhere by now ($last)"
        "$NONO" deny "$id" >/dev/null
    done
    join_background
    equal "at each address" "$("$NONO" log --kind network --jsonl | rows "[r['addr'] for r in rows if r.get('port') == 9][-4:]")" \
        "['192.0.2.7', '192.0.2.8', '192.0.2.9', '192.0.2.7']"
    echo 7 >"$T/tmp/last"
fi
run_background --ui attach -- $PYTHON -c "
import socket
socket.socket().connect(('192.0.2.7', 9))"
id=$(wait_request 192.0.2.7:9)
contains "that no lookup was seen is said" "$(pending_rows "rows[0].get('detail')")" "no lookup seen"
"$NONO" deny "$id" >/dev/null
join_background
kill $server

scenario "a name server that does not answer"
if [ "$(id -u)" = 0 ]; then
    printf 'nameserver 127.0.0.78\noptions timeout:30 attempts:5\n' >"$T/tmp/resolv.conf"
    cat >"$T/tmp/mute-nono" <<END
#!/bin/sh
exec unshare -m -- sh -c 'mount --bind "$T/tmp/resolv.conf" /etc/resolv.conf && exec "$NONO" "\$@"' nono "\$@"
END
    chmod +x "$T/tmp/mute-nono"
    cat >mute.py <<END
import os, socket, struct, time
mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names = 0
def ask():
    global names
    names += 1
    name = b"".join(bytes([len(p)]) + p for p in (b"n%d" % names, b"example"))
    mute.sendto(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + name + b"\0\0\1\0\1", ("127.0.0.78", 53))
def connect(who):
    begin = time.time()
    try:
        socket.socket().connect(("127.0.0.1", $good))
    except OSError as e:
        print(e)
    print(who, int((time.time() - begin) * 1000), flush=True)
ask()
child = os.fork()
if child == 0:
    ask()
    connect("own")
    os._exit(0)
# There is always one on its way.
pid, until = 0, time.time() + 20
while not pid and time.time() < until:
    ask()
    if names == 5:
        other = os.fork()
        if other == 0:
            connect("other")
            os._exit(0)
    time.sleep(0.3)
    pid = os.waitpid(child, os.WNOHANG)[0]
print("waited" if pid else "waits still")
os.waitpid(other, 0)
END
    $PYTHON -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.78', 53))
print('ready', flush=True)
time.sleep(300)" >"$T/tmp/mute" &
    server=$!
    poll grep -q ready "$T/tmp/mute" || fail "the name server starts"
    NONO=$T/tmp/mute-nono run --on-ask allow --allow-connect 127.0.0.78:53 -- $PYTHON mute.py
    waited=$output
    NONO=$T/tmp/mute-nono run --allow-connect slow.example:80 -- true
    equal "that a rule's name does not resolve is said to a command that is quick" "$output" \
        "nono: --allow-connect slow.example: the name has not resolved before the command ended"
    kill $server
    output=$waited
    contains "a connect ends" "$output" waited
    at_most "who asks waits some seconds (ms)" "$(echo "$output" | sed -n 's/^own //p')" 4500
    at_most "and nobody else (ms)" "$(echo "$output" | sed -n 's/^other //p')" 1500
fi

scenario "a name that leads elsewhere once it is allowed"
if [ "$(id -u)" = 0 ]; then
    echo "127.0.0.2 moving.example" >"$T/tmp/hosts"
    echo "nameserver 127.0.0.77" >"$T/tmp/resolv.conf"
    cat >"$T/tmp/moved-nono" <<END
#!/bin/sh
exec unshare -m -- sh -c 'mount --bind "$T/tmp/hosts" /etc/hosts && mount --bind "$T/tmp/resolv.conf" /etc/resolv.conf && exec "$NONO" "\$@"' nono "\$@"
END
    chmod +x "$T/tmp/moved-nono"
    NONO=$T/tmp/moved-nono run_background --ui attach -- $PYTHON -c "
import os, socket, time
def tried(address):
    try:
        socket.socket().connect((address, $good))
        print('GOT THROUGH', flush=True)
    except OSError as e:
        print(e.errno, flush=True)
tried('127.0.0.2')
tried('127.0.0.2')
while not os.path.exists('moved'):
    time.sleep(0.01)
tried('127.0.0.1')"
    id=$(wait_request "moving.example:$good")
    "$NONO" allow "$id" --session >/dev/null
    refused_twice() { [ "$(grep -c '^111$' "$T/tmp/out")" = 2 ]; }
    poll refused_twice && pass "once allowed, allowed again" || fail "once allowed, allowed again" "$(cat "$T/tmp/out")"
    echo "127.0.0.1 moving.example" >"$T/tmp/hosts"
    touch moved
    id=$(wait_request "moving.example:$good" "$id") && pass "asked about the other address" || fail "asked about the other address"
    "$NONO" deny "$id" >/dev/null
    join_background
    lacks "and not reached" "$output" "GOT THROUGH"
    equal "the record has the addresses" "$("$NONO" log --kind network --jsonl | rows "[r.get('addr') for r in rows]")" \
        "['127.0.0.2', '127.0.0.2', '127.0.0.1']"

    scenario "a name that does not resolve at the start, and does later"
    NONO=$T/tmp/moved-nono run_background --on-ask deny --allow-connect "late.example:$good" -- $PYTHON -c "
import os, socket, time
def tried():
    return socket.socket().connect_ex(('127.0.0.2', $good))
print(tried(), flush=True)
while not os.path.exists('resolves'):
    time.sleep(0.01)
end = time.monotonic() + 20
while (last := tried()) == 13 and time.monotonic() < end:
    time.sleep(0.1)
print(last)"
    poll grep -q '^13$' "$T/tmp/out" && pass "refused meanwhile" || fail "refused meanwhile" "$(cat "$T/tmp/out")"
    echo "127.0.0.2 late.example" >"$T/tmp/hosts"
    touch resolves
    join_background
    contains "which was said" "$output" "late.example: the name does not resolve; tried again"
    contains "allowed by then" "$output" "111"
fi

scenario "options that do not parse, and names that do not resolve"
for bad_option in "--allow-connect nohost" "--allow-connect 10.0.0.1/8:80" "--allow-connect ::1:80" "--allow-bind x" \
    "--proxy-port 0" "--net maybe" "--allow-unix-socket $OUT/none" "--allow-unix-socket-dir $SECRET"; do
    # shellcheck disable=SC2086
    run $bad_option -- true
    equal "$bad_option" "$status" 125
    contains "says so" "$output" "${bad_option##* }"
done
for kind in "" -bind -dir -dir-bind -subtree -subtree-bind; do
    run --allow-unix-socket$kind "" -- true
    equal "--allow-unix-socket$kind of nothing" "$status $output" "125 nono: --allow-unix-socket$kind '': No such file or directory"
done
run --on-ask deny --allow-connect no-such-name.invalid:80 -- sh -c "exit 3"
equal "a name that does not resolve does not stop the start" "$status" 3

scenario "a service of high risk by another name"
mkdir agents
$PYTHON outside2.py "$PWD/agents/agent.1" >"$T/tmp/agent.log" 2>&1 &
outside=$!
poll grep -q ready "$T/tmp/agent.log"
for how in ln mv; do
    SSH_AUTH_SOCK=$PWD/agents/agent.1 run_background --ui attach --allow-unix-socket-dir "$T/work" -- sh -c "
$how agents/agent.1 innocent.$how
$PYTHON -c \"
import socket
try:
    socket.socket(socket.AF_UNIX).connect('innocent.$how')
except OSError as e:
    print(e.strerror)\""
    id=$(wait_request innocent.$how)
    equal "is what it was ($how)" "$(pending_rows "[(r['risk'], r['tags']) for r in rows]")" "[('high', 'ssh-agent')]"
    "$NONO" deny "$id" >/dev/null
    join_background
    contains "and asked about ($how)" "$output" "Permission denied"
done
kill $outside

scenario "nor one that an approving client runs in, whatever serves it (I4)"
cat >reach.py <<'END'
import socket, sys, time, os
def reach():
    try:
        socket.socket(socket.AF_UNIX).connect(sys.argv[1])
        return "connected"
    except OSError as e:
        return f"errno {e.errno}"
print(reach() if sys.argv[2] == "before" else "", flush=True)
open("marker", "w").close()
while os.path.exists("marker"):
    time.sleep(0.03)
print(reach(), flush=True)
END
$PYTHON -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(9)
time.sleep(600)' "$OUT/mux.sock" &
mux=$!
poll test -S "$OUT/mux.sock"
ln -s mux.sock "$OUT/mux.before"
ln -s mux.sock "$OUT/mux.never"
for when in before never; do
    run_background --on-ask ui --ui none --unix-sockets allow -a "$T/work" -- $PYTHON reach.py "$OUT/mux.sock" $when
    poll test -e marker
    screen_start "env TMUX=$OUT/mux.$when,1,0 $NONO ui"
    wait_screen "the approving screen is there ($when)" main:0 "waiting"
    rm marker
    join_background
    contains "refused from then on" "$output" "errno 13"
    [ $when = before ] && contains "it was reached before: told" "$output" "ATTENTION: the sandbox has reached" ||
        lacks "it was not reached before" "$output" ATTENTION
    screen_keys main:0 q
    tmux -S "$TMUX_SOCKET" kill-server 2>/dev/null
done
kill $mux

finish
