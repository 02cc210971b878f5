"""Exchange of files with Keras: test_keras_interop.py ANTLER.

For every network in models/: what `antler train` wrote (.keras, .weights.h5, .h5) Keras loads and predicts the same; what
Keras wrote (these, and to_json) Antler does. For every sample of every layer: what `antler convert` wrote of a model that
is compiled, that has a loss alone, that was never compiled, and that is frozen, Keras loads and predicts the same. The first also for
graphs that Keras made. Of no file that Antler wrote has Keras a warning, but for those that it has of its own. Training goes
on where it stopped, in either program, with every optimizer (keras_resume.py). CTest runs it where it finds a Python with
keras and h5py (ANTLER_PYTHON).
"""
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import h5py
import keras
import numpy as np
import tensorflow as tf

import keras_resume

MODELS = Path(__file__).resolve().parent.parent / "models"
ANTLER = sys.argv[1]
ROWS = 24
TOLERANCE = 1e-5
# Each file is flushed to the disk as it is written; what is here for a second need not be on one.
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# What Keras says of its own .h5, too: of one that was not compiled, and of one with metrics. And of a .keras with a loss
# and no optimizer, for which it takes one of its own. And of keys that are deprecated: rms_scaling is its own, and alpha of a
# LeakyReLU in a .h5 is what both Keras 2 and 3 read; or not what it recommends.
HABITS = ("No training configuration found", "the compiled metrics have yet to be built",
          "whereas the saved optimizer has 0 variables", "is deprecated", "is recommended")


class Heard(logging.Handler):
    """What absl's logger, by which Keras warns of .h5, is told."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.told = []
        logging.getLogger("absl").addHandler(self)

    def emit(self, record):
        self.told.append(record.getMessage())


HEARD = Heard()


def quietly(load, path):
    """Loads a file of Antler's, of which Keras has nothing to say that it has not of its own."""
    HEARD.told.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load(path)
    told = [str(warning.message) for warning in caught] + HEARD.told
    told = [text for text in told if not any(habit in text for habit in HABITS)]
    assert not told, f"{path}: Keras warns: {told}"
    return loaded


def load_model(path):
    return quietly(keras.models.load_model, path)


def antler(*arguments):
    subprocess.run([ANTLER, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def loss_of(net, k):
    """The loss of an output, by its name."""
    loss = net.loss
    if isinstance(loss, dict):
        loss = loss[net.output_names[k]]
    return str(loss[k] if isinstance(loss, (list, tuple)) else loss)


def target(rng, loss, shape):
    if "sparse" in loss:
        return rng.integers(0, shape[-1], (ROWS, *shape[1:-1])).astype(np.uint8)
    if "binary" in loss:
        return rng.integers(0, 2, (ROWS, *shape[1:])).astype(np.uint8)
    return rng.standard_normal((ROWS, *shape[1:])).astype(np.float32)


def make_graph_data(path, net):
    """Random rows for each input and output, by name; tokens for an input that an Embedding looks up."""
    rng = np.random.default_rng(3)
    x = {i.name: rng.integers(0, 5, (ROWS, *i.shape[1:])).astype(np.uint8) if "tokens" in i.name else
         rng.standard_normal((ROWS, *i.shape[1:])).astype(np.float32) for i in net.inputs}
    y = {name: target(rng, loss_of(net, k), o.shape)
         for k, (name, o) in enumerate(zip(net.output_names, net.outputs))}
    with h5py.File(path, "w") as f:
        for part in "train", "test":
            for kind, sets in ("x", x), ("y", y):
                for name, values in sets.items():
                    f[f"{kind}_{part}" + (f"/{name}" if len(sets) > 1 else "")] = values
    return x if len(x) > 1 else next(iter(x.values())), y if len(y) > 1 else next(iter(y.values()))


def make_data(path, net):
    """Random rows that the network takes: tokens, bytes or numbers; labels as its loss wants them."""
    if not isinstance(net, keras.Sequential):
        return make_graph_data(path, net)
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
        predict = f["predict"]
        return {name: predict[name][...] for name in predict} if isinstance(predict, h5py.Group) else predict[...]


def predicted_by_keras(net, x):
    y = net.predict(x, verbose=0)
    return dict(zip(net.output_names, y)) if isinstance(y, list) else y


def compare(what, ours, theirs):
    if isinstance(ours, dict):
        for name, values in ours.items():
            compare(f"{what}, {name}", values, theirs[name])
        return
    worst = float(np.abs(ours - theirs).max())
    print(f"  {what:46} {worst:.1e}", flush=True)
    assert ours.shape == theirs.shape and worst <= TOLERANCE, f"{what}: predictions differ by {worst}"


def steps(net):
    return int(net.optimizer.iterations.numpy())


def from_antler(path, folder, data, x):
    """Keras reads what antler train wrote."""
    for suffix in "keras", "weights.h5", "h5":
        antler("train", path, "--data", data, "--epochs", 1, "--quiet", "--output", folder / f"ours.{suffix}")
    ours = predicted_by_antler(folder / "ours.keras", data)
    whole = load_model(folder / "ours.keras")
    compare("antler's .keras in Keras", ours, predicted_by_keras(whole, x))
    assert whole.compiled and steps(whole) > 0, "the optimizer's state is not in the .keras"
    legacy = load_model(folder / "ours.h5")
    compare("antler's .h5 in Keras", ours, predicted_by_keras(legacy, x))
    assert legacy.compiled and steps(legacy) > 0, "the .h5 is not compiled"
    weights = keras.models.model_from_json(path.read_text())
    quietly(weights.load_weights, folder / "ours.weights.h5")
    compare("antler's .weights.h5 in Keras", ours, predicted_by_keras(weights, x))


def from_keras(path, folder, data, x, y):
    """Antler reads what Keras wrote, and goes on training it."""
    net = keras.models.model_from_json(path.read_text())
    net.fit(x, y, batch_size=8, epochs=1, verbose=0)
    theirs = predicted_by_keras(net, x)
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
    again = load_model(folder / "again.keras")
    assert steps(again) > steps(net), "training did not go on"


COMPILED = {
    "compiled": {"optimizer": {"module": "keras.optimizers", "class_name": "SGD", "config": {"learning_rate": 0.1},
                               "registered_name": None}, "loss": "mean_squared_error", "metrics": ["mse"]},
    "loss alone": {"loss": "mean_squared_error"},
    "optimizer alone": {"optimizer": "adam"},
    "nothing": {},
    "never": None,
}


def samples():
    """(class, input shape without the batch, config) of every sample that a layer has."""
    for name in types("layer"):
        text = subprocess.run([ANTLER, "layers", name], check=True, capture_output=True, text=True).stdout
        if name == "InputLayer" or not hasattr(keras.layers, name):  # which every model begins with; of Keras 2 alone
            continue
        if name == "STFTSpectrogram" and not find_spec("scipy"):
            print("  STFTSpectrogram: Keras needs scipy for it", flush=True)
            continue
        text = text.split(" (operator): ")[0]  # of the same name
        for shape, config in re.findall(r"^  \(([\d, ]*)\) (\{.*\})$", text, re.MULTILINE):
            yield name, [int(size) for size in shape.split(",") if size.strip()], json.loads(config)


def modules(layer):
    """Keras looks for a layer in a layer by its module."""
    config = {key: modules(value) if isinstance(value, dict) and "class_name" in value and "layer" in key else value
              for key, value in layer["config"].items()}
    return {"module": "keras.layers", "class_name": layer["class_name"], "config": config, "registered_name": None}


def sample_model(name, shape, config, settings):
    source = {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape]}}
    model = {"module": "keras", "class_name": "Sequential", "registered_name": None,
             "config": {"name": "m", "layers": [modules(source), modules({"class_name": name, "config": config})]}}
    return model if settings is None else {**model, "compile_config": settings}


def sample_rows(shape, config):
    rng = np.random.default_rng(5)
    below = config.get("input_dim") or config.get("num_tokens")
    return (rng.integers(0, below, (3, *shape)) if below else rng.standard_normal((3, *shape))).astype(np.float32)


def frozen(name, config):
    """The same layer with what it has frozen, or the first of what it wraps."""
    inner = config.get("layer")
    if inner:
        return {**config, "layer": {**inner, "config": {**inner["config"], "trainable": False}}}
    return {**config, "trainable": False}


def states_of(turn, name, config):
    """Compiled, and in turn one of the other ways to be, which are no layer's own, frozen among them."""
    states = [(state, config, settings) for state, settings in COMPILED.items()]
    states.append(("frozen", frozen(name, config), COMPILED["compiled"]))
    return [states[0], states[1 + turn % (len(states) - 1)]]


def h5_keeps(config):
    """Keras's reader of .h5 drops an axis that is no number, of its own files too."""
    return isinstance(config.get("axis", 0), int)


# In Keras 3.15 RandomCrop leaves images as they are where nothing is trained, against its documentation and its
# output_shape, and no model can be built with an Equalization.
OTHERWISE_IN_KERAS = ["Equalization", "RandomCrop"]


def run(net, x):
    """What the network gives; None where TensorFlow's kernels for a processor lack what Keras has."""
    try:
        return np.asarray(net(x, training=False))
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        if any(text in str(error) for text in ("not yet support", "not supported", "only supports")):
            return None
        raise


def check_sample(folder, turn, name, shape, config):
    x, worst = sample_rows(shape, config), 0.0
    np.save(folder / "x.npy", x)
    for state, settings, compiled in states_of(turn, name, config):
        path, ours = folder / "m.json", folder / "m.keras"
        path.write_text(json.dumps(sample_model(name, shape, settings, compiled)))
        antler("convert", path, ours)
        antler("convert", ours, folder / "m.h5")
        antler("convert", ours, folder / "m.weights.h5")
        antler("convert", ours, folder / "whole.json")  # all keys, which some from_config of Keras needs
        y = predicted_by_antler(ours, folder / "x.npy")
        whole = json.loads((folder / "whole.json").read_text())
        whole.pop("compile_config", None)
        bare = keras.models.model_from_json(json.dumps(whole))
        quietly(bare.load_weights, folder / "m.weights.h5")
        loaded = [load_model(ours), bare]
        if h5_keeps(config):
            loaded.append(load_model(folder / "m.h5"))
        has_optimizer = bool(compiled) and "optimizer" in compiled
        assert loaded[0].compiled == bool(compiled), f"{name}, {state}: .keras is compiled: {loaded[0].compiled}"
        for net in loaded[2:]:
            assert net.compiled == has_optimizer, f"{name}, {state}: .h5 is compiled: {net.compiled}"
        for net, suffix in zip(loaded, (".keras", ".weights.h5", ".h5")):
            theirs = run(net, x)
            if theirs is None:
                print(f"  {name}: TensorFlow has it not on this processor", flush=True)
                return
            assert theirs.shape == y.shape, f"{name}, {state}, {suffix}: shapes {y.shape} and {theirs.shape}"
            worst = max(worst, float(np.abs(y - theirs).max(initial=0)))
            assert worst <= TOLERANCE, f"{name} {settings}, {state}, {suffix}: predictions differ by {worst}"
        antler("convert", folder / "m.h5", folder / "back.keras")
        again = predicted_by_antler(folder / "back.keras", folder / "x.npy")
        assert np.array_equal(again, y), f"{name}, {state}: .h5 read back predicts otherwise"
    print(f"  {name} {json.dumps(config)}"[:46].ljust(49), f"{worst:.1e}", flush=True)


def tower(kind):
    """A model for two inputs: a Sequential, or a Functional."""
    if kind == "sequential":
        return keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3)],
                                name="tower")
    x = keras.Input((6,), name="seen")
    h = keras.layers.Dense(6, activation="tanh")(x)
    return keras.Model(x, keras.layers.Dense(3)(keras.layers.add([x, h])), name="tower")


def residual():
    x = keras.Input((8, 8, 2), name="x")
    h = keras.layers.Conv2D(2, 3, padding="same", use_bias=False)(x)
    h = keras.layers.BatchNormalization()(h)
    h = keras.layers.Activation("relu")(keras.layers.add([x, h]))
    y = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(h))
    return keras.Model(x, y, name="residual"), "sparse_categorical_crossentropy"


def siamese(kind):
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    shared = tower(kind)
    h = keras.layers.Concatenate()([shared(a), shared(b)])
    return keras.Model([a, b], keras.layers.Dense(1, activation="sigmoid")(h)), "binary_crossentropy"


def two_outputs():
    x, shared = keras.Input((6,), name="x"), keras.layers.Dense(6, activation="relu", name="shared")
    h = shared(shared(x))
    kind = keras.layers.Dense(4, activation="softmax", name="kind")(h)
    size = keras.layers.Dense(2, name="size")(h)
    return keras.Model(x, [size, kind]), {"kind": "sparse_categorical_crossentropy", "size": "mse"}


def frozen_base():
    base = tower("functional")
    base.trainable = False
    x = keras.Input((6,), name="x")
    return keras.Model(x, keras.layers.Dense(2)(base(x))), "mse"


def masked_towers():
    a, b = keras.Input((5,), name="tokens_a"), keras.Input((5,), name="tokens_b")
    shared = keras.Sequential([keras.Input((5,)), keras.layers.Embedding(5, 4, mask_zero=True), keras.layers.LSTM(3)],
                              name="reader")
    return keras.Model([a, b], keras.layers.Dense(1)(keras.layers.concatenate([shared(a), shared(b)]))), "mse"


def on_steps_twice():
    x, steps = keras.Input((4, 6), name="x"), keras.layers.TimeDistributed(tower("sequential"), name="steps")
    again = keras.layers.TimeDistributed(keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)]), name="again")
    return keras.Model(x, again(again(steps(x)))), "mse"


def check_grouped_attention(folder):
    """Its groups have the name of a Python class that is exported under another. Keras reads no .h5 with it."""
    x = keras.Input((5, 8), name="x")
    h = keras.layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)(x, x)
    net = keras.Model(x, keras.layers.Dense(2)(h))
    rows = np.random.default_rng(3).standard_normal((3, 5, 8)).astype(np.float32)
    np.save(folder / "x.npy", rows)
    net.save(folder / "theirs.keras")
    compare("Keras's .keras in antler", predicted_by_antler(folder / "theirs.keras", folder / "x.npy"),
            predicted_by_keras(net, rows))
    antler("convert", folder / "theirs.keras", folder / "ours.keras")
    ours = load_model(folder / "ours.keras")
    compare("antler's .keras in Keras", predicted_by_keras(ours, rows), predicted_by_keras(net, rows))


def check_attention_of_keras2(folder):
    """Its config has shapes there, without which tf_keras does not load it."""
    import tf_keras
    x = tf_keras.Input((5, 8), name="x")
    other = tf_keras.layers.Dense(4)(x)
    h = tf_keras.layers.MultiHeadAttention(2, 3)(x, other)
    net = tf_keras.Model(x, tf_keras.layers.Dense(2)(h))
    rows = np.random.default_rng(3).standard_normal((3, 5, 8)).astype(np.float32)
    np.save(folder / "x.npy", rows)
    with warnings.catch_warnings():  # that it is to be .keras
        warnings.simplefilter("ignore")
        net.save(folder / "theirs.h5")
    antler("convert", folder / "theirs.h5", folder / "ours.h5")
    compare("tf_keras's .h5 in antler", predicted_by_antler(folder / "theirs.h5", folder / "x.npy"), np.asarray(net(rows)))
    ours = tf_keras.models.load_model(folder / "ours.h5")
    compare("antler's .h5 in tf_keras", np.asarray(ours(rows)), np.asarray(net(rows)))


def check_chain_on_steps(folder):
    """A chain of Keras 3's with a chain on its steps, and one on the steps of that: its .h5 is for both Kerases."""
    import tf_keras
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.LeakyReLU(0.2)], name="inner")
    middle = keras.Sequential([keras.Input((6, 3)), keras.layers.TimeDistributed(inner), keras.layers.GRU(2)])
    net = keras.Sequential([keras.Input((5, 6, 3)), keras.layers.TimeDistributed(middle), keras.layers.Dense(2)])
    rows = np.random.default_rng(3).standard_normal((3, 5, 6, 3)).astype(np.float32)
    net.save(folder / "theirs.keras")
    antler("convert", folder / "theirs.keras", folder / "ours.h5")
    right = predicted_by_keras(net, rows)
    compare("antler's .h5 in Keras", predicted_by_keras(load_model(folder / "ours.h5"), rows), right)
    compare("antler's .h5 in tf_keras", np.asarray(tf_keras.models.load_model(folder / "ours.h5")(rows)), right)


GRAPHS = {"residual": residual, "siamese, sequential": lambda: siamese("sequential"),
          "siamese, functional": lambda: siamese("functional"), "two outputs": two_outputs, "frozen base": frozen_base,
          "masked towers": masked_towers, "model on steps, twice": on_steps_twice}


def check_graph(folder, make):
    net, loss = make()
    net.compile(optimizer="adam", loss=loss)
    path, data = folder / "graph.json", folder / "data.h5"
    path.write_text(net.to_json())
    x, y = make_data(data, net)
    from_antler(path, folder, data, x)
    from_keras(path, folder, data, x, y)


def types(kind):
    """The names of Antler's types of a kind."""
    text = subprocess.run([ANTLER, "layers"], check=True, capture_output=True, text=True).stdout
    return re.findall(rf"^{kind} +(\w+)", text, re.MULTILINE)


def main():
    keras.utils.set_random_seed(1)
    print("going on with training")
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        keras_resume.check(antler, Path(folder), types("optimizer"))
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        for turn, (name, shape, config) in enumerate(samples()):
            if name not in OTHERWISE_IN_KERAS:
                check_sample(Path(folder), turn, name, shape, config)
    for name, make in GRAPHS.items():
        print(name)
        with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
            check_graph(Path(folder), make)
    print("grouped attention")
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        check_grouped_attention(Path(folder))
        if find_spec("tf_keras"):
            check_attention_of_keras2(Path(folder))
            check_chain_on_steps(Path(folder))
    paths = sorted(MODELS.glob("*.json"))
    assert paths, f"no models in {MODELS}"
    for path in paths:
        print(path.stem)
        with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
            folder = Path(folder)
            data = folder / "data.h5"
            x, y = make_data(data, keras.models.model_from_json(path.read_text()))
            from_antler(path, folder, data, x)
            from_keras(path, folder, data, x, y)


if __name__ == "__main__":
    main()
