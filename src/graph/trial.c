/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* One variant of one node, launched by itself, outside of any plan: to measure it, or to check it.
 */

#include "trial-private.h"

#include <math.h>

KolBuffer *
kol_trial_add_buffer (GPtrArray *owned, KolQueue *queue, gsize bytes, GError **error)
{
  KolBuffer *buffer = kol_buffer_new (kol_queue_get_device (queue), bytes, error);

  if (buffer)
    g_ptr_array_add (owned, buffer);
  return buffer;
}

gboolean
kol_trial_init (KolTrial *trial, const KolNode *node, const KolVariant *variant, KolQueue *queue,
                KolBuffer *const *inputs, KolBuffer *const *outputs, gboolean kept, GError **error)
{
  KolDevice *device = kol_queue_get_device (queue);
  gsize scratch = kept && variant->scratch_kept ? variant->scratch_kept (node, device)
                  : variant->scratch            ? variant->scratch (node, device)
                                                : 0;

  trial->node = node;
  trial->variant = variant;
  trial->owned = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_buffer_unref);
  trial->packed = g_new0 (KolBuffer *, node->n_inputs);
  trial->launch = (KolLaunch){
    .device = device, .queue = queue, .inputs = inputs, .outputs = outputs, .packed = trial->packed
  };
  if (scratch
      && (!(trial->launch.scratch = kol_trial_add_buffer (trial->owned, queue, scratch, error))
          || !kol_queue_fill (queue, trial->launch.scratch, NAN, error)))
    return FALSE;
  for (guint i = 0; kept && variant->packed && i < node->n_inputs; i++)
    {
      gsize bytes = variant->packed (node, i, device);

      if (bytes
          && (!(trial->packed[i] = kol_trial_add_buffer (trial->owned, queue, bytes, error))
              || !variant->pack (&trial->launch, node, i, error)))
        return FALSE;
    }
  return TRUE;
}

gboolean
kol_trial_run (KolTrial *trial, GError **error)
{
  return trial->variant->launch (&trial->launch, trial->node, error)
         && kol_queue_finish (trial->launch.queue, error);
}

void
kol_trial_clear (KolTrial *trial)
{
  if (trial->launch.queue)
    kol_queue_finish (trial->launch.queue, NULL);
  g_free (trial->packed);
  g_clear_pointer (&trial->owned, g_ptr_array_unref);
}
