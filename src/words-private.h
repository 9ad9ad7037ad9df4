/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The one of @names (NULL-ended) that is spelled most like @word, or NULL if none is alike. Lent.
 */
const char *kol_nearest_word (const char *word, const char *const *names);
/* "a, b, c". Given. */
char *kol_list_words (const char *const *names);

G_END_DECLS
