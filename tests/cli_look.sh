# shellcheck shell=sh disable=SC2154 # a part of cli.sh, which has the variables
# What people look at: predictions with their uncertainty, progress, charts, the report.

# json FILE EXPRESSION: the document d of the file, seen by Python; for its message
json() {
    checks=$((checks + 1))
    command -v python3 >/dev/null || return 0
    python3 -c "import json, math, sys; d = json.load(open('$1')); sys.exit(0 if ($2) else 1)" ||
        fail "$1: not so: $2"
}

# Entropy and mutual information in nats, in all forms of output; the numbers are the same in each.
case_uncertainty() {
    run 0 train net.json --quiet --output u.keras
    run 0 predict u.keras --data data --mc 20
    prints '^   index  decision  probabilities, their standard deviations, predictive entropy, mutual information$'
    run 0 predict u.keras --data data --mc 20 --json
    json out 'list(d) == ["predictions", "deviations", "entropy", "mutual_information"]'
    json out 'all(abs(h + sum(v * math.log(v) for v in p)) < 1e-5 and 0 <= i <= h + 1e-6 for p, h, i in
        zip(*[list(d[k].values())[0] for k in ("predictions", "entropy", "mutual_information")]))'
    mv out first.json
    run 0 predict u.keras --data data --mc 20 --output u.json --batch-size 7
    cmp -s first.json u.json || fail 'the file is not what --json prints'
    run 0 predict u.keras --data data --mc 20 --output u.csv
    [ "$(head -n 1 u.csv)" = index,decision,output_0,output_1,std_0,std_1,entropy,mutual_information ] ||
        fail "the heading of u.csv: $(head -n 1 u.csv)"
    [ "$(wc -l <u.csv)" -eq 21 ] || fail 'u.csv has not a heading and 20 lines'
    run 0 predict u.keras --data data --mc 20 --output u.h5
    run 0 doctor u.h5
    prints 'predict_entropy'
    prints 'predict_mutual_information'
    # certain predictions tell nothing of the weights; numbers that are no probabilities have no entropy
    model sure.json "$dense"
    run 0 predict sure.json --data data --mc 3 --json
    json out 'all(v < 1e-6 for v in list(d["mutual_information"].values())[0])'
    model numbers.json "$drop, "'{"class_name": "Dense", "config": {"units": 1}}' mse
    run 0 predict numbers.json --data data --mc 3
    prints '^   index  output and its standard deviation$'
    run 0 predict numbers.json --data data --mc 3 --json
    json out 'list(d) == ["predictions", "deviations"]'
    refused 1 'must end in' predict numbers.json --data data --output u.txt
}

case_plot_runs() {
    run 0 train net.json --quiet --log-dir runs/one --output r.keras
    run 0 train net.json --quiet --log-dir 'runs/two<&' --seed 3
    run 0 plot runs/one/ 'runs/two<&' runs.svg
    grep -q 'two&lt;&amp;, training' runs.svg || fail 'the second run is not in the picture'
    [ "$(grep -c 'class="t"' runs.svg)" -eq 2 ] || fail 'not two charts, of loss and accuracy'
    run 0 plot runs/one --output model.svg --model r.keras --data data
    for title in 'Confusion matrix' ROC Reliability; do
        grep -q "$title" model.svg || fail "no chart: $title"
    done
    run 0 plot --model r.keras --data data --output only.svg
    run 0 plot --model r.keras --data data only.svg
    [ "$(grep -c 'class="t"' only.svg)" -eq 3 ] || fail 'not three charts'
    model numbers.json '{"class_name": "Dense", "config": {"units": 1}}' mse
    run 0 plot --model numbers.json --data data only.svg
    grep -q Residuals only.svg || fail 'no residuals'
    if command -v gnuplot >/dev/null; then
        run 0 plot runs/one 'runs/two<&' runs.png --model r.keras --data data
        head -c 8 runs.png | grep -q PNG || fail 'runs.png is no picture'
    else
        echo 'plot: no gnuplot here; .png not run'
    fi
    (PATH=/nowhere && export PATH && "$antler" plot runs/one none.png >out 2>err) && fail 'plot without gnuplot: no failure'
    grep -q '^antler: none.png: drawing needs gnuplot, which is not there' err || fail 'plot without gnuplot'
    [ ! -e none.png ] && [ ! -e none.png.part ] || fail 'plot without gnuplot left a file'
    printf 'epoch,"a ""b"", c",val_loss\n0,1,nan\n1,2\n' >odd.csv
    run 0 plot odd.csv odd.svg
    grep -q '>a &quot;b&quot;, c<' odd.svg || fail 'the heading of odd.csv was not read'
    : >empty.csv
    refused 1 'empty.csv: no table of epochs' plot empty.csv odd.svg
    mkdir -p hollow
    refused 1 'hollow/history.csv: cannot open.*--log-dir' plot hollow odd.svg
    refused 1 'must end in .svg, .png or .pdf' plot runs/one odd.txt
    refused 1 'no output' plot --model r.keras --data data
    refused 2 'data needs --model' plot net.json net.svg --data data
    refused 2 'operand too many' plot net.json net.svg more.svg
}

case_json_output() {
    run 0 train net.json --json --output j.keras
    [ "$(wc -l <out)" -eq 4 ] || fail 'not a line for each of 3 epochs, and one for the end'
    sed -n 3p out >epoch.json
    json epoch.json 'd["event"] == "epoch" and (d["epoch"], d["epochs"]) == (2, 3) and "val_accuracy" in d["logs"]'
    tail -n 1 out >end.json
    json end.json 'd["event"] == "end" and set(d["training"]) == {"loss", "accuracy"} == set(d["validation"])'
    run 0 evaluate j.keras --data data --json --confusion
    json out 'd["loss"] > 0 and sum(map(sum, list(d["confusion"].values())[0])) == 20'
    run 0 evaluate j.keras --data data --json
    json out 'set(d) == {"loss", "accuracy"}'
    run 0 summary j.keras --json
    json out '[l["class_name"] for l in d["layers"]] == ["InputLayer", "Dense", "Dropout", "Dense"]'
    json out 'd["layers"][1]["outputs"] == [[None, 8]] and d["layers"][1]["weights"] == 24 and d["optimizer"] == ["SGD"]'
    model plain.json "$dense"
    sed '/"compile_config"/,/metrics/d' plain.json >bare.json
    run 0 summary bare.json --json
    json out 'd["optimizer"] == [] and d["losses"] in ([], [None])'
}

# What a terminal is shown: one line an epoch, redrawn in place, never wider than the terminal.
case_progress() {
    run 0 train net.json
    prints '^epoch 3/3  [0-9.e-]+s [0-9.e-]+[mu]?s/step  loss '
    grep -q "$(printf '\r')" out && fail 'a log has carriage returns'
    command -v script >/dev/null || { echo 'progress: no program script here; not run'; return; }
    script -qec "stty cols 60; '$antler' train net.json --epochs 40" /dev/null >out 2>err </dev/null
    grep -q '\[=*>*\.*\]' out || fail 'no bar'
    tr '\r' '\n' <out | sed 's/\x1b\[K//g' | awk '/\[[=>.]*\]/ && length($0) > 59 { bad = 1 } END { exit bad }' ||
        fail 'a line that is wider than the terminal'
}
