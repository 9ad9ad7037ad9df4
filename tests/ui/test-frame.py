# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The frame of the application: window, pages, header, and its end."""
import os
import re
import subprocess
import sys
import time

from display import Drag
from explorer import PAGES, SLOWNESS, STALL, Explorer, Skip, check, main, test, too_slow

ATTEMPTS = 3  # of measurements: other programs may have the processor


def rows(app):
    return app.find("list", "Pages").children


def shown(app):
    return [row.name for row in rows(app) if row.selected]


@test
def a_window_within_a_second(folder):
    with Explorer(folder):
        pass  # the caches are warm now
    took = []
    for _ in range(ATTEMPTS):
        with Explorer(folder) as app:
            app.find("list", "Pages")
            took.append(app.close()["first_frame"])
        if 0 < took[-1] < SLOWNESS:
            return
    too_slow(f"the first frame came after {took} s")


@test
def pages_by_keys_and_by_the_sidebar(folder):
    with Explorer(folder) as app:
        check([row.name for row in rows(app)] == PAGES, lambda: str(rows(app)))
        for number, page in enumerate(PAGES, 1):
            app.key(f"Ctrl+{number}")
            app.wait(lambda: shown(app) == [page], text=f"{page} by its key")
        for page, row in zip(PAGES, rows(app)):
            app.press(row)
            app.wait(lambda: shown(app) == [page], text=f"{page} by its row")


@test
def the_page_is_remembered(folder):
    with Explorer(folder) as app:
        app.page("Paint")
    with Explorer(folder) as app:
        app.wait(lambda: shown(app) == ["Paint"])


@test
def a_tour_forward_and_back(folder):
    with Explorer(folder) as app:
        app.key("F1")
        app.find("label", "Something learns at once")
        last = int(re.match("^1 of ([0-9]+)$", app.find("label", re.compile("^1 of ")).name)[1])
        check(not app.find("push button", "Back").sensitive, "it goes back from the first picture")
        app.key("Right")
        app.find("label", f"2 of {last}")
        app.gone("label", "Something learns at once")
        app.find("label", "Turn things while it learns")
        app.key("Left")
        app.find("label", "Something learns at once")
        for place in range(2, last + 1):
            app.click("push button", "Forward")
            app.find("label", f"{place} of {last}")
        check(not app.find("push button", "Forward").sensitive, "it goes on after the last picture")
        app.key("Esc")
        app.gone("label", f"{last} of {last}")
        check(shown(app), "the window is gone, too")


@test
def jobs(folder):
    with Explorer(folder) as app:
        app.key("Ctrl+j")
        app.find("label", re.compile("^No jobs"))
        app.key("Esc")
        app.gone("label", re.compile("^No jobs"))


@test
def the_device_is_named(folder):
    with Explorer(folder) as app:
        button = app.find(None, re.compile("^Device: (?!Looking)"))
        app.press(button)
        app.find("label", "New jobs run on")
        app.key("Esc")
        app.gone("label", "New jobs run on")


@test
def preferences_are_kept(folder):
    with Explorer(folder) as app:
        app.key("Ctrl+,")
        begin = app.find("check box", "Start training at launch")
        begin.act()
        app.remembers("begin-training", "true")
        app.key("Esc")
        app.gone("check box", "Start training at launch")
    with Explorer(folder) as app:
        check(app.get()["begin-training"] == "false", "the driver has set it anew")


@test
def shortcuts(folder):
    with Explorer(folder) as app:
        app.key("Ctrl+?")
        app.find("label", "Find in the page")
        app.key("Esc")
        app.gone("label", "Find in the page")


@test
def nothing_to_undo(folder):
    with Explorer(folder) as app:
        app.key("F10")
        undo = app.find(None, "Undo")
        check(not undo.sensitive, "there is something to undo")
        app.key("Esc")
        app.gone(None, "Undo")


@test
def the_menu_offers_what_the_page_can_do(folder):
    can = {"Train": ["Save", "Export…"], "Paint": ["Save", "Export…"], "Ask": []}
    with Explorer(folder) as app:
        for page, wanted in can.items():
            app.page(page)
            app.key("F10")
            app.find("menu item", "Save")
            found = [name for name in ("Save", "Export…") if app.find("menu item", name).sensitive]
            check(found == wanted, f"{page} offers {found}")
            app.key("Esc")
            app.gone("menu item", "Save")


@test
def what_is_dragged_is_told_and_taken(folder):
    """The verb is of the page that takes it: the visible one, or the first that has a use for it."""
    log = os.path.join(folder, "before.csv")
    with open(log, "w") as file:
        file.write("step,loss\n1,2\n2,1\n")
    files = {"before.csv": "Compare its curves", "network.onnx": "Look into the network",
             "photo.png": "Show it to the network"}
    with Explorer(folder) as app:
        app.page("Ask")
        for name, verb in files.items():
            drag = Drag("text/uri-list", f"file://{folder}/{name}".encode(), "Kolinsky Explorer")
            drag.enter()
            app.wait(lambda: drag.move(640, 400) or app.has("label", verb), text=verb)
            if name == "before.csv":
                drag.drop()
                app.wait(lambda: shown(app) == ["Train"])
            else:
                drag.leave()
            app.gone("label", verb)
            drag.close()


@test
def the_sidebar_is_there_on_every_page(folder):
    """No page asks for so much that the sidebar has no place beside it."""
    with Explorer(folder, size=(1080, 800)) as app:
        for page in PAGES:
            app.page(page)
            app.find("list", "Pages", seconds=2)


@test
def every_page_fits_a_narrow_window(folder):
    """The window does not grow beyond its smallest width of 600 for any of them."""
    with Explorer(folder, size=(600, 700)) as app:
        for page in PAGES:
            app.page(page)
            width = app.window.area[2]
            check(width <= 600, f"{page} makes the window {width} wide")


@test
def the_sidebar_goes_and_comes(folder):
    with Explorer(folder) as app:
        app.find("list", "Pages")
        app.key("F9")
        app.gone("list", "Pages")
        app.key("F9")
        app.find("list", "Pages")


@test
def no_stall(folder):
    """Walking through the pages keeps the main loop alive; the end, when the window is away, may wait
    for a kernel that is being compiled."""
    longest = []
    for _ in range(ATTEMPTS):
        with Explorer(folder) as app:
            for page in PAGES * 2:
                app.page(page)
                time.sleep(0.3)
            ended = time.monotonic() - app.started
            stalls = [each for each in app.close()["stalls"] if each[1] < ended]
        check(stalls, "nothing was measured")
        longest.append(stalls[0])
        if stalls[0][0] <= STALL:
            return
    too_slow(f"the main loop stood still: [ms, s] {longest}")


def open_menu(app):
    app.key("F10")
    return "menu item", "Undo"


def open_jobs(app):
    app.key("Ctrl+j")
    return "label", re.compile("^No jobs")


def open_devices(app):
    app.press(app.find(None, re.compile("^Device: (?!Looking)")))
    return "label", "New jobs run on"


@test
def popovers_do_not_keep_it_from_ending(folder):
    for open_one in open_menu, open_jobs, open_devices:
        for keys in ["Ctrl+q"], ["Ctrl+w"], ["Esc", "Ctrl+q"]:
            with Explorer(folder) as app:
                app.find(*open_one(app))
                for key in keys:
                    app.key(key)
                text = f"{open_one.__name__}, then {keys}"
                app.wait(lambda: app.process.poll() is not None, text=text)
                check(app.process.returncode == 0, "it ended with an error")


@test
def keys_close_other_windows(folder):
    for keys, role, name in (("Ctrl+,", "check box", "Start training at launch"),
                             ("F1", "label", "Something learns at once"),
                             ("Ctrl+?", "label", "Find in the page")):
        with Explorer(folder) as app:
            app.key(keys)
            app.find(role, name)
            app.key("Ctrl+w")
            app.gone(role, name)
            check(shown(app), "the window is gone, too")
            app.key(keys)
            app.find(role, name)
            app.key("Ctrl+q")
            app.wait(lambda: app.process.poll() is not None, text=f"{keys}, then Ctrl+Q")
            check(app.process.returncode == 0, "it ended with an error")


# What the runtimes of OpenCL take, to be told which devices there are, and nothing else.
RUNTIMES = """
import ctypes

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

before = resident()
opencl = ctypes.CDLL("libOpenCL.so.1")
count = ctypes.c_uint()
opencl.clGetPlatformIDs(0, None, ctypes.byref(count))
platforms = (ctypes.c_void_p * count.value)()
opencl.clGetPlatformIDs(count.value, platforms, None)
for platform in platforms:
    opencl.clGetDeviceIDs(ctypes.c_void_p(platform), ctypes.c_ulong(0xFFFFFFFF), 0, None,
                          ctypes.byref(count))
print(resident() - before)
"""


@test
def an_idle_application_is_small(folder):
    """With all pages seen, at most 150 MB beyond what the runtimes take."""
    if not os.path.exists("/proc/self/statm"):
        raise Skip("this system does not tell what a process has in memory")
    page = os.sysconf("SC_PAGE_SIZE")
    runtimes = int(subprocess.run([sys.executable, "-c", RUNTIMES], stdout=subprocess.PIPE,
                                  check=True).stdout) * page
    with Explorer(folder) as app:
        with open(f"/proc/{app.process.pid}/maps") as file:
            if "libasan" in file.read():
                raise Skip("a sanitizer takes memory of its own")
        for title in PAGES:
            app.page(title)
        app.page("Train")
        with open(f"/proc/{app.process.pid}/statm") as file:
            taken = int(file.read().split()[1]) * page - runtimes
        print(f"# {taken / 1e6:.0f} MB beyond {runtimes / 1e6:.0f} MB of the runtimes", flush=True)
        check(taken < 150e6, f"it takes {taken / 1e6:.0f} MB")


main()
