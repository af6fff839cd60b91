#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs that are run: the same arguments, environment, descriptors and errors, bare and supervised
# (I9).
. "$(dirname "$0")/lib.sh"

execs() { # DIR COMMAND...
    local dir=$1
    shift
    chmod -R u+rwx "$dir" 2>/dev/null
    rm -rf "$dir"
    mkdir "$dir"
    "$BIN/execs" prepare "$dir"
    output=$("$@" "$BIN/execs" "$dir" 2>&1)
}

same() { # NAME
    if [ "$output" = "$want" ]; then pass "$1"; else fail "$1" "$(diff <(echo "$want") <(echo "$output") | grep -a '^[<>]')"; fi
}

scenario "bare"
execs "$OUT/programs" env
want=$output
equal "all of it ran" "$(tail -n 1 <<<"$want")" end
execs "$OUT/programs" env
same "twice the same"

scenario "inside the floor"
execs "$T/work/programs" "$NONO" run -r "$BIN" --on-ask deny --
same "inside"

scenario "in a directory that may be read"
execs "$OUT/programs" "$NONO" run -r "$BIN" -a "$OUT" --on-ask deny --
same "readable"

scenario "outside, approved"
execs "$OUT/programs" "$NONO" run -r "$BIN" --on-ask allow --
same "outside"

scenario "asked about, approved"
execs "$T/work/programs" "$NONO" run -r "$BIN" --exec ask --on-ask allow --
same "asked"
finish
