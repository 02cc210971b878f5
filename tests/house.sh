#!/bin/sh
# house.sh: the folders of src depend on each other in one direction, other people's headers have one place each, no file
# outside src/layers knows a layer, files are short, and nothing goes round in a circle. Reads the sources alone; what is a
# layer's own it asks the command, whose path is the argument, and without one leaves that out.
set -eu
[ $# -eq 0 ] || command=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() { # reads lines; any line is a failure under the heading $1
    if [ -s "$2" ]; then
        echo "house: $1:" >&2
        sed 's/^/    /' "$2" >&2
        failed=1
    fi
}

find src include examples -name '*.[ch]' | sort >"$work/files"
# "FILE HEADER" for each include in quotes, "FILE <HEADER>" for the others
# shellcheck disable=SC2016 # awk's own
xargs awk '/^#include/ { print FILENAME, $2 }' <"$work/files" >"$work/includes"

# The wings, each of which may include those before it; antler/ and kernels/ are open to all.
awk -v wings="kernels core config files model train parts layers onnx" '
    BEGIN { n = split(wings, w, " "); for (i = 1; i <= n; i++) rank[w[i]] = i }
    $2 !~ /^"/ { next }
    {
        gsub(/"/, "", $2)
        split($1, from, "/"); m = split($2, to, "/")
        if (from[1] == "include") { if (to[1] != "antler") print $1 " includes " $2 ": a public header needs public ones"; next }
        if (from[1] == "examples") { if (m > 1 && to[1] != "antler") print $1 " includes " $2; next }
        if (to[1] == "antler") next
        if (m == 1) { if (from[2] != "kernels") print $1 " includes " $2 ": say the folder"; next }
        if (from[2] == "cli") { if (to[1] != "cli") print $1 " includes " $2 ": the command stands on the public headers"; next }
        if (!(to[1] in rank)) { print $1 " includes " $2 ": no folder of src"; next }
        if (rank[to[1]] > rank[from[2]]) print $1 " includes " $2 ": an arrow that runs back"
        if (from[2] == "layers" && from[3] !~ /^(builtin\.c|old)$/ && to[1] !~ /^(kernels|layers|parts)$/)
            print $1 " includes " $2 ": a layer stands on the contract"
    }' "$work/includes" >"$work/found"
fail "includes against the order of the folders" "$work/found"

# Each foreign header in one place.
awk '
    function place(file) { return file ~ /^src\/files\/hdf5\// ? "src/files/hdf5" : file }
    /<(cJSON|cjson\/cJSON|zip|hdf5|H5.*|sndfile|mpi|onnx\.pb-c|event\.pb-c)\.h>/ {
        if (($2 in seen) && seen[$2] != place($1)) print $2 " in " seen[$2] " and " $1
        if ($2 ~ /hdf5|H5/ && place($1) != "src/files/hdf5") print $2 " in " $1
        seen[$2] = place($1)
    }' "$work/includes" >"$work/found"
fail "a foreign header in a second place" "$work/found"

# The list of layers: sorted, and no file is forgotten, which would not be built.
grep '^ANTLER_LAYER(' src/layers/layers.def >"$work/rows"
LC_ALL=C sort -c "$work/rows" 2>"$work/found" || fail "src/layers/layers.def is not sorted" "$work/found"
sed 's/.*, \(.*\))/\1/' "$work/rows" | sort -u >"$work/files_listed"
find src/layers -maxdepth 1 -name '*.c' ! -name builtin.c | sed 's/.*\///; s/\.c$//' | sort |
    comm -23 - "$work/files_listed" >"$work/found"
fail "files of src/layers without a line in layers.def" "$work/found"

# Class names and config keys of layers, as the command lists them, in quotes, outside src/layers and comments; src/onnx has
# ONNX's own names, which are mostly the same words. A key may
# stand in another kind's own table, and a name may be another kind's too. Keys that every layer has are the kind's, and
# the core's to know.
layers_known() { # the command
    "$1" layers | awk '$1 == "layer" { print $2 }' >"$work/layers"
    while read -r layer; do
        "$1" layers "$layer" | awk -v class="$layer" '
            $2 ~ /^\([a-z]+\):$/ { ours = $1 == class && $2 == "(layer):"; table = 0; if (ours) print "name", $1 }
            ours && sub(/^also called /, "") { n = split($0, alias, ", "); for (i = 1; i <= n; i++) print "name", alias[i] }
            /^-----/ { table = 1; next }
            /^$/ { table = 0 }
            ours && table { print "key", $1 }'
    done <"$work/layers" >"$work/known"
    "$1" layers | awk 'NR > 2 && $1 != "layer" { print $2 }' | while read -r other; do "$1" layers "$other"; done | awk '
        $2 ~ /^\([a-z]+\):$/ { ours = $2 != "(layer):"; if (ours) print "\"" $1 "\"" }
        ours && sub(/^also called /, "") { n = split($0, alias, ", "); for (i = 1; i <= n; i++) print "\"" alias[i] "\"" }' |
        sort -u >"$work/others"
    awk '$1 == "name" { print "\"" $2 "\"" }' "$work/known" | sort -u | grep -vxFf "$work/others" >"$work/names"
    sort "$work/known" | uniq -c |
        awk -v all="$(wc -l <"$work/layers")" '$2 == "key" && $1 < all { print "\"" $3 "\"" }' |
        sort -u | grep -vxFf "$work/others" |
        grep -vxF -e '"layer"' -e '"mode"' -e '"seed"' -e '"shape"' -e '"mean"' -e '"interpolation"' >"$work/keys" # words of everybody
}
[ $# -eq 0 ] || layers_known "$command"
# shellcheck disable=SC2046
awk '
    FNR == 1 { inside = 0 }
    {
        line = ""; rest = $0
        while (rest != "") {
            if (inside) {
                if (!(at = index(rest, "*/"))) break
                rest = substr(rest, at + 2); inside = 0
            } else if ((at = index(rest, "/*")) != 0) {
                line = line substr(rest, 1, at - 1); rest = substr(rest, at + 2); inside = 1
            } else { line = line rest; rest = "" }
        }
        if (line ~ /"/) print FILENAME ":" FNR ": " line
    }' $(grep '^src/' "$work/files" | grep -v -e '^src/layers/' -e '^src/onnx/') >"$work/strings"
if [ $# -gt 0 ]; then
    if [ "$(wc -l <"$work/names")" -lt 22 ] || [ "$(wc -l <"$work/keys")" -lt 50 ]; then
        echo "$command layers" >"$work/found"
        fail "the lists of names are short" "$work/found"
    fi
    grep -Ff "$work/names" "$work/strings" >"$work/found" || true
    fail "a layer's name outside src/layers" "$work/found"
    grep -Ff "$work/keys" "$work/strings" |
        grep -v -e '\.key = "' -e 'ANTLER_FIELD_' >"$work/found" || true
    fail "the key of a layer's config outside src/layers" "$work/found"
fi

# Files of at most 600 lines; a layer or a family of them 400.
xargs wc -l <"$work/files" | awk '$2 ~ /^src\// && $1 > 600 { print $2 ": " $1 " lines" }
    $2 ~ /^src\/layers\/[^\/]*$/ && $1 > 400 { print $2 ": " $1 " lines" }' >"$work/found"
fail "a long file" "$work/found"

# No circle: a unit is X.c and X.h, an arrow what either includes.
awk '
    $2 ~ /^"/ {
        gsub(/"/, "", $2)
        from = $1; sub(/^(src|include)\//, "", from); sub(/\.[ch]$/, "", from)
        to = $2; sub(/\.h$/, "", to)
        if (to !~ /\//) { dir = from; sub(/[^\/]*$/, "", dir); to = dir to }
        if (from != to) print from, to
    }' "$work/includes" | sort -u >"$work/arrows"
if ! tsort "$work/arrows" >/dev/null 2>"$work/found"; then
    fail "a circle of includes" "$work/found"
fi

exit $failed
