#!/usr/bin/env python3
"""report.py ANTLER: `antler report` writes one page that needs nothing from outside, whatever names a stranger gave, and that
a browser shows without an error and without anything over its edge, on a telephone and on a desk."""
import html
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ANTLER = os.path.abspath(sys.argv[1])
NASTY = '<script>alert(1)<script>"\'&x'
failures = []


def check(so, what):
    if not so:
        failures.append(what)
        print("FAIL", what)


def antler(*words, status=0):
    done = subprocess.run([ANTLER, *words], capture_output=True)
    check(done.returncode == status, "%s: %d %s" % (words, done.returncode, done.stderr.decode(errors="replace")))
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def layer(class_name, name=None, **config):
    return {"class_name": class_name, "config": {**config, **({"name": name} if name else {})}}


def model(file, layers, loss, name="small", fit=None):
    with open(file, "w") as f:
        json.dump({"class_name": "Sequential", "config": {"name": name, "layers": layers},
                   "compile_config": {"optimizer": "adam", "loss": loss, "metrics": ["mae" if loss == "mse" else "accuracy"]},
                   "fit": {"data": "data", "epochs": 3, "seed": 1, "validation_split": 0.25, **(fit or {})}}, f)
    return file


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for key, value in attributes:
            check(not key.startswith("on"), "a handler: %s" % key)
            if key in ("src", "href"):
                check(value.startswith("data:") or value.startswith("#"), "something from outside: %s" % value[:80])

    def handle_data(self, data):
        self.words += data


def browse(browser, name, text):
    for width in 390, 1280:
        with open("frame.html", "w") as f:
            f.write('<!DOCTYPE html><meta charset="utf-8"><title>?</title><iframe style="width:%dpx;height:900px;border:0" '
                    'srcdoc="%s"></iframe><script>onload = () => { const d = document.querySelector("iframe").'
                    'contentDocument.documentElement; document.title = d.clientWidth + " " + d.scrollWidth }</script>'
                    % (width, html.escape(text)))
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                               "--dump-dom", "--user-data-dir=profile", "file://" + os.path.abspath("frame.html")],
                              capture_output=True, text=True, errors="replace")
        found = re.search(r"<title>(\d+) (\d+)</title>", done.stdout)
        if not found:
            print("the browser does not work here; not run:", done.stderr[-300:])
            return
        check(int(found.group(2)) <= int(found.group(1)), "%s at %d: %s wide" % (name, width, found.group(2)))
        check(not re.search(r"CONSOLE", done.stderr), "%s at %d: %s" % (name, width, done.stderr[-500:]))


def look(name, words, browser):
    with open("runs/%s/report.html" % name, "rb") as f:
        text = f.read().decode("utf-8")
    page = Page(text)
    check("script" not in page.tags and "link" in page.tags, "%s: tags" % name)
    for word in words:
        check(word in page.words, "%s has no: %s" % (name, word))
    if browser:
        browse(browser, name, text)
    return text


def main():
    os.mkdir("data")
    for part, n in (("train", 80), ("test", 30)):
        with open("data/x_%s.csv" % part, "w") as x, open("data/y_%s.csv" % part, "w") as y, \
                open("data/z_%s.csv" % part, "w") as z:
            for i in range(n):
                row = [(i * 37 + j * 11) % 64 / 64 for j in range(64)]
                x.write(",".join(map(str, row)) + "\n")
                y.write("%d\n" % (row[0] > row[1]))
                z.write("%g,%g\n" % (row[0], row[1] - row[2]))
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        print("no chromium here: the pages are read, not shown")
    ends = [layer("InputLayer", batch_shape=[None, 64])]
    classes = model("classes.json", ends + [layer("Dense", NASTY, units=8, activation="relu"), layer("Dropout", rate=0.3),
                                            layer("Dense", units=2, activation="softmax")],
                    "sparse_categorical_crossentropy", NASTY)
    antler("train", classes, "--quiet", "--log-dir", "runs/classes")
    out, _ = antler("report", "runs/classes")
    check(out == "runs/classes/report.html\n", "printed %r" % out)
    first = look("classes", [NASTY, "Confusion matrix", "ROC", "Reliability", "most wrong", "How sure", "dropout on",
                             "Settings", "(None, 64)"], browser)
    antler("report", "runs/classes", "--threads", "1")
    check(look("classes", [], None) == first, "another page of the same")

    one = model("one.json", ends + [layer("Dense", units=1, activation="sigmoid")], "binary_crossentropy",
                fit={"validation_data": ["x_test", "y_test"]})
    antler("train", one, "--quiet", "--log-dir", "runs/one")
    antler("report", "runs/one", "--quiet")
    look("one", ["30 samples", "AUC"], None)
    numbers = model("numbers.json", ends + [layer("Dense", units=9, activation="relu"), layer("GaussianDropout", rate=0.3),
                                            layer("Dense", units=2)], "mse", fit={"y": "z_train"})
    antler("train", numbers, "--quiet", "--log-dir", "runs/numbers")
    antler("report", "runs/numbers", "--mc", "5")
    look("numbers", ["Residuals", "Predictions and targets", "5 predictions with dropout on"], browser)

    # a folder that lost a part still has a page; one that never was a training has none
    os.rename("data", "moved")
    _, err = antler("report", "runs/classes")
    check("curves alone" in err and "data" in err, "without data: %s" % err)
    look("classes", ["are not shown", "Curves"], browser)
    antler("report", "runs/classes", "--data", "moved")
    check(look("classes", [], None) == first, "the data given by --data")
    for broken in (b"", b"{", b'{"data": 3}', b"[" * 1000, b'{"data": "\xff", "x": "a", "y": "b"}', b"\0" * 100):
        with open("runs/classes/data.json", "wb") as f:
            f.write(broken)
        antler("report", "runs/classes")
        look("classes", ["are not shown"], None)
    with open("runs/classes/settings.json", "wb") as f:
        f.write(b'{"a<b": "\xff</table><script>", "b": [1, {"c": 2}], "d": 1.5')
    with open("runs/classes/history.csv", "ab") as f:
        f.write(b"9,nan,inf,-inf\n10,x\n")
    antler("report", "runs/classes")
    look("classes", ["a<b", "?</table><script>"], browser)
    _, err = antler("report", "moved", status=1)
    check("history.csv" in err and "--log-dir" in err, "no training: %s" % err)
    _, err = antler("report", "runs/classes", "--output", "nowhere/r.html", status=1)
    check("nowhere" in err, err)
    antler("report", "runs/classes", "--output", "r.txt", status=1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main()
    print("%d failures" % len(failures))
    sys.exit(bool(failures))
