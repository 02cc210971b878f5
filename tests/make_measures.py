#!/usr/bin/env python3
"""Writes tests/measures.json: losses and metrics as Keras computes them, in double, for tests/test_measures.c.

Each case is a model that hands on its input, maybe masked or through an activation, with a loss, metrics, targets and sample
weights: what evaluate reports in batches of 3, and the gradient of the loss of all samples for the input. Needs Keras 3 on
TensorFlow.
"""
import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf

keras.config.set_floatx("float64")
K, M = keras.losses, keras.metrics
rng = np.random.default_rng(7)
ROWS, BATCH = 7, 3
cases = []
with_gradient = True


def numbers(*shape):
    return rng.uniform(-1.5, 1.5, shape)


def chances(*shape):
    p = rng.uniform(0.05, 1, shape)
    return p / p.sum(-1, keepdims=True)


def parts(*shape):
    return rng.uniform(0.02, 0.98, shape)


def bits(*shape):
    return rng.integers(0, 2, shape).astype("float64")


def classes(n, *shape):
    return rng.integers(0, n, shape).astype("float64")


def one_hot(n, *shape):
    return np.eye(n)[rng.integers(0, n, shape)]


def weights(*shape):
    return np.round(rng.uniform(0.2, 2, shape), 3)


def rounded(a):
    return [float(f"{v:.6g}") for v in np.asarray(a, "float64").ravel()]


def copy(metric):
    return metric if isinstance(metric, str) else type(metric).from_config(metric.get_config())


def short(model):
    """The model's JSON without what says nothing."""
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": model.input_shape}}]
    for layer in model.layers:
        config = {k: v for k, v in layer.get_config().items() if k in ("name", "mask_value", "activation")}
        layers.append({"class_name": type(layer).__name__, "config": config})
    return {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}


def serialize(thing):
    """Its JSON, as short."""
    if isinstance(thing, str):
        return thing
    whole = keras.saving.serialize_keras_object(thing)
    config = {k: v for k, v in whole["config"].items() if k != "dtype"}
    return {"class_name": whole["class_name"], "config": config}


def add(name, x, y, loss, metrics=(), weighted=(), w=None, mask=False, activation=None, rough=False,
        eager=False):
    metrics, weighted = [copy(m) for m in metrics], [copy(m) for m in weighted]  # none has sums of another's
    real = keras.config.floatx()
    x, y = np.asarray(rounded(x), real).reshape(x.shape), np.asarray(rounded(y), real).reshape(y.shape)
    if mask:
        x[rng.random(x.shape[:2]) < 0.4] = -9
        x[0, :] = np.abs(x[0, :]) % 1
    first = keras.layers.Masking(-9.0, name="first") if mask else keras.layers.Activation("linear", name="first")
    layers = [keras.Input(x.shape[1:]), first] + ([keras.layers.Activation(activation)] if activation else [])
    model = keras.Sequential(layers)
    settings = dict(loss=loss, metrics=list(metrics), weighted_metrics=list(weighted), run_eagerly=eager)
    model.compile(**settings)
    logs = model.evaluate(x, y, sample_weight=w, batch_size=BATCH, verbose=0, return_dict=True)
    with tf.GradientTape() as tape:
        begin = first(tf.constant(x))
        tape.watch(begin)
        out = begin
        for layer in model.layers[1:]:
            out = layer(out)
        value = model.compute_loss(x, y, out, None if w is None else tf.constant(w))
    gradient = tape.gradient(value, begin)
    case = {"name": name, "model": short(model), "x": rounded(x), "x_shape": list(x.shape), "y": rounded(y),
            "y_shape": list(y.shape), "logs": {k: float(v) for k, v in logs.items() if np.ndim(v) == 0},
            "loss": float(value)}
    if with_gradient:
        case["gradient"] = [float(f"{v:.11g}") for v in np.asarray(gradient).ravel()]
    for k, v in logs.items():
        case["logs"].update({f"{k}_{i}": float(one) for i, one in enumerate(np.ravel(v)) if np.ndim(v)})
    case["model"]["compile_config"] = {
        "loss": serialize(loss), "metrics": [serialize(m) for m in metrics],
        "weighted_metrics": [serialize(m) for m in weighted]}
    config = case["model"]["compile_config"]["loss"]["config"]
    if isinstance(loss, K.Huber):  # Keras does not write it
        config["delta"] = loss._fn_kwargs["delta"]
    if w is not None:
        case.update(w=rounded(w), w_shape=list(w.shape))
    if rough:
        case["rough"] = True
    cases.append(case)


def add_losses():
    p, q, n = chances(ROWS, 4), parts(ROWS, 4), numbers(ROWS, 4)
    hot, label, flags, w = one_hot(4, ROWS), classes(4, ROWS), bits(ROWS, 4), weights(ROWS)
    add("huber", n, numbers(ROWS, 4), K.Huber(delta=0.7), ["mse", "cosine_similarity", M.LogCoshError()], w=w)
    add("mape_sum", n, numbers(ROWS, 4), K.MeanAbsolutePercentageError(reduction="sum"), ["mape", "mae"], ["mae"], w=w)
    add("msle_weighted_mean", q, parts(ROWS, 4), K.MeanSquaredLogarithmicError(reduction="mean_with_sample_weight"),
        ["msle", "poisson", "kl_divergence"], ["msle", "poisson"], w=w)
    add("cosine", n, numbers(ROWS, 4), K.CosineSimilarity(), ["hinge"], ["cosine_similarity"], w=w)
    add("hinge", n, 2 * flags - 1, K.Hinge(), ["hinge", "squared_hinge", "categorical_hinge"])
    add("categorical_hinge", n, hot, K.CategoricalHinge(), ["hinge"], ["categorical_hinge"], w=w)
    for smooth in (0, 0.2):
        for balance in (False, True):
            add(f"binary_focal_{smooth}_{balance}", q, flags, K.BinaryFocalCrossentropy(
                apply_class_balancing=balance, alpha=0.3, gamma=1.5, label_smoothing=smooth), ["bce"], w=w)
    add("binary_focal_logits", n, flags, K.BinaryFocalCrossentropy(from_logits=True, gamma=3))
    add("binary_focal_of_sigmoid", n, flags, K.BinaryFocalCrossentropy(apply_class_balancing=True), activation="sigmoid")
    add("binary_focal_flat", q, flags, K.BinaryFocalCrossentropy(gamma=0))
    add("categorical_focal", q, hot, K.CategoricalFocalCrossentropy(alpha=0.4, gamma=2.5, label_smoothing=0.1), w=w)
    add("categorical_focal_logits", n, hot, K.CategoricalFocalCrossentropy(from_logits=True))
    add("categorical_focal_of_softmax", n, hot, K.CategoricalFocalCrossentropy(), activation="softmax")
    add("generalized", p, label, K.CategoricalGeneralizedCrossEntropy(q=0.3), w=w)
    add("ignored", p, label, K.SparseCategoricalCrossentropy(ignore_class=2),
        [M.SparseCategoricalCrossentropy(ignore_class=2)], w=w)
    add("none", n, numbers(ROWS, 4), K.MeanSquaredError(reduction="mean"), ["mae"], ["mae", "mse"], w=w)


def add_whole():
    q, flags, w = parts(ROWS, 3, 2), bits(ROWS, 3, 2), weights(ROWS)
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        add(f"dice_{reduction}", q, flags, K.Dice(reduction=reduction), w=w)
        add(f"dice_axes_{reduction}", q, flags, K.Dice(axis=(1, 2), reduction=reduction), w=w)
    add("dice", q, flags, K.Dice())
    add("tversky", q, flags, K.Tversky(alpha=0.3, beta=0.8))
    add("tversky_axes", q, flags, K.Tversky(alpha=0.3, beta=0.8, axis=(1, -1)), w=w)
    n = numbers(ROWS, 3)
    n /= np.linalg.norm(n, axis=-1, keepdims=True)
    label = np.array([0, 1, 0, 2, 1, 0, 5.0])
    add("circle", n, label, K.Circle(gamma=4))
    add("circle_weighted", n, label, K.Circle(gamma=6, margin=0.3, remove_diagonal=False), w=w)
    sequence = np.array([[1, 2, 0], [2, 2, 0], [1, 0, 0], [0, 0, 0], [3, 1, 2], [1, 1, 2], [3, 3, 3.0]])
    add("ctc", numbers(ROWS, 6, 4), sequence, K.CTC(), w=w, rough=True)


def add_steps():
    p, label, w = chances(ROWS, 4, 3), classes(3, ROWS, 4), weights(ROWS, 4)
    names = ["accuracy", "sparse_categorical_crossentropy"]
    add("steps", p, label, K.SparseCategoricalCrossentropy(), names, names, w=w)
    q, y = parts(ROWS, 4, 2), bits(ROWS, 4, 2)
    more = ["mae", "binary_accuracy", M.RootMeanSquaredError(name="rmse")]
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        add(f"masked_{reduction}", q, y, K.MeanSquaredError(reduction=reduction), more, more, w=w, mask=True)
        add(f"masked_alone_{reduction}", q, y, K.MeanAbsoluteError(reduction=reduction), more, mask=True)


def add_metrics():
    q, y, w = parts(40, 1), bits(40, 1), weights(40)
    rates = [M.Precision(), M.Recall(), M.Precision(thresholds=[0.2, 0.7], name="two"), M.Recall(0.4, name="low"),
             M.Recall(thresholds=[0.0, 0.5, 1.0], name="even"), M.TruePositives(), M.FalsePositives(), M.TrueNegatives(),
             M.FalseNegatives(thresholds=0.8)]
    add("rates", q, y, K.BinaryCrossentropy(), rates, rates, w=w)
    best = [M.SensitivityAtSpecificity(0.5, num_thresholds=9), M.SpecificityAtSensitivity(0.5, num_thresholds=1),
            M.PrecisionAtRecall(0.6), M.RecallAtPrecision(0.55, num_thresholds=2), M.SensitivityAtSpecificity(0.7, name="s7")]
    add("best", q, y, K.BinaryCrossentropy(), best, best, w=w)
    areas = [M.AUC(curve=c, summation_method=s, num_thresholds=n, name=f"{c}{s}{n}".lower())
             for c, s, n in (("ROC", "interpolation", 200), ("PR", "interpolation", 20), ("PR", "minoring", 7),
                             ("ROC", "majoring", 11), ("PRGAIN", "interpolation", 5), ("ROC", "minoring", 2))]
    areas += [M.AUC(thresholds=[0.7, 0.1, 0.35], name="own"), M.AUC(thresholds=[0.25, 0.5, 0.75], curve="PR", name="even")]
    add("areas", q, y, K.BinaryCrossentropy(), areas, areas, w=w)
    q, y = parts(30, 3), bits(30, 3)
    labels = [M.AUC(multi_label=True, num_labels=3, name="multi"), M.AUC(multi_label=True, label_weights=[1, 2, 0.5],
                                                                          curve="PR", name="weighed"),
              M.AUC(label_weights=[1, 2, 0.5], num_thresholds=10, name="flat"),
              M.AUC(multi_label=True, thresholds=[0.5], name="few")]
    add("labels", q, y, K.BinaryCrossentropy(), labels)
    add("area_of_logits", numbers(30, 2), bits(30, 2), K.BinaryCrossentropy(from_logits=True),
        [M.AUC(from_logits=True, num_thresholds=50)])
    p, hot, w = chances(30, 4), one_hot(4, 30), weights(30)
    tops = [M.Precision(top_k=2, name="p2"), M.Recall(top_k=1, name="r1"), M.Precision(class_id=1, thresholds=0.3, name="p_1"),
            M.Recall(class_id=2, top_k=3, name="r_2"), M.SensitivityAtSpecificity(0.4, class_id=3, name="s_3"),
            "categorical_accuracy"]
    add("tops", p, hot, K.CategoricalCrossentropy(), tops, tops, w=w)
    scores = [M.F1Score(average=a, name=f"f1_{a}") for a in ("micro", "macro", "weighted", None)]
    scores += [M.FBetaScore(beta=2.0, average="macro", threshold=0.3, name="f2"), M.F1Score(threshold=0.4, average="micro",
                                                                                            name="f1_at")]
    add("scores", p, hot, K.CategoricalCrossentropy(), scores, scores, w=w)
    hot_ious = [M.OneHotIoU(4, [0, 2], name="hot"), M.OneHotMeanIoU(4, name="mean"), M.OneHotMeanIoU(4, ignore_class=1,
                                                                                                    name="less")]
    add("one_hot_ious", p, hot, K.CategoricalCrossentropy(), hot_ious, rough=True)
    label = classes(4, 30)
    add("sparse_ious", p, label, K.SparseCategoricalCrossentropy(),
        [M.MeanIoU(4, sparse_y_pred=False, name="mean"), M.IoU(4, [1, 3], sparse_y_pred=False, ignore_class=0, name="iou")],
        rough=True)
    add("binary_ious", parts(20, 2), bits(20, 2), K.MeanSquaredError(),
        [M.BinaryIoU(threshold=0.3, name="b"), M.BinaryIoU([1], name="one")], rough=True)
    guesses = classes(3, 20, 1)
    add("equal", guesses, classes(3, 20, 1), K.MeanSquaredError(),
        [M.Accuracy(name="same"), M.MeanIoU(3, name="iou"), M.IoU(3, [0], name="zero")], rough=True)
    n, y, w = numbers(25, 3), numbers(25, 3), weights(25)
    y = 0.7 * n + 0.3 * y
    fits = [M.R2Score(name="r2"), M.R2Score("variance_weighted_average", name="spread"), M.R2Score(None, name="each"),
            M.PearsonCorrelation(), M.ConcordanceCorrelation(),
            "cosine_similarity"]
    add("fits", n, y, K.MeanSquaredError(), fits, fits, w=w)
    adjusted = [M.R2Score(num_regressors=4, name="adjusted"), M.R2Score(num_regressors=100, name="not")]
    add("adjusted", n, y, K.MeanSquaredError(), adjusted, eager=True)


def add_tops():
    p, w = chances(ROWS, 3, 4).astype("float32"), weights(ROWS, 3)
    top = [M.SparseTopKCategoricalAccuracy(k=2, name="top")]
    add("sparse_top", p, classes(4, ROWS, 3), K.SparseCategoricalCrossentropy(), top, top, w=w, rough=True)
    top = [M.TopKCategoricalAccuracy(k=k, name=f"top{k}") for k in (1, 3)]
    add("top", p, one_hot(4, ROWS, 3), K.CategoricalCrossentropy(), top, top, w=w, rough=True)


add_losses()
add_whole()
add_steps()
with_gradient = False
add_metrics()
keras.config.set_dtype_policy("float32")
keras.config.set_floatx("float32")  # TensorFlow finds the top k in no other type
add_tops()
text = "{\n \"cases\": [\n" + ",\n".join("  " + json.dumps(case) for case in cases) + "\n ]\n}\n"
(Path(__file__).resolve().parent / "measures.json").write_text(text)
print(len(cases), "cases,", len(text), "bytes")
