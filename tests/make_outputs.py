#!/usr/bin/env python3
"""Lets Keras 3 on TensorFlow write outputs_golden.h: models of several inputs and outputs, what they log and learn.

Weights, inputs and targets follow from their index (value() here and in test_outputs.c); all is computed in double.
"""
import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np

keras.config.set_floatx("float64")
ROWS, EPOCHS, END = 6, 3, -100


def dense(name, units, activation="linear", **more):
    return ("Dense", {"name": name, "units": units, "activation": activation, **more})


def source(name, *shape):
    return ("InputLayer", {"name": name, "batch_shape": [None, *shape]})


CCE, MSE, MAE = "categorical_crossentropy", "mse", "mae"
SGD = {"class_name": "SGD", "config": {"learning_rate": 0.125, "momentum": 0.5}}
ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.0625, "weight_decay": 0.125}}
L2 = {"class_name": "L2", "config": {"l2": 0.125}}
HEADS = [source("x", 4), dense("h", 5, "tanh"), dense("kind", 3, "softmax"), dense("size", 2)]
HEADS_USES = [(1, [-1]), (2, [0]), (3, [0])]
# name, layers, calls (layer, calls that it takes; -1 - k: input k), outputs, optimizer, compile arguments, scale of weights
CASES = [
    ("dicts", HEADS, HEADS_USES, [1, 2], ADAM, {
        "loss": {"size": MSE, "kind": CCE}, "loss_weights": {"kind": 0.7, "size": 2.0},
        "metrics": {"kind": ["accuracy"], "size": [MAE, MSE]}}, 1),
    ("lists", HEADS, HEADS_USES, [1, 2], SGD, {
        "loss": [CCE, MAE], "loss_weights": [0.25, 3.0], "metrics": [["accuracy", MAE], [MAE]]}, 1),
    ("one_for_all", HEADS, HEADS_USES, [2, 1], SGD, {"loss": MSE, "metrics": [MAE, "accuracy"]}, 1),
    ("no_loss", [*HEADS[:3], dense("size", 2, kernel_regularizer=L2, bias_constraint="NonNeg")], HEADS_USES, [1, 2],
     ADAM, {"loss": [CCE, None], "metrics": {"kind": ["accuracy"]}}, 1),
    ("no_first_loss", HEADS, HEADS_USES, [1, 2], ADAM, {"loss": {"kind": None, "size": MSE}}, 1),
    ("used_again", [source("x", 4), dense("kind", 3, "softmax"), dense("after", 2)], [(1, [-1]), (2, [0])], [0, 1], SGD,
     {"loss": [CCE, MSE]}, 16),
    ("passed_on", [source("x", 4), dense("kind", 3, "softmax"), ("Activation", {"name": "same", "activation": "linear"}),
                   dense("after", 2)], [(1, [-1]), (2, [0]), (3, [0])], [1, 2], SGD, {"loss": [CCE, MSE]}, 16),
    ("penalized", [source("x", 4), dense("kind", 3, "softmax", activity_regularizer=L2), dense("after", 2)],
     [(1, [-1]), (2, [0])], [0, 1], SGD, {"loss": [CCE, MSE]}, 4),
    ("sigmoid", [source("x", 4), dense("h", 3, "sigmoid"), ("Activation", {"name": "p", "activation": "sigmoid"}),
                 dense("after", 2)], [(1, [-1]), (2, [0]), (3, [1])], [1, 2, 0], SGD,
     {"loss": ["binary_crossentropy", MSE, MAE], "loss_weights": [2.0, 1.0, 0.5]}, 8),
    ("input", [source("x", 4), dense("y", 2)], [(1, [-1])], [0, -1], SGD, {"loss": [MSE, None]}, 1),
    ("inputs", [source("a", 3), source("b", 3), ("MultiplyAll", {"name": "m"}), dense("p", 2), dense("q", 1, "sigmoid")],
     [(2, [-1, -2]), (3, [0]), (4, [0])], [1, 2], ADAM,
     {"loss": {"p": MSE, "q": "binary_crossentropy"}, "metrics": {"q": ["accuracy"]}}, 1),
    ("masks", [source("x", 4, 2), ("Masking", {"name": "m"}), ("LSTM", {"name": "whole", "units": 2}),
               dense("steps", 3, "softmax")], [(1, [-1]), (2, [0]), (3, [0])], [1, 2], SGD,
     {"loss": [MSE, CCE], "metrics": [[MAE], ["accuracy"]]}, 1),
]


def value(i, stream):
    return ((i * 37 + stream * 13 + 11) % 41 - 20) / 32


def values(shape, stream, scale=1):
    n = int(np.prod(shape))
    return np.array([value(i, stream) * scale for i in range(n)]).reshape(shape)


def build(layers, uses, outputs):
    made = [None if name == "InputLayer" else keras.layers.Multiply(name=config["name"]) if name == "MultiplyAll"
            else getattr(keras.layers, name).from_config(config) for name, config in layers]
    inputs = [keras.Input(config["batch_shape"][1:], name=config["name"]) for name, config in layers
              if name == "InputLayer"]
    given = []
    take = lambda ref: given[ref] if ref >= 0 else inputs[-1 - ref]
    for layer, refs in uses:
        x = [take(ref) for ref in refs]
        given.append(made[layer](x if len(x) > 1 else x[0]))
    return keras.Model(inputs, [take(ref) for ref in outputs]), made


def targets(shape, stream, loss):
    """Numbers; rows with one 1 where a class is wanted."""
    y = values(shape, stream)
    if loss == CCE:
        return np.eye(shape[-1])[(np.arange(y.size // shape[-1]) * 2 % shape[-1])].reshape(shape)
    return np.abs(y) if loss == "binary_crossentropy" else y


def loss_of(compiled, names, k):
    loss = compiled["loss"]
    return loss if isinstance(loss, str) else loss.get(names[k]) if isinstance(loss, dict) else loss[k]


def run(case):
    name, layers, uses, outputs, optimizer, compiled, scale = case
    model, made = build(layers, uses, outputs)
    variables = [w for layer in made if layer for w in layer.weights]
    for v, w in enumerate(variables):
        w.assign(values(w.shape, 100 + v, scale))
    model.compile(optimizer=keras.optimizers.deserialize(dict(optimizer)), **compiled)
    names = model.output_names
    x = [values((ROWS, *i.shape[1:]), k) for k, i in enumerate(model.inputs)]
    if any(kind == "Masking" for kind, _ in layers):
        x[0][1, 2:] = x[0][3, 1:] = x[0][0, 0] = 0
    y = [targets((ROWS, *o.shape[1:]), 50 + k, loss_of(compiled, names, k)) for k, o in enumerate(model.outputs)]
    needed = [t for k, t in enumerate(y) if loss_of(compiled, names, k)]
    first = model.evaluate(x, y, batch_size=ROWS, verbose=0, return_dict=True)
    history = model.fit(x, y, batch_size=2, epochs=EPOCHS, shuffle=False, verbose=0).history
    assert set(history) == set(first)
    return first, history, [np.ravel(w.numpy()) for w in variables], needed


def text(json_value):
    return '"' + json.dumps(json_value).replace('"', "'") + '"'


def row(numbers):
    return "{" + ", ".join(repr(float(n)) for n in numbers) + "}"


def refs(numbers):
    return "(const int[]){" + ", ".join(map(str, [*numbers, END])) + "}"


def print_case(case, out):
    name, layers, uses, outputs, optimizer, compiled, scale = case
    first, history, after, needed = run(case)
    listed = ", ".join(text({"class_name": kind, "config": config}) for kind, config in layers)
    weights = np.concatenate(after)
    flat = [n for layer, takes in uses for n in (layer, len(takes), *takes)]
    out.append(f"""    {{
        .name = "{name}",
        .layers = (const char *const[]){{{listed}, NULL}},
        .uses = {refs(flat)},
        .outputs = {refs(outputs)},
        .optimizer = {text(optimizer)},
        .loss = {text(compiled["loss"])},
        .loss_weights = {text(compiled["loss_weights"]) if "loss_weights" in compiled else "NULL"},
        .metrics = {text(compiled["metrics"]) if "metrics" in compiled else "NULL"},
        .scale = {scale},
        .logs = {len(first)},
        .log = (const expected_log[]){{""")
    for key in first:
        out.append(f'            {{"{key}", {first[key]!r}, {row(history[key])}}},')
    out.append(f"""        }},
        .weights = {weights.size},
        .after = (const double[]){row(weights)},
    }},""")


def main():
    out = ["/* Written by make_outputs.py, by Keras " + keras.__version__ + ". */", "#ifndef ANTLER_OUTPUTS_GOLDEN_H",
           "#define ANTLER_OUTPUTS_GOLDEN_H", "",
           "typedef struct expected_log {", "    const char *name;",
           f"    double first, epoch[{EPOCHS}]; /* evaluated before training; of each epoch */", "} expected_log;", "",
           "typedef struct outputs_case {", "    const char *name, *const *layers;",
           "    const int *uses, *outputs; /* layer, number of inputs, calls ... (-1 - k: input k), ended by -100 */",
           "    const char *optimizer, *loss, *loss_weights, *metrics;",
           "    int scale, logs, weights;", "    const expected_log *log; /* [logs] */",
           "    const double *after;      /* [weights] after all epochs */", "} outputs_case;", "",
           "static const outputs_case outputs_cases[] = {"]
    for case in CASES:
        print_case(case, out)
    out += ["};", "", "#endif"]
    Path(__file__).with_name("outputs_golden.h").write_text("\n".join(out) + "\n")


main()
