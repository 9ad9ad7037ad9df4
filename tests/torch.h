/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Whether the reference program, given @option (or %NULL) and @folder, wrote its numbers into
 * @folder; if there is no PyTorch, the test is skipped. KOLINSKY_TORCH_PYTHON names a Python.
 */
gboolean run_torch (const char *program, const char *option, const char *folder);

G_END_DECLS
