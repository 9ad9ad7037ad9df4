/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT. The lecture's listing in C. */
#include <kolinsky.h>

static KolNetworkValues
network (KolGraph *g, int batch, float keep_prob)
{
  KolInitializer normal = KOL_TRUNCATED_NORMAL (0, 0.1), constant = KOL_CONSTANT (0.1);
  KolValue *x = kol_placeholder (g, "x", KOL_SHAPE (batch, 784)); /* inputs */
  KolValue *y = kol_placeholder (g, "y", KOL_SHAPE (batch));
  KolValue *x0 = kol_reshape (x, KOL_SHAPE (-1, 1, 28, 28)); /* channels, height, width */
  KolValue *w_conv1 = kol_parameter (g, "w_conv1", KOL_SHAPE (32, 1, 5, 5), normal);
  KolValue *b_conv1 = kol_parameter (g, "b_conv1", KOL_SHAPE (32), constant);
  KolValue *z1 = kol_conv2d (x0, w_conv1, b_conv1, &(KolConv2d) { .padding = KOL_SAME });
  KolValue *h1 = kol_max_pool (kol_relu (z1), &(KolPool) { .size = 2 }); /* [-1, 32, 14, 14] */
  KolValue *w_conv2 = kol_parameter (g, "w_conv2", KOL_SHAPE (64, 32, 5, 5), normal);
  KolValue *b_conv2 = kol_parameter (g, "b_conv2", KOL_SHAPE (64), constant);
  KolValue *z2 = kol_conv2d (h1, w_conv2, b_conv2, &(KolConv2d) { .padding = KOL_SAME });
  KolValue *h2 = kol_max_pool (kol_relu (z2), &(KolPool) { .size = 2 }); /* [-1, 64, 7, 7] */
  KolValue *w_full = kol_parameter (g, "w_full", KOL_SHAPE (3136, 1024), normal);
  KolValue *b_full = kol_parameter (g, "b_full", KOL_SHAPE (1024), constant);
  KolValue *z3 = kol_add (kol_matmul (kol_reshape (h2, KOL_SHAPE (-1, 3136)), w_full), b_full);
  KolValue *h3 = kol_dropout (kol_relu (z3), kol_constant (g, keep_prob));
  KolValue *w_cls = kol_parameter (g, "w_cls", KOL_SHAPE (1024, 10), normal);
  KolValue *b_cls = kol_parameter (g, "b_cls", KOL_SHAPE (10), constant);
  KolValue *y4 = kol_add (kol_matmul (h3, w_cls), b_cls); /* an output of size 10 */
  KolValue *loss = kol_named (kol_mean (kol_softmax_cross_entropy (y4, y)), "loss");
  KolValue *accuracy = kol_mean (kol_equal (kol_argmax (y4, 1), y));
  return (KolNetworkValues) { .x = x, .y = y, .loss = loss, .accuracy = accuracy };
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = argc > 1 && *argv[1] ? g_strdup (argv[1]) : kol_dataset_find ();
  g_autoptr (KolDataset) mnist = folder ? kol_dataset_load_idx (folder, "train", &error) : NULL;
  g_autoptr (KolDevice) device = mnist ? kol_device_open (NULL, &error) : NULL;
  if (!device) /* 77: a test that is skipped */
    return g_printerr ("%s\n", error ? error->message : "No data set was found"), error ? 1 : 77;
  g_autoptr (KolDataset) lessons = kol_dataset_slice (mnist, 0, mnist->count - 5000);
  g_autoptr (KolDataset) validation = kol_dataset_slice (mnist, mnist->count - 5000, 1000);
  g_autoptr (KolBatches) train_data = kol_batches_new (lessons, 50, 1, TRUE, &error);
  g_autoptr (KolBatches) test_data = kol_batches_new (validation, 1000, 1, FALSE, &error);
  g_autoptr (KolGraph) g = kol_graph_new (device);
  g_autoptr (KolGraph) test_g = kol_graph_new_over (kol_graph_get_parameters (g));
  KolNetworkValues train = network (g, 50, 0.5), test = network (test_g, 1000, 1);
  KolValue *train_step = kol_adam (train.loss, &(KolAdam) { .rate = 1e-4 });
  kol_batch_next (test_data, test.x, test.y);
  for (int i = 0; i < (argc > 2 ? atoi (argv[2]) : 20000) && !error; i++)
    {
      kol_batch_next (train_data, train.x, train.y);
      if (!kol_run (g, train_step, &error) || i % 100 != 0)
        continue;
      g_print ("%d train [%g, %g]\n", i, kol_scalar (train.loss), kol_scalar (train.accuracy));
      g_print ("%d test [%g, %g]\n", i, kol_scalar (test.loss), kol_scalar (test.accuracy));
    }
  if (error)
    g_printerr ("%s\n", error->message);
  return error != NULL;
}
