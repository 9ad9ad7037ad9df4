# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Watching and steering a network that learns."""
import csv
import fcntl
import glob
import math
import os
import re
import shutil
import struct
import subprocess
import time

from explorer import (SLOWNESS, Explorer, Skip, check, check_stalls, main, small_data, test,
                      too_slow)


def explorer(folder, *files, **more):
    """The application with a small data set, on which it begins to train."""
    data = small_data(os.path.join(folder, "examples"))
    return Explorer(folder, *files, train=True, environment={"KOLINSKY_DATA": data}, **more)


def step_of(app):
    """The step that the sidebar tells; 0 before the first."""
    for label in app.find_all("label", re.compile(r"^step [0-9]+( · [0-9.]+ %)?$")):
        return int(re.search("[0-9]+", label.name).group())
    return 0


def wait_for_step(app, step):
    app.wait(lambda: step_of(app) >= step, seconds=120, text=f"step {step}")


def timeline(app, pattern):
    """Rows of the timeline, by what they say: "1e-4 > 3e-4, step 123"."""
    return app.find("list", "Timeline").find_all(None, re.compile(pattern))


def happenings(app):
    """The timeline without checkpoints."""
    return sorted(row.name for row in timeline(app, "^(?!Checkpoint |Before ).*, step [0-9]+$"))


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def pause(app):
    app.click("push button", "Pause")
    app.find("push button", "Resume")


def turn(app, rate):
    """A turn ends, and can be undone, when the dial has not been moved for a while."""
    app.find("slider", "Learning rate").value = math.log10(rate)
    time.sleep(1.5)


def rate_of(app):
    return 10 ** app.find("slider", "Learning rate").value


def run_rows(app):
    """What the list of runs says of each: (state, step)."""
    said = [re.match("([a-z]+) · ([0-9]+) · ", label.name)
            for label in app.find("list", "Runs").find_all("label", re.compile("^[a-z]+ · [0-9]"))]
    return [(row[1], int(row[2])) for row in said]


def states(app):
    return [state for state, _ in run_rows(app)]


def steps(app):
    return [step for _, step in run_rows(app)]


def type_into(app, entry, text):
    app.press(entry)
    app.key("Ctrl+a")
    app.write(text)
    app.key("Enter")


def is_written(path):
    size = os.path.exists(path) and os.path.getsize(path)
    time.sleep(0.3)
    return size and size == os.path.getsize(path)


def save_chart(app, path):
    """Saves the loss chart as what the path's ending says; returns when that was begun."""
    app.key("Ctrl+e")
    app.find("push button", re.compile("^_Save"), seconds=10)
    time.sleep(0.5)
    app.key("Ctrl+a")
    app.write(path)
    begun = time.monotonic()
    app.key("Enter")
    app.wait(lambda: is_written(path), text=path)
    return begun


@test
def the_first_start_trains(folder):
    with explorer(folder) as app:
        wait_for_step(app, 20)
        app.wait(lambda: app.has("label", re.compile("[0-9] examples/s")))
        app.find("label", re.compile("^step [0-9]+ · [0-9.]+ %$"))


@test
def the_dial_acts_and_leaves_a_mark(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        turn(app, 3e-4)
        app.wait(lambda: timeline(app, "^1e-4 > 3e-4, step [0-9]+$"))
        check(math.isclose(rate_of(app), 3e-4), f"the dial is at {rate_of(app)}")
        app.key("F10")
        app.find("menu item", "Undo: learning rate 1e-4 > 3e-4")
        app.key("Esc")
        app.gone("menu item", "Redo")
        app.key("Ctrl+z")  # undoing is a mark, too
        app.wait(lambda: timeline(app, "^schedule again, step [0-9]+$"))
        app.wait(lambda: math.isclose(rate_of(app), 1e-4))
        app.key("F10")
        app.find("menu item", "Redo: learning rate 1e-4 > 3e-4")
        check(app.has("menu item", "Undo"), "there is something else to undo")


@test
def turns_under_way_are_undone(folder):
    """Without a wait for the end of the gesture, which is when no other value has come for a while."""
    with explorer(folder) as app:
        wait_for_step(app, 5)
        app.find("slider", "Learning rate").value = -3
        app.key("Ctrl+z")
        app.wait(lambda: math.isclose(rate_of(app), 1e-4))
        batch = app.find("spin button", "Batch")
        batch.value = 20
        app.key("Ctrl+z")
        app.wait(lambda: batch.value == 50)
        app.key("Ctrl+Shift+z")
        app.wait(lambda: batch.value == 20)


@test
def a_drag_is_one_mark(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        x, y, width, height = app.find("slider", "Learning rate").area
        place = x + width // 3
        app.display.drag([(place + 6 * i, y + height // 3) for i in range(14)], 2)
        app.wait(lambda: timeline(app, "^1e-4 > [0-9.e-]+, step"))
        time.sleep(1)
        rows = [row.name for row in timeline(app, " > .*, step")]
        check(len(rows) == 1, f"its marks are {rows}")
        rows = [row.name for row in timeline(app, "^Checkpoint.*, step")]
        check(len(rows) == 1, f"before it there are {rows}")
        app.key("Ctrl+z")
        app.wait(lambda: math.isclose(rate_of(app), 1e-4))
        app.close()
    with explorer(folder) as app:
        app.find("push button", "Resume", seconds=60)
        app.wait(lambda: timeline(app, "^Checkpoint"), 60, "that it is opened")
        rows = [row.name for row in timeline(app, " > .*, step")]
        check(len(rows) == 1, f"its marks are {rows} when it is resumed")


@test
def keys_turn_the_dial(folder):
    with explorer(folder) as app:
        app.wait(lambda: app.find("text", "Learning rate, as a number").sensitive, 60)
        app.press(app.find("text", "Learning rate, as a number"))
        app.key("Escape")  # to the scale
        for key, rate in (("Right", 2e-4), ("PageUp", 2e-3), ("Shift+Right", 2.02e-3),
                          ("Shift+Left", 1.9998e-3), ("Left", 1e-3)):
            app.key(key)
            app.wait(lambda: math.isclose(rate_of(app), rate, rel_tol=1e-3), text=f"{key}: {rate}")


@test
def a_schedule_goes_on_below_the_dial(folder):
    with explorer(folder, settings={"recipe": "'mlp'"}) as app:
        wait_for_step(app, 20)
        before = rate_of(app)
        turn(app, before / 2)
        app.find("push button", re.compile(r"^schedule × 0\.(49|5|50)"))
        app.wait(lambda: timeline(app, r"^schedule × 1 > 0\.(49|5|50)"))
        app.key("Ctrl+z")
        app.gone("push button", re.compile("^schedule × "))
        app.wait(lambda: timeline(app, r"^schedule × 0\.[0-9]+ > 1"))


@test
def a_number_is_typed(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        entry = app.find("text", "Learning rate, as a number")
        type_into(app, entry, "nonsense")
        type_into(app, entry, "x0.5")
        app.wait(lambda: timeline(app, "^1e-4 > 5e-5, step"))
        check({row.name.split(",")[0] for row in timeline(app, " > ")} == {"1e-4 > 5e-5"},
              "nonsense has turned something")


@test
def typing_is_not_disturbed(folder):
    """By the numbers that come in while the run learns; what is left behind holds, or is put right."""
    with explorer(folder) as app:
        wait_for_step(app, 5)
        x, y, width, height = app.find("spin button", "Batch").area
        app.display.press(x + 20, y + height // 2)  # in the number, not on a button beside it
        app.key("Ctrl+a")
        for digit in "25":
            app.write(digit)
            now = step_of(app)
            app.wait(lambda: step_of(app) > now, text="news of the run")
            time.sleep(1)
        app.key("Enter")
        app.wait(lambda: timeline(app, "^batch 50 > 25, step"))

        entry = app.find("text", "Learning rate, as a number")
        for typed, shown in ("3e-4", "3e-4"), ("nonsense", "3e-4"):
            app.press(entry)
            app.key("Ctrl+a")
            app.write(typed)
            app.key("Tab")
            app.wait(lambda: entry.text == shown, text=f"{typed}, left, to be {shown}")
            app.wait(lambda: math.isclose(rate_of(app), 3e-4))
        app.wait(lambda: timeline(app, "^1e-4 > 3e-4, step"))


@test
def a_run_that_is_stopped_goes_on_in_its_row(folder):
    with explorer(folder) as app:
        wait_for_step(app, 20)
        app.click("push button", "Stop and save")
        app.wait(lambda: states(app) == ["stopped"])
        before = steps(app)[0]
        app.click("page tab", "Activations")
        app.find("label", "The run has stopped")
        app.click("push button", "Resume")
        wait_for_step(app, before + 10)
        check(timeline(app, "^Before the first step, step 0$"), "what was there to go back to is gone")
        app.click("page tab", "Batch")
        app.wait(lambda: any(int(label.name.split()[1]) > before for label in
                             app.find_all("label", re.compile("^Step [0-9]+ ·"))),
                 text="a batch of the new trainer")
        check(states(app) == ["learning"], f"the rows are {run_rows(app)}")
        check(app.has("label", "digits, run 1"), "it has another name")
        app.key("Ctrl+j")
        app.find("label", re.compile("^run 1"))
        check(len(app.find_all("push button", "Cancel")) <= 1, "there is more than one job")


@test
def what_was_taken_back_stays_so(folder):
    """A branch that was undone is no row at the next start, and what is deleted is no job."""
    runs = os.path.join(folder, "data", "kolinsky", "runs")
    with explorer(folder) as app:
        wait_for_step(app, 110)
        app.press(timeline(app, "^Checkpoint .*step 100$")[0])
        app.click("push button", "Branch From Here")
        app.wait(lambda: app.has("label", "digits, run 2"))
        wait_for_step(app, 105)
        app.key("Ctrl+z")
        app.gone("check box", "Show run 2 in the charts")
        check(len(os.listdir(runs)) == 2, "what can be brought back is gone")
        app.key("Ctrl+j")
        app.find("label", re.compile("^run 1"))
        check(not app.has("label", "run 2"), "it is a job still")
        app.close()
    check(len(os.listdir(runs)) == 1, f"{os.listdir(runs)} are left")


@test
def the_dial_stays_under_the_pointer(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        area = app.find("slider", "Learning rate").area
        turn(app, 1e-2)
        app.find("push button", "set by hand")
        now = app.find("slider", "Learning rate").area
        check(now == area, f"it was at {area}, and is at {now}")


@test
def two_presses_bring_the_usual_rate_back(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        turn(app, 1e-2)
        app.wait(lambda: math.isclose(rate_of(app), 1e-2))
        x, y = app.find("slider", "Learning rate").middle
        app.display.press(x, y)
        app.display.press(x, y)
        app.wait(lambda: math.isclose(rate_of(app), 1e-4))


@test
def a_run_is_saved_at_once(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        app.key("Ctrl+s")
        said = app.find("label", re.compile("^Saved at step [0-9]+$"))
        step = int(said.name.split()[-1])
        check(any(re.search(f"/step-0*{step}$", path) for path, _, _ in os.walk(folder)),
              f"there is no checkpoint of step {step}")


@test
def it_pauses_and_takes_single_steps(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        pause(app)
        before = step_of(app)
        app.click("push button", "One step")
        app.wait(lambda: step_of(app) == before + 1)
        app.click("push button", "Resume")
        wait_for_step(app, before + 10)


@test
def the_timeline_shows_what_happened_last(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        for rate in [5e-4, 2e-4] * 4 + [1e-3]:
            turn(app, rate)
        newest = app.wait(lambda: timeline(app, "^2e-4 > 1e-3, step"), text="the mark")[0]
        x, y, width, height = app.find("list", "Timeline").parent.area
        app.wait(lambda: y - 1 <= newest.area[1] < y + height, 5, f"that it is between {y} and {y + height}")


@test
def a_branch_begins_at_a_checkpoint(folder):
    with explorer(folder) as app:
        wait_for_step(app, 110)
        app.press(timeline(app, "^Checkpoint .*step 100$")[0])
        app.find("label", re.compile("^Step 100 · loss"))
        pin = app.find("push button", "Pin")
        pin.act()
        app.wait(lambda: pin.checked, text="that it is pinned")
        app.key("Ctrl+z")
        app.wait(lambda: not pin.checked, text="the pin taken back")
        app.click("push button", "Branch From Here")
        app.wait(lambda: app.has("label", "digits, run 2"))
        app.wait(lambda: app.find("list", "Runs").has(None, "run 2"))
        wait_for_step(app, 120)
        check(app.has("check box", "Show run 1 in the charts"))
        app.wait(lambda: states(app) == ["paused", "learning"], text="that run 1 pauses")
        app.key("Ctrl+z")
        app.gone("label", re.compile("^run 2 branched at step"), 2)  # its button would undo something else
        app.gone("check box", "Show run 2 in the charts")
        app.wait(lambda: states(app) == ["learning"], text="that run 1 goes on")
        app.key("Ctrl+Shift+z")
        app.wait(lambda: states(app) == ["paused", "learning"], text="that run 2 goes on")


@test
def escape_leaves_a_checkpoint(folder):
    """The future is not dimmed any more; a run that was gone back to shows its batch."""
    with explorer(folder) as app:
        wait_for_step(app, 110)
        pause(app)
        app.press(timeline(app, "^Checkpoint .*step 100$")[0])
        app.find("label", re.compile("^Step 100"))
        back = app.find("push button", "Back")
        check(back.sensitive, "there is no way back")
        app.key("Escape")
        app.wait(lambda: not back.sensitive, text="the end of the run")
        app.press(timeline(app, "^Checkpoint .*step 100$")[0])
        app.click("push button", "Branch From Here")
        app.wait(lambda: app.has("label", "digits, run 2"))
        wait_for_step(app, 105)
        pause(app)
        app.press(app.find("list", "Runs").find("list item", "run 1"))
        app.wait(lambda: app.has("label", "digits, run 1"))
        app.find("label", re.compile("^Step 1[0-9]+ · [0-9]+ of [0-9]+ right"), seconds=20)
        app.close()
    with explorer(folder) as app:
        app.find("push button", "Resume", seconds=60)
        app.find("label", re.compile("^Step 1[0-9]+ · [0-9]+ of [0-9]+ right"), seconds=60)


@test
def a_branch_and_its_parent_advance_by_equal_steps(folder):
    with explorer(folder) as app:
        wait_for_step(app, 110)
        app.press(timeline(app, "^Checkpoint .*step 100$")[0])
        app.click("push button", "Branch From Here")
        app.wait(lambda: states(app) == ["paused", "learning"], text="that run 1 pauses")
        stood = steps(app)
        app.wait(lambda: steps(app)[1] > stood[1] + 10, 60, text="that run 2 learns")
        check(steps(app)[0] == stood[0], f"run 1 goes on from {stood} to {steps(app)}")
        app.press(app.find("list", "Runs").find(None, "run 1"))
        app.wait(lambda: app.has("label", "digits, run 1"))
        app.click("push button", "Resume")
        app.wait(lambda: states(app) == ["learning", "learning"], text="that both learn")
        stood = steps(app)
        app.wait(lambda: steps(app)[0] > stood[0] + 40, 90, text="that run 1 learns")
        apart = [now - before for now, before in zip(steps(app), stood)]
        check(abs(apart[0] - apart[1]) < 20, f"they have taken {apart} steps")


def scroll_inspector(app):
    """To its end, where the runs are."""
    width, height = app.display.size
    app.display.move(width - 20, height // 2)  # its edge
    app.display.scroll(60)


def open_menu(app, run):
    """What can be done with a run; a popover opens only beside what is in sight."""
    scroll_inspector(app)
    app.find("push button", f"More about {run}").children[0].click()


@test
def a_run_is_renamed_removed_and_brought_back(folder):
    runs = os.path.join(folder, "data", "kolinsky", "runs")
    with explorer(folder) as app:
        wait_for_step(app, 5)
        pause(app)
        open_menu(app, "run 1")
        app.wait(lambda: app.find("text", "Name of the run").focused)
        app.key("Ctrl+a")
        app.write("first")
        app.key("Enter")
        app.find("check box", "Show first in the charts")
        app.find("push button", "first, validation")  # of the legend
        check(not app.has("push button", "run 1, validation"), "the legend has the old name, too")
        app.gone("text", "Name of the run")
        open_menu(app, "first")
        app.click("push button", re.compile("Delete$"))
        app.gone("check box", "Show first in the charts")
        app.key("Ctrl+z")
        app.find("check box", "Show first in the charts")
        check(app.has("label", "digits, first"), "it is not the run in sight again")
        app.close()
    check(len(os.listdir(runs)) == 1, f"{os.listdir(runs)} are left")
    with explorer(folder) as app:
        open_menu(app, "first")
        app.click("push button", re.compile("Delete$"))
        app.gone("check box", "Show first in the charts")
        check(len(os.listdir(runs)) == 1, "what can be brought back is gone")
        app.close()
    check(not os.listdir(runs), f"{os.listdir(runs)} are left")


@test
def rates_race(folder):
    with explorer(folder) as app:
        wait_for_step(app, 20)
        app.click("push button", "Race…")
        app.wait(lambda: app.find("text", "Rates").focused)
        label, entry = (app.find(role, "Rates").area for role in ("label", "text"))
        check(label[0] + label[2] <= entry[0], f"{label} lies over {entry}")
        app.key("Ctrl+a")
        app.write("1e-5")
        app.click("push button", "Start the Race")
        app.find("label", re.compile("^Give 2 to [0-9] rates"))
        app.find("text", "Rates").text = "1e-5 1e-3"
        app.find("spin button", "Steps").value = 20
        app.click("push button", "Start the Race")
        app.wait(lambda: app.has("label", re.compile("1e-3: loss .* after 20 steps · best")), 120)
        app.find("label", "The race is over: 1e-3 is ahead")
        app.click("push button", "Keep Best")
        app.gone("check box", "Show 1e-5 in the charts")
        app.wait(lambda: app.has("label", "digits, 1e-3"))
        app.key("Ctrl+z")
        app.find("check box", "Show 1e-5 in the charts")
        check(app.has("label", "digits, 1e-3"), "another run is in sight")
        app.key("Ctrl+Shift+z")
        app.gone("check box", "Show 1e-5 in the charts")
        app.key("Ctrl+j")  # of two jobs each shows its own run
        shows = app.wait(lambda: len(app.find_all("push button", "Show")) >= 2
                         and app.find_all("push button", "Show"))
        shows[-1].click()
        app.wait(lambda: app.has("label", "digits, run 1"))
        app.close()
    recorded = [path for path, _, names in os.walk(folder) if "run.ini" in names]
    check(len(recorded) == 2, f"lanes that are gone have records: {recorded}")


@test
def a_rate_is_looked_for(folder):
    with explorer(folder) as app:
        wait_for_step(app, 20)
        app.click("push button", "Find Rate…")
        app.wait(lambda: app.has("label", re.compile("^The loss falls fastest at")), 120)
        app.click("push button", re.compile("^Use [0-9]"))
        app.wait(lambda: timeline(app, "^1e-4 > .*, step"))
        app.key("Ctrl+z")
        app.wait(lambda: timeline(app, "^schedule again, step [0-9]+$"))


@test
def a_batch_that_is_too_large_is_refused(folder):
    with explorer(folder) as app:
        wait_for_step(app, 5)
        turn(app, 1e-3)
        app.wait(lambda: timeline(app, "^1e-4 > 1e-3, step"))
        app.find("spin button", "Batch").value = 60000
        app.find("label", re.compile("batch of at most"), seconds=60)
        app.wait(lambda: app.find("spin button", "Batch").value == 50)
        app.key("Ctrl+z")  # of what was refused nothing is left to undo: it is the dial's turn
        app.wait(lambda: timeline(app, "^schedule again, step"))
        check(not timeline(app, "^batch"), "the refused batch left a mark")
        before = step_of(app)
        wait_for_step(app, before + 5)
        app.find("spin button", "Batch").value = 20
        app.wait(lambda: timeline(app, "^batch 50 > 20, step"))
        app.find("spin button", "Dropout").value = 0.4
        app.wait(lambda: timeline(app, "^dropout 0.5 > 0.4, step"))


@test
def logs_are_compared(folder):
    log, other = os.path.join(folder, "before.csv"), os.path.join(folder, "other.csv")
    with open(log, "w") as file:
        file.write("step,loss,validation_loss\n")
        file.writelines(f"{step},{9 / step},{8 / step}\n" for step in range(1, 200001))
    with open(other, "w") as file:
        file.write("step,height\n1,2\n2,3\n")
    with explorer(folder, log) as app:  # read on a thread: the run learns meanwhile
        app.find("push button", "before.csv, loss", seconds=60)
        app.find("push button", "before.csv, validation_loss")
        app.key("Ctrl+z")
        app.gone("push button", "before.csv, loss")
        app.key("Ctrl+Shift+z")
        app.find("push button", "before.csv, loss")
        app.key("Ctrl+j")
        app.find("label", "Reading before.csv")
        app.key("Escape")
    with explorer(folder, other) as app:
        app.find("label", re.compile("has no curve of a loss or an accuracy"), seconds=60)


@test
def divergence_offers_a_way_back(folder):
    with explorer(folder) as app:
        wait_for_step(app, 110)
        type_into(app, app.find("text", "Learning rate, as a number"), "1e30")
        # Half of that would diverge again.
        app.find("push button", re.compile("^Rewind to [0-9]+ and Its Rate, 1e-4$"), seconds=60).click()
        app.wait(lambda: timeline(app, "^Went back to here, step"))
        app.gone("push button", re.compile("^Rewind to [0-9]+ "))
        wait_for_step(app, 115)
        check(math.isclose(rate_of(app), 1e-4), f"the rate is {rate_of(app)}")


@test
def going_back_is_taken_back(folder):
    way_back = re.compile("^Rewind to [0-9]+ ")
    with explorer(folder) as app:
        wait_for_step(app, 110)
        type_into(app, app.find("text", "Learning rate, as a number"), "1e30")
        app.find("push button", way_back, seconds=60)
        log = glob.glob(os.path.join(folder, "**", "timeline.csv"), recursive=True)[0]
        step, marks, rows = step_of(app), happenings(app), lines_of(log)
        app.find("push button", way_back).click()
        app.gone("push button", way_back)
        wait_for_step(app, step + 5)
        check(lines_of(log)[:len(rows)] != rows, "the log is still that of before")
        app.key("Ctrl+z")
        app.find("push button", way_back, seconds=60)
        app.wait(lambda: step_of(app) == step, text=f"step {step}")
        app.wait(lambda: happenings(app) == marks, text=f"{marks}")
        check(lines_of(log)[:len(rows)] == rows, f"the log is {lines_of(log)}, and was {rows}")
        app.key("Ctrl+Shift+z")
        app.gone("push button", way_back)
        wait_for_step(app, step + 5)
        check(math.isclose(rate_of(app), 1e-4), f"the rate is {rate_of(app)}")


@test
def divergence_at_once_leads_back_to_the_start(folder):
    with explorer(folder) as app:
        app.wait(lambda: app.find("text", "Learning rate, as a number").sensitive, 60)
        pause(app)
        type_into(app, app.find("text", "Learning rate, as a number"), "1e30")
        app.wait(lambda: timeline(app, "> 1e30, step"))
        app.click("push button", "Resume")
        app.find("push button", re.compile("^Rewind to [0-9]+ "), seconds=60).click()
        app.wait(lambda: timeline(app, "^Went back to here, step"))
        app.press(timeline(app, "^Before the first step, step 0$")[0])
        app.find("label", "Step 0")
        app.click("push button", "Branch From Here")
        app.wait(lambda: app.has("label", "digits, run 2"))
        wait_for_step(app, 10)


@test
def the_window_stays_alive(folder):
    with explorer(folder) as app:
        wait_for_step(app, 20)
        begun = time.monotonic() - app.started
        time.sleep(10)
        ended = time.monotonic() - app.started
        report = app.close()
    check_stalls(report, begun, ended)


@test
def a_long_curve_is_saved_beside_the_main_loop(folder):
    log, count = os.path.join(folder, "long.csv"), 1000000
    values = [7919 * step % 1000 / 8 for step in range(count)]
    with open(log, "w") as file:
        file.write("step,loss\n")
        file.writelines(f"{step},{value:g}\n" for step, value in enumerate(values))
    spans = []
    with explorer(folder, log) as app:
        app.find("push button", "long.csv, loss", seconds=90)
        wait_for_step(app, 5)
        pause(app)
        time.sleep(2)  # what is drawn of so many points is kept then
        for ending in "csv", "png", "svg":
            begun = save_chart(app, os.path.join(folder, f"loss.{ending}"))
            spans.append((begun - app.started, time.monotonic() - app.started))
        report = app.close()
    for begun, ended in spans:
        check_stalls(report, begun, ended)
    with open(os.path.join(folder, "loss.csv"), newline="") as file:
        table = csv.reader(file)
        column = next(table).index("long.csv, loss")
        saved = [(float(row[0]), float(row[column])) for row in table if row[column]]
    check(saved == list(enumerate(values)), f"{len(saved)} points are saved: {saved[:3]} …")


@test
def the_window_goes_at_once(folder):
    """What is learned is saved when it is away."""
    if not shutil.which("xdotool"):
        raise Skip("xdotool is not installed")
    windows = ["xdotool", "search", "--onlyvisible", "--name", "Kolinsky"]
    with explorer(folder) as app:
        wait_for_step(app, 20)
        check(subprocess.run(windows, stdout=subprocess.PIPE).stdout, "there is no window")
        begun = time.monotonic()
        app.key("Ctrl+q")
        app.wait(lambda: not subprocess.run(windows, stdout=subprocess.PIPE).stdout)
        took = time.monotonic() - begun
        app.close()
    print(f"# it went after {took:.2f} s", flush=True)
    if took > 0.3 * SLOWNESS:
        too_slow(f"the window was there for {took:.2f} s")


@test
def closing_does_not_wait_for_kernels(folder):
    data = small_data(os.path.join(folder, "examples"))
    cache = os.path.join(folder, "no-kernels-yet")
    with Explorer(folder, train=True,
                  environment={"KOLINSKY_DATA": data, "KOLINSKY_CACHE": cache,
                               "POCL_CACHE_DIR": cache}) as app:
        app.find("label", re.compile("^Compiling kernels [0-9]+/[0-9]+$"), seconds=60)
        app.close()
    # It is recorded as soon as all its kernels are there.
    check(not any("run.ini" in names for _, _, names in os.walk(folder)), "it was made ready first")


@test
def what_was_begun_is_resumed(folder):
    with explorer(folder) as app:
        wait_for_step(app, 60)
        turn(app, 2e-4)
        app.wait(lambda: timeline(app, "^1e-4 > 2e-4, step"))
        app.key("Ctrl+s")  # a checkpoint in its folder, before that of the end
        stood = step_of(app)
        wait_for_step(app, stood + 20)
        app.close()
    with explorer(folder) as app:
        app.find("push button", "Resume", seconds=60)
        before = step_of(app)
        check(before >= 60, f"resumed at step {before}")
        app.wait(lambda: len(timeline(app, "^Checkpoint")) > 1, text="earlier checkpoints")
        check(timeline(app, "^1e-4 > 2e-4, step"), "the mark is lost")
        app.click("push button", "Resume")
        wait_for_step(app, before + 10)


@test
def the_validation_is_there_after_a_restart(folder):
    """Quick looks at the validation set, too, of which there is one at every 100 steps."""
    def validation(app, name):
        path = os.path.join(folder, name)
        save_chart(app, path)
        rows = list(csv.reader(lines_of(path)))
        column = next(i for i, cell in enumerate(rows[0]) if "validation" in cell)
        return {int(row[0]): float(row[column]) for row in rows[1:] if row[column]}

    with explorer(folder) as app:
        wait_for_step(app, 120)
        pause(app)
        before = validation(app, "before.csv")
        app.close()
    check({1, 101} <= set(before), f"validated at {sorted(before)}")
    with explorer(folder) as app:
        app.find("push button", "Resume", seconds=60)
        app.find("label", "digits, run 1")
        after = validation(app, "after.csv")
    # One that was under way when the run paused is there, too.
    check(list(after)[:len(before)] == list(before) and len(after) <= len(before) + 1
          and before.items() <= after.items(), f"validations were {before}, and are {after}")


@test
def a_branch_that_is_resumed_has_its_past(folder):
    """The curve begins where the parent's does, and is called as it was; what is saved of it is high
    enough to be read."""
    saved = os.path.join(folder, "loss.csv")
    with explorer(folder) as app:
        wait_for_step(app, 110)
        app.press(timeline(app, "^Checkpoint .*step 100$")[0])
        app.click("push button", "Branch From Here")
        app.wait(lambda: app.has("label", "digits, run 2"))
        wait_for_step(app, 125)
        app.close()
    with explorer(folder) as app:
        app.find("push button", "Resume", seconds=60)
        app.find("label", "digits, run 2")
        for path in (saved, saved.replace(".csv", ".png")):
            save_chart(app, path)
    found = [int(line.split(",")[0]) for line in lines_of(saved)[1:]]
    check(found == sorted(set(found)), f"steps {found}")
    check(found[0] <= 10 and any(50 < step <= 100 for step in found) and found[-1] > 100,
          f"steps {found}")
    with open(saved.replace(".csv", ".png"), "rb") as file:
        width, height = struct.unpack(">II", file.read(24)[16:])
    check(height > 0.45 * width, f"the picture has {width} × {height} pixels")


def row(app, run):
    """What a row of the list of runs says, below its name."""
    return next(label.name for label in app.find("list", "Runs").find("list item", run).find_all("label")
                if " · " in label.name)


def shown(app, run):
    return app.find("check box", f"Show {run} in the charts")


@test
def runs_of_earlier_starts_are_rows(folder):
    """Hidden ones, below the run that is resumed; one can look at their curves, go on with them and
    delete them."""
    runs = os.path.join(folder, "data", "kolinsky", "runs")
    with explorer(folder) as app:
        wait_for_step(app, 30)
        app.click("push button", "Start a new run")
        app.wait(lambda: app.has("label", "digits, run 2"))
        wait_for_step(app, 30)
        app.click("push button", "Start a new run")
        app.wait(lambda: app.has("label", "digits, run 3"))
        wait_for_step(app, 20)
        app.close()
    first, second, third = sorted(os.listdir(runs))
    damaged = os.path.join(runs, "damaged")
    os.mkdir(damaged)
    with open(os.path.join(damaged, "run.ini"), "w") as file:
        file.write("[run]\n")
    lock = open(os.path.join(runs, second, "lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    with explorer(folder) as app:
        app.find("push button", "Resume", seconds=60)
        check(app.has("label", "digits, run 3"), "another run is resumed")
        rows = app.wait(lambda: (lambda found: len(found) == 3 and found)(
            [item.name for item in app.find("list", "Runs").find_all("list item")]), 20, "three rows")
        check(sorted(rows[1:]) == ["run 1", "run 2"] and rows[0] == "run 3", f"the rows are {rows}")
        check(row(app, "run 1").startswith("stopped · "), row(app, "run 1"))
        check(row(app, "run 2").startswith("in use by "), row(app, "run 2"))
        check(shown(app, "run 3").checked and not shown(app, "run 1").checked)
        check(not app.has("push button", "run 1"), "its curve is there already")

        scroll_inspector(app)
        app.press(shown(app, "run 1"))
        app.find("push button", "run 1")  # of the legend
        path = os.path.join(folder, "loss.csv")
        save_chart(app, path)
        table = list(csv.DictReader(lines_of(path)))
        check(sum(bool(line["run 1"]) for line in table) >= 3, f"the table begins {table[:3]}")

        for run in ("run 1", "run 3"):  # one that has stopped is looked at
            app.press(app.find("list", "Runs").find("list item", run))
            app.find("label", f"digits, {run}")
            app.find("push button", "Resume")

        open_menu(app, "run 2")
        check(not app.find("push button", re.compile("Go On$")).sensitive, "what is in use can go on")
        lock.close()
        app.key("Escape")
        app.gone("push button", re.compile("Go On$"))
        open_menu(app, "run 2")
        app.click("push button", re.compile("Delete$"))
        app.gone("check box", "Show run 2 in the charts")
        app.key("Ctrl+z")
        shown(app, "run 2")
        app.key("Ctrl+Shift+z")
        app.gone("check box", "Show run 2 in the charts")
        check(os.path.isdir(os.path.join(runs, second)), "what can be brought back is gone")

        before = int(re.search("[0-9]+", row(app, "run 1")).group())
        check(before >= 30, f"run 1 had come to step {before}")
        open_menu(app, "run 1")
        app.click("push button", re.compile("Go On$"))
        app.wait(lambda: app.has("label", "digits, run 1"))
        app.wait(lambda: len(app.find("list", "Runs").find_all("list item")) == 2)
        wait_for_step(app, before + 10)
        app.close()
    check(sorted(os.listdir(runs)) == ["damaged", first, third], f"{os.listdir(runs)} are left")


main()
