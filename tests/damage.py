#!/usr/bin/env python3
"""Makes damaged copies of good files (cut, flipped, spliced, the same ones each time) and lets the command read them: every
end must be success, or one clear line.

damage.py ANTLER FOLDER [--copies N] [--sanitized] [--seed S]

FOLDER (tests/files and what the command itself writes into a temporary folder) gives the good ones: .json, .keras, .h5,
.npy, .csv. Each run has 30 seconds of the processor and, but for a sanitized build, 1 GiB of memory. Exit status 1 if any
copy crashed the command, ended it with another status than 0 or 1, or made it print more or other than one plain line of
error. The copies that did are kept in the folder that is named then.
"""
import argparse
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = """{"class_name": "%s", "config": {"name": "m", "layers": [
  {"class_name": "InputLayer", "config": {"batch_shape": [null, 6], "name": "x"}%s},
  {"class_name": "Dense", "config": {"units": 4, "activation": "relu", "name": "a"}%s},
  {"class_name": "BatchNormalization", "config": {"name": "n"}%s},
  {"class_name": "Dense", "config": {"units": 2, "name": "b"}%s}]%s},
 "compile_config": {"optimizer": "adam", "loss": "mse", "metrics": ["mae"]}, "fit": {"epochs": 1, "batch_size": 4}}"""


def call(name):
    return ', "name": "%s", "inbound_nodes": %s' % (name[0], '[[["%s", 0, 0, {}]]]' % name[1] if name[1] else "[]")


def write_models(folder):
    """A Sequential and a Functional, small enough to be damaged in a place that counts."""
    parts = [call(pair) for pair in (("x", ""), ("a", "x"), ("n", "a"), ("b", "n"))]
    graph = parts + [', "input_layers": [["x", 0, 0]], "output_layers": [["b", 0, 0]]']
    for name, class_name, rest in (("chain", "Sequential", [""] * 5), ("graph", "Functional", graph)):
        with open(os.path.join(folder, name + ".json"), "w") as file:
            file.write(MODEL % tuple([class_name] + rest))


def write_data(folder, rows=12):
    """x of 6 columns and y of 2, as .csv and, by hand, as .npy."""
    numbers = [[((7 * i + 3 * k) % 11) / 8 for k in range(8)] for i in range(rows)]
    with open(os.path.join(folder, "xy.csv"), "w") as file:
        file.write(",".join("abcdefgh") + "\n" + "".join(",".join(map(str, row)) + "\n" for row in numbers))
    import struct
    for name, first, last in (("x", 0, 6), ("y", 6, 8)):
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (rows, last - first)
        header = header.ljust(117) + "\n"
        body = b"".join(struct.pack("<f", v) for row in numbers for v in row[first:last])
        with open(os.path.join(folder, name + ".npy"), "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body)


def good_files(antler, folder, work):
    """(path, the words that read it, with {} for the copy)."""
    write_models(work)
    write_data(work)
    at = lambda name: os.path.join(work, name)  # noqa: E731
    for name in ("chain", "graph"):
        for suffix in (".keras", ".h5", ".weights.h5"):
            subprocess.run([antler, "convert", at(name + ".json"), at(name + suffix)], check=True)
    subprocess.run([antler, "predict", at("chain.json"), "--data", at("x.npy"), "--output", at("y.h5"), "--quiet"],
                   check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = []
    for name in ("chain", "graph"):
        found += [(at(name + suffix), ["summary", "{}"]) for suffix in (".json", ".keras", ".h5")]
        found += [(at(name + suffix), ["predict", "{}", "--data", at("x.npy")]) for suffix in (".json", ".keras", ".h5")]
        found += [(at(name + suffix), ["summary", at(name + ".json"), "--weights", "{}"])
                  for suffix in (".weights.h5", ".h5", ".keras")]
    found += [(at("x.npy"), ["predict", at("chain.json"), "--data", "{}"])]
    found += [(at("xy.csv"), ["predict", at("chain.json"), "--data", "{}", "--x", "a,b,c,d,e,f"])]
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith((".h5", ".npy", ".csv")) and os.path.getsize(path) < 200000:
            found.append((path, ["predict", at("chain.json"), "--data", "{}", "--x", "x_train"]))
        if name.endswith((".h5", ".keras", ".json")) and os.path.getsize(path) < 200000:
            found.append((path, ["summary", "{}"]))
    if os.path.exists(at("y.h5")):
        found.append((at("y.h5"), ["predict", at("chain.json"), "--data", "{}"]))
    return found


def damage(data, others, random_):
    """A copy that is cut, flipped or spliced, once to four times."""
    data = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 4))):
        if not data:
            break
        how, at = random_.randrange(6), random_.randrange(len(data))
        if how == 0:
            del data[at:]
        elif how == 1:
            del data[at:at + random_.randrange(1, 64)]
        elif how == 2:
            data[at] ^= 1 << random_.randrange(8)
        elif how == 3:
            data[at] = random_.choice((0, 1, 0x7f, 0x80, 0xff, random_.randrange(256)))
        elif how == 4:
            size = random_.choice((1, 2, 4, 8))
            data[at:at + size] = random_.choice((b"\xff", b"\x00", b"\x7f")) * size
        else:
            other = random_.choice(others)
            start = random_.randrange(len(other)) if other else 0
            piece = other[start:start + random_.randrange(1, 256)]
            data[at:at + (len(piece) if random_.randrange(2) else 0)] = piece
    return bytes(data)


def limits(sanitized):
    def apply():
        resource.setrlimit(resource.RLIMIT_CPU, (30, 31))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not sanitized:
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    return apply


def complaint(status, stderr):
    """What is wrong with an end; None for success, or for one plain line of error after any warnings."""
    if status not in (0, 1):
        return "status %d" % status
    text = stderr.decode("utf-8", "replace")
    if re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text):
        return "control characters"
    lines = [line for line in text.splitlines() if not line.startswith("antler: warning: ")]
    if status == 0:
        return "words with success" if lines else None
    return None if len(lines) == 1 and lines[0].startswith("antler: ") else "%d lines of error" % len(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("antler")
    parser.add_argument("folder")
    parser.add_argument("--copies", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sanitized", action="store_true")
    options = parser.parse_args()
    options.antler = os.path.abspath(options.antler)
    random_ = random.Random(options.seed)
    work, kept = tempfile.mkdtemp(prefix="antler-damage-"), tempfile.mkdtemp(prefix="antler-damaged-")
    files = good_files(options.antler, options.folder, work)
    contents = {path: open(path, "rb").read() for path, _ in files}
    by_suffix = {}
    for path, data in contents.items():
        by_suffix.setdefault(os.path.splitext(path)[1], []).append(data)
    ends, bad, slowest, largest = {}, 0, (0.0, ""), 0
    for i in range(options.copies):
        path, words = files[i % len(files)]
        suffix = ".weights.h5" if path.endswith(".weights.h5") else os.path.splitext(path)[1]
        copy = os.path.join(work, "copy" + suffix)
        with open(copy, "wb") as file:
            file.write(damage(contents[path], by_suffix[os.path.splitext(path)[1]], random_))
        began = time.monotonic()
        run = subprocess.run([options.antler] + [word.replace("{}", copy) for word in words], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=limits(options.sanitized))
        took = time.monotonic() - began
        if took > slowest[0]:
            slowest = (took, "%d: %s" % (i, os.path.basename(path)))
        wrong = complaint(run.returncode, run.stderr)
        ends[wrong or run.returncode] = ends.get(wrong or run.returncode, 0) + 1
        if wrong:
            bad += 1
            shutil.copy(copy, os.path.join(kept, "%d%s" % (i, suffix)))
            print("%d: %s: %s: %s" % (i, " ".join(words), wrong, run.stderr[:300].decode("utf-8", "replace")), flush=True)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    shutil.rmtree(work)
    print("%d damaged copies of %d files: %s; slowest %.1f s (%s), largest %d MB" %
          (options.copies, len(contents), ", ".join("%s %d" % end for end in sorted(ends.items(), key=str)), slowest[0],
           slowest[1], largest // 1024))
    if bad:
        print("kept in " + kept)
    else:
        os.rmdir(kept)
    return 1 if bad else 0


sys.exit(main())
