"""Exchange of files with Keras, for every network in models/: test_keras_interop.py ANTLER.

What `antler train` wrote (.keras, .weights.h5) Keras loads and predicts the same; what Keras wrote (.keras, .weights.h5,
.h5, to_json) Antler does. CTest runs it where it finds a Python with keras and h5py (ANTLER_PYTHON).
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import h5py
import keras
import numpy as np

MODELS = Path(__file__).resolve().parent.parent / "models"
ANTLER = sys.argv[1]
ROWS = 24
TOLERANCE = 1e-5


def antler(*arguments):
    subprocess.run([ANTLER, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def make_data(path, net):
    """Random rows that the network takes: tokens, bytes or numbers; labels as its loss wants them."""
    rng = np.random.default_rng(3)
    shape = (ROWS, *net.input_shape[1:])
    encoding = [layer.num_tokens for layer in net.layers if isinstance(layer, keras.layers.CategoryEncoding)]
    if encoding:
        x = rng.integers(0, encoding[0], shape).astype(np.uint8)
    elif isinstance(net.layers[0], keras.layers.Rescaling):
        x = rng.integers(0, 256, shape).astype(np.uint8)
    else:
        x = rng.standard_normal(shape).astype(np.float32)
    classes = net.output_shape[-1]
    y = rng.integers(0, classes, ROWS).astype(np.uint8)
    if "mean_squared_error" in str(net.loss):
        y = np.eye(classes, dtype=np.uint8)[y]
    with h5py.File(path, "w") as f:
        for part in "train", "test":
            f[f"x_{part}"], f[f"y_{part}"] = x, y
    return x, y


def predicted_by_antler(model, data, *more):
    output = data.with_name("predicted.h5")
    antler("predict", model, "--data", data, "--output", output, *more)
    with h5py.File(output) as f:
        return f["predict"][...]


def compare(what, ours, theirs):
    worst = float(np.abs(ours - theirs).max())
    print(f"  {what:46} {worst:.1e}", flush=True)
    assert ours.shape == theirs.shape and worst <= TOLERANCE, f"{what}: predictions differ by {worst}"


def from_antler(path, folder, data, x):
    """Keras reads what antler train wrote."""
    for suffix in "keras", "weights.h5", "h5":
        antler("train", path, "--data", data, "--epochs", 1, "--quiet", "--output", folder / f"ours.{suffix}")
    ours = predicted_by_antler(folder / "ours.keras", data)
    whole = keras.models.load_model(folder / "ours.keras")
    compare("antler's .keras in Keras", ours, whole.predict(x, verbose=0))
    assert whole.compiled and int(whole.optimizer.iterations) > 0, "the optimizer's state is not in the .keras"
    legacy = keras.models.load_model(folder / "ours.h5")
    compare("antler's .h5 in Keras", ours, legacy.predict(x, verbose=0))
    assert legacy.compiled and int(legacy.optimizer.iterations) > 0, "the .h5 is not compiled"
    weights = keras.models.model_from_json(path.read_text())
    weights.load_weights(folder / "ours.weights.h5")
    compare("antler's .weights.h5 in Keras", ours, weights.predict(x, verbose=0))


def from_keras(path, folder, data, x, y):
    """Antler reads what Keras wrote, and goes on training it."""
    net = keras.models.model_from_json(path.read_text())
    net.fit(x, y, batch_size=8, epochs=1, verbose=0)
    theirs = net.predict(x, verbose=0)
    for suffix in "keras", "h5":
        net.save(folder / f"theirs.{suffix}")
    net.save_weights(folder / "theirs.weights.h5")
    (folder / "theirs.json").write_text(net.to_json())
    compare("Keras's .keras in antler", predicted_by_antler(folder / "theirs.keras", data), theirs)
    compare("Keras's .h5 in antler", predicted_by_antler(folder / "theirs.h5", data), theirs)
    for name, model in ("our JSON", path), ("Keras's JSON", folder / "theirs.json"):
        compare(f"Keras's .weights.h5 in antler, {name}",
                predicted_by_antler(model, data, "--weights", folder / "theirs.weights.h5"), theirs)
    antler("train", folder / "theirs.keras", "--data", data, "--quiet", "--output", folder / "again.keras")
    again = keras.models.load_model(folder / "again.keras")
    assert int(again.optimizer.iterations) > int(net.optimizer.iterations), "training did not go on"


def main():
    keras.utils.set_random_seed(1)
    paths = sorted(MODELS.glob("*.json"))
    assert paths, f"no models in {MODELS}"
    for path in paths:
        print(path.stem)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            data = folder / "data.h5"
            x, y = make_data(data, keras.models.model_from_json(path.read_text()))
            from_antler(path, folder, data, x)
            from_keras(path, folder, data, x, y)


if __name__ == "__main__":
    main()
