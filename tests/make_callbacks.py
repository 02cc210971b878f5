"""Makes callbacks.json: what Keras's own callbacks do, told values epoch by epoch: rates of ReduceLROnPlateau and
LearningRateScheduler, the end and the best epoch of EarlyStopping, the files of ModelCheckpoint, the lines of CSVLogger.

    python tests/make_callbacks.py    (with Keras 3)
"""
import json
import os
import random
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np

draw = random.Random(7)


class Model:
    """As much of a model as a callback needs: every epoch is told by one weight."""

    def __init__(self, rate):
        self.optimizer = keras.optimizers.SGD(rate)
        self.metrics = []
        self.stop_training = False
        self.epoch = -1
        self.weights_set = None
        self.saved = []

    def get_weights(self):
        return self.epoch

    def set_weights(self, weights):
        self.weights_set = weights

    def save(self, path, overwrite=True):
        self.saved.append(path)

    save_weights = save


def values(n):
    """Falls, stays, rises: with steps of the size of common min_delta."""
    value, out = draw.choice([1.0, 3.0, 0.5]), []
    for _ in range(n):
        out.append(round(value, 6))
        value = max(value + draw.choice([-0.3, -0.02, -0.0005, -0.00005, 0, 0, 0.00005, 0.02, 0.3]), 0.01)
    return out


def run(callback, name, series, rate=0.1):
    model = Model(rate)
    callback.set_model(model)
    callback.on_train_begin({})
    rates, logged = [], []
    for epoch, value in enumerate(series):
        model.epoch = epoch
        callback.on_epoch_begin(epoch, {})
        logs = {"loss": 2 * value, name: value}
        callback.on_epoch_end(epoch, logs)
        rates.append(float(np.float32(model.optimizer.learning_rate)))
        logged.append(logs.get("learning_rate"))
        if model.stop_training:
            break
    callback.on_train_end({})
    return model, rates, logged


def case(kind, config, series, name, **more):
    return {"class_name": kind, "config": config, "name": name, "values": series, **more}


def plateaus():
    for i in range(40):
        config = {"monitor": "val_loss", "factor": draw.choice([0.1, 0.5, 0.9]), "patience": draw.choice([0, 1, 2, 3]),
                  "min_delta": draw.choice([0, 1e-4, 0.01]), "cooldown": draw.choice([0, 1, 2, 4]),
                  "min_lr": draw.choice([0, 0.001, 0.02])}
        if i % 5 == 0:
            config["mode"] = "max"
        series = values(20)
        _, rates, logged = run(keras.callbacks.ReduceLROnPlateau(**config), "val_loss", series)
        yield case("ReduceLROnPlateau", config, series, "val_loss", rates=rates, logged=logged)


def stoppings():
    for i in range(40):
        config = {"monitor": "val_loss", "patience": draw.choice([0, 1, 2, 3]), "min_delta": draw.choice([0, 1e-4, 0.01]),
                  "baseline": draw.choice([None, None, 0.4]), "restore_best_weights": draw.choice([True, False]),
                  "start_from_epoch": draw.choice([0, 0, 2, 5]), "mode": "max" if i % 5 == 0 else "auto"}
        series = values(20)
        model, rates, _ = run(keras.callbacks.EarlyStopping(**config), "val_loss", series)
        yield case("EarlyStopping", config, series, "val_loss", epochs=len(rates), stops=model.stop_training,
                   kept=-1 if model.weights_set is None else model.weights_set)


def checkpoints():
    formats = ["m.keras", "{epoch}.keras", "{epoch:02d}-{val_loss:.4f}.keras", "e{epoch:03}_{val_loss:.2e}.keras",
               "{val_loss}-{loss:08.3f}.keras", "{val_loss:6.2f}.keras", "{{x}}{epoch:d}-{val_loss:.3g}.keras",
               "{val_loss:.1%}.keras", "{epoch:4d}-{val_loss:E}.keras"]
    for i in range(40):
        config = {"filepath": formats[i % len(formats)], "monitor": "val_loss", "save_best_only": i % 3 != 0,
                  "initial_value_threshold": draw.choice([None, None, 0.9]), "mode": "max" if i % 7 == 0 else "auto"}
        series = values(8)
        model, _, _ = run(keras.callbacks.ModelCheckpoint(**config), "val_loss", series)
        yield case("ModelCheckpoint", config, series, "val_loss", saved=model.saved)


def batch_checkpoints():
    for freq in (1, 2, 3, 7, 30):
        config = {"filepath": "{epoch}-{batch}.keras", "save_freq": freq}
        model, callback = Model(0.1), keras.callbacks.ModelCheckpoint(**config)
        callback.set_model(model)
        for epoch in range(4):
            callback.on_epoch_begin(epoch, {})
            for batch in range(5):
                callback.on_train_batch_end(batch, {"loss": 1.0})
            callback.on_epoch_end(epoch, {"loss": 1.0})
        yield case("ModelCheckpoint", config, [1.0] * 4, "loss", batches=5, saved=model.saved)


def schedulers():
    for schedule in (keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5, staircase=True),
                     keras.optimizers.schedules.CosineDecay(0.1, 10),
                     keras.optimizers.schedules.PiecewiseConstantDecay([2, 5], [0.1, 0.01, 0.001])):
        callback = keras.callbacks.LearningRateScheduler(lambda epoch, rate, s=schedule: float(s(epoch)))
        _, rates, logged = run(callback, "val_loss", [1.0] * 12)
        config = {"schedule": {"class_name": type(schedule).__name__, "config": schedule.get_config()}}
        yield case("LearningRateScheduler", config, [1.0] * 12, "val_loss", rates=rates, logged=logged)


def loggers():
    for name in ("val_loss", "mae"):
        for config in ({}, {"separator": ";"}, {"append": True}):
            path = os.path.join(tempfile.mkdtemp(), "log.csv")
            series = [0.1, 1e-5, 123456789.125, 3.0, float(np.float32(0.7))]
            for _ in range(2 if config.get("append") else 1):
                run(keras.callbacks.CSVLogger(path, **config), name, series)
            yield case("CSVLogger", {"filename": "log.csv", **config}, series, name,
                       text=open(path, newline="").read().replace("\r\n", "\n"))


def main():
    cases = [c for make in (plateaus, stoppings, checkpoints, batch_checkpoints, schedulers, loggers) for c in make()]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "callbacks.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"keras": "%s", "cases": [\n' % keras.__version__)
        file.write(",\n".join(json.dumps(c) for c in cases))
        file.write("\n]}\n")


main()
