#!/usr/bin/env python3
"""Lets Keras write one golden case: make_golden.py NAME MODEL.json "what it checks" [float64] [h5] [jax] [lengths=5,7].

MODEL.json is a Sequential, which becomes a case of tests/golden, or a Functional of one output, one of tests/golden_graphs;
compiled or not (then mean squared error and SGD are taken). Weights are moved off their first values, so that a swapped
order shows. A model that is random in training gets values of inference only. With float64 all is computed in double; with
h5 the model is saved as .h5 alone; with jax Keras runs on JAX, which computes layers of channels_first without a GPU.
Lengths are those of the data along the inputs' axes that are null, in their order. Needs Keras 3 on TensorFlow (on JAX),
and h5py.
"""
import json
import os
import shutil
import sys
from pathlib import Path

JAX = "jax" in sys.argv[4:]
os.environ["KERAS_BACKEND"] = "jax" if JAX else "tensorflow"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import h5py
import keras
import numpy as np

if JAX:
    import jax
else:
    import tensorflow as tf

TESTS = Path(__file__).resolve().parent
ROWS, STEPS = 4, 5
TOLERANCE = {  # predict, loss: of each value; the others: of the tensor's largest, see tests/test_golden.c
    "predict": {"atol": 1e-5, "rtol": 1e-4},
    "loss": {"atol": 1e-6, "rtol": 1e-5},
    "grad_train": {"atol": 1e-6, "rtol": 1e-4},
    "after": {"atol": 2e-6, "rtol": 1e-3},
}
TOLERANCE_64 = {key: {"atol": 1e-10, "rtol": 1e-8 if key == "after" else 1e-10} for key in TOLERANCE}
DOUBLE, H5_ALONE = "float64" in sys.argv[4:], "h5" in sys.argv[4:]
LENGTHS = next((option[8:].split(",") for option in sys.argv[4:] if option.startswith("lengths=")), [])
FLOAT = "float64" if DOUBLE else "float32"
keras.config.set_floatx(FLOAT)


def load(path):
    model = keras.models.model_from_json(path.read_text())
    if not model.compiled:
        model.compile(optimizer=keras.optimizers.SGD(0.05), loss=keras.losses.MeanSquaredError())
    return model


def is_graph(model):
    return not isinstance(model, keras.Sequential)


def batch(model, rng):
    """Numbers, or tokens where the input is of integers; targets that the loss takes. Of a graph's inputs a list."""
    lengths = iter(LENGTHS)
    shapes = [(ROWS, *(int(next(lengths)) if n is None else n for n in i.shape[1:])) for i in model.inputs]
    sizes = [getattr(layer, "input_dim", None) or getattr(layer, "num_tokens", None) for layer in model.layers[:1]]
    x = [rng.integers(0, sizes[0], shape).astype("int32") if sizes[0] else rng.standard_normal(shape).astype(FLOAT)
         for shape in shapes]
    x = x if is_graph(model) else x[0]
    shape = model(x).shape
    if "sparse" in str(getattr(model.loss, "name", model.loss)):
        return x, rng.integers(0, shape[-1], shape[:-1]).astype("int32")
    return x, rng.random(shape).astype(FLOAT)


def gradients_on_jax(model, x, y):
    states = [v.value for v in model.non_trainable_variables]

    def loss(weights):
        return model.compute_loss(x, y, model.stateless_call(weights, states, x, training=True)[0])
    return jax.grad(loss)([v.value for v in model.trainable_variables])


def gradients(model, x, y):
    if JAX:
        return gradients_on_jax(model, x, y)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=True))
    return [tf.convert_to_tensor(g) for g in tape.gradient(loss, [w.value for w in model.trainable_weights])]


def write_values(model, x, y, init, path):
    """io.h5; returns what is in it and whether the model is random."""
    first = model(x, training=True)
    model.set_weights(init)  # training moves statistics, and the kernel of SpectralNormalization
    random = not np.array_equal(first, model(x, training=True))
    model.set_weights(init)
    values = {f"x/{i.name}": part for i, part in zip(model.inputs, x)} if is_graph(model) else {"x": x}
    values.update({"y": y, "predict": model(x, training=False)})
    values["loss"] = model.compute_loss(x, y, values["predict"])
    values.update({f"init/{k}": w for k, w in enumerate(init)})
    if not random:
        values.update({f"grad_train/{k}": g for k, g in enumerate(gradients(model, x, y))})
        model.set_weights(init)
        for _ in range(STEPS):
            model.train_on_batch(x, y)
        values.update({f"after/{k}": w for k, w in enumerate(model.get_weights())})
    with h5py.File(path, "w") as f:
        for name, value in values.items():
            f[name] = np.asarray(value)
        if is_graph(model):
            f.attrs["layer_order"] = np.bytes_(json.dumps([layer.name for layer in model.layers]))
            f.attrs["variables"] = np.bytes_(json.dumps([w.path for w in model.weights]))
    return sorted({name.split("/")[0] for name in values} - {"x", "y", "init"}), random


def write_index(path, case):
    """Indented, or in the index of graphs a case a line."""
    index = json.loads(path.read_text())
    cases = [other for other in index.pop("cases") if other["name"] != case["name"]] + [case]
    if "inputs" in case:
        path.write_text(json.dumps(index, indent=1)[:-2] + ',\n "cases": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]}\n")
    else:
        path.write_text(json.dumps({**index, "cases": cases}, indent=1) + "\n")


def write_files(model, folder):
    """The .h5 last: saving it takes the optimizer out of a .keras saved after it."""
    text = json.dumps(json.loads(model.to_json()), indent=1)
    (folder / "model.json").write_text(text + "\n")
    if not H5_ALONE:
        model.save(folder / "model.keras")
        model.save_weights(folder / "model.weights.h5")
    try:
        model.save(folder / "model.h5")
    except (TypeError, ValueError):  # generators of random images; variables of Adafactor, of one name
        (folder / "model.h5").unlink(missing_ok=True)


def main():
    name, path, checks = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    tolerance = TOLERANCE_64 if DOUBLE else TOLERANCE
    rng = np.random.default_rng(1)
    model = load(path)
    model.set_weights([w + rng.uniform(0.02, 0.2, w.shape).astype(w.dtype) for w in model.get_weights()])
    model.compile_from_config(model.get_compile_config())  # ScheduleFreeAdamW starts at the weights that there are
    for layer in model.layers:  # some compute with copies of their weights
        getattr(layer, "finalize_state", lambda: None)()
    init, (x, y), folder = model.get_weights(), batch(model, rng), TESTS / ("golden_graphs" if is_graph(model) else "golden") / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_files(model, folder)
    has, random = write_values(model, x, y, init, folder / "io.h5")
    case = {
        "name": name, "checks": checks, "layers": sorted({type(layer).__name__ for layer in model.layers}),
        "dtype": FLOAT, "random": random, "has": has, "files": sorted(p.name for p in folder.iterdir()),
        "steps": 0 if random else STEPS, "tolerance": {key: tolerance[key] for key in tolerance if key in has}}
    if is_graph(model):
        case.update({"inputs": [i.name for i in model.inputs], "outputs": model.output_names})
    write_index(folder.parent / "index.json", case)
    print(f"{folder}: {', '.join(has)}")


if len(sys.argv) < 4 or not {o.split("=")[0] for o in sys.argv[4:]} <= {"float64", "h5", "jax", "lengths"}:
    sys.exit(__doc__)
main()
