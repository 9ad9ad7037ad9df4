/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* What a network says of a picture: asked on the main thread, answered by a probe. */

#include "sight.h"

#include <math.h>
#include <string.h>

#include "news-private.h"
#include "texture.h"

KxSight *
kx_sight_ref (KxSight *sight)
{
  g_atomic_ref_count_inc (&sight->references);
  return sight;
}

void
kx_sight_unref (KxSight *sight)
{
  if (!sight || !g_atomic_ref_count_dec (&sight->references))
    return;
  g_free (sight->fault);
  g_free (sight->probabilities);
  g_free (sight->maps);
  g_free (sight->watched);
  g_free (sight);
}

/* ── On the worker's thread ──────────────────────────────────────────────────────────────────── */

/* From the question to the delivery of the answer. */
typedef struct {
  gatomicrefcount references; /* the probe's, and the delivery's */
  GWeakRef owner, network;    /* the main thread's alone */
  KxSightFunc func;
  KxQuestion question;
  KolPreprocess fit;
  gint64 asked;
  KxSight *sight;
} Inquiry;

static void
inquiry_unref (gpointer data)
{
  Inquiry *inquiry = data;

  if (!g_atomic_ref_count_dec (&inquiry->references))
    return;
  kx_sight_unref (inquiry->sight);
  g_weak_ref_clear (&inquiry->owner);
  g_weak_ref_clear (&inquiry->network);
  g_clear_pointer (&inquiry->question.photo, kx_photo_unref);
  kol_picture_free (inquiry->question.picture);
  g_free (inquiry->question.pixels);
  g_free (inquiry->question.watched);
  g_free (inquiry);
}

static void
deliver (gpointer data)
{
  Inquiry *inquiry = data;
  g_autoptr (GObject) owner = g_weak_ref_get (&inquiry->owner);
  g_autoptr (KxNetwork) network = g_weak_ref_get (&inquiry->network);

  if (owner && network)
    inquiry->func (inquiry->sight, network, owner);
}

static float *
fit_picture (const Inquiry *inquiry, GError **error)
{
  const KxQuestion *question = &inquiry->question;
  const KolPicture *picture = question->photo ? question->photo->whole : question->picture;
  g_autoptr (KolPicture) fitted = kol_preprocess_fit (&inquiry->fit, picture);

  if (!fitted)
    {
      g_set_error_literal (error, KOL_ERROR, KOL_ERROR_MEMORY,
                           "There is not enough memory to scale the picture for the network");
      return NULL;
    }
  float *pixels = g_new (float, kol_preprocess_count (&inquiry->fit));
  kol_preprocess_numbers (&inquiry->fit, fitted, pixels);
  return pixels;
}

/* Scores -> probabilities, in place, unless the network gives these already. */
static void
softmax (float *scores, guint n)
{
  double largest = -INFINITY, least = INFINITY, sum = 0;

  for (guint i = 0; i < n; i++)
    {
      largest = MAX (largest, scores[i]);
      least = MIN (least, scores[i]);
      sum += scores[i];
    }
  if (least >= 0 && fabs (sum - 1) < 1e-3)
    return;
  sum = 0;
  for (guint i = 0; i < n; i++)
    sum += exp (scores[i] - largest);
  for (guint i = 0; i < n; i++)
    scores[i] = (float) (exp (scores[i] - largest) / sum);
}

/* All numbers of a value; of several pictures the first one's come first. Given. */
static float *
read_value (KolValue *value, GError **error)
{
  float *numbers = g_new (float, (gsize) kol_shape_count (kol_value_get_shape (value)));

  if (kol_read (value, numbers, error))
    return numbers;
  g_free (numbers);
  return NULL;
}

static gsize
positions_of (const KolShape *shape)
{
  gsize positions = 1;

  for (int axis = 2; axis < shape->rank; axis++)
    positions *= (gsize) shape->dim[axis];
  return positions;
}

static gboolean
read_watched (KxSight *sight, const KxWatched *watched, KolValue *const *values, GError **error)
{
  for (guint i = 0; i < sight->n_watched; i++)
    {
      g_autofree float *numbers = read_value (values[i], error);
      gsize positions = positions_of (kol_value_get_shape (values[i]));
      double sum = 0;

      if (!numbers)
        return FALSE;
      for (gsize k = 0; k < positions; k++)
        sum += numbers[watched[i].unit * positions + k];
      sight->watched[i] = (float) (sum / (double) positions);
    }
  return TRUE;
}

static gboolean
read_maps (KxSight *sight, guint layer, KolValue *value, GError **error)
{
  const KolShape *shape = kol_value_get_shape (value);

  sight->maps = read_value (value, error);
  sight->layer = layer;
  sight->units = (guint) shape->dim[1];
  sight->height = shape->rank == 4 ? (gsize) shape->dim[2] : 1;
  sight->width = positions_of (shape) / sight->height;
  return sight->maps != NULL;
}

static gboolean
look (KxOpened *opened, Inquiry *inquiry, KxSight *sight, GError **error)
{
  KxQuestion *question = &inquiry->question;
  gboolean maps = question->layer != KX_NO_LAYER;
  guint n = question->n_watched + maps;
  g_autofree guint *layers = g_new (guint, n + 1);
  g_autofree KolValue **values = g_new0 (KolValue *, n + 1);
  KolValue *scores;

  if (!question->pixels && !(question->pixels = fit_picture (inquiry, error)))
    return FALSE;
  for (guint i = 0; i < question->n_watched; i++)
    layers[i] = question->watched[i].layer;
  layers[question->n_watched] = question->layer;
  if (!kx_opened_look (opened, question->pixels, layers, n, values, &scores, error))
    return FALSE;
  sight->probabilities = read_value (scores, error);
  if (!sight->probabilities)
    return FALSE;
  const KolShape *shape = kol_value_get_shape (scores);
  sight->n_classes = (guint) (kol_shape_count (shape) / shape->dim[0]);
  softmax (sight->probabilities, sight->n_classes);
  sight->n_watched = question->n_watched;
  sight->watched = g_new0 (float, question->n_watched + 1);
  return read_watched (sight, question->watched, values, error)
         && (!maps || read_maps (sight, question->layer, values[question->n_watched], error));
}

/* A KxNetworkCall. */
static void
answer_inquiry (KxOpened *opened, gpointer data)
{
  Inquiry *inquiry = data;
  KxSight *sight = g_new0 (KxSight, 1);
  g_autoptr (GError) error = NULL;

  g_atomic_ref_count_init (&sight->references);
  sight->asked = inquiry->asked;
  sight->layer = KX_NO_LAYER;
  if (!look (opened, inquiry, sight, &error))
    sight->fault = g_strdup (error->message);
  inquiry->sight = sight;
  g_atomic_ref_count_inc (&inquiry->references);
  kx_news_post (deliver, inquiry, inquiry_unref);
}

/* ── On the main thread ──────────────────────────────────────────────────────────────────────── */

/**
 * kx_sight_ask:
 * @network: a network that is ready
 * @question: what is asked; what it points to is taken over
 * @func: told what the network says
 * @owner: (type GObject): for @func; of its questions that wait only the newest is answered, and
 *   none once it or @network is gone
 */
void
kx_sight_ask (KxNetwork *network, const KxQuestion *question, KxSightFunc func, gpointer owner)
{
  Inquiry *inquiry = g_new0 (Inquiry, 1);

  g_atomic_ref_count_init (&inquiry->references);
  g_weak_ref_init (&inquiry->owner, owner);
  g_weak_ref_init (&inquiry->network, network);
  inquiry->func = func;
  inquiry->question = *question;
  inquiry->fit = *kx_network_get_fit (network);
  inquiry->asked = g_get_monotonic_time ();
  kx_network_probe (network, owner, answer_inquiry, inquiry, inquiry_unref);
}

/**
 * kx_sight_order:
 * @sight: what a network says
 * @top: how many classes are wanted
 *
 * Returns: (transfer full): the likeliest classes, the first first; of equals the one with the
 *   smaller number
 */
guint *
kx_sight_order (const KxSight *sight, guint top)
{
  guint *order = g_new (guint, top + 1), count = 0;

  for (guint i = 0; i < sight->n_classes; i++)
    {
      guint at = count;
      for (; at > 0 && sight->probabilities[order[at - 1]] < sight->probabilities[i]; at--)
        order[at] = order[at - 1];
      order[at] = i;
      count = MIN (count + 1, top);
    }
  return order;
}

/**
 * kx_sight_get_map:
 * @sight: what a network says, with maps
 * @unit: one of them
 *
 * Returns: (transfer full): what the unit says at each position, from the least said anywhere in
 *   the layer, black, to the most, white
 */
GdkTexture *
kx_sight_get_map (const KxSight *sight, guint unit)
{
  gsize each = sight->height * sight->width;
  float least = INFINITY, most = -INFINITY;
  const float *map = sight->maps + unit * each;
  g_autofree float *grey = g_new (float, each);

  for (gsize i = 0; i < each; i++)
    {
      least = MIN (least, map[i]);
      most = MAX (most, map[i]);
    }
  least = MIN (least, 0);
  for (gsize i = 0; i < each; i++)
    grey[i] = most > least ? (map[i] - least) / (most - least) : 0;
  return kx_texture_new (grey, 1, sight->height, sight->width);
}
