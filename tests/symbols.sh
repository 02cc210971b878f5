#!/bin/sh
# symbols.sh LIBANTLER [LIBANTLER64]: what is seen of the libraries, shared or static, begins with antler_ in the one and with
# antler64_ in the other, and is what the headers declare.
set -eu
cd "$(dirname "$0")/.."
failed=0

# seen LIBRARY: its global symbols
seen() {
    case $1 in
    *.a) nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' ;;
    *) nm -D --defined-only "$1" | awk '{ print $3 }' ;;
    esac | sort -u
}

# check LIBRARY PREFIX
check() {
    strays=$(seen "$1" | grep -v "^$2_[a-z]" || true)
    [ -z "$strays" ] || { echo "$1 shows more than $2_...:" "$strays" && failed=1; }
    # what plugin.h declares, plugins define
    find include/antler -name '*.h' ! -name plugin.h -exec cat {} + | tr '\n' ' ' | grep -o 'ANTLER_API [^(;]*antler_[a-z0-9_]*' |
        sed "s/.*antler_/$2_/" | sort -u >"$work/declared"
    seen "$1" | diff "$work/declared" - || { echo "$1: declared (<) is not what is seen (>)" && failed=1; }
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
check "$1" antler
[ $# -lt 2 ] || check "$2" antler64
exit $failed
