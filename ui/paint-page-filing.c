/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures saved with how they were painted, and opened to be gone on with. */

#include "paint-page-filing.h"

#include <glib/gi18n.h>
#include <math.h>

#include "paint-file.h"
#include "paint-page-controls.h"
#include "paint-page-easel.h"
#include "paint-page-intake.h"
#include "paint-page-moves.h"
#include "paint-page-styles.h"

typedef struct {
  GWeakRef page;
  char *name; /* of the file */
} Filing;

static Filing *
filing_new (KxPaintPage *self, const char *path)
{
  Filing *filing = g_new0 (Filing, 1);

  g_weak_ref_init (&filing->page, self);
  filing->name = g_filename_display_basename (path);
  return filing;
}

static void
filing_free (Filing *filing)
{
  g_weak_ref_clear (&filing->page);
  g_free (filing->name);
  g_free (filing);
}

static void
saved (GObject *source, GAsyncResult *result, gpointer data)
{
  Filing *filing = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&filing->page);
  g_autofree char *text = g_strdup_printf (_ ("Saved as “%s”"), filing->name);
  g_autoptr (GError) error = NULL;

  if (!kx_paint_file_save_finish (result, &error) && self)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  else if (self && kx_paint_page_get_session (self))
    kx_session_toast (kx_paint_page_get_session (self), text, FALSE);
  filing_free (filing);
}

/* The picture says how it was painted, up to now. */
static void
save_to (KxPaintPage *self, GFile *file)
{
  g_autofree char *path = kx_path_of_file (file);
  g_autoptr (KxPaint) paint = self->job ? kx_paint_ref (kx_paint_job_get_paint (self->job))
                                        : kx_paint_page_make_paint (self);

  if (!paint || !path)
    return;
  g_autoptr (KolStyleNote) note = kx_paint_to_note (paint);
  note->step = (int) self->step;
  note->moves = g_strdupv ((char **) self->moves->pdata);
  kx_paint_file_save_async (file, self->full, note, saved, filing_new (self, path));
}

static void
save_chosen (KxPaintPage *self, int response, GtkFileChooserNative *chooser)
{
  g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));

  if (response == GTK_RESPONSE_ACCEPT && file && self->full)
    save_to (self, file);
  g_object_unref (chooser);
}

/* "harbour-waves.png" */
static char *
suggest_name (KxPaintPage *self)
{
  const char *names[] = { self->content ? self->content->name : "",
                          kx_paint_page_get_style (self, 0)
                              ? kx_style_row_get_picture (kx_paint_page_get_style (self, 0))->name
                              : "" };
  g_autofree char *content = g_strndup (names[0], strcspn (names[0], "."));
  g_autofree char *style = g_strndup (names[1], strcspn (names[1], "."));

  return g_strdup_printf ("%s-%s.png", content, style);
}

static void
press_save (KxPaintPage *self)
{
  g_autofree char *name = suggest_name (self);

  if (!self->full)
    return;
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (
      _ ("Save the Picture"), GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))),
      GTK_FILE_CHOOSER_ACTION_SAVE, _ ("_Save"), NULL);
  gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (chooser), name);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_object (chooser, "response", G_CALLBACK (save_chosen), self, G_CONNECT_SWAPPED);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
select_named (AdwComboRow *row, const char *const *names, const char *name)
{
  for (guint i = 0; names[i]; i++)
    if (g_strcmp0 (names[i], name) == 0)
      adw_combo_row_set_selected (row, i);
}

/* The controls, as a picture says that it was painted. */
static void
take_note (KxPaintPage *self, KxPaintFile *file)
{
  const KolStyleNote *note = file->note;
  const char *optimizer = note->optimizer ? note->optimizer : note->classic ? "lbfgs" : "adam";

  self->setting = TRUE;
  kx_paint_page_select_network (self, note->model);
  kx_paint_page_set_layers (self, note->style_layers);
  if (!isnan (note->style_weight))
    kx_paint_dial_set_value (self->style_weight, note->style_weight);
  if (!isnan (note->content_weight))
    kx_paint_dial_set_value (self->content_weight, note->content_weight);
  select_named (self->colours, kx_colours_names, note->colours);
  select_named (self->optimizer, kx_optimizer_names, optimizer);
  kx_paint_page_clear_styles (self);
  for (guint i = 0; i < file->styles->len; i++)
    {
      kx_paint_page_add_style (self, g_ptr_array_index (file->styles, i),
                               g_array_index (file->weights, double, i));
      for (guint kind = 0; kind < KX_N_MASKS; kind++)
        kx_style_row_set_mask (kx_paint_page_get_style (self, i), kind,
                               g_ptr_array_index (file->masks[kind], i));
    }
  kx_paint_page_select_size (self, note->size ? (guint) note->size : KX_USUAL_SIZE);
  gtk_spin_button_set_value (self->steps, note->steps > 0 ? note->steps : KX_STEPS);
  self->setting = FALSE;
}

/* What was opened is the picture as it is now, and its content the first moment. */
static void
take_file (KxPaintPage *self, KxPaintFile *file)
{
  kx_paint_page_list_networks (self);
  kx_paint_page_set_content (self, file->content ? file->content : file->picture);
  take_note (self, file);
  kx_paint_page_show_start (self);
  g_clear_object (&self->now);
  self->now = GDK_PAINTABLE (kx_deep_picture_new (file->picture->texture, file->full));
  self->full = kol_snapshot_ref (file->full);
  self->step = (guint) MAX (file->note->step, 0);
  g_ptr_array_set_size (self->moves, 0);
  for (guint i = 0; file->note->moves && file->note->moves[i]; i++)
    g_ptr_array_add (self->moves, g_strdup (file->note->moves[i]));
  kx_paint_page_end_moves (self);
  kx_paint_page_show_now (self);
  kx_paint_page_change (self);
  kx_paint_page_show_stage (self);
  if (!file->missing)
    return;
  g_autofree char *text = g_strdup_printf (
      _ ("%s: this is not where it was when the picture was saved. Choose it again to go on."),
      file->missing);
  kx_page_show_fault (KX_PAGE (self), text, NULL, NULL, NULL);
}

static void
opened (GObject *source, GAsyncResult *result, gpointer data)
{
  Filing *filing = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&filing->page);
  g_autoptr (GError) error = NULL;
  g_autoptr (KxPaintFile) file = kx_paint_file_open_finish (result, &error);

  if (self && file)
    take_file (self, file);
  else if (self)
    kx_page_show_fault (KX_PAGE (self), error->message, NULL, NULL, NULL);
  filing_free (filing);
}

/**
 * kx_paint_page_open:
 * @self: the page
 * @path: a picture that says how it was painted
 *
 * Opens it, to be gone on with.
 */
void
kx_paint_page_open (KxPaintPage *self, const char *path)
{
  self->opening = TRUE;
  kx_paint_file_open_async (path, opened, filing_new (self, path));
}

void
kx_paint_page_save (KxPage *page)
{
  press_save (KX_PAINT_PAGE (page));
}

void
kx_paint_page_bind_filing (GtkWidgetClass *widget_class)
{
  gtk_widget_class_bind_template_callback (widget_class, press_save);
}
