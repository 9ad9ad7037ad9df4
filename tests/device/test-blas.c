/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "device/blas-private.h"
#include "device/tuning-private.h"
#include "fixture.h"

#include <math.h>

typedef struct {
  gboolean transpose_a, transpose_b;
  gsize m, n, k, batch;
} Product;

static float *
random_floats (GRand *random, gsize n)
{
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = (float) g_rand_double_range (random, -1, 1);
  return values;
}

/* One element of one product, in double precision. */
static double
element (const Product *p, const float *a, const float *b, gsize i, gsize j)
{
  double sum = 0;

  for (gsize l = 0; l < p->k; l++)
    sum += (double) (p->transpose_a ? a[l * p->m + i] : a[i * p->k + l])
           * (p->transpose_b ? b[j * p->k + l] : b[l * p->n + j]);
  return sum;
}

static void
check_product (KolQueue *queue, GRand *random, const Product *p)
{
  g_autoptr (GError) error = NULL;
  KolDevice *device = kol_queue_get_device (queue);
  const gsize size_a = p->m * p->k, size_b = p->k * p->n, size_c = p->m * p->n;
  g_autofree float *a = random_floats (random, size_a * p->batch);
  g_autofree float *b = random_floats (random, size_b * p->batch);
  g_autofree float *c = g_new (float, size_c * p->batch);
  g_autoptr (KolBuffer) on_device_a = new_buffer (device, size_a * p->batch * sizeof (float));
  g_autoptr (KolBuffer) on_device_b = new_buffer (device, size_b * p->batch * sizeof (float));
  g_autoptr (KolBuffer) on_device_c = new_buffer (device, size_c * p->batch * sizeof (float));

  kol_queue_write (queue, on_device_a, 0, a, on_device_a->bytes, &error);
  kol_queue_write (queue, on_device_b, 0, b, on_device_b->bytes, &error);
  kol_queue_fill (queue, on_device_c, NAN, &error);
  kol_blas_gemm (queue, p->transpose_a, p->transpose_b, p->m, p->n, p->k, on_device_a,
                 p->transpose_a ? p->m : p->k, size_a, on_device_b, p->transpose_b ? p->k : p->n,
                 size_b, on_device_c, p->n, size_c, p->batch, &error);
  g_assert_no_error (error);
  read_floats (queue, on_device_c, c, size_c * p->batch);

  for (gsize s = 0; s < p->batch; s++)
    for (gsize i = 0; i < p->m; i++)
      for (gsize j = 0; j < p->n; j++)
        {
          double expected = element (p, a + s * size_a, b + s * size_b, i, j);
          g_assert_cmpfloat_with_epsilon (c[s * size_c + i * p->n + j], expected,
                                          1e-5 * sqrt ((double) p->k + 1));
        }
}

static void
test_gemm (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  const gsize shapes[][3]
      = { { 1, 1, 1 }, { 3, 5, 7 }, { 17, 33, 13 }, { 31, 1, 65 }, { 1, 127, 3 }, { 64, 64, 64 } };
  const gsize batches[] = { 1, 3 };

  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    for (int transposes = 0; transposes < 4; transposes++)
      for (gsize j = 0; j < G_N_ELEMENTS (batches); j++)
        check_product (queue, random,
                       &(Product){ transposes & 1, transposes >> 1, shapes[i][0], shapes[i][1],
                                   shapes[i][2], batches[j] });
}

/* As `kolinsky tune` leaves it: the first product of a device takes what is remembered. */
static void
remember_parameters (KolDevice *device, const char *key, const char *chosen)
{
  const char *const names[] = { "default", chosen };
  const double seconds[] = { 2, 1 };

  kol_tuning_store (device->tuning, key, names, seconds, 2, 1);
}

static void
test_gemm_parameters (void)
{
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (GRand) random = g_rand_new_with_seed (11);

  g_assert_false (kol_blas_is_tuned (device));
  remember_parameters (device, "CLBlast's Xgemm", "64x64-4x4");
  remember_parameters (device, "CLBlast's XgemmDirect", "32-4x4");
  remember_parameters (device, "CLBlast's GemmRoutine", "256");
  g_assert_true (kol_blas_is_tuned (device));
  g_assert_false (device->blas_ready);
  check_product (queue, random, &(Product){ FALSE, FALSE, 37, 41, 43, 1 });
  g_assert_true (device->blas_ready);
  check_product (queue, random, &(Product){ TRUE, FALSE, 260, 256, 256, 1 });
  check_product (queue, random, &(Product){ FALSE, TRUE, 260, 257, 255, 1 });
  kol_tuning_forget (device->tuning, "CLBlast's ");
}

static void
test_gemm_errors (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KolDevice) device = open_device ();
  g_autoptr (KolQueue) queue = open_queue (device);
  g_autoptr (KolBuffer) small = new_buffer (device, 16);
  g_autoptr (KolBuffer) large = new_buffer (device, 64 * 64 * sizeof (float));

  g_assert_false (kol_blas_gemm (queue, FALSE, FALSE, 64, 64, 64, small, 64, 0, large, 64, 0, large,
                                 64, 0, 1, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "matrix A"));
  g_assert_nonnull (strstr (error->message, "-1011"));

  /* Nothing is enqueued while collecting. */
  g_clear_error (&error);
  kol_queue_set_mode (queue, KOL_QUEUE_COLLECT);
  g_assert_true (kol_blas_gemm (queue, FALSE, FALSE, 64, 64, 64, NULL, 64, 0, NULL, 64, 0, NULL, 64,
                                0, 1, &error));
}

static gpointer
multiply (gpointer data)
{
  g_autoptr (KolQueue) queue = open_queue (data);
  g_autoptr (GRand) random = g_rand_new_with_seed (3);

  for (gsize i = 1; i < 8; i++)
    check_product (queue, random, &(Product){ FALSE, TRUE, 8 * i, 9, 10 + i, 1 });
  return NULL;
}

static void
test_gemm_threads (void)
{
  g_autoptr (KolDevice) a = open_device ();
  g_autoptr (KolDevice) b = open_device ();
  if (skip_on_simulator (a, "the simulator runs one queue at a time"))
    return;
  GThread *first = g_thread_new ("multiply", multiply, a);
  GThread *second = g_thread_new ("multiply", multiply, b);

  g_thread_join (first);
  g_thread_join (second);
}

static void
add_tests (void)
{
  g_test_add_func ("/blas/parameters", test_gemm_parameters);
  g_test_add_func ("/blas/gemm", test_gemm);
  g_test_add_func ("/blas/errors", test_gemm_errors);
  g_test_add_func ("/blas/threads", test_gemm_threads);
}

int
main (int argc, char **argv)
{
  return run_device_tests (argc, argv, add_tests, NULL);
}
