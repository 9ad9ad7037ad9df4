/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "canvas.h"
#include "compare.h"
#include "deep-picture.h"
#include "fast-grid.h"
#include "film-strip.h"
#include "loss-chart.h"
#include "paint-dial.h"
#include "paint-job.h"
#include "paint-page.h"
#include "paint-well.h"
#include "style-row.h"

G_BEGIN_DECLS

/** KX_USUAL_SIZE: pixels of the longer side, where nobody says otherwise. */
#define KX_USUAL_SIZE 512

/** KxPaintMove: a move of a scale, to be taken back. */
typedef struct _KxPaintMove KxPaintMove;

/**
 * KxPaintMoment:
 * @picture: as it was
 * @step: when that was
 *
 * The picture as it was once.
 */
typedef struct {
  GdkPaintable *picture;
  guint step;
} KxPaintMoment;

/* The page, of which each file of its name has a part; see there. */
struct _KxPaintPage {
  KxPage parent_instance;

  KxPaintPicture *content;
  GPtrArray *networks; /* of KolModelEntry */
  GArray *sizes;       /* of guint, as the row has them */
  gboolean filled;     /* the samples are there */
  gboolean opening;    /* another picture is on its way: no sample is needed */
  gboolean setting;    /* controls are being set, not used */
  const char *wanted;  /* interned: the network that was asked for last */
  KxJob *getting;      /* a network that is on its way */

  KxPaintJob *job;    /* the painting that is shown */
  GdkPaintable *now;  /* its picture, or the content */
  KolSnapshot *full;  /* its picture as the engine has it */
  GPtrArray *moments; /* of KxPaintMoment, as the film strip has them */
  guint step;         /* how many were done */
  GPtrArray *moves;   /* of char*: what was changed meanwhile, ends with NULL */
  gboolean fits;
  guint fitting_size;
  KxPaint *planned; /* what the need is of */
  guint plan_source;
  KxPaintMove *move; /* the latest, which the undo list owns */
  gint64 moved;
  gboolean noted; /* the latest move is the last of moves */
  double noted_from;
  gint64 begun_anew; /* when it was last said that L-BFGS begins anew */

  GtkButton *paint, *save, *cancel, *more, *fit, *get_small, *get_large;
  GtkToggleButton *pause;
  GtkProgressBar *getting_bar;
  GtkStack *stack;
  KxPaintWell *content_well, *style_well;
  KxCompare *compare;
  KxCanvas *canvas;
  GtkLabel *mask_hint;
  GtkToggleButton *mask_on_content; /* it or its neighbour, for the style's own picture */
  GtkToggleButton *mask_paint, *mask_erase;
  GtkRange *mask_radius;
  GtkButton *mask_all;
  KxStyleRow *masked; /* whose mask is being painted */
  KxFilmStrip *strip;
  KxLossChart *losses;
  KxFastGrid *fast;
  GtkLabel *left, *need;
  AdwActionRow *content_row;
  GtkPicture *content_thumbnail;
  GtkListBox *styles;
  KxPaintDial *style_weight, *content_weight;
  AdwComboRow *size, *optimizer, *colours, *network;
  AdwActionRow *steps_row;
  GtkSpinButton *steps;
  GtkWidget *styles_group, *layers_group, *chart_side, *frame;
  GtkOrientable *bottom;
  AdwExpanderRow *layers;
  GPtrArray *layer_dials; /* of KxPaintDial */
};

KxSession *kx_paint_page_get_session (KxPaintPage *self);

G_END_DECLS
