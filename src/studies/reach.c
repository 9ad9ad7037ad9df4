/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "reach-private.h"

#include "../device/error.h"
#include "../graph/op-private.h"
#include "../ops/conv2d-private.h"
#include "../ops/pool-private.h"

/* Operations whose every number is computed of those at the same place. */
#define KOL_ELEMENTWISE(name, ...) #name,
static const char *const of_one_place[] = {
#include "../ops/elementwise-table.h"
  "batch_norm", "batch_norm_inference", "local_response_norm", "concat", "detach", "dropout", NULL
};
#undef KOL_ELEMENTWISE

/* A window that is moved over what lies before. */
typedef struct {
  gint64 size[2], stride[2], before[2];
} Window;

static void
widen (KolReach *reach, const Window *window)
{
  for (guint axis = 0; axis < 2; axis++)
    {
      gint64 stride = reach->stride[axis];

      reach->before[axis] += window->before[axis] * stride;
      reach->after[axis] += (window->size[axis] - 1 - window->before[axis]) * stride;
      reach->stride[axis] *= window->stride[axis];
    }
}

static gboolean
find_window (const KolNode *node, Window *window)
{
  if (g_str_equal (node->op->name, "conv2d"))
    {
      KolConv2dShape s = kol_conv2d_shape_of (node);
      *window = (Window){ { (s.R - 1) * s.dilation_h + 1, (s.S - 1) * s.dilation_w + 1 },
                          { s.stride_h, s.stride_w },
                          { s.top, s.left } };
      return TRUE;
    }
  if (!g_str_equal (node->op->name, "max_pool") && !g_str_equal (node->op->name, "average_pool"))
    return FALSE;
  KolPoolGeometry g = kol_pool_geometry (&node->inputs[0]->shape, node->attributes);
  *window = (Window){ { g.size, g.size_w }, { g.stride, g.stride_w }, { g.top, g.left } };
  return !g.adaptive;
}

/* What is known of a value: NULL: it does not depend on the picture. */
static gboolean
visit (KolValue *value, KolValue *pixels, GHashTable *seen, KolReach **found, GError **error)
{
  KolNode *node = value->node;
  Window window;

  if (g_hash_table_lookup_extended (seen, node, NULL, (gpointer *) found))
    return TRUE;
  *found = NULL;
  if (value == pixels)
    *found = g_memdup2 (&(KolReach){ .stride = { 1, 1 } }, sizeof (KolReach));
  for (guint i = 0; value != pixels && i < node->n_inputs; i++)
    {
      KolReach *input;

      if (!visit (node->inputs[i], pixels, seen, &input, error))
        return FALSE;
      if (!input)
        continue;
      if (!*found)
        *found = g_memdup2 (input, sizeof *input);
      for (guint axis = 0; axis < 2; axis++)
        {
          (*found)->before[axis] = MAX ((*found)->before[axis], input->before[axis]);
          (*found)->after[axis] = MAX ((*found)->after[axis], input->after[axis]);
        }
    }
  g_hash_table_insert (seen, node, *found);
  if (value == pixels || !*found || g_strv_contains (of_one_place, node->op->name))
    return TRUE;
  if (find_window (node, &window))
    {
      widen (*found, &window);
      return TRUE;
    }
  g_set_error (error, KOL_ERROR, KOL_ERROR_DATA,
               "the operation %s of “%s” sees the whole picture, or scales it, so that the "
               "network cannot be computed in parts",
               node->op->name, node->name);
  return FALSE;
}

gboolean
kol_reach_find (KolValue *value, KolValue *pixels, KolReach *reach, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  KolReach *found;

  if (!visit (value, pixels, seen, &found, error))
    return FALSE;
  *reach = found ? *found : (KolReach){ .stride = { 1, 1 } };
  return TRUE;
}
