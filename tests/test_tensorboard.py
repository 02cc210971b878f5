"""TensorBoard reads what the TensorBoard callback writes: test_tensorboard.py COMMAND. Needs the package tensorboard."""
import json
import os
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing import event_accumulator

DENSE = {"class_name": "Dense", "config": {"units": 1}}
INPUT = {"class_name": "InputLayer", "config": {"batch_shape": [None, 2]}}


def model(**config):
    callbacks = [{"class_name": "TensorBoard", "config": config}]
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [INPUT, DENSE]},
            "compile_config": {"optimizer": "sgd", "loss": "mse", "metrics": ["mae"]},
            "fit": {"data": "data", "epochs": 5, "batch_size": 8, "validation_split": 0.25, "callbacks": callbacks}}


def read(folder):
    files = os.listdir(folder)
    assert len(files) == 1, files
    events = event_accumulator.EventAccumulator(folder)
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def same(got, history, column, first=0):
    assert [step for step, _ in got] == list(range(first, len(history))), got
    for (_, value), row in zip(got, history):
        assert abs(value - float(row[column])) <= 1e-6 * (1 + abs(value)), (column, value, row[column])


def main():
    command = os.path.abspath(sys.argv[1])
    os.chdir(tempfile.mkdtemp())
    os.mkdir("data")
    with open("data/x_train.csv", "w") as x, open("data/y_train.csv", "w") as y:
        for i in range(40):
            print(i / 40, (i * 7 % 11) / 11, sep=",", file=x)
            print(i / 40 - 0.3, file=y)
    with open("m.json", "w") as file:
        json.dump(model(log_dir="tb", update_freq="batch"), file)
    train = [command, "train", "m.json", "--quiet", "--checkpoint", "state", "--resume", "--log-dir", "logs"]
    subprocess.run([*train, "--epochs", "3"], check=True)
    subprocess.run(train, check=True)  # goes on in the same files
    with open("logs/history.csv") as file:
        heading, *rows = [line.strip().split(",") for line in file]
    history = [dict(zip(heading, row)) for row in rows]
    train_scalars, validation = read("tb/train"), read("tb/validation")
    same(train_scalars["epoch_loss"], history, "loss")
    same(train_scalars["epoch_mae"], history, "mae")
    same(validation["epoch_loss"], history, "val_loss")
    same(validation["epoch_mae"], history, "val_mae")
    assert [step for step, _ in train_scalars["batch_loss"]] == list(range(1, 21)), train_scalars["batch_loss"]
    assert [step for step, _ in validation["evaluation_loss_vs_iterations"]] == [4, 8, 12, 16, 20]
    assert all(abs(rate - 0.01) < 1e-8 for _, rate in train_scalars["epoch_learning_rate"])
    print("TensorBoard reads", len(train_scalars) + len(validation), "tags")


main()
