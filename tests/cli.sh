#!/bin/sh
# Every subcommand and every line of error of the command: cli.sh PATH-OF-ANTLER [CASE ...]
# Cases are the functions named case_...; a failed check prints what came, and the script goes on and exits 1 at the end.
set -u
antler=$(realpath "$1")
[ -x "$antler" ] || { echo "no command: $1"; exit 1; }
shift
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
checks=0

fail() { # MESSAGE
    failures=$((failures + 1))
    echo "FAIL $*"
    echo "  stdout: $(head -c 400 out)"
    echo "  stderr: $(head -c 1000 err)"
}

# run STATUS ARGUMENTS...: runs antler; standard output is in `out`, standard error in `err`
run() {
    want=$1
    shift
    checks=$((checks + 1))
    "$antler" "$@" >out 2>err
    got=$?
    [ "$got" -eq "$want" ] || fail "exit status $got, expected $want: antler $*"
}

# prints PATTERN: standard output has it (extended regular expression)
prints() {
    checks=$((checks + 1))
    grep -Eq -- "$1" out || fail "no line like: $1"
}

# has_double CASE: the double-precision command lies beside this one, which gradcheck needs; a build may be without it
has_double() {
    [ -x "$(dirname "$antler")/antler64" ] || {
        echo "$1: no antler64 beside the command; not run"
        return 1
    }
}

# refused STATUS PATTERN ARGUMENTS...: fails with one line on standard error that starts with "antler: " and has PATTERN
refused() {
    want=$1
    pattern=$2
    shift 2
    run "$want" "$@"
    [ "$(grep -vc '^antler: warning: ' err)" -eq 1 ] || fail "not one line of error: antler $*"
    grep -v '^antler: warning: ' err | grep -Eq -- "^antler: .*$pattern" || fail "expected: $pattern"
}

# ---- data and models ---------------------------------------------------------------------------------------------

mkdir data
awk 'BEGIN { srand(1); for (i = 0; i < 60; i++) { a = rand(); b = rand(); print a "," b > "data/x_train.csv";
             print (a > b) > "data/y_train.csv" }
             for (i = 0; i < 20; i++) { a = rand(); b = rand(); print a "," b > "data/x_test.csv";
             print (a > b) > "data/y_test.csv" } }'

# model FILE LAYERS [LOSS]: a Sequential of two inputs with these layers
model() {
    cat >"$1" <<EOF
{"class_name": "Sequential", "config": {"name": "small", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, 2]}},
  $2]},
 "compile_config": {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.5}},
                    "loss": "${3:-sparse_categorical_crossentropy}", "metrics": ["accuracy"]},
 "fit": {"data": "data", "batch_size": 10, "epochs": 3, "validation_split": 0.25, "seed": 7}}
EOF
}
dense='{"class_name": "Dense", "config": {"units": 2, "activation": "softmax"}}'
hidden='{"class_name": "Dense", "config": {"units": 8, "activation": "tanh"}}'
drop='{"class_name": "Dropout", "config": {"rate": 0.5}}'
model net.json "$hidden, $drop, $dense"

. "$root/tests/cli_works.sh"
. "$root/tests/cli_errors.sh"
. "$root/tests/cli_surroundings.sh"
. "$root/tests/cli_files.sh"
. "$root/tests/cli_trust.sh"
. "$root/tests/cli_tables.sh"
for name in ${*:-$(sed -n 's/^\(case_[a-z0-9_]*\)() {$/\1/p' "$root/tests/cli_works.sh" "$root/tests/cli_errors.sh" \
        "$root/tests/cli_surroundings.sh" "$root/tests/cli_files.sh" \
        "$root/tests/cli_trust.sh" "$root/tests/cli_tables.sh")}; do
    "$name"
done
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
