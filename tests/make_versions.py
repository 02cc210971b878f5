"""Writes tests/files/versions, small models as several Kerases save them: make_versions.py keras|tf_keras [PATH].

Once for each Keras, the one in PATH where it is not the installed one (`pip install --no-deps --target PATH
keras==3.0.5`), and with TensorFlow. Each model becomes a case in the form of tests/golden: model.json, .keras, .h5 and .weights.h5, and io.h5 with an
input and what that Keras answers. Between them they have what changed from 3.0 to 3.15: a dtype as string and as policy
object, groups with and without a name, seeds, states of metrics, build_config, keys that came later (`optional`,
`ragged`, `quantization_config`), parts of attention under public and private names, masks that are joined by AND and by OR;
and of Keras 2 its optimizers' state in both orders.
"""
import importlib
import json
import os
import re
import sys
from pathlib import Path

KIND = sys.argv[1]
sys.path[:0] = sys.argv[2:]
os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
k = importlib.import_module(KIND)
import h5py  # noqa: E402
import numpy as np  # noqa: E402

VERSION = k.__version__
NEW = int(VERSION.split(".")[0]) > 2
HERE = Path(__file__).resolve().parent / "files" / "versions"
rng = np.random.default_rng(5)


def numbers(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def tokens(*shape):
    return rng.integers(0, 6, shape).astype(np.float32)  # 0 is masked


def chain():
    """Noise, statistics and metrics, which have variables that no weights are."""
    seed = {"seed": 3} if NEW else {}
    net = k.Sequential([k.layers.Input((5,)), k.layers.Dense(4, activation="relu", name="below"),
                        k.layers.Dropout(0.25, **seed), k.layers.BatchNormalization(), k.layers.GaussianNoise(0.1),
                        k.layers.LeakyReLU(), k.layers.Dense(3, activation="softmax", kernel_regularizer="l2")])
    return net, {"loss": "categorical_crossentropy", "metrics": ["accuracy"]}, [numbers(4, 5)]


def recurrent():
    """hard_sigmoid is another function in Keras 2."""
    net = k.Sequential([k.layers.Input((5,)), k.layers.Embedding(6, 3, mask_zero=True),
                        k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True)),
                        k.layers.GRU(3, recurrent_activation="hard_sigmoid", dropout=0.2, reset_after=not NEW),
                        k.layers.Dense(2)])
    return net, {"loss": "mean_squared_error"}, [tokens(4, 5)]


def images():
    net = k.Sequential([k.layers.Input((6, 6, 2)), k.layers.Conv2D(3, 3, padding="same", activation="relu"),
                        k.layers.MaxPooling2D(), k.layers.DepthwiseConv2D(2), k.layers.BatchNormalization(),
                        k.layers.Conv2DTranspose(2, 2, strides=2), k.layers.UnitNormalization(),
                        k.layers.GlobalAveragePooling2D(), k.layers.Dense(2)])
    return net, {"loss": "mean_squared_error"}, [numbers(4, 6, 6, 2)]


def masks():
    """Two masks that meet; Keras before 3.4 takes what both have. A layer that is shared, and a model in the model."""
    a, b = k.layers.Input((5,), name="a"), k.layers.Input((5,), name="b")
    words = k.layers.Embedding(6, 3, mask_zero=True)
    h = k.layers.Add()([words(a), words(b)])
    h = k.layers.LSTM(4)(h)
    head = k.Sequential([k.layers.Input((4,)), k.layers.Dense(3, activation="gelu"), k.layers.Dense(2)], name="head")
    return k.Model([a, b], head(h)), {"loss": "mean_squared_error"}, [tokens(4, 5), tokens(4, 5)]


def attention():
    x = k.layers.Input((4, 6), name="x")
    h = k.layers.MultiHeadAttention(num_heads=2, key_dim=3)(x, x)
    h = k.layers.LayerNormalization()(k.layers.Add()([x, h]))
    return k.Model(x, k.layers.Dense(2)(h)), {"loss": "mean_squared_error"}, [numbers(3, 4, 6)]


def optimizer():
    return k.optimizers.Adam(0.01)


MAKERS = {"chain": (chain, optimizer), "recurrent": (recurrent, lambda: k.optimizers.RMSprop(0.01, momentum=0.5)),
          "images": (images, lambda: k.optimizers.SGD(0.01, momentum=0.9)), "masks": (masks, optimizer)}
if NEW:
    MAKERS["attention"] = attention, optimizer
else:  # the optimizers of before 2.11
    older = k.optimizers.legacy
    MAKERS["older_chain"] = chain, lambda: older.Adam(0.01)
    MAKERS["older_images"] = images, lambda: older.SGD(0.01, momentum=0.9)


def write(name, make, optimize):
    k.utils.set_random_seed(3)
    net, settings, x = make()
    net.compile(optimizer=optimize(), **settings)
    x = x if len(x) > 1 else x[0]
    y = np.abs(net.predict(x, verbose=0))
    steps = 2
    for _ in range(steps):
        net.train_on_batch(x, y / y.sum(-1, keepdims=True))
    case = f"{name}_{'keras' if NEW else 'tf_keras'}_{VERSION}"
    folder = HERE / case
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(net.to_json())
    forms = ["keras", "weights.h5", "h5"] if name.split("_")[0] != "older" else ["h5"]  # which lose their state in .keras
    files = ["io.h5", "model.json"]
    for form in forms:  # .h5 last: Keras forgets the optimizer of a model that it wrote so
        path = folder / f"model.{form}"
        try:
            net.save_weights(path) if form == "weights.h5" else net.save(path)
            files.append(path.name)
        except (ValueError, TypeError, AttributeError, NotImplementedError) as error:
            print(f"{case}: {VERSION} writes no .{form}: {error}")
    inputs = [getattr(t, "name").split(":")[0] for t in net.inputs]
    with h5py.File(folder / "io.h5", "w") as f:
        for part, values in zip(inputs, x if isinstance(x, list) else [x]):
            f["x" if len(inputs) == 1 else f"x/{part}"] = values
        f["predict"] = net.predict(x, verbose=0)
    return {"name": case, "writer": f"{KIND} {VERSION}", "files": files, "inputs": inputs, "outputs": ["y"],
            "steps": steps, "dtype": "float32", "tolerance": {"predict": {"atol": 1e-5, "rtol": 1e-4}}}


def renamed(case, what, rename):
    """A case of the weights of another one under other groups, as Keras 2.13 and those on Windows named them."""
    source, folder = HERE / case["name"], HERE / what
    folder.mkdir(exist_ok=True)
    for name in "model.json", "io.h5":
        (folder / name).write_bytes((source / name).read_bytes())
    with h5py.File(source / "model.weights.h5") as old, h5py.File(folder / "model.weights.h5", "w") as new:
        paths = []
        old.visit(paths.append)
        for path in paths:
            other = rename(re.sub("^layers", "_layer_checkpoint_dependencies", path))
            if isinstance(old[path], h5py.Group):
                new.require_group(other)
            else:
                new[other] = old[path][...]
    return {**case, "name": what, "files": ["io.h5", "model.json", "model.weights.h5"]}


def counted_twice(path):
    return re.sub(r"(dependencies/[a-z_]+?)_(\d+)(?=/|$)", lambda m: f"{m[1]}_{2 * int(m[2])}", path)


def on_windows(path):
    groups, vars_, variable = path.partition("/vars")
    return groups.replace("/", "\\") + vars_ + variable


def main():
    index = HERE / "index.json"
    cases = {case["name"]: case for case in json.loads(index.read_text())["cases"]} if index.exists() else {}
    for name, (make, optimize) in MAKERS.items():
        try:
            case = write(name, make, optimize)
        except Exception as error:  # what this Keras cannot do with this TensorFlow
            print(f"{name}: {VERSION} does not run it: {error}")
            continue
        cases[case["name"]] = case
        if not NEW and name in ("chain", "recurrent"):
            for what, rename in ("2.13", counted_twice), ("windows", on_windows):
                cases[f"{name}_{what}"] = renamed(case, f"{name}_{what}", rename)
    lines = ",\n".join(json.dumps(cases[name]) for name in sorted(cases))
    index.write_text(f'{{"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
