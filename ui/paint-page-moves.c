/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What was moved and chosen on the page: taken back, done again, and noted in the picture's file.
 */

#include "paint-page-moves.h"

#include <glib/gi18n.h>
#include <math.h>

#include "paint-page-controls.h"
#include "paint-page-easel.h"

#define ONE_GESTURE 1000 /* ms between two moves of a scale that are undone together */

/* A move of a scale, to be taken back. */
struct _KxPaintMove {
  GWeakRef page, range;
  double from, to;
};

static void
move_free (gpointer data)
{
  KxPaintMove *move = data;
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&move->page);

  if (self && self->move == move)
    self->move = NULL;
  g_weak_ref_clear (&move->page);
  g_weak_ref_clear (&move->range);
  g_free (move);
}

static void
set_range (KxPaintMove *move, double value)
{
  g_autoptr (GtkRange) range = g_weak_ref_get (&move->range);
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&move->page);

  if (!range || !self)
    return;
  self->move = NULL; /* the next move is another gesture */
  self->setting = TRUE;
  gtk_range_set_value (range, value);
  self->setting = FALSE;
  kx_paint_page_change (self);
}

static void
move_back (gpointer data)
{
  set_range (data, ((KxPaintMove *) data)->from);
}

static void
move_again (gpointer data)
{
  set_range (data, ((KxPaintMove *) data)->to);
}

/* What was changed while it was painted goes into the picture's file: "120 style-weight 1 8". */
static void
note_step (KxPaintPage *self, GtkRange *range, double from, double to, gboolean same)
{
  const char *name = g_object_get_data (G_OBJECT (range), "kx-name");
  double usual = range == kx_paint_dial_get_scale (self->style_weight)     ? KX_STYLE_WEIGHT
                 : range == kx_paint_dial_get_scale (self->content_weight) ? KX_CONTENT_WEIGHT
                                                                           : 0;
  guint last = self->moves->len - 1; /* where NULL is */

  if (!kx_paint_page_is_painting (self))
    return;
  if (usual)
    {
      from = usual * exp2 (from);
      to = usual * exp2 (to);
    }
  if (same && last > 0 && self->noted)
    {
      from = self->noted_from;
      g_ptr_array_remove_index (self->moves, --last);
    }
  self->noted = TRUE;
  self->noted_from = from;
  g_ptr_array_insert (self->moves, (int) last,
                      g_strdup_printf ("%u %s %.4g %.4g", self->step, name, from, to));
}

/* A scale was moved: one entry of the undo list for each gesture. */
static void
note_move (KxPaintPage *self, GtkRange *range)
{
  double *before = g_object_get_data (G_OBJECT (range), "kx-before");
  double from = *before, to = gtk_range_get_value (range);
  gint64 now = g_get_monotonic_time ();
  g_autoptr (GtkRange) last = self->move ? g_weak_ref_get (&self->move->range) : NULL;

  *before = to;
  if (self->setting)
    return;
  note_step (self, range, from, to, last == range && now - self->moved < ONE_GESTURE * 1000);
  if (last == range && now - self->moved < ONE_GESTURE * 1000)
    self->move->to = to;
  else if (kx_paint_page_get_session (self))
    {
      KxPaintMove *move = g_new0 (KxPaintMove, 1);

      g_weak_ref_init (&move->page, self);
      g_weak_ref_init (&move->range, range);
      move->from = from;
      move->to = to;
      kx_undo_push (kx_session_get_undo (kx_paint_page_get_session (self)), _ ("Weight"), move_back,
                    move_again, move, move_free);
      self->move = move;
    }
  self->moved = now;
  kx_paint_page_change (self);
}

/**
 * kx_paint_page_watch_scale:
 * @self: the page
 * @range: a scale that a person moves
 * @name: what the file calls it
 *
 * Notes moves of the scale, and lets them be taken back.
 */
void
kx_paint_page_watch_scale (KxPaintPage *self, GtkRange *range, const char *name)
{
  double *before = g_new (double, 1);

  *before = gtk_range_get_value (range);
  g_object_set_data_full (G_OBJECT (range), "kx-before", before, g_free);
  g_object_set_data_full (G_OBJECT (range), "kx-name", g_strdup (name), g_free);
  g_signal_connect_object (range, "value-changed", G_CALLBACK (note_move), self, G_CONNECT_SWAPPED);
}

/* ── Choices ─────────────────────────────────────────────────────────────────────────────────── */

/* What a row offers, as the file says it. */
typedef struct {
  const char *name;
  const char *const *choices;
  guint before;
} Watched;

/* A choice, to be taken back. */
typedef struct {
  GWeakRef page, row;
  guint from, to;
} Choice;

static void
choice_free (gpointer data)
{
  Choice *choice = data;

  g_weak_ref_clear (&choice->page);
  g_weak_ref_clear (&choice->row);
  g_free (choice);
}

static void
set_choice (Choice *choice, guint selected)
{
  g_autoptr (AdwComboRow) row = g_weak_ref_get (&choice->row);
  g_autoptr (KxPaintPage) self = g_weak_ref_get (&choice->page);

  if (!row || !self)
    return;
  self->setting = TRUE;
  adw_combo_row_set_selected (row, selected);
  self->setting = FALSE;
  kx_paint_page_change (self);
}

static void
choose_back (gpointer data)
{
  set_choice (data, ((Choice *) data)->from);
}

static void
choose_again (gpointer data)
{
  set_choice (data, ((Choice *) data)->to);
}

/* Something else was chosen. */
static void
note_choice (KxPaintPage *self, GParamSpec *spec, AdwComboRow *row)
{
  Watched *watched = g_object_get_data (G_OBJECT (row), "kx-watched");
  guint from = watched->before, to = adw_combo_row_get_selected (row);
  KxSession *session = kx_paint_page_get_session (self);

  watched->before = to;
  if (self->setting || !session || from == to)
    return;
  self->move = NULL; /* a scale that is moved next is another gesture */
  if (kx_paint_page_is_painting (self))
    g_ptr_array_insert (self->moves, (int) self->moves->len - 1,
                        g_strdup_printf ("%u %s %s %s", self->step, watched->name,
                                         watched->choices[from], watched->choices[to]));
  Choice *choice = g_new0 (Choice, 1);
  g_weak_ref_init (&choice->page, self);
  g_weak_ref_init (&choice->row, row);
  choice->from = from;
  choice->to = to;
  kx_undo_push (kx_session_get_undo (session),
                adw_preferences_row_get_title (ADW_PREFERENCES_ROW (row)), choose_back,
                choose_again, choice, choice_free);
}

/**
 * kx_paint_page_watch_choice:
 * @self: the page
 * @row: of which a person chooses
 * @name: what the file calls it
 * @choices: (array zero-terminated=1): what it calls each
 *
 * Notes what is chosen, and lets it be taken back.
 */
void
kx_paint_page_watch_choice (KxPaintPage *self, AdwComboRow *row, const char *name,
                            const char *const *choices)
{
  Watched *watched = g_new (Watched, 1);

  *watched = (Watched){ name, choices, adw_combo_row_get_selected (row) };
  g_object_set_data_full (G_OBJECT (row), "kx-watched", watched, g_free);
  g_signal_connect_object (row, "notify::selected", G_CALLBACK (note_choice), self,
                           G_CONNECT_SWAPPED);
}

/* ── The list of moves ───────────────────────────────────────────────────────────────────────── */

/**
 * kx_paint_page_end_moves:
 * @self: the page
 *
 * Ends the list of moves with the NULL that it needs as a GStrv.
 */
void
kx_paint_page_end_moves (KxPaintPage *self)
{
  g_ptr_array_add (self->moves, NULL);
}
