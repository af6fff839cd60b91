#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nono report: a page that needs nothing but itself, and that hostile names can't change.
. "$(dirname "$0")/lib.sh"

scenario "a session with names that try to be markup"
odd="$OUT/<img src=x onerror=alert(1)>"$'\x1b\xff'
export odd
printf 'odd\n' >"$odd"
script="$OUT/<!--<script>"
printf 'odd\n' >"$script"
# A name, and the name that its escape is.
bell="$OUT/bell"$'\a'
printf 'odd\n' >"$bell"
bell_text=$OUT'/bell\x07'
printf 'odd\n' >"$bell_text"
export bell bell_text
run --name shop --on-ask deny -- sh -c 'cat "$odd"; cat "'"$script"'"; cat "$bell"; cat "$bell_text"; cat '"$SECRET"
page=$T/tmp/report.html
"$NONO" report shop -o "$page"
equal "it is written" $? 0
equal "for its owner only" "$(stat -c %a "$page")" 600
equal "nothing else is left" "$(ls "$T/tmp" | grep -c 'report.html.')" 0
lacks "no name is markup" "$(cat "$page")" "<img"
equal "the script ends where it should" "$(grep -c '</script>' "$page")" 2
equal "nothing is loaded" "$(grep -ciE 'https?://[^w]|src=[^x]|@import|url\(' "$page")" 0
equal "the data is JSON, whole" "$($PYTHON -c '
import json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
print(len(json.loads(re.search(r"id=\"data\">(.*?)</script>", text, re.S).group(1))))' "$page")" "$(log_rows 'len(rows)')"
equal "filters hold" "$("$NONO" report shop -o - --kind request | grep -c '"kind":"request"')" 5

contains "the name and the exit" "$(grep 'class="session"' "$page")" "exited, exit 1  "
equal "and when" "$(grep 'class="session"' "$page" | grep -cE '  [0-9T:-]{19}Z to [0-9T:-]{19}Z  shop: sh -c')" 1
before=$(sha256sum <"$page")
output=$("$NONO" report shop -o "$page" 2>&1)
equal "a file that is there is not overwritten" "$?$(sha256sum <"$page")" "1$before"
contains "and that is said" "$output" "is there already"

status_of() { "$NONO" "$@" >"$T/tmp/answer" 2>&1; echo $?; }
equal "no file" "$(status_of report)" 2
equal "no such directory" "$(status_of report -o "$T/missing/x")" 1
mkfifo "$T/tmp/pipe"
"$NONO" report -o "$T/tmp/pipe" &
contains "a pipe is written to" "$(cat "$T/tmp/pipe")" "</html>"
wait $!
equal "and stays one" "$(stat -c %F "$T/tmp/pipe")" fifo
equal "no such session" "$(status_of report nobody -o "$T/tmp/x")" 2

if can command -v chromium; then
    browser() { # WINDOW-OPTIONS...: the page as it became
        timeout 100 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
            --user-data-dir="$T/tmp/chromium" --virtual-time-budget=5000 "$@" 2>"$T/tmp/chromium.log"
    }
    dom=$(browser --dump-dom "file://$page")
    contains "the browser shows the table" "$dom" "5 decisions: 0 allowed, 5 refused"
    equal "a row for each event" "$(grep -o '<tr' <<<"$dom" | wc -l)" $(($(log_rows 'len(rows)') + 1))
    contains "the odd name is text" "$dom" '&lt;img src=x onerror=alert(1)&gt;\x1b\xff'
    lacks "and no element" "$dom" "<img"
    contains "a name with a control character" "$dom" "<td class=\"path\">\$'$OUT/bell\\x07'</td>"
    contains "and the one that its escape is" "$dom" "<td class=\"path\">'$OUT/bell\\x07'</td>"
    contains "in command lines as well" "$dom" "title=\"cat \$'$OUT/bell\\x07'\""
    contains "both" "$dom" "title=\"cat '$OUT/bell\\x07'\""
    contains "bars" "$dom" "<meter"
    contains "and a timeline" "$dom" "<rect"
    equal "with its times" "$(grep -o '<span>[0-9:.]* UTC</span>' <<<"$dom" | wc -l)" 1
    sed 's/^draw();$/byId("filter").value = "secret deny"; draw();/' "$page" >"$T/tmp/filtered.html"
    contains "the filter box filters" "$(browser --dump-dom "file://$T/tmp/filtered.html")" ">1 shown<"
fi
finish
