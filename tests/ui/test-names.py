# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Every control that takes the focus has a name, on every page; a class's name is none."""
import os
import re
import time

from explorer import PAGES, Explorer, Node, check, main, small_data, test

CONTROLS = {"push button", "toggle button", "check box", "radio button", "slider", "spin button",
            "entry", "text", "combo box", "page tab", "table", "tree table"}
CLASS = re.compile(r"^(Gtk|Adw|Kx)[A-Z]\w+$")


def is_name(text):
    return bool(text.strip()) and not CLASS.match(text)


def nameless(app):
    """What takes the focus without one, each with what it is in: of controls their own counts, of
    rows and cells also that of what is in them."""
    children = app.node.families()
    nodes, found = list(children), []
    Node.learn_roles(nodes)
    names = dict(zip(nodes, (each or "" for each in Node.names_of(nodes))))
    focusable = {node for node in nodes if Node.known_roles.get(node) and node.is_("focusable")}

    def known_by_content(node):
        return is_name(names[node]) or any(map(known_by_content, children[node]))

    def look(node, above):
        role = Node.known_roles.get(node)
        scrolls = role == "scroll pane"  # takes the focus but to be scrolled by keys
        if node in focusable and not scrolls and not any(each.startswith("combo box") for each in above[-3:]):
            known = is_name(names[node]) if role in CONTROLS else known_by_content(node)
            if not known:
                found.append(" > ".join(above + [f"{role} {names[node]!r}"]))
        for child in children[node]:
            look(child, (above + [f"{role} {names[node]!r}"])[-3:])

    look(app.node, [])
    return found


@test
def every_page(folder):
    complaints = []
    with Explorer(folder) as app:
        for page in PAGES:
            app.page(page)
            complaints += [f"{page}: {each}" for each in nameless(app)]
        app.key("Ctrl+,")
        app.find("check box", "Start training at launch")
        complaints += [f"Preferences: {each}" for each in nameless(app)
                       if "AdwViewSwitcher" not in each and "GtkSearchEntry" not in each
                       and "GtkList" not in each]  # hidden parts of libadwaita's
        app.key("Esc")
        app.gone("check box", "Start training at launch")
    check(not complaints, "\n".join(sorted(set(complaints))))


TABS = ["Batch", "Mistakes", "Confusion", "Filters", "Activations", "Histograms", "Steps", "Search"]
POPOVERS = {"Race…": ("push button", "Start the Race"), "Find Rate…": ("push button", "Use This Rate"),
            "More about the curves": ("menu item", "Show All"),
            re.compile("^More about run 1$"): ("text", "Name of the run")}


@test
def a_run(folder):
    """What there is only while something learns: tabs, curves, rows, and what opens beside them."""
    data = small_data(os.path.join(folder, "examples"))
    complaints = []
    with Explorer(folder, train=True, environment={"KOLINSKY_DATA": data}) as app:
        app.find(None, re.compile("^Checkpoint .*step 100$"), seconds=120)
        app.click("push button", "Pause")
        app.find("push button", "run 1, validation")
        for name in TABS:
            tab = next(each for each in app.find(None, "Pictures of the run").children
                       if each.name == name)
            app.press(tab)
            app.wait(lambda: tab.checked, text=f"the tab {name}")
            time.sleep(1)  # what it shows comes then
            complaints += [f"{name}: {each}" for each in nameless(app)]
        width, height = app.display.size
        app.display.move(width - 20, height // 2)  # the inspector's edge
        app.display.scroll(60)  # to the rows of runs
        for name, inside in POPOVERS.items():
            app.find("push button", name)
            app.find_all("push button", name)[-1].click()  # a menu button has another one inside
            app.find(*inside)
            complaints += [f"{name}: {each}" for each in nameless(app)]
            app.key("Escape")
            app.gone(*inside)
    check(not complaints, "\n".join(sorted(set(complaints))))


main()
