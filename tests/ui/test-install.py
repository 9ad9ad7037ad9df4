# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""What `meson install` puts in place: valid, and enough to run from there."""
import glob
import os
import shutil
import subprocess

import explorer
from explorer import Explorer, Skip, check, main, test

BUILD = os.environ["KX_BUILD"]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    check(done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}")
    return done.stdout


def tool(name):
    if not shutil.which(name):
        raise Skip(f"{name} is not installed")
    return name


def install(folder):
    """Installs, and returns the prefix below the folder."""
    stage = os.path.join(folder, "stage")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", stage)
    found = glob.glob(os.path.join(stage, "**", "bin", "kolinsky-explorer"), recursive=True)
    check(len(found) == 1, f"installed programs: {found}")
    return os.path.dirname(os.path.dirname(found[0]))


@test
def the_desktop_file_and_the_metainfo_are_valid(folder):
    share = os.path.join(install(folder), "share")
    desktop = os.path.join(share, "applications", "org.kolinsky.Explorer.desktop")
    said = run(tool("desktop-file-validate"), desktop)
    check(not said, said)
    with open(desktop, encoding="utf-8") as file:
        check("Comment[de]=" in file.read(), "the desktop file is not translated")
    run(tool("appstreamcli"), "validate", "--no-net",
        os.path.join(share, "metainfo", "org.kolinsky.Explorer.metainfo.xml"))


@test
def it_runs_from_a_prefix(folder):
    prefix = install(folder)
    share = os.path.join(prefix, "share")
    for path in ("icons/hicolor/scalable/apps/org.kolinsky.Explorer.svg",
                 "icons/hicolor/symbolic/apps/org.kolinsky.Explorer-symbolic.svg",
                 "locale/de/LC_MESSAGES/kolinsky.mo", "man/man1/kolinsky-explorer.1"):
        check(os.path.exists(os.path.join(share, path)), f"{path} is missing")
    # What an installation that is not staged does by itself.
    run("glib-compile-schemas", os.path.join(share, "glib-2.0", "schemas"))
    library, = glob.glob(os.path.join(prefix, "**", "libkolinsky.so"), recursive=True)
    before = explorer.APPLICATION
    explorer.APPLICATION = os.path.join(prefix, "bin", "kolinsky-explorer")
    try:
        with Explorer(folder, environment={
                "XDG_DATA_DIRS": f"{share}:/usr/local/share:/usr/share",
                "LD_LIBRARY_PATH": os.path.dirname(library) + ":"
                + os.environ.get("LD_LIBRARY_PATH", "")}) as app:
            app.page("Devices")
    finally:
        explorer.APPLICATION = before


main()
