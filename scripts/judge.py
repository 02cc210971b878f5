"""Keras as the judge of a file, in a process of its own, which a file may end: judge.py keras|tf_keras.

Reads requests, a line of JSON each: {"file": MODEL, "weights": FILE or null, "x": NPZ or null, "out": NPZ}. Loads the model,
and its weights if they lie apart, computes its outputs for the inputs x0, x1 ... of an .npz, or for random ones that
it makes for it, and writes both to "out". Answers by a line: {"ok": true, "inputs": names, "outputs": names,
"warnings": [...]} or {"ok": false, "error": text}. `Judge` is the other side.
"""
import json
import os
import select
import subprocess
import sys
import warnings

ROWS, STEPS = 3, 12  # of random inputs: rows, and what an axis of variable length has


class Judge:
    """python: the interpreter; kind: keras or tf_keras; path: where that Keras lies, if not beside the others."""

    def __init__(self, python, kind, path=None):
        self.command = [python, os.path.abspath(__file__), kind]
        self.environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3",
                            "CUDA_VISIBLE_DEVICES": "", **({"PYTHONPATH": path} if path else {})}
        self.process = None

    def ask(self, timeout=300, **request):
        if not self.process:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL, text=True, env=self.environment)
        print(json.dumps(request), file=self.process.stdin, flush=True)
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            return self.lost(f"no answer in {timeout} s")
        line = self.process.stdout.readline()
        return json.loads(line) if line else self.lost("it ended")

    def lost(self, why):
        self.close()
        return {"ok": False, "error": f"the judge is lost: {why}"}

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def token_limit(net):
    """The smallest number of tokens that an Embedding of the net has; 0: it has none."""
    limits = [layer.input_dim for layer in net._flatten_layers() if type(layer).__name__ == "Embedding"]
    return min(limits, default=0)


def random_inputs(net):
    import numpy as np
    rng = np.random.default_rng(17)
    below, x = token_limit(net), []
    for tensor in net.inputs:
        shape = [size or STEPS for size in tensor.shape]
        shape[0] = tensor.shape[0] or ROWS
        tokens = "int" in str(tensor.dtype) or (below and len(shape) <= 2)
        x.append((rng.integers(0, below or 4, shape) if tokens else rng.standard_normal(shape)).astype(np.float32))
    return x


def load(keras, request):
    """The model, and the names of its inputs."""
    if not request.get("weights"):
        return keras.models.load_model(request["file"])
    with open(request["file"], encoding="utf-8") as f:
        text = json.load(f)
    text.pop("compile_config", None)
    net = keras.models.model_from_json(json.dumps(text))
    net.load_weights(request["weights"])
    return net


def answer(keras, request):
    import numpy as np
    net = load(keras, request)
    if not net.built:
        net.build()
    if request.get("x"):
        with np.load(request["x"]) as f:
            x = [f[f"x{k}"] for k in range(len(f.files))]
    else:
        x = random_inputs(net)
    given = [tensor.dtype for tensor in net.inputs]
    tensors = [keras.ops.cast(v, t) if hasattr(keras, "ops") else v.astype(getattr(t, "as_numpy_dtype", t))
               for v, t in zip(x, given)]
    y = net(tensors if len(tensors) > 1 else tensors[0], training=False)
    names = list(getattr(net, "output_names", ["y"]))
    y = [y[name] for name in names] if isinstance(y, dict) else list(y) if isinstance(y, (list, tuple)) else [y]
    np.savez(request["out"], **{f"x{k}": v for k, v in enumerate(x)}, **{f"y{k}": np.asarray(v) for k, v in enumerate(y)})
    inputs = [t.name.split(":")[0] for t in net.inputs]
    return {"ok": True, "inputs": list(getattr(net, "input_names", inputs)) or inputs, "outputs": names}


def main():
    kind = sys.argv[1]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Keras prints
    import importlib
    import logging
    keras = importlib.import_module(kind)
    told = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("absl").addHandler(handler)
    logging.getLogger("tensorflow").addHandler(handler)
    for line in sys.stdin:
        told.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                reply = answer(keras, json.loads(line))
            except Exception as error:
                reply = {"ok": False, "error": f"{type(error).__name__}: {str(error).strip()[:300]}"}
        reply["warnings"] = [str(w.message)[:300] for w in caught] + [text[:300] for text in told]
        keras.backend.clear_session()
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
