/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "looks.h"

G_BEGIN_DECLS

#define KX_TYPE_TRAIN_TAB (kx_train_tab_get_type ())
/**
 * KxTrainTab:
 *
 * What all picture tabs have in common: a tab looks into the run while it is on the screen, as
 * often as it may, and never so often that the run would learn noticeably slower.
 *
 * Signal "example" (KxExample *): an example was clicked.
 */
G_DECLARE_DERIVABLE_TYPE (KxTrainTab, kx_train_tab, KX, TRAIN_TAB, AdwBin)

/**
 * KxTrainTabClass:
 * @ask: what the tab wants to see, or %FALSE: nothing now
 * @take: shows what was seen; %FALSE: there is more to look at, though the step is the same
 * @clear: forgets what was shown
 */
struct _KxTrainTabClass {
  AdwBinClass parent_class;
  gboolean (*ask) (KxTrainTab *tab, KxLookQuestion *question);
  gboolean (*take) (KxTrainTab *tab, KxLook *look);
  void (*clear) (KxTrainTab *tab);
};

void kx_train_tab_set_up (KxTrainTab *tab, GtkWidget *content, double period, const char *title,
                          const char *description);
void kx_train_tab_set_run (KxTrainTab *tab, KxRun *run, KxLooks *looks);
KxRun *kx_train_tab_get_run (KxTrainTab *tab);
void kx_train_tab_look (KxTrainTab *tab);
void kx_train_tab_ask (KxTrainTab *tab, const KxLookQuestion *question, KxLookFunc func,
                       gpointer owner);

/* What tabs share: */
GtkWidget *kx_train_tab_make_examples (KxTrainTab *tab, const char *name);
void kx_train_tab_show_examples (KxTrainTab *tab, KxLook *look);
GtkLabel *kx_train_tab_make_caption (void);

GtkWidget *kx_tab_batch_new (void);
GtkWidget *kx_tab_mistakes_new (void);
GtkWidget *kx_tab_confusion_new (void);
GtkWidget *kx_tab_filters_new (void);
GtkWidget *kx_tab_histograms_new (void);

#define KX_TYPE_TAB_ACTIVATIONS (kx_tab_activations_get_type ())
/** KxTabActivations: what each layer makes of an example. */
G_DECLARE_FINAL_TYPE (KxTabActivations, kx_tab_activations, KX, TAB_ACTIVATIONS, KxTrainTab)
GtkWidget *kx_tab_activations_new (void);
void kx_tab_activations_show (KxTabActivations *tab, const KxExample *example);

G_END_DECLS
