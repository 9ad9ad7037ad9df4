# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Drives kolinsky-explorer as a person does: through its accessibility tree, with keys and pointer.

    from explorer import Explorer, check, main, test

    @test
    def the_page_of_devices(folder):
        with Explorer(folder) as app:
            app.page("Devices")
            app.find("push button", "Look Again").click()
            app.wait(lambda: app.has("label", re.compile("GB/s")))

    main()

Run by under-xvfb.sh; the first argument is the application. Each test has a folder of its own, in
which settings, data and runs lie; two applications one after the other in the same folder remember
what an owner's would. The end of `with` closes the window and holds the end against what is
promised: exit status 0 within a deadline, no warning in the log, no worker left.
"""
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

try:
    from gi.repository import Gio, GLib
except ImportError:
    print("1..0 # SKIP python3-gi is not installed (Debian: apt-get install at-spi2-core python3-gi)")
    sys.exit(77)

from display import Display

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import networks  # noqa: E402

# Slow machines, sanitizers: a factor of every wait and of every limit of a time.
SLOWNESS = max(float(os.environ.get("KX_PATIENCE", "1")), 1)
PATIENCE = 20 * SLOWNESS  # seconds, where a wait names none of its own
POLL = 0.03  # seconds between two looks at least

PAGES = ["Train", "See", "Paint", "Ask", "Devices"]

# Compiled kernels are the same for all tests: PoCL finds them where it looks unless told otherwise.
POCL_CACHE = os.environ.get("POCL_CACHE_DIR") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pocl", "kcache")

# ── Accessibility ────────────────────────────────────────────────────────────
#
# As the bus of AT-SPI speaks it; libatspi's own picture of the tree is often out of date, and its
# upkeep crashes.

ATSPI = "org.a11y.atspi."
ROOT = "/org/a11y/atspi/accessible/root"
NULL = "/org/a11y/atspi/null"
STATES = {"active": 1, "checked": 4, "editable": 7, "enabled": 8, "expanded": 10, "focusable": 11,
          "focused": 12, "pressed": 20, "selected": 23, "sensitive": 24, "showing": 25,
          "visible": 30}
ROLES = {2: "alert", 7: "check box", 8: "check menu item", 10: "column header", 11: "combo box",
         16: "dialog", 20: "filler", 23: "frame", 26: "icon", 27: "image", 29: "label", 31: "list",
         32: "list item", 33: "menu", 34: "menu bar", 35: "menu item", 37: "page tab",
         38: "page tab list", 39: "panel", 42: "progress bar", 43: "push button",
         44: "radio button", 45: "radio menu item", 47: "row header", 48: "scroll bar",
         49: "scroll pane", 50: "separator", 51: "slider", 52: "spin button", 55: "table",
         56: "table cell", 61: "text", 62: "toggle button", 63: "tool bar", 64: "tool tip",
         65: "tree", 66: "tree table", 69: "window", 75: "application", 79: "entry", 80: "chart",
         83: "heading", 90: "table row", 91: "tree item", 98: "list box", 99: "grouping",
         102: "info bar", 103: "level bar"}
WINDOW = 1  # coordinates
FILLER = "ø"  # of texts that screenshots.py makes longer: names are known without it
PROPERTIES = "org.freedesktop.DBus.Properties"


class Bus:
    connection = None

    @classmethod
    def get(cls):
        if not cls.connection:
            session = Gio.bus_get_sync(Gio.BusType.SESSION)
            address, = session.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus",
                                         "GetAddress", None, None, 0, -1)
            flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                     | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
            cls.connection = Gio.DBusConnection.new_for_address_sync(address, flags)
        return cls.connection

    @classmethod
    def call(cls, owner, path, interface, method, signature="()", *arguments):
        return cls.get().call_sync(owner, path, interface, method,
                                   GLib.Variant(signature, arguments), None, 0,
                                   int(1000 * PATIENCE)).unpack()

    @classmethod
    def call_each(cls, nodes, interface, method, signature="()", *arguments):
        """What the nodes answer to the same call, in their order; None where one is gone.

        All calls are sent before the first answer is awaited; one after the other, most of the time
        would be waiting. (The bus has a call for a whole tree, too, GetItems of its Cache. What GTK
        answers has widgets that are not shown, and lacks some that are.)
        """
        connection, sent = cls.get(), GLib.Variant(signature, arguments)
        answers, due = [None] * len(nodes), len(nodes)

        def answered(connection, result, i):
            nonlocal due
            due -= 1
            try:
                answers[i], = connection.call_finish(result).unpack()
            except GLib.Error:
                pass

        for i, node in enumerate(nodes):
            connection.call(node.owner, node.path, interface, method, sent, None, 0,
                            int(1000 * PATIENCE), None, answered, i)
        while due:
            GLib.MainContext.default().iteration(True)
        return answers


def check(condition, text=""):
    if not condition:
        raise AssertionError(text() if callable(text) else text)


def wait(condition, seconds=None, text=""):
    """Waits until the condition is true, some seconds at most (more where the machine is said to
    be slow); returns what it returned.

    Rests between two looks for as long as a look takes, so that the application gets on with it.
    """
    deadline = time.monotonic() + (PATIENCE if seconds is None else seconds * SLOWNESS)
    while True:
        begun = time.monotonic()
        try:
            result = condition()
        except GLib.Error:  # a widget went while it was looked at
            result = None
        if result:
            return result
        now = time.monotonic()
        if now > deadline:
            raise AssertionError("waited in vain" + (": " + text if text else ""))
        time.sleep(max(now - begun, POLL))


def matches(wanted, found):
    if wanted is None:
        return True
    found = (found or "").replace(FILLER, "")
    if hasattr(wanted, "search"):
        return wanted.search(found) is not None
    return wanted == found


def role_of(number):
    return ROLES.get(number, f"role {number}")


class Node:
    """Something in the accessibility tree, which has only what is shown."""
    known_roles = {}  # of nodes: none ever changes, and no path is used twice
    clicked_at = {}

    def __init__(self, owner, path):
        self.owner, self.path = owner, path

    def __eq__(self, other):
        return isinstance(other, Node) and (self.owner, self.path) == (other.owner, other.path)

    def __hash__(self):
        return hash((self.owner, self.path))

    def __repr__(self):
        try:
            return f"{self.role} {self.name!r}"
        except GLib.Error:
            return "a control that is gone"

    def call(self, interface, method, signature="()", *arguments):
        return Bus.call(self.owner, self.path, ATSPI + interface, method, signature, *arguments)

    def get(self, interface, name):
        return Bus.call(self.owner, self.path, PROPERTIES, "Get", "(ss)",
                        ATSPI + interface, name)[0]

    @property
    def role(self):
        if self not in self.known_roles:
            number, = self.call("Accessible", "GetRole")
            self.known_roles[self] = role_of(number)
        return self.known_roles[self]

    name = property(lambda self: self.get("Accessible", "Name"))
    description = property(lambda self: self.get("Accessible", "Description"))

    def is_(self, state):
        """Whether it is in one of STATES."""
        bits = self.call("Accessible", "GetState")[0]
        return bool(bits[STATES[state] // 32] >> STATES[state] % 32 & 1)

    sensitive = property(lambda self: self.is_("sensitive"))
    checked = property(lambda self: self.is_("checked") or self.is_("pressed"))
    selected = property(lambda self: self.is_("selected"))
    focused = property(lambda self: self.is_("focused"))

    @property
    def children(self):
        return self.from_bus(self.call("Accessible", "GetChildren")[0])

    @staticmethod
    def from_bus(references):
        return [Node(owner, path) for owner, path in references if path != NULL]

    @property
    def parent(self):
        owner, path = self.get("Accessible", "Parent")
        return Node(owner, path) if path != NULL else None

    def families(self):
        """The children of it and of all below it."""
        below, level = {}, [self]
        while level:
            answers = Bus.call_each(level, ATSPI + "Accessible", "GetChildren")
            children = [self.from_bus(answer or []) for answer in answers]
            below.update(zip(level, children))
            level = [child for each in children for child in each]
        return below

    def walk(self):
        """It and all below it, in order."""
        below = self.families()

        def in_order(node):
            yield node
            for child in below[node]:
                yield from in_order(child)

        return list(in_order(self))

    def find_all(self, role=None, name=None):
        """All of a role ("push button", "label", None: any) and a name (a text or a pattern)."""
        found = self.walk()
        if role is not None:
            self.learn_roles(found)
            found = [node for node in found if self.known_roles.get(node) == role]
        if name is not None:
            found = [node for node, its in zip(found, self.names_of(found))
                     if its is not None and matches(name, its)]
        return found

    @staticmethod
    def names_of(nodes):
        """None for those that are gone."""
        return Bus.call_each(nodes, PROPERTIES, "Get", "(ss)", ATSPI + "Accessible", "Name")

    @classmethod
    def learn_roles(cls, nodes):
        """Asks for those that are not known yet; a node that is gone stays without."""
        new = [node for node in nodes if node not in cls.known_roles]
        for node, number in zip(new, Bus.call_each(new, ATSPI + "Accessible", "GetRole")):
            if number is not None:
                cls.known_roles[node] = role_of(number)

    def has(self, role=None, name=None):
        return bool(self.find_all(role, name))

    def find(self, role=None, name=None, seconds=None):
        """The first of that kind; waits until there is one."""
        found = wait(lambda: self.find_all(role, name), seconds,
                     f"no {role or 'control'} {getattr(name, 'pattern', name)!r} in {self!r}")
        return found[0]

    def tree(self, depth=0):
        """It and all below it as text: for messages and for looking around."""
        return "\n".join(["  " * depth + repr(self)] + [child.tree(depth + 1) for child in self.children])

    # ── What one can do ──────────────────────────────────────────────────────

    @property
    def actions(self):
        try:
            return [name for name, _, _ in self.call("Action", "GetActions")[0]]
        except GLib.Error:
            return []

    def act(self, action=None):
        """Does an action, its first unless named ("click", "chart.zoom-in")."""
        names = [self.call("Action", "GetName", "(i)", i)[0]
                 for i in range(self.get("Action", "NActions"))] if action else ["first"]
        check(not action or action in names, lambda: f"{self!r} has no action {action}, but {names}")
        try:
            self.call("Action", "DoAction", "(i)", names.index(action) if action else 0)
        except GLib.Error as error:
            raise AssertionError(f"{self!r} has no action: {error.message}") from None
        return self

    def click(self):
        wait(lambda: self.sensitive, text=f"{self!r} is insensitive")
        # A button that is activated stays down for a quarter of a second, and ignores others then.
        time.sleep(max(0, self.clicked_at.get(self, 0) + 0.35 - time.monotonic()))
        self.act()
        self.clicked_at[self] = time.monotonic()
        return self

    @property
    def value(self):
        return self.get("Value", "CurrentValue")

    @value.setter
    def value(self, number):
        Bus.call(self.owner, self.path, PROPERTIES, "Set", "(ssv)",
                 ATSPI + "Value", "CurrentValue", GLib.Variant("d", number))

    @property
    def text(self):
        count = self.get("Text", "CharacterCount")  # spin buttons do not know -1
        return self.call("Text", "GetText", "(ii)", 0, count)[0]

    @text.setter
    def text(self, text):
        check(self.call("EditableText", "SetTextContents", "(s)", text)[0], f"{self!r} takes no text")

    def select(self, index):
        """Selects the child of that index, of lists and grids."""
        check(self.call("Selection", "SelectChild", "(i)", index)[0], f"{self!r} selects nothing")

    def focus(self):
        self.call("Component", "GrabFocus")
        wait(lambda: self.focused, text=f"{self!r} takes no focus")

    @property
    def area(self):
        """(x, y, width, height) on the screen, whose corner is that of the window."""
        return self.call("Component", "GetExtents", "(u)", WINDOW)[0]

    @property
    def middle(self):
        x, y, width, height = self.area
        return x + width // 2, y + height // 2


class Explorer:
    """The application, started; a window is there when the constructor returns.

    folder       what it knows: settings, data, cache
    arguments    files to open
    settings     keys of org.kolinsky.Explorer, as GVariant text: {"page": "'see'"}
    environment  more variables
    size         of the window
    train        whether something learns from the start (the setting "begin-training")
    """

    def __init__(self, folder, *arguments, settings=None, environment=None, size=None, train=False):
        self.folder = folder
        self.display = Display()
        self.log_path = os.path.join(folder, "log")
        self.report_path = os.path.join(folder, "report.json")
        size = size or self.display.size
        self.environment = {
            **os.environ,
            "XDG_DATA_HOME": self.path("data"),
            "XDG_CONFIG_HOME": self.path("config"),
            "XDG_CACHE_HOME": self.path("cache"),
            "XDG_STATE_HOME": self.path("state"),
            "POCL_CACHE_DIR": POCL_CACHE,
            "GSETTINGS_BACKEND": "keyfile",
            "KOLINSKY_EXPLORER_FRAMES": self.report_path,
            "NO_AT_BRIDGE": "0",
            **(environment or {}),
        }
        self.set({"window-width": size[0], "window-height": size[1],
                  "begin-training": str(train).lower(), **(settings or {})})
        if os.path.exists(self.report_path):
            os.remove(self.report_path)
        self.log = open(self.log_path, "wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen([APPLICATION, *arguments], env=self.environment,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.node = wait(self.in_tree, text="the application in the accessibility tree")
            self.window = self.node.find("frame")
        except BaseException:
            self.process.kill()
            sys.stderr.write(self.read_log())
            raise

    def path(self, *names):
        path = os.path.join(self.folder, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    # ── Settings ─────────────────────────────────────────────────────────────

    @property
    def settings_path(self):
        return self.path("config", "glib-2.0", "settings", "keyfile")

    def get(self):
        """The settings as they were written last."""
        found = {}
        if os.path.exists(self.settings_path):
            with open(self.settings_path) as file:
                for line in file:
                    key, equals, value = line.strip().partition("=")
                    if equals:
                        found[key] = value
        return found

    def set(self, settings):
        """Before the start: changes settings and leaves the others."""
        merged = {**self.get(), **settings}
        with open(self.settings_path, "w") as file:
            file.write("[org/kolinsky/Explorer]\n"
                       + "".join(f"{key}={value}\n" for key, value in merged.items()))

    # ── The tree ─────────────────────────────────────────────────────────────

    def in_tree(self):
        check(self.process.poll() is None,
              lambda: f"it ended with {self.process.returncode}:\n{self.read_log()}")
        for application in Node(ATSPI + "Registry", ROOT).children:
            pid, = Bus.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus",
                            "GetConnectionUnixProcessID", "(s)", application.owner)
            if pid == self.process.pid:
                return application
        return None

    @property
    def windows(self):
        return self.node.children

    def find(self, role=None, name=None, seconds=None):
        return self.node.find(role, name, seconds)

    def find_all(self, role=None, name=None):
        return self.node.find_all(role, name)

    def has(self, role=None, name=None):
        return self.node.has(role, name)

    def click(self, role, name, seconds=None):
        return self.find(role, name, seconds).click()

    def wait(self, condition, seconds=None, text=""):
        return wait(condition, seconds, text)

    def gone(self, role=None, name=None, seconds=None):
        wait(lambda: not self.has(role, name), seconds, f"{role} {name!r} to go")

    # ── What a person does ───────────────────────────────────────────────────

    def page(self, title):
        """Goes to a page by its key."""
        self.key(f"Ctrl+{PAGES.index(title) + 1}")
        wait(lambda: self.has(None, f"Kx{title}Page"), text=f"the page {title}")

    def key(self, keys):
        self.display.key(keys)

    def write(self, text):
        self.display.write(text)

    def press(self, node, button=1):
        """Clicks in the middle of a control, with the pointer, once it has come to rest."""
        before = None
        while before != node.area:
            before = node.area
            time.sleep(0.1)
        self.display.press(*node.middle, button=button)

    def screenshot(self, path, area=None):
        self.display.screenshot(path, area)

    def remembers(self, key, value, seconds=None):
        """Waits until a setting has a value."""
        wait(lambda: self.get().get(key) == value, seconds, f"{key} = {value}")

    # ── The end ──────────────────────────────────────────────────────────────

    def read_log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def ask_to_end(self, seconds):
        """Ctrl+Q; again where a popover that was just closing has swallowed it."""
        self.key("Ctrl+q")
        try:
            return self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.key("Ctrl+q")
        return self.process.wait(seconds)

    def hide(self):
        """Ends it, and returns how many seconds the window was in sight after that."""
        check(not self.display.is_bare(), "no window is in sight")
        begun = time.monotonic()
        self.key("Ctrl+q")
        wait(self.display.is_bare, text="the window to go")
        return time.monotonic() - begun

    def close(self, seconds=10):
        """Closes the window, and holds the application to what is promised of its end."""
        before = time.monotonic()
        try:
            code = self.ask_to_end(max(seconds, PATIENCE / 2))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it has not ended after {seconds} s:\n{self.read_log()}") from None
        took = time.monotonic() - before
        self.display.close()
        self.log.close()
        log = self.read_log()
        check(code == 0, f"exit status {code}:\n{log}")
        bad = [line for line in log.splitlines() if re.search("WARNING|CRITICAL|ERROR|Sanitizer", line)]
        check(not bad, "in the log:\n" + "\n".join(bad))
        check(took < seconds * SLOWNESS, f"it took {took:.1f} s to end")
        report = self.report()
        check(report["workers"] == 0, f"{report['workers']} workers are left")
        return report

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def report(self):
        """After the end: "first_frame", seconds after the start; "stalls" of the main loop, the
        longest first, each [milliseconds, seconds after the start]; "workers", threads left."""
        with open(self.report_path) as file:
            report = json.load(file)
        report["first_frame"] -= self.started
        report["stalls"] = [[ms, when - self.started] for ms, when in report["stalls"]]
        return report

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is not None and kind is None and self.log.closed:
            return  # closed by the test itself
        if kind is None:
            self.close()
            return
        sys.stderr.write(self.last_words())
        if self.process.poll() is None:
            self.kill()

    def last_words(self):
        """For a test that failed: a picture, the tree and the log."""
        words = ""
        pictures = os.environ.get("KX_PICTURES")
        try:
            if pictures:
                os.makedirs(pictures, exist_ok=True)
                self.screenshot(os.path.join(pictures, f"failed-{os.path.basename(self.folder)}.png"))
            words = self.node.tree() + "\n"
        except Exception as problem:  # it may have crashed
            words = f"({problem})\n"
        return words + self.read_log()


# ── Data ─────────────────────────────────────────────────────────────────────

def small_data(folder, training=600, test_examples=200):
    """IDX files of pictures of 28x28, of ten classes, that a network learns in a few steps: the
    class is where the bar is. Returns the folder."""
    os.makedirs(folder, exist_ok=True)
    for part, count, seed in (("train", training, 1), ("t10k", test_examples, 2)):
        generator = random.Random(seed)
        labels = bytes(i % 10 for i in range(count))
        pictures = bytearray()
        for label in labels:
            picture = bytearray(generator.choices(range(60), k=28 * 28))
            for row in range(2 * label + 2, 2 * label + 5):
                picture[28 * row:28 * (row + 1)] = bytes([250] * 28)
            pictures += picture
        for name, header, content in (
                ("images-idx3", bytes([0, 0, 8, 3]) + count.to_bytes(4, "big")
                 + (28).to_bytes(4, "big") * 2, pictures),
                ("labels-idx1", bytes([0, 0, 8, 1]) + count.to_bytes(4, "big"), labels)):
            with gzip.open(os.path.join(folder, f"{part}-{name}-ubyte.gz"), "wb", 1) as file:
                file.write(header + bytes(content))
    return folder


def write(folder, name, content):
    """A file there; its path."""
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def install(folder):
    """Puts a small network among those that the application in that folder paints through."""
    path = write(folder, "small.onnx", networks.convolutions())
    subprocess.run([COMMAND, "models", "add", path, "--name", "small"], check=True,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "XDG_DATA_HOME": os.path.join(folder, "data")})


# ── Running ──────────────────────────────────────────────────────────────────

APPLICATION = sys.argv[1] if len(sys.argv) > 1 else "kolinsky-explorer"
COMMAND = os.path.join(os.path.dirname(os.path.abspath(APPLICATION)), "..", "src", "tools",
                       "kolinsky")
TESTS = []


class Skip(Exception):
    pass


def too_slow(text):
    """A measurement failed: so does the test, unless other programs have the processors."""
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load > 2 * cores:
        raise Skip(f"{text}; but the machine is busy: load {load:.0f} on {cores} cores")
    raise AssertionError(text)


STALL = 50 * SLOWNESS  # ms the main loop may be away


def check_stalls(report, begun, ended):
    """Between these times, in seconds after the start, the main loop was never away for long."""
    stalls = [ms for ms, when in report["stalls"] if begun < when < ended]
    print(f"# longest stalls of the main loop: {stalls[:3]} ms", flush=True)
    if stalls and stalls[0] > STALL:
        too_slow(f"the main loop stood still for {stalls[0]:.0f} ms")


def test(function):
    TESTS.append(function)
    return function


def attempt(function, name):
    """Runs a test in a folder of its own. Returns what follows "ok" in its line; None: it failed."""
    folder = tempfile.mkdtemp(prefix=f"kolinsky-{name}-")
    try:
        function(folder)
        return ""
    except Skip as reason:
        return f" # SKIP {reason}"
    except Exception:
        traceback.print_exc()
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    """Runs the tests that the remaining arguments name, all without, and reports as TAP.

    A test that fails is given a second chance, as a person would give a machine that was busy with
    something else; the log says so.
    """
    chosen = [each for each in TESTS if not sys.argv[2:] or each.__name__ in sys.argv[2:]]
    failures = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, function in enumerate(chosen, 1):
        name = function.__name__.replace("_", "-")
        result = attempt(function, name)
        if result is None:
            print(f"# {name} failed, and is tried again", flush=True)
            result = attempt(function, name)
        failures += result is None
        print(f"not ok {number} {name}" if result is None else f"ok {number} {name}{result}",
              flush=True)
    sys.exit(1 if failures else 0)
