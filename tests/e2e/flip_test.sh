#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The path changes under the call: whichever of the two the supervisor has judged is the one that is
# used (I2, I3). With NONO_TEST_LONG=1 a hundred thousand times each.
. "$(dirname "$0")/lib.sh"

[ "${NONO_TEST_LONG:-0}" = 1 ] && times=100000 || times=500
calls="open write truncate chmod chown utimes setxattr unlink rename-from rename-to link-from link-to"

# Two places whose paths are equally long. Sets ALLOWED and FORBIDDEN.
places() { # ALLOWED-DIR FORBIDDEN-DIR CALL
    rm -rf "$1" "$2" "$T/work/mine" "$T/work/got"
    mkdir "$1" "$2"
    ALLOWED=$1/file FORBIDDEN=$2/file
    echo mine >"$T/work/mine"
    echo A >"$ALLOWED"
    echo B >"$FORBIDDEN"
    [ "$3" != link-to ] || rm "$ALLOWED" "$FORBIDDEN"
    [ "$3" != exec ] || { install /bin/true "$ALLOWED"; install /bin/false "$FORBIDDEN"; }
    forbidden_state=$(state)
}

state() {
    stat -c '%n %i %f %u %g %s %h %y %z' "$FORBIDDEN" "$(dirname "$FORBIDDEN")" 2>&1
    cat "$FORBIDDEN" 2>&1 | md5sum
}

race() { # CALL OPTIONS...
    local call=$1
    shift
    run "$@" -- "$BIN/flip" "$call" "$ALLOWED" "$FORBIDDEN" "$times"
    # nono says what it had to end.
    output=$(grep -v '^nono: a program that was not the approved one' <<<"$output")
    equal "$call" "$output" "$call: done, refused, held"
    equal "$call leaves the forbidden one alone" "$(state)" "$forbidden_state"
}

scenario "allowed by the floor, forbidden outside"
for call in $calls exec; do
    places "$T/work/inside" "$T/outside/in_" "$call"
    race "$call" --on-ask deny
done

scenario "approved outside, forbidden by name"
for call in $calls exec; do
    places "$OUT/approved" "$OUT/refused_" "$call"
    race "$call" --on-ask allow --deny "$OUT/refused_"
done

scenario "a directory on the way is swapped between showing and approval"
# The object that was shown is the one that is changed, or nothing is.
swap() { # NAME COMMAND...
    local name=$1
    shift
    rm -rf "$OUT/real" "$OUT/bait" way
    mkdir -p "$OUT/real" "$OUT/bait" way
    for dir in real bait; do
        echo content >"$OUT/$dir/f"
        chmod 0644 "$OUT/$dir/f"
    done
    ln -s "$OUT/real" way/mid
    FORBIDDEN=$OUT/bait/f
    local before
    before=$(state)
    run_background --ui attach -- "$@"
    poll pending_at_least 1 || fail "$name: a request appears" "$(cat "$T/tmp/out")"
    local id
    id=$(pending_rows "rows[0]['request']")
    ln -sfn "$OUT/bait" way/mid
    "$NONO" allow "$id" >/dev/null
    # What comes of it may be asked anew, about the other one: that is refused.
    until [ -s "$T/tmp/status" ]; do
        for id in $(pending_rows "' '.join(str(r['request']) for r in rows)" 2>/dev/null); do
            "$NONO" deny "$id" >/dev/null 2>&1
        done
    done
    join_background
    equal "$name: the other one is as it was" "$(state)" "$before"
}
swap unlink rm way/mid/f
equal "unlink: the shown one is gone" "$([ -e "$OUT/real/f" ] || echo gone)" gone
swap rename mv -T way/mid/f "$OUT/real/g"
equal "rename: the shown one is moved" "$(cat "$OUT/real/g" 2>&1)" content
swap chmod chmod 0600 way/mid/f
equal "chmod: the shown one is changed" "$(stat -c %a "$OUT/real/f")" 600
swap truncate $PYTHON -c 'import os; os.truncate("way/mid/f", 3)'
equal "truncate: the shown one is cut" "$(stat -c %s "$OUT/real/f")" 3
swap mkdir mkdir way/mid/d
equal "mkdir: it is made where it was shown" "$([ -d "$OUT/real/d" ] && echo made)" made
swap link ln way/mid/f "$OUT/real/g"
equal "link: the shown one is linked" "$([ "$OUT/real/g" -ef "$OUT/real/f" ] && echo same)" same
swap utimes $PYTHON -c 'import os; os.utime("way/mid/f", (5, 5))'
equal "utimes: the shown one is changed" "$(stat -c %Y "$OUT/real/f")" 5
finish
