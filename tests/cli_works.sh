# What works: cases of cli.sh.

case_help() {
    run 0 --help
    prints '^usage: antler COMMAND'
    run 0 --version
    prints '^antler [0-9]+\.[0-9]+\.[0-9]+$'
    for command in train evaluate predict summary layers bench gradcheck convert plot; do
        run 0 $command --help
        prints "^usage: antler $command"
    done
}

case_usage() {
    "$antler" >out 2>err
    [ $? -eq 2 ] || fail "no command: exit status is not 2"
    refused 2 "unknown command 'trian'; did you mean 'train'" trian
    refused 2 "unknown command 'xyzzy'" xyzzy
    refused 2 'an operand is missing: expected MODEL' train
    refused 2 "'b' is one operand too many: expected MODEL" summary a b
    refused 2 'an operand is missing: expected IN OUT' convert a
    refused 2 "unknown option '--epoch'; did you mean '--epochs'" train net.json --epoch 3
    refused 2 "unknown option '--data'" summary net.json --data x
    refused 2 '--epochs needs a value' train net.json --epochs
    refused 2 "--epochs: '3x' is not a whole number from 1 to" train net.json --epochs 3x
    refused 2 "--epochs: '0' is not" train net.json --epochs 0
    refused 2 "--epochs: ' 3' is not" train net.json --epochs ' 3'
    refused 2 "--epochs: '' is not" train net.json --epochs=
    refused 2 "--seed: '99999999999999999999' is not" train net.json --seed 99999999999999999999
    refused 2 "--batch-size: '-1' is not" train net.json --batch-size -1
    refused 2 "--threads: '65' is not a whole number from 1 to 64" train net.json --threads 65
    refused 2 '--quiet takes no value' train net.json --quiet=1
    refused 2 '--epochs is given twice' train net.json --epochs 1 --epochs 2
    refused 2 '--data: the value is empty' train net.json --data ''
    refused 2 '--resume needs --checkpoint' train net.json --resume
}

case_train() {
    run 0 train net.json --output a.keras --log-dir logs/deep
    prints '^training +45 samples; classes 0 to 1: [0-9]+, [0-9]+$'
    prints '^validation +15 samples'
    prints 'kernel 2x8, bias 8'
    prints '^optimizer +SGD'
    prints '^rate +0.5$'
    prints '^epoch 3/3  .*  loss [0-9.e+-]+  accuracy [0-9.e+-]+  val_loss [0-9.e+-]+  val_accuracy [0-9.e+-]+$'
    prints 'dropout off'
    prints '^training +loss [0-9.e+-]+ accuracy [0-9.e+-]+$'
    [ "$(wc -l <logs/deep/history.csv)" -eq 4 ] || fail 'history.csv has not a heading and 3 lines'
    head -n 1 logs/deep/history.csv | grep -q '^epoch,loss,accuracy,val_loss,val_accuracy$' || fail 'heading of history.csv'
    grep -q '"seed": 7' logs/deep/settings.json || fail 'settings.json has no seed'
    run 0 train net.json --output b.keras --quiet --threads 2
    [ ! -s out ] && [ ! -s err ] || fail '--quiet prints something'
    run 0 evaluate a.keras --data data
    mv out a.txt
    run 0 evaluate b.keras --data data
    cmp -s a.txt out || fail 'the same seed gives another model'
    prints '^loss [0-9.e+-]+ accuracy [0-9.e+-]+$'
    [ "$(wc -l <out)" -eq 1 ] || fail 'evaluate prints more than one line'
    run 0 train net.json --output c.keras --quiet --seed 8 --no-shuffle --epochs 1 --batch-size 7
    run 0 evaluate c.keras --data data
    cmp -s a.txt out && fail 'another seed gives the same model'
    run 0 train net.json --validation --epochs 1
    prints '^validation +20 samples'
    run 0 train a.keras --data data --epochs 1 --quiet --output a.keras
    run 0 train net.json --weights a.keras --epochs 1 --quiet
}

case_resume() {
    run 0 train net.json --epochs 4 --quiet --output whole.weights.h5 --log-dir whole
    run 0 train net.json --epochs 2 --quiet --checkpoint state --log-dir parts
    run 0 train net.json --epochs 4 --quiet --checkpoint state --resume --output parts.weights.h5 --log-dir parts
    cmp -s whole/history.csv parts/history.csv || fail 'a resumed history differs'
    run 0 predict net.json --weights whole.weights.h5
    mv out whole.txt
    run 0 predict net.json --weights parts.weights.h5
    cmp -s whole.txt out || fail 'resumed weights differ'
}

case_absent_monitor() {
    sed 's/"validation_split": 0.25/"callbacks": ["EarlyStopping"]/' net.json >absent.json
    grep -q EarlyStopping absent.json || fail 'net.json has another "fit" than this case thinks'
    run 0 train absent.json --epochs 3 --output absent.keras
    grep -qxF "$(sed -n '/^antler: warning/p' "$root/docs/callbacks.md")" err || fail 'not the warning of docs/callbacks.md'
    [ "$(wc -l <err)" -eq 1 ] || fail 'more than one line of warning'
}

case_predict() {
    run 0 train net.json --quiet --output p.keras
    run 0 predict p.keras --data data
    prints '^   index  decision  probabilities$'
    prints '^ +19 +[01]  +[0-9.e-]+ +[0-9.e-]+$'
    [ "$(wc -l <out)" -eq 21 ] || fail 'predict has not 20 lines and a heading'
    mv out first.txt
    run 0 predict p.keras --data data --batch-size 3 --threads 2
    cmp -s first.txt out || fail 'predictions depend on batch size or threads'
    run 0 predict p.keras --data data --x x_train
    [ "$(wc -l <out)" -eq 61 ] || fail '--x is not obeyed'
    run 0 predict p.keras --data data --mc 20
    prints '^ +0 +[01]  +[0-9.e-]+ +[0-9.e-]+  \+- +[0-9.e-]+ +[0-9.e-]+$'
    mv out first.txt
    run 0 predict p.keras --data data --mc 20 --batch-size 7
    cmp -s first.txt out || fail 'Monte Carlo depends on the batch size'
    run 0 predict p.keras --data data --mc 20 --output p.h5
    [ ! -s out ] || fail 'predict --output prints'
    cp p.h5 q.h5
    run 0 predict p.keras --data data --mc 20 --output p.h5
    cmp -s p.h5 q.h5 || fail 'predict twice gives different bytes'
    run 0 predict p.keras --data data --output p.h5
    # what it wrote is data again: two columns, the shape of this model's input
    run 0 predict p.keras --data p.h5 --x predict
    model numbers.json '{"class_name": "Dense", "config": {"units": 1}}' mse
    run 0 predict numbers.json --data data
    prints '^   index  decision  outputs$'
    prints '^ +19 +-  +[0-9.e-]+$'
    refused 1 'probabilities' predict p.keras --data p.h5 --x probabilities
}

# The table's lines are the classes of the targets; its diagonal is what the accuracy counts.
case_confusion() {
    run 0 train net.json --quiet --output k.keras
    run 0 evaluate k.keras --data data --confusion
    prints '^ *class +0 +1$'
    awk -v targets="$(grep -c 1 data/y_test.csv)" '
        /^loss/ { accuracy = $4 }
        /^ *[01]  *[0-9]+  *[0-9]+$/ { right += $($1 + 2); sum[$1] = $2 + $3 }
        END { exit !(sum[0] + sum[1] == 20 && sum[1] == targets && (right / 20 - accuracy) ^ 2 < 1e-9) }
    ' out || fail 'the table is not that of the targets and the accuracy'
    model one.json '{"class_name": "Dense", "config": {"units": 1, "activation": "sigmoid"}}' binary_crossentropy
    run 0 evaluate one.json --data data --confusion
    prints '^ *class +0 +1$'
    refused 2 '--confusion takes no value' evaluate k.keras --confusion=1
}

case_sample_weight() {
    for set in train test; do
        for weight in 0 1 2; do
            sed "s/.*/$weight/" data/y_$set.csv >data/w${weight}_$set.csv
        done
    done
    run 0 train net.json --quiet --output w.keras
    run 0 evaluate w.keras --data data
    mv out plain.txt
    run 0 evaluate w.keras --data data --sample-weight w1_test
    cmp -s plain.txt out || fail 'weights of 1 change the loss'
    run 0 evaluate w.keras --data data --sample-weight w2_test
    cat plain.txt out | awk '{ loss[NR] = $2 } END { d = loss[2] / loss[1] - 2; exit !(NR == 2 && d * d < 1e-6) }' ||
        fail 'weights of 2 do not double the loss'
    run 0 train net.json --quiet --sample-weight w1_train --output one.keras
    run 0 evaluate one.keras --data data
    cmp -s plain.txt out || fail 'weights of 1 train another model'
    for epochs in 1 3; do # of 0 there is nothing to learn
        run 0 train net.json --quiet --sample-weight w0_train --epochs $epochs --output zero.keras
        run 0 predict zero.keras --data data
        mv out none$epochs.txt
    done
    cmp -s none1.txt none3.txt || fail 'samples of weight 0 train'
    refused 1 'nothing' evaluate w.keras --data data --sample-weight nothing
    refused 1 '20' train net.json --sample-weight w1_test
}

# Two outputs, whose targets are a folder in the folder of the data.
case_several() {
    cat >pair.json <<EOF
{"class_name": "Functional", "config": {"name": "pair", "layers": [
  {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [null, 2]}, "inbound_nodes": []},
  {"class_name": "Dense", "name": "kind", "config": {"name": "kind", "units": 2, "activation": "softmax"},
   "inbound_nodes": [[["x", 0, 0]]]},
  {"class_name": "Dense", "name": "size", "config": {"name": "size", "units": 1}, "inbound_nodes": [[["x", 0, 0]]]}],
  "input_layers": [["x", 0, 0]], "output_layers": [["kind", 0, 0], ["size", 0, 0]]},
 "compile_config": {"optimizer": "sgd", "loss": {"size": "mse", "kind": "sparse_categorical_crossentropy"},
                    "loss_weights": {"size": 0.5}, "metrics": {"kind": ["accuracy"]}},
 "fit": {"data": "several", "epochs": 2, "batch_size": 10, "validation_split": 0.25}}
EOF
    for part in train test; do
        mkdir -p "several/y_$part"
        cp "data/x_$part.csv" several
        cp "data/y_$part.csv" "several/y_$part/kind.csv"
        cut -d, -f1 "data/x_$part.csv" >"several/y_$part/size.csv"
    done
    run 0 train pair.json --output pair.keras --log-dir logs
    prints '^training +45 samples; kind classes 0 to 1: [0-9]+, [0-9]+$'
    prints '^epoch 2/2 .* loss .* kind_loss .* size_loss .* kind_accuracy .* val_loss .* val_kind_accuracy '
    grep -q '^epoch,loss,kind_loss,size_loss,kind_accuracy,val_loss,' logs/history.csv || fail 'no such names in history.csv'
    run 0 evaluate pair.keras --data several
    prints '^loss [0-9.]+ kind_loss [0-9.]+ size_loss [0-9.]+ kind_accuracy [0-9.]+$'
    run 0 predict pair.keras --data several
    prints '^kind:$'
    prints '^size:$'
    [ "$(wc -l <out)" -eq 45 ] || fail 'not two tables of 20 lines'
    run 0 predict pair.keras --data several --output pair.h5 --mc 2
    run 0 evaluate pair.json --weights pair.keras --data several
    run 0 summary pair.json
    prints '^loss +kind: SparseCategoricalCrossentropy'
    prints '^ +size: MeanSquaredError'
    run 0 bench pair.json
    mv several/y_test/size.csv several/y_test/sise.csv
    refused 1 'the model has no output "sise"; did you mean "size"' evaluate pair.keras --data several
    echo 9 >>several/y_train/kind.csv
    refused 1 'they must have the same number' train pair.json --quiet
    sed -i '$d' several/y_train/kind.csv
    sed -i '1s/.*/7/' several/y_train/kind.csv
    refused 1 'y_train/kind: row 0: 7 is no class' train pair.json --quiet
}

case_summary() {
    run 0 summary net.json
    prints '^layer +type +output +weights +shapes$'
    prints '^dense +Dense +\(None, 8\) +24 +kernel 2x8, bias 8$'
    prints '^42 weights, 42 trained, [0-9]+ bytes$'
    prints '^loss +SparseCategoricalCrossentropy'
}

# Two inputs, a model that both go through, two outputs.
graph() { # FILE
    cat >"$1" <<'EOF'
{"class_name": "Model", "config": {"name": "g<r>&aph", "layers": [
  {"class_name": "InputLayer", "name": "a", "config": {"batch_shape": [null, 2]}, "inbound_nodes": []},
  {"class_name": "InputLayer", "name": "b", "config": {"batch_shape": [null, 2]}, "inbound_nodes": []},
  {"class_name": "Sequential", "name": "base", "config": {"name": "base", "trainable": false, "layers": [
     {"class_name": "Dense", "config": {"units": 3, "use_bias": false}}]},
   "inbound_nodes": [[["a", 0, 0]], [["b", 0, 0]]]},
  {"class_name": "Dense", "name": "p", "config": {"units": 1}, "inbound_nodes": [[["base", 0, 0]]]},
  {"class_name": "Dense", "name": "q", "config": {"units": 2}, "inbound_nodes": [[["base", 1, 0]]]}],
 "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["p", 0, 0], ["q", 0, 0]]},
 "compile_config": {"optimizer": "sgd", "loss": "mse"}}
EOF
}

case_summary_of_a_graph() {
    graph g.json
    run 0 summary g.json
    prints '^layer +type +output +weights +shapes +from$'
    prints '^a +InputLayer +\(None, 2\) +0$'
    prints '^base/dense +Dense +\(None, 3\) +6 +kernel 2x3 +[ab]$'
    prints '^ +[ab]$'
    prints '^p +Dense +\(None, 1\) +4 +kernel 3x1, bias 1 +base/dense(:1)?$'
    prints '^18 weights, 12 trained, [0-9]+ bytes$'
    run 0 bench g.json --threads 1
    has_double summary_of_a_graph || return
    run 0 gradcheck g.json
}

case_plot() {
    graph g.json
    run 0 plot g.json g.dot
    run 0 plot g.json g.gv
    cmp -s g.dot g.gv || fail 'plot: .dot and .gv differ'
    cp g.dot out
    prints '^digraph model'
    prints '<b>g&lt;r&gt;&amp;aph</b>'
    prints 'subgraph cluster_1 \{'
    prints '<b>dense</b><br/>Dense<br/>.*\(None, 3\)<br/>6 weights, frozen</font>.*dashed'
    prints '2 weights|8 weights<br/><i>output</i>'
    prints 'n0 -> n2 .*call [01]'
    prints 'n1 -> n2 .*call [01]'
    [ "$(grep -c '<i>output</i>' g.dot)" -eq 2 ] || fail 'plot: not two outputs'
    [ "$(grep -c '{' g.dot)" -eq "$(grep -c '}' g.dot)" ] || fail 'plot: clusters are not closed'
    run 0 plot net.json chain.dot
    if command -v dot >/dev/null; then
        for suffix in svg png pdf; do
            run 0 plot g.json g.$suffix
            [ -s g.$suffix ] || fail "plot: no g.$suffix"
        done
        grep -q '<svg' g.svg || fail 'plot: g.svg is no picture'
        checks=$((checks + 1))
    else
        echo 'SKIPPED: graphviz is not installed'
    fi
    rm -f none.svg
    (PATH=/nowhere && export PATH && "$antler" plot g.json none.svg >out 2>err) && fail 'plot without dot: no failure'
    grep -q "^antler: none.svg: drawing needs graphviz's program dot, which is not there" err || fail 'plot without dot'
    [ ! -e none.svg ] && [ ! -e none.svg.part ] || fail 'plot without dot left a file'
    refused 1 'the name of the output must end in .svg, .png, .pdf, .dot or .gv' plot g.json g.jpg
    refused 1 'nothing/g.svg' plot g.json nothing/g.svg
    refused 1 'nowhere.json' plot nowhere.json g.svg
    refused 2 'an operand is missing: expected MODEL OUT' plot g.json
}

case_layers() {
    run 0 layers
    for word in 'layer +Dense ' 'loss +MeanSquaredError ' 'optimizer +Adam ' 'callback +EarlyStopping '; do
        prints "^$word"
    done
    run 0 layers Dropout
    prints '^rate +number +.*\[0, 1\]'
    prints '^noise_shape '
    prints '^samples:'
    run 0 layers Softmax
    prints '\(layer\)'
    prints '\(activation\)'
    run 0 layers adam
    prints '^Adam \(optimizer\)'
    prints '^learning_rate '
    refused 1 'unknown class "Dorpout"; did you mean "Dropout"' layers Dorpout
    refused 1 'unknown class "xyzzyxyzzy"' layers xyzzyxyzzy
}

case_bench() {
    run 0 bench net.json --batch-size 4 --threads 1
    prints '^small +antler +[0-9.]+ ms/step +[0-9.]+ us/predict$'
}

case_gradcheck() {
    cp "$antler" alone
    ./alone gradcheck net.json >out 2>err
    case "$antler" in
    *antler64) ;;
    *) grep -q '^antler: gradcheck needs the double-precision command .*/antler64: ' err || fail 'antler64 is not missed' ;;
    esac
    has_double gradcheck || return
    run 0 gradcheck net.json
    prints '^dropout on'
    prints '^dropout off'
    prints '^dense +kernel +\(2, 8\) +16/16 .* OK'
    grep -q FAIL out && fail 'a gradient is wrong'
    model moves.json "{\"class_name\": \"SpectralNormalization\", \"config\": {\"layer\": $hidden}}, $dense"
    refused 1 'a pass in training changes the weights of SpectralNormalization' gradcheck moves.json
    run 0 gradcheck net.json --all --threads 1
}

case_convert() {
    run 0 convert net.json c.keras
    run 0 predict c.keras --data data
    mv out first.txt
    for suffix in h5 keras; do
        run 0 convert c.keras "d.$suffix"
        run 0 predict "d.$suffix" --data data
        cmp -s first.txt out || fail "predictions differ after convert to .$suffix"
    done
    run 0 convert c.keras d.weights.h5
    run 0 predict net.json --weights d.weights.h5
    cmp -s first.txt out || fail 'predictions differ with .weights.h5'
    run 0 convert c.keras d.json
    run 0 summary d.json
}

# A build without protobuf-c has one line for it.
case_convert_onnx() {
    if "$antler" convert net.json d.onnx 2>err; then
        run 0 convert net.json e.onnx --noise
        grep -q Dropout e.onnx || fail 'no Dropout with --noise'
        ! grep -q Dropout d.onnx || fail 'a Dropout without --noise'
    else
        refused 1 'd.onnx: this build of Antler writes no ONNX files' convert net.json d.onnx
        [ ! -e d.onnx ] || fail 'a file is left behind'
    fi
    refused 1 '--noise is for a file whose name ends in .onnx' convert net.json d.keras --noise
}

# What must not be lost, or taken for something else.
case_refusals_that_save() {
    run 0 train net.json --quiet --epochs 1 --optimizer Adam --output adam.keras --checkpoint adams
    refused 1 'a checkpoint of another optimizer' train net.json --quiet --epochs 2 --optimizer Adamax --checkpoint adams --resume
    refused 2 '--by-name needs --weights FILE' evaluate adam.keras --data data --by-name
    run 0 predict adam.keras --data data --output p.h5
    cp p.h5 same.h5
    refused 1 'same.h5: the output would take the place of the data' predict adam.keras --data same.h5 --x predict --output same.h5
    cmp -s p.h5 same.h5 || fail 'the data was changed'
}

# The columns of the data are the steps, as many as there are.
case_lengths() {
    cat >open.json <<'EOF'
{"class_name": "Sequential", "config": {"name": "open", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, null]}},
  {"class_name": "Reshape", "config": {"target_shape": [-1, 1]}},
  {"class_name": "GRU", "config": {"units": 3}},
  {"class_name": "Dense", "config": {"units": 2, "activation": "softmax"}}]},
 "compile_config": {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}}
EOF
    run 0 summary open.json
    prints '^reshape +Reshape +\(None, None, 1\) '
    run 0 train open.json --data data --validation --output open.keras
    prints '^epoch 1/1  .*  val_loss [0-9.e+-]+'
    run 0 evaluate open.keras --data data --confusion
    prints '^class'
    sed 's/$/,0.5/' data/x_test.csv >longer.csv
    for file in data/x_test.csv longer.csv; do
        run 0 predict open.keras --data "$file"
        [ "$(wc -l <out)" -eq 21 ] || fail "$file: not 20 predictions"
    done
    sed 's/"units": 2/"units": 2, "name": "last"/; s/{"class_name": "GRU", "config": {"units": 3}}/{"class_name": "Flatten", "config": {}}/' \
        open.json >flat.json
    refused 1 'flat.json:5: config.layers\[3\]: last \(Dense\), input \(None, 7680\) .*kernel would have the shape \(None, 2\)' summary flat.json
    has_double lengths || return
    run 0 gradcheck open.json --length 4
    prints '^gru +kernel .* OK'
}
