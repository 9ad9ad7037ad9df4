/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "kolinsky.h"

G_BEGIN_DECLS

/*
 * What tests of style transfer share: a device, a small network of chance weights, and a
 * picture to be painted with it.
 */

extern KolDevice *style_test_device;
extern char *style_test_network; /* an ONNX file */

/* Adds the tests between these two; the second runs them, and returns the exit code. */
void style_test_begin (int *argc, char ***argv);
int style_test_end (void);

/* Stripes, or blobs; of any size. Given. */
KolPicture *style_test_picture (gsize channels, gsize width, gsize height, double wave);

typedef struct {
  KolPicture *content, *styles[2], *region;
  KolStyleSource sources[2];
  KolStyleOptions options;
} StyleTask;

typedef struct {
  KolStyle *style;
  GCancellable *cancellable; /* or NULL: it is cancelled after */
  guint cancel_after;
  guint told, snapshots;
  double first, last; /* totals of the last size */
  guint size;
  GString *events;
} StyleTold;

void style_task_init (StyleTask *task);
void style_task_clear (StyleTask *task);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StyleTask, style_task_clear)

/* For a watch whose data are a StyleTold. */
void style_test_note (const KolStudyProgress *progress, gpointer user_data);
/* Paints it; every pixel is in 0..1. Given. */
KolSnapshot *style_test_paint (const StyleTask *task, StyleTold *told);
void style_test_assert_size (const KolSnapshot *picture, gsize width, gsize height);

G_END_DECLS
