/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Words that people have misspelled. */

#include "words-private.h"

#include <string.h>

#define MOST_LETTERS 64

/* How many letters must be changed, added or removed to make @b of @a (Levenshtein 1965). */
static guint
spelling_distance (const char *a, const char *b)
{
  guint row[MOST_LETTERS + 1];
  gsize n = MIN (strlen (b), MOST_LETTERS);

  for (guint j = 0; j <= n; j++)
    row[j] = j;
  for (guint i = 1; a[i - 1]; i++)
    {
      guint diagonal = row[0];
      row[0] = i;
      for (guint j = 1; j <= n; j++)
        {
          guint changed = diagonal + (a[i - 1] != b[j - 1]);
          diagonal = row[j];
          row[j] = MIN (changed, MIN (row[j], row[j - 1]) + 1);
        }
    }
  return row[n];
}

const char *
kol_nearest_word (const char *word, const char *const *names)
{
  const char *nearest = NULL;
  guint least = G_MAXUINT;

  for (; *names; names++)
    {
      guint distance = spelling_distance (word, *names);
      if (distance < least)
        {
          least = distance;
          nearest = *names;
        }
    }
  return nearest && least <= strlen (nearest) / 2 ? nearest : NULL;
}

char *
kol_list_words (const char *const *names)
{
  return g_strjoinv (", ", (char **) names);
}
