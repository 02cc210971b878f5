#!/bin/sh
# refused_flags.sh COMPILER: flags under which the same bits cannot be promised end the compilation with a sentence.
set -eu
cd "$(dirname "$0")/.."

# refused MESSAGE FLAGS...
refused() {
    message=$1
    shift
    if text=$("$compiler" -std=c11 "$@" -Iinclude -DANTLER_ISA_SUFFIX=baseline -fsyntax-only src/kernels/update.c 2>&1); then
        echo "compiles with $*" >&2
        exit 1
    fi
    echo "$text" | grep -q "$message" || {
        echo "$text" >&2
        exit 1
    }
}

compiler=$1
"$compiler" -std=c11 -Iinclude -DANTLER_ISA_SUFFIX=baseline -fsyntax-only src/kernels/update.c
refused 'ffast-math' -ffast-math
# The x87 unit of i386: where this compiler can be told to use it.
if echo | "$compiler" -std=c11 -mfpmath=387 -dM -E - 2>/dev/null | grep -q '__FLT_EVAL_METHOD__ 2'; then
    refused 'FLT_EVAL_METHOD' -mfpmath=387
else
    echo "SKIPPED: $compiler has no -mfpmath=387"
fi
