#!/usr/bin/env python3
"""serve.py ANTLER: `antler serve` answers right, to many at a time, and outlives whatever it is sent."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

ANTLER = os.path.abspath(sys.argv[1])
failures = []


def check(so, what):
    if not so:
        failures.append(what)
        print("FAIL", what)


class Server:
    def __init__(self, *words):
        self.process = subprocess.Popen([ANTLER, "serve", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        found = re.match(r"http://([^:]+|\[.*\]):(\d+)(/v1/models/\S+)$", line)
        if not found:
            sys.exit("no address: %r %s" % (line, self.process.stderr.read()))
        self.port, self.path = int(found.group(2)), found.group(3)

    def ask(self, path, body=None, method=None):
        """Status and answer of one request. A server that closes on a body it does not want may reset."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            c.request(method or ("GET" if body is None else "POST"), path, body)
            answer = c.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            c.close()

    def predict(self, body):
        return self.ask(self.path + ":predict", body if isinstance(body, (bytes, str)) else json.dumps(body))

    def raw(self, data):
        """What comes back for bytes of any kind."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                return s.recv(65536)
            except OSError:
                return b""

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        err = self.process.communicate()[1]
        check(self.process.returncode == 0, "ended with %d: %s" % (self.process.returncode, err[-2000:]))


def near(a, b):
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(near, a, b))
    return abs(a - b) < 1e-12


def refused(server, code, pattern, body, path=None):
    status, answer = server.ask(path or server.path + ":predict", body)
    check(status == code and re.search(pattern, answer.get("error", "")),
          "expected %d %s, came %d %s for %s" % (code, pattern, status, answer, str(body)[:80]))


def layer(name, **config):
    return {"class_name": name, "config": config}


def model(file, *layers):
    with open(file, "w") as f:
        json.dump({"class_name": "Sequential", "config": {"name": "small", "layers": layers}}, f)
    return file


def predicted(file, rows, *words):
    os.makedirs("data", exist_ok=True)
    with open("data/x_test.csv", "w") as f:
        f.writelines(",".join(map(repr, row)) + "\n" for row in rows)
    text = subprocess.run([ANTLER, "predict", file, "--data", "data", "--json", *words], check=True,
                          capture_output=True, text=True).stdout
    return {key: list(value.values())[0] for key, value in json.loads(text).items()}


def right_answers():
    file = model("net.json", layer("InputLayer", batch_shape=[None, 2]), layer("Dense", units=8, activation="tanh"),
                 layer("Dropout", rate=0.5), layer("Dense", units=3, activation="softmax"))
    rows = [[i / 7, -i / 3] for i in range(75)]
    expected = predicted(file, rows)["predictions"]
    server = Server(file, "--port", "0", "--batch-size", "32")
    for version in "", "/versions/1":
        status, answer = server.ask(server.path + version + ":predict", json.dumps({"instances": rows}))
        check(status == 200 and near(answer["predictions"], expected), "rows: %d %s" % (status, str(answer)[:200]))
    name = list(server.ask(server.path + "/metadata")[1]["metadata"]["signature_def"]["signature_def"]
                ["serving_default"]["inputs"])[0]
    for body in {"inputs": rows}, {"inputs": {name: rows}, "signature_name": "serving_default"}:
        status, answer = server.predict(body)
        check(status == 200 and near(answer["outputs"], expected), "columns: %d %s" % (status, str(answer)[:200]))
    status, answer = server.predict({"instances": [{name: row} for row in rows]})
    check(status == 200 and near(answer["predictions"], expected), "named rows: %d %s" % (status, str(answer)[:200]))
    status, answer = server.ask(server.path)
    check(status == 200 and answer["model_version_status"][0]["state"] == "AVAILABLE", "status: %s" % answer)

    def client(i):
        mine = rows[i:i + 10]
        for _ in range(5):
            status, answer = server.predict({"instances": mine})
            check(status == 200 and near(answer["predictions"], expected[i:i + 10]), "client %d: %d" % (i, status))
    clients = [threading.Thread(target=client, args=(i,)) for i in range(64)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    server.end()

    expected = predicted(file, rows, "--mc", "10")
    server = Server(file, "--mc", "10", "--threads", "1")
    status, answer = server.predict({"instances": rows})
    check(status == 200 and near(answer["predictions"], expected["predictions"]) and
          near(answer["deviations"], expected["deviations"]), "Monte Carlo: %d" % status)
    server.end(signal.SIGINT)


def several_ends():
    inputs = [{"class_name": "InputLayer", "name": n, "config": {"name": n, "batch_shape": [None, size]},
               "inbound_nodes": []} for n, size in (("a", 2), ("b", 3))]
    ends = [{"class_name": "Dense", "name": n, "config": {"name": n, "units": units},
             "inbound_nodes": [[["both", 0, 0]]]} for n, units in (("one", 1), ("two", 2))]
    both = {"class_name": "Concatenate", "name": "both", "config": {"name": "both"},
            "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]]}
    with open("pair.json", "w") as f:
        json.dump({"class_name": "Functional", "config": {
            "name": "pair", "layers": inputs + [both] + ends, "input_layers": [["a", 0, 0], ["b", 0, 0]],
            "output_layers": [["one", 0, 0], ["two", 0, 0]]}}, f)
    server = Server("pair.json")
    a, b = [[1, 2], [3, 4]], [[5, 6, 7], [8, 9, 0]]
    status, columns = server.predict({"inputs": {"b": b, "a": a}})
    check(status == 200, "columns of two inputs: %s" % columns)
    status, rows = server.predict({"instances": [{"a": a[i], "b": b[i]} for i in (0, 1)]})
    check(status == 200 and [r["two"] for r in rows["predictions"]] == columns["outputs"]["two"], "rows: %s" % rows)
    check(len(columns["outputs"]["one"]) == 2 and len(rows["predictions"][0]["one"]) == 1, "outputs: %s" % columns)
    refused(server, 400, 'input "b" is missing', json.dumps({"inputs": {"a": a}}))
    refused(server, 400, 'no input "c"', json.dumps({"instances": [{"c": [1]}]}))
    refused(server, 400, "comes twice", '{"instances": [{"a": [1, 2], "a": [1, 2]}]}')
    refused(server, 400, 'input "b" has 1 rows, "a" has 2', json.dumps({"inputs": {"a": a, "b": b[:1]}}))
    refused(server, 400, "by name", json.dumps({"instances": a}))
    server.end()


def open_axes():
    file = model("open.json", layer("InputLayer", batch_shape=[None, None, 2]), layer("LSTM", units=3))
    server = Server(file, "--max-length", "50")
    one = server.predict({"instances": [[[1, 2]] * 3]})[1]["predictions"]
    server.predict({"instances": [[[1, 2]] * 40] * 5})
    check(server.predict({"instances": [[[1, 2]] * 3]})[1]["predictions"] == one, "another length between")
    refused(server, 400, "51 long, at most 50", json.dumps({"instances": [[[1, 2]] * 51]}))
    refused(server, 400, "a list of 2 beside one of 3", json.dumps({"instances": [[[1, 2]] * 3, [[1, 2]] * 2]}))
    server.end()


def tokens():
    file = model("tokens.json", layer("InputLayer", batch_shape=[None, 4]),
                 layer("Embedding", input_dim=10, output_dim=2), layer("Flatten"))
    server = Server(file)
    check(server.predict({"instances": [[1, 2, 3, 9]]})[0] == 200, "tokens")
    refused(server, 400, "10", json.dumps({"instances": [[1, 2, 3, 10]]}))
    refused(server, 400, "0.5", json.dumps({"instances": [[1, 2, 3, 0.5]]}))
    server.end()


def garbage():
    server = Server("net.json", "--max-body", "100000", "--max-rows", "100", "--max-connections", "80",
                    "--timeout", "5")
    good = json.dumps({"instances": [[1, 2]]})
    for body, pattern in (
            ("", "expected a JSON object"), ("hello", "expected a JSON object"), ("[]", "expected a JSON object"),
            ("{}", "neither"), ('{"instances": [[1, 2]', "ends"), ('{"instances": [[1, 2]]} x', "more text"),
            ('{"instances": [[1, NaN]]}', "NaN"), ('{"instances": [[1, -Infinity]]}', "NaN and infinities"),
            ('{"instances": [[1, 1e999]]}', "too large"), ('{"instances": [[1, 1e39]]}', "too large"),
            ('{"instances": [[01, 2]]}', "expected"), ('{"instances": [[1, 2,]]}', "expected a number"),
            ('{"instances": [[1, "2"]]}', "expected a number"), ('{"instances": [[1, null]]}', "expected a number"),
            ('{"instances": []}', "no rows"), ('{"instances": [[1, 2, 3]]}', r"\(1, 3\), expected \(None, 2\)"),
            ('{"instances": [1, 2]}', r"\(2\), expected|\(2,\), expected"), ('{"instances": 5}', "expected"),
            ('{"instances": [[[1, 2]]]}', "expected"), ('{"instances": [[1, 2], [3]]}', "a list of 1 beside one of 2"),
            ('{"instances": [[1, [2]]]}', "one depth"), ('{"instances": [[1, 2], 3]}', "one depth"),
            ('{"instances": [[]]}', "shape"), ('{"inputs": []}', "no rows"), ('{"inputs": {}}', "missing"),
            ('{"instances": [[1, 2]], "inputs": [[1, 2]]}', "a second"), ('{"signature_name": "other"}', "signature"),
            ('{"instances": [{"\\ud800": 1}]}', "no character"), ('{"a\nb": 1}', "no character"),
            ('{"instances": [{"caf\u00e9\u0007": [1, 2]}]}', "no character"),
            ('{"instances": [[1, 2]], "other": [' + "[" * 40000 + "]" * 40000 + "]}", "nested deeper"),
            ('{"instances": ' + "[" * 40000, "more than 8 axes"),
            ('{"instances": [' + "[1, 2], " * 100 + "[1, 2]]}", "more than 100 rows"),
            (b'{"instances": [[1, 2\x00]]}', "expected"), (b"\x00\xff\xfe", "expected a JSON object")):
        refused(server, 400, pattern, body)
    check(server.predict('{"instances": [[1, 2]], "other": [{"a": [true, null, "x\\u00e9"]}]}')[0] == 200, "skipping")
    refused(server, 404, "/v1/models/net", good, "/v1/models/other:predict")
    refused(server, 404, "/v1/models/net", good, "/v1/models/net:classify")
    refused(server, 404, "/v1/models/net", None, "/")
    refused(server, 404, "/v1/models/net", None, "/v1/models/net/../../etc/passwd")
    refused(server, 405, "POST", None, server.path + ":predict")
    refused(server, 405, "GET", good, server.path)
    try:
        refused(server, 413, "larger than 100000 bytes", b" " * 100001)
    except ConnectionError:
        pass # it did not read what it does not want
    head = "POST %s:predict HTTP/1.1\r\nHost: x\r\n" % server.path
    check(b" 413 " in server.raw((head + "Content-Length: 99999999999\r\n\r\n").encode()), "a length beyond the limit")
    chunked = (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    piece = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    check(b" 413 " in server.raw(chunked + piece * 4 + b"0\r\n\r\n"), "pieces beyond the limit")
    for data in (b"", b"\r\n\r\n", b"GET", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000,
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000, (head + "Content-Length: -1\r\n\r\n").encode(),
                 (head + "Content-Length: 50\r\n\r\n{").encode(), (head + "Content-Length: x\r\n\r\n").encode(),
                 (head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n").encode()):
        server.raw(data)
    # many that begin and never end: those beyond the limit wait until the silent ones are dropped
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    for s in idle:
        s.sendall((head + "Content-Length: 50\r\n\r\n{").encode())
    check(server.predict(good)[0] == 200, "after the silent")
    for s in idle:
        s.close()
    check(server.predict(good)[0] == 200, "alive at the end")
    server.end()


def wrong_usage():
    for words, pattern in ((["net.json", "--host", "nowhere"], "no address"), (["none.json"], "none.json"),
                           (["net.json", "--port", "70000"], "0 to 65535"), (["net.json", "--max-rows", "0"], "from 1"),
                           (["net.json", "--port", "1", "--port", "2"], "twice")):
        done = subprocess.run([ANTLER, "serve", *words], capture_output=True, text=True)
        check(done.returncode and re.search(pattern, done.stderr), "%s: %s" % (words, done.stderr))
    server = Server("net.json")
    done = subprocess.run([ANTLER, "serve", "net.json", "--port", str(server.port)], capture_output=True, text=True)
    check(done.returncode == 1 and "in use" in done.stderr, "a port in use: %s" % done.stderr)
    server.end()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for part in (right_answers, several_ends, open_axes, tokens, garbage, wrong_usage):
            part()
    print("%d failures" % len(failures))
    sys.exit(bool(failures))
