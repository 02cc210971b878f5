#!/usr/bin/env python3
"""Lets Keras write one golden case: make_golden.py NAME MODEL.json "what it checks" [float64] [h5] [jax].

MODEL.json is a Sequential, compiled or not (then mean squared error and SGD are taken). Weights are moved off their first
values, so that a swapped order shows. A model that is random in training gets values of inference only. With float64 all
is computed in double; with h5 the model is saved as .h5 alone; with jax Keras runs on JAX, which computes layers of channels_first
without a GPU. Needs Keras 3 on TensorFlow (on JAX), and h5py.
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

GOLDEN = Path(__file__).resolve().parent / "golden"
ROWS, STEPS = 4, 5
TOLERANCE = {  # predict, loss: of each value; the others: of the tensor's largest, see tests/test_golden.c
    "predict": {"atol": 1e-5, "rtol": 1e-4},
    "loss": {"atol": 1e-6, "rtol": 1e-5},
    "grad_train": {"atol": 1e-6, "rtol": 1e-4},
    "after": {"atol": 2e-6, "rtol": 1e-3},
}
TOLERANCE_64 = {key: {"atol": 1e-10, "rtol": 1e-8 if key == "after" else 1e-10} for key in TOLERANCE}
DOUBLE, H5_ALONE = "float64" in sys.argv[4:], "h5" in sys.argv[4:]
FLOAT = "float64" if DOUBLE else "float32"
keras.config.set_floatx(FLOAT)


def load(path):
    model = keras.models.model_from_json(path.read_text())
    if not model.compiled:
        model.compile(optimizer=keras.optimizers.SGD(0.05), loss=keras.losses.MeanSquaredError())
    return model


def batch(model, rng):
    """Numbers, or tokens where the input is of integers; targets that the loss takes."""
    shape = (ROWS, *model.input_shape[1:])
    sizes = [getattr(layer, "input_dim", None) or getattr(layer, "num_tokens", None) for layer in model.layers[:1]]
    x = rng.integers(0, sizes[0], shape).astype("int32") if sizes[0] else rng.standard_normal(shape).astype(FLOAT)
    if "sparse" in str(getattr(model.loss, "name", model.loss)):
        return x, rng.integers(0, model.output_shape[-1], (ROWS, *model.output_shape[1:-1])).astype("int32")
    return x, rng.random((ROWS, *model.output_shape[1:])).astype(FLOAT)


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
    random = not np.array_equal(model(x, training=True), model(x, training=True))
    model.set_weights(init)  # training moves statistics
    values = {"x": x, "y": y, "predict": model(x, training=False)}
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
    return sorted({name.split("/")[0] for name in values} - {"x", "y", "init"}), random


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
    for layer in model.layers:  # some compute with copies of their weights
        getattr(layer, "finalize_state", lambda: None)()
    init, (x, y), folder = model.get_weights(), batch(model, rng), GOLDEN / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_files(model, folder)
    has, random = write_values(model, x, y, init, folder / "io.h5")
    index = json.loads((GOLDEN / "index.json").read_text())
    index["cases"] = [case for case in index["cases"] if case["name"] != name] + [{
        "name": name, "checks": checks, "layers": sorted({type(layer).__name__ for layer in model.layers}),
        "dtype": FLOAT, "random": random, "has": has, "files": sorted(p.name for p in folder.iterdir()),
        "steps": 0 if random else STEPS, "tolerance": {key: tolerance[key] for key in tolerance if key in has}}]
    (GOLDEN / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    print(f"{folder}: {', '.join(has)}")


if len(sys.argv) < 4 or not {*sys.argv[4:]} <= {"float64", "h5", "jax"}:
    sys.exit(__doc__)
main()
