/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* A trainer whose rate, momentum, batch and the like are changed on the way. */

#include <math.h>
#include <string.h>

#include "steered.h"

/* Plain descent moves the weights in proportion to the rate: its very step shows. */
static void
test_live_rate (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (60, 10, 5);
  g_autoptr (KolTrainer) steady = NULL, steered = NULL;
  const KolTrainSettings plain = {
    .steps = 20, .batch = 10, .optimizer = { .name = "sgd", .rate = 1e-3 }, .validation = 10
  };

  steady = new_trainer (linear_network, pictures, &plain);
  steered = new_trainer (linear_network, pictures, &plain);
  begin (steady, NULL);
  begin (steered, NULL);
  advance (steady, 3, 0);
  advance (steered, 3, 0);
  g_assert_true (are_same (steady, steered));
  g_autoptr (KolTrainState) state = capture (steered);
  g_autoptr (GError) error = NULL;
  g_assert_false (kol_trainer_set_control (steered, KOL_CONTROL_RATE, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpfloat (kol_trainer_get_control (steered, KOL_CONTROL_RATE), ==, 1e-3);

  set (steered, KOL_CONTROL_RATE, 0); /* stands still from the next step on, not one later */
  advance (steered, 1, 0);
  g_assert_cmpuint (kol_trainer_get_step (steered), ==, 4);
  set (steered, KOL_CONTROL_RATE_FACTOR, 1);
  g_assert_cmpfloat (kol_trainer_get_control (steered, KOL_CONTROL_RATE), ==, 1e-3);
  rewind_to (steady, state);
  for (guint i = 0; i < 2; i++)
    {
      gsize bytes;
      g_autofree float *still = read_parameter (steady, i, &bytes);
      g_autofree float *now = read_parameter (steered, i, &bytes);
      g_assert_cmpmem (still, bytes, now, bytes);
    }
  advance (steady, 1, 0);
  g_assert_false (are_same (steady, steered));

  set (steady, KOL_CONTROL_RATE, 1e-3); /* the same rate by other ways gives the same */
  rewind_to (steered, state);
  set (steered, KOL_CONTROL_RATE_FACTOR, 1);
  advance (steered, 5, 0);
  advance (steady, 4, 0);
  g_assert_true (are_same (steady, steered));
}

/* Trains to step @to, changing on the way what @changes say; stops, and goes on from disk, at @at.
 */
typedef struct {
  guint64 step;
  KolControl control;
  double value;
} Change;

static const Change changes[] = {
  { 5, KOL_CONTROL_RATE, 2e-3 },          { 9, KOL_CONTROL_MOMENTUM, 0.5 },
  { 11, KOL_CONTROL_KEEP, 0.9 },          { 14, KOL_CONTROL_BATCH, 15 },
  { 18, KOL_CONTROL_WEIGHT_DECAY, 1e-3 }, { 23, KOL_CONTROL_RATE_FACTOR, 0.25 },
  { 27, KOL_CONTROL_BATCH, 8 },           { 33, KOL_CONTROL_RATE, 5e-4 },
};

static KolTrainer *
steered (KolDataset *pictures, const KolTrainSettings *settings, const char *folder,
         const guint64 *stops)
{
  KolTrainer *trainer = new_trainer (linear_network, pictures, settings);
  guint next = 0;
  gboolean finished = FALSE;

  record (trainer, folder);
  begin (trainer, NULL);
  while (!finished)
    {
      guint64 step = kol_trainer_get_step (trainer);

      for (; next < G_N_ELEMENTS (changes) && changes[next].step == step; next++)
        set (trainer, changes[next].control, changes[next].value);
      if (*stops == step)
        {
          g_autoptr (GError) error = NULL;

          end (trainer);
          kol_trainer_save (trainer, &error);
          g_assert_no_error (error);
          kol_trainer_free (trainer);
          trainer = new_trainer (linear_network, pictures, settings);
          kol_trainer_resume (trainer, folder, 0, &error);
          g_assert_no_error (error);
          g_assert_cmpuint (kol_trainer_get_step (trainer), ==, step);
          begin (trainer, NULL);
          stops++;
        }
      finished = advance (trainer, 1, 0);
    }
  end (trainer);
  return trainer;
}

static void
assert_same_timeline (const char *one, const char *other)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) a = kol_timeline_load (one, &error);
  g_assert_no_error (error);
  g_autoptr (GArray) b = kol_timeline_load (other, &error);
  g_assert_no_error (error);

  g_assert_cmpuint (a->len, ==, b->len);
  for (guint i = 0; i < a->len; i++)
    {
      const KolTimelineRow *x = &g_array_index (a, KolTimelineRow, i);
      const KolTimelineRow *y = &g_array_index (b, KolTimelineRow, i);

      g_assert_cmpuint (x->step, ==, y->step);
      g_assert_cmpstr (kol_timeline_kind_name (x->kind), ==, kol_timeline_kind_name (y->kind));
      g_assert_true (x->from == y->from || (isnan (x->from) && isnan (y->from)));
      g_assert_cmpfloat (x->to, ==, y->to);
    }
}

/* A run that was changed by hand goes on from the disk as if it had never stopped. */
static void
check_exact_controls (const char *name, const KolTrainSettings *settings)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 8);
  g_autofree char *whole_name = g_strconcat (name, "-whole", NULL);
  g_autofree char *parts_name = g_strconcat (name, "-parts", NULL);
  g_autofree char *whole_folder = folder_of (whole_name), *parts_folder = folder_of (parts_name);
  g_autoptr (KolTrainer) whole
      = steered (pictures, settings, whole_folder, (const guint64[]){ G_MAXUINT64 });
  g_autoptr (KolTrainer) parts = steered (pictures, settings, parts_folder,
                                          (const guint64[]){ 5, 10, 14, 20, 29, 33, G_MAXUINT64 });
  g_autoptr (GError) error = NULL;

  g_assert_true (are_same (whole, parts));
  assert_same_rows (whole_folder, parts_folder);
  assert_same_timeline (whole_folder, parts_folder);
  g_autoptr (GArray) rows = kol_timeline_load (whole_folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (rows->len, ==, G_N_ELEMENTS (changes));
  for (guint i = 0; i < rows->len; i++)
    {
      const KolTimelineRow *row = &g_array_index (rows, KolTimelineRow, i);
      g_assert_cmpuint (row->step, ==, changes[i].step);
      g_assert_cmpfloat (row->to, ==, changes[i].value);
    }
  g_assert_cmpint (g_array_index (rows, KolTimelineRow, 3).kind, ==, KOL_TIMELINE_BATCH);
  g_assert_cmpfloat (g_array_index (rows, KolTimelineRow, 3).from, ==, 10);
}

static void
test_exact_controls_adam (void)
{
  check_exact_controls ("controls-adam", &rich);
}

static void
test_exact_controls_sgd (void)
{
  KolTrainSettings sgd = rich;

  sgd.optimizer = (KolOptimizer){ .name = "sgd", .rate = 1e-3, .momentum = 0.9, .nesterov = TRUE };
  check_exact_controls ("controls-sgd", &sgd);
}

/* Going back takes the controls along, and the timeline's rows. */
static void
test_rewind_controls (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (130, 10, 9);
  g_autoptr (KolTrainer) straight = new_trainer (linear_network, pictures, &rich);
  g_autoptr (KolTrainer) back = new_trainer (linear_network, pictures, &rich);
  g_autofree char *folder = folder_of ("rewind-controls");
  g_autoptr (GError) error = NULL;

  begin (straight, NULL);
  advance (straight, 8, 0);
  set (straight, KOL_CONTROL_BATCH, 14);
  set (straight, KOL_CONTROL_MOMENTUM, 0.7);
  advance (straight, 15, 0);

  record (back, folder);
  begin (back, NULL);
  advance (back, 8, 0);
  set (back, KOL_CONTROL_BATCH, 14);
  set (back, KOL_CONTROL_MOMENTUM, 0.7);
  g_autoptr (KolTrainState) state = capture (back);
  advance (back, 3, 0);
  set (back, KOL_CONTROL_BATCH, 20);
  set (back, KOL_CONTROL_MOMENTUM, 0);
  set (back, KOL_CONTROL_WEIGHT_DECAY, 0.1);
  advance (back, 6, 0);
  rewind_to (back, state);
  g_assert_cmpfloat (kol_trainer_get_control (back, KOL_CONTROL_BATCH), ==, 14);
  g_assert_cmpfloat (kol_trainer_get_control (back, KOL_CONTROL_MOMENTUM), ==, 0.7);
  g_assert_cmpfloat (kol_trainer_get_control (back, KOL_CONTROL_WEIGHT_DECAY), ==, 0);
  advance (back, 15, 0);
  g_assert_true (are_same (straight, back));

  g_autoptr (GArray) rows = kol_timeline_load (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (rows->len, ==, 3);
  const KolTimelineRow *last = &g_array_index (rows, KolTimelineRow, 2);
  g_assert_cmpint (last->kind, ==, KOL_TIMELINE_REWIND);
  g_assert_cmpuint (last->step, ==, 8);
  g_assert_cmpfloat (last->from, ==, 17);
  g_assert_cmpfloat (last->to, ==, 8);
}

/* A batch that does not fit says which does, and the old one goes on as if nothing were. */
static void
test_batch_too_large (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (300, 10, 10);
  const KolTrainSettings settings = { .steps = 12, .batch = 20, .validation = 40 };
  g_autoptr (KolTrainer) calm = new_trainer (kol_recipe_network, pictures, &settings);
  Told told = { 0 };
  run (calm, &told);

  g_autoptr (KolTrainer) trainer = new_trainer (kol_recipe_network, pictures, &settings);
  guint64 unlimited = kol_device_get_budget (device);
  g_autoptr (GError) error = NULL;
  begin (trainer, NULL);
  advance (trainer, 3, 0);
  kol_device_set_budget (device, kol_device_get_memory_used (device) + (1 << 20));
  g_assert_false (kol_trainer_set_control (trainer, KOL_CONTROL_BATCH, 200, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_MEMORY);
  g_test_message ("%s", error->message);
  const char *advice = strstr (error->message, "the largest batch that fits is ");
  g_assert_nonnull (advice);
  double largest = g_ascii_strtod (advice + strlen ("the largest batch that fits is "), NULL);
  g_assert_cmpfloat (largest, >=, 20);
  g_assert_cmpfloat (largest, <, 200);
  g_clear_error (&error);
  g_assert_cmpfloat (kol_trainer_get_control (trainer, KOL_CONTROL_BATCH), ==, 20);
  g_assert_false (kol_trainer_set_control (trainer, KOL_CONTROL_BATCH, 1000, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "at most 260"));

  g_autoptr (KolTrainState) state = capture (trainer);
  set (trainer, KOL_CONTROL_BATCH, largest); /* what is said to fit does */
  advance (trainer, 2, 0);
  rewind_to (trainer, state);
  while (!advance (trainer, 0, 0.05))
    ;
  kol_device_set_budget (device, unlimited);
  g_assert_true (are_same (trainer, calm));
}

static void
test_no_place_for_momentum (void)
{
  g_autoptr (KolDataset) pictures = make_blobs (60, 10, 11);
  g_autoptr (KolTrainer) trainer = new_trainer (
      linear_network, pictures,
      &(KolTrainSettings){ .steps = 4, .batch = 10, .optimizer = { .name = "sgd" } });
  g_autoptr (GError) error = NULL;

  g_assert_false (kol_trainer_set_control (trainer, KOL_CONTROL_MOMENTUM, 0.9, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_test_message ("%s", error->message);
  g_assert_cmpfloat (kol_trainer_get_control (trainer, KOL_CONTROL_MOMENTUM), ==, 0);
  begin (trainer, NULL);
  advance (trainer, 1, 0);
}

static void
test_timeline_damaged (void)
{
  g_autofree char *path = g_build_filename (scratch, KOL_TIMELINE_FILE, NULL);
  g_autoptr (GError) error = NULL;

  g_autoptr (GArray) none = kol_timeline_load (scratch, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_true (g_file_set_contents (
      path, "step,kind,from,to,seconds\n3,rate,,0.5,1.25\n4,rate,0.5,0.", -1, &error));
  g_autoptr (GArray) whole = kol_timeline_load (scratch, &error); /* without what has no end */
  g_assert_no_error (error);
  g_assert_cmpuint (whole->len, ==, 1);
  g_assert_true (isnan (g_array_index (whole, KolTimelineRow, 0).from));
  g_assert_cmpfloat (g_array_index (whole, KolTimelineRow, 0).seconds, ==, 1.25);
  g_assert_true (g_file_set_contents (
      path, "step,kind,from,to,seconds\n3,rate,,0.5,1.25\n4,rote,0.5,0.4,2\n", -1, &error));
  g_assert_null (kol_timeline_load (scratch, &error));
  g_assert_error (error, KOL_ERROR, KOL_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "Line 3"));
}

static void
add_tests (void)
{
  g_test_add_func ("/controls/live-rate", test_live_rate);
  g_test_add_func ("/controls/exact-controls/adam", test_exact_controls_adam);
  g_test_add_func ("/controls/exact-controls/sgd", test_exact_controls_sgd);
  g_test_add_func ("/controls/rewind-controls", test_rewind_controls);
  g_test_add_func ("/controls/batch-too-large", test_batch_too_large);
  g_test_add_func ("/controls/no-place-for-momentum", test_no_place_for_momentum);
  g_test_add_func ("/controls/timeline-damaged", test_timeline_damaged);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
