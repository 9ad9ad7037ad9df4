/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * What style transfer makes smaller, at one size of picture: a graph from the variable
 * "study/style/x" to the losses of all layers, and to its gradient, which a run leaves in
 * "study/style/gradient". Both stay on the device; the host reads the losses alone.
 */

#include "layers.h"
#include "study.h"
#include "style.h"

G_BEGIN_DECLS

#define KOL_STYLE_X "study/style/x"
#define KOL_STYLE_GRADIENT "study/style/gradient"

/* A style at the size at which it is looked at, for one octave of the picture: 0 the picture
 * itself, 1 the picture at half the size, and so on. Each octave has all styles. */
typedef struct {
  KolSnapshot *picture;
  double weight;
  const KolPicture *region; /* grey: where it is wanted; NULL: all over */
  guint octave;
  const KolPicture *part; /* grey: what is taken of the picture; NULL: all of it */
} KolStyleWanted;

typedef struct {
  const KolStyleOptions *options;
  KolSnapshot *content;
  const KolStyleWanted *styles;
  guint n_styles;
  KolMemory memory;    /* how much an evaluation keeps */
  guint64 tile_budget; /* bytes for tiles; 0: the picture is computed as a whole */
} KolStyleTask;

typedef struct _KolStyleProblem KolStyleProblem;

/* Whether a picture is large enough for the layers of the network, which are built for that and
 * gone. */
gboolean kol_style_problem_fits (KolLayers *layers, gsize width, gsize height, GError **error);
/* Builds the graph; computes nothing yet. @layers and @task must outlive it. Given. */
KolStyleProblem *kol_style_problem_new (KolLayers *layers, const KolStyleTask *task,
                                        GError **error);
void kol_style_problem_free (KolStyleProblem *problem);
/* Bytes on the device at the peak of an evaluation. */
/* Of a problem in tiles: the size of the largest, with what is seen around it. */
void kol_style_problem_get_tile (KolStyleProblem *problem, gsize *width, gsize *height);
gboolean kol_style_problem_peak_bytes (KolStyleProblem *problem, guint64 *bytes, GError **error);
/* Looks at the content and the styles, after which evaluations know what is wanted. */
gboolean kol_style_problem_look (KolStyleProblem *problem, GCancellable *cancellable,
                                 GError **error);
/* Takes over the weights of losses from the options as they are now. */
void kol_style_problem_weigh (KolStyleProblem *problem);
/* Into how many tiles the picture is cut. */
guint kol_style_problem_get_tiles (const KolStyleProblem *problem);
/* Computes the losses at x, and the gradient. The total may be NaN, which is no error. */
gboolean kol_style_problem_evaluate (KolStyleProblem *problem, GCancellable *cancellable,
                                     double *total, GError **error);

/* Each loss as it was at the last evaluation. Lent. */
const KolStyleTerm *kol_style_problem_get_terms (const KolStyleProblem *problem, guint *n);

/* [C, H, W], 0..1 for colours, to and from the units of x. */
void kol_style_problem_to_units (const KolStyleProblem *problem, const float *pixels, float *x);
void kol_style_problem_to_pixels (const KolStyleProblem *problem, const float *x, float *pixels);
KolShape kol_style_problem_get_shape (const KolStyleProblem *problem);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolStyleProblem, kol_style_problem_free)

G_END_DECLS
