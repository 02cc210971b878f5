"""schema.py FOLDER: docs/antler.schema.json is a schema of draft 2020-12 by which all models of the tree are valid, and
mistakes are none. Needs jsonschema."""
import copy
import glob
import json
import os
import sys

from jsonschema import Draft202012Validator

root = sys.argv[1]


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


schema = read(os.path.join(root, "docs", "antler.schema.json"))
Draft202012Validator.check_schema(schema)
judge = Draft202012Validator(schema)
failures = models = 0


def expect(valid, model, what):
    global failures
    if judge.is_valid(model) != valid:
        failures += 1
        print("valid" if not valid else "invalid", what)
        for error in judge.iter_errors(model) if valid else ():
            print("  ", error.json_path, error.message[:200])


for pattern in ("models/*.json", "models/*/*.json", "tests/golden/*/*.json", "tests/golden_graphs/*/*.json"):
    for path in sorted(glob.glob(os.path.join(root, pattern))):
        model = read(path)
        if isinstance(model, dict) and model.get("class_name") in ("Sequential", "Functional", "Model"):
            models += 1
            expect(True, model, path)

GOOD = {"class_name": "Sequential", "config": {"layers": [
    {"class_name": "InputLayer", "config": {"batch_shape": [None, 4]}},
    {"class_name": "Dense", "config": {"units": 3, "activation": "relu", "kernel_initializer": "he_normal"}},
    {"class_name": "Dropout", "config": {"rate": 0.5}}]},
    "compile_config": {"optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.01}}, "loss": "mse",
                       "metrics": ["mae"]},
    "fit": {"epochs": 3, "callbacks": [{"class_name": "EarlyStopping", "config": {"patience": 3}}]}}
expect(True, GOOD, "the model without mistakes")
MISTAKES = (
    ("config.layers.1.class_name", "Dnese"),
    ("config.layers.1.config.units", "three"),
    ("config.layers.1.config.units", 0),
    ("config.layers.1.config.unit", 3),
    ("config.layers.1.config.activation", "reluu"),
    ("config.layers.1.config.kernel_initializer", "he_norma"),
    ("config.layers.1.config", {}),
    ("config.layers.2.config.rate", 1.5),
    ("config.layers", []),
    ("compile_config.optimizer.class_name", "Adamm"),
    ("compile_config.optimizer.config.lr", 0.1),
    ("compile_config.optimizer.config.learning_rate", "0.1"),
    ("compile_config.loss", "scce"),
    ("compile_config.metrics.0", "acurracy"),
    ("fit.epoch", 3),
    ("fit.epochs", -3),
    ("fit.callbacks.0.class_name", "EarlyStoping"),
    ("fti", {}),
)
for place, value in MISTAKES:
    bad = copy.deepcopy(GOOD)
    node = bad
    *way, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    for key in way:
        node = node[key]
    node[last] = value
    expect(False, bad, f"{place}: {value}")
print(f"{models} models are valid, {len(MISTAKES)} mistakes are not; {failures} failures")
sys.exit(failures > 0 or models < 600)
