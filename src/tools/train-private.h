/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What is trained, and how, as `train` and `search` are told it; train-setup.c. */

#include "tool-private.h"

G_BEGIN_DECLS

#define TRAIN_UNSET (-G_MAXDOUBLE)
#define TRAIN_UNSET_INTEGER G_MININT64

typedef struct {
  const ToolCommand *command; /* whose they are */
  ToolOptions common;
  char *data;
  char *folder;
  char *network;
  char *weights;
  char *optimizer;
  char *memory;
  char *resume;
  char *size;
  char *target;
  char **set;
  gint64 steps, epochs, batch, seed;
  double rate, keep;
  gboolean grey, numbers, stream;
  const char *recipe;
} TrainOptions;

void train_options_init (TrainOptions *options, const ToolCommand *command);
void train_options_clear (TrainOptions *options);
/* The options that both have, then the command's @own; ended by an empty one. Given. */
GOptionEntry *train_options_list (TrainOptions *options, const GOptionEntry *own);
/* Takes the recipe out of what is left of the command line, and looks for what does not go
 * together; what is wrong is printed. */
ToolExit train_options_check (TrainOptions *options, int argc, char **argv);

/* What is read before anything is computed. */
typedef struct {
  const TrainOptions *options;
  KolRecipe *recipe;
  KolTrainSettings settings;
  KolDatasetOptions data_options;
  KolPreprocess picture; /* how pictures are prepared that stay in their files */
  char *weights;         /* the file to begin with; NULL: none */
  char *data;            /* the path */
  const KolRun *resumed; /* what goes on, which lends it all; NULL: a new run */
  KolDataset *training;
  KolDataset *validation; /* NULL: some of training are held out */
  KolDataset *test;       /* NULL: there is none, or it is not looked at */
} TrainSetup;

void train_setup_clear (TrainSetup *setup);
/* What a run says of itself, which is to live as long. */
void train_setup_take_run (TrainSetup *setup, const KolRun *run);
/* What the command line says: a new run, or on top of the run that was taken. */
ToolExit train_setup_choose (TrainSetup *setup, GError **error);
/* Checks the files now; their pixels are read while the device is opened and prepared. */
gboolean train_setup_open_data (TrainSetup *setup, gboolean with_test, GError **error);
void train_setup_say_data (const TrainSetup *setup);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TrainOptions, train_options_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TrainSetup, train_setup_clear)

G_END_DECLS
