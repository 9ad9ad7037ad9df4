#!/usr/bin/env python3
# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
"""Writes the table of all operations from the names in meson.build."""
import sys

output, names = sys.argv[1], [name.replace("-", "_") for name in sys.argv[2:]]
with open(output, "w") as file:
    file.write('#include "graph/registry-private.h"\n\n')
    for name in names:
        file.write(f"extern const KolOp *const kol_{name}_ops[];\n")
    file.write("\nconst KolOp *const *const kol_op_lists[] = {\n")
    for name in names:
        file.write(f"  kol_{name}_ops,\n")
    file.write("  NULL,\n};\n")
