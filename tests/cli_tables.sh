# shellcheck shell=sh disable=SC2154 # cli.sh sets what is used here
# Tables as people have them: read by cli.sh, whose helpers and data these cases use.

# table_model FILE CLASSES [FIT]: three inputs
table_model() {
    cat >"$1" <<END
{"class_name": "Sequential", "config": {"name": "table", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, 3]}},
  {"class_name": "Normalization"},
  {"class_name": "Dense", "config": {"units": $2, "activation": "softmax"}}]},
 "compile_config": {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
 "fit": {"epochs": 2, "seed": 1${3:+, $3}}}
END
}

case_table() {
    printf 'id;size;color;kind\n1;1,5;red;"cat, wild"\n2;2,5;blue;dog\n3;;blue;dog\n4;3,5;red;"cat, wild"\n' >pets.csv
    table_model pets.json 2 '"x": "all but id", "y": "kind"'
    refused 1 'pets.csv:4: column 2 \(size\): 1 missing value, in line 4; "missing": "drop" leaves' train pets.json --data pets.csv
    refused 1 'missing: "median" is not refuse, drop or mean' train pets.json --data pets.csv --missing median
    run 0 train pets.json --data pets.csv --missing drop --quiet
    run 0 train pets.json --data pets.csv --missing mean --output pets.keras
    prints '^training +4 samples; cat, wild 2, dog 2$'
    run 0 evaluate pets.keras --data pets.csv --confusion
    prints '^cat, wild +[0-9]+ +[0-9]+$'
    printf 'color\tsize\nblue\t2.5\nred\tNA\n' >new.tsv
    run 0 predict pets.keras --data new.tsv
    prints '^   index   decision  probabilities$'
    prints '^       1 +(cat, wild|dog) +0'
    run 0 predict pets.keras --data new.tsv --output answers.csv
    head -n 1 answers.csv | grep -qx '"cat, wild",dog,kind' || fail "heading: $(head -n 1 answers.csv)"
    [ "$(wc -l <answers.csv)" -eq 3 ] || fail 'answers.csv'
    checks=$((checks + 1))
    "$antler" predict pets.keras --data - --output - <new.tsv 2>err | cmp -s - answers.csv || fail 'from and to pipes'
    run 0 predict pets.keras --data new.tsv --output answers.csv --mc 2
    head -n 1 answers.csv | grep -qx '"cat, wild",dog,"cat, wild_std",dog_std,kind' || fail "heading: $(head -n 1 answers.csv)"
    printf 'color,size\ngreen,1\n' >green.csv
    refused 1 'green.csv:2: column 1 \(color\): "green" is none of the 2 texts that training saw: blue, red' predict pets.keras --data green.csv
    printf 'hue,size\nred,1\n' >hue.csv
    refused 1 'hue.csv: no column "color", which the model was trained with' predict pets.keras --data hue.csv
    printf 'a,b\n1,red\n' >foreign.csv
    run 0 predict pets.keras --data foreign.csv
    grep -q '^antler: warning: foreign.csv: none of its columns has a name that the model was trained with, such as "size"' err ||
        fail 'no warning of other names'
    refused 1 'standard input:1: the file is empty' predict pets.keras --data - </dev/null
    refused 1 'pets.csv: --validation: a table has no other data sets' train pets.json --data pets.csv --missing drop --validation
    run 0 train pets.keras --data pets.csv --quiet --output again.keras
    table_model three.json 3 '"x": "all but id,kind,size"'
    refused 1 'pets.csv: x: the 1 columns make 2 inputs; of them color 2; the model.s input is \(None, 3\)' train three.json --data pets.csv
    table_model one.json 1
    refused 1 'pets.csv: y: 2 classes, cat, wild to dog; the model.s output \(None, 1\) tells 1 apart' train one.json --data pets.csv --x 'size,color' --missing mean
}

case_scale() {
    printf 'area,price\n30,90000\n250,700000\n100,310000\n60,170000\n' >homes.csv
    cat >homes.json <<'END'
{"class_name": "Sequential", "config": {"name": "homes", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, 1]}},
  {"class_name": "Normalization"},
  {"class_name": "Dense", "config": {"units": 1}},
  {"class_name": "Normalization", "config": {"invert": true}}]},
 "compile_config": {"optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.05}}, "loss": "mse", "metrics": ["mae"]},
 "fit": {"epochs": 300, "seed": 1}}
END
    run 0 train homes.json --data homes.csv --output homes.keras
    [ ! -s err ] || fail 'a warning for a scaled model'
    run 0 evaluate homes.keras --data homes.csv
    awk '{ exit !($4 < 30000) }' out || fail 'the mean error is not in the units of the targets, or large'
    run 0 predict homes.keras --data homes.csv --output prices.csv
    head -n 1 prices.csv | grep -qx price || fail 'heading of prices.csv'
    grep -v Normalization homes.json | sed 's/"units": 1}},/"units": 1}}]},/' >plain.json
    run 0 train plain.json --data homes.csv --epochs 2
    grep -q '^antler: warning: the first weights take numbers up to 250, of a standard deviation of .*: a Normalization layer' err ||
        fail 'no warning of large inputs'
    grep -q '^antler: warning: the targets go up to 7e+05, .*: a last layer Normalization' err || fail 'no warning of large targets'
    [ "$(wc -l <err)" -eq 2 ] || fail 'warnings come more than once'
    run 0 evaluate homes.keras --data homes.csv
    [ ! -s err ] || fail 'a warning in evaluate'
}
