/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What happened in a run, and when. */

#include "mark.h"

#include <glib/gi18n.h>
#include <math.h>

#include "chart/axis.h"

#define LATEST 10 /* checkpoints that are all kept */

struct _KxMark {
  GObject parent_instance;

  KxMarkKind kind;
  guint64 step;
  char *text;
  KolTrainState *state; /* of a checkpoint in memory */
  double loss;          /* there */
  gboolean pinned;      /* it is not to be thinned out */
};

G_DEFINE_FINAL_TYPE (KxMark, kx_mark, G_TYPE_OBJECT)

enum {
  PROP_STEP = 1,
  PROP_TEXT,
  PROP_PINNED,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static void
kx_mark_finalize (GObject *object)
{
  KxMark *self = KX_MARK (object);

  g_clear_pointer (&self->state, kol_train_state_unref);
  g_free (self->text);
  G_OBJECT_CLASS (kx_mark_parent_class)->finalize (object);
}

static void
kx_mark_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxMark *self = KX_MARK (object);

  switch (id)
    {
    case PROP_STEP:
      g_value_set_uint64 (value, self->step);
      break;
    case PROP_TEXT:
      g_value_set_string (value, self->text);
      break;
    case PROP_PINNED:
      g_value_set_boolean (value, self->pinned);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_mark_class_init (KxMarkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = kx_mark_finalize;
  object_class->get_property = kx_mark_get_property;
  props[PROP_STEP] = g_param_spec_uint64 ("step", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  props[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL, flags);
  props[PROP_PINNED] = g_param_spec_boolean ("pinned", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kx_mark_init (KxMark *self)
{
  self->loss = NAN;
}

KxMark *
kx_mark_new (KxMarkKind kind, guint64 step, const char *text)
{
  KxMark *self = g_object_new (KX_TYPE_MARK, NULL);

  self->kind = kind;
  self->step = step;
  self->text = g_strdup (text);
  return self;
}

/**
 * kx_format_rate:
 * @rate: a learning rate or the like
 *
 * Returns: (transfer full): it as people write it: "3e-4", "0.05"
 */
char *
kx_format_rate (double rate)
{
  if (rate == 0 || (fabs (rate) >= 0.01 && fabs (rate) < 1000))
    return g_strdup_printf ("%.3g", rate);
  int exponent = (int) floor (log10 (fabs (rate)));
  double digits = rate / pow (10, exponent);
  g_autofree char *text = g_strdup_printf ("%.3g", digits);
  if (g_str_equal (text, "10"))
    return g_strdup_printf ("1e%d", exponent + 1);
  return g_strdup_printf ("%se%d", text, exponent);
}

/**
 * kx_mark_new_control:
 * @control: what was turned
 * @step: the first step that has it
 * @from: what it was before
 * @to: what it is
 *
 * Returns: (transfer full): the mark, "1e-3 > 3e-4"
 */
KxMark *
kx_mark_new_control (KolControl control, guint64 step, double from, double to)
{
  const char *const names[] = {
    [KOL_CONTROL_RATE] = "",
    [KOL_CONTROL_RATE_FACTOR] = N_ ("schedule × "),
    [KOL_CONTROL_KEEP] = N_ ("dropout "), /* as its control says */
    [KOL_CONTROL_MOMENTUM] = N_ ("momentum "),
    [KOL_CONTROL_WEIGHT_DECAY] = N_ ("weight decay "),
    [KOL_CONTROL_BATCH] = N_ ("batch "),
  };
  gboolean share = control == KOL_CONTROL_KEEP;
  g_autofree char *before = kx_format_rate (share ? 1 - from : from);
  g_autofree char *after = kx_format_rate (share ? 1 - to : to);
  const char *name = *names[control] ? _ (names[control]) : "";
  gboolean again = control == KOL_CONTROL_RATE_FACTOR && isnan (from) && to == 1;
  g_autofree char *text = again          ? g_strdup (_ ("schedule again"))
                          : isnan (from) ? g_strdup_printf ("%s%s", name, after)
                                         : g_strdup_printf ("%s%s > %s", name, before, after);

  return kx_mark_new (KX_MARK_CONTROL, step, text);
}

/**
 * kx_mark_new_checkpoint:
 * @state: (transfer full): what one goes back to
 * @loss: the latest there
 *
 * Returns: (transfer full): the mark
 */
KxMark *
kx_mark_new_checkpoint (KolTrainState *state, double loss)
{
  guint64 step = kol_train_state_get_step (state);
  g_autofree char *value = kx_format_value (loss);
  g_autofree char *text = step == 0      ? g_strdup (_ ("Before the first step"))
                          : isnan (loss) ? g_strdup (_ ("Checkpoint"))
                                         : g_strdup_printf (_ ("Checkpoint · %s"), value);
  KxMark *self = kx_mark_new (KX_MARK_CHECKPOINT, step, text);

  self->state = state;
  self->loss = loss;
  return self;
}

KxMarkKind
kx_mark_get_kind (KxMark *self)
{
  return self->kind;
}

guint64
kx_mark_get_step (KxMark *self)
{
  return self->step;
}

const char *
kx_mark_get_text (KxMark *self)
{
  return self->text;
}

/**
 * kx_mark_get_state:
 * @mark: a mark
 *
 * Returns: (nullable) (transfer none): what a checkpoint holds; %NULL for other marks
 */
KolTrainState *
kx_mark_get_state (KxMark *self)
{
  return self->state;
}

double
kx_mark_get_loss (KxMark *self)
{
  return self->loss;
}

gboolean
kx_mark_get_pinned (KxMark *self)
{
  return self->pinned;
}

void
kx_mark_set_pinned (KxMark *self, gboolean pinned)
{
  if (self->pinned == pinned)
    return;
  self->pinned = pinned;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PINNED]);
}

/**
 * kx_mark_compare:
 * @one: a mark
 * @other: another
 * @unused: nothing
 *
 * Returns: below 0, 0 or above 0, as @one is later than, with or before @other: the latest first
 */
int
kx_mark_compare (gconstpointer one, gconstpointer other, gpointer unused)
{
  const KxMark *a = one, *b = other;

  return (a->step < b->step) - (a->step > b->step);
}

/**
 * kx_mark_thin_out:
 * @timeline: (element-type KxMark): of a run
 * @most: bytes that its checkpoints may take
 *
 * Beyond the latest checkpoints, only those stay that are pinned or lie twice as far apart each
 * time.
 */
void
kx_mark_thin_out (GListStore *timeline, guint64 most)
{
  guint64 bytes = 0, last = G_MAXUINT64, distance = 0;
  guint count = 0;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (timeline)); i++)
    {
      g_autoptr (KxMark) mark = g_list_model_get_item (G_LIST_MODEL (timeline), i);

      if (mark->kind != KX_MARK_CHECKPOINT)
        continue;
      guint64 step = kx_mark_get_step (mark);
      guint64 size = kol_train_state_get_bytes (kx_mark_get_state (mark));
      gboolean near = count >= LATEST && last - step < distance;
      gboolean too_much = count > 0 && bytes + size > most;
      if (!kx_mark_get_pinned (mark) && (near || too_much))
        {
          g_list_store_remove (timeline, i--);
          continue;
        }
      if (count >= LATEST)
        distance = MAX (2 * distance, last - step);
      bytes += size;
      last = step;
      count++;
    }
}
