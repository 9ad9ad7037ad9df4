# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The frame of the application: window, pages, header, and its end."""
import re

from explorer import Explorer, check, main, test

PAGES = ["Train", "See", "Paint", "Ask", "Devices"]


def rows(app):
    return app.find("list", "Pages", hidden=True).children


def shown(app):
    return [row.name for row in rows(app) if row.selected]


@test
def a_window_within_a_second(folder):
    with Explorer(folder):
        pass  # the caches are warm now
    with Explorer(folder) as app:
        app.find("list", "Pages")
        report = app.close()
    check(0 < report["first_frame"] < 1, f"the first frame after {report['first_frame']:.2f} s")


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
        begin = app.find("check box", "Begin to train at the start")
        begin.act()
        app.remembers("begin-training", "true")
        app.key("Esc")
        app.gone("check box", "Begin to train at the start")
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
def the_sidebar_goes_and_comes(folder):
    with Explorer(folder) as app:
        app.find("list", "Pages")
        app.key("F9")
        app.gone("list", "Pages")
        app.key("F9")
        app.find("list", "Pages")


@test
def no_stall(folder):
    """Walking through the pages keeps the main loop alive."""
    with Explorer(folder) as app:
        for page in PAGES * 2:
            app.page(page)
        report = app.close()
    check(report["stalls"], "nothing was measured")
    check(report["stalls"][0][0] < 50, f"the main loop stood still: {report['stalls'][:5]}")


main()
