"""Training that goes on in another program: three steps in Keras, three in Antler, three in Keras are nine in Keras.

For every optimizer, in .keras and in legacy .h5; and with tf_keras, which is Keras 2, where it is installed: its
optimizers of 2.11 and later, and those before. A part of test_keras_interop.py.
"""
from importlib.util import find_spec

import h5py
import keras
import numpy as np

# Three steps of four rows in one epoch. Rows have their own order, and nothing is drawn: all runs see the same batches.
ROWS, BATCH = 12, 4
TOLERANCE = 2e-5  # of the largest weight


def data():
    rng = np.random.default_rng(11)
    return rng.standard_normal((ROWS, 6)).astype(np.float32), rng.standard_normal((ROWS, 3)).astype(np.float32)


def cases(names):
    """(what, optimizer's class, settings) of each optimizer, and of each setting that has a state of its own."""
    for name in names:
        yield name, name, {}
    yield "SGD, momentum", "SGD", {"momentum": 0.9}
    yield "SGD, Nesterov", "SGD", {"momentum": 0.9, "nesterov": True}
    yield "RMSprop, momentum, centered", "RMSprop", {"momentum": 0.5, "centered": True}
    yield "Adam, amsgrad", "Adam", {"amsgrad": True}
    yield "Adam, running means", "Adam", {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2}
    yield "Adam, accumulation", "Adam", {"gradient_accumulation_steps": 2}
    yield "RMSprop, both", "RMSprop", {"momentum": 0.5, "use_ema": True, "gradient_accumulation_steps": 2}
    yield "SGD, decay and clipping", "SGD", {"momentum": 0.9, "weight_decay": 0.1, "clipnorm": 0.5}
    for name in "SGD", "Adam", "Nadam":
        yield f"{name}, schedule", name, {"learning_rate": keras.optimizers.schedules.CosineDecay(0.05, 8, alpha=0.1)}


def keras2_cases(older):
    """Without Nadam: tf_keras leaves out of its file what Nadam has beside the slots, and the older one is another."""
    for name in "SGD", "RMSprop", "Adam", "Adamax", "Adagrad", "Adadelta", "Ftrl":
        # The older RMSprop without momentum adds epsilon behind the root.
        yield name, name, {"epsilon": 1e-30} if older and name == "RMSprop" else {}
    yield "SGD, momentum", "SGD", {"momentum": 0.9}
    yield "RMSprop, momentum, centered", "RMSprop", {"momentum": 0.5, "centered": True}
    yield "Adam, amsgrad", "Adam", {"amsgrad": True}


def network(k, optimizer):
    """Two Dense with a frozen one between, the same weights each time. k is keras or tf_keras."""
    k.utils.set_random_seed(7)
    net = k.Sequential([k.layers.Input((6,)), k.layers.Dense(5, activation="tanh", name="below"),
                        k.layers.Dense(5, trainable=False, name="frozen"), k.layers.Dense(3, name="above")])
    net.compile(optimizer=optimizer, loss="mean_squared_error", run_eagerly=True)
    return net


def three_steps(net):
    """An epoch as fit would do it: eagerly and step by step, which takes a tenth of the time."""
    net.run_eagerly = True
    x, y = data()
    for first in range(0, ROWS, BATCH):
        net.train_on_batch(x[first:first + BATCH], y[first:first + BATCH])
    if getattr(net.optimizer, "use_ema", False):
        net.optimizer.finalize_variable_values(net.trainable_variables)


def load_h5(path):
    """Keras 3 makes the optimizer of a legacy file for the variables that are the model's own, none of its layers',
    takes the count of steps for it, and then refuses to train: its own files, too. Made anew, it takes the whole."""
    net = keras.models.load_model(path)
    optimizer = type(net.optimizer).from_config(net.optimizer.get_config())
    net.compile(optimizer=optimizer, loss=net.loss)
    optimizer.build(net.trainable_variables)
    with h5py.File(path) as f:
        state = f["optimizer_weights"]
        assert len(state.attrs["weight_names"]) == len(optimizer.variables), "other variables than the optimizer's"
        optimizer.set_weights([state[name][()] for name in state.attrs["weight_names"]])
    return net


def difference(net, other):
    pairs = list(zip(net.get_weights(), other.get_weights(), strict=True))
    largest = max(float(np.abs(a).max()) for a, _ in pairs)
    return max(float(np.abs(a - b).max()) for a, b in pairs) / largest


def check_case(antler, folder, what, make, loads):
    """make(): a compiled net, always the same; loads: for a suffix what loads a net that goes on."""
    whole, net = make(), make()
    for _ in range(3):
        three_steps(whole)
    three_steps(net)
    for suffix, load in loads.items():
        theirs, ours = folder / f"theirs.{suffix}", folder / f"ours.{suffix}"
        net.save(theirs)
        antler("train", theirs, "--data", folder / "steps.h5", "--batch-size", BATCH, "--no-shuffle", "--quiet", "--output",
               ours)
        again = load(ours)
        three_steps(again)
        worst = difference(whole, again)
        print(f"  {what}, .{suffix}".ljust(49), f"{worst:.1e}", flush=True)
        assert worst <= TOLERANCE, f"{what}, .{suffix}: the weights differ by {worst} of the largest"


def check_keras3(antler, folder, names):
    for what, name, settings in cases(names):
        def make(name=name, settings=settings):
            return network(keras, getattr(keras.optimizers, name)(**{"learning_rate": 0.01, **settings}))
        loads = {"keras": keras.models.load_model}
        # Keras 3.15 writes no .h5 with an Adafactor, two of whose variables have one name, and reads none with a Lamb.
        if name not in ("Adafactor", "Lamb"):
            loads["h5"] = load_h5
        check_case(antler, folder, what, make, loads)


def check_keras2(antler, folder):
    import tf_keras
    for older, module in (False, tf_keras.optimizers), (True, tf_keras.optimizers.legacy):
        for what, name, settings in keras2_cases(older):
            def make(module=module, name=name, settings=settings):
                return network(tf_keras, getattr(module, name)(learning_rate=0.01, **settings))
            check_case(antler, folder, f"tf_keras, {'older' if older else 'newer'} {what}", make,
                       {"h5": tf_keras.models.load_model})


def check(antler, folder, names):
    """antler(*arguments) runs the command; names: the optimizers that it has."""
    x, y = data()
    with h5py.File(folder / "steps.h5", "w") as f:
        f["x_train"], f["y_train"] = x, y
    check_keras3(antler, folder, [name for name in names if hasattr(keras.optimizers, name)])
    if find_spec("tf_keras"):
        check_keras2(antler, folder)
