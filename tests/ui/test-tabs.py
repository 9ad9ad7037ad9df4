# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The picture tabs of the Train page, and backpropagation step by step."""
import glob
import math
import os
import re

from explorer import Explorer, check, main, small_data, test


def explorer(folder, **more):
    data = small_data(os.path.join(folder, "examples"))
    return Explorer(folder, train=True, environment={"KOLINSKY_DATA": data}, **more)


def wait_for_step(app, step):
    def has_come():
        return any(int(re.search("[0-9]+", label.name).group()) >= step
                   for label in app.find_all("label", re.compile("^step [0-9]+ ·")))
    app.wait(has_come, seconds=120, text=f"step {step}")


def pause(app):
    """Returns the step that the run rests at."""
    app.click("push button", "Pause")
    app.find("push button", "Resume")
    return max(int(re.search("[0-9]+", label.name).group())
               for label in app.find_all("label", re.compile("^step [0-9]+ ·")))


def tab(app, name):
    found = app.wait(lambda: [node for node in app.find_all(None, name)
                              if node.role in ("radio button", "toggle button", "page tab")],
                     text=f"the tab {name}")
    app.press(found[0])


@test
def a_batch_shows_predictions_and_opens(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        tab(app, "Batch")
        app.find("label", re.compile("^Step [0-9]+ · [0-9]+ of 50 right · loss"))
        step = pause(app)
        # Its rest between two looks, seconds on a slow machine, ends with the pause.
        caption = app.find("label", re.compile(f"^Step {step} · [0-9]+ of 50 right · loss"))
        right = int(re.search("· ([0-9]+) of 50", caption.name).group(1))
        examples = app.find_all("panel", re.compile("(known|taken for .*), probability"))
        known = [each for each in examples if "known" in each.name]
        check(len(examples) == 50 and len(known) == right,
              f"{right} are said to be right; of {len(examples)}, {len(known)} are called known")
        share = float(re.search(r"probability ([0-9.]+)", examples[0].name).group(1))
        answer = re.search("(?:taken for )?([0-9])(?: known)?, probability", examples[0].name).group(1)
        app.press(examples[0])
        likeliest = app.find("label", re.compile(rf"^{answer}  [0-9.]+ %$"), seconds=60).name
        check(abs(float(likeliest.split()[1]) - 100 * share) < 0.02, f"{likeliest}, not {share}")
        app.find("label", re.compile("28 × 28 .*mean"))


@test
def a_cell_opens_its_pictures(folder):
    with explorer(folder) as app:
        wait_for_step(app, 3)
        pause(app)
        tab(app, "Confusion")
        cell = re.compile("^([0-9]) (?:taken for ([0-9])|known): ([1-9][0-9]*)$")
        app.find("label", re.compile(r"% right · ([0-9]+) of \1 validation examples"), seconds=60)
        chosen = app.find("push button", cell)
        count = int(cell.match(chosen.name).group(3))
        name = chosen.name
        chosen.click()
        app.find("label", name)
        grid = app.find(None, "Pictures of the cell")
        pictures = app.wait(lambda: grid.find_all("panel", re.compile("probability")))
        check(len(pictures) == min(count, 100), f"{len(pictures)} pictures of {name}")
        app.click("push button", "All Cells")
        app.find("push button", name)


@test
def filters_mistakes_and_histograms_are_there(folder):
    with explorer(folder) as app:
        wait_for_step(app, 3)
        pause(app)
        tab(app, "Filters")
        app.find("panel", "Filter 31", seconds=60)
        tab(app, "Mistakes")
        app.find("label", re.compile("mistakes in [0-9]+ of [0-9]+ validation examples"), seconds=60)
        tab(app, "Histograms")
        app.find("label", "Gradient of w_conv1", seconds=60)


@test
def a_run_fits_a_narrow_window(folder):
    """The window does not grow beyond its smallest width of 600, whatever the run shows."""
    with explorer(folder, size=(600, 700)) as app:
        wait_for_step(app, 3)
        for name in [each.name for each in app.find(None, "Pictures of the run").children]:
            tab(app, name)
            app.wait(lambda: front_tab(app) == [name], text=f"the tab {name}")
            width = app.window.area[2]
            check(width <= 600, f"{name} makes the window {width} wide")


# ── What is remembered ──

def front_tab(app):
    switcher = app.find(None, "Pictures of the run")
    return [each.name for each in switcher.children if each.checked]


@test
def the_next_start_shows_what_this_one_did(folder):
    """The tab in front, how the curves are shown, and that the inspector is put away."""
    with explorer(folder) as app:
        wait_for_step(app, 3)
        check(front_tab(app) == ["Batch"], f"{front_tab(app)} are in front at first")
        tab(app, "Confusion")
        app.click("push button", "Values on a logarithmic scale (L)")
        app.click("push button", "Horizontal axis on a logarithmic scale (X)")
        app.press(app.find("combo box", "Horizontal axis"))
        app.find("label", "Time")
        app.key("Down")
        app.key("Enter")
        app.remembers("x-unit", "1")
        app.key("Shift+F9")
        app.gone("list", "Runs")
    with explorer(folder) as app:
        app.wait(lambda: front_tab(app) == ["Confusion"], text="the tab Confusion")
        check(app.find(None, "KxTabConfusion").area[3] > 250, "it has not the room of its pictures")
        check(not app.find("push button", "Values on a logarithmic scale (L)").checked)
        check(app.find("combo box", "Horizontal axis").has("label", "Epochs"), "the unit is another")
        check(app.find("push button", "Horizontal axis on a logarithmic scale (X)").checked)
        check(not app.find("push button", "Inspector").checked, "the inspector has come back")
        check(not app.has("list", "Runs"), "the inspector is there")
        app.key("Shift+F9")
        app.find("list", "Runs")
    with explorer(folder) as app:
        app.find("list", "Runs")


# ── Search ───────────────────────────────────────────────────────────────────

def trial_rows(app):
    table = app.find(None, "Trials of the search", seconds=120)
    return [row for row in table.find("list").children if row.has("table cell")]


def trials(app):
    """What stands in the rows: number -> [rate, accuracy, loss, other settings]."""
    rows = [[label.name for label in row.find_all("label")] for row in trial_rows(app)]
    return {int(row[0]): row[1:] for row in rows}


def selected_trials(app):
    return [int(row.find("label").name) for row in trial_rows(app) if row.selected]


def begin_search(app, count, steps, rates, others=""):
    app.click("push button", "Search…")
    app.find("spin button", "Trials").value = count
    app.find("spin button", "Steps of each").value = steps
    app.find("text", "Learning rates").text = rates
    app.find("text", "Other settings").text = others
    app.click("push button", "Start the Search")


def trial_count(app):
    return len(trial_rows(app)) if app.has(None, "Trials of the search") else 0


@test
def a_search_finds_trials_that_open_as_runs(folder):
    with explorer(folder) as app:
        wait_for_step(app, 3)
        tab(app, "Search")
        app.find("label", "No search yet")
        begin_search(app, 4, 6, "1e-2..1e-4", "batch=10,20")
        app.find("label", re.compile("smaller first"))
        app.find("text", "Learning rates").text = "1e-5..1e-2"
        app.click("push button", "Start the Search")
        app.find("label", re.compile("^Trial [1-4] of 4 · step [0-9]+ of 6"), seconds=120)
        app.find("label", re.compile("^4 trials · best [0-9.]+ % at "), seconds=120)
        check(trial_count(app) == 4, "there are rows for other trials")
        rows = trials(app)
        check(sorted(rows) == [1, 2, 3, 4], f"the rows are {rows}")
        best = max(rows, key=lambda n: (float(rows[n][1].split()[0]), -float(rows[n][2])))
        caption = app.find("label", re.compile("^4 trials · best ")).name
        check(rows[best][1] in caption and f"at {rows[best][0]}" in caption, f"{caption}; {rows}")
        scatter = app.find(None, "Accuracy by Learning rate")
        check(scatter.description.startswith(f"Trial {best}: "), scatter.description)

        # Point and row are selected together.
        scatter.act("scatter.previous")
        scatter.act("scatter.previous")
        chosen = int(re.match("Trial ([0-9])", scatter.description).group(1))
        app.wait(lambda: selected_trials(app) == [chosen], text=f"row {chosen} is not selected")

        app.click("push button", "Open as a Run")
        app.wait(lambda: app.has("label", re.compile(f"trial {chosen}$")), seconds=60)
        app.find("label", f"trial {chosen}", seconds=60)
        app.find("push button", "Resume", seconds=60)
        wait_for_step(app, 6)
        app.click("push button", "Resume")
        wait_for_step(app, 8)
        app.click("push button", "Pause")
        scatter.act("scatter.open")  # it is open already
        if not app.find("push button", "Inspector").checked:
            app.key("Shift+F9")
        runs = app.find("list", "Runs")
        check(runs.has(None, f"trial {chosen}"), runs.tree())
        check(len(runs.find_all("check box")) == 2, "a trial was opened twice")


def steps_kept(folder):
    """The trials that have checkpoints."""
    return {int(path.split("trial-")[1][:3])
            for path in glob.glob(f"{folder}/**/trial-*/checkpoints/step-*", recursive=True)}


@test
def the_best_trials_keep_their_weights(folder):
    with Explorer(folder, environment={"KOLINSKY_DATA": small_data(os.path.join(folder, "examples"))},
                  settings={"begin-training": "false"}) as app:
        app.click("push button", "Search for Settings", seconds=60)
        begin_search(app, 7, 4, "1e-5..1e-2")
        app.find("label", re.compile("^7 trials · best "), seconds=240)
        rows = trials(app)
        ranks = sorted(rows, key=lambda n: (-float(rows[n][1].split()[0]), float(rows[n][2])))
        kept = steps_kept(folder)
        check(len(kept) == 5 and ranks[0] in kept, f"{kept} are kept of {ranks}")
        left = next(n for n in ranks if n not in kept)
        scatter = app.find(None, "Accuracy by Learning rate")
        for _ in rows:
            scatter.act("scatter.previous")
        for _ in rows:
            if not scatter.description.startswith(f"Trial {left}: "):
                scatter.act("scatter.next")
        app.wait(lambda: selected_trials(app) == [left])
        app.click("push button", "Open as a Run")
        app.find("label", f"trial {left}", seconds=60)
        wait_for_step(app, 6)  # by itself, without weights to go on from


@test
def a_search_is_cancelled_and_goes_on(folder):
    with explorer(folder) as app:
        wait_for_step(app, 3)
        app.click("push button", "Pause")
        tab(app, "Search")
        begin_search(app, 5, 30, "1e-5..1e30", "batch=10,20")
        app.wait(lambda: trial_count(app) >= 1, seconds=120)
        app.click("push button", "Cancel")
        app.find("label", re.compile("^[1-4] of 5 trials"))
        before = trials(app)
    with explorer(folder) as app:  # it is found again
        app.find("push button", re.compile("^(Resume|Pause)$"), seconds=120)
        tab(app, "Search")
        app.find("label", re.compile("^[1-4] of 5 trials"))
        check(trials(app) == before, f"{trials(app)}, not {before}")
        app.click("push button", "Go On")
        app.find("label", re.compile("^5 trials"), seconds=240)
        rows = trials(app)
        check(len(rows) == 5 and all(rows[n] == before[n] for n in before), f"{rows}; {before}")
        lost = [n for n in rows if rows[n][1] == "diverged"]
        check(lost, f"none diverged: {rows}")


# ── Backpropagation ──────────────────────────────────────────────────────────

WEIGHTS = ["w13", "w14", "w23", "w24", "b3", "b4", "w35", "w36", "w45", "w46", "b5", "b6"]


def dials(app):
    return {name: app.find("spin button", name).value for name in ["x1", "x2", *WEIGHTS, "label"]}


def reference(v):
    """All numbers of the tiny network, in plain doubles."""
    n = {"y1": v["x1"], "y2": v["x2"]}
    for k in "34":
        n["z" + k] = v["b" + k] + n["y1"] * v["w1" + k] + n["y2"] * v["w2" + k]
        n["y" + k] = 1 / (1 + math.exp(-n["z" + k]))
    for k in "56":
        n["z" + k] = v["b" + k] + n["y3"] * v["w3" + k] + n["y4"] * v["w4" + k]
    total = math.exp(n["z5"]) + math.exp(n["z6"])
    for k in "56":
        n["P" + k] = math.exp(n["z" + k]) / total
        n["∂E/∂z" + k] = n["P" + k] - (int(v["label"]) == int(k))
    n["E"] = -math.log(n[f"P{int(v['label'])}"])
    for m in "34":
        n["∂E/∂y" + m] = sum(n["∂E/∂z" + k] * v["w" + m + k] for k in "56")
        n["∂E/∂z" + m] = n["∂E/∂y" + m] * n["y" + m] * (1 - n["y" + m])
    for inputs, outputs in (("12", "34"), ("34", "56")):
        for k in outputs:
            n["∂E/∂b" + k] = n["∂E/∂z" + k]
            for m in inputs:
                n["∂E/∂w" + m + k] = n["∂E/∂z" + k] * n["y" + m]
    return n


def shown(app):
    """What stands in the lines: name -> number."""
    found = {}
    for label in app.find_all("label", re.compile(r"^(∂E/∂)?[zywbPE][0-9]* = .*[0-9]$")):
        parts = label.name.split(" = ")
        found[parts[0]] = float(parts[-1].replace("−", "-"))
    return found


def agrees(app, wanted):
    found = shown(app)
    return set(found) == set(wanted) and all(abs(found[name] - wanted[name]) < 1e-4 for name in wanted)


def difference(app, wanted):
    found = shown(app)
    return f"shown: {found}\nwanted: {wanted}"


def walk(app):
    for name, steps in (("Step Forward", 6), ("Step Back", 4)):
        for _ in range(steps):
            app.click("push button", name)
        app.wait(lambda: not app.find("push button", name).sensitive)


@test
def backpropagation_is_stepped_through(folder):
    with explorer(folder) as app:
        wait_for_step(app, 2)
        pause(app)
        app.find(None, "Update / parameter")
        tab(app, "Steps")
        app.gone(None, "Update / parameter")  # the loss has the height
        app.find(None, "Loss")
        app.wait(lambda: app.find("push button", "Step Forward").sensitive, seconds=60)
        check(not shown(app), "numbers are told before the first step")
        text = app.find("spin button", "w14").text
        check(text == "−0.3000", f"w14 is {text!r}")
        app.press(app.find("spin button", "w14"))
        app.key("Ctrl+a")
        app.write("-0.35")  # the sign that keyboards have
        app.key("Enter")
        app.wait(lambda: abs(dials(app)["w14"] + 0.35) < 1e-6)
        app.click("push button", "Step Forward")
        app.wait(lambda: set(shown(app)) == {"y1", "y2"})
        app.click("push button", "Step Forward")
        app.wait(lambda: set(shown(app)) == {"y1", "y2", "z3", "y3"})
        app.click("push button", "Reset")
        walk(app)
        before = dials(app)
        wanted = reference(before)
        app.wait(lambda: agrees(app, wanted), text=difference(app, wanted))

        app.find("spin button", "w13").value = -1.25  # all that follows from it changes
        app.find("spin button", "x2").value = 2
        app.find("spin button", "label").value = 6
        turned = dials(app)
        check(turned["w13"] == -1.25 and turned["label"] == 6, f"the dials are at {turned}")
        wanted = reference(turned)
        app.wait(lambda: agrees(app, wanted), text=difference(app, wanted))

        rate = app.find("spin button", "δ").value
        app.click("push button", "Apply Update")
        for name in WEIGHTS:
            turned[name] -= rate * wanted["∂E/∂" + name]
        app.wait(lambda: agrees(app, reference(turned)), text=difference(app, reference(turned)))
        check(abs(dials(app)["w13"] - turned["w13"]) < 1e-4, "the dial of w13 has not followed")


@test
def backpropagation_needs_no_run(folder):
    with Explorer(folder, environment={"KOLINSKY_DATA": os.path.join(folder, "nothing")}) as app:
        app.click("push button", "Backpropagation, Step by Step")
        app.wait(lambda: app.find("push button", "Step Forward").sensitive, seconds=60)
        walk(app)
        wanted = reference(dials(app))
        app.wait(lambda: agrees(app, wanted), text=difference(app, wanted))
        app.click("push button", "Back")
        app.find("label", "No data yet")


@test
def the_layers_of_the_run_are_walked_through(folder):
    with explorer(folder) as app:
        wait_for_step(app, 2)
        pause(app)
        tab(app, "Steps")
        tab(app, "This Network")
        walk = app.find(None, "KxLayerWalk")
        forward, back = walk.find("push button", "Step Forward"), walk.find("push button", "Step Back")
        app.wait(lambda: forward.sensitive, seconds=60)
        walk.find("push button", "Take the First Step").act()
        rows = walk.find("list", "Layers")
        app.wait(lambda: len(rows.children) == 1)

        def press_all(button):  # a row comes for each
            while button.sensitive:
                before = len(rows.children)
                button.act()
                app.wait(lambda: len(rows.children) == before + 1)

        press_all(forward)
        loss = walk.find("label", re.compile("^mean of the batch: E = [0-9.]+$"))
        press_all(back)
        norms = walk.find_all("label", re.compile("^‖∂E/∂y‖ = "))
        layers = walk.find_all("label", re.compile("^mean .*, least .*, most "))
        check(len(norms) == len(layers) > 4, f"{len(layers)} layers forward, {len(norms)} back")
        check(any("w_conv1: ‖∂E/∂w‖" in label.name for label in norms), "no gradient of w_conv1")
        check(float(loss.name.split("= ")[1]) > 0)


def calculate(text):
    """What a formula comes to whose numbers are filled in, by Python."""
    text = re.sub("…\\s\\([0-9,]+ more: (.*?)\\)", lambda match: f"({match.group(1)})", text)
    text = re.sub("×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda match: "e" + match.group(1).translate(
        str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")), text)
    text = re.sub("log ([0-9.]+)", r"log(\1)", text.replace("−", "-").replace("×", "*"))
    return eval(text, {"log": math.log, "max": max, "exp": math.exp})  # numbers alone


def line(walk, name):
    """Of the formulas shown the parts of the one that tells this: ["z3", "Σ y w + b3", "0.1", ..]"""
    pattern = re.compile("(?m)^" + re.escape(name) + r" = .* =\s")
    return next(split(each) for label in walk.find_all("label", pattern)
                for each in label.name.split("\n") if pattern.match(each))


def split(text):
    return re.split(r"\s=\s", text)


def adds_up(parts, digits=0.02):
    told, result = calculate(parts[-2]), calculate(parts[-1])
    check(abs(told - result) < digits * max(1, abs(result)), f"{told} of {parts}")
    return result


@test
def nodes_of_the_run_are_walked_through(folder):
    with explorer(folder) as app:
        wait_for_step(app, 2)
        step = pause(app)
        tab(app, "Steps")
        tab(app, "This Network")
        walk = app.find(None, "KxLayerWalk")
        walk.find("push button", "Take the First Step").click()
        walk.find("label", re.compile("^s[0-9,]+ = Σ x w = "), 120)
        forward, back = (walk.find("push button", f"Step {way}") for way in ("Forward", "Back"))
        while forward.sensitive:
            forward.act()
        walk.find("label", re.compile("^P[0-9] = "))
        for _ in range(2):  # z and s of the scores
            back.click()
        walk.find("label", re.compile(r"(?m)^∂E/∂w[0-9]+,[0-9] = "))

        # Forward, down to E, and back: each line is what Python makes of its numbers.
        likelihood = walk.find("label", re.compile("^P[0-9] = ")).name
        truth = re.match("P([0-9])", likelihood).group(1)
        share = adds_up(line(walk, "P" + truth))
        error = adds_up(line(walk, "E"))
        check(abs(error + math.log(share)) < 0.02 * max(1, error), f"E = {error} of {share}")
        scores = [split(label.name) for label in walk.find_all("label", re.compile("^z[0-9] = Σ y w"))]
        check(len(scores) == 1, f"scores {scores}")
        node = scores[0][0][1:]
        adds_up(scores[0])
        slope = adds_up(line(walk, "∂E/∂z" + node))
        if node == truth:
            check(abs(slope - (share - 1)) < 0.01, f"∂E/∂z{node} = {slope}, P = {share}")
        product = line(walk, "s" + node)
        weight = product[1].split(" ")[1]  # "y726 w726,6 + ..": the largest term's
        gradient = line(walk, "∂E/∂" + weight)
        adds_up(gradient)
        y = calculate(product[2].split(" × ")[0])
        check(abs(calculate(gradient[-1]) - slope * y) < 0.02 * max(1, abs(slope * y)),
              f"∂E/∂{weight} is {gradient}, ∂E/∂z{node} = {slope}, y = {y}")

        # Another weight: z and E follow, but not the run.
        z = adds_up(scores[0])
        picker = walk.find_all("push button", f"Node {node}")[-1]
        picker.act()
        dial = app.find("spin button", weight)
        before = dial.value
        dial.value = before + 2
        app.wait(lambda: abs(calculate(line(walk, "z" + node)[-1]) - z - 2 * y) < 0.05 * max(1, y),
                 text=f"z{node} = {z} + 2 × {y}, not {line(walk, 'z' + node)}")
        check(line(walk, "E")[-1] != f"{error}", "E is the same")
        app.key("Escape")
        walk.find("push button", "Undo Changes").click()
        app.wait(lambda: calculate(line(walk, "z" + node)[-1]) == z)
        check(calculate(line(walk, "E")[-1]) == error)

        # Another node, which its layers follow.
        other = str((int(node) + 1) % 10)
        picker.act()
        app.find("spin button", "Node").value = int(other)
        app.wait(lambda: walk.has("label", re.compile(f"^z{other} = Σ y w")))
        adds_up(line(walk, "z" + other))
        adds_up(line(walk, "s" + other))
        adds_up(line(walk, "∂E/∂z" + other))
        app.key("Escape")

        while back.sensitive:
            back.act()
        walk.find("label", re.compile(r"(?m)^∂E/∂w[0-9]+\(0,[0-4],[0-4]\) = "))
        sums = walk.find_all("label", re.compile("^(∂E/∂)?[zsy][0-9]+(,[0-9]+,[0-9]+)? = .* × "))
        check(len(sums) > 10, f"sums: {sums}")
        for label in sums:
            for each in label.name.split("\n"):
                if " × " in each:
                    adds_up(split(each), 0.05)

        # Another example.
        walk.find("spin button", "Example").value = 7
        app.wait(lambda: calculate(line(walk, "E")[-1]) != error)
        adds_up(line(walk, "E"))
        check(app.has("label", re.compile(f"^The batch of step {step}, ")))


main()
