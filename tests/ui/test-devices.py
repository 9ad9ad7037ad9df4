# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The page of devices: the list, speed, verification, tuning, two devices compared."""
import csv
import os
import re
import time

from explorer import SLOWNESS, Explorer, Skip, check, main, small_data, test


def choices(app):
    """The buttons of the list, one a device, once it is there."""
    return app.wait(lambda: app.find("list", "Devices").find_all("check box"), text="a device")


def cells(table):
    """What the labels of a table say, in order."""
    return [label.name for label in table.find_all("label")]


def kernels(table):
    """The rows of a profile: name of a kernel -> launches, time, mean, share and rates."""
    texts = cells(table)
    first = texts.index("GB/s") + 1 if "GB/s" in texts else 0
    return {texts[i]: texts[i + 1:i + 7] for i in range(first, len(texts) - 6, 7)}


@test
def the_speed_of_a_device_is_measured_and_remembered(folder):
    speed = re.compile(r"^\d+[.,]\d\d TFLOP/s\n\d+ GB/s$")
    with Explorer(folder) as app:
        app.page("Devices")
        choices(app)
        check(not app.has("label", speed), "measured already")
        buttons = app.find_all("push button", re.compile("^Measure the speed of"))
        for i, button in enumerate(reversed(buttons)):
            button.click()
            app.wait(lambda: len(app.find_all("label", speed)) > i, 120, "a speed")
        measured = app.find("label", speed).name
        bars = app.find_all("level bar", "Speed, compared with the fastest device")
        check(len(bars) == (len(buttons) if len(buttons) > 1 else 0), f"{len(bars)} bars")
        app.key("Ctrl+j")
        app.find("label", re.compile("^Measuring "))
        app.find("label", "Done", 120)
        app.key("Esc")
    with Explorer(folder) as app:
        app.page("Devices")
        check(app.find("label", speed).name == measured, "it is not remembered")


@test
def a_device_is_verified(folder):
    with Explorer(folder) as app:
        app.page("Devices")
        app.find("push button", re.compile("^Verify .")).click()
        table = app.find(None, "Results of the verification")
        app.wait(lambda: "Right" in cells(table), 120, "a first verdict")
        check(not any(cell.startswith("Wrong") for cell in cells(table)), lambda: str(cells(table)))
        button = app.find("push button", re.compile("^Verify ."))
        check(not button.sensitive, "another verification is offered")
        app.key("Ctrl+j")
        app.find("push button", "Cancel").click()
        app.find("label", re.compile("^Cancelled"), 30)
        app.key("Esc")
        app.find("label", re.compile("right on .*; the others were not tried"))
        app.wait(lambda: button.sensitive, text="that it can be verified again")


@test
def all_cases_are_more(folder):
    with Explorer(folder) as app:
        app.page("Devices")
        choices(app)
        for name in (r"^Verifying [^,]+$", r"^Verifying .*, all cases$"):
            app.find("push button", re.compile("^Verify .")).click()
            table = app.find(None, "Results of the verification")
            app.wait(lambda: "Right so far" in cells(table) or "Right" in cells(table), 120, "a check")
            app.key("Ctrl+j")  # where the job before stands, too
            app.find("label", re.compile(name))
            app.find("push button", "Cancel").click()
            app.find("label", re.compile("^Cancelled"), 30)
            app.key("Esc")
            app.find("label", re.compile("the others were not tried"))
            app.press(app.find("check box", "All cases"))


@test
def what_tuning_remembers(folder):
    with Explorer(folder, environment={"KOLINSKY_CACHE": os.path.join(folder, "own-cache")}) as app:
        app.page("Devices")
        app.press(app.find("page tab", "Tuning"))
        app.find("label", re.compile("^Nothing is remembered"), 60)
        app.find("push button", "Tune").click()
        app.key("Ctrl+j")
        app.wait(lambda: app.find_all("progress bar", "Progress"), 120)
        bar = app.find("progress bar", "Progress")
        app.wait(lambda: bar.value > 0, 120, "the first work")
        app.find("push button", "Cancel").click()
        app.find("label", re.compile("^Cancelled"), 60)
        app.key("Esc")
        app.find("label", re.compile(r"^\d+ choices? (is|are) remembered"), 30)


@test
def the_same_step_on_two_devices(folder):
    with Explorer(folder) as app:
        app.page("Devices")
        if len(choices(app)) < 2:
            raise Skip("there is one device only")
        app.press(app.find("page tab", "Compare"))
        app.find("push button", "Compare").click()
        app.gone("label", re.compile("^The same training step on"))
        text = app.find("label", re.compile("^The largest difference is"), 120).name
        worst = float(re.search(r"is (\S+) of", text)[1])
        check(0 < worst < 1e-4, f"the devices differ by {worst}")
        table = app.find(None, "Differences between the devices")
        for name in ("conv2d", "softmax", "dE/dw_conv"):
            check(name in cells(table), lambda: f"{name} is missing in {cells(table)}")


@test
def the_kernels_of_the_run_in_training(folder):
    latest = re.compile(r"^Kernels at work on .* in the last ([\d.]+) s")

    def seconds():
        return float(latest.match(app.find("label", latest).name)[1])

    data = {"KOLINSKY_DATA": small_data(os.path.join(folder, "examples"))}
    with Explorer(folder, environment=data, train=True) as app:
        app.wait(lambda: app.has("label", re.compile(r"step \d")), 120, "a first step")
        app.page("Devices")
        choices(app)
        app.press(app.find("page tab", "Profile"))
        app.find("label", re.compile("^Shows which kernels"))
        app.find("push button", "Start").click()
        table = app.find(None, "Time of the kernels")
        app.wait(lambda: "read" in cells(table), 60, "the kernels of a step")
        app.find("label", latest)
        launches = int(app.wait(lambda: kernels(table)["read"])[0])
        app.wait(lambda: int(kernels(table)["read"][0]) > launches, 60, "more of them")
        app.wait(lambda: seconds() > 5, 60, "5 s of them")
        time.sleep(3)
        check(seconds() < 5 + 2 * SLOWNESS, lambda: f"of {seconds()} s, not the latest")
        app.find("push button", "Stop").click()
        app.find("label", re.compile("^Kernels at work on .*, then stopped"))

        path = os.path.join(folder, "kernels.csv")
        app.key("Ctrl+e")
        app.find("push button", re.compile("^_Save"), seconds=10)
        time.sleep(0.5)  # the name is selected once it is shown
        app.key("Ctrl+a")
        app.write(path)
        app.key("Enter")
        app.wait(lambda: os.path.exists(path), text="the file")
        with open(path, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        times = [float(row["Time, ms"]) for row in rows]
        check(len(rows) > 5 and times == sorted(times, reverse=True), lambda: str(rows))
        check(abs(sum(float(row["Share"]) for row in rows) - 1) < 1e-3, lambda: str(rows))


@test
def choosing_a_device(folder):
    with Explorer(folder) as app:
        app.page("Devices")
        devices = choices(app)
        if len(devices) < 2:
            app.press(devices[0])
            time.sleep(0.5)
            check(devices[0].checked, "none is chosen")
            raise Skip("there is one device only")
        other = next(device for device in devices if not device.checked)
        name = other.name
        app.press(other)
        app.wait(lambda: any(device.checked and device.name == name for device in choices(app)))
        check(any(device.focused for device in choices(app)), "the focus is lost")
        app.find(None, f"Device: {name}")
        app.page("Train")


def places(app):
    """What the rows of the devices say below their names."""
    return [label.name for label in app.find("list", "Devices").find_all("label")
            if " · driver " in label.name]


@test
def the_run_in_training_moves(folder):
    def step():
        found = app.find_all("label", re.compile(r"^step [0-9]+"))
        return int(re.search("[0-9]+", found[0].name).group()) if found else 0  # kernels compile

    def home():
        return [name.startswith("trains run 1 · ") for name in places(app)]

    data = {"KOLINSKY_DATA": small_data(os.path.join(folder, "examples"))}
    with Explorer(folder, environment=data, train=True) as app:
        app.page("Devices")
        if len(choices(app)) < 2:
            raise Skip("there is one device only")
        app.wait(lambda: app.has("label", re.compile(r"^step [1-9]")), 120, "a first step")
        app.wait(lambda: home().count(True) == 1, text="the device that trains")
        before, at = home(), step()
        app.find("push button", re.compile("^Move run 1 to")).click()
        app.wait(lambda: home() == [not here for here in before], text="the other device")
        app.wait(lambda: step() > at + 5, 120, "a step on the other device")
        app.page("Train")
        moved = app.find("list", "Timeline").find(None, re.compile("^Moved to .*, step"))
        app.find("label", re.compile("^learning · .* · " + re.escape(moved.name[9:].split(",")[0])))
        app.find("list", "Timeline").find(None, re.compile("^Checkpoint"))
        check(len(app.find("list", "Runs").find_all("check box")) == 1, "it became another run")

        app.page("Devices")
        at = step()
        app.key("Ctrl+z")
        app.wait(lambda: home() == before, text="the device that it came from")
        app.wait(lambda: step() > at + 5, 120, "a step there again")


@test
def no_device(folder):
    with Explorer(folder, environment={"OCL_ICD_VENDORS": os.path.join(folder, "nothing"),
                                       "KOLINSKY_DEVICE": ""}) as app:
        app.page("Devices")
        app.find("label", "No OpenCL device")
        app.find("push button", "Look Again").click()
        app.find("label", "No OpenCL device")
        app.find(None, "Device: No OpenCL device")


main()
