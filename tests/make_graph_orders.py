#!/usr/bin/env python3
"""Lets Keras 3 write graph_orders.json: random Functional models, the lists of their layers shuffled, with the order in
which Keras has the layers and makes the calls. Needs Keras 3."""
import json
import os
import random
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras

GRAPHS, WIDTH = 80, 4
PLAIN = {"Dense": {"units": WIDTH}, "Activation": {"activation": "tanh"}, "Flatten": {}}
MERGING = {"Add": {}, "Average": {}}


def tensor(history):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}


class Graph:
    """A model as it is made, and as a file says it."""

    def __init__(self, rng, name, depth):
        self.rng, self.name, self.depth = rng, name, depth
        self.layers, self.inner, self.number = [], {}, {}
        self.made = []  # (layer, its description, tensors that it takes)
        self.tensors = []  # (Keras's, [layer, call, output])
        self.inputs = [self.input(f"x{k}") for k in range(rng.randint(1, 3))]
        for i in range(rng.randint(2, 4) if depth else rng.randint(4, 14)):
            self.step(f"l{i}")
        ends = self.tensors[len(self.inputs):]
        self.outputs = [ends[-1]] + [rng.choice(ends) for _ in range(rng.randint(0, 2))]
        self.model = keras.Model([t for t, _ in self.inputs], [t for t, _ in self.outputs], name=name)
        rng.shuffle(self.layers)

    def input(self, name):
        made = (keras.Input((WIDTH,), name=name), [name, 0, 0])
        self.tensors.append(made)
        self.layers.append({"class_name": "InputLayer", "name": name, "inbound_nodes": [],
                            "config": {"name": name, "batch_shape": [None, WIDTH]}})
        return made

    def new_layer(self, name):
        kind = self.rng.choice(["Dense", "Dense", "Activation", "Flatten", "Add", "Add", "Average", "Model"])
        if kind == "Model" and self.depth < 2:
            inner = Graph(self.rng, name, self.depth + 1)
            self.inner[name] = inner
            return inner.model, inner.described(), len(inner.inputs)
        kind = "Dense" if kind == "Model" else kind
        config = {"name": name, **(PLAIN | MERGING)[kind]}
        described = {"class_name": kind, "config": config, "name": name, "inbound_nodes": []}
        return getattr(keras.layers, kind)(**config), described, self.rng.randint(2, 3) if kind in MERGING else 1

    def step(self, name):
        if self.made and self.rng.random() < 0.25:
            one = self.rng.choice(self.made)
        else:
            one = self.new_layer(name)
            self.made.append(one)
            self.layers.append(one[1])
        layer, described, takes = one
        recent = self.tensors[-3:] if self.rng.random() < 0.6 else self.tensors
        taken = [self.rng.choice(recent) for _ in range(takes)]
        several = takes > 1
        given = layer([t for t, _ in taken] if several else taken[0][0])
        call = len(described["inbound_nodes"])
        self.number[id(layer._inbound_nodes[-1])] = [layer.name, call]
        arguments = [tensor(history) for _, history in taken]
        described["inbound_nodes"].append({"args": [arguments] if several else arguments, "kwargs": {}})
        given = given if isinstance(given, (list, tuple)) else [given]
        self.tensors += [(t, [layer.name, call, k]) for k, t in enumerate(given)]

    def end(self, history):
        """Where outputs refer to a Functional, its calls are counted from 1."""
        name, call, output = history
        return [name, call + (name in self.inner), output]

    def described(self):
        config = {"name": self.name, "layers": self.layers, "input_layers": [h for _, h in self.inputs],
                  "output_layers": [self.end(h) for _, h in self.outputs]}
        return {"class_name": "Functional", "config": config, "name": self.name, "inbound_nodes": []}

    def order(self):
        depths = self.model._nodes_by_depth
        calls = [self.number[id(node)] for depth in sorted(depths, reverse=True) for node in depths[depth]
                 if not node.is_input]
        order = {"layers": [layer.name for layer in self.model.layers], "calls": calls}
        inner = {name: graph.order() for name, graph in self.inner.items() if name in order["layers"]}
        return order | ({"models": inner} if inner else {})


def main():
    cases = []
    for seed in range(GRAPHS):
        keras.utils.clear_session(free_memory=False)
        graph = Graph(random.Random(seed), "graph", 0)
        model = graph.described()
        cases.append({"model": {key: model[key] for key in ("class_name", "config")}, "order": graph.order()})
    text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    Path(__file__).with_name("graph_orders.json").write_text(f'{{"keras":"{keras.__version__}","cases":[\n{text}\n]}}\n')


if __name__ == "__main__":
    main()
