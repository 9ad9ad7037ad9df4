/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../elements-private.h"

G_BEGIN_DECLS

/*
 * A reader of Python's pickles, protocols 1 to 5, as torch.save() writes them, that
 * never runs anything: it knows numbers, strings, lists, tuples, dictionaries, sets
 * and PyTorch's tensors over storages. A pickle that wants any other class or function
 * is refused, and told by its name.
 *
 * A pickle is a program for a machine with a stack and a memo, which runs once through
 * its bytes: nothing recurses, whatever is nested, and each item that it makes takes at
 * least a byte of the file. Values may hold themselves, so they belong to the pickle
 * and go with it.
 */
typedef enum {
  KOL_PICKLE_NONE,
  KOL_PICKLE_MARK, /* on the stack alone */
  KOL_PICKLE_BOOLEAN,
  KOL_PICKLE_INTEGER,
  KOL_PICKLE_LONG, /* beyond 64 bits: its bytes, little-endian, or its decimal digits */
  KOL_PICKLE_FLOAT,
  KOL_PICKLE_STRING, /* UTF-8 */
  KOL_PICKLE_BYTES,
  KOL_PICKLE_TUPLE,
  KOL_PICKLE_LIST,
  KOL_PICKLE_DICTIONARY,
  KOL_PICKLE_SET,
  KOL_PICKLE_GLOBAL,
  KOL_PICKLE_STORAGE,
  KOL_PICKLE_TENSOR,
} KolPickleKind;

typedef struct _KolPickleItem KolPickleItem;
typedef struct _KolPickleGlobal KolPickleGlobal;

struct _KolPickleItem {
  KolPickleKind kind;
  guint length; /* of @text in bytes; of containers @items has it */
  union {
    gint64 integer;
    const char *text; /* of LONG, STRING, BYTES: in the file, without a NUL behind it */
    GPtrArray *items; /* of containers; a dictionary's are key, value, key, value, ... */
    const KolPickleGlobal *global;
    KolPickleItem *arguments; /* of STORAGE and TENSOR: the tuple that they are made of */
  } value;
};

/* A class or function that a pickle may name. */
struct _KolPickleGlobal {
  const char *module;
  const char *name;
  /* What a call makes of @arguments, a tuple; NULL where nothing is called. */
  KolPickleItem *(*call) (const KolPickleGlobal *self, KolPickleItem *arguments, gpointer pickle,
                          GError **error);
  const char *elements; /* of a storage: its type, as kol_element_type_find() takes it */
};

typedef struct _KolPickle KolPickle;

/* For one or more pickles that lie one behind the other in @bytes, which must stay. */
KolPickle *kol_pickle_new (const guint8 *bytes, gsize length);
void kol_pickle_free (KolPickle *pickle);

/*
 * Reads the pickle at *@position and moves that behind it. What it gives is lent, and
 * stays until the reader is freed. Errors are of KOL_ERROR_DATA, and say what is wrong
 * without the file's name; NULL then.
 */
KolPickleItem *kol_pickle_read (KolPickle *pickle, gsize *position, GError **error);
/* All the storages that the pickles have named, by key, of KolPickleStorage. Lent. */
GHashTable *kol_pickle_get_storages (KolPickle *pickle);

/* A storage, the memory that tensors are views of. */
typedef struct {
  char *key;                  /* UTF-8, a name within the file */
  const KolElementType *type; /* of its elements */
  guint64 count;              /* how many there are */
} KolPickleStorage;

/* What a tensor is. */
typedef struct {
  const KolPickleStorage *storage;
  KolElements elements; /* its rank, dims and strides */
  guint64 offset;       /* of its first element in the storage, in elements */
} KolPickleTensor;

/* Checks a tensor against the storage that it is a view of. */
gboolean kol_pickle_tensor (KolPickle *pickle, const KolPickleItem *item, KolPickleTensor *tensor,
                            GError **error);

/* The value of the string key @name in a dictionary; NULL if there is none, or it is none. */
KolPickleItem *kol_pickle_lookup (const KolPickleItem *dictionary, const char *name);
gboolean kol_pickle_is_string (const KolPickleItem *item, const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolPickle, kol_pickle_free)

G_END_DECLS
