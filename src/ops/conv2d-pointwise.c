/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The variant "pointwise" of conv2d and its gradient to x, for filters of 1x1 with
 * stride 1 and no padding on devices whose work-item is a SIMD thread: each
 * picture [C, H W] is multiplied by the weights [K, C] from the left. Of small
 * pictures, whose pixels do not fill vectors, the other way round: the picture
 * transposed is multiplied by the weights transposed, whose filters do. The
 * gradient to x is the same with channels and filters exchanged.
 */

#include "conv2d-private.h"
#include "product-private.h"

#define TURN 64 /* multiplications in whose time a sum is stored to its place in the other order   \
                 */

typedef struct {
  KolProduct p;
  KolProductForm form;
} Job;

/* What a sum costs, in multiplications, with all that register tiles compute besides. */
static double
cost_of (const KolProduct *p, gint64 rows, gint64 columns, const KolDevice *device)
{
  gint64 height = kol_tile_rows (device, rows), panel = 2 * (gint64) device->info.vector_width;
  double padded = (double) kol_round_up (rows, height) * (double) kol_round_up (columns, panel);

  return (double) p->inner * padded / (double) (rows * columns) * ((double) height + 0.5)
         / (double) height;
}

static Job
job_of (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);
  gboolean gradient = node->op == &kol_conv2d_gradient_x_op;
  gint64 pixels = c.P * c.Q, filters = gradient ? c.C : c.K, channels = gradient ? c.K : c.C;
  Job job = { .p = { .batch = c.N, .inner = channels } };

  if (cost_of (&job.p, pixels, filters, device) + TURN < cost_of (&job.p, filters, pixels, device))
    {
      job.form = KOL_PRODUCT_PACKED_B | KOL_PRODUCT_TURNED;
      job.p.rows = pixels;
      job.p.columns = filters;
      job.p.transpose_a = job.p.batched_a = TRUE;
      job.p.transpose_b = !gradient;
    }
  else
    {
      job.form = KOL_PRODUCT_PACKED_A | KOL_PRODUCT_BIAS_OF_ROWS;
      job.p.rows = filters;
      job.p.columns = pixels;
      job.p.transpose_a = gradient;
      job.p.batched_b = TRUE;
    }
  return job;
}

gboolean
kol_conv2d_pointwise_fits (const KolNode *node, const KolDevice *device)
{
  KolConv2dShape c = kol_conv2d_shape_of (node);

  return kol_product_simd_fits (device) && c.groups == 1 && c.R == 1 && c.S == 1 && c.stride_h == 1
         && c.stride_w == 1 && c.P == c.H && c.Q == c.W && c.top == 0 && c.left == 0
         && c.P * c.Q < G_MAXINT;
}

guint
kol_conv2d_pointwise_form (const KolNode *node, const KolDevice *device)
{
  return job_of (node, device).form;
}

gsize
kol_conv2d_pointwise_packed (const KolNode *node, guint input, const KolDevice *device)
{
  Job job = job_of (node, device);

  return input == 1 ? kol_product_simd_packed (&job.p, job.form, device) : 0;
}

/* What the product needs, then the weights, for when they are not kept packed. */
gsize
kol_conv2d_pointwise_scratch (const KolNode *node, const KolDevice *device)
{
  Job job = job_of (node, device);

  return kol_product_simd_scratch (&job.p, job.form, device)
         + kol_product_simd_packed (&job.p, job.form, device);
}

gboolean
kol_conv2d_pointwise_pack (KolLaunch *launch, const KolNode *node, guint input, GError **error)
{
  Job job = job_of (node, launch->device);

  return kol_product_simd_pack (launch, &job.p, job.form, launch->inputs[input],
                                (KolSide){ launch->packed[input], 0 }, error);
}

gboolean
kol_conv2d_pointwise_launch (KolLaunch *launch, const KolNode *node, GError **error)
{
  Job job = job_of (node, launch->device);
  KolSide weights = { launch->packed ? launch->packed[1] : NULL, 0 };
  KolSide picture = { launch->inputs[0], 0 };

  if (!weights.buffer)
    {
      gsize used = kol_product_simd_scratch (&job.p, job.form, launch->device);

      weights = (KolSide){ launch->scratch, (gint64) (used / sizeof (float)) };
      if (!kol_product_simd_pack (launch, &job.p, job.form, launch->inputs[1], weights, error))
        return FALSE;
    }
  if (job.form & KOL_PRODUCT_TURNED)
    return kol_product_simd_launch (launch, &job.p, job.form, picture, weights, error);
  return kol_product_simd_launch (launch, &job.p, job.form, weights, picture, error);
}
