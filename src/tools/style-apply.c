/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "tool-private.h"

#include "../device/error-private.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

typedef struct {
  ToolOptions common;
  char *output, *mix;
  int size;
  double range;
} ApplyOptions;

static void
apply_options_clear (ApplyOptions *options)
{
  tool_options_clear (&options->common);
  g_free (options->output);
  g_free (options->mix);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ApplyOptions, apply_options_clear)

/* ── Styles ── */

/* "3" or "3:0.7,5:0.3": which styles, from 1, and how much of each. */
static gboolean
set_mix (KolPainter *painter, const char *text, GError **error)
{
  guint n = kol_painter_get_n_styles (painter);
  g_autofree float *mix = g_new0 (float, n);
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);

  for (guint i = 0; parts[i]; i++)
    {
      char *end = NULL;
      guint64 style = g_ascii_strtoull (parts[i], &end, 10);
      double weight = end != parts[i] && *end == ':' ? g_ascii_strtod (end + 1, &end) : 1;

      if (end == parts[i] || *end || style < 1 || style > n || !isfinite (weight))
        {
          g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
                       "--mix is STYLE[:WEIGHT],... with styles from 1 to %u, not \"%s\"", n, text);
          return FALSE;
        }
      mix[style - 1] = (float) weight;
    }
  return kol_painter_set_mix (painter, mix, n, error);
}

/* ── Pictures ── */

/* The picture, scaled so that its longer side is --size, if that is given. Given. */
static KolPicture *
load (const ApplyOptions *options, const char *path, GError **error)
{
  g_autoptr (KolPicture) picture = kol_picture_load (path, error);
  gsize longer = picture ? MAX (picture->width, picture->height) : 0;

  if (!picture || !options->size || longer == (gsize) options->size)
    return g_steal_pointer (&picture);
  double scale = options->size / (double) longer;
  gsize width = MAX (1, (gsize) lround ((double) picture->width * scale));
  gsize height = MAX (1, (gsize) lround ((double) picture->height * scale));
  KolPicture *scaled = kol_picture_resize (picture, width, height, KOL_BICUBIC, NULL);
  if (!scaled)
    g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "There is not enough memory for “%s”", path);
  return scaled;
}

/* NAME.png in the folder of results; NAME-2.png where that is taken by another. Given. */
static char *
name_result (const char *folder, const char *path, GHashTable *taken)
{
  g_autofree char *base = g_path_get_basename (path);
  char *dot = strrchr (base, '.');

  if (dot && dot != base)
    *dot = '\0';
  for (guint i = 1;; i++)
    {
      char *name
          = i == 1 ? g_strdup_printf ("%s.png", base) : g_strdup_printf ("%s-%u.png", base, i);
      if (g_hash_table_add (taken, name))
        return g_build_filename (folder, name, NULL);
    }
}

/* Whether a result would be written over one of the pictures that are to be painted. */
static gboolean
is_input (const char *result, const GPtrArray *paths)
{
  g_autofree char *whole = g_canonicalize_filename (result, NULL);

  for (guint i = 0; i < paths->len; i++)
    {
      g_autofree char *path = g_canonicalize_filename (g_ptr_array_index (paths, i), NULL);

      if (g_str_equal (path, whole))
        return TRUE;
    }
  return FALSE;
}

/* One picture alone goes into a file, if the result's name is that of one. */
static gboolean
is_file (const ApplyOptions *options, const GPtrArray *paths)
{
  return paths->len == 1 && tool_is_picture (options->output)
         && !g_file_test (options->output, G_FILE_TEST_IS_DIR);
}

/* Whether there is a place for what will be painted. */
static gboolean
check_output (const ApplyOptions *options, const GPtrArray *paths, GError **error)
{
  if (is_file (options, paths))
    return tool_check_png (options->output, error);
  if (!tool_is_picture (options->output) || g_file_test (options->output, G_FILE_TEST_IS_DIR))
    return TRUE;
  return kol_refuse (error, "“%s” is one file, and there are %u pictures; name a folder",
                     options->output, paths->len);
}

typedef struct {
  guint painted, failed;
  double seconds, first; /* of painting: all, and the first one, which compiles */
  double pixels;
} Tally;

static void
told (const KolStudyProgress *progress, gpointer user_data)
{
  g_autofree char *left = tool_format_duration (progress->seconds_left);
  g_autofree char *line
      = g_strdup_printf ("tile %u/%u  %s left", progress->step, progress->steps, left);

  if (tool_on_terminal ())
    tool_status (line);
}

/* Says so where the whole does not fit. */
static gboolean
say_plan (KolPainter *painter, const KolPicture *picture, GError **error)
{
  guint64 bytes;
  guint tiles;

  if (!kol_painter_plan (painter, picture->height, picture->width, &bytes, &tiles, error))
    return FALSE;
  g_autofree char *peak = tool_format_bytes (bytes);
  if (tiles > 1)
    tool_say ("A picture of %zu x %zu pixels: in %u tiles, each of which takes %s on the device",
              picture->width, picture->height, tiles, peak);
  return TRUE;
}

static gboolean
paint (const ApplyOptions *options, KolPainter *painter, const char *path, const char *result,
       Tally *tally, GError **error)
{
  g_autoptr (KolPicture) picture = load (options, path, error);
  gint64 begin = g_get_monotonic_time ();

  if (!picture)
    return FALSE;
  g_autoptr (KolSnapshot) painted
      = say_plan (painter, picture, error) ? kol_painter_paint (painter, picture, error) : NULL;
  double seconds = (double) (g_get_monotonic_time () - begin) * 1e-6;

  if (!painted)
    g_prefix_error (error, "“%s”, at %zu x %zu pixels, cannot be painted: ", path, picture->width,
                    picture->height);
  if (!painted || !tool_save_picture (painted, result, error))
    return FALSE;
  if (tally->painted++ == 0)
    tally->first = seconds;
  tally->seconds += seconds;
  tally->pixels += (double) picture->width * (double) picture->height;
  return TRUE;
}

/* What cannot be read or is too large is told, and the others are painted. */
static gboolean
paint_all (const ApplyOptions *options, KolPainter *painter, GPtrArray *paths, Tally *tally,
           GError **error)
{
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean file = is_file (options, paths);

  if (!file && g_mkdir_with_parents (options->output, 0777) != 0)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "The folder %s cannot be made",
                   options->output);
      return FALSE;
    }
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = g_ptr_array_index (paths, i);
      g_autofree char *result
          = file ? g_strdup (options->output) : name_result (options->output, path, taken);
      g_autoptr (GError) reason = NULL;

      if (is_input (result, paths))
        g_set_error (&reason, KOL_ERROR, KOL_ERROR_DATA,
                     "“%s” would be painted over “%s”; name another folder with -o", path, result);
      else
        paint (options, painter, path, result, tally, &reason);
      if (reason)
        {
          tally->failed++;
          g_printerr ("kolinsky: %s\n", reason->message);
          continue;
        }
      g_autofree char *shown = g_filename_display_name (result);
      tool_say ("%s", shown);
    }
  return TRUE;
}

static void
say_speed (const Tally *tally)
{
  double seconds = tally->seconds - tally->first;

  if (tally->painted > 1 && seconds > 0)
    tool_say ("%u pictures; %.3g a second, without the first one, for which kernels are compiled",
              tally->painted, (tally->painted - 1) / seconds);
  else if (tally->painted)
    tool_say ("Painted in %.3g s", tally->seconds);
}

/* The file of a network: @given, or that of an installed one of that name. Given. */
static char *
find_network (const char *given)
{
  g_autoptr (KolModelEntry) entry
      = g_file_test (given, G_FILE_TEST_EXISTS) ? NULL : kol_catalogue_find (given, NULL);

  return g_strdup (entry && entry->path ? entry->path : given);
}

static gboolean
apply (const ApplyOptions *options, char **arguments, GError **error)
{
  g_autofree char *network = find_network (arguments[0]);
  g_autoptr (GPtrArray) paths = tool_list_pictures (arguments + 1, error);
  g_autoptr (KolDevice) device = paths && check_output (options, paths, error)
                                     ? tool_open_device (&options->common, error)
                                     : NULL;
  g_autoptr (KolPainter) painter = device ? kol_painter_open (device, network, error) : NULL;
  Tally tally = { 0 };

  if (!painter || (options->mix && !set_mix (painter, options->mix, error)))
    return FALSE;
  kol_painter_watch (painter, &(KolStudyWatch){ .told = told });
  if (options->range > 0)
    kol_painter_set_range (painter, (float) options->range);
  if (!paint_all (options, painter, paths, &tally, error))
    return FALSE;
  say_speed (&tally);
  if (!tool_save_profile (&options->common, device, error))
    return FALSE;
  if (!tally.failed)
    return TRUE;
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA, "%u of the pictures could not be painted",
               tally.failed);
  return FALSE;
}

static ToolExit
run_command (int argc, char **argv)
{
  g_auto (ApplyOptions) options = { 0 };
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
      "The folder that gets the pictures; for one picture, a file .png", "FOLDER" },
    { "size", 's', 0, G_OPTION_ARG_INT, &options.size,
      "The longer side at which pictures are painted (theirs)", "PIXELS" },
    { "mix", 0, 0, G_OPTION_ARG_STRING, &options.mix,
      "Of a network with several styles: which, from 1, and how much (1)", "STYLE[:WEIGHT],..." },
    { "range", 0, 0, G_OPTION_ARG_DOUBLE, &options.range,
      "What white is to an ONNX network: 1 or 255 (1; 255 if its input is \"input1\")", "NUMBER" },
    { NULL },
  };

  if (!tool_parse (&tool_style_apply, entries, TOOL_TAKES_DEVICE | TOOL_TAKES_PROFILE,
                   &options.common, TOOL_ANY_NUMBER, &argc, &argv))
    return TOOL_USAGE;
  if (argc < 3 || !options.output)
    return tool_usage (&tool_style_apply,
                       "`kolinsky style-apply` needs a NET, a PICTURE, and -o FOLDER");
  if (options.size < 0 || options.range < 0)
    return tool_usage (&tool_style_apply, "--size and --range are numbers above 0");
  return apply (&options, argv + 1, &error) ? TOOL_OK : tool_fail (error);
}

const ToolCommand tool_style_apply = {
  .name = "style-apply",
  .parameters = "NET PICTURE...",
  .summary = "Paint pictures with a network that style-train has trained",
  .description
  = "NET is what `kolinsky style-train` has written, or an ONNX file that makes a picture of a\n"
    "picture, or the name of one that is installed. Of a folder all pictures are taken.",
  .run = run_command,
};
