#!/bin/sh
# docs.sh ANTLER: the documentation says what is so. Code on the pages is code of the tree, links lead somewhere, every
# layer has its page, and the errors of docs/json.md are what the command prints.
set -eu
antler=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() { # MESSAGE
    echo "docs: $*" >&2
    failed=1
}

# quotes LANGUAGE PAGE FILE...: that each block of the page in that language stands in one of the files
quotes() {
    language=$1
    shift
    awk -v language="$language" '
        $0 == "```" language { on = 1; block = ""; start = FNR; next }
        /^```$/ && on { on = 0; n++; text[n] = block; line[n] = FILENAME ":" start; next }
        FILENAME != ARGV[1] { source = source $0 "\n"; next }
        on { block = block $0 "\n" }
        END {
            for (i = 1; i <= n; i++)
                if (!index(source, text[i])) { print "docs: " line[i] ": this code is in no file" > "/dev/stderr"; bad = 1 }
            exit bad || n == 0
        }' "$@" || failed=1
}
quotes c docs/adding-a-layer.md src/layers/prelu.c include/antler/layers/*.h
quotes c docs/adding-a-part.md tests/test_register.c
quotes c docs/c-api.md tests/test_guide.c
quotes c docs/your-data.md examples/table.c
quotes json docs/your-data.md models/iris.json
quotes c docs/graphs.md examples/residual.c examples/pair.c tests/test_states.c
quotes json docs/graphs.md models/residual.json models/pair.json

# anchors PAGE: what its headings are called in links
anchors() {
    awk '/^```/ { on = !on } !on && /^#+ / {
        sub(/^#+ /, ""); $0 = tolower($0); gsub(/\]\([^)]*\)/, ""); gsub(/[^a-z0-9 _-]/, ""); gsub(/ /, "-"); print }' "$1"
}

# links PAGE: that the files and headings it links to are there
links() {
    awk '/^ *```/ { on = !on } !on' "$1" | grep -o ']([^) ]*)' | sed 's/^](//; s/)$//' | grep -v '^https\{0,1\}:' |
        while read -r target; do
            file=$(dirname "$1")/${target%%#*}
            [ "${target%%#*}" ] || file=$1
            [ -e "$file" ] || { echo "docs: $1: no $target" >&2 && exit 1; }
            case $target in
            *.md\#* | \#*) anchors "$file" | grep -qxF "${target#*#}" || { echo "docs: $1: no $target" >&2 && exit 1; } ;;
            esac
        done
}
for page in ./*.md docs/*.md docs/*/*.md; do
    links "$page" || failed=1
done

# cases FOLDER WORDS: README.md says how many there are
cases() {
    words="$(grep -c '^ *{\{0,1\}"name": ' "tests/$1/index.json") $2"
    tr -s ' \n' ' ' <README.md | grep -qF "$words" || fail "README.md does not say: $words"
}
cases golden 'golden cases of chains'
cases golden_graphs 'of graphs'

# The schema is what the command prints.
"$antler" schema | cmp -s - docs/antler.schema.json || fail "docs/antler.schema.json is not what 'antler schema' prints"

"$antler" layers | awk '$1 == "layer" { print $2 }' >"$work/layers"
while read -r class; do
    grep -qx "# $class" docs/layers/*.md || fail "no page for $class"
    grep -q "\[$class\](layers/" docs/index.md || fail "docs/index.md does not list $class"
    grep -qw "$class" docs/onnx.md || fail "docs/onnx.md does not say how $class is said"
done <"$work/layers"

# wrong SED: what the command says of the page's model after that edit stands on the page
awk '/^```json$/ { on = 1; next } /^```$/ && on { exit } on' docs/json.md >"$work/model.json"
sed 's/"data": [^,]*, //' "$work/model.json" >"$work/right.json"
wrong() {
    sed "$1" "$work/right.json" >"$work/digits.json"
    message=$(cd "$work" && { "$antler" summary digits.json 2>&1 >/dev/null || true; })
    grep -qxF "$message" docs/json.md || fail "docs/json.md has no line: $message"
}
wrong 's/0\.5}/1.5}/'
wrong 's/0\.5}/"half"}/'
wrong 's/"rate": 0\.5//'
wrong 's/"rate": 0\.5/"rate": 0.5, "rate": 0.5/'
wrong 's/"rate"/"rat"/'
wrong 's/"Dropout"/"Dropuot"/'
wrong '3s/8, 8/8, 8, 1/; s/"Flatten", "config": {}/"LSTM", "config": {"units": 8}/'
wrong 's/sparse_categorical_crossentropy/mse2/'
wrong 's/batch_size/batchsize/'
wrong 's/"epochs"/"steps_per_epoch": null, "epochs"/'
exit $failed
