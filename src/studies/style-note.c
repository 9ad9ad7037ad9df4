/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * How a picture was painted, as a text in its PNG file: a key file under the key "kolinsky", from
 * which it can be made again or gone on with, and the command as people type it under "Comment".
 * Command and application write and read the same.
 */

#include "style-note.h"

#include <math.h>
#include <string.h>

#include "../dataset/png.h"
#include "../device/error.h"

#define GROUP "style"
#define KEY "kolinsky"

typedef enum { TEXT, TEXTS, FLAG, WHOLE, LONG, NUMBER, WEIGHT } Kind;

typedef struct {
  const char *name;
  Kind kind;
  gsize offset;
  gboolean silent; /* it is none of the command's options */
} Entry;

#define ENTRY(NAME, KIND, FIELD)                                                                   \
  {                                                                                                \
    NAME, KIND, G_STRUCT_OFFSET (KolStyleNote, FIELD), FALSE                                       \
  }

#define SILENT(NAME, KIND, FIELD)                                                                  \
  {                                                                                                \
    NAME, KIND, G_STRUCT_OFFSET (KolStyleNote, FIELD), TRUE                                        \
  }

/* In the order of the command. */
static const Entry entries[] = {
  SILENT ("content", TEXT, content),
  SILENT ("styles", TEXTS, styles),
  ENTRY ("region", TEXTS, regions),
  ENTRY ("part", TEXTS, parts),
  ENTRY ("weights", TEXT, weights),
  ENTRY ("model", TEXT, model),
  ENTRY ("size", WHOLE, size),
  ENTRY ("smallest", WHOLE, smallest),
  ENTRY ("steps", WHOLE, steps),
  ENTRY ("content-weight", WEIGHT, content_weight),
  ENTRY ("style-weight", WEIGHT, style_weight),
  ENTRY ("variation", WEIGHT, variation),
  ENTRY ("colours", TEXT, colours),
  ENTRY ("style-scale", NUMBER, style_scale),
  ENTRY ("octaves", WHOLE, octaves),
  ENTRY ("start", TEXT, start),
  ENTRY ("classic", FLAG, classic),
  ENTRY ("measure", TEXT, measure),
  ENTRY ("optimizer", TEXT, optimizer),
  ENTRY ("rate", NUMBER, rate),
  ENTRY ("history", WHOLE, history),
  ENTRY ("style-layers", TEXT, style_layers),
  ENTRY ("content-layers", TEXT, content_layers),
  ENTRY ("seed", LONG, seed),
  SILENT ("step", WHOLE, step),
  SILENT ("moves", TEXTS, moves),
};

static gpointer
place_of (const KolStyleNote *note, const Entry *entry)
{
  return (char *) note + entry->offset;
}

/**
 * kol_style_note_new:
 *
 * Returns: (transfer full): a note that says nothing yet
 */
KolStyleNote *
kol_style_note_new (void)
{
  KolStyleNote *note = g_new0 (KolStyleNote, 1);

  note->content_weight = note->style_weight = note->variation = NAN;
  return note;
}

/**
 * kol_style_note_free:
 * @note: (transfer full) (nullable): a note
 */
void
kol_style_note_free (KolStyleNote *note)
{
  if (!note)
    return;
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    if (entries[i].kind == TEXT)
      g_free (*(char **) place_of (note, &entries[i]));
    else if (entries[i].kind == TEXTS)
      g_strfreev (*(char ***) place_of (note, &entries[i]));
  g_free (note);
}

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────── */

static void
set_number (GKeyFile *file, const char *name, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_key_file_set_string (file, GROUP, name, g_ascii_formatd (text, sizeof text, "%.9g", number));
}

static void
set_texts (GKeyFile *file, const char *name, char **texts)
{
  if (texts && *texts)
    g_key_file_set_string_list (file, GROUP, name, (const char *const *) texts,
                                g_strv_length (texts));
}

/* What is not set is left out. */
static void
write_entry (GKeyFile *file, const KolStyleNote *note, const Entry *entry)
{
  gpointer at = place_of (note, entry);

  switch (entry->kind)
    {
    case TEXT:
      if (*(char **) at)
        g_key_file_set_string (file, GROUP, entry->name, *(char **) at);
      break;
    case TEXTS:
      set_texts (file, entry->name, *(char ***) at);
      break;
    case FLAG:
      if (*(gboolean *) at)
        g_key_file_set_boolean (file, GROUP, entry->name, TRUE);
      break;
    case WHOLE:
      if (*(int *) at)
        g_key_file_set_integer (file, GROUP, entry->name, *(int *) at);
      break;
    case LONG:
      g_key_file_set_int64 (file, GROUP, entry->name, *(gint64 *) at);
      break;
    case NUMBER:
      if (*(double *) at != 0)
        set_number (file, entry->name, *(double *) at);
      break;
    case WEIGHT:
    default:
      if (!isnan (*(double *) at))
        set_number (file, entry->name, *(double *) at);
      break;
    }
}

static void
append_word (GString *command, const char *word)
{
  g_autofree char *quoted = !*word || strpbrk (word, " \t\n'\"\\$&;()<>|*?[]{}~#`!")
                                ? g_shell_quote (word)
                                : g_strdup (word);

  g_string_append_printf (command, " %s", quoted);
}

static void
append_option (GString *command, GKeyFile *file, const Entry *entry)
{
  g_autofree char *value = g_key_file_get_string (file, GROUP, entry->name, NULL);

  if (!value || entry->silent)
    return;
  if (entry->kind == FLAG)
    {
      g_string_append_printf (command, " --%s", entry->name);
      return;
    }
  if (entry->kind != TEXTS)
    {
      g_string_append_printf (command, " --%s", entry->name);
      append_word (command, value);
      return;
    }
  g_auto (GStrv) values = g_key_file_get_string_list (file, GROUP, entry->name, NULL, NULL);
  for (guint i = 0; values && values[i]; i++)
    {
      g_string_append_printf (command, " --%s", entry->name);
      append_word (command, values[i]);
    }
}

static char *
make_command (const KolStyleNote *note, GKeyFile *file)
{
  g_autoptr (GString) command = g_string_new ("kolinsky style");

  append_word (command, note->content ? note->content : "CONTENT");
  for (guint i = 0; note->styles && note->styles[i]; i++)
    append_word (command, note->styles[i]);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    append_option (command, file, &entries[i]);
  return g_string_free (g_steal_pointer (&command), FALSE);
}

/**
 * kol_style_note_to_texts:
 * @note: how a picture was painted
 *
 * Returns: (transfer full) (array zero-terminated): key, value, ..., for kol_snapshot_to_png()
 */
char **
kol_style_note_to_texts (const KolStyleNote *note)
{
  g_return_val_if_fail (note != NULL, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    write_entry (file, note, &entries[i]);
  g_autofree char *text = g_key_file_to_data (file, NULL, NULL);
  g_autofree char *command = make_command (note, file);
  g_strv_builder_add_many (texts, "Software", "kolinsky " KOL_VERSION, "Comment", command, KEY,
                           text, NULL);
  return g_strv_builder_end (texts);
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────── */

static void
read_entry (GKeyFile *file, KolStyleNote *note, const Entry *entry, GError **error)
{
  gpointer at = place_of (note, entry);

  switch (entry->kind)
    {
    case TEXT:
      *(char **) at = g_key_file_get_string (file, GROUP, entry->name, error);
      break;
    case TEXTS:
      *(char ***) at = g_key_file_get_string_list (file, GROUP, entry->name, NULL, error);
      break;
    case FLAG:
      *(gboolean *) at = g_key_file_get_boolean (file, GROUP, entry->name, error);
      break;
    case WHOLE:
      *(int *) at = g_key_file_get_integer (file, GROUP, entry->name, error);
      break;
    case LONG:
      *(gint64 *) at = g_key_file_get_int64 (file, GROUP, entry->name, error);
      break;
    case NUMBER:
    case WEIGHT:
    default:
      *(double *) at = g_key_file_get_double (file, GROUP, entry->name, error);
      break;
    }
}

static gboolean
read_note (KolStyleNote *note, GKeyFile *file, const char *path, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (GError) wrong = NULL;

      if (g_key_file_has_key (file, GROUP, entries[i].name, NULL))
        read_entry (file, note, &entries[i], &wrong);
      if (!wrong)
        continue;
      g_autofree char *value = g_key_file_get_string (file, GROUP, entries[i].name, NULL);
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "“%s” says %s=%s, which makes no sense", path,
                   entries[i].name, value ? value : "");
      return FALSE;
    }
  return TRUE;
}

static char *
find_text (char **texts)
{
  for (guint i = 0; texts[i] && texts[i + 1]; i += 2)
    if (strcmp (texts[i], KEY) == 0)
      return texts[i + 1];
  return NULL;
}

/**
 * kol_style_note_read:
 * @path: the name of a PNG file
 * @error: return location
 *
 * Errors: those of kol_png_read_texts(); %KOL_ERROR_DATA if the picture does not say that it was
 * painted, or says what makes no sense.
 *
 * Returns: (transfer full) (nullable): how it was painted
 */
KolStyleNote *
kol_style_note_read (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);
  g_auto (GStrv) texts = kol_png_read_texts (path, error);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (KolStyleNote) note = kol_style_note_new ();
  g_autofree char *shown = g_filename_display_name (path);

  if (!texts)
    return NULL;
  const char *text = find_text (texts);
  if (!text || !g_key_file_load_from_data (file, text, strlen (text), G_KEY_FILE_NONE, NULL)
      || !g_key_file_has_group (file, GROUP))
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                   "“%s” does not say how it was painted; only pictures by `kolinsky style` and by "
                   "the application do",
                   shown);
      return NULL;
    }
  return read_note (note, file, shown, error) ? g_steal_pointer (&note) : NULL;
}
