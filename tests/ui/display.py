# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The X display under test: pictures of it, keys and the pointer.

It speaks to libX11 and libXtst, which are there wherever at-spi2-core is, so that tests need neither
ImageMagick nor xdotool.
"""
import ctypes
import ctypes.util
import struct
import threading
import time
import zlib

ALL_PLANES = 0xFFFFFFFF
Z_PIXMAP = 2
MODIFIERS = {"Ctrl": "Control_L", "Shift": "Shift_L", "Alt": "Alt_L"}
KEYS = {"?": "question", ".": "period", ",": "comma", "+": "plus", "-": "minus", " ": "space",
        "[": "bracketleft", "]": "bracketright", "/": "slash", "*": "asterisk", "=": "equal",
        "_": "underscore",
        "Enter": "Return", "Esc": "Escape", "PageUp": "Prior", "PageDown": "Next"}


class Image(ctypes.Structure):
    _fields_ = [("width", ctypes.c_int), ("height", ctypes.c_int), ("xoffset", ctypes.c_int),
                ("format", ctypes.c_int), ("data", ctypes.POINTER(ctypes.c_ubyte)),
                ("byte_order", ctypes.c_int), ("bitmap_unit", ctypes.c_int),
                ("bitmap_bit_order", ctypes.c_int), ("bitmap_pad", ctypes.c_int),
                ("depth", ctypes.c_int), ("bytes_per_line", ctypes.c_int)]


def load(name):
    path = ctypes.util.find_library(name)
    if not path:
        raise OSError(f"lib{name} is missing")
    return ctypes.CDLL(path)


class Display:
    def __init__(self):
        self.x, self.test = load("X11"), load("Xtst")
        self.x.XOpenDisplay.restype = ctypes.c_void_p
        self.x.XGetImage.restype = ctypes.POINTER(Image)
        self.x.XDefaultRootWindow.restype = ctypes.c_ulong
        self.x.XStringToKeysym.restype = ctypes.c_ulong
        self.x.XKeycodeToKeysym.restype = ctypes.c_ulong
        self.display = ctypes.c_void_p(self.x.XOpenDisplay(None))
        if not self.display:
            raise OSError("there is no display")
        self.root = ctypes.c_ulong(self.x.XDefaultRootWindow(self.display))
        self.size = (self.x.XDisplayWidth(self.display, 0), self.x.XDisplayHeight(self.display, 0))

    def close(self):
        self.x.XCloseDisplay(self.display)

    def set_dpi(self, dpi):
        """The resolution that applications take text to have; 96 is usual."""
        resource_manager, string = 23, 31  # atoms of Xatom.h
        text = f"Xft.dpi:\t{dpi}\n".encode()
        self.x.XChangeProperty(self.display, self.root, ctypes.c_ulong(resource_manager),
                               ctypes.c_ulong(string), 8, 0, text, len(text))
        self.x.XSync(self.display, 0)

    # ── Pictures ─────────────────────────────────────────────────────────────

    def pixels(self, area=None):
        """The area (x, y, width, height), all unless given: its width, its height and RGB bytes."""
        x, y, width, height = area or (0, 0, *self.size)
        image = self.x.XGetImage(self.display, self.root, x, y, width, height,
                                 ctypes.c_ulong(ALL_PLANES), Z_PIXMAP)
        raw = ctypes.string_at(image.contents.data, image.contents.bytes_per_line * height)
        self.x.XFree(image.contents.data)
        self.x.XFree(image)
        rgb = bytearray(3 * width * height)
        rgb[0::3], rgb[1::3], rgb[2::3] = raw[2::4], raw[1::4], raw[0::4]
        return width, height, bytes(rgb)

    def is_bare(self):
        """Whether there is no window on it."""
        width, height, rgb = self.pixels()
        return rgb == rgb[:3] * (width * height)

    def screenshot(self, path, area=None):
        """Writes a PNG."""
        width, height, rgb = self.pixels(area)
        rows = b"".join(b"\0" + rgb[3 * width * y:3 * width * (y + 1)] for y in range(height))

        def chunk(kind, content):
            return (struct.pack(">I", len(content)) + kind + content
                    + struct.pack(">I", zlib.crc32(kind + content)))

        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n"
                       + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                       + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b""))

    # ── Keys ─────────────────────────────────────────────────────────────────

    def keycode(self, name):
        """The key of a name or of a character, and whether Shift must be held for it."""
        symbol = self.x.XStringToKeysym(KEYS.get(name, name).encode())
        code = self.x.XKeysymToKeycode(self.display, ctypes.c_ulong(symbol))
        if not code:
            raise ValueError(f"no key {name!r}")
        shifted = self.x.XKeycodeToKeysym(self.display, ctypes.c_ubyte(code), 0) != symbol
        return code, shifted

    def send(self, code, down):
        self.test.XTestFakeKeyEvent(self.display, code, down, ctypes.c_ulong(0))

    def key(self, keys):
        """Presses keys as they are written in menus: "Ctrl+Shift+z", "F9", "Left", "?"."""
        *held, last = ["+"] if keys == "+" else keys.split("+")
        code, shifted = self.keycode(last)
        if shifted and "Shift" not in held:
            held.append("Shift")
        held = [self.keycode(MODIFIERS[name])[0] for name in held]
        for modifier in held:
            self.send(modifier, 1)
        self.send(code, 1)
        self.send(code, 0)
        for modifier in reversed(held):
            self.send(modifier, 0)
        self.x.XSync(self.display, 0)

    def write(self, text):
        """Types a text."""
        for character in text:
            self.key(character)

    # ── Pointer ──────────────────────────────────────────────────────────────

    def move(self, x, y):
        self.test.XTestFakeMotionEvent(self.display, -1, int(x), int(y), ctypes.c_ulong(0))
        self.x.XSync(self.display, 0)

    def button(self, button, down):
        self.test.XTestFakeButtonEvent(self.display, button, down, ctypes.c_ulong(0))
        self.x.XSync(self.display, 0)

    def press(self, x, y, button=1):
        """Moves the pointer there and clicks."""
        self.move(x, y)
        self.button(button, 1)
        self.button(button, 0)

    def drag(self, points, seconds=0.3):
        """Moves the pointer along the points with its first button held."""
        self.move(*points[0])
        self.button(1, 1)
        for point in points[1:]:
            time.sleep(seconds / max(len(points) - 1, 1))
            self.move(*point)
        self.button(1, 0)

    def scroll(self, steps):
        """Turns the wheel where the pointer is; positive: down."""
        for _ in range(abs(steps)):
            self.button(5 if steps > 0 else 4, 1)
            self.button(5 if steps > 0 else 4, 0)


class Request(ctypes.Structure):
    """XSelectionRequestEvent."""
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
                ("display", ctypes.c_void_p), ("owner", ctypes.c_ulong),
                ("requestor", ctypes.c_ulong), ("selection", ctypes.c_ulong),
                ("target", ctypes.c_ulong), ("property", ctypes.c_ulong), ("time", ctypes.c_ulong)]


class Answer(ctypes.Structure):
    """XSelectionEvent, as long as XEvent is."""
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
                ("display", ctypes.c_void_p), ("requestor", ctypes.c_ulong),
                ("selection", ctypes.c_ulong), ("target", ctypes.c_ulong),
                ("property", ctypes.c_ulong), ("time", ctypes.c_ulong),
                ("rest", ctypes.c_ulong * 16)]


class Clipboard:
    """Another application, in which something was copied: bytes of a kind, "image/png"."""
    REQUEST, NOTIFY, ATOM, REPLACE = 30, 31, 4, 0

    def __init__(self, kind, content, selection="CLIPBOARD"):
        self.x = load("X11")
        self.x.XOpenDisplay.restype = ctypes.c_void_p
        for function in ("XCreateSimpleWindow", "XInternAtom", "XDefaultRootWindow"):
            getattr(self.x, function).restype = ctypes.c_ulong
        self.display = ctypes.c_void_p(self.x.XOpenDisplay(None))
        root = ctypes.c_ulong(self.x.XDefaultRootWindow(self.display))
        self.window = ctypes.c_ulong(self.x.XCreateSimpleWindow(
            self.display, root, 0, 0, 1, 1, 0, ctypes.c_ulong(0), ctypes.c_ulong(0)))
        self.targets, self.kind, self.content = self.atom("TARGETS"), self.atom(kind), content
        self.x.XSetSelectionOwner(self.display, ctypes.c_ulong(self.atom(selection)), self.window,
                                  ctypes.c_ulong(0))
        self.x.XSync(self.display, 0)
        self.open = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def atom(self, name):
        return self.x.XInternAtom(self.display, name.encode(), 0)

    def serve(self):
        event = ctypes.create_string_buffer(ctypes.sizeof(Answer))
        while self.open:
            if not self.x.XPending(self.display):
                time.sleep(0.01)
                continue
            self.x.XNextEvent(self.display, event)
            request = Request.from_buffer_copy(event)
            if request.type == self.REQUEST:
                self.answer(request)

    def answer(self, request):
        answer = Answer(type=self.NOTIFY, display=request.display, requestor=request.requestor,
                        selection=request.selection, target=request.target, time=request.time)
        if request.target == self.targets:
            answer.property = request.property
            kinds = (ctypes.c_ulong * 2)(self.targets, self.kind)
            self.put(request, self.ATOM, 32, ctypes.byref(kinds), 2)
        elif request.target == self.kind:
            answer.property = request.property
            self.put(request, self.kind, 8, self.content, len(self.content))
        self.x.XSendEvent(self.display, ctypes.c_ulong(request.requestor), 0, ctypes.c_long(0),
                          ctypes.byref(answer))
        self.x.XFlush(self.display)

    def put(self, request, kind, bits, data, count):
        self.x.XChangeProperty(self.display, ctypes.c_ulong(request.requestor),
                               ctypes.c_ulong(request.property), ctypes.c_ulong(kind), bits,
                               self.REPLACE, data, count)

    def close(self):
        self.open = False
        self.thread.join()
        self.x.XCloseDisplay(self.display)


class Message(ctypes.Structure):
    """XClientMessageEvent, as long as XEvent is."""
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
                ("display", ctypes.c_void_p), ("window", ctypes.c_ulong), ("kind", ctypes.c_ulong),
                ("format", ctypes.c_int), ("data", ctypes.c_long * 5), ("rest", ctypes.c_ulong * 12)]


class Drag(Clipboard):
    """Another application, from which bytes of a kind are dragged over a window, by its title.

    It speaks version 5 of the protocol XDND; the pointer stays where it is.
    """
    CLIENT_MESSAGE, VERSION = 33, 5

    def __init__(self, kind, content, title):
        super().__init__(kind, content, "XdndSelection")
        self.sender = ctypes.c_void_p(self.x.XOpenDisplay(None))  # the other is the thread's
        self.target = self.find(title)

    def find(self, title):
        """The highest window of that title; no window manager has put others around it."""
        root, parent, windows = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)()
        count, name = ctypes.c_uint(), ctypes.c_char_p()
        self.x.XQueryTree(self.sender, ctypes.c_ulong(self.x.XDefaultRootWindow(self.sender)),
                          ctypes.byref(root), ctypes.byref(parent), ctypes.byref(windows),
                          ctypes.byref(count))
        for window in reversed(windows[:count.value]):
            if (self.x.XFetchName(self.sender, ctypes.c_ulong(window), ctypes.byref(name))
                    and name.value.decode() == title):
                return window
        raise LookupError(f"there is no window {title!r}")

    def send(self, kind, *data):
        message = Message(type=self.CLIENT_MESSAGE, display=self.sender, window=self.target,
                          kind=self.x.XInternAtom(self.sender, kind.encode(), 0), format=32)
        message.data = (ctypes.c_long * 5)(self.window.value, *data)
        self.x.XSendEvent(self.sender, ctypes.c_ulong(self.target), 0, ctypes.c_long(0),
                          ctypes.byref(message))
        self.x.XSync(self.sender, 0)

    def enter(self):
        self.send("XdndEnter", self.VERSION << 24, self.kind)

    def move(self, x, y):
        copy = self.x.XInternAtom(self.sender, b"XdndActionCopy", 0)
        self.send("XdndPosition", 0, x << 16 | y, 0, copy)

    def leave(self):
        self.send("XdndLeave")

    def drop(self):
        self.send("XdndDrop")

    def close(self):
        super().close()
        self.x.XCloseDisplay(self.sender)
