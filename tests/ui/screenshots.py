# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Pictures of every page and state, to be looked at against the design's checklist.

    KX_SCREEN=1280x900 under-xvfb.sh python3 screenshots.py kolinsky-explorer FOLDER [STATE...]
    KX_SCREEN=1280x900 under-xvfb.sh python3 screenshots.py kolinsky-explorer --tour [PICTURE...]

Each state is a function below that brings the application where it is to be; it is photographed
at 1280x800 and 720x900, light and dark. More series, whose names are states, too, show texts of
twice the size ("large"), the other direction of writing ("rtl") and texts that are 1.4 times as long
("long"). FOLDER gets STATE-WIDTHxHEIGHT-SCHEME.png. The pictures of the tour, which the
README shows, too, are some of these states, with few colours (by Pillow), in data/tour. They learn
from MNIST and paint with a network of the folder KX_SHARED where that is there.
"""
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from display import Display
from explorer import APPLICATION, FILLER, PAGES, Explorer, check, small_data

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TOOL = os.path.join(os.path.dirname(os.path.abspath(APPLICATION)), "..", "src", "tools", "kolinsky")
SHARED = os.environ.get("KX_SHARED", "")
MNIST = os.path.join(SHARED, "data", "mnist")
SQUEEZENET = os.path.join(SHARED, "data", "models", "squeezenet1.1.onnx")

SIZES = [(1280, 800), (720, 900)]
STATES = []
NO_DEVICE = {"OCL_ICD_VENDORS": "/nonexistent", "KOLINSKY_DEVICE": ""}


def state(**options):
    """Registers a state; the options are those of Explorer."""
    def register(function):
        STATES.append((function.__name__.replace("_", "-"), function, options))
        return function
    return register


def wait_for_step(app, step):
    def has_come():
        return any(int(re.search("[0-9]+", label.name).group()) >= step
                   for label in app.find_all("label", re.compile("^step [0-9]+ ·")))
    app.wait(has_come, 120, f"step {step}")


def tab(app, name):
    found = app.wait(lambda: [node for node in app.find_all(None, name)
                              if node.role in ("radio button", "toggle button", "page tab")])
    app.press(found[0])


class Inspector:
    """What is in the inspector, which lies folded beside the page in narrow windows: there it is
    opened, and closed again at the end of `with`."""

    def __init__(self, app):
        self.app = app
        self.button = app.find("push button", "Inspector")
        self.folded = not self.button.checked

    def __enter__(self):
        if self.folded:
            self.app.key("Shift+F9")
            self.app.wait(lambda: self.button.checked)
            time.sleep(0.5)  # it slides in

    def __exit__(self, kind, error, trace):
        if self.folded:
            self.app.key("Shift+F9")
            self.app.wait(lambda: not self.button.checked)


def select_unit(app, layer, unit):
    layers = app.find("list", "Layers", seconds=90)
    layers.find(None, re.compile(rf"^{layer}, "))  # the rows come after the list
    row = next(i for i, row in enumerate(layers.children)
               if row.has(None, re.compile(rf"^{layer}, ")))
    layers.select(row)
    app.find("label", re.compile(rf"^{layer} · "))
    units = app.find("table", "Units")
    units.select(unit)
    app.wait(lambda: units.children[unit].selected)  # the inspector may be folded away


# ── States: (application, folder) ────────────────────────────────────────────

@state()
def train_first(app):
    app.page("Train")
    time.sleep(1)


@state(train=True)
def train_running(app):
    wait_for_step(app, 150)


@state(train=True)
def train_marked(app):
    for step, rate in ((60, 1e-3), (110, 3e-4)):
        wait_for_step(app, step)
        app.find("slider", "Learning rate").value = math.log10(rate)
    wait_for_step(app, 170)


@state(train=True)
def train_rewound(app):
    wait_for_step(app, 130)
    with Inspector(app):
        app.press(app.find("list", "Timeline").find(None, re.compile("^Checkpoint .*step 100$")))
    app.find("label", re.compile("^Step 100 · loss"))


@state(train=True)
def train_branched(app):
    train_rewound(app)
    app.click("push button", "Branch From Here")
    app.wait(lambda: app.has("label", "digits, run 2"))
    app.find("slider", "Learning rate").value = -3
    wait_for_step(app, 190)
    app.gone("label", re.compile("^run 2 branched at"), 30)


@state(train=True, earlier=(300, 200, 120))
def train_earlier(app):
    wait_for_step(app, 60)
    Inspector(app).__enter__()  # which stays open
    x, _, width, _ = app.find("list", "Runs").area
    app.display.move(x + width + 6, 400)  # the edge, where nothing is turned
    app.display.scroll(60)
    app.press(app.find_all("check box", re.compile("^Show digits-.* in the charts$"))[0])
    time.sleep(1)


@state(train=True)
def train_diverged(app):
    wait_for_step(app, 110)
    app.press(app.find("text", "Learning rate, as a number"))
    app.key("Ctrl+a")
    app.write("1e30")
    app.key("Enter")
    app.find("push button", re.compile("^Rewind to"), 60)


@state(train=True)
def train_confusion(app):
    wait_for_step(app, 100)
    app.click("push button", "Pause")  # all examples are then scored in one go
    tab(app, "Confusion")
    app.find("label", re.compile(r"% right · ([0-9]+) of \1 validation examples"), 240)


@state(train=True)
def train_steps(app):
    wait_for_step(app, 30)
    app.click("push button", "Pause")
    tab(app, "Steps")
    for name, steps in (("Step Forward", 6), ("Step Back", 2)):
        app.wait(lambda: app.find("push button", name).sensitive, 60)
        for _ in range(steps):
            app.click("push button", name)


@state(train=True)
def train_layers(app):
    wait_for_step(app, 30)
    app.click("push button", "Pause")
    tab(app, "Steps")
    tab(app, "This Network")
    app.find("label", re.compile("^The batch of step "), 60)
    walk = app.find(None, "KxLayerWalk")
    walk.find("push button", "Take the First Step").act()
    press_all(app, walk.find("push button", "Step Forward"))
    app.find("label", re.compile("^P[0-9]+ = "), 60)


def press_all(app, button):
    while button.sensitive:
        button.act()
        time.sleep(0.05)


@state(train=True)
def train_layers_back(app):
    train_layers(app)
    press_all(app, app.find(None, "KxLayerWalk").find("push button", "Step Back"))
    time.sleep(2)


@state(train=True)
def train_layers_weight(app):
    train_layers(app)
    app.press(app.find_all("push button", re.compile("^Node [0-9]"))[-2])
    app.find("spin button", re.compile("^w"))


@state(train=True)
def train_search_empty(app):
    wait_for_step(app, 30)
    tab(app, "Search")
    app.find("label", "No search yet")


@state(train=True)
def train_search_setup(app):
    train_search_empty(app)
    app.click("push button", "Search…")
    app.find("push button", "Start the Search")


@state(train=True)
def train_search(app):
    wait_for_step(app, 30)
    app.click("push button", "Pause")
    tab(app, "Search")
    app.click("push button", "Search…")
    app.find("spin button", "Trials").value = 9
    app.find("spin button", "Steps of each").value = 20
    app.find("text", "Learning rates").text = "1e-5..1e3"
    app.find("text", "Other settings").text = "batch=10,25 keep=0.3..0.9"
    app.click("push button", "Start the Search")
    table = app.find(None, "Trials of the search", 120)
    app.wait(lambda: len(table.find("list").children) == 9, 240)


@state(environment={"KOLINSKY_DATA": "/nonexistent"})
def train_no_data(app):
    app.page("Train")
    app.find("label", "No data yet")


@state()
def train_search_first(app):
    app.page("Train")
    app.click("push button", "Search for Settings")
    app.find("label", "No search yet")


@state(environment=NO_DEVICE)
def train_no_device(app):
    app.page("Train")


@state()
def see_empty(app):
    app.page("See")


@state(learned=200, settings={"page": "'see'"})
def see_units(app):
    with Inspector(app):
        select_unit(app, "conv2", 5)
        app.find("label", "Step 512 · done", 120)
    time.sleep(20)


@state(train=True)
def see_live(app):
    wait_for_step(app, 20)
    app.page("See")
    app.click("push button", re.compile("Use the Network in Training"), seconds=60)
    select_unit(app, "conv1", 2)
    app.wait(lambda: len(app.find_all("push button", re.compile("^Unit 2 at step"))) > 1, 180)
    app.find_all("push button", re.compile("^Unit 2 at step"))[0].click()
    time.sleep(1)


@state(settings={"page": "'see'"})
def see_failed(app):
    wrong = app.path("wrong.onnx")
    with open(wrong, "wb") as file:
        file.write(b"not a network")
    subprocess.run([APPLICATION, wrong], env=app.environment, check=True)
    app.find("push button", "Open Another…", seconds=60)


@state(learned=300, settings={"page": "'see'"})
def see_drawn(app):
    app.find("list", "Layers", seconds=90)
    app.find("page tab", "Draw").act()
    canvas = app.find("image", "Drawing")
    time.sleep(1)  # it has its place then
    x, y = canvas.middle
    side = min(canvas.area[2:])
    corners = [(-0.22, -0.28), (0.22, -0.28), (-0.06, 0.32)]
    app.display.drag([(x + round(dx * side), y + round(dy * side)) for dx, dy in corners])
    app.find("image", re.compile("^Drawing, taken for "), seconds=30)


@state(opens=SQUEEZENET, settings={"page": "'see'"})
def see_photo(app):
    app.find("list", "Layers", seconds=90)
    app.find("table", "Units").select(3)
    photo = os.path.join(ROOT, "data", "gallery", "hills.png")
    subprocess.run([APPLICATION, photo], env=app.environment, check=True)
    app.find("image", re.compile("^Photo, taken for "), seconds=120)
    with Inspector(app):
        app.find("push button", "Watch").click()
    app.find("label", re.compile("unit [0-9]+: "), 60)


@state(opens=SQUEEZENET, settings={"page": "'see'"})
def see_network(app):
    app.find("list", "Layers", seconds=90)
    time.sleep(60)


@state()
def paint_empty(app):
    app.page("Paint")


@state(installs=SQUEEZENET, settings={"page": "'paint'"})
def paint_running(app):
    paint_ready(app)
    app.find("push button", "Paint").click()
    app.find("label", re.compile(r"^Step ([4-9]\d|\d\d\d) of "), 400)


@state(installs=SQUEEZENET, settings={"page": "'paint'"})
def paint_ready(app):
    with Inspector(app):
        app.find("label", re.compile("^Needs .*[GM]B"), 240)


@state(installs=SQUEEZENET, settings={"page": "'paint'"})
def paint_by_lbfgs(app):
    paint_ready(app)
    with Inspector(app):
        app.press(app.find("combo box", "Optimizer"))
        app.find("label", "L-BFGS")
        app.key("Down")
        app.key("Enter")
    app.find("push button", "Paint").click()
    app.find("label", re.compile(r"^Step [1-9]\d of "), 400)
    with Inspector(app):
        app.find("slider", "Style weight").value = 2
    app.find("label", re.compile("begins anew"), 60)
    app.find("label", re.compile(r"^Step ([4-9]\d|\d\d\d) of "), 400)


@state(installs=SQUEEZENET, settings={"page": "'paint'"})
def paint_mask(app):
    paint_ready(app)
    app.find("push button", "Masks of strokes.png").click()
    app.find("label", re.compile("^Paint where strokes.png"))
    x, y = app.find("push button", "On Content").middle
    app.display.drag([(x + 100, y - 400), (x + 160, y - 390), (x + 220, y - 400)])


@state(installs=SQUEEZENET, settings={"page": "'paint'"})
def paint_finished(app):
    paint_ready(app)
    app.find("spin button", "Steps").value = 4
    app.find("push button", "Paint").click()
    app.find("label", "Done", 240)


@state(installs=SQUEEZENET, settings={"page": "'paint'"})
def paint_failed(app):
    broken = app.path("data", "kolinsky", "styles", "broken.safetensors")
    with open(broken, "wb") as file:
        file.write(bytes(100))
    app.page("See")
    app.page("Paint")  # which looks for networks when it is opened
    paint_ready(app)
    app.find("push button", "Paint with broken").click()
    app.find("label", re.compile("damaged"), 60)


@state()
def ask(app):
    app.page("Ask")


@state()
def devices(app):
    app.page("Devices")
    time.sleep(1)


@state(environment=NO_DEVICE)
def devices_none(app):
    app.page("Devices")


@state()
def devices_verifying(app):
    app.page("Devices")
    app.find("push button", re.compile("^Measure the speed")).click()
    app.find("label", re.compile("GB/s"), 90)
    app.find("push button", re.compile("^Verify .")).click()
    table = app.find(None, "Results of the verification")
    app.wait(lambda: len(table.find_all("label")) > 60, 90)


@state()
def devices_tuning(app):
    app.page("Devices")
    app.find("check box")
    app.press(app.find("page tab", "Tuning"))
    app.find("label", re.compile("remembered for this device"))


@state()
def devices_compared(app):
    app.page("Devices")
    app.find("check box")
    app.press(app.find("page tab", "Compare"))
    for button in app.find_all("push button", "Compare"):
        button.click()
    time.sleep(5)


@state(train=True)
def devices_profile(app):
    wait_for_step(app, 20)
    app.page("Devices")
    app.press(app.find("page tab", "Profile"))
    app.find("push button", "Start").click()
    table = app.find(None, "Time of the kernels")
    app.wait(lambda: table.has("label", "read"), 60)
    time.sleep(4)


@state()
def jobs_popover(app):
    app.page("Devices")
    app.find("push button", re.compile("^Measure the speed")).click()
    app.key("Ctrl+j")
    time.sleep(1)


@state()
def tour(app):
    app.key("F1")
    app.find("label", "Something learns at once")
    app.key("Right")
    app.find("label", re.compile("^2 of "))
    time.sleep(1)


@state()
def preferences(app):
    app.key("Ctrl+,")
    app.find("check box", "Start training at launch")


@state()
def shortcuts(app):
    app.key("Ctrl+?")
    app.find("label", "Find in the page")


# ── Taking them ──────────────────────────────────────────────────────────────

def prepare(options, folder):
    """What a state needs in the folder; the arguments and the environment that it begins with."""
    arguments, environment = [], dict(options.get("environment", {}))
    if options.get("train") or options.get("learned"):
        data = MNIST if os.path.isdir(MNIST) else small_data(os.path.join(folder, "examples"))
        environment["KOLINSKY_DATA"] = data
    if options.get("learned"):
        arguments = [os.path.join(folder, "digits")]
        subprocess.run([TOOL, "train", "digits", "--data", data, "--run", *arguments, "--lr", "1e-3",
                        "--steps", str(options["learned"])], check=True, capture_output=True)
    for i, steps in enumerate(options.get("earlier", ())):
        run = os.path.join(folder, "data", "kolinsky", "runs", f"digits-{i + 1}")
        subprocess.run([TOOL, "train", "digits", "--data", data, "--run", run, "--lr", f"{3 * (i + 1)}e-4",
                        "--steps", str(steps)], check=True, capture_output=True)
    for key in ("opens", "installs"):
        check(os.path.exists(options.get(key, folder)), f"{options.get(key)} is not there")
    if "opens" in options:
        arguments = [options["opens"]]
    if "installs" in options:
        subprocess.run([TOOL, "models", "add", options["installs"]], check=True,
                       stdout=subprocess.DEVNULL,
                       env={**os.environ, "XDG_DATA_HOME": os.path.join(folder, "data")})
    return arguments, environment


def photograph(name, function, options, size, scheme, target):
    """Takes the picture of a state; whether that was possible."""
    folder = tempfile.mkdtemp(prefix="kolinsky-screenshot-")
    app = None
    try:
        arguments, environment = prepare(options, folder)
        settings = {"color-scheme": f"'{scheme}'", **options.get("settings", {})}
        app = Explorer(folder, *arguments, settings=settings, environment=environment, size=size,
                       train=options.get("train", False))
        function(app)
        width, height = app.display.size
        app.display.move(width - 1, height - 1)  # no tooltip
        time.sleep(0.6)
        app.screenshot(target, (0, 0, *size))
        print(target, flush=True)
        return True
    except AssertionError as error:
        print(f"{name}: {error}", flush=True)
        return False
    finally:
        if app:
            app.kill()
            app.display.close()
        shutil.rmtree(folder, ignore_errors=True)


TOUR = {"train": "train-running", "rate": "train-marked", "branch": "train-branched",
        "confusion": "train-confusion", "steps": "train-steps", "units": "see-units",
        "draw": "see-drawn", "paint": "paint-running", "profile": "devices-profile"}


def save_colours(path, colours=128):
    """The picture again, with so many colours; where there are only greys these suffice."""
    from PIL import Image
    picture = Image.open(path).convert("RGB")
    picture.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)


def take_tour(folder, chosen):
    """The pictures of the tour, or those of them that are chosen."""
    states = {name: (function, options) for name, function, options in STATES}
    os.makedirs(folder, exist_ok=True)
    for file, name in TOUR.items():
        if chosen and file not in chosen:
            continue
        path = os.path.join(folder, f"{file}.png")
        if photograph(name, *states[name], SIZES[0], "light", path):
            save_colours(path)


SERIES = ["train-first", "train-marked", "train-diverged", "train-confusion", "train-steps",
          "see-empty", "see-drawn", "paint-empty", "paint-ready", "ask", "devices", "jobs-popover",
          "preferences", "shortcuts"]


def take_series(target, suffix, environment, sizes=SIZES[:1]):
    """A picture of each page, and of what differs most, in an unusual environment."""
    for name, function, options in STATES:
        if name not in SERIES:
            continue
        options = {**options, "environment": {**options.get("environment", {}), **environment}}
        for size in sizes:
            width = f"-{size[0]}x{size[1]}" if len(sizes) > 1 else ""
            photograph(name, function, options, size, "light",
                       os.path.join(target, f"{name}-{suffix}{width}.png"))


def speak(language, folder):
    """The environment of an application in a language; None: impossible.

    GLib translates what belongs to libraries only where the application is translated, too, or the
    locale is an English one; that is made here, as C.UTF-8 is none, and knows no languages.
    """
    try:
        subprocess.run(["localedef", "-i", "en_US", "-f", "UTF-8", os.path.join(folder, "en_US.UTF-8")],
                       check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print(f"no locale can be made for {language} (Debian: apt-get install locales)", flush=True)
        return None
    return {"LOCPATH": folder, "LC_ALL": "en_US.UTF-8", "LANGUAGE": language}


# What is no letter of a text: directives, markup, entities, escapes.
CODES = re.compile(r"""(%[-+ #0'0-9.]*(?:<[^>]*>|[hlzj]*[a-zA-Z%])|<[^>]*>|&\w+;|\\.)""")


def lengthen(text):
    """The words of a text, 1.4 times as long: two letters for every five."""
    def longer(word):
        letters, due = word.group(), 0
        made = ""
        for letter in letters:
            made += letter
            due += 0.4
            while due > 0.99:
                made += FILLER
                due -= 1
        return made + (FILLER if due > 0.35 else "")
    return "".join(each if i % 2 else re.sub(r"[^\W\d_]+", longer, each)
                   for i, each in enumerate(CODES.split(text)))


def translate_longer(folder):
    """Makes a translation in a folder that says everything at greater length."""
    names = open(os.path.join(ROOT, "data", "po", "POTFILES"), encoding="utf-8").read().split()
    texts = subprocess.run(["xgettext", "--from-code=UTF-8", "-k_", "-kN_", "-kg_dngettext:2,3",
                            "-o", "-", *names], cwd=ROOT, check=True, capture_output=True).stdout
    for command in ["sed", "s/CHARSET/UTF-8/"], ["msgen", "-"], ["msgcat", "--no-wrap", "-"]:
        texts = subprocess.run(command, input=texts, check=True, capture_output=True).stdout
    head, *entries = texts.decode().split("\n\n")
    made = []
    for entry in entries:
        before, mark, after = entry.partition("\nmsgstr")
        made.append(before + mark + re.sub('"(.*)"', lambda each: f'"{lengthen(each[1])}"', after))
    path = os.path.join(folder, "xx", "LC_MESSAGES", "kolinsky.mo")
    os.makedirs(os.path.dirname(path))
    subprocess.run(["msgfmt", "--check-format", "-o", path, "-"], check=True,
                   input="\n\n".join([head, *made]).encode())


def take_all(target, chosen):
    os.makedirs(target, exist_ok=True)
    states = [each for each in STATES if not chosen or each[0] in chosen]
    for name, function, options in states:
        for size in SIZES:
            for scheme in ("light", "dark"):
                photograph(name, function, options, size, scheme,
                           os.path.join(target, f"{name}-{size[0]}x{size[1]}-{scheme}.png"))
    if not chosen or "large" in chosen:
        display = Display()
        display.set_dpi(192)
        take_series(target, "large", {})
        display.set_dpi(96)
        display.close()
    if not chosen or "rtl" in chosen:
        with tempfile.TemporaryDirectory(prefix="kolinsky-locale-") as folder:
            environment = speak("ar", folder)  # GTK asks its translation for the direction
            if environment:
                take_series(target, "rtl", environment)
    if not chosen or "long" in chosen:
        with tempfile.TemporaryDirectory(prefix="kolinsky-locale-") as folder:
            environment = speak("xx", folder)
            translate_longer(folder)
            if environment:
                take_series(target, "long", {**environment, "KOLINSKY_EXPLORER_LOCALE": folder}, SIZES)


def main():
    target, chosen = sys.argv[2], sys.argv[3:]
    if target == "--tour":
        take_tour(os.path.join(ROOT, "data", "tour"), chosen)
    else:
        take_all(target, chosen)


main()
