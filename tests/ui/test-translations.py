# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""The texts of the application can be translated, and German has nearly all of them.

    test-translations.py SOURCE_ROOT

New texts may wait for their translation; a tenth of all may not.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

ROOT = sys.argv[1]
PO = os.path.join(ROOT, "data", "po")
MARKED = {".c": re.compile(r"\bN?_ ?\(|\bg_dngettext"), ".ui": re.compile('translatable="yes"'),
          ".xml": re.compile("<summary>")}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def marked():
    """The files of ui/ that have texts."""
    for path in glob.glob(os.path.join(ROOT, "ui", "**", "*"), recursive=True):
        pattern = MARKED.get(os.path.splitext(path)[1])
        if pattern and "gresource" not in path and pattern.search(read(path)):
            yield os.path.relpath(path, ROOT)


def statistics(po):
    said = subprocess.run(["msgfmt", "--check-format", "--check-domain", "--statistics", "-o",
                           os.devnull, po], stderr=subprocess.PIPE, encoding="utf-8",
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    return said.returncode, said.stderr


def missing():
    """How many texts there are, and those that German does not have."""
    pot = subprocess.run(
        ["xgettext", "--from-code=UTF-8", "-k_", "-kN_", "-kg_dngettext:2,3", "-o", "-",
         *read(PO, "POTFILES").split()], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        encoding="utf-8", check=True).stdout
    merged = subprocess.run(["msgmerge", "--quiet", "--no-fuzzy-matching", "-o", "-",
                             os.path.join(PO, "de.po"), "-"], input=pot, stdout=subprocess.PIPE,
                            encoding="utf-8", check=True).stdout
    lacking = subprocess.run(["msgattrib", "--untranslated", "--no-obsolete", "--no-location", "-"],
                             input=merged, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return pot.count("\nmsgid ") - 1, re.findall(r'^msgid "(?:.+)"$|^msgid ""\n(?:".*"\n)+', lacking,
                                                 re.MULTILINE)[1:]


def main():
    for tool in ("msgfmt", "msgmerge", "xgettext"):
        if not shutil.which(tool):
            print(f"1..0 # SKIP {tool} is not installed (Debian: apt-get install gettext)")
            return 77
    left_out = sorted(set(marked()) - set(read(PO, "POTFILES").split()))
    code, said = statistics(os.path.join(PO, "de.po"))
    count, lacking = missing()
    results = [("potfiles", not left_out, f"POTFILES lacks {', '.join(left_out)}"),
               ("german-is-well-formed", code == 0, said),
               ("german-is-complete", len(lacking) < count / 10, "\n".join(lacking))]
    print(f"1..{len(results)}")
    for number, (name, good, text) in enumerate(results, 1):
        if not good:
            print(text, file=sys.stderr)
        print(f"{'ok' if good else 'not ok'} {number} {name}")
    for text in lacking:
        print("# without translation:", text.replace("\n", " "))
    return 0 if all(good for _, good, _ in results) else 1


sys.exit(main())
