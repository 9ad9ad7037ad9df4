/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "accuracy-view.h"
#include "dream.h"
#include "exciter.h"
#include "film-strip.h"
#include "layer-list.h"
#include "network.h"
#include "photo-view.h"
#include "see-page.h"
#include "unit-detail.h"
#include "unit-grid.h"

G_BEGIN_DECLS

/* The page, of which each file of its name has a part; see there. */
struct _KxSeePage {
  KxPage parent_instance;

  GMenu *models, *runs;
  GtkButton *photo_button;
  GtkStack *stack;
  AdwStatusPage *opening;
  KxLayerList *layers;
  GtkStack *views;
  GtkLabel *units_title;
  GtkScale *size;
  GtkDropDown *order;
  AdwBin *grid_bin;
  KxUnitGrid *grid;
  KxPhotoView *photo, *draw;
  KxUnitDetail *detail;
  KxAccuracyView *accuracy;
  GtkRevealer *film_revealer;
  GtkToggleButton *live_button;
  KxFilmStrip *film;
  GtkButton *training_button;
  GtkMenuButton *open_pill;

  KxDream *dream;     /* of the photo, or NULL */
  KxScoring *scoring; /* of the network of a run */
  guint live;         /* a source, while a network in training is looked at */
  guint64 step;       /* that the network's weights are of */
  guint64 next_frame; /* the step from which on another picture joins the film */
  KxExciter *exciter;
  KxExamples *examples;
  KxNetwork *network;
  char *waiting;     /* what is to be opened once a device is known */
  GHashTable *lists; /* index of a layer -> KxUnitList */
  KxUnitList *units; /* of the layer in sight */
};

void kx_see_page_say_fault (KxSeePage *self, const char *text);
void kx_see_page_open (KxSeePage *self, const char *path);

G_END_DECLS
