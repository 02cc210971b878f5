# Mistakes: cases of cli.sh. All of a file's are told at once; what goes wrong in silence is a warning.

# told LINES: that the lines of standard output begin with "FILE:", in this order
told() {
    checks=$((checks + 1))
    sed 's/ .*//' out >places
    printf '%s' "$1" | diff - places >/dev/null || fail "expected these places: $1"
}

case_check() {
    cat >ten.json <<'JSON'
{"class_name": "Sequential", "config": {"layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8]}},
  {"class_name": "Dropout", "config": {"rate": 1.5}},
  {"class_name": "Conv2D", "config": {"filters": 4, "kernel_size": 3}},
  {"class_name": "Flaten", "config": {}},
  {"class_name": "Dense", "config": {"units": "16", "activation": "reluu"}},
  {"class_name": "Reshape", "config": {"target_shape": [5, 5]}},
  {"class_name": "Dense", "config": {"unit": 16}},
  {"class_name": "Dense", "config": {"units": 10, "kernel_initializer": "glorot_unifrm"}}]},
 "compile_config": {
  "loss": "scce",
  "optimizer": {"class_name": "Adam", "config": {"lr": 0.1}},
  "metrics": ["mae", "acurracy"]},
 "fit": {
  "callbacks": ["EarlyStoping"],
  "epoch": 3}}
JSON
    run 1 check ten.json
    told 'ten.json:3:
ten.json:4:
ten.json:5:
ten.json:6:
ten.json:6:
ten.json:8:
ten.json:9:
ten.json:11:
ten.json:12:
ten.json:13:
ten.json:15:
ten.json:16:
'
    prints 'config.layers\[1\].config.rate: 1.5 is not in \[0, 1\]'
    prints 'config.layers\[2\]: conv2d \(Conv2D\), input \(None, 8, 8\): .* expected'
    prints 'config.layers\[3\].class_name: unknown layer "Flaten"; did you mean "Flatten"\?'
    prints 'config.layers\[4\].config.units: "16" is not an integer'
    prints 'config.layers\[4\].config.activation: unknown activation "reluu"; did you mean "relu"\?'
    prints 'config.layers\[6\].config.unit: Dense has no such key; did you mean "units"\?'
    prints 'config.layers\[7\].config.kernel_initializer: .* did you mean "glorot_uniform"\?'
    prints 'compile_config.loss: unknown loss "scce"; did you mean "SparseCategoricalCrossentropy"\?'
    prints 'compile_config.optimizer.config.lr: Adam has no such key; did you mean "learning_rate"\?'
    prints 'compile_config.metrics\[1\]: unknown metric "acurracy"; did you mean "accuracy"\?'
    prints 'fit.callbacks\[0\]: unknown callback "EarlyStoping"; did you mean "EarlyStopping"\?'
    prints 'fit.epoch: fit has no such key; did you mean "epochs"\?'
    run 0 check net.json
    prints '^no mistakes found$'
    run 0 check net.json --quiet
    [ ! -s out ] || fail 'check --quiet prints'
    run 1 check nowhere.json
    prints 'nowhere.json: .*No such file'
    run 1 check data/x_train.csv
    prints 'x_train.csv'
}

# A layer behind one that cannot be read is judged by its settings alone; two branches each by themselves.
case_check_graph() {
    cat >graph.json <<'JSON'
{"class_name": "Functional", "config": {"layers": [
  {"class_name": "InputLayer", "name": "in", "config": {"batch_shape": [null, 4], "name": "in"}, "inbound_nodes": []},
  {"class_name": "Dense", "name": "a", "config": {"units": 3, "name": "a", "activation": "rel"}, "inbound_nodes": [[["in", 0, 0, {}]]]},
  {"class_name": "Reshape", "name": "b", "config": {"target_shape": [5], "name": "b"}, "inbound_nodes": [[["a", 0, 0, {}]]]},
  {"class_name": "Reshape", "name": "c", "config": {"target_shape": [9], "name": "c"}, "inbound_nodes": [[["in", 0, 0, {}]]]},
  {"class_name": "Add", "name": "d", "config": {"name": "d"}, "inbound_nodes": [[["b", 0, 0, {}], ["c", 0, 0, {}]]]}],
  "input_layers": [["in", 0, 0]], "output_layers": [["d", 0, 0]]}}
JSON
    run 1 check graph.json
    told 'graph.json:3:
graph.json:4:
graph.json:5:
'
    sed 's/"rel"/"relu"/; s/\[5\]/[3]/; s/\[9\]/[4]/' graph.json >joined.json
    run 1 check joined.json
    told 'joined.json:6:
'
    sed 's/"InputLayer"/"InputLayr"/' ten.json >no_input.json
    run 1 check no_input.json
    prints 'layers\[0\].class_name: unknown layer "InputLayr"'
    ! grep -q 'conv2d' out || fail 'a shape is judged without an input'
}

case_check_data() {
    run 0 check net.json --data data
    cp -r data wrong
    sed '7s/.*/9/' data/y_train.csv >wrong/y_train.csv
    sed '3s/.*/nan,1/' data/x_train.csv >wrong/x_train.csv
    run 1 check net.json --data wrong
    prints 'wrong/x_train.csv:3: .*nan'
    prints 'wrong: y_train: row 6: 9 is no class'
    sed 's/$/,1/' data/x_train.csv >wrong/x_train.csv
    cp data/y_train.csv wrong
    run 1 check net.json --data wrong
    prints 'wrong: x: data of shape \(60, 3\) does not fit'
    cp data/x_train.csv wrong
    head -n 50 data/y_train.csv >wrong/y_train.csv
    run 1 check net.json --data wrong
    prints 'wrong: x_train has 60 rows and y_train has 50'
    run 1 check net.json --data nowhere
    prints 'nowhere'
}

# What a name may have been meant for.
case_nearest() {
    sed 's/"fit": {/"fit": {"batch": 3, /' net.json >bad.json
    refused 1 'fit.batch: fit has no such key; did you mean "batch_size"' train bad.json
    sed 's/"fit": {/"fit": {"num_epochs": 3, /' net.json >bad.json
    refused 1 'fit.num_epochs: fit has no such key; did you mean "epochs"' train bad.json
    sed 's/"fit": {/"fit": {"verbose": 2, /' net.json >bad.json
    refused 1 'fit.verbose: fit has no such key; it has data, x, y' train bad.json
    sed 's/"learning_rate": 0.5/"learning_rate": "0.5"/' net.json >bad.json
    refused 1 'learning_rate: "0.5" is text, not a number: leave its quotes out' train bad.json
    refused 1 'unknown optimizer "wizard"; there are SGD, RMSprop, Adam, ' train net.json --optimizer wizard
    refused 1 'unknown metric "f1"; did you mean "F1Score"' train net.json --metrics f1
    refused 1 '"ReLU" is a layer, .*: write "relu", or put it behind' train "$(model bad.json \
        '{"class_name": "Dense", "config": {"units": 2, "activation": "ReLU"}}' && echo bad.json)"
    sed 's/\[null, 2\]/[2]/' net.json >bad.json
    refused 1 'for samples of 2 numbers the model.s input is \[null, 2\]' summary bad.json
    model bad.json "$dense" mse
    refused 1 'wants the output.s shape; sparse_categorical_crossentropy takes numbers of classes' train bad.json
}

# warned PATTERN ARGUMENTS...: succeeds, with one line of warning that has PATTERN
warned() {
    pattern=$1
    shift
    run 0 "$@"
    [ "$(grep -c '^antler: warning: ' err)" -eq 1 ] || fail "not one warning: antler $*"
    grep -Eq -- "$pattern" err || fail "expected: $pattern"
}

# silent ARGUMENTS...: succeeds, and has nothing to warn of
silent() {
    run 0 "$@"
    [ ! -s err ] || fail "warnings: antler $*"
}

case_silent_mistakes() {
    rows='data/x_train.csv'
    warned 'net.json: no weights: .*--weights' predict net.json
    warned 'net.json: no weights: .*--weights' evaluate net.json
    silent train net.json --output net.keras
    silent predict net.keras
    silent evaluate net.keras
    silent predict net.json --weights net.keras
    one='{"class_name": "Dense", "config": {"units": 1, "activation": "sigmoid"}}'
    model one.json "$one" binary_crossentropy
    silent train one.json
    cp -r data three
    sed '4s/.*/2/' data/y_train.csv >three/y_train.csv
    warned 'BinaryCrossentropy takes targets in \[0, 1\], and there are some from 0 to 2; classes' train one.json --data three
    model one.json "$(echo "$one" | sed s/sigmoid/softmax/)" binary_crossentropy
    warned 'softmax over one unit is always 1' train one.json
    for activation in linear relu tanh; do
        model bare.json "$(echo "$dense" | sed s/softmax/$activation/)"
        warned "SparseCategoricalCrossentropy takes probabilities, and .* ends in \"$activation\": expected \"softmax\"" \
            train bare.json
        run 0 check bare.json
        prints "warning: bare.json:5: .* ends in \"$activation\""
    done
    model logits.json "$(echo "$dense" | sed s/softmax/linear/)"
    sed 's/"sparse_categorical_crossentropy"/{"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": true}}/' \
        logits.json >bare.json
    silent train bare.json
    mkdir sorted
    cp "$rows" sorted
    awk 'BEGIN { for (i = 0; i < 60; i++) print (i > 44) }' >sorted/y_train.csv
    run 0 train net.json --data sorted
    grep -q 'warning: validation has no sample of class 0: is the file sorted' err || fail 'no warning of a class'
    grep -q 'warning: training has no sample of class 1, which validation has' err || fail 'no warning of a class'
    paste -d, data/x_train.csv data/y_train.csv >rows.csv
    warned 'validation is on the rows that are trained on' train net.json --data rows.csv --validation
    silent train net.json --data rows.csv
    silent train net.json --validation
}

# The helps: each fits a screen and shows an example, which runs beside the sources' models and data.
case_help() {
    run 0 --help
    sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' out >commands
    [ -s commands ] || fail 'no commands'
    mkdir example
    ln -s "$root/models" "$root/examples" example
    while read -r command; do
        run 0 "$command" --help
        [ "$(wc -l <out)" -le 48 ] || fail "$command --help has more than 48 lines"
        awk 'length > 80 { exit 1 }' out || fail "$command --help has lines of more than 80 columns"
        [ "$(grep -c '^example: antler ' out)" -eq 1 ] || fail "$command --help shows no example"
        [ "$command" != gradcheck ] || has_double case_help || continue
        [ "$command" != serve ] || continue # it goes on until it is told to end: tests/serve.py
        sed -n 's/^example: //p' out >line
        checks=$((checks + 1))
        (antler() { "$antler" "$@"; } && cd example && . ../line) >shown 2>err || fail "the example of $command fails"
        case $command in
            convert | plot | report | schema) ;; # write a file
            *) [ -s shown ] || fail "the example of $command shows nothing" ;;
        esac
    done <commands
}

case_schema() {
    run 0 schema
    prints '"layer Dense": \{.*"units": \{"type": \["integer"\], "minimum": 1, '
    sed 's/^{/{"$schema": "antler.schema.json", /' net.json >named.json
    run 0 check named.json
    [ "$(cat out)" = 'no mistakes found' ] || fail 'a schema is a mistake'
}
