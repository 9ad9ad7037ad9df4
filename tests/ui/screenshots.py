# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Pictures of every page and state, to be looked at against the design's checklist.

    KX_SCREEN=1280x900 under-xvfb.sh python3 screenshots.py kolinsky-explorer FOLDER [STATE...]

Each state is a function below that brings the application where it is to be; it is photographed
at 1280x800 and 720x900, light and dark. Three more series show texts of twice the size, another
language and the other direction of writing. FOLDER gets STATE-WIDTHxHEIGHT-SCHEME.png.
"""
import os
import re
import shutil
import sys
import tempfile
import time

from explorer import PAGES, Explorer, small_data

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


# ── States: (application, folder) ────────────────────────────────────────────

@state()
def train_first(app):
    app.page("Train")
    time.sleep(1)


@state(train=True)
def train_running(app):
    app.page("Train")
    wait_for_step(app, 40)


@state(environment=NO_DEVICE)
def train_no_device(app):
    app.page("Train")


@state()
def see_empty(app):
    app.page("See")


@state()
def paint_empty(app):
    app.page("Paint")


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
def preferences(app):
    app.key("Ctrl+,")
    app.find("check box", "Begin to train at the start")


@state()
def shortcuts(app):
    app.key("Ctrl+?")
    app.find("label", "Find in the page")


# ── Taking them ──────────────────────────────────────────────────────────────

def photograph(name, function, options, size, scheme, target, more=None):
    folder = tempfile.mkdtemp(prefix="kolinsky-screenshot-")
    settings = {"color-scheme": f"'{scheme}'", **options.get("settings", {})}
    if options.get("train"):
        settings["data"] = f"'{small_data(os.path.join(folder, 'examples'))}'"
    if more and more.get("dpi"):
        os.makedirs(os.path.join(folder, "config", "gtk-4.0"))
        with open(os.path.join(folder, "config", "gtk-4.0", "settings.ini"), "w") as file:
            file.write(f"[Settings]\ngtk-xft-dpi={1024 * more['dpi']}\n")
    environment = {**options.get("environment", {}), **(more or {}).get("environment", {})}
    app = Explorer(folder, settings=settings, environment=environment, size=size,
                   train=options.get("train", False))
    try:
        function(app)
        time.sleep(0.6)
        app.screenshot(target, (0, 0, *size))
        print(target, flush=True)
    except AssertionError as error:
        print(f"{name}: {error}", flush=True)
    finally:
        app.kill()
        app.display.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    target, chosen = sys.argv[2], sys.argv[3:]
    os.makedirs(target, exist_ok=True)
    states = [each for each in STATES if not chosen or each[0] in chosen]
    for name, function, options in states:
        for size in SIZES:
            for scheme in ("light", "dark"):
                photograph(name, function, options, size, scheme,
                           os.path.join(target, f"{name}-{size[0]}x{size[1]}-{scheme}.png"))
    series = {"large": {"dpi": 192}, "rtl": {"environment": {"LANGUAGE": "ar"}}}
    for suffix, more in series.items():
        for page in PAGES:
            if not chosen or suffix in chosen:
                photograph(page, lambda app, page=page: app.page(page), {}, SIZES[0], "light",
                           os.path.join(target, f"{page.lower()}-{suffix}.png"), more)


main()
