#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Tests of `kolinsky classify` with pretrained networks: small ones, which tell colours
apart, and those of the reference data. Prints TAP.

    test-classify.py KOLINSKY [TEST...]
"""
import json
import math
import os
import sys

import networks
from harness import COMMAND, Skip, expect, expect_sentence, main, run, test

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "long"))
import photos  # noqa: E402

COLOURS = {"red": (250, 10, 20), "green": (0, 200, 100), "blue": (90, 80, 240)}


class Place:
    """A data folder with no model, and files in a folder beside it."""

    def __init__(self, shop, name):
        self.folder = shop.path(name)
        os.makedirs(self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def picture(self, colour, name=None):
        return self.write(name or colour + ".png", networks.png(*COLOURS[colour]))

    def run(self, *arguments):
        return run(*arguments, XDG_DATA_HOME=self.path("data"))

    def answers(self, *arguments):
        """[(picture, [(class, name, probability)...])...]"""
        result = self.run("classify", "--json", *arguments)
        expect(result.code == 0, result)
        return [(row["picture"], [(answer["class"], answer["name"], answer["probability"])
                                  for answer in row["classes"]])
                for row in json.loads(result.out)]

    def first_names(self, *arguments):
        return [answers[0][1] for _, answers in self.answers(*arguments)]

    def add(self, content, *arguments, file="colours.onnx"):
        result = self.run("models", "add", self.write(file, content), *arguments)
        expect(result.code == 0, result)


@test
def file_of_a_network(shop):
    place = Place(shop, "file")
    net = place.write("net.onnx", networks.colours())
    pictures = [place.picture(colour) for colour in COLOURS]
    answers = place.answers("--model", net, *pictures)
    expect([picture for picture, _ in answers] == pictures, answers)
    expect([row[0][:2] for _, row in answers] == [(0, "0"), (1, "1"), (2, "2")], answers)
    for (_, row), colour in zip(answers, COLOURS.values()):
        # The formula of most networks for ImageNet, then softmax.
        scores = [(byte / 255 - mean) / std for byte, mean, std in
                  zip(colour, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
        total = sum(math.exp(score) for score in scores)
        for number, _, probability in row:
            expect(abs(probability - math.exp(scores[number]) / total) < 1e-5, answers)
    told = place.run("classify", "--model", net, pictures[0])
    expect(told.code == 0 and "net.onnx takes pictures is not known" in told.err
           and "█" in told.out and "%" in told.out, told)


@test
def installed_with_names(shop):
    place = Place(shop, "installed")
    labels = place.write("labels", "\n".join(COLOURS).encode())
    place.add(networks.colours(), "--labels", labels, "--name", "hue")
    # More than are asked about at a time; a folder in the folder; what is no picture.
    for i in range(19):
        place.picture(list(COLOURS)[i % 3], f"many/{i:02}.png")
    place.picture("green", "many/sub/a.PNG")
    place.write("many/notes.txt", b"no picture")
    wanted = [list(COLOURS)[i % 3] for i in range(19)] + ["green"]
    expect(place.first_names("--model", "hue", place.path("many")) == wanted, wanted)
    # It is the only one that is installed, so it is the one that is asked.
    expect(place.first_names(place.picture("blue")) == ["blue"], "not blue")
    expect(len(place.answers("--top", "2", place.picture("red"))[0][1]) == 2, "not two")
    empty = place.path("empty")
    os.makedirs(empty)
    expect_sentence(place.run("classify", empty), 1, "no pictures", "empty")


@test
def none_is_installed(shop):
    place = Place(shop, "none")
    picture = place.picture("red")
    expect_sentence(place.run("classify", picture), 1, "kolinsky models get efficientnet-lite0")
    expect_sentence(place.run("classify", "--model", "vgg16", picture), 1, "not installed",
                    "kolinsky models get vgg16")
    expect_sentence(place.run("classify", "--model", "vgg-16", picture), 1, "did you mean vgg16?")


@test
def prepared_as_another_network(shop):
    place = Place(shop, "like")
    labels = place.write("labels", "\n".join(COLOURS).encode())
    place.add(networks.colours(), "--like", "vgg16-hed", "--labels", labels)
    expect(place.first_names("--model", "colours", place.picture("red")) == ["blue"],
           "channels are not in the order of vgg16-hed: blue, green, red")


@test
def made_for_one_picture(shop):
    place = Place(shop, "one")
    net = place.write("net.onnx", networks.colours(batch=1))
    pictures = [place.picture(colour) for colour in ("blue", "red", "green")]
    expect(place.first_names("--model", net, *pictures) == ["2", "0", "1"], "wrong")


@test
def grey_pictures(shop):
    place = Place(shop, "grey")
    net = place.write("net.onnx", networks.colours(channels=1))
    answers = place.answers("--model", net, place.picture("green"))
    # The only class is certain; what counts is that a coloured picture was made grey.
    expect(answers[0][1] == [(0, "0", 1)], answers)


@test
def probabilities_stay(shop):
    place = Place(shop, "softmax")
    plain = place.write("plain.onnx", networks.colours())
    soft = place.write("soft.onnx", networks.colours(more=[("Softmax", ["scores"], "y")]))
    picture = place.picture("blue")
    for (_, _, a), (_, _, b) in zip(place.answers("--model", plain, picture)[0][1],
                                    place.answers("--model", soft, picture)[0][1]):
        expect(abs(a - b) < 1e-5, (a, b))


@test
def networks_that_tell_nothing_of_pictures(shop):
    place = Place(shop, "other")
    picture = place.picture("red")
    shape = [None, 3, 8, 8]
    for nodes, inputs, word in [
            ([("Relu", ["x"], "y")], {"x": shape}, "does not tell classes apart"),
            ([("Add", ["x", "z"], "y")], {"x": shape, "z": shape}, "takes pictures alone"),
            ([("Relu", ["x"], "y")], {"x": [None, 10]}, "takes pictures alone"),
            ([("Relu", ["x"], "y")], {"x": [None, 8, 8, 3]}, "takes pictures alone"),
            ([("Abracadabra", ["x"], "y")], {"x": shape}, "Abracadabra")]:
        net = place.write("net.onnx", networks.onnx(nodes, inputs, {"y": shape}))
        expect_sentence(place.run("classify", "--model", net, picture), 1, word)
    labels = place.write("labels", b"red\ngreen\n")
    place.add(networks.colours(), "--labels", labels)
    expect_sentence(place.run("classify", picture), 1, "3 classes", "2 names")


@test
def damaged_networks(shop):
    place = Place(shop, "damaged")
    picture = place.picture("red")
    whole = networks.colours()
    for name, content, word in [("net.onnx", whole[:len(whole) // 2], "net.onnx"),
                                ("net.onnx", b"", "net.onnx"),
                                ("net.pth", b"no weights", "weights alone"),
                                ("net.png", b"no network", "weights alone")]:
        net = place.write(name, content)
        expect_sentence(place.run("classify", "--model", net, picture), 1, word)
    # What cannot be opened is not installed; weights of another network are told when built.
    expect_sentence(place.run("models", "add", place.write("bad.onnx", whole[:40])), 1, "bad.onnx")
    place.add(networks.safetensors({"conv1.weight": ([1, 2], [3.0, 4.0])}), "--like", "resnet18",
              file="few.safetensors")
    expect_sentence(place.run("classify", picture), 1, "conv1.weight")


@test
def unreadable_pictures_are_left_out(shop):
    place = Place(shop, "unreadable")
    net = place.write("net.onnx", networks.colours())
    bad = place.write("bad.png", b"no picture")
    result = place.run("classify", "--model", net, "--json", bad, place.picture("green"),
                       place.path("missing.jpg"))
    expect_sentence(result, 1, "bad.png", "missing.jpg", "2 of the pictures")
    answers = json.loads(result.out)
    expect(len(answers) == 1 and answers[0]["classes"][0]["class"] == 1, result)


@test
def forty_photos(shop):
    if not os.path.isdir(photos.PHOTOS):
        raise Skip("the reference photos are not there")
    for model, answers in photos.add_reference(COMMAND, shop.path("reference")):
        expect(photos.compare(COMMAND, model, answers, 25, shop.path("reference")), model)


if __name__ == "__main__":
    main("classify", sys.argv[2:])
