#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky models`, against a server of its own; nothing here leaves the
machine. Prints TAP.

    test-models.py KOLINSKY MAN_PAGE [TEST...]
"""
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time

import networks
from harness import COMMAND, expect, expect_sentence, main, run, test

MAN_PAGE = sys.argv[2]
# 300,000 bytes, which are a network's weights, so that they can be added, too.
NOISE = random.Random(1)
CONTENT = networks.safetensors({"noise_a": ([74979], [NOISE.random() for _ in range(74979)])})
SUM = hashlib.sha256(CONTENT).hexdigest()


# ── A server that does what it is asked for, right or wrong ──────────────────

class Handler(http.server.BaseHTTPRequestHandler):
    """The first word of the path says how the file is sent."""

    protocol_version = "HTTP/1.1"
    seen = []  # (path, Range)
    hold = threading.Event()  # what /slow waits for

    def log_message(self, *arguments):
        pass

    def answer(self, content, start=None, length=None):
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        rest = content[start or 0:]
        self.send_header("Content-Length", str(len(rest) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        return rest

    def do_GET(self):
        how = self.path.split("/")[1]
        asked = self.headers.get("Range")
        Handler.seen.append((self.path, asked))
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and how != "norange" else None
        self.close_connection = True
        if how == "missing":
            self.send_error(404)
        elif how == "moved":
            self.send_response(302)
            self.send_header("Location", "/good/file.bin")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif how == "short":
            self.wfile.write(self.answer(CONTENT[:100_000]))
        elif how == "long":
            self.wfile.write(self.answer(CONTENT + b"more"))
        elif how == "wrong":
            self.wfile.write(self.answer(CONTENT[::-1]))
        elif how == "cut":  # the connection breaks after 100,000 bytes, each time
            self.wfile.write(self.answer(CONTENT, start)[:100_000])
        elif how == "slow":
            rest = self.answer(CONTENT, start)
            self.wfile.write(rest[:120_000])
            self.wfile.flush()
            if start is None:
                Handler.hold.wait(60)
            self.wfile.write(rest[120_000:])
        else:
            self.wfile.write(self.answer(CONTENT, start))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass  # a client that went away


SERVER = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()


# ── The command with a catalogue of its own ──────────────────────────────────

class Place:
    """An empty data folder, and a catalogue with one model of the given sources."""

    def __init__(self, shop, name, *sources, more=""):
        self.data, self.catalogue = shop.path(name, "data"), shop.path(name, "catalogue")
        self.home = os.path.join(self.data, "kolinsky", "models")
        os.makedirs(self.catalogue)
        Handler.seen.clear()
        text = "[model]\ntitle = A test\nlicence = none\norigin = made up\n" + more
        for i, source in enumerate(sources):
            if source.startswith("/"):
                source = f"http://127.0.0.1:{SERVER.server_port}{source}"
            text += f"[source {i}]\nfrom = {source}\nbytes = {len(CONTENT)}\nsha256 = {SUM}\n"
        with open(os.path.join(self.catalogue, "thing.ini"), "w", encoding="utf-8") as file:
            file.write(text)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def environment(self):
        return {"XDG_DATA_HOME": self.data, "no_proxy": "*",
                "G_RESOURCE_OVERLAYS": f"/org/kolinsky/models={self.catalogue}"}

    def run(self, *arguments, **environment):
        return run("models", *arguments, **{**self.environment(), **environment})

    def entry(self, name):
        result = self.run("--json")
        expect(result.code == 0, result)
        return next(entry for entry in json.loads(result.out) if entry["name"] == name)

    def write_partial(self, content):
        os.makedirs(self.path("thing"))
        with open(self.path("thing", SUM + ".part"), "wb") as file:
            file.write(content)

    def expect_installed(self, result, file="file.bin"):
        expect(result.code == 0 and "Installed thing" in result.out, result)
        with open(self.path("thing", file), "rb") as stream:
            expect(stream.read() == CONTENT, "another content")
        expect(sorted(os.listdir(self.path("thing"))) == sorted([file, "model.ini"]),
               os.listdir(self.path("thing")))
        entry = self.entry("thing")
        expect(entry["installed"] and entry["bytes"] == len(CONTENT), entry)

    def expect_not_installed(self):
        expect(not os.path.exists(self.path("thing", "model.ini")), "it is installed")
        expect(not self.entry("thing")["installed"], "it is listed as installed")


@test
def knows_networks(shop):
    result = run("models", "--json", XDG_DATA_HOME=shop.path("empty"))
    expect(result.code == 0, result)
    known = {entry["name"]: entry for entry in json.loads(result.out)}
    expect({"squeezenet1.1", "efficientnet-lite0", "vgg16", "vgg19", "resnet18", "vgg16-hed"}
           <= set(known), known)
    for entry in known.values():
        expect(entry["licence"] and entry["origin"] and entry["sources"], entry)
        expect(entry["parameters"] > 1e6 and entry["bytes"] > 1e6, entry)
        expect(not entry["installed"] and entry["problem"] is None, entry)
    table = run("models", XDG_DATA_HOME=shop.path("empty"))
    expect(table.code == 0 and "squeezenet1.1" in table.out and "BSD-3-Clause" in table.out
           and "4.7 MiB" in table.out and "not commercial" in table.out, table)
    expect(run("models", "list", XDG_DATA_HOME=shop.path("empty")).out == table.out, table)


@test
def downloads_once(shop):
    place = Place(shop, "once", "/good/file.bin")
    result = place.run("get", "thing")
    place.expect_installed(result)
    expect("made up" in result.out and "none" in result.out and "/good/file.bin" in result.out,
           result)
    expect("292.0 KiB of" not in result.out and "293.0 KiB of 293.0 KiB" in result.out, result)
    expect(len(Handler.seen) == 1, Handler.seen)
    again = place.run("get", "thing")
    expect(again.code == 0 and "is installed" in again.out and len(Handler.seen) == 1, again)


@test
def follows_redirections(shop):
    place = Place(shop, "moved", "/moved/file.bin")
    place.expect_installed(place.run("get", "thing"))


@test
def goes_on_with_a_partial_file(shop):
    place = Place(shop, "partial", "/good/file.bin")
    place.write_partial(CONTENT[:123_456])
    place.expect_installed(place.run("get", "thing"))
    expect(Handler.seen == [("/good/file.bin", "bytes=123456-")], Handler.seen)


@test
def goes_on_after_a_kill(shop):
    place = Place(shop, "killed", "/slow/file.bin")
    Handler.hold.clear()
    process = subprocess.Popen([COMMAND, "models", "get", "thing"], stdout=subprocess.DEVNULL,
                               env={**os.environ, **place.environment()})
    part = place.path("thing", SUM + ".part")
    started = time.monotonic()
    try:
        while not os.path.exists(part) or os.path.getsize(part) < 65536:
            expect(process.poll() is None and time.monotonic() < started + 200, "nothing comes")
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    Handler.hold.set()
    have = os.path.getsize(part)
    place.expect_not_installed()
    place.expect_installed(place.run("get", "thing"))
    expect(Handler.seen[-1] == ("/slow/file.bin", f"bytes={have}-"), Handler.seen)


@test
def begins_anew_where_a_server_cannot_go_on(shop):
    place = Place(shop, "norange", "/norange/file.bin")
    place.write_partial(CONTENT[:1000])
    place.expect_installed(place.run("get", "thing"))
    expect([asked for _, asked in Handler.seen] == ["bytes=1000-", None], Handler.seen)


@test
def does_not_trust_a_partial_file(shop):
    place = Place(shop, "bad-part", "/good/file.bin", "/good/file.bin")
    place.write_partial(b"x" * 1000)
    result = place.run("get", "thing")
    expect("SHA-256" in result.out, result)
    place.expect_installed(result)
    too_long = Place(shop, "long-part", "/good/file.bin")
    too_long.write_partial(CONTENT + b"and more")
    too_long.expect_installed(too_long.run("get", "thing"))


@test
def takes_up_a_broken_connection(shop):
    place = Place(shop, "cut", "/cut/file.bin")
    place.expect_installed(place.run("get", "thing"))
    expect([asked for _, asked in Handler.seen] == [None, "bytes=100000-", "bytes=200000-"],
           Handler.seen)


@test
def tries_the_next_source(shop):
    unreachable = "http://127.0.0.1:9/file.bin"
    place = Place(shop, "next", unreachable, "/missing/file.bin", "/wrong/file.bin",
                  "/long/file.bin", "/short/file.bin", "/good/file.bin")
    result = place.run("get", "thing")
    place.expect_installed(result)
    for word in ("127.0.0.1:9/file.bin: ", "/missing/file.bin: the server answers 404",
                 "/wrong/file.bin: what came is not the file", SUM,
                 "/long/file.bin: more came than the 300000 bytes",
                 "/short/file.bin: the file ended after 100000 of 300000 bytes"):
        expect(word in result.out, f"{word!r} is missing in:\n{result}")


@test
def all_sources_fail(shop):
    place = Place(shop, "none", "/missing/file.bin", "/short/file.bin")
    result = place.run("get", "thing")
    expect_sentence(result, 1, "any of its sources (2)", "models add")
    place.expect_not_installed()
    expect(os.path.getsize(place.path("thing", SUM + ".part")) == 100_000, "nothing was kept")


@test
def full_disk_is_no_fault_of_a_source(shop):
    place = Place(shop, "disk", "/good/file.bin", "/good/file.bin")
    os.makedirs(place.path("thing", SUM + ".part"))  # a folder, where a file should be
    expect_sentence(place.run("get", "thing"), 1, SUM, "cannot be written")
    expect(not Handler.seen, Handler.seen)


# ── Python packages ──────────────────────────────────────────────────────────

PIP = """#!/usr/bin/env python3
import json, os, sys, zipfile
with open(os.environ["FAKE_LOG"], "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if os.environ.get("FAKE_FAILS"):
    sys.exit("Looking around\\nERROR: no such package\\n")
folder = sys.argv[sys.argv.index("--dest") + 1]
with zipfile.ZipFile(os.path.join(folder, "thing-1.0-py3-none-any.whl"), "w",
                     zipfile.ZIP_DEFLATED) as wheel:
    with open(os.environ["FAKE_CONTENT"], "rb") as file:
        wheel.writestr(os.environ.get("FAKE_NAME", "thing/data/file.bin"), file.read())
"""


def pip_environment(shop, **more):
    """A `python3` that stands in for pip; it leaves a log of how it was called."""
    folder = shop.path("bin")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "python3"), "w", encoding="utf-8") as file:
        file.write(PIP.replace("/usr/bin/env python3", sys.executable))
    os.chmod(os.path.join(folder, "python3"), 0o755)
    with open(shop.path("content"), "wb") as file:
        file.write(CONTENT)
    log = shop.path("pip.log")
    if os.path.exists(log):
        os.remove(log)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "FAKE_LOG": log,
            "FAKE_CONTENT": shop.path("content"), **more}


PACKAGE = "pypi:some_package==1.0/thing/data/file.bin"


@test
def python_packages(shop):
    place = Place(shop, "package", PACKAGE)
    environment = pip_environment(shop)
    place.expect_installed(place.run("get", "thing", **environment))
    with open(environment["FAKE_LOG"], encoding="utf-8") as file:
        calls = [json.loads(line) for line in file]
    expect(len(calls) == 1 and calls[0][:3] == ["-m", "pip", "download"], calls)
    expect("--no-deps" in calls[0] and "--only-binary=:all:" in calls[0]
           and calls[0][-1] == "some_package==1.0", calls)


@test
def python_packages_that_fail(shop):
    place = Place(shop, "package-fails", PACKAGE, "/good/file.bin")
    result = place.run("get", "thing", **pip_environment(shop, FAKE_FAILS="1"))
    expect("some_package==1.0: ERROR: no such package" in result.out, result)
    place.expect_installed(result)
    other = Place(shop, "package-other", PACKAGE)
    result = other.run("get", "thing", **pip_environment(shop, FAKE_NAME="thing/readme"))
    expect("has no file thing/data/file.bin" in result.out and result.code == 1, result)
    other.expect_not_installed()
    expect(not os.path.exists(other.path("thing", "package")), "the package was left behind")
    without = Place(shop, "no-pip", PACKAGE)
    result = without.run("get", "thing", PATH=shop.path("nowhere"))
    expect(result.code == 1 and "python3-pip" in result.out, result)


# ── Files that one has ───────────────────────────────────────────────────────

def write(path, content):
    with open(path, "wb") as file:
        file.write(content)
    return path


@test
def added_files_are_recognized(shop):
    place = Place(shop, "recognized", "/good/file.bin", more="network = resnet18\n")
    file = write(shop.path("mine.safetensors"), CONTENT)
    place.expect_installed(place.run("add", file), "mine.safetensors")
    expect(place.entry("thing")["from"] == file, place.entry("thing"))


@test
def added_and_removed(shop):
    place = Place(shop, "added", "/good/file.bin", more="network = resnet18\n")
    file = write(shop.path("my net.onnx"), networks.colours())
    labels = write(shop.path("labels"), b"one\ntwo\n")
    done = place.run("add", file, "--labels", labels)
    expect(done.code == 0 and "Installed my-net" in done.out, done)
    entry = place.entry("my-net")
    expect(entry["installed"] and entry["bytes"] == os.path.getsize(file) and entry["path"].endswith("my net.onnx"),
           entry)
    expect_sentence(place.run("add", file), 1, "my-net", "installed already", "--name")
    weights = write(shop.path("mine.bin"), networks.safetensors({"w": ([1], [1.0])}))
    expect_sentence(place.run("add", weights), 1, "weights alone", "--like")
    done = place.run("add", weights, "--like", "resnet18", "--name", "second")
    expect(done.code == 0 and "Installed second" in done.out, done)
    with open(place.path("second", "model.ini"), encoding="utf-8") as text:
        kept = text.read()
    expect("network=resnet18" in kept and "classes=imagenet-1000" in kept
           and "short-side=256" in kept, kept)
    gone = place.run("remove", "my-net", "second")
    expect(gone.code == 0 and not os.path.exists(place.path("my-net")), gone)
    expect_sentence(place.run("remove", "my-net"), 1, "my-net", "kolinsky models")
    expect(os.path.exists(file), "the user's own file is gone")


@test
def wrong_files_and_names(shop):
    place = Place(shop, "wrong", "/good/file.bin")
    file = write(shop.path("some.onnx"), networks.colours())
    expect_sentence(place.run("add", shop.path("none.onnx")), 1, "none.onnx")
    expect_sentence(place.run("add", shop.path("wrong")), 1, "not a file")
    expect_sentence(place.run("add", "/dev/zero", "--like", "vgg16"), 1, "not a file")
    expect_sentence(place.run("add", file, "--name", "../up"), 1, "../up", "letters")
    expect_sentence(place.run("add", file, "--like", "rasnet18"), 1, "did you mean resnet18?")
    expect_sentence(place.run("add", file, "--name", "thing", "--like", "vgg16"), 1, "--name")
    expect_sentence(place.run("get", "../../etc"), 1, "../../etc", "no model")
    expect_sentence(place.run("get", "squeezenet1.0"), 1, "did you mean squeezenet1.1?")
    expect_sentence(place.run("remove", ".."), 1, "No model")
    for arguments, word in [(("fetch",), "it can list, get, add, remove"),
                            (("gett", "thing"), "did you mean get"), (("get",), "NAME"),
                            (("add",), "FILE"), (("list", "vgg16"), "vgg16"),
                            (("get", "thing", "--name", "x"), "--name"),
                            (("add", file, file, "--name", "x"), "several")]:
        expect_sentence(place.run(*arguments), 2, word)


@test
def damage_is_told(shop):
    place = Place(shop, "damage", "/good/file.bin")
    place.expect_installed(place.run("get", "thing"))
    os.truncate(place.path("thing", "file.bin"), 10)
    entry = place.entry("thing")
    expect(not entry["installed"] and "not whole" in entry["problem"], entry)
    expect("damaged" in place.run().out, place.run())
    place.expect_installed(place.run("get", "thing"))

    shutil.copytree(place.path("thing"), place.path("own"))
    for text in (b"\xff\x00 no key file", b"[model]\nnetwork = abacus\n",
                 b"[installed]\nfile = ../../../etc/passwd\nbytes = 1\n",
                 b"[picture]\nmean = 1;2\n", b"[picture]\nwidth = 99999999999\n",
                 b"[picture]\nshort-side = 10\n", b"[picture]\nstd = 0;0;0\n",
                 b"[source]\nfrom = file:///etc/passwd\n", b"[picture]\nchannels = purple\n"):
        write(place.path("own", "model.ini"), text)
        entry = place.entry("own")
        expect(entry["problem"] and "own" in entry["problem"] and not entry["installed"], entry)


@test
def man_page_has_every_option(shop):
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    text = run("models", "--help").out
    options = set(re.findall(r"--[a-z][a-z-]*", text))
    expect({"--name", "--like", "--labels", "--json"} <= options and "remove" in text, text)
    for option in options:
        expect(option in page, f"kolinsky.1 says nothing of {option}")


if __name__ == "__main__":
    sys.argv[2:3] = []
    main("models", sys.argv[2:], needs_device=False)
