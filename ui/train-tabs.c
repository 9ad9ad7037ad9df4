/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures of a network that learns. */

#include "train-tabs.h"

struct _KxTrainTabs {
  AdwBin parent_instance;

  KxRun *run;
};

G_DEFINE_FINAL_TYPE (KxTrainTabs, kx_train_tabs, ADW_TYPE_BIN)

static void
kx_train_tabs_dispose (GObject *object)
{
  g_clear_object (&KX_TRAIN_TABS (object)->run);
  G_OBJECT_CLASS (kx_train_tabs_parent_class)->dispose (object);
}

static void
kx_train_tabs_class_init (KxTrainTabsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = kx_train_tabs_dispose;
}

static void
kx_train_tabs_init (KxTrainTabs *self)
{
}

/**
 * kx_train_tabs_set_run:
 * @tabs: the tabs
 * @run: (nullable): what they look into
 */
void
kx_train_tabs_set_run (KxTrainTabs *self, KxRun *run)
{
  g_set_object (&self->run, run);
}
