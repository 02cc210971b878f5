"""ONNX files: test_onnx.py SUITE.

SUITE (tests/test_onnx.c) writes a file for each sample of every layer and operator and for each network in models/, with
inputs and what Antler makes of them. Each is checked by onnx.checker and run by onnxruntime, whose answers must be
Antler's within 1e-5 of the largest. CTest runs it where it finds a Python with onnx and onnxruntime (ANTLER_PYTHON).
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

BATCH = 7
LENGTH = 5  # of axes that have no size in the file
TOLERANCE = 1e-5
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int32)": np.int32,
         "tensor(int64)": np.int64, "tensor(uint8)": np.uint8}


def arrays(numbers, at, ends):
    """The tensors of a graph's inputs or outputs, packed from `at` on."""
    made = []
    for end in ends:
        shape = [BATCH, *(n if isinstance(n, int) else LENGTH for n in end.shape[1:])]
        n = int(np.prod(shape))
        made.append(numbers[at:at + n].reshape(shape))
        at += n
    return made, at


def differs(path, numbers):
    """The largest difference, as a part of the largest number."""
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    xs, at = arrays(numbers, 0, session.get_inputs())
    ys, at = arrays(numbers, at, session.get_outputs())
    assert at == numbers.size, f"{numbers.size - at} numbers are left: shapes are not those of the model"
    fed = {end.name: x.astype(TYPES[end.type]) for end, x in zip(session.get_inputs(), xs)}
    worst = 0.0
    for y, theirs in zip(ys, session.run(None, fed)):
        assert y.shape == theirs.shape, f"shapes {y.shape} and {theirs.shape}"
        assert np.array_equal(np.isnan(y), np.isnan(theirs)), "NaN where there is none"
        largest = max(1.0, float(np.nanmax(np.abs(y), initial=0)))
        worst = max(worst, float(np.nanmax(np.abs(y.astype(np.float64) - theirs), initial=0)) / largest)
    return worst


def check_noise(path):
    """Ones through SpatialDropout1D of a quarter, Dropout of a half, and noise that is hardly any."""
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    real = TYPES[session.get_inputs()[0].type]
    y = session.run(None, {session.get_inputs()[0].name: np.ones((5000, 4, 3), real)})[0]
    kept = np.abs(y - 1 / (0.75 * 0.5)) < 1e-4
    assert np.all(kept | (np.abs(y) < 1e-4)), "numbers are neither dropped nor divided by what is kept"
    assert abs(kept.mean() - 0.375) < 0.02, f"{kept.mean()} are kept, not .375"
    channels = kept.any(axis=1).mean()  # kept by the first: all but 1 / 16 of them have a number left
    assert abs(channels - 0.75 * 15 / 16) < 0.02, f"{channels} of the channels are kept, not .703"
    assert np.any(y != session.run(None, {session.get_inputs()[0].name: np.ones((5000, 4, 3), real)})[0])


def main():
    real = np.float64 if "64" in Path(sys.argv[1]).name else np.float32
    failed, passed, refused, worst = 0, 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1]], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "ANTLER_ONNX_CASES": folder})
        check_noise(f"{folder}/noise.onnx")
        for line in (Path(folder) / "cases.txt").read_text().splitlines():
            number, name = line.split(" ", 1)
            if number == "refused":
                print("refused", name)
                refused += 1
                continue
            try:
                numbers = np.fromfile(f"{folder}/{number}.bin", real)
                difference = differs(f"{folder}/{number}.onnx", numbers)
                assert difference <= TOLERANCE, f"differs by {difference}"
                worst = max(worst, difference)
                passed += 1
            except Exception as error:  # onnx and onnxruntime have exceptions of many classes
                print(f"FAILED {name}: {str(error)[:600]}")
                failed += 1
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: {passed} the same (the largest difference "
          f"{worst:.1e}), {refused} refused, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
