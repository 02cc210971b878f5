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
