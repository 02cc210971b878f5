#!/bin/sh
# pages.sh ANTLER [PYTHON [PAGE...]]: what the documentation's pages tell people to do is done, page by page, in a folder
# of its own, with Antler installed from the build that ANTLER lies in.
# - A block behind a line that ends with a file's name, "`net.json`:", is written to that file.
# - A block of language "console" is run: "$ " begins a command, "> " goes on with it, all else is what it must print;
#   "..." stands for anything. ">" in the first column of what is printed is not known here.
# Pages whose commands call python are left out where PYTHON, which has keras, is not given.
set -eu
antler=$(realpath "$1")
python=${2:-}
[ $# -lt 2 ] || shift
shift
cd "$(dirname "$0")/.."
tree=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$(dirname "$antler")" --prefix "$work/prefix" --component antler >/dev/null
PATH=$work/prefix/bin:$PATH
if [ -n "$python" ]; then
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >"$work/prefix/bin/python"
    chmod +x "$work/prefix/bin/python"
fi
PKG_CONFIG_PATH=$(find "$work/prefix" -type d -name pkgconfig)
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES='' COLUMNS=120 LC_ALL=C.UTF-8
export PATH PKG_CONFIG_PATH LD_LIBRARY_PATH TF_CPP_MIN_LOG_LEVEL CUDA_VISIBLE_DEVICES COLUMNS LC_ALL

# steps PAGE FOLDER: N.name and N.text of each file, N.command, N.prints and N.line of each command
steps() {
    awk -v to="$2/" '
        function begin() { step = sprintf("%s%03d", to, ++n) }
        /^```/ && !on {
            on = 1
            console = $0 == "```console"
            file = !console && match(said, /`[A-Za-z0-9_.-]+`:$/)
            if (file) {
                begin()
                print substr(said, RSTART + 1, RLENGTH - 3) > (step ".name")
                printf "" > (step ".text")
            }
            next
        }
        /^```$/ { on = 0; said = ""; next }
        on && console && /^\$ / {
            begin()
            print substr($0, 3) > (step ".command")
            print FNR > (step ".line")
            printf "" > (step ".prints")
            next
        }
        on && console && /^> / { print substr($0, 3) > (step ".command"); next }
        on && console { print > (step ".prints"); next }
        on && file { print > (step ".text"); next }
        !on && /[^ ]/ { said = $0 }' "$1"
}

# run PAGE FOLDER: does all its steps
run() {
    mkdir "$2/here"
    ln -s "$tree/examples" "$tree/models" "$2/here"
    for step in "$2"/*.name "$2"/*.command; do
        [ -e "$step" ] && echo "${step%.*}"
    done | sort | while read -r step; do
        if [ -e "$step.name" ]; then
            cp "$step.text" "$2/here/$(cat "$step.name")"
            continue
        fi
        printed=$({ cd "$2/here"; sh "$step.command"; } 2>&1 </dev/null) || : # what it prints tells
        # Of what is special in a pattern nothing is but "..."
        pattern=$(sed 's/[[*?\\]/[&]/g; s/\.\.\./*/g' "$step.prints")
        # shellcheck disable=SC2254 # a pattern it is
        case $printed in
        $pattern) ;;
        *)
            {
                echo "docs: $1:$(cat "$step.line"): this command prints something else:"
                echo "$printed"
            } >&2
            exit 1
            ;;
        esac
    done
}

[ $# -gt 0 ] || set -- README.md docs/*.md docs/*/*.md
failed=0
ran=0
for page in "$@"; do
    grep -qx '```console' "$page" || continue
    if [ -z "$python" ] && grep -q '^\$ python' "$page"; then
        echo "SKIPPED: $page, which needs a Python with keras"
        continue
    fi
    folder=$work/$(echo "$page" | tr / -)
    mkdir "$folder"
    steps "$page" "$folder"
    run "$page" "$folder" || failed=1
    ran=$((ran + 1))
done
echo "$ran pages"
exit $failed
