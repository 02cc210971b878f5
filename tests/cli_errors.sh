# Bad input: cases of cli.sh. Each is refused with one line, and leaves nothing behind.

# bad_layer PATTERN LAYER: training a model with this layer is refused, and leaves nothing behind
bad_layer() {
    model bad.json "$2, $dense"
    refused 1 "bad.json:3: config.layers\\[1\\].*$1" train bad.json --output bad.keras
    [ ! -e bad.keras ] || fail 'bad.keras is left behind'
}

case_bad_config() {
    bad_layer 'rate: 1.5 is not in \[0, 1\]' '{"class_name": "Dropout", "config": {"rate": 1.5}}'
    bad_layer 'rate: -0.1 is not in \[0, 1\]' '{"class_name": "Dropout", "config": {"rate": -0.1}}'
    bad_layer 'rate: .*"half"' '{"class_name": "Dropout", "config": {"rate": "half"}}'
    bad_layer 'units: 0 is not' '{"class_name": "Dense", "config": {"units": 0}}'
    bad_layer 'units: -3 is not' '{"class_name": "Dense", "config": {"units": -3}}'
    bad_layer 'units: 2.5 is not' '{"class_name": "Dense", "config": {"units": 2.5}}'
    bad_layer '' '{"class_name": "Dense", "config": {"units": 1000000000000}}'
    bad_layer 'units' '{"class_name": "Dense", "config": {}}'
    bad_layer '"Dorpout".*"Dropout"' '{"class_name": "Dorpout", "config": {"rate": 0.5}}'
    bad_layer 'activatoin.*"activation"' '{"class_name": "Dense", "config": {"units": 3, "activatoin": "relu"}}'
    bad_layer 'rate' '{"class_name": "Dropout", "config": {"rate": 0.5, "rate": 0.5}}'
    bad_layer '' '{"class_name": "Flatten", "config": 3}'
    bad_layer '' '3'
    bad_layer 'class_name' '{"config": {}}'
    bad_layer '' '{"class_name": "LSTM", "config": {"units": 3}}'
    bad_layer '' '{"class_name": "Reshape", "config": {"target_shape": [3]}}'
    model bad.json '{"class_name": "Dropout", "config": {"rate": NaN}}'
    refused 1 'bad.json:3' summary bad.json
    model bad.json "$dense" nonsense
    refused 1 'bad.json:5: compile_config.loss.*nonsense' train bad.json
}

case_bad_json() {
    for layers in '' ', "layers": []' ', "layers": null' ', "layers": {}'; do
        echo "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"x\"$layers}}" >bad.json
        refused 1 'bad.json.*layers' summary bad.json
    done
    head -c 200 net.json >bad.json
    refused 1 'bad.json:' summary bad.json
    : >bad.json
    refused 1 'bad.json' summary bad.json
    awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }' >bad.json
    refused 1 'bad.json' summary bad.json
    awk 'BEGIN { printf "{\"class_name\": "; for (i = 0; i < 100000; i++) printf "{\"a\": " }' >bad.json
    refused 1 'bad.json' summary bad.json
    sed 's/"epochs": 3/"epochs": -3/' net.json >bad.json
    refused 1 'bad.json:6: fit.epochs: -3' train bad.json
    sed 's/"epochs"/"epcohs"/' net.json >bad.json
    refused 1 'fit.epcohs.*"epochs"' train bad.json
    sed 's/"fit"/"fti"/' net.json >bad.json
    refused 1 'fti' train bad.json
    refused 1 'nowhere.json' summary nowhere.json
    refused 1 'data' summary data
    cp data/x_train.csv net.txt
    refused 1 'net.txt: it is neither ZIP, HDF5 nor JSON; expected a model' summary net.txt
}

case_bad_data() {
    refused 1 'nowhere' train net.json --data nowhere
    sed 's/"data": "data"/"data": "gone\/x.h5"/' net.json >moved.json
    refused 1 'gone/x.h5: cannot open: No such file or directory; the model.s "fit" names it, --data another' train moved.json
    refused 1 'x_valid' train net.json --x x_valid
    refused 1 'x_train has 60 rows and y_test has 20' train net.json --y y_test
    cp -r data bad
    sed '10s/.*/nan,0.5/' data/x_train.csv >bad/x_train.csv
    refused 1 'bad/x_train.csv:10: .*nan' train net.json --data bad --output bad.keras
    cp data/x_train.csv bad
    sed '10s/.*/5/' data/y_train.csv >bad/y_train.csv
    refused 1 'bad: y_train: row 9: 5 is no class; expected an integer from 0 to 1' train net.json --data bad --output bad.keras
    sed '10s/.*/0.5/' data/y_train.csv >bad/y_train.csv
    refused 1 'bad: y_train: row 9: 0.5 is no class; expected an integer from 0 to 1' train net.json --data bad --output bad.keras
    sed '10s/.*/-1/' data/y_train.csv >bad/y_train.csv
    refused 1 'bad: y_train: row 9: -1 is no class; expected an integer from 0 to 1' train net.json --data bad --output bad.keras
    sed 's/$/,1/' data/x_train.csv >bad/x_train.csv
    cp data/y_train.csv bad
    refused 1 'bad: x: .*\(45, 3\) does not fit .*\(None, 2\)' train net.json --data bad --output bad.keras
    [ ! -e bad.keras ] || fail 'bad.keras is left behind'
    sed 's/"data": "data", //' net.json >bare.json
    refused 1 'no data: give --data' train bare.json
    refused 1 'no data: give --data' evaluate bare.json
    refused 1 'no data: give --data' predict bare.json
    sed 's/"validation_split": 0.25/"validation_split": 0.999/' net.json >bad.json
    refused 1 'bad.json: fit.validation_split: 0.999 of 60' train bad.json
    sed 's/"compile_config"/"unused"/' net.json >bad.json
    refused 1 'unused|compile' train bad.json
}

case_bad_hdf5() {
    model digits.json '{"class_name": "Flatten", "config": {}}, '"$hidden"
    head -c 5000 "$root/examples/data/digits.h5" >cut.h5
    refused 1 'cut.h5' train net.json --data cut.h5
    printf 'no HDF5 at all' >text.h5
    refused 1 'text.h5' train net.json --data text.h5
    refused 1 'text.h5' summary text.h5
    run 0 train net.json --epochs 1 --quiet --output w.weights.h5
    head -c 1000 w.weights.h5 >cut.weights.h5
    refused 1 'cut.weights.h5' evaluate net.json --weights cut.weights.h5
    run 0 convert net.json k.keras
    head -c 1000 k.keras >cut.keras
    refused 1 'cut.keras' summary cut.keras
    model other.json "$dense"
    refused 1 'w.weights.h5' evaluate other.json --weights w.weights.h5
    model other.json '{"class_name": "Dense", "config": {"units": 9}}, '"$drop, $dense"
    refused 1 'w.weights.h5.*\(2, 8\).*\(2, 9\)|w.weights.h5.*\(2, 9\).*\(2, 8\)' evaluate other.json --weights w.weights.h5
}

case_bad_output() {
    refused 1 'o.txt: the name of the output must end in .keras, .weights.h5, .h5 or .json' train net.json --output o.txt
    refused 1 'o.keras: the name of the output must end in .csv, .h5 or .hdf5' predict net.json --output o.keras
    refused 1 'nowhere/o.keras: cannot write: No such file' train net.json --output nowhere/o.keras
    refused 1 'net.json/logs: cannot make the folder: Not a directory' train net.json --log-dir net.json/logs
    [ "$(ls | grep -c '^o\.')" -eq 0 ] || fail 'an output file is left behind'
    model big.json '{"class_name": "Dense", "config": {"units": 5000}}, '"$dense"
    checks=$((checks + 1))
    # a limit on the size of files is the no-space-left that needs no mount
    (ulimit -f 8 && "$antler" train big.json --epochs 1 --quiet --output big.keras) >out 2>err
    [ $? -eq 1 ] || fail 'no space: the exit status is not 1'
    [ "$(wc -l <err)" -eq 1 ] && grep -q '^antler: big.keras' err || fail 'no space: no line of error'
    [ "$(ls | grep -c '^big\.keras')" -eq 0 ] || fail 'no space: a file is left behind'
    if [ -e /dev/full ]; then
        checks=$((checks + 1))
        "$antler" layers >/dev/full 2>err
        [ $? -eq 1 ] && grep -q '^antler: standard output: ' err || fail 'a full standard output goes unnoticed'
    fi
}

# A loss for an output that is not there keeps nobody from looking at the model; all that trains says so.
case_loss_of_no_output() {
    graph lost.json
    sed -i 's/"loss": "mse"/"loss": {"p": "mse", "kind": "mse"}/' lost.json
    unfit='lost.json(:10)?: compile_config.loss: the model has no output "kind"; it has "p", "q"'
    refused 1 "$unfit" bench lost.json
    run 0 summary lost.json
    prints '^loss +lost.json:10: compile_config.loss: the model has no output "kind"'
    run 0 convert lost.json lost.keras
    grep -q '^antler: warning: lost.json:10: compile_config.loss: the model has no output' err || fail 'convert does not warn'
    has_double loss_of_no_output || return
    refused 1 "$unfit" gradcheck lost.json
}

# Data sets are those of the inputs and outputs, or the file that has others is named.
case_parts_of_no_input() {
    graph g.json
    mkdir -p parts/x_train parts/y_train
    for set in x_train/a x_train/c y_train/p y_train/q; do
        cp data/x_train.csv "parts/$set.csv"
    done
    refused 1 'parts: x: the model has no input "c"' train g.json --data parts --output g.keras
    [ ! -e g.keras ] || fail 'g.keras is left behind'
}
