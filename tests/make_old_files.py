#!/usr/bin/env python3
"""Makes tests/old_files, models in the forms of Keras 1 and 2 with what they predict, and golden cases of layers that
Keras 3 has not.

Files of Keras 2 are written by tf-keras. What nothing writes any more is made by hand beside a twin, a model of tf-keras
that computes the same: its weights are put into the old form, and what it predicts is what the file must predict. The
forms are those of get_config, build and save_model in Keras 1.2.2 and 2.2.4. Needs tf-keras, TensorFlow, h5py.
"""
import json
import os
import shutil
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import h5py
import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers as L

OUT = Path(__file__).resolve().parent / "old_files"
ROWS = 3
rng = np.random.default_rng(5)


def shuffled(model):
    """Weights off their first values, so that a swapped order shows; variances stay positive."""
    model.set_weights([w + rng.uniform(0.05, 0.4, w.shape).astype("float32") * rng.choice([-1, 1], w.shape)
                       if "variance" not in v.name else rng.uniform(0.5, 2, w.shape).astype("float32")
                       for v, w in zip(model.weights, model.get_weights())])
    return model


def inputs_of(model):
    tokens = [layer.input_dim for layer in model._flatten_layers() if isinstance(layer, L.Embedding)]
    shapes = [(ROWS, *i.shape[1:]) for i in model.inputs]
    return [rng.integers(0, tokens[0], s).astype("float32") if tokens else rng.uniform(-1, 1, s).astype("float32")
            for s in shapes]


def write_io(name, model, names=None):
    """NAME.io.h5: x and predict, of several inputs the group x."""
    xs = inputs_of(model)
    y = model.predict(xs if len(xs) > 1 else xs[0], verbose=0)
    with h5py.File(OUT / f"{name}.io.h5", "w") as f:
        if len(xs) == 1:
            f["x"] = xs[0]
        else:
            for key, x in zip(names or model.input_names, xs):
                f[f"x/{key}"] = x
        f["predict"] = y


def by_tf_keras(name, model, edit=None):
    shuffled(model)
    model.save(OUT / f"{name}.h5")
    write_io(name, model)
    if edit:
        with h5py.File(OUT / f"{name}.h5", "a") as f:
            edit(f)


def edit_config(f, change, version=None):
    """Changes the JSON of a file, and who wrote it."""
    config = json.loads(f.attrs["model_config"])
    f.attrs["model_config"] = json.dumps(change(config) or config)
    if version:
        f.attrs["keras_version"] = f["model_weights"].attrs["keras_version"] = version


def layers_of(config):
    return config["config"]["layers"] if isinstance(config["config"], dict) else config["config"]


def by_hand(name, twin, config, weights, version="1.2.2", training=None, names=None):
    """A file of Keras 1: no backend, weights of each layer by the names that its variables had."""
    write_io(name, twin, names)
    with h5py.File(OUT / f"{name}.h5", "w") as f:
        if version:
            f.attrs["keras_version"] = version.encode()
        f.attrs["model_config"] = json.dumps(config).encode()
        if training:
            f.attrs["training_config"] = json.dumps(training).encode()
        group = f.create_group("model_weights")
        group.attrs["layer_names"] = [layer.encode() for layer in weights]
        for layer, arrays in weights.items():
            own = group.create_group(layer)
            own.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                own[key] = array


def sequential(*members):
    return {"class_name": "Sequential", "config": [{"class_name": c, "config": {"trainable": True, **k}}
                                                   for c, k in members]}


def dense1(name, units, activation="linear", **more):
    return ("Dense", {"name": name, "output_dim": units, "init": "glorot_uniform", "activation": activation,
                      "W_regularizer": None, "b_regularizer": None, "activity_regularizer": None,
                      "W_constraint": None, "b_constraint": None, "bias": True, "input_dim": None, **more})


def conv1(class_name, name, filters, **more):
    return (class_name, {"name": name, "nb_filter": filters, "init": "glorot_uniform", "activation": "linear",
                         "border_mode": "valid", "W_regularizer": None, "b_regularizer": None,
                         "activity_regularizer": None, "W_constraint": None, "b_constraint": None, "bias": True,
                         **more})


def recurrent1(class_name, name, units, **more):
    gates = {} if class_name == "SimpleRNN" else {"inner_activation": "hard_sigmoid"}
    if class_name == "LSTM":
        gates["forget_bias_init"] = "one"
    return (class_name, {"name": name, "output_dim": units, "init": "glorot_uniform", "inner_init": "orthogonal",
                         "activation": "tanh", "return_sequences": False, "go_backwards": False, "stateful": False,
                         "unroll": False, "consume_less": "cpu", "input_dim": None, "input_length": None,
                         "W_regularizer": None, "U_regularizer": None, "b_regularizer": None, "dropout_W": 0.0,
                         "dropout_U": 0.0, **gates, **more})


def kernel_and_bias(layer, name, end=":0", turn=lambda w: w):
    w = layer.get_weights()
    return {f"{name}_W{end}": turn(w[0]), f"{name}_b{end}": w[1]}


def gates(weights, name, order, letters, end=":0"):
    """An array a gate, from kernel, recurrent kernel and bias in today's order of gates."""
    parts = [np.split(w, len(letters), axis=-1) for w in weights]
    return {f"{name}_{kind}_{letter}{end}": parts[k][g] for g, letter in zip(order, letters)
            for k, kind in enumerate("WUb")}


def lstm_gates(weights, name, end=":0"):
    return gates(weights, name, [0, 2, 1, 3], "icfo", end)  # today i, f, c, o


def gru_gates(weights, name, end=":0"):
    return gates(weights, name, [0, 1, 2], "zrh", end)


def turned(w):
    """By 180 degrees along the axes of the window."""
    return w[::-1, ::-1] if w.ndim == 4 else w[::-1]


OPTIMIZER1 = {"optimizer_config": {"class_name": "Adam", "config": {"lr": 0.002, "beta_1": 0.9, "beta_2": 0.999,
              "epsilon": 1e-8, "decay": 0.01}}, "loss": "categorical_crossentropy", "metrics": ["accuracy"],
              "sample_weight_mode": None, "loss_weights": None}


# ---- Keras 1 ----


def keras1_convolution():
    twin = shuffled(tf_keras.Sequential([
        L.Input((6, 5, 2)), L.Conv2D(3, (3, 2), strides=(2, 1), padding="same", activation="relu"), L.ELU(0.7),
        L.BatchNormalization(epsilon=1e-3), L.MaxPooling2D((2, 2)), L.Dropout(0.25), L.Flatten(),
        L.Dense(3, activation="softmax")]))
    conv, norm, dense = twin.layers[0], twin.layers[2], twin.layers[6]
    config = sequential(
        conv1("Convolution2D", "convolution2d_1", 3, nb_row=3, nb_col=2, subsample=[2, 1], border_mode="same",
              activation="relu", dim_ordering="tf", batch_input_shape=[None, 6, 5, 2], input_dtype="float32",
              W_regularizer={"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
              W_constraint={"name": "MaxNorm", "m": 2, "axis": 0}),
        ("ELU", {"name": "elu_1", "alpha": 0.7}),
        ("BatchNormalization", {"name": "batchnormalization_1", "epsilon": 1e-3, "mode": 0, "axis": -1,
                                "gamma_regularizer": None, "beta_regularizer": None, "momentum": 0.99}),
        ("MaxPooling2D", {"name": "maxpooling2d_1", "pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid",
                          "dim_ordering": "tf"}),
        ("Dropout", {"name": "dropout_1", "p": 0.25}), ("Flatten", {"name": "flatten_1"}),
        dense1("dense_1", 3), ("Activation", {"name": "activation_1", "activation": "softmax"}))
    names = ["gamma", "beta", "running_mean", "running_std"]
    by_hand("keras1_convolution", twin, config, {
        "convolution2d_1": kernel_and_bias(conv, "convolution2d_1"), "elu_1": {},
        "batchnormalization_1": {f"batchnormalization_1_{n}:0": w for n, w in zip(names, norm.get_weights())},
        "maxpooling2d_1": {}, "dropout_1": {}, "flatten_1": {}, "dense_1": kernel_and_bias(dense, "dense_1"),
        "activation_1": {}}, training=OPTIMIZER1)


def keras1_theano():
    """Names without ":0" are Theano's, which turns kernels."""
    twin = shuffled(tf_keras.Sequential([L.Input((5, 4, 2)), L.Conv2D(2, (3, 3), padding="same"),
                                         L.Conv2D(2, (2, 3), activation="tanh"), L.Flatten(), L.Dense(2)]))
    a, b, dense = twin.layers[0], twin.layers[1], twin.layers[3]
    config = sequential(
        conv1("Convolution2D", "a", 2, nb_row=3, nb_col=3, subsample=[1, 1], border_mode="same", dim_ordering="tf",
              batch_input_shape=[None, 5, 4, 2]),
        conv1("AtrousConvolution2D", "b", 2, nb_row=2, nb_col=3, subsample=[1, 1], dim_ordering="tf",
              activation="tanh", atrous_rate=[1, 1]),
        ("Flatten", {"name": "flatten_1"}), dense1("c", 2))
    by_hand("keras1_theano", twin, config, {
        "a": kernel_and_bias(a, "a", "", turned), "b": kernel_and_bias(b, "b", "", turned), "flatten_1": {},
        "c": kernel_and_bias(dense, "c", "")})


def keras1_steps():
    """Convolution1D is a picture one pixel wide; before 1.2 with the filters first."""
    for name, turn in (("keras1_convolution1d", lambda w: w[:, None]),
                       ("keras1_convolution1d_first", lambda w: np.transpose(w[:, None], (3, 2, 0, 1)))):
        twin = shuffled(tf_keras.Sequential([L.Input((7, 2)), L.Conv1D(3, 3, strides=2), L.UpSampling1D(2),
                                             L.GlobalMaxPooling1D(), L.Dense(2)]))
        config = sequential(
            conv1("Convolution1D", "c", 3, filter_length=3, subsample_length=2, input_dim=2, input_length=7,
                  batch_input_shape=[None, 7, 2]),
            ("UpSampling1D", {"name": "u", "length": 2}), ("GlobalMaxPooling1D", {"name": "g"}), dense1("d", 2))
        by_hand(name, twin, config, {"c": kernel_and_bias(twin.layers[0], "c", turn=turn), "u": {}, "g": {},
                                     "d": kernel_and_bias(twin.layers[3], "d")})


def keras1_transpose():
    twin = shuffled(tf_keras.Sequential([L.Input((3, 3, 2)), L.Conv2DTranspose(3, (2, 2), strides=2)]))
    config = sequential(conv1("Deconvolution2D", "t", 3, nb_row=2, nb_col=2, subsample=[2, 2], dim_ordering="tf",
                              output_shape=[None, 6, 6, 3], batch_input_shape=[None, 3, 3, 2]))
    by_hand("keras1_transpose", twin, config,
            {"t": kernel_and_bias(twin.layers[0], "t", turn=lambda w: np.transpose(w, (0, 1, 3, 2)))})


def keras1_lstm():
    twin = shuffled(tf_keras.Sequential([
        L.Input((4,)), L.Embedding(6, 3, mask_zero=True),
        L.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"), L.Dense(3, activation="tanh"),
        L.SimpleRNN(2)]))
    e, lstm, dense, rnn = twin.layers
    config = sequential(
        ("Embedding", {"name": "e", "input_dim": 6, "output_dim": 3, "init": "uniform", "input_length": 4,
                       "mask_zero": True, "activity_regularizer": None, "W_regularizer": None, "W_constraint": None,
                       "dropout": 0.0, "batch_input_shape": [None, 4], "input_dtype": "int32"}),
        recurrent1("LSTM", "l", 4, return_sequences=True),
        ("TimeDistributedDense", {**dense1("t", 3, "tanh")[1], "input_length": None}),
        recurrent1("SimpleRNN", "s", 2))
    w = rnn.get_weights()
    by_hand("keras1_lstm", twin, config, {
        "e": {"e_W:0": e.get_weights()[0]}, "l": lstm_gates(lstm.get_weights(), "l"),
        "t": kernel_and_bias(dense, "t"), "s": {"s_W:0": w[0], "s_U:0": w[1], "s_b:0": w[2]}})


def keras1_bidirectional():
    twin = shuffled(tf_keras.Sequential([
        L.Input((4, 2)), L.Bidirectional(L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid",
                                               return_sequences=True), merge_mode="ave"),
        L.TimeDistributed(L.Dense(2)), L.GRU(2, reset_after=False, recurrent_activation="hard_sigmoid")]))
    both, steps, gru = twin.layers
    inner = recurrent1("GRU", "gru_1", 3, return_sequences=True, batch_input_shape=[None, 4, 2])
    config = sequential(
        ("Bidirectional", {"name": "b", "merge_mode": "ave", "layer": {"class_name": "GRU", "config": inner[1]},
                           "batch_input_shape": [None, 4, 2], "input_dtype": "float32"}),
        ("TimeDistributed", {"name": "t", "layer": {"class_name": "Dense", "config": dense1("dense_1", 2)[1]}}),
        recurrent1("GRU", "g", 2, consume_less="gpu"))
    w, g = both.get_weights(), gru.get_weights()
    by_hand("keras1_bidirectional", twin, config, {
        "b": {**gru_gates(w[:3], "forward_gru_1"), **gru_gates(w[3:], "backward_gru_1")},
        "t": kernel_and_bias(steps, "dense_1"), "g": {"g_W:0": g[0], "g_U:0": g[1], "g_b:0": g[2]}})


def keras1_conv_lstm():
    twin = shuffled(tf_keras.Sequential([L.Input((3, 4, 4, 2)), L.ConvLSTM2D(2, (3, 3), padding="same",
                                                                             recurrent_activation="hard_sigmoid")]))
    config = sequential(("ConvLSTM2D", {
        "name": "c", "nb_filter": 2, "nb_row": 3, "nb_col": 3, "init": "glorot_uniform", "inner_init": "orthogonal",
        "forget_bias_init": "one", "activation": "tanh", "inner_activation": "hard_sigmoid", "dim_ordering": "tf",
        "border_mode": "same", "return_sequences": False, "go_backwards": False, "stateful": False,
        "batch_input_shape": [None, 3, 4, 4, 2]}))
    by_hand("keras1_conv_lstm", twin, config, {"c": lstm_gates(twin.layers[0].get_weights(), "c")})


def keras1_merge():
    """A Sequential that begins with a Merge: its list has the layers of one side before those of the other."""
    left = [L.Dense(3, activation="relu"), L.Dense(4)]
    right = [L.Dense(2, activation="tanh")]
    a, b = L.Input((2,)), L.Input((3,))
    x, y = left[1](left[0](a)), right[0](b)
    top = L.Dense(2)
    twin = shuffled(tf_keras.Model([a, b], top(L.Concatenate()([x, y]))))
    side = [sequential(dense1("l1", 3, "relu", input_dim=2, batch_input_shape=[None, 2]), dense1("l2", 4)),
            sequential(dense1("r1", 2, "tanh", input_dim=3, batch_input_shape=[None, 3]))]
    config = sequential(("Merge", {"name": "merge_1", "mode": "concat", "mode_type": "raw", "concat_axis": -1,
                                   "dot_axes": -1, "output_shape": None, "output_shape_type": "raw",
                                   "output_mask": None, "output_mask_type": "raw", "arguments": {}, "layers": side}),
                        dense1("top", 2))
    by_hand("keras1_merge", twin, config, {
        "l1": kernel_and_bias(left[0], "l1"), "l2": kernel_and_bias(left[1], "l2"),
        "r1": kernel_and_bias(right[0], "r1"), "merge_1": {}, "top": kernel_and_bias(top, "top")},
        names=["l1_input", "r1_input"])


def keras1_graph():
    """A Model with the modes of Merge, whose file does not say who wrote it."""
    a = L.Input((4,))
    p, q, top = L.Dense(3), L.Dense(3, activation="tanh"), L.Dense(2)
    x, y = p(a), q(a)
    joined = L.Concatenate()([L.Add()([x, y]), L.Multiply()([x, y]), L.Maximum()([x, y]), L.Average()([x, y]),
                              L.Dot(1)([x, y])])
    twin = shuffled(tf_keras.Model(a, top(joined)))
    modes = ["sum", "mul", "max", "ave", "dot"]

    def merge(name, mode, sources):
        return {"class_name": "Merge", "name": name, "inbound_nodes": [[[s, 0, 0] for s in sources]],
                "config": {"name": name, "mode": mode, "mode_type": "raw", "concat_axis": -1, "dot_axes": [1, 1],
                           "output_shape": None, "output_shape_type": "raw", "output_mask": None,
                           "output_mask_type": "raw", "arguments": {}}}

    def dense(name, source, units, activation="linear"):
        return {"class_name": "Dense", "name": name, "inbound_nodes": [[[source, 0, 0]]],
                "config": {"trainable": True, **dense1(name, units, activation)[1]}}

    config = {"class_name": "Model", "config": {"name": "model_1", "layers": [
        {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
         "config": {"name": "a", "batch_input_shape": [None, 4], "input_dtype": "float32", "sparse": False}},
        dense("p", "a", 3), dense("q", "a", 3, "tanh"), *[merge(m, m, ["p", "q"]) for m in modes],
        merge("all", "concat", modes), dense("top", "all", 2)],
        "input_layers": [["a", 0, 0]], "output_layers": [["top", 0, 0]]}}
    by_hand("keras1_graph", twin, config, {
        "a": {}, "p": kernel_and_bias(p, "p"), "q": kernel_and_bias(q, "q"), **{m: {} for m in modes}, "all": {},
        "top": kernel_and_bias(top, "top")}, version=None)


# ---- Keras 2 ----


def keras2_written():
    """As tf-keras writes them today: names of optimizers, a threshold, kernels of each position."""
    model = tf_keras.Sequential([L.Input((4,)), L.Dense(3), L.ThresholdedReLU(0.3), L.LeakyReLU(0.2), L.Dense(2)])
    model.compile(tf_keras.optimizers.legacy.SGD(0.1, momentum=0.9, decay=0.01, nesterov=True), "mse")
    by_tf_keras("keras2_threshold", model)
    for implementation, padding in ((1, "valid"), (2, "same"), (3, "same")):
        model = tf_keras.Sequential([
            L.Input((5, 4, 2)), L.LocallyConnected2D(3, (3, 2), strides=(2, 1), padding=padding, activation="tanh",
                                                     implementation=implementation),
            L.Reshape((-1, 3)), L.LocallyConnected1D(2, 3, padding=padding, implementation=implementation)])
        by_tf_keras(f"keras2_local{implementation}", model)


def keras2_optimizers():
    """"lr", "decay" and "schedule_decay", as Keras 2.0 to 2.2 and TF 1 wrote them."""
    old = {"SGD": {"lr": 0.01, "momentum": 0.9, "decay": 0.001, "nesterov": True},
           "RMSprop": {"lr": 0.001, "rho": 0.9, "decay": 0.0, "epsilon": 1e-7},
           "Adagrad": {"lr": 0.01, "decay": 0.0, "epsilon": 1e-7},
           "Adadelta": {"lr": 1.0, "rho": 0.95, "decay": 0.0, "epsilon": 1e-7},
           "Adam": {"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "decay": 0.1, "epsilon": 1e-7, "amsgrad": False},
           "Adamax": {"lr": 0.002, "beta_1": 0.9, "beta_2": 0.999, "decay": 0.0, "epsilon": 1e-7},
           "Nadam": {"lr": 0.002, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "schedule_decay": 0.004}}
    for name, config in old.items():
        model = tf_keras.Sequential([L.Input((2,)), L.Dense(1)])
        model.compile("sgd", "mse")

        def edit(f, name=name, config=config):
            training = json.loads(f.attrs["training_config"])
            training["optimizer_config"] = {"class_name": name, "config": config}
            f.attrs["training_config"] = json.dumps(training)
            edit_config(f, lambda c: {"class_name": "Sequential", "config": layers_of(c)[1:]}, "2.1.3")
            del f["optimizer_weights"]
        model.layers[0]._batch_input_shape = (None, 2)
        by_tf_keras(f"keras2_{name.lower()}", model, edit)


def keras2_recurrent():
    """Before 2.2.3 a GRU had no reset_after; and gates were hard, also where nobody said so."""
    model = tf_keras.Sequential([
        L.Input((4, 2)), L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid", return_sequences=True),
        L.LSTM(3, recurrent_activation="hard_sigmoid")])

    def change(config):
        for layer in layers_of(config):
            for key in ("reset_after", "recurrent_activation", "time_major"):
                layer["config"].pop(key, None)
            for value in layer["config"].values():
                if isinstance(value, dict) and "class_name" in value and "config" in value:
                    value["config"]["dtype"] = "float32"  # TF 1.14 to 2.0
    by_tf_keras("keras2_gates", model, lambda f: edit_config(f, change, "2.1.6-tf"))


def keras2_cudnn():
    """CuDNN's layers: two biases, kernels by output."""
    for class_name, layer, gates_n in (("CuDNNLSTM", L.LSTM(3), 4), ("CuDNNGRU", L.GRU(3), 3)):
        model = tf_keras.Sequential([L.Input((4, 2)), layer, L.Dense(2)])

        def edit(f, class_name=class_name, n=gates_n):
            def change(config):
                for item in layers_of(config):
                    if item["class_name"] in ("LSTM", "GRU"):
                        item["class_name"] = class_name
                        for key in ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout",
                                    "implementation", "reset_after", "unroll", "bias_regularizer"):
                            item["config"].pop(key, None)
            edit_config(f, change, "2.2.4")
            group = next(f["model_weights"][k] for k in f["model_weights"] if k.startswith(("lstm", "gru")))
            kernel, recurrent, bias = [group[k] for k in group.attrs["weight_names"]]
            rows, units = kernel.shape[0], recurrent.shape[0]
            # a kernel's columns one after the other, under the shape that it had
            kernel[...] = np.hstack([k.reshape((rows * units,), order="F").reshape(rows, units)
                                     for k in np.hsplit(kernel[()], n)])
            recurrent[...] = np.hstack([k.T for k in np.hsplit(recurrent[()], n)])
            both = np.concatenate([0.3 * bias[()], 0.7 * bias[()]]) if n == 4 else bias[()].reshape(-1)
            name = bias.name
            del f[name]
            f[name] = both.astype("float32")
        by_tf_keras(f"keras2_{class_name.lower()}", model, edit)


def keras2_theano():
    """The attribute "backend" says it; kernels are turned."""
    model = tf_keras.Sequential([L.Input((6, 5, 2)), L.Conv2D(3, 3, padding="same"), L.Conv2D(2, (2, 3)),
                                 L.Conv2DTranspose(2, 2), L.Reshape((-1, 8)), L.Conv1D(2, 2)])

    def edit(f):
        f.attrs["backend"] = f["model_weights"].attrs["backend"] = "theano"
        edit_config(f, lambda c: None, "2.1.3")

        def turn(_, data):
            if isinstance(data, h5py.Dataset) and data.ndim > 2:
                data[...] = turned(data[()])
        f["model_weights"].visititems(turn)
    by_tf_keras("keras2_theano", model, edit)


def keras2_theano_borders():
    """Theano put half a window in front: no other layer of today computes that. No predictions."""
    model = tf_keras.Sequential([L.Input((6, 5, 2)), L.Conv2D(3, 2, padding="same")])

    def edit(f):
        f.attrs["backend"] = f["model_weights"].attrs["backend"] = "theano"
        edit_config(f, lambda c: None, "2.1.3")
    by_tf_keras("refused_theano", model, edit)
    (OUT / "refused_theano.io.h5").unlink()


def keras2_operators():
    """Operators as TF 2.0 to 2.3 kept them: nodes of its graph, with their constants."""
    a, dense = L.Input((3, 2)), L.Dense(3)
    double = dense(tf.transpose(a, [0, 2, 1])) * 2.0
    rest = 1.0 - double
    twin = shuffled(tf_keras.Model(a, tf.reduce_mean(rest, axis=2, keepdims=True) + rest))

    def node(name, op, constants, *sources, **attr):
        return {"class_name": "TensorFlowOpLayer", "name": f"tf_op_layer_{name}",
                "inbound_nodes": [[[s, 0, 0, {}] for s in sources]],
                "config": {"name": name, "trainable": True, "dtype": "float32", "constants": constants, "node_def": {
                    "name": name, "op": op, "input": [], "attr": {"T": {"type": "DT_FLOAT"}, **attr}}}}

    layers = [
        {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
         "config": {"name": "a", "batch_input_shape": [None, 3, 2], "dtype": "float32", "sparse": False}},
        node("t", "Transpose", {"1": [0, 2, 1]}, "a", Tperm={"type": "DT_INT32"}),
        {"class_name": "Dense", "name": "d", "inbound_nodes": [[["tf_op_layer_t", 0, 0, {}]]],
         "config": {"name": "d", "units": 3, "activation": "linear", "use_bias": True}},
        node("m", "Mul", {"1": 2.0}, "d"), node("s", "Sub", {"0": 1.0}, "tf_op_layer_m"),
        node("r", "Mean", {"1": 2}, "tf_op_layer_s", keep_dims={"b": True}),
        node("y", "AddV2", {}, "tf_op_layer_r", "tf_op_layer_s")]
    config = {"class_name": "Model", "config": {"name": "model", "layers": layers, "input_layers": [["a", 0, 0]],
                                                "output_layers": [["tf_op_layer_y", 0, 0]]}}
    by_hand("keras2_operators", twin, config, {"a": {}, "d": kernel_and_bias(dense, "d")}, "2.2.4-tf")


def keras2_chunks():
    """Lists in pieces: layer_names0, layer_names1 ..."""
    model = tf_keras.Sequential([L.Input((3,)), L.Dense(3), L.Dense(4, activation="relu"), L.Dense(2)])

    def edit(f):
        group = f["model_weights"]
        names = list(group.attrs["layer_names"])
        del group.attrs["layer_names"]
        for i, part in enumerate((names[:1], names[1:])):
            group.attrs[f"layer_names{i}"] = part
        for name in names:
            own = group[name]
            weights = list(own.attrs["weight_names"])
            del own.attrs["weight_names"]
            for i, weight in enumerate(weights):
                own.attrs[f"weight_names{i}"] = [weight]
    by_tf_keras("keras2_chunks", model, edit)


def local_first():
    """Kernels of each position beside channels that come first, which Keras keeps in other orders; the bias has the
    shape that it has beside channels that come last, and its numbers as they are beside the first."""
    for implementation, padding in ((1, "valid"), (2, "same"), (3, "same")):
        more = {"padding": padding, "implementation": implementation, "data_format": "channels_first"}
        model = tf_keras.Sequential([
            L.Input((2, 5, 4)), L.LocallyConnected2D(3, (3, 2), strides=(2, 1), activation="tanh", **more),
            L.Reshape((3, -1)), L.LocallyConnected1D(2, 3, **more)])
        by_tf_keras(f"keras2_local{implementation}_first", model)
    twin = shuffled(tf_keras.Sequential([L.Input((2, 5, 4)), L.LocallyConnected2D(3, (3, 2),
                                                                                  data_format="channels_first")]))
    kernel, bias = twin.get_weights()
    config = sequential(conv1("LocallyConnected2D", "l", 3, nb_row=3, nb_col=2, subsample=[1, 1], dim_ordering="th",
                              batch_input_shape=[None, 2, 5, 4]))
    by_hand("keras1_local", twin, config, {"l": {"l_W:0": kernel, "l_b:0": bias.reshape(3, 3, 3)}})


def golden():
    """Cases of tests/golden for layers that Keras 3 has not: as make_golden.py makes them, by tf-keras."""
    folder = OUT.parent / "golden"
    index = json.loads((folder / "index.json").read_text())
    first = {"data_format": "channels_first"}
    local = {"locally_connected1d": [L.LocallyConnected1D(3, 3, strides=2, activation="tanh"),
                                     L.LocallyConnected1D(2, 2, padding="same", implementation=3, use_bias=False)],
             "locally_connected2d": [L.LocallyConnected2D(2, (2, 3), strides=(1, 2), activation="sigmoid"),
                                     L.LocallyConnected2D(2, 2, padding="same", strides=2, implementation=3)],
             "locally_connected1d_first": [L.LocallyConnected1D(3, 3, strides=2, activation="tanh", **first),
                                           L.LocallyConnected1D(2, 2, padding="same", implementation=3, **first)],
             "locally_connected2d_first": [
                 L.LocallyConnected2D(3, (2, 3), strides=(1, 2), activation="sigmoid", **first),
                 L.LocallyConnected2D(2, 2, padding="same", strides=2, implementation=3, **first)]}
    for name, members in local.items():
        shape = {"1d": (7, 2), "2d": (5, 6, 2), "1d_first": (2, 7), "2d_first": (2, 5, 6)}
        model = tf_keras.Sequential([L.Input(shape[name.removeprefix("locally_connected")]), *members, L.Flatten(),
                                     L.Dense(2)])
        model.compile(tf_keras.optimizers.SGD(0.05), "mean_squared_error")
        shuffled(model)
        init, x = model.get_weights(), inputs_of(model)[0]
        y = rng.random((ROWS, 2)).astype("float32")
        case = folder / name
        shutil.rmtree(case, ignore_errors=True)
        case.mkdir()
        model.save(case / "model.h5")
        written = json.loads(model.to_json())
        written["compile_config"] = {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.05}},
                                     "loss": "mean_squared_error"}
        (case / "model.json").write_text(json.dumps(written, indent=1) + "\n")
        values = {"x": x, "y": y, "predict": model.predict(x, verbose=0), "loss": model.evaluate(x, y, verbose=0)}
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
        gradients = tape.gradient(loss, model.trainable_weights)
        for _ in range(5):
            model.train_on_batch(x, y)
        for key, arrays in (("init", init), ("grad_train", gradients), ("after", model.get_weights())):
            values.update({f"{key}/{k}": np.asarray(a) for k, a in enumerate(arrays)})
        with h5py.File(case / "io.h5", "w") as f:
            for key, value in values.items():
                f[key] = np.asarray(value, "float32")
        like = next(c for c in index["cases"] if c["name"] == "crossentropy_binary")
        index["cases"] = [c for c in index["cases"] if c["name"] != name] + [
            {**like, "name": name, "checks": f"{type(members[0]).__name__} by tf-keras, both forms of its kernel",
             "layers": ["Dense", "Flatten", type(members[0]).__name__], "files": ["io.h5", "model.h5", "model.json"]}]
    (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def main():
    """All, or the functions that are named: make_old_files.py local_first."""
    if len(sys.argv) > 1:
        for name in sys.argv[1:]:
            globals()[name]()
        return
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    for make in (keras1_convolution, keras1_theano, keras1_steps, keras1_transpose, keras1_lstm, keras1_bidirectional,
                 keras1_conv_lstm, keras1_merge, keras1_graph, keras2_written, keras2_optimizers, keras2_recurrent,
                 keras2_cudnn, keras2_theano, keras2_theano_borders, keras2_operators,
                 keras2_chunks, local_first):
        make()
    golden()
    print(f"{len(list(OUT.glob('*.io.h5')))} models in {OUT}")


if __name__ == "__main__":
    main()
