# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Every control that takes the focus has a name, on every page; a class's name is none."""
import re

from explorer import PAGES, Explorer, check, main, test

CONTROLS = {"push button", "toggle button", "check box", "radio button", "slider", "spin button",
            "entry", "text", "combo box", "page tab", "table", "tree table"}
CLASS = re.compile(r"^(Gtk|Adw|Kx)[A-Z]\w+$")


def nameless(app):
    """The controls without one, each with what it is in."""
    found = []

    def look(node, above):
        if node.role in CONTROLS and node.is_("focusable"):
            name = node.name.strip()
            inside = any(each.startswith("combo box") for each in above[-3:])  # GTK's own parts
            if not inside and (not name or CLASS.match(name)):
                found.append(" > ".join(above + [repr(node)]))
        for child in node.children:
            look(child, (above + [repr(node)])[-3:])

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


main()
