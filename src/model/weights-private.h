/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../elements-private.h"
#include "../zip-private.h"
#include "weights.h"

G_BEGIN_DECLS

/* An array of a file. */
typedef struct {
  char *name;
  KolElements elements;
  KolShape shape;       /* the dims of @elements, as the graph has them */
  const guint8 *bytes;  /* of element 0 in the mapped file, or NULL, and then */
  KolZipMember *member; /* the archive's member that has it, */
  gsize offset;         /* and where in that element 0 is */
} KolWeightsArray;

/*
 * A format of such files. A new one is a file that defines one of these, and its line
 * in the table of weights.c.
 */
typedef struct {
  const char *title; /* for people */
  /* Whether the file is of this format, as its first bytes tell; @bytes may be NULL. */
  gboolean (*recognizes) (const guint8 *bytes, gsize length);
  /* Adds all the arrays; what it leaves in @weights is freed with it, also on failure. */
  gboolean (*open) (KolWeights *weights, GError **error);
  /* Where arrays are not read from @bytes or @member, reads one. */
  gboolean (*read) (KolWeights *weights, const KolWeightsArray *array, float *values,
                    GError **error);
  void (*close) (KolWeights *weights);
} KolWeightsFormat;

struct _KolWeights {
  char *path;
  GMappedFile *file;
  const guint8 *bytes;
  gsize length;
  const char *title; /* of the format, or of what it is more exactly */
  const KolWeightsFormat *format;
  KolZip *zip;         /* or NULL */
  gpointer data;       /* the format's own */
  GPtrArray *arrays;   /* of KolWeightsArray */
  GHashTable *by_name; /* name -> index + 1 */
};

/* No file of a network has more arrays, or longer names. */
#define KOL_WEIGHTS_MOST_ARRAYS 65536
#define KOL_WEIGHTS_MOST_LETTERS 1024

extern const KolWeightsFormat kol_weights_hdf5, kol_weights_npy, kol_weights_pickle,
    kol_weights_safetensors, kol_weights_zip;

/* Sets an error of KOL_ERROR_DATA that begins with the file's name; always FALSE. */
gboolean kol_weights_fail (const KolWeights *weights, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Makes such an error of one of KOL_FILE_ERROR; leaves others. Always FALSE. */
gboolean kol_weights_file_error (GError **error);
/* Adds an array called @name without a place; NULL, with an error, if it cannot be. Lent. */
KolWeightsArray *kol_weights_add (KolWeights *weights, const char *name,
                                  const KolElements *elements, GError **error);

/* The archive that torch.save() writes, which is open as weights->zip (pth.c). */
gboolean kol_weights_is_torch_zip (const KolZip *zip);
gboolean kol_weights_open_torch_zip (KolWeights *weights, GError **error);

G_END_DECLS
