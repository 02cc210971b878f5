# Files of all kinds: cases of cli.sh.

# Settings of training that nobody knows keep nobody from predicting; what trains and evaluates names them, or takes
# others in their place.
case_unread_settings() {
    sed 's/"loss": "[a-z_]*"/"loss": "my_loss"/; s/\["accuracy"\]/["accuracy", "my_metric"]/; s/"epochs"/"callbacks": ["Mine"], &/' \
        net.json >mine.json
    sed 's/"class_name": "SGD"/"class_name": "Lookahead"/' net.json >ahead.json
    unread='\(only training and evaluating need it\)'
    for command in 'predict mine.json' 'summary mine.json' 'convert mine.json mine.keras'; do
        run 0 $command
        grep -Eq "^antler: warning: mine.json:5: compile_config.loss: unknown loss \"my_loss\" $unread" err || fail "no loss: $command"
        grep -Eq "^antler: warning: mine.json:5: compile_config.metrics\[1\]: unknown metric \"my_metric\" $unread" err || fail "no metric: $command"
        grep -Eq '^antler: warning: mine.json:6: fit.callbacks\[0\]: unknown callback "Mine" \(only training needs it\)' err || fail "no callback: $command"
    done
    grep -q '^antler: warning: mine.keras: compile_config.metrics: written as it came' err || fail 'convert does not say what it kept'
    run 0 convert mine.keras back.json
    for word in my_loss my_metric Mine '"SGD"'; do
        grep -q "$word" back.json || fail "convert dropped $word"
    done
    run 0 convert mine.json mine.h5
    grep -q '^antler: warning: mine.h5: compile_config.loss: left out' err || fail 'convert does not say what it lost'
    refused 1 'mine.json:5: compile_config.loss: unknown loss "my_loss"; give --loss NAME' train mine.json --output none.keras
    refused 1 'mine.json:5: compile_config.loss: unknown loss "my_loss"; give --loss NAME' evaluate mine.json
    refused 1 'metrics\[1\]: unknown metric "my_metric"; give --metrics NAMES' evaluate mine.json --loss mse
    refused 1 'fit.callbacks\[0\]: unknown callback "Mine"' train mine.json --loss mse --metrics mae --output none.keras
    [ ! -e none.keras ] || fail 'none.keras is left behind'
    run 0 predict ahead.json
    grep -q 'unknown optimizer "Lookahead"' err || fail 'no optimizer'
    refused 1 'unknown optimizer "Lookahead"; give --optimizer NAME' train ahead.json
    refused 1 'unknown optimizer "Lookahead"; give --optimizer NAME' evaluate ahead.json
    run 0 train ahead.json --optimizer '{"class_name": "SGD", "config": {"learning_rate": 0.5}}' --quiet --output ahead.keras
    [ ! -s err ] || fail 'a warning of what was replaced'
    run 0 train net.json --quiet --output net.keras
    cmp -s ahead.keras net.keras || fail '--optimizer trains another model than the same one in the file'
    run 0 evaluate net.keras --data data
    mv out first.txt
    run 0 evaluate mine.json --weights net.keras --loss sparse_categorical_crossentropy --metrics accuracy
    cmp -s first.txt out || fail 'evaluate with --loss and --metrics tells something else'
    refused 1 'unknown loss "mes"; did you mean "mse"' evaluate net.json --loss mes
    sed 's/"compile_config".*/"unused": null,/; /"loss"/d' net.json >bare.json
    refused 1 'bare.json: compile_config.loss: the model has no loss; give --loss NAME' evaluate bare.json
    refused 1 'the model has no optimizer; give --optimizer NAME' train bare.json --loss sparse_categorical_crossentropy
    run 0 evaluate bare.json --loss sparse_categorical_crossentropy
    run 0 train bare.json --loss sparse_categorical_crossentropy --optimizer sgd --quiet
}

# What a file is its first bytes tell.
case_containers() {
    run 0 convert net.json c.keras
    run 0 convert net.json c.h5
    run 0 convert net.json c.weights.h5
    run 0 predict c.keras --data data
    mv out first.txt
    cp c.keras zip.h5
    cp c.h5 hdf5.keras
    cp net.json json.h5
    cp c.h5 model
    for file in zip.h5 hdf5.keras json.h5 model; do
        run 0 predict $file --data data
        cmp -s first.txt out || fail "$file predicts otherwise"
    done
    cp c.weights.h5 weights.keras
    for file in c.weights.h5 weights.keras c.h5 zip.h5; do
        run 0 predict net.json --weights $file
        cmp -s first.txt out || fail "weights of $file predict otherwise"
    done
    refused 1 'weights.keras: it holds weights alone, no architecture' summary weights.keras
    refused 1 'net.json: JSON, which has no weights' predict net.json --weights net.json
    echo 'version https://git-lfs.github.com/spec/v1' >lfs.h5
    refused 1 'lfs.h5: it is a Git LFS pointer' summary lfs.h5
    echo '<!DOCTYPE html>' >page.keras
    refused 1 'page.keras: it is a web page' summary page.keras
    printf '\357\273\277' | cat - net.json >bom.json
    run 0 predict bom.json --data data
    cmp -s first.txt out || fail 'a byte order mark changes a model'
}

# Of another model's weights both sides are named; by name the layers that are there take theirs.
case_weights_by_name() {
    named='{"class_name": "Dense", "config": {"name": "hidden", "units": 8, "activation": "tanh"}}'
    model a.json "$named, $dense"
    mine='{"class_name": "Dense", "config": {"name": "mine", "units": 3}}'
    model b.json "$named, $mine, {\"class_name\": \"Dense\", \"config\": {\"name\": \"last\", \"units\": 2}}"
    model c.json '{"class_name": "Dense", "config": {"name": "other", "units": 8}}'
    run 0 train a.json --quiet --output a.h5
    run 0 convert a.h5 a.weights.h5
    refused 1 'a.h5: .*no weight.*layer "last": the file has those of 2 layers \(hidden, dense\)|a.h5: .*weights of shape' predict b.json --weights a.h5
    refused 1 'a.weights.h5: /layers/dense.*(the file has|weights of shape)' predict b.json --weights a.weights.h5
    refused 1 'a.weights.h5: .*the file has weights for "dense_1" more than the model' predict c.json --weights a.weights.h5
    run 0 convert b.json by_name.keras --weights a.h5 --by-name
    run 0 doctor by_name.keras
    refused 1 'no layer of the model has a name of the file.s: it has weights for hidden, dense; the model.s last is "other"' \
        predict c.json --weights a.h5 --by-name
    refused 1 'the layers in it are numbered by class, not named' predict a.json --weights a.weights.h5 --by-name
    run 0 predict a.json --weights a.h5
    mv out first.txt
    run 0 predict a.json --weights a.h5 --by-name
    cmp -s first.txt out || fail 'all weights by name are not all weights'
}

# Keras 2's hard_sigmoid, which Keras 3 has no name for: the same bits in every format.
case_convert_of_keras2() {
    files=$root/tests/files
    echo '0.68037844,-0.13656634,-0.37909856,0.4631101,0
0.82451355,-0.20252988,-0.15278618,0.68569863,0
-0.87034065,-1.5143836,0.39498186,-0.67056584,0' >four.csv
    run 0 predict "$files/keras2_hard_sigmoid.h5" --data four.csv
    prints '^ +0 .* 0.62556$'
    prints '^ +1 .* 0.73098$'
    prints '^ +2 .* 0$'
    mv out first.txt
    for suffix in keras json h5; do
        run 0 convert "$files/keras2_hard_sigmoid.h5" "k.$suffix"
        cp err "k.$suffix.err"
        weights=k.keras
        [ $suffix != json ] || weights="k.json --weights k.keras"
        [ $suffix != h5 ] || weights=k.h5
        run 0 predict $weights --data four.csv
        cmp -s first.txt out || fail "hard_sigmoid of Keras 2 changes on its way through .$suffix"
    done
    grep -q '^antler: warning: k.h5: the file is for Keras 2: Keras 3 takes a name in it for another function' k.h5.err || fail 'no warning of a misreading'
    grep -q '"hard_sigmoid"' k.json && fail "hard_sigmoid of Keras 2 is written as that of Keras 3"
    run 0 convert k.keras l.h5
    run 0 predict l.h5 --data four.csv
    cmp -s first.txt out || fail 'hard_sigmoid of Keras 2 changes from .keras to .h5'
    run 0 predict "$files/keras2_adam.h5" --data four.csv
    prints '^ +0 .* 0.31391$'
    prints '^ +2 .* -1.3302$'
}

case_doctor() {
    run 0 doctor net.json
    prints '^file +JSON; [0-9]+ bytes$'
    prints '^contains +Sequential of 4 layers: InputLayer, Dense, Dropout, Dense$'
    prints '^Antler +can use it$'
    run 0 doctor "$root/tests/files/keras2_hard_sigmoid.h5"
    prints '^file +an HDF5 file; 12400 bytes$'
    prints '^written by  Keras 2.21.0 on tensorflow$'
    prints '^translated  config.layers\[1\].config.activation: "hard_sigmoid" means what it meant in Keras 2'
    prints '^Keras 3.15  config.layers\[1\].config.activation: Keras takes "hard_sigmoid" for .* it answers otherwise$'
    prints '^Keras 3.15  opens it, and answers otherwise without a word$'
    cp "$root/tests/files/keras2_hard_sigmoid.h5" k.keras
    run 0 doctor k.keras
    prints '^Keras 3.15  Keras goes by the name, which must end in .h5'
    sed 's/"activation": "tanh"/"activation": "tahn"/; s/"rate": 0.5/"rate": 1.5/; s/"sparse[a-z_]*"/"mine"/' net.json >ill.json
    run 1 doctor ill.json
    prints '^error +config.layers\[1\].config.activation: unknown activation "tahn"'
    prints '^error +config.layers\[2\].config.rate: 1.5 is not in \[0, 1\]$'
    prints '^Antler +cannot use it$'
    sed 's/"sparse[a-z_]*"/"mine"/' net.json >mine.json
    run 0 doctor mine.json
    prints '^not read +compile_config.loss: unknown loss "mine".* \(only training and evaluating need it\)$'
    run 0 convert net.json w.weights.h5
    run 0 doctor w.weights.h5
    prints '^contains +weights alone, no architecture: [0-9]+ arrays'
    run 0 doctor "$root/examples/data/digits.h5"
    prints '^contains +data: [0-9]+ arrays, .*x_test'
    run 0 doctor data/x_train.csv
    head -c 1000 w.weights.h5 >cut.h5
    run 1 doctor cut.h5
    prints '^error '
    run 1 doctor nowhere.h5
    prints '^error +cannot open'
    run 0 doctor --json net.json
    prints '^  \{"finding": "file", "place": "", "text": "JSON; [0-9]+ bytes"\},$'
}

case_columns() {
    echo 'id,name,age,balance,note,exited
156346020,"O""Hara, J.",42,1.5,7,1
156473110,"Diaz
junior",41,0.5,x;y,0' >churn.csv
    model two.json '{"class_name": "Dense", "config": {"units": 1, "kernel_initializer": "ones"}}' mse
    run 0 predict two.json --data churn.csv --x age,balance
    prints '^ +0 +- +43.5$'
    prints '^ +1 +- +41.5$'
    refused 1 'churn.csv:2: column 2 \(name\): "O""Hara, J." is not a finite number' predict two.json --data churn.csv --x age,name
    refused 1 'churn.csv:4: column 5 \(note\): "x;y" is not a finite number' predict two.json --data churn.csv --x age,note
    printf 'a;b;y\n1,5;2;3\n' >semicolons.csv
    run 0 predict two.json --data semicolons.csv
    prints '^ +0 +- +3.5$'
    printf 'a\tb\ty\n1\t2\t3\n' >tabs.csv
    run 0 predict two.json --data tabs.csv
    prints '^ +0 +- +3$'
    printf '0,1,2\n1.5,2,3\n' >pandas.csv
    run 0 evaluate two.json --data pandas.csv --x x_all --y y_all
    grep -q '^antler: warning: pandas.csv:1: the line 0,1,... is taken for a row' err || fail 'no warning of a heading'
    run 0 predict two.json --data pandas.csv --x 0,1
    [ "$(wc -l <out)" -eq 2 ] || fail 'columns by number do not make the first line a heading'
}

case_softmax_of_one() {
    model one.json '{"class_name": "Dense", "config": {"units": 1, "activation": "softmax"}}' mse
    run 0 summary one.json
    grep -q '^antler: warning: one.json:3: config.layers\[1\]: softmax over one unit is always 1' err || fail 'no warning'
    model layer.json '{"class_name": "Dense", "config": {"units": 2, "activation": {"class_name": "LeakyReLU", "config": {}}}}'
    refused 1 'layer.json:3: config.layers\[1\].config.activation.class_name: "LeakyReLU" is a layer' summary layer.json
    grep -q leaky_relu err && fail 'another function is advised'
    model int8.json '{"class_name": "Dense", "config": {"units": 2, "dtype": {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}}}}'
    refused 1 'int8.json:3: .*dtype: QuantizedDTypePolicy \{"mode": "int8"\} is not supported' summary int8.json
}
