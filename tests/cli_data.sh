# shellcheck shell=sh
# Data that is no plain array of rows: series, folders of images, IDX, files larger than memory. Read by cli.sh.

# shellcheck disable=SC2154 # root is cli.sh's
files="$root/tests/files"

case_timeseries() {
    awk 'BEGIN { print "a,b,t"; for (i = 0; i < 40; i++) print sin(i) "," cos(i) "," sin(i + 1) }' >series.csv
    cat >series.json <<'EOF'
{"class_name": "Sequential", "config": {"name": "series", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, 4, 2]}},
  {"class_name": "Flatten", "config": {}},
  {"class_name": "Dense", "config": {"units": 1}}]},
 "compile_config": {"optimizer": "adam", "loss": "mse"},
 "fit": {"data": "series.csv", "x": "a,b", "y": "t", "validation_split": 0.25,
         "timeseries": {"sequence_length": 4, "horizon": 2}}}
EOF
    run 0 train series.json --output series.keras
    prints '^training +25 samples'
    prints '^validation +5 samples'
    run 0 evaluate series.keras --data series.csv --x a,b --y t
    prints '^loss '
    run 0 predict series.keras --data series.csv --x a,b
    [ "$(wc -l <out)" -eq 38 ] || fail 'not a prediction for each of 37 windows'
    sed 's/"horizon": 2/"horizon": 2, "sequence_stride": 3/' series.json >stride.json
    run 0 train stride.json
    prints '^training +9 samples'
    sed 's/"sequence_length": 4/"sequence_length": 39/' series.json >long.json
    refused 1 'series.csv: a,b: 40 rows, too few for a window: it and its target take 41' train long.json
    sed 's/"sequence_length": 4/"length": 4/' series.json >bad.json
    refused 1 'bad.json:[78]: fit.timeseries' train bad.json
    sed 's/{"sequence_length": 4, "horizon": 2}/24/' series.json >bad.json
    refused 1 'bad.json:7: fit.timeseries: 24 is not an object' train bad.json
    sed 's/"horizon": 2/"horizon": -1/' series.json >bad.json
    refused 1 'bad.json:7: fit.timeseries.horizon: -1 is not' train bad.json
    run 0 layers timeseries
    prints '^sequence_length +integer +required'
}

# images SHAPE: a model of images of the shape
images() {
    cat <<EOF
{"class_name": "Sequential", "config": {"name": "images", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, $1]}},
  {"class_name": "Rescaling", "config": {"scale": 0.00392}},
  {"class_name": "GlobalAveragePooling2D", "config": {}},
  {"class_name": "Dense", "config": {"units": 2, "activation": "softmax"}}]},
 "compile_config": {"optimizer": "adam", "loss": "sparse_categorical_crossentropy"},
 "fit": {"batch_size": 2}}
EOF
}

case_images() {
    images '6, 5, 3' >images.json
    if "$antler" predict images.json --data "$files/pictures" 2>&1 | grep -q 'ANTLER_IMAGES is off'; then
        echo 'images: this build reads none; not run'
        return
    fi
    run 0 train images.json --data "$files/pictures" --output images.keras
    prints '^classes +ants, cats$'
    prints '^training +5 samples; classes 0 to 1: 2, 3$'
    run 0 evaluate images.keras --data "$files/pictures"
    run 0 predict images.keras --data "$files/pictures/cats/inner"
    [ "$(wc -l <out)" -eq 2 ] || fail 'not one prediction'
    mkdir -p flat/thumbs
    cp "$files/pictures/cats/a.png" flat/
    run 0 predict images.keras --data flat
    [ "$(wc -l <out)" -eq 2 ] || fail 'an empty folder hides the images beside it'
    images 'null, null, 1' >open.json
    sed 's/"batch_size"/"image_size": [3, 4], "color_mode": "grayscale", "batch_size"/' open.json >small.json
    run 0 train small.json --data "$files/pictures"
    sed 's/grayscale/gray/' small.json >bad.json
    refused 1 'fit.color_mode: "gray" is not one of "grayscale", "rgb", "rgba"' train bad.json --data "$files/pictures"
    sed 's/\[3, 4\]/[0, 4]/' small.json >bad.json
    refused 1 'fit.image_size' train bad.json --data "$files/pictures"
    # folders of sets are not taken for classes
    mkdir -p sets
    cp -r "$files/pictures" sets/train
    run 0 train images.json --data sets
    prints '^classes +ants, cats$'
    refused 1 'sets/test: cannot open' evaluate images.keras --data sets
    head -c 60 sets/train/cats/b.png >cut.png
    mv cut.png sets/train/cats/b.png
    refused 1 'sets/train/cats/b.png: a damaged PNG image' train images.json --data sets
    refused 1 'bad_pictures: images, but no folders of classes' train images.json --data "$files/bad_pictures"
    refused 1 'bad_pictures/bomb.png: 60000 times 60000 pixels' predict images.keras --data "$files/bad_pictures"
}

case_idx() {
    mkdir -p mnist
    printf '\000\000\010\003\000\000\000\002\000\000\000\001\000\000\000\002\001\002\003\004' >mnist/train-images-idx3-ubyte
    printf '\000\000\010\001\000\000\000\002\000\001' >mnist/train-labels-idx1-ubyte
    sed 's/null, 2\]/null, 1, 2]/; s/{"class_name": "Dense", "config": {"units": 8/{"class_name": "Flatten", "config": {}}, &/; s/"validation_split": 0.25, //' \
        net.json >idx.json
    run 0 train idx.json --data mnist
    prints '^training +2 samples; classes 0 to 1: 1, 1$'
    run 0 doctor mnist/train-images-idx3-ubyte
    prints '^contains +data: an array \(2, 1, 2\) of uint8$'
    refused 1 'train-labels-idx1-ubyte: it is an IDX file; expected a model' summary mnist/train-labels-idx1-ubyte
    printf '\000\000\010\001\000\000\000\002\000' >mnist/train-labels-idx1-ubyte
    refused 1 'mnist/train-labels-idx1-ubyte: .*cut short: its shape needs 2 bytes' train idx.json --data mnist
}

# 20 GiB of which nothing was written: opened, and looked at, in no time.
case_large_files() {
    images '64, 64, 1' >grey.json
    refused 1 'sparse.h5: x: data of shape \(436907, 64, 64, 3\) does not fit' train grey.json --data "$files/sparse.h5"
}
