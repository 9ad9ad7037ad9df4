/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of training share: pictures, a quick network, a device and a folder. */

#include "kolinsky.h"

G_BEGIN_DECLS

#define SIDE 28

extern KolDevice *device;
extern KolRecipe *digits;
extern char *scratch; /* a folder for files; emptied at the end */

/* Noisy pictures of SIDE x SIDE whose class is the place of a blob. Given. */
KolDataset *make_blobs (gsize count, guint classes, guint32 seed);
/* Logistic regression with dropout: a network that is quick to train. */
void linear_network (KolGraph *graph, gsize batch, gboolean training, const KolDataset *like,
                     KolNetworkValues *values, gpointer user_data);
/* A trainer of the network, or, with kol_recipe_network, of the recipe digits. */
KolTrainer *new_trainer (KolNetwork network, KolDataset *pictures,
                         const KolTrainSettings *settings);

/* What a run has told. */
typedef struct {
  guint progress, lines, epochs, done, saved, notes;
  guint64 last_saved;
  KolTrainReport first_progress, last_progress;
  KolTrainReport first_line, last_line;
  KolTrainReport last_epoch;
  KolTrainReport end;
  GCancellable *cancel; /* what to cancel at the first report, or NULL */
} Told;

void listen (const KolTrainReport *report, gpointer user_data);
void run (KolTrainer *trainer, Told *told);
KolScore *score (KolTrainer *trainer, KolDataset *pictures);

void remove_all (const char *path);
/* Opens the device, makes the folder, runs what @add adds. */
int run_tests (int argc, char **argv, void (*add) (void));

G_END_DECLS
