# shellcheck shell=sh
# A training that may be left alone over night: kills, signals, losses that are no numbers, callbacks, changes of the model
# from the command line. Cases of cli.sh.

# with_callbacks FILE CALLBACKS: net.json with these
with_callbacks() {
    sed "s|\"seed\": 7|\"seed\": 7, \"callbacks\": [$(echo "$2" | tr '\n' ' ')]|" net.json >"$1"
}

# same_answers A B: two model files predict the same
same_answers() {
    run 0 predict "$1" --data data
    mv out one.txt
    run 0 predict "$2" --data data
    cmp -s one.txt out || fail "$1 and $2 do not answer the same"
}

# Killed at fifty moments, most of them in the midst of a checkpoint, for nothing else takes so long: the end has the bits
# of a training that nobody disturbed, whatever the callbacks remember.
case_killed() {
    with_callbacks killed.json '{"class_name": "EarlyStopping", "config": {"patience": 25, "restore_best_weights": true}},
        {"class_name": "ReduceLROnPlateau", "config": {"patience": 3, "factor": 0.7, "cooldown": 2}},
        {"class_name": "ModelCheckpoint", "config": {"filepath": "best.keras", "save_best_only": true}},
        {"class_name": "CSVLogger", "config": {"filename": "log.csv"}}'
    mkdir whole killed
    for which in whole killed; do cp -r killed.json data $which; done
    (cd whole && "$antler" train killed.json --quiet --epochs 60 --log-dir logs --output end.keras) >out 2>err ||
        fail 'a training with all callbacks fails'
    [ "$(cut -d, -f4 whole/log.csv | sort -u | wc -l)" -gt 3 ] || fail 'the rate was not lowered'
    cut=0
    awk 'BEGIN { srand(3); for (i = 0; i < 50; i++) print 0.02 + 0.1 * rand() }' >delays
    while read -r delay; do
        (cd killed && timeout -s KILL "$delay" "$antler" train killed.json --quiet --epochs 60 --log-dir logs \
            --checkpoint state --save-freq 3 --resume --output end.keras) >out 2>err
        for file in killed/state/antler.*.tmp; do [ ! -e "$file" ] || cut=$((cut + 1)); done
    done <delays
    [ $cut -gt 0 ] || echo 'killed: no kill hit a checkpoint'
    (cd killed && "$antler" train killed.json --quiet --epochs 60 --log-dir logs --checkpoint state --save-freq 3 --resume \
        --output end.keras) >out 2>err || fail 'a training that was killed does not resume'
    checks=$((checks + 4))
    same_answers whole/end.keras killed/end.keras
    same_answers whole/best.keras killed/best.keras
    cmp -s whole/logs/history.csv killed/logs/history.csv || fail 'the history of a killed training differs'
    cmp -s whole/log.csv killed/log.csv || fail 'the CSVLogger of a killed training differs'
    for file in killed/state/antler.*.tmp; do [ ! -e "$file" ] || fail "left behind: $file"; done
}

# A disk that is full in the midst of a checkpoint ends the training, and what is there goes on.
case_checkpoint_unwritable() {
    sed 's/"units": 8/"units": 800/' net.json >wide.json
    run 0 train wide.json --quiet --epochs 4 --output whole4.keras
    run 0 train wide.json --quiet --epochs 2 --checkpoint full
    cp full/checkpoint.keras before.keras
    (ulimit -f 8 && "$antler" train wide.json --quiet --epochs 4 --checkpoint full --resume) >out 2>err &&
        fail 'a checkpoint that cannot be written is no failure'
    grep -q 'full/checkpoint.keras: cannot write' err || fail 'no word of the checkpoint'
    cmp -s full/checkpoint.keras before.keras || fail 'an unwritable checkpoint changes the last one'
    run 0 train wide.json --quiet --epochs 4 --checkpoint full --resume --output full4.keras
    same_answers whole4.keras full4.keras
}

case_save_freq() {
    run 0 train net.json --quiet --epochs 7 --output seven.keras
    for freq in epoch '3 epochs' 3epochs 1 4 '7 batches' 1000; do
        rm -rf freq
        run 0 train net.json --quiet --epochs 4 --checkpoint freq --save-freq "$freq"
        run 0 train net.json --quiet --epochs 7 --checkpoint freq --save-freq "$freq" --resume --output freq.keras
        same_answers seven.keras freq.keras
    done
    run 0 train net.json --epochs 2 --checkpoint other --save-freq 1000
    prints '^epoch 2/2  [0-9.e-]*s \(checkpoint [0-9.e-]*s\)  loss'
    for freq in 0 -1 '3 weeks' epochs '' x; do
        "$antler" train net.json --quiet --checkpoint bad --save-freq "$freq" >out 2>err && fail "--save-freq '$freq'"
        checks=$((checks + 1))
    done
    refused 1 'save_freq: "3 weeks" is not "epoch", a number of epochs' train net.json --checkpoint bad --save-freq '3 weeks'
    refused 2 '--save-freq needs --checkpoint' train net.json --save-freq 3
}

# An older training's checkpoint is not overwritten by mistake.
case_checkpoint_there() {
    run 0 train net.json --quiet --epochs 2 --checkpoint there
    refused 1 'there/checkpoint.keras: a training has left its checkpoint here: --resume goes on from it' \
        train net.json --quiet --epochs 2 --checkpoint there
    run 0 train net.json --quiet --epochs 3 --checkpoint there --resume
}

# Another batch size goes on after a whole epoch, and not in the midst of one.
case_midst_of_an_epoch() {
    model slow.json "$hidden, $drop, $dense"
    rm -f out
    "$antler" train slow.json --epochs 200000 --checkpoint midst --save-freq 1 --quiet >out 2>err &
    pid=$!
    while [ ! -e midst/checkpoint.keras ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
    kill -TERM $pid
    wait $pid
    got=$?
    checks=$((checks + 1))
    [ $got -eq 143 ] || fail "a training that is asked to end exits with $got, not 143"
    grep -q '^antler: the same command with --resume goes on from here$' err || fail 'no word of how to go on'
    cp midst/checkpoint.keras midst.keras
    "$antler" train slow.json --epochs 200000 --checkpoint midst --batch-size 7 --resume --quiet >out 2>err &
    pid=$!
    sleep 0.5
    kill -TERM $pid 2>/dev/null
    wait $pid
    got=$?
    grep -q 'in the midst of an epoch of 5 batches of 10, not of 7 of 7' err || [ $got -eq 143 ] ||
        fail 'a checkpoint of another batch size'
}

# A signal leaves what was trained so far under a name of its own.
case_signal_saves() {
    run 0 train net.json --quiet --output kept.keras
    cp kept.keras good.keras
    rm -f out
    env --default-signal=INT "$antler" train net.json --epochs 200000 --output kept.keras >out 2>err &
    pid=$!
    waits_for '^epoch'
    kill -INT $pid
    wait $pid
    got=$?
    checks=$((checks + 3))
    [ $got -eq 130 ] || fail "an interrupted training exits with $got, not 130"
    cmp -s kept.keras good.keras || fail 'an interrupted training changed the model that was there'
    grep -q '^antler: the model as trained so far is in kept.interrupted.keras$' err || fail 'no word of the model'
    run 0 evaluate kept.interrupted.keras --data data
}

case_diverged() {
    awk '{ print 100000 * $1 }' data/y_train.csv >data/big.csv
    regression='{"class_name": "Dense", "config": {"units": 1, "name": "price"}}'
    model mse.json "$regression" mse
    sed -i 's/"accuracy"/"mae"/' mse.json
    run 0 train mse.json --quiet --learning-rate 0.01 --output nan.keras
    cp nan.keras good.keras
    huge=1e38
    [ "$(basename "$antler")" != antler64 ] || huge=1e300
    refused 1 'the loss is no finite number in epoch [0-9]+, batch [0-9]+: .*Largest input 0.9[0-9]*, largest target 1e\+05, learning rate 1e\+[0-9]+: scale the targets' \
        train mse.json --quiet --y big --learning-rate $huge --output nan.keras --checkpoint nans
    cmp -s nan.keras good.keras || fail 'a training that diverged changed the model that was there'
    [ ! -e nans/checkpoint.keras ] || fail 'a training that diverged left a checkpoint'
    refused 1 'the learning rate is large: try 0.001' train mse.json --quiet --learning-rate $huge
    [ $huge != 1e38 ] || refused 1 'layer "price"' train mse.json --quiet --y big --learning-rate $huge
    refused 2 'is not a number, 0 or more' train mse.json --quiet --learning-rate 1e309
    run 0 train mse.json --quiet --learning-rate $huge --set fit.terminate_on_nan=false --output nan.keras
    refused 1 'no finite number' train mse.json --quiet --learning-rate $huge --set fit.terminate_on_nan=false \
        --set 'fit.callbacks=["TerminateOnNaN"]'
}

case_unsaved() {
    run 0 train net.json
    grep -q '^antler: warning: the trained model will be thrown away: give --output FILE to save it$' err ||
        fail 'no word of a model that nobody saves'
    for saves in '--output o.keras' '--checkpoint unsaved'; do
        # shellcheck disable=SC2086
        run 0 train net.json $saves
        [ ! -s err ] || fail "a warning with $saves"
    done
    with_callbacks saves.json '{"class_name": "ModelCheckpoint", "config": {"filepath": "saved.keras"}}'
    run 0 train saves.json
    [ ! -s err ] || fail 'a warning with ModelCheckpoint'
}

case_best_epoch() {
    with_callbacks early.json '{"class_name": "EarlyStopping", "config": {"monitor": "loss", "mode": "max", "patience": 2,
 "restore_best_weights": true}}'
    run 0 train net.json --epochs 5
    prints '^best epoch [1-5]: val_loss [0-9.]*; the model has '
    sed 's/"mode": "max"/"min_delta": 9/' early.json >early_min.json
    run 0 train early_min.json --epochs 50
    prints '^stopped early, after epoch 3 of 50$'
    prints '^best epoch [1-3]: loss [0-9.]*; the model has the weights of epoch 1$'
}

# Files of strangers write below the current directory, and name what they are.
case_callback_paths() {
    for path in /tmp/x.keras ../x.keras a/../../x.keras .git/x.keras a/.x.keras x.keras/ a//x.keras; do
        with_callbacks path.json "{\"class_name\": \"ModelCheckpoint\", \"config\": {\"filepath\": \"$path\"}}"
        refused 1 '(of a model.s file: expected a path below the current directory|is no name of a file)' train path.json --quiet
    done
    for path in Makefile ../x.csv .bashrc; do
        with_callbacks path.json "{\"class_name\": \"CSVLogger\", \"config\": {\"filename\": \"$path\"}}"
        refused 1 'filename: "[^"]*" of a model.s file' train path.json --quiet
    done
    with_callbacks path.json '{"class_name": "ModelCheckpoint", "config": {"filepath": "a/b/{epoch:02d}-{val_los:.2f}.keras"}}'
    refused 1 'filepath: "\{val_los\}" is not logged; there are epoch, loss, accuracy, val_loss, val_accuracy' train path.json --quiet
    for bad in 'x{epoch:.2f}.keras' 'x{loss:d}.keras' 'x{loss:.keras' 'x{loss:99.1f}.keras' 'x{loss:.4}.keras'; do
        with_callbacks path.json "{\"class_name\": \"ModelCheckpoint\", \"config\": {\"filepath\": \"$bad\"}}"
        refused 1 'filepath: ".*" is no format; expected such as' train path.json --quiet
    done
    for bad in m.weights.h5 m.json m.h5 m; do
        with_callbacks path.json "{\"class_name\": \"ModelCheckpoint\", \"config\": {\"filepath\": \"$bad\"}}"
        refused 1 'must end in .keras' train path.json --quiet
    done
    with_callbacks path.json '{"class_name": "ModelCheckpoint", "config": {"filepath": "a/b/{epoch:02d}.weights.h5", "save_weights_only": true}}'
    run 0 train path.json --quiet
    [ -e a/b/03.weights.h5 ] || fail 'no weights of the third epoch'
    cp data/x_train.csv theirs.csv
    with_callbacks path.json '{"class_name": "CSVLogger", "config": {"filename": "theirs.csv"}}'
    refused 1 '"theirs.csv" is there, and does not begin as a log does' train path.json --quiet
    cmp -s data/x_train.csv theirs.csv || fail 'a log took the place of data'
    with_callbacks path.json '{"class_name": "CSVLogger", "config": {"filename": "ours.csv"}}'
    run 0 train path.json --quiet
    run 0 train path.json --quiet
    [ "$(wc -l <ours.csv)" -eq 4 ] || fail 'not a log of one training'
    with_callbacks path.json '{"class_name": "CSVLogger", "config": {"filename": "x.csv", "separator": ";;"}}'
    refused 1 'separator: ";;" is not one character' train path.json --quiet
    with_callbacks path.json '{"class_name": "LearningRateScheduler", "config": {"schedule": 0.1}}'
    sed 's/"learning_rate": 0.5/"learning_rate": {"class_name": "CosineDecay", "config": {"initial_learning_rate": 1, "decay_steps": 9}}/' \
        path.json >both.json
    run 0 train path.json
    prints 'learning_rate 0.1$'
    refused 1 'LearningRateScheduler changes the learning rate, which a schedule of the optimizer decides' train both.json --quiet
    with_callbacks path.json '{"class_name": "ModelCheckpoint", "config": {"filepath": "x.keras", "save_freq": "day"}}'
    refused 1 'save_freq: "day" is not' train path.json --quiet
}

case_set() {
    run 0 train net.json --set 'config.layers[1].config.units=5' --set fit.epochs=2 --set compile_config.optimizer=adam \
        --set compile_config.optimizer.config.learning_rate=.01 --set fit.batch_size=15
    prints '^dense +Dense +\(None, 5\)'
    prints '^rate +0.01$'
    prints '^batch +15, so 3 steps an epoch; 2 epochs$'
    prints '^optimizer +Adam'
    run 0 train net.json --learning-rate 0.25 --optimizer adam
    prints '^rate +0.25$'
    refused 1 'config.layrs: no such place; did you mean "layers"' train net.json --set 'config.layrs[1].config.units=5'
    refused 1 'fot: no such place; did you mean "fit"' train net.json --set fot.epochs=2
    refused 1 'config.layers\[9\]: no such place: the list is shorter' train net.json --set 'config.layers[9].config.units=2'
    refused 1 'fit.epoch: .*did you mean "epochs"' train net.json --set fit.epoch=2
    refused 1 'config.layers\[1\].config.units: "many" is not an integer' train net.json --set 'config.layers[1].config.units=many'
    refused 1 'config.layers\[1\].config.unit: ' train net.json --set 'config.layers[1].config.unit=2'
    refused 1 'config.layers\[1\].nam: no such place' train net.json --set 'config.layers[1].nam=x'
    refused 1 'fit.callbacks: the value is no JSON: ' train net.json --set 'fit.callbacks=[{]'
    refused 2 "'fit' is not PATH=VALUE" train net.json --set fit
    for bad in '[0]=1' '.=1' 'config..x=1' 'config.layers[=1' 'config.layers[x]=1' 'config.name.x=1' 'fit[0]=1' '=1'; do
        "$antler" train net.json --quiet --set "$bad" >out 2>err
        got=$?
        checks=$((checks + 1))
        [ $got -eq 1 ] || [ $got -eq 2 ] || fail "--set '$bad' gives $got"
    done
    refused 2 "--learning-rate: '-1' is not a number" train net.json --learning-rate -1
    refused 2 "--learning-rate: 'fast' is not a number" train net.json --learning-rate fast
    run 0 train net.json --quiet --output set.keras
    run 0 train set.keras --quiet --set fit.epochs=1 --set compile_config.optimizer.config.momentum=0.9 --output set2.keras
    refused 1 'set.keras: ' train set.keras --quiet --set 'config.layers[1].config.units=5'
}

# All that is needed to repeat a run.
case_settings() {
    run 0 train net.json --quiet --set fit.epochs=2 --learning-rate 0.125 --threads 2 --log-dir settings --output s.keras
    for pattern in '"threads": 2' '"learning_rate": 0.125' '"precision": "' '"started": "20' '"training_samples": 45' \
        '"model_json": \{' '"class_name": "Dropout"' '"validation_split": 0.25' '"output": "s.keras"'; do
        checks=$((checks + 1))
        grep -Eq "$pattern" settings/settings.json || fail "settings.json has no $pattern"
    done
}
