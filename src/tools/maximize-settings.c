/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * What makes a picture, as a text in its PNG file: a key file under the key "kolinsky", from
 * which it can be made again, and the command as people type it under "Comment".
 */

#include "maximize-private.h"

#include <string.h>

#define GROUP "maximize"
#define KEY "kolinsky"

typedef enum { TEXT, FLAG, WHOLE, LONG, SEED, NUMBER } Kind;

typedef struct {
  const char *name;
  Kind kind;
  gsize offset;
} Setting;

#define SETTING(NAME, KIND, FIELD)                                                                 \
  {                                                                                                \
    NAME, KIND, G_STRUCT_OFFSET (ToolMaximizeSettings, FIELD)                                      \
  }

/* In the order of the command. */
static const Setting settings_list[] = {
  SETTING ("model", TEXT, model),
  SETTING ("layer", TEXT, layer),
  SETTING ("unit", TEXT, units),
  SETTING ("class", TEXT, classes),
  SETTING ("all", FLAG, all),
  SETTING ("neuron", FLAG, neuron),
  SETTING ("direction", TEXT, direction),
  SETTING ("dream", TEXT, dream),
  SETTING ("caricature", TEXT, caricature),
  SETTING ("power", NUMBER, power),
  SETTING ("diverse", WHOLE, diverse),
  SETTING ("diversity", NUMBER, diversity),
  SETTING ("size", TEXT, size),
  SETTING ("steps", WHOLE, steps),
  SETTING ("rate", NUMBER, rate),
  SETTING ("seed", SEED, seed),
  SETTING ("from", LONG, from),
  SETTING ("still", FLAG, still),
  SETTING ("plain", FLAG, plain),
  SETTING ("mixed", FLAG, mixed),
  SETTING ("free", FLAG, free),
  SETTING ("l1", NUMBER, l1),
  SETTING ("tv", NUMBER, tv),
  SETTING ("blur", NUMBER, blur),
};

/* The setting as text, or NULL if it is unset. Given. */
static char *
text_of (const ToolMaximizeSettings *settings, const Setting *setting)
{
  const void *at = (const char *) settings + setting->offset;
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (setting->kind)
    {
    case TEXT:
      return g_strdup (*(char *const *) at);
    case FLAG:
      return *(const gboolean *) at ? g_strdup ("true") : NULL;
    case WHOLE:
      return *(const int *) at ? g_strdup_printf ("%d", *(const int *) at) : NULL;
    case LONG:
      return *(const gint64 *) at ? g_strdup_printf ("%" G_GINT64_FORMAT, *(const gint64 *) at)
                                  : NULL;
    case SEED:
      return *(const gint64 *) at != TOOL_NO_SEED
                 ? g_strdup_printf ("%" G_GINT64_FORMAT, *(const gint64 *) at)
                 : NULL;
    case NUMBER:
    default:
      return *(const double *) at != 0
                 ? g_strdup (g_ascii_formatd (number, sizeof number, "%.9g", *(const double *) at))
                 : NULL;
    }
}

static gboolean
take_text (ToolMaximizeSettings *settings, const Setting *setting, const char *text)
{
  void *at = (char *) settings + setting->offset;
  gint64 whole = 0;

  switch (setting->kind)
    {
    case TEXT:
      *(char **) at = g_strdup (text);
      return TRUE;
    case FLAG:
      *(gboolean *) at = strcmp (text, "true") == 0;
      return TRUE;
    case WHOLE:
    case LONG:
    case SEED:
      if (!g_ascii_string_to_signed (text, 10, setting->kind == WHOLE ? G_MININT : G_MININT64,
                                     setting->kind == WHOLE ? G_MAXINT : G_MAXINT64, &whole, NULL))
        return FALSE;
      if (setting->kind == WHOLE)
        *(int *) at = (int) whole;
      else
        *(gint64 *) at = whole;
      return TRUE;
    case NUMBER:
      default: {
        char *end;
        *(double *) at = g_ascii_strtod (text, &end);
        return *text && !*end;
      }
    }
}

void
tool_maximize_settings_clear (ToolMaximizeSettings *settings)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings_list); i++)
    if (settings_list[i].kind == TEXT)
      g_free (*(char **) ((char *) settings + settings_list[i].offset));
}

/* ── Reading ── */

static char *
find_text (const char *path, GError **error)
{
  g_auto (GStrv) texts = kol_png_read_texts (path, error);

  if (!texts)
    return NULL;
  for (guint i = 0; texts[i] && texts[i + 1]; i += 2)
    if (strcmp (texts[i], KEY) == 0)
      return g_strdup (texts[i + 1]);
  g_autofree char *shown = g_filename_display_name (path);
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "“%s” does not say how it was made; only pictures by `kolinsky maximize` do", shown);
  return NULL;
}

/* What is asked for otherwise already is not taken: a unit of a layer is none of another. */
static void
drop_others (const ToolMaximizeSettings *settings, GKeyFile *file)
{
  static const char *const goals[]
      = { "unit", "class", "all", "direction", "dream", "caricature", NULL };
  gboolean other_layer = settings->layer || settings->classes;

  if (settings->units || settings->classes || settings->all || settings->direction
      || settings->dream || settings->caricature)
    for (guint i = 0; goals[i]; i++)
      g_key_file_remove_key (file, GROUP, goals[i], NULL);
  if (other_layer)
    g_key_file_remove_key (file, GROUP, "layer", NULL);
}

gboolean
tool_maximize_settings_like (ToolMaximizeSettings *settings, const char *path, GError **error)
{
  g_autofree char *text = find_text (path, error);
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (!text || !g_key_file_load_from_data (file, text, strlen (text), G_KEY_FILE_NONE, error))
    return FALSE;
  drop_others (settings, file);
  for (guint i = 0; i < G_N_ELEMENTS (settings_list); i++)
    {
      const Setting *setting = &settings_list[i];
      g_autofree char *own = text_of (settings, setting);
      g_autofree char *value
          = own ? NULL : g_key_file_get_string (file, GROUP, setting->name, NULL);

      if (!value || take_text (settings, setting, value))
        continue;
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "“%s” has %s=%s, which is no number", path,
                   setting->name, value);
      return FALSE;
    }
  return TRUE;
}

/* ── Writing ── */

static char *
make_command (GKeyFile *file)
{
  g_autoptr (GString) command = g_string_new ("kolinsky maximize");

  for (guint i = 0; i < G_N_ELEMENTS (settings_list); i++)
    {
      const Setting *setting = &settings_list[i];
      g_autofree char *value = g_key_file_get_string (file, GROUP, setting->name, NULL);

      if (!value)
        continue;
      g_autofree char *quoted = strpbrk (value, " \t\n'\"\\$&;()<>|*?[]{}~#`!")
                                    ? g_shell_quote (value)
                                    : g_strdup (value);
      if (i == 0)
        g_string_append_printf (command, " %s", quoted);
      else
        g_string_append_printf (command, setting->kind == FLAG ? " --%s" : " --%s %s",
                                setting->name, quoted);
    }
  return g_string_free (g_steal_pointer (&command), FALSE);
}

char **
tool_maximize_settings_texts (const ToolMaximizeSettings *settings, const char *title, gint64 unit)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, unit);
  ToolMaximizeSettings own = *settings;

  if (unit >= 0)
    {
      own.units = number;
      own.classes = NULL;
      own.all = FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (settings_list); i++)
    {
      g_autofree char *value = text_of (&own, &settings_list[i]);
      if (value)
        g_key_file_set_string (file, GROUP, settings_list[i].name, value);
    }
  g_autofree char *text = g_key_file_to_data (file, NULL, NULL);
  g_autofree char *command = make_command (file);
  g_strv_builder_add_many (texts, "Software", "kolinsky " KOL_VERSION, "Title", title, "Comment",
                           command, KEY, text, NULL);
  return g_strv_builder_end (texts);
}
