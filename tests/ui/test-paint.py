# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The page of painting: from two pictures to a third, with small networks of our own making."""
import os
import re
import struct
import subprocess
import time

import explorer
from display import Clipboard
from explorer import (SLOWNESS, Explorer, check, check_stalls, install, main, networks, test,
                      too_slow, write)

PAGE = {"page": "'paint'"}
COMPILING = 240  # seconds: kernels that no run has compiled yet, on a busy machine
STEP = re.compile(r"^Step (\d+) of (\d+)$")


def negative():
    """A network that paints: what was white is black."""
    weights = [networks.tensor("w", [3, 3, 1, 1], [-1, 0, 0, 0, -1, 0, 0, 0, -1]),
               networks.tensor("b", [3], [1, 1, 1])]
    return networks.model([networks.node("Conv", ["x", "w", "b"], ["y"])],
                          [networks.port("x", [1, 3, None, None])],
                          [networks.port("y", [1, 3, None, None])], weights)


def step(app):
    """How many steps the picture has had that is shown."""
    found = app.find_all("label", STEP)
    return int(STEP.match(found[0].name)[1]) if found else 0


def stands(app):
    """The step, if it stays the same for a while."""
    before = step(app)
    time.sleep(1)
    return before if step(app) == before else 0


def begin(app):
    app.find("push button", "Paint").click()
    app.wait(lambda: step(app) > 5, COMPILING, "steps")


def end(app):
    app.find("push button", "Cancel").click()
    app.find("label", "Cancelled", 60)  # kernels of the next size may be compiled just now


def save(app, path):
    app.key("Ctrl+s")
    app.find("push button", re.compile("^_Save"), seconds=10)
    time.sleep(0.5)  # the name is selected once it is shown
    app.key("Ctrl+a")
    app.write(path)
    app.key("Enter")
    app.wait(lambda: os.path.exists(path), text="the file")
    app.find("label", f"Saved as “{os.path.basename(path)}”")


def note(path):
    """What a painted picture says of itself."""
    with open(path, "rb") as file:
        return file.read().decode("latin-1")


@test
def paints_and_goes_on(folder):
    install(folder)
    painted = os.path.join(folder, "painted.png")
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs .*[GM]B"), COMPILING)
        begin(app)
        app.find("slider", "Style weight").value = 2
        before = step(app)
        app.wait(lambda: step(app) > before + 5, text="steps with another weight")
        app.find("label", "4")  # two octaves above 1
        app.find(None, "Step 5").act()
        app.find("slider", "Compare").value = 0.25
        app.find("slider", "relu_one")
        end(app)
        reached = step(app)
        save(app, painted)
    text = note(painted)
    check("style-weight=4" in text, "the weight is not in the file")
    check(re.search(r"moves=\d+ style-weight 1 4", text), "the movement is not in the file")
    check("kolinsky style" in text, "the command is not in the file")
    samples = set(re.findall(r"/[^ \0'=,]*/samples/[a-z]+\.png", text))
    check("resource:" not in text and len(samples) == 2 and all(map(os.path.isfile, samples)),
          f"the command names {samples}, which must be files")
    with Explorer(folder, painted) as app:
        app.find("label", f"Step {reached}")
        check(abs(app.find("slider", "Style weight").value - 2) < 1e-6, "the weight was not read")
        app.find("push button", "Go On").click()
        app.wait(lambda: step(app) > reached, text="more steps")
        end(app)


@test
def pauses_and_takes_back(folder):
    install(folder)
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs"), COMPILING)
        begin(app)
        app.find("push button", "Pause").act()
        app.find("label", "Paused")
        stood = app.wait(lambda: stands(app), text="that it stands")
        app.find("slider", "Content weight").value = 1
        app.key("Ctrl+z")
        app.wait(lambda: app.find("slider", "Content weight").value == 0, text="the move taken back")
        app.key("Ctrl+Shift+z")
        app.wait(lambda: app.find("slider", "Content weight").value == 1, text="the move again")
        app.find("push button", "Remove strokes.png").click()
        app.gone("push button", "Remove strokes.png")
        app.key("Ctrl+z")
        app.find("push button", "Remove strokes.png")
        app.find("push button", "Pause").act()
        app.wait(lambda: step(app) > stood, text="more steps")
        end(app)


def optimizer(app):
    """The one that is chosen."""
    return app.find("combo box", "Optimizer").find("label", re.compile("^(Adam|L-BFGS)$")).name


def choose_lbfgs(app):
    app.press(app.find("combo box", "Optimizer"))
    app.find("label", "L-BFGS")
    app.key("Down")
    app.key("Enter")
    app.wait(lambda: optimizer(app) == "L-BFGS", text="L-BFGS")


@test
def paints_by_lbfgs(folder):
    """Its history is lost where a weight is moved, which is said; the file has the optimizer."""
    install(folder)
    painted = os.path.join(folder, "painted.png")
    anew = re.compile("L-BFGS begins anew from here$")
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs .*\nAbout"), COMPILING)
        needs = app.find("label", re.compile("^Needs")).name.split("\n")[0]
        app.find("label", "At each size")
        choose_lbfgs(app)
        app.find("label", "Evaluations per size")
        app.wait(lambda: app.find_all("label", re.compile(r"^Needs .*\nAbout"))
                 and not app.has("label", re.compile("^" + re.escape(needs))), COMPILING, "another need")
        app.key("Ctrl+z")
        app.wait(lambda: optimizer(app) == "Adam", text="the choice taken back")
        app.key("Ctrl+Shift+z")
        app.wait(lambda: optimizer(app) == "L-BFGS", text="the choice again")
        begin(app)
        check(not app.has("label", anew), "it begins anew though nothing was changed")
        app.find("slider", "Style weight").value = 2
        app.find("label", anew, COMPILING)
        app.find("push button", "Cancel")  # it goes on
        end(app)
        save(app, painted)
    text = note(painted)
    check("optimizer=lbfgs" in text and "--optimizer lbfgs" in text, "the optimizer is not in the file")
    with Explorer(folder, painted) as app:
        app.wait(lambda: optimizer(app) == "L-BFGS", text="L-BFGS, which the file names")
    again = os.path.join(folder, "again.png")
    subprocess.run([explorer.COMMAND, "style", "--like", painted, "--size", "48", "--steps", "2",
                    "-o", again], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "XDG_DATA_HOME": os.path.join(folder, "data")})
    check("optimizer=lbfgs" in note(again), "the command does not paint by L-BFGS")


@test
def another_optimizer_midway(folder):
    """It takes over at the next step, from the picture as it is."""
    install(folder)
    painted = os.path.join(folder, "painted.png")
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs"), COMPILING)
        begin(app)
        choose_lbfgs(app)
        before = step(app)
        app.wait(lambda: step(app) > before + 5, COMPILING, "steps by the other")
        end(app)
        save(app, painted)
    text = note(painted)
    check(re.search(r"moves=\d+ optimizer adam lbfgs", text), "the choice is not among the moves")
    check("optimizer=lbfgs" in text, "the optimizer is not in the file")


@test
def a_style_where_it_is_wanted(folder):
    """A stroke over the content says where; the file keeps it."""
    install(folder)
    painted = os.path.join(folder, "painted.png")
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs"), COMPILING)
        app.find("push button", "Masks of strokes.png").act()
        app.find("label", re.compile("^Paint where strokes.png"))
        x, y, width, height = app.find(None, "Pages").area
        x0, y0 = (x + width + app.find("slider", "Style weight").area[0]) // 2, 250
        app.display.drag([(x0 - 60, y0), (x0, y0 + 10), (x0 + 60, y0)])
        app.find("push button", "Finish").click()
        begin(app)
        end(app)
        save(app, painted)
    region = re.search(r"region=(\S+?\.png);", note(painted))
    check(region and os.path.exists(region[1]), "the region is not in the file")
    with Explorer(folder, painted) as app:
        app.find("push button", "Go On").click()
        app.wait(lambda: app.has("push button", "Cancel"), text="that it goes on")
        end(app)


def rows(app):
    """The styles, in their order."""
    return [row.name for row in app.find("list", "Styles").find_all("list item", re.compile("^Style"))]


@test
def styles_come_back(folder):
    """With the masks that were painted, and in their order; the brush says whether it erases."""
    install(folder)
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs"), COMPILING)
        app.find("push button", "Masks of strokes.png").act()
        canvas = app.find("image", re.compile("^Paint where strokes.png"))
        x, y = canvas.middle
        app.display.drag([(x - 60, y), (x + 60, y)])
        painted = app.display.pixels((x - 80, y - 10, 160, 20))
        app.press(app.find("push button", "Erase"))
        app.display.drag([(x - 80, y), (x + 80, y)])
        app.display.move(x, y + 200)
        app.wait(lambda: app.display.pixels((x - 80, y - 10, 160, 20)) != painted, text="no stroke")
        app.key("b")
        app.wait(lambda: app.find("push button", "Mark").checked, text="that it marks again")
        app.display.drag([(x - 60, y), (x + 60, y)])
        app.click("push button", "Finish")
        masked = "It is wanted where it was painted; change that"
        app.wait(lambda: app.find("push button", "Masks of strokes.png").description == masked)
        app.click("push button", "Add a style")
        app.find("push button", re.compile("^_Open"), seconds=10)
        time.sleep(0.5)
        app.write(write(folder, "dots.png", networks.png(200, 40, 60, 40, 30)))
        app.key("Enter")
        both = ["Style strokes.png", "Style dots.png"]
        app.wait(lambda: rows(app) == both, text="two styles")
        app.find("label", "strokes.png and 1 other")
        app.press(app.find("push button", "Sample: Mosaic"))
        app.wait(lambda: rows(app) == ["Style mosaic.png"], text="one style")
        app.key("Ctrl+z")
        app.wait(lambda: rows(app) == both, text="both styles again")
        check(app.find("push button", "Masks of strokes.png").description == masked, "no mask")
        app.click("push button", "Remove strokes.png")
        app.wait(lambda: rows(app) == both[1:], text="one style")
        app.key("Ctrl+z")
        app.wait(lambda: rows(app) == both, text="both styles, in their order")


@test
def the_wheel_reaches_all_moments(folder):
    install(folder)
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs .*\nAbout"), COMPILING)
        app.find("spin button", "Steps").value = 40
        app.click("push button", "Paint")
        app.find("label", "Done", COMPILING)
        strip = app.find("panel", "Moments")
        newest, first = app.find(None, "Step 40"), app.find(None, "Step 0")
        x, y, width, height = strip.area
        app.wait(lambda: newest.area[0] + newest.area[2] <= x + width, text="the newest one, whole")
        check(first.area[0] < x, "all are in sight anyway")
        app.display.move(x + width // 2, y + height // 2)
        app.display.scroll(-30)
        app.wait(lambda: first.area[0] >= x, text="the first one")
        app.press(first)
        app.find("slider", "Compare")


def part_of(path):
    found = re.search(r"part=(\S+?\.png);", note(path))
    return found and found[1]


@test
def a_part_of_a_style(folder):
    """A stroke over the style's own picture says what is taken of it, also while it is painted."""
    install(folder)
    painted, unmasked = os.path.join(folder, "painted.png"), os.path.join(folder, "unmasked.png")
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs"), COMPILING)
        begin(app)
        app.find("push button", "Masks of strokes.png").act()
        app.find("label", re.compile("^Paint where strokes.png"))
        app.find("push button", "On Style").act()
        app.find("label", re.compile("^Paint what is taken of strokes.png"))
        x, y, width, height = app.find(None, "Pages").area
        x0, y0 = (x + width + app.find("slider", "Style weight").area[0]) // 2, 250
        app.display.drag([(x0 - 60, y0), (x0, y0 + 10), (x0 + 60, y0)])
        app.find("push button", "Finish").click()
        stood = step(app)
        app.wait(lambda: step(app) > stood, text="more steps")
        end(app)
        save(app, painted)
        app.key("Ctrl+z")
        app.find("push button", "Go On").click()
        app.wait(lambda: app.has("push button", "Cancel"), text="that it goes on")
        end(app)
        save(app, unmasked)
    check(part_of(painted) and os.path.exists(part_of(painted)), "the part is not in the file")
    with Explorer(folder, painted) as app:
        app.find("push button", "Go On").click()
        app.wait(lambda: app.has("push button", "Cancel"), text="that it goes on")
        end(app)
        again = os.path.join(folder, "again.png")
        save(app, again)
    check(part_of(again) == part_of(painted), "the part is lost")
    check(not part_of(unmasked), "the stroke was not undone")


@test
def too_large(folder):
    """What does not fit is said before, with a size that does."""
    install(folder)
    with Explorer(folder, settings=PAGE, environment={"KOLINSKY_MEMORY": "8M"}) as app:
        fit = app.find("push button", re.compile(r"^Use \d+ px \(fits\)$"), COMPILING)
        check(not app.find("push button", "Paint").sensitive, "it would begin all the same")
        size = re.search(r"\d+", fit.name)[0]
        app.find("label", re.compile(f"more memory than there is on the device.* {size} pixels fit"))
        fit.click()
        app.find("label", f"{size} px")
        app.find("label", re.compile("^Needs .*\nAbout"), COMPILING)
        check(app.find("push button", "Paint").sensitive, "it may not begin")


@test
def paints_in_one_pass(folder):
    install(folder)
    write(folder, "data/kolinsky/styles/negative.onnx", negative())
    with Explorer(folder, settings=PAGE) as app:
        app.find("push button", "Paint with negative").click()
        app.find("label", "Painted in one pass", COMPILING)
        line = app.find("slider", "Compare")
        picture = app.find("panel", "Painted in one pass")
        app.press(picture)
        for end_of_line in (0, 1) if line.value >= 0.5 else (1, 0):
            app.key("Tab")  # shows the other picture, as the picture was clicked
            app.wait(lambda: line.value == end_of_line, text=f"the line at {end_of_line}")
        app.key("Shift+Tab")
        app.key("Tab")
        app.wait(lambda: picture.is_("focused"), text="the focus back")
        app.key("Tab")  # goes on, as it came with Tab
        app.wait(lambda: not picture.is_("focused"), text="the focus elsewhere")
        check(line.value == end_of_line, "Tab has moved the line")


@test
def paints_a_folder_in_one_pass(folder):
    install(folder)
    write(folder, "data/kolinsky/styles/negative.onnx", negative())
    for i in range(3):
        write(folder, f"photos/{i}.png", networks.png(200, 40, 60, 40 + i, 30))
    with Explorer(folder, settings=PAGE) as app:
        app.find("push button", "Paint with negative").click()
        app.find("label", "Painted in one pass", COMPILING)
        # Files that are given to a second instance are opened by the first.
        subprocess.run([explorer.APPLICATION, os.path.join(folder, "photos")], env=app.environment,
                       check=True)
        app.find("label", re.compile("^3 pictures are in"))
    made = os.listdir(os.path.join(folder, "photos-negative"))
    check(sorted(made) == ["0.png", "1.png", "2.png"], str(made))


@test
def what_paints_in_one_pass_needs_no_pointer(folder):
    """The menu adds a network, and has it paint a folder."""
    def choose(item, button, path):
        # Its name is that of a widget around the button, too, which has no action.
        app.find("push button", more).find_all("push button", more)[-1].click()
        app.find("menu item", item).act()
        app.find("push button", re.compile(button), seconds=10)
        time.sleep(0.5)
        app.write(path)
        app.key("Enter")
        app.gone("push button", re.compile(button))

    more = "Paint a folder, or add a network"
    install(folder)
    network = write(folder, "negative.onnx", negative())
    for i in range(2):
        write(folder, f"photos/{i}.png", networks.png(200, 40, 60, 40 + i, 30))
    with Explorer(folder, settings=PAGE) as app:
        choose(re.compile("^_?Add a Network"), "^_Open", network)
        app.find("push button", "Paint with negative")
        choose(re.compile("^_?Add a Network"), "^_Open",
               write(folder, "classes.onnx", networks.colours()))
        app.find("label", re.compile("classes.onnx.* does not paint"))
        check(not app.has("push button", "Paint with classes"), "it was taken all the same")
        choose(re.compile("^Paint a _?Folder"), "^_Paint", os.path.join(folder, "photos"))
        app.find("label", re.compile("^2 pictures are in"), COMPILING)
    check(len(os.listdir(os.path.join(folder, "photos-negative"))) == 2, "they are not there")


@test
def learns_to_paint(folder):
    """A network learns from a few photos, as a run that one can watch, and paints what is on the
    easel."""
    install(folder)
    for i in range(4):
        write(folder, f"photos/{i}.png", networks.png(200, 40 * i, 60, 40, 40))
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", re.compile("^Needs .*\nAbout"), COMPILING)
        app.press(app.find("push button", "Train New…"))
        app.find("spin button", "Steps").value = 3
        app.find("spin button", re.compile("^Pixels")).value = 32
        app.find("push button", re.compile("^Choose Photos")).click()
        app.find("push button", re.compile("^_Train"), seconds=10)
        time.sleep(0.5)
        app.write(os.path.join(folder, "photos"))
        app.key("Enter")
        app.find("push button", "Paint with strokes", 300)
        app.find("label", "Painted in one pass", COMPILING)
        app.page("Train")
        app.find("list item", re.compile("^strokes"))  # among the runs
        app.find("label", re.compile("^step 3 "))  # its curve has them all
    check(os.path.exists(os.path.join(folder, "data/kolinsky/styles/strokes.safetensors")),
          "nothing was saved")


@test
def pastes_a_picture(folder):
    """What was copied elsewhere is painted, or is the style where the style has the focus; a file
    of it stays."""
    install(folder)
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", "hills.png")
        clipboard = Clipboard("image/png", networks.png(200, 40, 60, 90, 60))
        app.find("label", re.compile("^Needs"), COMPILING)
        app.key("Ctrl+v")
        app.find("label", "90 × 60 pixels")
        app.press(app.find("push button", "Sample: Mosaic"))  # it has the focus then
        app.find("push button", "Remove mosaic.png")
        app.key("Ctrl+v")
        app.find("push button", "Remove Pasted picture")
        check(not app.has("push button", "Remove mosaic.png"), "both are styles")
        clipboard.close()
    check(len(os.listdir(os.path.join(folder, "data/kolinsky/pasted"))) == 1, "it was not kept")


@test
def no_network(folder):
    with Explorer(folder, settings=PAGE) as app:
        app.find("label", "No network to look through")
        app.find("push button", re.compile("^Get SqueezeNet"))
        check(not app.find("push button", "Paint").sensitive, "it would paint with nothing")


@test
def a_photo_is_painted_in_tiles(folder):
    """In too little memory for the whole it is painted to its end, as was said before; saved, it
    has its own size."""
    install(folder)
    photo = write(folder, "photo.png", networks.png(120, 90, 60, 720, 540))
    painted = os.path.join(folder, "painted.png")
    with Explorer(folder, photo, settings=PAGE, environment={"KOLINSKY_MEMORY": "50M"}) as app:
        app.find("label", "720 × 540 pixels")
        app.find("label", re.compile("^Needs"), COMPILING)
        app.find("spin button", "Steps").value = 1
        app.press(app.find("combo box", "Size"))
        app.find("label", "720 px")
        app.key("End")
        app.key("Enter")
        app.find("label", re.compile(r"^Needs .*MB in \d+ tiles"), COMPILING)
        app.find("push button", "Paint").click()
        app.find("label", "Done", COMPILING)
        save(app, painted)
    with open(painted, "rb") as file:
        check(struct.unpack(">II", file.read(24)[16:]) == (720, 540), "it has another size")


@test
def closing_does_not_wait_for_kernels(folder):
    """On empty caches what painting needs takes a while to be found; meanwhile one leaves."""
    install(folder)
    cache = os.path.join(folder, "no-kernels-yet")
    with Explorer(folder, settings=PAGE,
                  environment={"KOLINSKY_CACHE": cache, "POCL_CACHE_DIR": cache}) as app:
        app.find("label", re.compile(r"^Needs .*[GM]B\nReckoning the time"), COMPILING)
        app.click("push button", "Paint")
        app.wait(lambda: any(files for _, _, files in os.walk(cache)), text="a kernel")
        check(not step(app), "all kernels are there")
        took = app.hide()
        app.close()
    if took > SLOWNESS:
        too_slow(f"the window went after {took:.1f} s")


@test
def a_large_photo_is_planned(folder):
    """At its full size it fits into little memory, in tiles."""
    install(folder)
    photo = write(folder, "large.png", networks.png(120, 90, 60, 4000, 3000))
    with Explorer(folder, settings=PAGE, environment={"KOLINSKY_MEMORY": "1500M"}) as app:
        app.find("label", re.compile("^Needs .*\nAbout"), COMPILING)
        begun = time.monotonic() - app.started
        subprocess.run([explorer.APPLICATION, photo], env=app.environment, check=True)
        app.find("label", "4000 × 3000 pixels")
        app.find("label", re.compile("^Needs .*\nAbout"), COMPILING)
        app.press(app.find("combo box", "Size"))
        app.find("label", "4000 px")
        app.key("End")
        app.key("Enter")
        app.find("label", re.compile(r"^Needs .*[GM]B in \d+ tiles"), 120)
        app.find("label", re.compile(r"^Needs .* tiles\nAbout"), 120)
        ended = time.monotonic() - app.started
        report = app.close()
    check_stalls(report, begun, ended)


main()
