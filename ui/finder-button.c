/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "finder-button.h"
struct _KxFinderButton {
  AdwBin parent_instance;
};
G_DEFINE_FINAL_TYPE (KxFinderButton, kx_finder_button, ADW_TYPE_BIN)
static void
kx_finder_button_class_init (KxFinderButtonClass *klass)
{
}
static void
kx_finder_button_init (KxFinderButton *self)
{
}
void
kx_finder_button_set_run (KxFinderButton *button, KxRun *run)
{
}
