# What surrounds the command: descriptors, signals, readers, terminals, folders, a training cut off. Cases of cli.sh.

# waits_for PATTERN: until standard output in `out`, which was removed before, has it; or the training has ended
waits_for() {
    while ! grep -qs "$1" out && kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
    done
}

case_interrupt() {
    model long.json "$hidden, $dense"
    # in the background a shell ignores the signal for its jobs
    rm -f out
    env --default-signal=INT "$antler" train long.json --epochs 200000 --output no.keras --log-dir nologs >out 2>err &
    pid=$!
    waits_for '^epoch'
    kill -INT $pid
    wait $pid
    got=$?
    [ $got -eq 130 ] || fail "an interrupted training exits with $got, not 130"
    grep -q '^antler: interrupted in epoch [0-9]* of 200000$' err || fail 'no word of the interruption'
    [ ! -e no.keras ] || fail 'an interrupted training left an output'
    rm -f out
    env --ignore-signal=INT "$antler" train long.json --epochs 20000 --output yes.keras >out 2>err &
    pid=$!
    waits_for '^epoch'
    kill -INT $pid
    wait $pid
    got=$?
    [ $got -eq 0 ] && [ -e yes.keras ] || fail "a signal that the caller ignores ends the training: $got"
    checks=$((checks + 2))
}

# The reader of the standard output goes away while the training runs: the model is saved all the same.
case_reader_gone() {
    mkfifo pipe
    : <pipe &
    "$antler" train net.json --epochs 3000 --output read.keras >pipe 2>err
    got=$?
    : >out
    checks=$((checks + 1))
    [ $got -eq 0 ] && [ -e read.keras ] || fail "without a reader train exits with $got"
    [ ! -s err ] || fail 'without a reader train complains'
}

case_closed_descriptors() {
    run 0 train net.json --quiet --output closed.keras
    checks=$((checks + 2))
    "$antler" evaluate closed.keras --data data <&- >&- 2>err || fail 'with input and output closed a file is not read'
    "$antler" evaluate closed.keras --data data <&- >out 2>&- || fail 'with input and errors closed a file is not read'
    "$antler" train net.json --log-dir closed >&- 2>err || fail 'with its output closed train fails'
    [ "$(wc -l <closed/history.csv)" -eq 4 ] || fail 'what is printed goes into history.csv'
}

# no_controls FILE: no escape, no control character of eight bits either, no line of its own
no_controls() {
    checks=$((checks + 1))
    [ "$(LC_ALL=C tr -d '\40-\176\n\240-\377' <"$1" | wc -c)" -eq 0 ] || fail "control characters: $1: $(cat -v "$1")"
}

case_terminal() {
    for name in '"name": "\\u001b[2Jsmall\\u009b2J"' '"name": "\\u001b]0;x\\u0007"'; do
        sed "s/\"name\": \"small\"/$name/" net.json >escape.json
        refused 1 'escape.json:[0-9]*: config.name: ".*" is no name: ' summary escape.json
        no_controls err
    done
    sed -e 's/"rate": 0.5/"rate": 0.5, "a\\nb\\u001b\\u009b": null/' \
        -e 's/\["accuracy"\]/[{"class_name": "MeanSquaredError", "config": {"name": "m,s\\u0085"}}]/' \
        -e 's/sparse_categorical_crossentropy/mse/' net.json >escape.json
    sed -i 's/"units": 2, "activation": "softmax"/"units": 1/' escape.json
    run 0 summary escape.json
    no_controls out
    no_controls err
    [ "$(wc -l <err)" -eq 1 ] || fail 'a warning is not one line'
    run 0 train escape.json --log-dir escaped --output escape.keras
    no_controls out
    no_controls escaped/history.csv
    [ "$(wc -l <escaped/history.csv)" -eq 4 ] || fail 'a name breaks a line of history.csv'
    head -n 1 escaped/history.csv | grep -q '^epoch,loss,"m,s?*",val_loss,"val_m,s?*"$' || fail 'heading of history.csv'
    run 0 evaluate escape.keras --data data
    no_controls out
    has_double terminal || return
    run 0 gradcheck escape.json
    no_controls out
}

# ---- what a run leaves --------------------------------------------------------------------------------------------

# lost PATTERN ARGUMENTS...: refused before the first epoch
lost() {
    pattern=$1
    shift
    refused 1 "$pattern" train net.json "$@"
    [ ! -s out ] || fail "the training began: $*"
}

case_output_lost() {
    mkdir folder.keras
    lost 'folder.keras: cannot write: .*directory' --output folder.keras
    if [ -e /proc/version ]; then # a folder in which not even root makes files
        ln -s /proc/version link.keras
        lost 'link.keras: cannot write' --output link.keras
    fi
    # whether so long a name can be written is the system's; what matters is that it is known in time
    long=$(printf 'a%.0s' $(seq 240)).keras
    checks=$((checks + 1))
    if "$antler" train net.json --output "$long" >out 2>err; then
        [ -e "$long" ] || fail 'a long name: no output'
    else
        [ ! -s out ] || fail 'a long name is refused after the training'
    fi
    lost 'net.json/state: cannot make the folder: Not a directory' --checkpoint net.json/state
    lost 'net.json/checkpoint.keras: cannot write: Not a directory' --checkpoint net.json
    mkdir -p odd/checkpoint.keras oddlogs/history.csv
    lost 'odd/checkpoint.keras: cannot write: .*directory' --checkpoint odd
    lost 'oddlogs/history.csv: cannot write: .*directory' --log-dir oddlogs
    run 0 train net.json --checkpoint deep/er/state --quiet
    [ -e deep/er/state/checkpoint.keras ] || fail 'the checkpoint is not where it was asked for'
}

# A run that fails before its first epoch leaves the logs of another as they were, and none of its own.
case_failed_logs() {
    run 0 train net.json --quiet --checkpoint keep/state --log-dir keep/logs
    cp -r keep kept
    refused 1 'a checkpoint of seed 7, not of seed 9' train net.json --quiet --checkpoint keep/state --log-dir keep/logs \
        --resume --seed 9
    diff -r keep kept >out || fail 'a run that failed changed the logs of another'
    refused 1 'of seed 9' train net.json --quiet --checkpoint keep/state --log-dir new/logs --resume --seed 9
    [ ! -e new ] || fail 'a run that failed left a folder'
}

# A kill between the checkpoint and its line, a disk full inside a line: the next run mends the history.
case_history_mended() {
    run 0 train net.json --epochs 4 --quiet --log-dir right
    for damage in 'sed -i $d' 'sed -i 3d' 'truncate -s -7' 'truncate -s 3' 'rm'; do
        rm -rf mend state
        run 0 train net.json --epochs 2 --quiet --checkpoint state --log-dir mend
        $damage mend/history.csv
        run 0 train net.json --epochs 4 --quiet --checkpoint state --log-dir mend --resume
        cmp -s right/history.csv mend/history.csv || fail "after $damage the resumed history differs"
    done
    truncate -s -7 mend/history.csv
    run 0 train net.json --epochs 4 --quiet --checkpoint state --log-dir mend --resume # it has nothing left to do
    cmp -s right/history.csv mend/history.csv || fail 'a history is not mended where no epoch is left'
    grep -q '"epochs": 4,' mend/settings.json || fail 'settings.json is not that of the run'
}

# ---- a batch that the file fixes ----------------------------------------------------------------------------------

case_fixed_batch() {
    state='{"class_name": "SimpleRNN", "config": {"units": 3, "stateful": true}}'
    model state.json '{"class_name": "Reshape", "config": {"target_shape": [2, 1]}}, '"$state, $dense"
    sed -i 's/"batch_shape": \[null, 2\]/"batch_shape": [2, 2]/' state.json
    for command in predict evaluate; do
        run 0 $command state.json --data data --batch-size 4
        mv out four.txt
        run 0 $command state.json --data data --batch-size 2
        mv out two.txt
        cmp -s two.txt four.txt && fail "$command: the batch makes no difference"
        run 0 $command state.json --data data
        cmp -s two.txt out || fail "$command does not take the batch of the file"
    done
    run 0 train state.json
    prints '^batch +2, so 23 steps an epoch'
    run 0 bench state.json --threads 1
}

# Where the system does not tell where the program lies, gradcheck goes by how it was called: never to the folder that
# happens to be the current one.
case_planted() {
    mkdir -p planted bin
    printf '#!/bin/sh\necho planted\n' >planted/antler64
    chmod +x planted/antler64
    cp "$antler" bin/antler
    case "$antler" in
    *antler64) return ;;
    esac
    unshare -rm mount -t tmpfs none /proc 2>/dev/null || {
        echo 'case_planted: no rights to hide /proc; not run'
        return
    }
    has_double planted || return
    checks=$((checks + 2))
    (cd planted && unshare -rm sh -c 'mount -t tmpfs none /proc; PATH=$1:$PATH antler gradcheck ../net.json' sh "$work/bin") \
        >out 2>err
    grep -q planted out && fail 'gradcheck runs what lies in the current folder'
    cp "$(dirname "$antler")/antler64" bin/antler64
    (cd planted && unshare -rm sh -c 'mount -t tmpfs none /proc; ../bin/antler gradcheck ../net.json' sh) >out 2>err
    grep -q '^dropout on' out || # the exit status of a sanitized build is not its own without /proc
        fail 'gradcheck does not find antler64 beside antler'
    (cd planted && unshare -rm sh -c 'mount -t tmpfs none /proc; PATH=$1:$PATH antler gradcheck ../net.json' sh "$work/bin") \
        >out 2>err
    grep -q '^dropout on' out || fail 'gradcheck does not find antler64 by PATH'
}
