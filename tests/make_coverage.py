#!/usr/bin/env python3
"""Writes docs/coverage.md: what Keras has and Antler has not. make_coverage.py ANTLER.

Walks Keras's public modules; a class that has several names counts once, under its own. What is missing needs a reason in
REASONS, or this fails: so does a reason for what is there. Needs Keras 3 on TensorFlow.
"""
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras

PAGE = Path(__file__).resolve().parent.parent / "docs" / "coverage.md"
KINDS = [  # Antler's word, Keras's module, base class
    ("layer", keras.layers, keras.layers.Layer),
    ("loss", keras.losses, keras.losses.Loss),
    ("metric", keras.metrics, keras.metrics.Metric),
    ("optimizer", keras.optimizers, keras.optimizers.Optimizer),
    ("schedule", keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule),
    ("initializer", keras.initializers, keras.initializers.Initializer),
    ("regularizer", keras.regularizers, keras.regularizers.Regularizer),
    ("constraint", keras.constraints, keras.constraints.Constraint),
    ("activation", keras.activations, None),
]
TEXT = "takes text, or hashes it"
FOREIGN = "holds code of Python or of another framework"
REASONS = {
    "layer": {
        **dict.fromkeys(["HashedCrossing", "Hashing", "StringLookup", "TextVectorization"], TEXT),
        **dict.fromkeys(["FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"], FOREIGN),
        "AugMix": "picks its layers once, when Python builds the graph, and draws Beta numbers",
        **dict.fromkeys(["CutMix", "MixUp"], "mixes images of a batch: in a model their labels would stay as they are"),
        "Pipeline": "a list of layers: they can stand in the model themselves",
        "MaxNumBoundingBoxes": "takes bounding boxes, not a tensor",
        "Wrapper": "a base for layers in Python",
    },
    "metric": {
        "Mean": "a running mean of what Python hands it",
        "Sum": "a running sum of what Python hands it",
        "MeanMetricWrapper": "holds a function of Python",
    },
    "optimizer": {
        "LossScaleOptimizer": "for float16; a file that has one is read as the optimizer inside",
        "MultiOptimizer": "an optimizer for each group of variables; Keras 3.15 itself loses its state in loading a file",
    },
    "activation": {
        "glu": "halves the axis, which no layer of Keras that takes an activation foresees: a Dense's shape would be wrong",
        "threshold": "takes two arguments without defaults, which no file can name: Keras fails to call it, too",
    },
}
PLURALS = {"loss": "losses"}
FUNCTIONS = {"get", "serialize", "deserialize"}  # of keras.activations, and no activations


def antlers(kind, name, antler):
    found = subprocess.run([antler, "layers", name], capture_output=True, text=True).stdout
    kinds = "layer|cell" if kind == "layer" else kind  # in Keras a cell is a layer
    return re.search(rf"^\w+ \(({kinds})\):", found, re.MULTILINE) is not None


def keras_names(module, base):
    if base is None:
        return sorted({value.__name__ for name, value in vars(module).items()
                       if callable(value) and not name.startswith("_") and name not in FUNCTIONS})
    classes = {value for value in vars(module).values()
               if inspect.isclass(value) and issubclass(value, base) and value is not base}
    return sorted(value.__name__ for value in classes)


def section(kind, module, base, antler):
    reasons = REASONS.get(kind, {})
    names = [name for name in keras_names(module, base) if name != base.__name__] if base else keras_names(module, base)
    missing = [name for name in names if not antlers(kind, name, antler)]
    wrong = set(missing) ^ set(reasons)
    if wrong:
        sys.exit(f"{kind}: {', '.join(sorted(wrong))}: without a reason, or with one and there")
    lines = [f"## {PLURALS.get(kind, kind + 's').capitalize()}: {len(names) - len(missing)} of {len(names)}\n"]
    if missing:
        lines += ["| not here | |", "|---|---|", *(f"| {name} | {reasons[name]} |" for name in missing), ""]
    return "\n".join(lines)


def main():
    head = (f"# What Keras {keras.__version__} has, and Antler\n\nWritten by `tests/make_coverage.py`. Of a class with several "
            "names one counts.\n\n")
    PAGE.write_text(head + "\n".join(section(*kind, sys.argv[1]) for kind in KINDS))
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
