#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Writes the resource list of the kernel files that are given."""
import os
import sys

output, paths = sys.argv[1], sys.argv[2:]
with open(output, "w") as file:
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<gresources>\n')
    file.write('  <gresource prefix="/org/kolinsky/kernels">\n')
    for path in paths:
        file.write(f"    <file>{os.path.basename(path)}</file>\n")
    file.write("  </gresource>\n</gresources>\n")
