#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# layering_test.sh SOURCE BUILD - a header of another module's library, or of a module that may not
# be used, must not compile. Each snippet is compiled with the flags of a real file of the module.
source=$1 build=$2
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# The compiler and flags of the first file below DIR, without its input and outputs.
flags_of() { # DIR
    python3 - "$build/compile_commands.json" "$source/$1/" <<'END'
import json, os, shlex, sys
for entry in json.load(open(sys.argv[1])):
    path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    if os.path.dirname(path) + "/" != sys.argv[2]:
        continue
    words, skip = [], False
    for word in shlex.split(entry["command"]):
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ", "-c"):
            skip = True
        elif word not in ("-MD", "-MMD"):
            words.append(word)
    print("\n".join(words))
    break
END
}

compiles() { # HEADER, with "flags"
    printf '#include <stdio.h>\n#include <%s>\nint nono_x(void);\nint nono_x(void) { return 0; }\n' \
        "$1" >"$work/x.c"
    "${flags[@]}" -fsyntax-only "$work/x.c" >"$work/log" 2>&1
}

report() { # NAME STATUS
    if [ "$2" = 0 ]; then
        echo "ok - $1"
    else
        echo "not ok - $1"
        sed 's/^/    /' "$work/log"
        failed=1
    fi
}

check() { # DIR ALLOWED... -- FORBIDDEN...
    local dir=$1 header
    shift
    mapfile -t flags < <(flags_of "$dir")
    if [ ${#flags[@]} = 0 ]; then
        echo "not ok - no flags for $dir"
        failed=1
        return
    fi
    while [ "$1" != -- ]; do
        compiles "$1"
        report "$dir may include <$1>" $?
        shift
    done
    shift
    for header in "$@"; do
        ! compiles "$header"
        report "$dir must not include <$header>" $?
    done
}

curses="curses.h ncurses.h ncursesw/curses.h ncursesw/ncurses.h panel.h term.h vterm.h"
sqlite=sqlite3.h
seccomp="seccomp.h linux/seccomp.h linux/landlock.h"
check src/base stdlib.h -- $curses $sqlite $seccomp enums.h capability.h broker.h writer.h ui.h session.h
check src/model util.h -- $curses $sqlite $seccomp capability.h broker.h writer.h ui.h session.h
check src/policy request.h -- $curses $sqlite $seccomp broker.h supervisor.h writer.h ui.h session.h
check src/broker capability.h -- $curses $sqlite $seccomp supervisor.h writer.h ui.h session.h
check src/supervisor broker.h $seccomp -- $curses $sqlite writer.h ui.h session.h
check ui request.h curses.h vterm.h -- $sqlite $seccomp capability.h broker.h supervisor.h writer.h session.h
check db request.h $sqlite -- $curses $seccomp capability.h broker.h supervisor.h ui.h session.h
check src/session writer.h ui.h supervisor.h -- $curses $sqlite $seccomp options.h
check src/cli session.h query.h -- $curses $sqlite $seccomp
exit $failed
