#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Servers and clients of different makes over IPv4, IPv6, mapped addresses and UNIX sockets: each
# sees what it sees bare.
. "$(dirname "$0")/lib.sh"
need curl
[ -x "$BIN/nginx" ] || { need nginx && cp "$(command -v nginx)" "$BIN"; }

port=$(free_port)
mkdir -p "$OUT/web" "$OUT/state"
echo page >"$OUT/web/page"
head -c 3000000 /dev/urandom >"$OUT/web/big"
# A server of one process and a worker, but as root inside, where no process becomes another user.
configure() { # LISTEN-LINES STATE-DIRECTORY [on|off]
    cat <<END
daemon off;
master_process ${3:-on};
worker_processes 1;
pid $2/pid;
error_log stderr;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $2/body; proxy_temp_path $2/proxy; fastcgi_temp_path $2/fastcgi;
    uwsgi_temp_path $2/uwsgi; scgi_temp_path $2/scgi;
    server { $1 root $OUT/web; location /echo { return 200 "\$request_method \$content_length"; } }
}
END
}

configure "listen 127.0.0.1:$port; listen [::1]:$port; listen unix:$OUT/nginx.sock;" "$OUT/state" >"$OUT/nginx.conf"
"$BIN/nginx" -e stderr -c "$OUT/nginx.conf" >"$T/tmp/nginx" 2>&1 &
server=$!
poll curl -s "http://127.0.0.1:$port/page" || fail "nginx starts" "$(cat "$T/tmp/nginx")"

# What a client says, bare and supervised with options.
same() { # NAME "OPTIONS" COMMAND...
    local name=$1 options=$2 bare
    shift 2
    bare=$("$@" 2>&1)
    bare="$bare
status $?"
    # shellcheck disable=SC2086
    run --on-ask deny $options -- "$@"
    equal "$name" "$output
status $status" "$bare"
}
refused() { # NAME COMMAND...
    local name=$1
    shift
    run --on-ask deny -- "$@"
    equal "$name: refused" "$status" 7
}

scenario "curl to nginx"
for at in 127.0.0.1 "[::1]" "[::ffff:127.0.0.1]"; do
    grant=$at
    [ "$at" = "[::ffff:127.0.0.1]" ] && grant=127.0.0.1
    same "a page of $at" "--allow-connect $grant:$port" curl -sS "http://$at:$port/page"
    same "its refusal of a path" "--allow-connect $grant:$port" curl -sS -o /dev/null -w '%{http_code}' "http://$at:$port/none"
    refused "$at" curl -sS "http://$at:$port/page"
done
same "by either address of a name" "--allow-connect localhost:$port" curl -sS "http://localhost:$port/page" "http://localhost:$port/page"
run --on-ask deny --allow-connect "[::ffff:127.0.0.1]:$port" -- curl -sS "http://127.0.0.1:$port/page"
equal "a rule for a mapped address is one for IPv4" "$output" page
same "a UNIX socket" "--allow-unix-socket $OUT/nginx.sock" curl -sS --unix-socket "$OUT/nginx.sock" http://x/page
refused "a UNIX socket" curl -sS --unix-socket "$OUT/nginx.sock" http://x/page
same "three megabytes" "--allow-connect 127.0.0.1:$port" sh -c "curl -sS http://127.0.0.1:$port/big | sha256sum"
same "twenty at once on one connection" "--allow-connect 127.0.0.1:$port" \
    curl -sS -w '%{num_connects}\n' "http://127.0.0.1:$port/page?[1-20]"
same "an upload" "--allow-connect 127.0.0.1:$port -r $OUT/web" curl -sS --data-binary "@$OUT/web/page" "http://127.0.0.1:$port/echo"

scenario "a client that never blocks"
# As the runtime of Go does it: non-blocking from the start, edge-triggered, an error is asked for.
cat >poller.py <<'END'
import errno, select, socket, sys

def get(family, address, port):
    s = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    e = select.epoll()
    e.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
    first = s.connect_ex((address, port))
    if first not in (0, errno.EINPROGRESS):
        return errno.errorcode[first]
    e.poll()
    error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        return "later " + errno.errorcode[error]
    again = [errno.errorcode.get(s.connect_ex((address, port))) for i in range(2)]
    peer = s.getpeername()[:2]
    s.send(b"GET /page HTTP/1.0\r\n\r\n")
    data = b""
    while True:
        try:
            part = s.recv(65536)
            if not part:
                break
            data += part
        except BlockingIOError:
            e.poll()
    return errno.errorcode.get(first), again, peer, data.split(b"\r\n\r\n")[1]

port, dead = int(sys.argv[1]), int(sys.argv[2])
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"),
                        (socket.AF_INET6, "::ffff:127.0.0.1"), (socket.AF_INET, "0.0.0.0"),
                        (socket.AF_INET6, "::")):
    print(address, get(family, address, port), get(family, address, dead))
END
dead=$(free_port)
same "as bare" "--allow-connect *:$port --allow-connect *:$dead" $PYTHON poller.py "$port" "$dead"
contains "which got its pages" "$output" "EISCONN"
run --on-ask deny -- $PYTHON poller.py "$port" "$dead"
equal "refused at once" "$(echo "$output" | grep -c 'EACCES EACCES$')" 5

scenario "nginx inside"
inner=$(free_port)
mkdir -p state
configure "listen 127.0.0.1:$inner; listen [::1]:$inner; listen unix:$T/work/inner.sock;" "$T/work/state" "$([ "$USER" = root ] && echo off || echo on)" >inner.conf
run_background --on-ask deny -r "$BIN" -r "$OUT/web" --allow-bind "$inner" -- "$BIN/nginx" -e stderr -c "$T/work/inner.conf"
poll curl -s "http://127.0.0.1:$inner/page"
for at in 127.0.0.1 "[::1]"; do
    equal "serves $at" "$(curl -sS "http://$at:$inner/page" 2>&1)" page
done
equal "and its socket" "$(curl -sS --unix-socket inner.sock http://x/page 2>&1)" page
equal "three megabytes" "$(curl -sS "http://127.0.0.1:$inner/big" | sha256sum)" "$(sha256sum <"$OUT/web/big")"
kill "$(cat state/pid)"
join_background
equal "and ends when it is told to" "$status" 0
run --on-ask deny -r "$BIN" -r "$OUT/web" -- "$BIN/nginx" -e stderr -c "$T/work/inner.conf"
contains "refused" "$output" "Permission denied"
contains "and how to allow it" "$output" "--allow-bind $inner"

# A client in Go: hundreds of connections, twenty at a time. What its workers met, without the times.
MET="hey -n 400 -c 20 -disable-keepalive http://127.0.0.1:$port/page | sed -n 's/^  *\\(\\[[0-9]*\\]\\)\\s/\\1 /p' | sort"
scenario "hey, allowed"
need hey
same "by --net allow" "--net allow" bash -c "$MET"
contains "which got its pages" "$output" "[200] 400 responses"
same "by a rule" "--allow-connect 127.0.0.1:$port" bash -c "$MET"
scenario "hey, asked about and then allowed"
run_background --ui attach -- bash -c "$MET"
id=$(wait_request ":$port")
"$NONO" allow "$id" --session >/dev/null || fail "nono allow succeeds"
join_background
equal "got its pages" "$output" "[200] 400 responses"
equal "for one question" "$(log_rows "len(of(kind='request'))")" 1
scenario "hey, refused"
run --on-ask deny -- bash -c "$MET"
contains "each of its connections" "$output" "[400] Get \"http://127.0.0.1:$port/page\": dial tcp 127.0.0.1:$port: connect: permission denied"
kill "$server"
wait "$server" 2>/dev/null
finish
