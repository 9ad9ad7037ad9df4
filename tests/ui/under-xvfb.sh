#!/bin/sh
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
#
#     under-xvfb.sh PROGRAM [ARGUMENT…]
#
# Runs a program as a desktop would, but on a display and a bus that nobody sees and that end
# with it: software rendering, accessibility on, a critical message is a crash, and settings
# are kept in memory. KX_SCREEN is the display's size, 1280x800 unless set. Where something
# that it takes is not installed it says so and ends with 77, which Meson shows as skipped.

for tool in xvfb-run Xvfb xauth dbus-run-session; do
  if ! command -v "$tool" > /dev/null; then
    echo "1..0 # SKIP $tool is not installed (Debian: apt-get install xvfb xauth dbus)"
    exit 77
  fi
done

# A runtime folder of its own: sockets of the real session must not be found.
runtime=$(mktemp -d) || exit 1
trap 'rm -rf "$runtime"' EXIT
chmod 700 "$runtime"

unset WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS AT_SPI_BUS_ADDRESS GTK_THEME GTK_DEBUG
export XDG_RUNTIME_DIR="$runtime"
export GDK_BACKEND=x11 GSK_RENDERER=cairo LIBGL_ALWAYS_SOFTWARE=1
export GSETTINGS_BACKEND=memory GTK_USE_PORTAL=0 GIO_USE_VFS=local NO_AT_BRIDGE=0
export GTK_A11Y="${GTK_A11Y-atspi}"
export G_DEBUG="${G_DEBUG-fatal-criticals}"
export LC_ALL="${LC_ALL-C.UTF-8}"

# What the bus and its services say goes to the errors: a test's output is a report.
xvfb-run -a -f "$runtime/Xauthority" -s "-screen 0 ${KX_SCREEN:-1280x800}x24 -nolisten tcp -noreset" \
  dbus-run-session -- sh -c 'exec "$@" >&9' sh "$@" 9>&1 >&2
