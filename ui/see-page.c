/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a network sees: its layers, the pictures that excite their units, and photos in its eye. */

#include "see-page-private.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "see-page-intake.h"
#include "window.h"

#define MIB (1024.0 * 1024)
#define LIVE_SECONDS 5    /* between two looks at a network in training */
#define WEIGHT_IN_SIGHT 3 /* of its work on the device, while the page is seen; else 1 */

G_DEFINE_FINAL_TYPE (KxSeePage, kx_see_page, KX_TYPE_PAGE)

enum {
  PROP_WATCHED = 1,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

/* ── Layers ──────────────────────────────────────────────────────────────────────────────────── */

static KxUnitList *
units_of (KxSeePage *self, KxNetworkLayer *layer)
{
  gpointer key = GUINT_TO_POINTER (kx_network_layer_get_index (layer));
  KxUnitList *units = g_hash_table_lookup (self->lists, key);

  if (!units)
    {
      units = kx_unit_list_new (self->network, layer);
      g_hash_table_insert (self->lists, key, units);
    }
  return units;
}

/* Units that are in sight, or nearly, and for idle times those that are not. */
static void
want_units (KxSeePage *self)
{
  g_autoptr (GPtrArray) wanted = kx_unit_grid_list_wanted (self->grid);
  g_autoptr (GArray) rest = kx_unit_grid_list_rest (self->grid);

  if (self->units)
    kx_exciter_want (self->exciter, wanted, rest);
}

static void clear_film (KxSeePage *self);

static void
select_unit (KxSeePage *self, KxNeuron *unit)
{
  if (unit != kx_exciter_get_favourite (self->exciter))
    clear_film (self);
  kx_unit_detail_set_unit (self->detail, unit);
  kx_exciter_set_favourite (self->exciter, unit);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WATCHED]);
}

static void
unit_selected (KxSeePage *self)
{
  select_unit (self, kx_unit_grid_get_unit (self->grid));
}

/* Enter on a unit: what is known of it is to be seen, too. */
static void
open_unit (KxSeePage *self, KxNeuron *unit)
{
  select_unit (self, unit);
  g_object_set (self, "inspector-shown", TRUE, NULL);
}

/* Of the selected unit: a property, so that the action of that name has a state. */
static gboolean
is_watched (KxSeePage *self)
{
  KxNeuron *unit = self->exciter ? kx_exciter_get_favourite (self->exciter) : NULL;

  return unit && kx_photo_view_is_watched (self->photo, unit);
}

static void
watch_unit (KxSeePage *self, KxNeuron *unit, gboolean watched)
{
  kx_photo_view_watch (self->photo, unit, watched);
  kx_photo_view_watch (self->draw, unit, watched);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_WATCHED]);
}

static void
unwatch (KxSeePage *self, KxNeuron *unit)
{
  watch_unit (self, unit, FALSE);
}

/**
 * kx_see_page_say_fault:
 * @self: the page
 * @text: a sentence
 */
void
kx_see_page_say_fault (KxSeePage *self, const char *text)
{
  kx_page_show_fault (KX_PAGE (self), text, NULL, NULL, NULL);
}

/* Photos were looked at: pictures are told in terms of the best. */
static void
examples_changed (KxSeePage *self)
{
  guint n, done, all = kx_examples_get_count (self->examples, &done);

  if (!self->units || (done < all && done % 8 != 0))
    return;
  n = kx_network_layer_get_units (kx_unit_list_get_layer (self->units));
  for (guint i = 0; i < n; i++)
    {
      gboolean stale = kx_examples_are_stale (self->examples);
      double best = stale ? (double) NAN : kx_examples_get_best (self->examples, i);
      KxNeuron *unit = kx_unit_list_get (self->units, i);
      double before = kx_neuron_get_best (unit);

      if (before != best && !(isnan (before) && isnan (best)))
        kx_neuron_set_best (unit, best);
    }
}

static void
layer_changed (KxSeePage *self)
{
  KxNetworkLayer *layer = kx_layer_list_get_layer (self->layers);

  if (!layer || !self->network)
    return;
  self->units = units_of (self, layer);
  g_autofree char *title = g_strdup_printf (
      g_dngettext (NULL, "%s · %u unit", "%s · %u units", kx_network_layer_get_units (layer)),
      kx_network_layer_get_name (layer), kx_network_layer_get_units (layer));
  gtk_label_set_label (self->units_title, title);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->units_title), title);
  kx_exciter_set_units (self->exciter, self->units);
  kx_unit_grid_set_units (self->grid, self->units);
  kx_photo_view_set_units (self->photo, self->units);
  kx_photo_view_set_units (self->draw, self->units);
  kx_examples_set_layer (self->examples, self->network, layer);
  unit_selected (self);
}

/* ── Changed units ───────────────────────────────────────────────────────────────────────────── */

/* What is to be done to a unit, on its way to the worker. */
typedef struct {
  char *layer;
  guint unit;
  KolUnitChange change;
  double value;
} Change;

static void
change_free (gpointer data)
{
  g_free (((Change *) data)->layer);
  g_free (data);
}

/* A KxNetworkCall. Controls offer only what can be done. */
static void
make_change (KxOpened *opened, gpointer data)
{
  const Change *change = data;
  g_autoptr (GError) error = NULL;

  if (!kol_layers_change_unit (opened->layers, change->layer, change->unit, change->change,
                               change->value, &error))
    g_warning ("A unit could not be changed: %s", error->message);
  kx_opened_set_changed (opened);
}

/* Of layers that the change leaves as they are they come from the cache. */
static void
forget_pictures (KxSeePage *self)
{
  GHashTableIter iter;
  gpointer units;

  g_hash_table_iter_init (&iter, self->lists);
  while (g_hash_table_iter_next (&iter, NULL, &units))
    kx_unit_list_set_stale (units);
  kx_exciter_refresh (self->exciter, FALSE);
}

/* Returns: (transfer container): the units that are not as the network has them. */
static GPtrArray *
changed_units (KxSeePage *self)
{
  GPtrArray *changed = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer units;

  g_hash_table_iter_init (&iter, self->lists);
  while (g_hash_table_iter_next (&iter, NULL, &units))
    for (guint i = 0; i < g_list_model_get_n_items (units); i++)
      if (kx_neuron_is_changed (kx_unit_list_get (units, i)))
        g_ptr_array_add (changed, kx_unit_list_get (units, i));
  return changed;
}

static void
send_change (KxSeePage *self, KxNeuron *unit)
{
  KxNetworkLayer *layer = kx_neuron_get_layer (unit);
  Change *change = g_new0 (Change, 1);

  change->layer = g_strdup (kx_network_layer_get_name (layer));
  change->unit = kx_neuron_get_index (unit);
  change->change = kx_neuron_get_change (unit, &change->value);
  kx_network_call (self->network, make_change, change, change_free);
}

/* Photos were looked at by the network as it was then. */
static void
note_version (KxSeePage *self, GPtrArray *changed)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < changed->len; i++)
    {
      KxNeuron *unit = g_ptr_array_index (changed, i);
      double value;
      KolUnitChange change = kx_neuron_get_change (unit, &value);

      g_string_append_printf (text, "%u/%u/%d/%g ",
                              kx_network_layer_get_index (kx_neuron_get_layer (unit)),
                              kx_neuron_get_index (unit), change, value);
    }
  kx_examples_set_version (self->examples, (self->step << 32) ^ g_str_hash (text->str));
}

/* After changes were sent. */
static void
show_consequences (KxSeePage *self)
{
  g_autoptr (GPtrArray) changed = changed_units (self);

  note_version (self, changed);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "see.put-back", changed->len > 0);
  forget_pictures (self);
  if (self->scoring)
    kx_scoring_restart (self->scoring, changed->len ? KX_SCORE_CHANGE : KX_SCORE_NO_CHANGE);
  kx_photo_view_ask (self->photo);
  kx_photo_view_ask (self->draw);
}

static void
change_unit (KxSeePage *self, KxNeuron *unit)
{
  send_change (self, unit);
  show_consequences (self);
}

static void
put_back (GtkWidget *widget, const char *name, GVariant *target)
{
  KxSeePage *self = KX_SEE_PAGE (widget);
  g_autoptr (GPtrArray) changed = changed_units (self);

  for (guint i = 0; i < changed->len; i++)
    {
      KxNeuron *unit = g_ptr_array_index (changed, i);

      kx_neuron_set_change (unit, KOL_UNIT_AS_IT_IS, 0);
      send_change (self, unit);
    }
  kx_unit_detail_set_unit (self->detail, kx_unit_grid_get_unit (self->grid));
  show_consequences (self);
}

/* A KxScoresFunc. */
static void
take_scores (const KxScores *scores, gpointer owner)
{
  KxSeePage *self = owner;

  if (!self->network)
    return;
  kx_accuracy_view_set_scores (self->accuracy, self->network, scores);
  if (!scores->fault)
    {
      g_autofree char *text = kx_scores_describe (scores);
      kx_unit_detail_set_consequence (self->detail, text);
    }
}

/* ── Networks in training ────────────────────────────────────────────────────────────────────── */

static void
clear_film (KxSeePage *self)
{
  kx_film_strip_clear (self->film);
  self->next_frame = 0;
}

/* At each doubling of the steps the favourite's picture joins the film. */
static void
add_frame (KxSeePage *self)
{
  KxNeuron *unit = kx_exciter_get_favourite (self->exciter);
  const KxNeuronPicture *picture = unit ? kx_neuron_get_picture (unit) : NULL;
  g_autofree char *label = g_strdup_printf ("%" G_GUINT64_FORMAT, self->step);
  g_autofree char *name = NULL;

  if (!self->live || !picture || !picture->texture || kx_neuron_is_stale (unit)
      || picture->steps < kx_exciter_get_settings (self->exciter)->steps
      || self->step < self->next_frame)
    return;
  name = g_strdup_printf (_ ("Unit %u at step %s"), kx_neuron_get_index (unit), label);
  kx_film_strip_append (self->film, label, name, GDK_PAINTABLE (picture->texture));
  self->next_frame = MAX (2 * self->step, 1);
}

/* A frame of the film is seen as large as the picture that there is now. */
static void
show_frame (KxSeePage *self)
{
  int i = kx_film_strip_get_selected (self->film);
  const char *name = NULL;
  GdkPaintable *picture = i >= 0 ? kx_film_strip_get_picture (self->film, i, &name) : NULL;

  kx_unit_detail_set_moment (self->detail, picture, name);
  if (picture)
    g_object_set (self, "inspector-shown", TRUE, NULL);
}

static gboolean
look_again (gpointer data)
{
  KxSeePage *self = data;

  if (gtk_widget_get_mapped (GTK_WIDGET (self)) && gtk_toggle_button_get_active (self->live_button)
      && kx_run_get_step (kx_network_get_training (self->network)) != self->step)
    kx_network_learn (self->network);
  return G_SOURCE_CONTINUE;
}

static void
say_step (KxSeePage *self)
{
  g_autofree char *subtitle = g_strdup_printf (gtk_toggle_button_get_active (self->live_button)
                                                   ? _ ("%s, live · step %" PRIu64)
                                                   : _ ("%s · step %" PRIu64),
                                               kx_network_get_title (self->network), self->step);

  kx_page_set_subtitle (KX_PAGE (self), subtitle);
  kx_page_set_caption (KX_PAGE (self), subtitle);
}

static void
live_toggled (KxSeePage *self)
{
  if (!self->live) /* no network in training is looked at */
    return;
  say_step (self);
  look_again (self);
}

static void
network_learned (KxSeePage *self, guint64 step)
{
  g_autoptr (GPtrArray) changed = changed_units (self);

  self->step = step;
  say_step (self);
  note_version (self, changed);
  kx_exciter_refresh (self->exciter, TRUE);
  if (self->scoring)
    kx_scoring_restart (self->scoring, KX_SCORE_ALL);
  kx_photo_view_ask (self->photo);
  kx_photo_view_ask (self->draw);
}

/* ── Dreams ──────────────────────────────────────────────────────────────────────────────────── */

static void
end_dream (KxSeePage *self)
{
  if (self->dream)
    g_signal_handlers_disconnect_by_data (self->dream, self);
  g_clear_object (&self->dream);
}

static void
show_dream (KxSeePage *self, GdkTexture *texture, const char *text)
{
  kx_photo_view_show_dream (self->photo, texture, text);
}

static void
dream (GtkWidget *widget, const char *name, GVariant *target)
{
  KxSeePage *self = KX_SEE_PAGE (widget);

  if (!self->units)
    return;
  gtk_stack_set_visible_child_name (self->views, "photo");
  if (!kx_photo_view_has_picture (self->photo))
    {
      kx_see_page_choose_photo (self);
      return;
    }
  end_dream (self);
  self->dream = kx_dream_new (kx_widget_get_session (widget), self->network,
                              kx_unit_list_get_layer (self->units),
                              kx_photo_view_dup_picture (self->photo));
  g_signal_connect_object (self->dream, "picture", G_CALLBACK (show_dream), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->dream, "fault", G_CALLBACK (kx_see_page_say_fault), self,
                           G_CONNECT_SWAPPED);
  kx_photo_view_show_dream (self->photo, NULL, _ ("The dream begins"));
}

/* The run whose network can be used, or NULL. */
static KxRun *
run_in_training (KxSeePage *self)
{
  KxSession *session = kx_widget_get_session (GTK_WIDGET (self));
  KxRun *run = session ? kx_session_get_run (session) : NULL;

  return run && kx_run_has_trainer (run) && kx_run_get_folder (run) ? run : NULL;
}

/* One button is suggested: to use the network in training, or else to open one. */
static void
allow_training (KxSeePage *self)
{
  gboolean there = run_in_training (self) != NULL;

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "see.use-training", there);
  gtk_widget_set_visible (GTK_WIDGET (self->training_button), there);
  if (there)
    gtk_widget_remove_css_class (GTK_WIDGET (self->open_pill), "suggested-action");
  else
    gtk_widget_add_css_class (GTK_WIDGET (self->open_pill), "suggested-action");
}

static void
order_changed (KxSeePage *self)
{
  kx_unit_grid_set_order (self->grid, gtk_drop_down_get_selected (self->order));
}

static void
view_changed (KxSeePage *self)
{
  gtk_widget_set_sensitive (GTK_WIDGET (self->photo_button), self->network != NULL);
}

/* ── Networks ────────────────────────────────────────────────────────────────────────────────── */

static void copy_again (KxSeePage *self, GParamSpec *spec, KxRun *run);

static void
close_network (KxSeePage *self)
{
  KxRun *training = self->network ? kx_network_get_training (self->network) : NULL;

  g_clear_handle_id (&self->live, g_source_remove);
  end_dream (self);
  g_clear_pointer (&self->scoring, kx_scoring_free);
  kx_accuracy_view_clear (self->accuracy);
  kx_unit_detail_set_consequence (self->detail, "");
  gtk_revealer_set_reveal_child (self->film_revealer, FALSE);
  clear_film (self);
  self->step = 0;
  kx_unit_detail_set_unit (self->detail, NULL);
  kx_examples_set_layer (self->examples, NULL, NULL);
  kx_exciter_set_network (self->exciter, NULL);
  kx_unit_grid_set_units (self->grid, NULL);
  kx_photo_view_set_units (self->photo, NULL);
  kx_photo_view_set_units (self->draw, NULL);
  kx_photo_view_set_network (self->photo, NULL);
  kx_photo_view_set_network (self->draw, NULL);
  kx_layer_list_set_layers (self->layers, NULL);
  self->units = NULL;
  g_hash_table_remove_all (self->lists);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "see.put-back", FALSE);
  if (self->network)
    {
      g_signal_handlers_disconnect_by_data (self->network, self);
      kx_network_close (self->network);
    }
  if (training)
    g_signal_handlers_disconnect_by_func (training, copy_again, self);
  g_clear_object (&self->network);
}

/* The layer that is seen first: the last one with maps that are not of classes. */
static KxNetworkLayer *
find_last_map (GListModel *layers, guint classes)
{
  for (guint i = g_list_model_get_n_items (layers); i-- > 0;)
    {
      g_autoptr (KxNetworkLayer) layer = g_list_model_get_item (layers, i);
      GListModel *children = kx_network_layer_get_children (layer);
      KxNetworkLayer *found = NULL;

      if (children)
        found = find_last_map (children, classes);
      else if (kx_network_layer_has_map (layer) && kx_network_layer_get_units (layer) != classes)
        found = layer;
      if (found)
        return found; /* the list holds it */
    }
  return NULL;
}

static void
show_network (KxSeePage *self)
{
  const KolPreprocess *fit = kx_network_get_fit (self->network);
  GListModel *layers = kx_network_get_layers (self->network);
  KxNetworkLayer *first
      = find_last_map (layers, kx_network_layer_get_units (kx_network_get_output (self->network)));
  GtkStackPage *draw = gtk_stack_get_page (self->views, GTK_WIDGET (self->draw));
  g_autoptr (GPtrArray) changed = changed_units (self);

  note_version (self, changed);
  kx_page_set_subtitle (KX_PAGE (self), kx_network_get_title (self->network));
  kx_page_set_caption (KX_PAGE (self), kx_network_get_title (self->network));
  gtk_stack_set_visible_child_name (self->stack, "open");
  gtk_stack_page_set_visible (draw, fit->channels == 1);
  if (fit->channels != 1 && gtk_stack_get_visible_child (self->views) == GTK_WIDGET (self->draw))
    gtk_stack_set_visible_child_name (self->views, "units");
  kx_exciter_set_network (self->exciter, self->network);
  kx_photo_view_set_network (self->photo, self->network);
  kx_photo_view_set_network (self->draw, self->network);
  kx_layer_list_set_layers (self->layers, layers);
  kx_layer_list_select (self->layers, first ? first : kx_network_get_output (self->network));
  gtk_stack_page_set_visible (gtk_stack_get_page (self->views, GTK_WIDGET (self->accuracy)),
                              kx_network_get_run (self->network) != NULL);
  if (kx_network_get_run (self->network))
    self->scoring = kx_scoring_new (self->network, take_scores, self);
  else if (gtk_stack_get_visible_child (self->views) == GTK_WIDGET (self->accuracy))
    gtk_stack_set_visible_child_name (self->views, "units");
  if (!kx_network_get_training (self->network))
    return;
  gtk_toggle_button_set_active (self->live_button, TRUE);
  kx_network_learn (self->network);
  self->live = g_timeout_add_seconds (LIVE_SECONDS, look_again, self);
  gtk_revealer_set_reveal_child (self->film_revealer, TRUE);
}

static void
network_changed (KxSeePage *self)
{
  switch (kx_network_get_state (self->network))
    {
    case KX_NETWORK_READY:
      show_network (self);
      break;
    case KX_NETWORK_FAILED:
      kx_page_show_fault (KX_PAGE (self), kx_network_get_fault (self->network), _ ("Open Another…"),
                          "see.open-file", NULL);
      close_network (self);
      gtk_stack_set_visible_child_name (self->stack, "empty");
      break;
    case KX_NETWORK_OPENING:
    default:
      break;
    }
  view_changed (self);
}

static void
say_opening (KxSeePage *self, const char *name)
{
  g_autofree char *title = g_strdup_printf (_ ("Opening %s"), name);

  adw_status_page_set_title (self->opening, title);
  gtk_stack_set_visible_child_name (self->stack, "opening");
}

static void
take_network (KxSeePage *self, KxNetwork *network, const char *name)
{
  close_network (self);
  kx_page_set_subtitle (KX_PAGE (self), NULL); /* until it is open, if it ever is */
  kx_page_set_caption (KX_PAGE (self), NULL);
  kx_page_clear_fault (KX_PAGE (self));
  self->network = network;
  say_opening (self, name);
  g_signal_connect_object (network, "notify::state", G_CALLBACK (network_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (network, "learned", G_CALLBACK (network_learned), self,
                           G_CONNECT_SWAPPED);
  kx_network_set_weight (network, WEIGHT_IN_SIGHT);
}

/* A run goes on on another device: what looks at it is made there, too. */
static void
copy_again (KxSeePage *self, GParamSpec *spec, KxRun *run)
{
  take_network (self, kx_network_open_copy (run), kx_run_get_name (run));
  g_signal_connect_object (run, "notify::device", G_CALLBACK (copy_again), self, G_CONNECT_SWAPPED);
}

static void
use_training (GtkWidget *widget, const char *name, GVariant *target)
{
  KxSeePage *self = KX_SEE_PAGE (widget);
  KxRun *run = run_in_training (self);

  if (run)
    copy_again (self, NULL, run);
}

/**
 * kx_see_page_open:
 * @self: the page
 * @path: a run's folder, the name of an installed model, or a model's file
 *
 * Opens it, once a device is known.
 */
void
kx_see_page_open (KxSeePage *self, const char *path)
{
  KxSession *session = kx_widget_get_session (GTK_WIDGET (self));
  KxDevice *device = kx_session_get_device (session);
  g_autofree char *name = g_filename_display_basename (path);
  gboolean looked;

  g_object_get (session, "looked", &looked, NULL);
  g_clear_pointer (&self->waiting, g_free);
  if (device)
    take_network (self, kx_network_open (kx_device_get_engine (device), path), name);
  else if (!looked)
    {
      self->waiting = g_strdup (path);
      say_opening (self, name);
    }
  else
    {
      gtk_stack_set_visible_child_name (self->stack, "empty");
      kx_page_show_fault (KX_PAGE (self), _ ("There is no OpenCL device to open it on."),
                          _ ("Devices"), "win.page", g_variant_new_string ("devices"));
    }
}

/* The session has looked for devices. */
static void
open_waiting (KxSeePage *self)
{
  g_autofree char *path = g_steal_pointer (&self->waiting);

  if (path)
    kx_see_page_open (self, path);
}

static void
open_named (GtkWidget *widget, const char *name, GVariant *target)
{
  kx_see_page_open (KX_SEE_PAGE (widget), g_variant_get_string (target, NULL));
}

static void
kx_see_page_find (KxPage *page)
{
  kx_layer_list_find (KX_SEE_PAGE (page)->layers);
}

/* Whether its network can be used changes with its state. */
static void
watch_run (KxSession *session, GParamSpec *spec, KxSeePage *self)
{
  KxRun *run = kx_session_get_run (session);

  if (run)
    g_signal_connect_object (run, "notify::state", G_CALLBACK (allow_training), self,
                             G_CONNECT_SWAPPED);
  allow_training (self);
}

static void
add_job (KxSeePage *self, KxJob *job)
{
  kx_session_add_job (kx_widget_get_session (GTK_WIDGET (self)), job);
}

/* The page in sight goes first, and pictures that nobody sees are not made. */
static void
page_changed (KxSession *session, GParamSpec *spec, KxSeePage *self)
{
  gboolean seen = g_strcmp0 (kx_session_get_page (session), "see") == 0;

  kx_exciter_rest (self->exciter, !seen);
  if (self->network)
    kx_network_set_weight (self->network, seen ? WEIGHT_IN_SIGHT : 1);
}

static void
set_budget (GSettings *settings, const char *key, KxSeePage *self)
{
  kx_exciter_set_budget (self->exciter,
                         (guint64) (g_settings_get_int (settings, "picture-cache") * MIB));
}

static void
kx_see_page_attach (KxPage *page, KxSession *session)
{
  KxSeePage *self = KX_SEE_PAGE (page);
  GSettings *settings = kx_session_get_settings (session);

  g_signal_connect_object (session, "notify::looked", G_CALLBACK (open_waiting), page,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (settings, "changed::picture-cache", G_CALLBACK (set_budget), page, 0);
  g_signal_connect_object (session, "notify::run", G_CALLBACK (watch_run), page, 0);
  g_signal_connect_object (session, "notify::page", G_CALLBACK (page_changed), page, 0);
  set_budget (settings, NULL, self);
  watch_run (session, NULL, self);
}

static void
kx_see_page_opened (KxPage *page)
{
  kx_see_page_fill_menus (KX_SEE_PAGE (page));
  allow_training (KX_SEE_PAGE (page));
}

/* ── The page ────────────────────────────────────────────────────────────────────────────────── */

static void
kx_see_page_dispose (GObject *object)
{
  KxSeePage *self = KX_SEE_PAGE (object);

  if (self->lists)
    close_network (self);
  g_clear_pointer (&self->lists, g_hash_table_unref);
  g_clear_pointer (&self->waiting, g_free);
  g_clear_object (&self->exciter);
  g_clear_object (&self->examples);
  G_OBJECT_CLASS (kx_see_page_parent_class)->dispose (object);
}

static void
kx_see_page_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_boolean (value, is_watched (KX_SEE_PAGE (object)));
}

static void
kx_see_page_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxSeePage *self = KX_SEE_PAGE (object);
  KxNeuron *unit = kx_exciter_get_favourite (self->exciter);

  if (unit)
    watch_unit (self, unit, g_value_get_boolean (value));
}

static void
kx_see_page_class_init (KxSeePageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kx_see_page_dispose;
  G_OBJECT_CLASS (klass)->get_property = kx_see_page_get_property;
  G_OBJECT_CLASS (klass)->set_property = kx_see_page_set_property;
  props[PROP_WATCHED]
      = g_param_spec_boolean ("watched", NULL, NULL, FALSE,
                              G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (G_OBJECT_CLASS (klass), N_PROPS, props);
  KX_PAGE_CLASS (klass)->attach = kx_see_page_attach;
  KX_PAGE_CLASS (klass)->drop = kx_see_page_drop;
  KX_PAGE_CLASS (klass)->verb = kx_see_page_verb;
  KX_PAGE_CLASS (klass)->picture = kx_see_page_picture;
  KX_PAGE_CLASS (klass)->find = kx_see_page_find;
  KX_PAGE_CLASS (klass)->opened = kx_see_page_opened;
  g_type_ensure (KX_TYPE_LAYER_LIST);
  g_type_ensure (KX_TYPE_PHOTO_VIEW);
  g_type_ensure (KX_TYPE_UNIT_DETAIL);
  g_type_ensure (KX_TYPE_ACCURACY_VIEW);
  g_type_ensure (KX_TYPE_FILM_STRIP);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/see-page.ui");
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, models);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, runs);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, photo_button);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, stack);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, opening);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, layers);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, views);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, units_title);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, size);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, order);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, grid_bin);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, photo);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, draw);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, detail);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, accuracy);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, film_revealer);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, film);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, live_button);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, training_button);
  gtk_widget_class_bind_template_child (widget_class, KxSeePage, open_pill);
  gtk_widget_class_bind_template_callback (widget_class, change_unit);
  gtk_widget_class_bind_template_callback (widget_class, layer_changed);
  gtk_widget_class_bind_template_callback (widget_class, live_toggled);
  gtk_widget_class_bind_template_callback (widget_class, order_changed);
  gtk_widget_class_bind_template_callback (widget_class, show_frame);
  gtk_widget_class_bind_template_callback (widget_class, view_changed);
  kx_see_page_bind_intake (widget_class);
  gtk_widget_class_install_action (widget_class, "see.open", "s", open_named);
  gtk_widget_class_install_action (widget_class, "see.dream", NULL, dream);
  gtk_widget_class_install_property_action (widget_class, "see.watch", "watched");
  gtk_widget_class_install_action (widget_class, "see.put-back", NULL, put_back);
  gtk_widget_class_install_action (widget_class, "see.use-training", NULL, use_training);
}

static void
kx_see_page_init (KxSeePage *self)
{
  self->lists = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->exciter = kx_exciter_new ();
  g_signal_connect_object (self->exciter, "job", G_CALLBACK (add_job), self, G_CONNECT_SWAPPED);
  self->examples = kx_examples_new ();
  g_signal_connect_object (self->examples, "job", G_CALLBACK (add_job), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->examples, "empty", G_CALLBACK (kx_see_page_say_empty), self,
                           G_CONNECT_SWAPPED);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->grid = KX_UNIT_GRID (kx_unit_grid_new (FALSE));
  adw_bin_set_child (self->grid_bin, GTK_WIDGET (self->grid));
  g_object_bind_property (gtk_range_get_adjustment (GTK_RANGE (self->size)), "value", self->grid,
                          "size", G_BINDING_SYNC_CREATE);
  kx_unit_detail_set_exciter (self->detail, self->exciter);
  kx_unit_detail_set_examples (self->detail, self->examples);
  g_signal_connect_object (self->exciter, "fault", G_CALLBACK (kx_see_page_say_fault), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->exciter, "progress", G_CALLBACK (add_frame), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->examples, "changed", G_CALLBACK (examples_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_swapped (self->grid, "moved", G_CALLBACK (want_units), self);
  g_signal_connect_swapped (self->grid, "notify::unit", G_CALLBACK (unit_selected), self);
  g_signal_connect_swapped (self->grid, "activate", G_CALLBACK (open_unit), self);
  g_signal_connect_swapped (self->photo, "picture", G_CALLBACK (end_dream), self);
  g_signal_connect_swapped (self->photo, "unwatch", G_CALLBACK (unwatch), self);
  g_signal_connect_swapped (self->draw, "unwatch", G_CALLBACK (unwatch), self);
  g_signal_connect_swapped (self->photo, "unit", G_CALLBACK (select_unit), self);
  g_signal_connect_swapped (self->draw, "unit", G_CALLBACK (select_unit), self);
  /* In the narrowest window the header may have to do with less; the tooltip tells it whole. */
  gtk_label_set_ellipsize (GTK_LABEL (gtk_button_get_child (self->photo_button)),
                           PANGO_ELLIPSIZE_END);
  g_signal_connect_swapped (self->photo_button, "clicked", G_CALLBACK (kx_see_page_choose_photo),
                            self);
  view_changed (self);
}
