/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Tables of numbers in text: a row per example, one column of which is the target.
 *
 * Columns are separated by commas, semicolons or tabs, whichever the first line shows.
 * A field may stand in double quotes, within which two of them mean one. Empty lines
 * and those that begin with # are passed over.
 */

#include <math.h>
#include <string.h>

#include "dataset-private.h"
#include "../map-private.h"

/* The file is gone through once, from its first byte to its last. */
typedef struct {
  const char *at;
  const char *end;
  gsize line; /* the number of the line that is read, from 1 */
  char separator;
  char *shown; /* the file's name for messages */

  GMappedFile *file;
  GPtrArray *fields; /* of the row that was read last: GString; a longer row makes more */
  guint n_fields;
  gsize row_line; /* where that row began */
} Reader;

static void
reader_clear (Reader *reader)
{
  g_clear_pointer (&reader->file, g_mapped_file_unref);
  g_clear_pointer (&reader->fields, g_ptr_array_unref);
  g_clear_pointer (&reader->shown, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear)

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────── */

static void
free_string (gpointer data)
{
  g_string_free (data, TRUE);
}

static const char *
field (const Reader *reader, guint i)
{
  return ((GString *) g_ptr_array_index (reader->fields, i))->str;
}

static GString *
next_field (Reader *reader)
{
  if (reader->n_fields == reader->fields->len)
    g_ptr_array_add (reader->fields, g_string_new (NULL));
  return g_string_truncate (g_ptr_array_index (reader->fields, reader->n_fields++), 0);
}

static gboolean
at_line_end (const Reader *reader)
{
  return reader->at == reader->end || *reader->at == '\n' || *reader->at == '\r';
}

static void
skip_spaces (Reader *reader)
{
  while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t')
         && *reader->at != reader->separator)
    reader->at++;
}

/* Passes the end of a line: LF, CRLF, or CR alone. */
static void
skip_line_end (Reader *reader)
{
  if (reader->at < reader->end && *reader->at == '\r')
    reader->at++;
  if (reader->at < reader->end && *reader->at == '\n')
    reader->at++;
  reader->line++;
}

static gboolean
read_quoted (Reader *reader, GString *text, GError **error)
{
  for (reader->at++; reader->at < reader->end; reader->at++)
    {
      if (*reader->at == '"' && (reader->at + 1 == reader->end || reader->at[1] != '"'))
        {
          reader->at++;
          return TRUE;
        }
      if (*reader->at == '"')
        reader->at++;
      else if (*reader->at == '\n')
        reader->line++;
      g_string_append_c (text, *reader->at);
    }
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_FORMAT,
               "“%s”, line %zu: a quotation mark is opened and never closed; close it",
               reader->shown, reader->row_line);
  return FALSE;
}

/* Reads a field without the spaces around it, up to its separator or the line's end. */
static gboolean
read_field (Reader *reader, GError **error)
{
  GString *text = next_field (reader);

  skip_spaces (reader);
  if (reader->at < reader->end && *reader->at == '"' && !read_quoted (reader, text, error))
    return FALSE;
  const char *start = reader->at;
  while (!at_line_end (reader) && *reader->at != reader->separator)
    reader->at++;
  const char *stop = reader->at;
  while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t'))
    stop--;
  g_string_append_len (text, start, stop - start);
  return TRUE;
}

static void
skip_idle_lines (Reader *reader)
{
  while (reader->at < reader->end)
    {
      const char *start = reader->at;
      skip_spaces (reader);
      if (reader->at < reader->end && *reader->at == '#')
        while (!at_line_end (reader))
          reader->at++;
      else if (!at_line_end (reader))
        {
          reader->at = start;
          return;
        }
      if (reader->at < reader->end)
        skip_line_end (reader);
    }
}

/* Reads the next row; there is none if it has no fields. */
static gboolean
read_row (Reader *reader, GError **error)
{
  reader->n_fields = 0;
  skip_idle_lines (reader);
  reader->row_line = reader->line;
  while (reader->at < reader->end)
    {
      if (!read_field (reader, error))
        return FALSE;
      if (at_line_end (reader))
        {
          skip_line_end (reader);
          return TRUE;
        }
      reader->at++; /* a separator, behind which another field begins */
      if (reader->at == reader->end)
        next_field (reader);
    }
  return TRUE;
}

/* A tab if the first line has one, else a semicolon, else a comma. */
static char
find_separator (const Reader *reader)
{
  char found = ',';
  gboolean quoted = FALSE;

  for (const char *c = reader->at; c < reader->end && *c != '\n' && *c != '\r'; c++)
    {
      quoted ^= *c == '"';
      if (!quoted && *c == '\t')
        return '\t';
      if (!quoted && *c == ';')
        found = ';';
    }
  return found;
}

static gboolean
reader_open (Reader *reader, const char *path, GError **error)
{
  reader->shown = g_filename_display_name (path);
  reader->file = kol_map_file (path, error);
  if (!reader->file)
    return FALSE;
  reader->fields = g_ptr_array_new_with_free_func (free_string);
  reader->at = g_mapped_file_get_contents (reader->file);
  reader->end = reader->at + g_mapped_file_get_length (reader->file);
  reader->line = 1;
  if (reader->end - reader->at >= 2
      && (memcmp (reader->at, "\xff\xfe", 2) == 0 || memcmp (reader->at, "\xfe\xff", 2) == 0))
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_FORMAT,
                   "“%s” is UTF-16; save it as UTF-8", reader->shown);
      return FALSE;
    }
  if (reader->end - reader->at >= 3 && memcmp (reader->at, "\xef\xbb\xbf", 3) == 0)
    reader->at += 3; /* UTF-8's mark */
  skip_idle_lines (reader);
  reader->separator = find_separator (reader);
  return TRUE;
}

/* ── Fields ──────────────────────────────────────────────────────────────────────────────────── */

/* A decimal number that a float can hold. "nan" and "inf" are words. */
static gboolean
parse_number (const char *text, float *number)
{
  char *end;

  if (!*text || text[strspn (text, "+-.0123456789eE")])
    return FALSE;
  *number = (float) g_ascii_strtod (text, &end);
  return *end == '\0' && isfinite (*number);
}

/* A whole number that can be a class, also written as 3.0. */
static gboolean
parse_class (const char *text, guint32 *class)
{
  float number;

  if (!parse_number (text, &number) || number < 0 || number >= KOL_DATASET_MAX_CLASSES
      || number != (guint32) number)
    return FALSE;
  *class = (guint32) number;
  return TRUE;
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

/* A class that the target's column names. */
typedef struct {
  const char *name; /* the key of the hash table */
  gsize line;       /* where it was seen first */
  guint32 place;    /* among those seen, in their order */
} Word;

typedef struct {
  Reader reader;
  const KolDatasetOptions *options;
  GPtrArray *columns; /* their names, for messages; empty where there is no header */
  guint n_columns;
  guint target;
  gboolean named; /* the target was found by its name, so the first row is of names */

  /* Arrays that grow; @capacity is in rows. */
  KolDataset *dataset;
  gsize capacity;

  GHashTable *words; /* name -> Word */
  GPtrArray *seen;   /* Word, in the order of their places */
} Table;

static void
table_clear (Table *table)
{
  reader_clear (&table->reader);
  g_clear_pointer (&table->columns, g_ptr_array_unref);
  g_clear_pointer (&table->dataset, kol_dataset_unref);
  g_clear_pointer (&table->seen, g_ptr_array_unref);
  g_clear_pointer (&table->words, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Table, table_clear)

static char *
column_text (const Table *table, guint column)
{
  return column < table->columns->len ? g_strdup_printf (
             "column %u (“%s”)", column + 1, (char *) g_ptr_array_index (table->columns, column))
                                      : g_strdup_printf ("column %u", column + 1);
}

/* Says what is wrong with a field of the row that was read last; always FALSE. */
static gboolean
fail_field (const Table *table, guint column, const char *wanted, GError **error)
{
  g_autofree char *where = column_text (table, column);
  g_autofree char *valid = g_utf8_make_valid (field (&table->reader, column), -1);
  g_autofree char *quoted = g_strdup_printf ("“%s”", valid);

  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_VALUE,
               "“%s”, line %zu, %s: %s was found where %s belongs; correct it or leave the row out",
               table->reader.shown, table->reader.row_line, where, *valid ? quoted : "nothing",
               wanted);
  return FALSE;
}

/* ── The first row ───────────────────────────────────────────────────────────────────────────── */

/* Which column, from 0, has the number @wish, or else this name; -1 if there is none. */
static int
find_column (const Reader *reader, const char *wish, gboolean *named)
{
  char *end;
  guint64 number = g_ascii_strtoull (wish, &end, 10);

  *named = FALSE;
  if (*wish && !*end && number >= 1 && number <= reader->n_fields)
    return (int) number - 1;
  *named = TRUE;
  for (guint i = 0; i < reader->n_fields; i++)
    if (strcmp (field (reader, i), wish) == 0)
      return (int) i;
  return -1;
}

static gboolean
choose_target (Table *table, GError **error)
{
  const Reader *reader = &table->reader;
  const char *wish = table->options->target;
  int found = wish ? find_column (reader, wish, &table->named) : (int) reader->n_fields - 1;

  if (found >= 0)
    {
      table->target = (guint) found;
      return TRUE;
    }
  g_autoptr (GString) there = g_string_new (NULL);
  for (guint i = 0; i < reader->n_fields; i++)
    g_string_append_printf (there, "%s%s", i ? ", " : "", field (reader, i));
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_MISSING,
               "“%s” has no column “%s”; its first line is: %s. Name one of these, or give a "
               "number from 1 to %u",
               reader->shown, wish, there->str, reader->n_fields);
  return FALSE;
}

/* Whether the first row holds names: no number stands in it where numbers belong. */
static gboolean
is_header (const Table *table)
{
  gboolean words = FALSE;
  float number;

  if (table->named)
    return TRUE;
  for (guint i = 0; i < table->n_columns; i++)
    {
      if (i == table->target)
        continue;
      if (parse_number (field (&table->reader, i), &number))
        return FALSE;
      words = words || *field (&table->reader, i);
    }
  return words;
}

static gboolean
read_first_row (Table *table, GError **error)
{
  Reader *reader = &table->reader;

  if (!read_row (reader, error))
    return FALSE;
  table->n_columns = reader->n_fields;
  if (reader->n_fields < 2)
    {
      g_set_error (error, KOL_DATASET_ERROR,
                   reader->n_fields ? KOL_DATASET_ERROR_FORMAT : KOL_DATASET_ERROR_EMPTY,
                   reader->n_fields ? "“%s” has one column; a table needs two, the last of them to "
                                      "be predicted, with commas, semicolons or tabs between them"
                                    : "“%s” is empty; give a table with at least one row",
                   reader->shown);
      return FALSE;
    }
  return choose_target (table, error);
}

static void
take_header (Table *table)
{
  for (guint i = 0; i < table->n_columns; i++)
    g_ptr_array_add (table->columns, g_utf8_make_valid (field (&table->reader, i), -1));
}

/* ── All rows ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
grow (Table *table, GError **error)
{
  KolDataset *dataset = table->dataset;
  gsize capacity = MAX (2 * table->capacity, 64), floats = capacity * dataset->channels;
  gboolean numbers = table->options->numbers;

  if (dataset->count < table->capacity)
    return TRUE;
  float *values = g_try_renew (float, dataset->values, floats);
  if (values)
    dataset->values = values;
  gpointer targets = numbers ? (gpointer) g_try_renew (float, dataset->targets, capacity)
                             : (gpointer) g_try_renew (guint32, dataset->labels, capacity);
  if (targets && numbers)
    dataset->targets = targets;
  else if (targets)
    dataset->labels = targets;
  if (values && targets)
    {
      table->capacity = capacity;
      return TRUE;
    }
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
               "“%s” has more than %zu rows, for which there is not enough memory",
               table->reader.shown, dataset->count);
  return FALSE;
}

/* The place of the word in the target's column, for now its label. */
static gboolean
take_word (Table *table, GError **error)
{
  const char *name = field (&table->reader, table->target);

  if (!*name)
    return fail_field (table, table->target, "a class", error);
  Word *word = g_hash_table_lookup (table->words, name);
  if (!word && table->seen->len == KOL_DATASET_MAX_CLASSES)
    {
      g_autofree char *where = column_text (table, table->target);
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_VALUE,
                   "“%s”, %s, holds more than %d classes; choose another target, or say that the "
                   "targets are numbers",
                   table->reader.shown, where, KOL_DATASET_MAX_CLASSES);
      return FALSE;
    }
  if (!word)
    {
      word = g_new (Word, 1);
      *word = (Word){ g_strdup (name), table->reader.row_line, table->seen->len };
      g_hash_table_insert (table->words, (char *) word->name, word);
      g_ptr_array_add (table->seen, word);
    }
  table->dataset->labels[table->dataset->count] = word->place;
  return TRUE;
}

static gboolean
take_target (Table *table, GError **error)
{
  KolDataset *dataset = table->dataset;

  if (!table->options->numbers)
    return take_word (table, error);
  if (!parse_number (field (&table->reader, table->target), &dataset->targets[dataset->count]))
    return fail_field (table, table->target, "a number", error);
  return TRUE;
}

static gboolean
take_row (Table *table, GError **error)
{
  KolDataset *dataset = table->dataset;
  const Reader *reader = &table->reader;

  if (reader->n_fields != table->n_columns)
    {
      g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_FORMAT,
                   "“%s”, line %zu, has %u fields, but the lines before have %u; correct it",
                   reader->shown, reader->row_line, reader->n_fields, table->n_columns);
      return FALSE;
    }
  if (!grow (table, error))
    return FALSE;
  float *values = dataset->values + dataset->count * dataset->channels;
  for (guint i = 0; i < table->n_columns; i++)
    {
      if (i == table->target)
        continue;
      if (!parse_number (field (reader, i), values++))
        return fail_field (table, i, "a number", error);
    }
  if (!take_target (table, error))
    return FALSE;
  dataset->count++;
  return TRUE;
}

static gboolean
read_rows (Table *table, GError **error)
{
  if (!read_first_row (table, error))
    return FALSE;
  KolDataset *dataset = table->dataset;
  dataset->channels = table->n_columns - 1;
  dataset->height = dataset->width = 1;
  dataset->outputs = table->options->numbers ? 1 : 0;
  if (is_header (table))
    {
      take_header (table);
      if (!read_row (&table->reader, error))
        return FALSE;
    }
  while (table->reader.n_fields > 0)
    if (!take_row (table, error) || !read_row (&table->reader, error))
      return FALSE;
  if (dataset->count > 0)
    return TRUE;
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_EMPTY,
               "“%s” has a line of names and no rows; give a table with at least one row",
               table->reader.shown);
  return FALSE;
}

/* ── Classes ─────────────────────────────────────────────────────────────────────────────────── */

/* Says that a class is not what it must be; always FALSE. */
static gboolean
fail_class (const Table *table, const Word *word, int code, const char *why, GError **error)
{
  g_autofree char *where = column_text (table, table->target);
  g_autofree char *valid = g_utf8_make_valid (word->name, -1);

  g_set_error (error, KOL_DATASET_ERROR, code, "“%s”, line %zu, %s: “%s” %s", table->reader.shown,
               word->line, where, valid, why);
  return FALSE;
}

static int
compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(Word *const *) a)->name, (*(Word *const *) b)->name);
}

/* The classes that are seen, or those of the training part, in their order. */
static char **
name_classes (const Table *table)
{
  const KolDataset *like = table->options->like;
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  if (like)
    return g_strdupv (like->class_names);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();
  g_ptr_array_extend (sorted, table->seen, NULL, NULL);
  g_ptr_array_sort (sorted, compare_words);
  for (guint i = 0; i < sorted->len; i++)
    g_strv_builder_add (names, ((Word *) g_ptr_array_index (sorted, i))->name);
  return g_strv_builder_end (names);
}

/* The class of each word, by its place, where classes have names. */
static gboolean
classes_by_name (Table *table, guint32 *classes, GError **error)
{
  KolDataset *dataset = table->dataset;

  dataset->class_names = name_classes (table);
  dataset->classes = g_strv_length (dataset->class_names);
  for (guint i = 0; i < dataset->classes; i++)
    {
      Word *word = g_hash_table_lookup (table->words, dataset->class_names[i]);
      if (word)
        classes[word->place] = i;
    }
  for (guint i = 0; i < table->seen->len; i++)
    if (classes[i] == G_MAXUINT32)
      return fail_class (table, g_ptr_array_index (table->seen, i), KOL_DATASET_ERROR_MISMATCH,
                         "is a class that the training part does not have; take both from the "
                         "same data set",
                         error);
  return TRUE;
}

static gboolean
classes_by_number (Table *table, guint32 *classes, GError **error)
{
  const KolDataset *like = table->options->like;

  for (guint i = 0; i < table->seen->len; i++)
    {
      const Word *word = g_ptr_array_index (table->seen, i);
      if (!parse_class (word->name, &classes[i]) || (like && classes[i] >= like->classes))
        return fail_class (table, word, KOL_DATASET_ERROR_MISMATCH,
                           "is a class that the training part does not have; take both from the "
                           "same data set",
                           error);
      table->dataset->classes = MAX (table->dataset->classes, classes[i] + 1);
    }
  return TRUE;
}

/* Whether the classes are whole numbers, which then keep their number. */
static gboolean
are_numbered (const Table *table)
{
  const KolDataset *like = table->options->like;
  guint32 class;

  if (like)
    return like->class_names == NULL;
  for (guint i = 0; i < table->seen->len; i++)
    if (!parse_class (((Word *) g_ptr_array_index (table->seen, i))->name, &class))
      return FALSE;
  return TRUE;
}

/* A column of numbers with fractions is hardly one of classes. */
static gboolean
check_no_fractions (const Table *table, GError **error)
{
  const Word *fraction = NULL;
  float number;

  for (guint i = 0; i < table->seen->len; i++)
    {
      const Word *word = g_ptr_array_index (table->seen, i);
      if (!parse_number (word->name, &number))
        return TRUE;
      if (number != floorf (number) && !fraction)
        fraction = word;
    }
  return !fraction
         || fail_class (table, fraction, KOL_DATASET_ERROR_VALUE,
                        "is no class, as it is not whole; choose another target, or say that the "
                        "targets are numbers",
                        error);
}

static gboolean
set_classes (Table *table, GError **error)
{
  KolDataset *dataset = table->dataset;
  guint n = table->seen->len;
  g_autofree guint32 *classes = g_new (guint32, n);

  memset (classes, 0xff, n * sizeof (guint32));
  if (!check_no_fractions (table, error)
      || !(are_numbered (table) ? classes_by_number (table, classes, error)
                                : classes_by_name (table, classes, error)))
    return FALSE;
  for (gsize i = 0; i < dataset->count; i++)
    dataset->labels[i] = classes[dataset->labels[i]];
  return TRUE;
}

/* ── The format ──────────────────────────────────────────────────────────────────────────────── */

static gboolean
csv_recognizes (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_REGULAR)
         && (g_str_has_suffix (path, ".csv") || g_str_has_suffix (path, ".tsv")
             || g_str_has_suffix (path, ".txt"));
}

static gboolean
csv_has_part (const char *path, const char *part)
{
  g_autofree char *file = kol_dataset_part_file (path, part, NULL);

  return file != NULL;
}

static KolDataset *
csv_open (const char *path, const char *part, const KolDatasetOptions *options, GError **error)
{
  g_auto (Table) table = { .options = options };
  g_autofree char *file = kol_dataset_part_file (path, part, error);

  if (!file || !reader_open (&table.reader, file, error))
    return NULL;
  table.columns = g_ptr_array_new_with_free_func (g_free);
  table.words = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  table.seen = g_ptr_array_new_with_free_func (g_free);
  table.dataset = kol_dataset_new (file, part);
  if (!read_rows (&table, error) || (!options->numbers && !set_classes (&table, error)))
    return NULL;
  return g_steal_pointer (&table.dataset);
}

const KolDatasetFormat kol_dataset_csv = {
  .recognizes = csv_recognizes,
  .has_part = csv_has_part,
  .open = csv_open,
};
