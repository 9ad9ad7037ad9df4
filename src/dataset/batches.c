/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "batches.h"

#include <string.h>

#include "augment-private.h"
#include "dataset-private.h"

/*
 * Batches are numbered from 0, without end; the number alone says what is in a
 * batch. Batch n lies in slot n % SLOTS of a ring. The caller holds one slot, the
 * one that was lent last; the prefetch thread fills the others.
 */
#define SLOTS 4

typedef struct {
  float *examples; /* [batch, channels, height, width]; pixels are 0..1 */
  float *targets;  /* [batch], labels, or [batch, outputs] */
} Slot;

struct _KolBatches {
  KolDataset *dataset;
  gsize batch;
  gsize per_epoch;
  gsize size;        /* numbers of an example */
  gsize target_size; /* numbers of its target: 1 if that is a label */
  guint64 key;       /* of the random numbers that shuffle */
  guint64 augment_key;
  gboolean shuffle;

  /* Only the prefetch thread touches these. */
  guint32 *order;      /* [count], the examples in the order of an epoch... */
  guint64 order_epoch; /* ...which is this one, or G_MAXUINT64: of none yet */
  float *plain;        /* [size], an example that is still to be varied */

  Slot slots[SLOTS];
  gsize valid; /* examples of the lent batch that are real; only the caller's */

  GThread *thread;
  GMutex lock;        /* guards what follows */
  GCond changed;      /* what follows has changed */
  guint64 taken;      /* number of the next batch to lend; only the caller writes it */
  guint64 made;       /* number of the next batch to make; taken <= made < taken + SLOTS */
  guint64 seeks;      /* how often the stream was moved or changed: a batch begun before is void */
  KolAugment augment; /* zeros: examples stay as they are */
  gboolean stop;      /* the thread shall end */
  gboolean failed;    /* the examples could not be read: there are no batches */
};

static void
shuffle_order (guint32 *order, gsize count, guint64 key, guint64 epoch)
{
  KolShuffle shuffle = { .key = key, .epoch = epoch, .count = count };

  for (gsize i = 0; i < count; i++)
    order[i] = i;
  for (gsize i = count - 1; i > 0; i--)
    {
      gsize j = kol_shuffle_partner (&shuffle, i);
      guint32 kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
}

/* The example at place @i of batch @number. */
static gsize
example_at (const KolBatches *batches, guint64 number, gsize i)
{
  gsize place = (gsize) (number % batches->per_epoch) * batches->batch + i;

  /* Only an unshuffled stream reaches past the end, and begins again there. */
  return batches->shuffle ? batches->order[place] : place % batches->dataset->count;
}

/* What a network is given of example @i, in @to. */
static void
fill_example (const KolBatches *batches, gsize i, float *to)
{
  const KolDataset *dataset = batches->dataset;
  gsize size = batches->size;

  if (dataset->values)
    {
      memcpy (to, dataset->values + i * size, size * sizeof (float));
      return;
    }
  const guint8 *from = dataset->pixels + i * size;
  for (gsize j = 0; j < size; j++)
    to[j] = from[j] / 255.0f;
}

static gboolean
changes_nothing (const KolAugment *augment)
{
  return !augment->flip && augment->shift == 0 && augment->cutout == 0;
}

/* As above, varied as the epoch wants it. */
static void
fill_varied (const KolBatches *batches, const KolAugment *augment, guint64 epoch, gsize i,
             float *to)
{
  const KolDataset *dataset = batches->dataset;

  if (changes_nothing (augment))
    {
      fill_example (batches, i, to);
      return;
    }
  KolVariation variation
      = kol_augment_draw (augment, batches->augment_key, epoch, i, dataset->height, dataset->width);
  fill_example (batches, i, batches->plain);
  kol_augment_apply (&variation, batches->plain, to, dataset->channels, dataset->height,
                     dataset->width);
}

static void
fill_target (const KolBatches *batches, gsize i, float *to)
{
  const KolDataset *dataset = batches->dataset;

  if (dataset->labels)
    *to = dataset->labels[i];
  else
    memcpy (to, dataset->targets + i * dataset->outputs, dataset->outputs * sizeof (float));
}

static void
fill_slot (KolBatches *batches, Slot *slot, guint64 number, const KolAugment *augment)
{
  guint64 epoch = number / batches->per_epoch;

  if (batches->shuffle && batches->order_epoch != epoch)
    {
      shuffle_order (batches->order, batches->dataset->count, batches->key, epoch);
      batches->order_epoch = epoch;
    }
  for (gsize i = 0; i < batches->batch; i++)
    {
      gsize example = example_at (batches, number, i);
      fill_varied (batches, augment, epoch, example, slot->examples + i * batches->size);
      fill_target (batches, example, slot->targets + i * batches->target_size);
    }
}

static gpointer
prefetch (gpointer user_data)
{
  KolBatches *batches = user_data;
  gboolean readable = kol_dataset_finish (batches->dataset, NULL);

  g_mutex_lock (&batches->lock);
  if (!readable)
    {
      batches->failed = TRUE;
      g_cond_broadcast (&batches->changed);
    }
  while (!batches->stop && !batches->failed)
    {
      if (batches->made - batches->taken == SLOTS - 1)
        {
          g_cond_wait (&batches->changed, &batches->lock);
          continue;
        }
      guint64 number = batches->made, seeks = batches->seeks;
      KolAugment augment = batches->augment;

      g_mutex_unlock (&batches->lock);
      fill_slot (batches, &batches->slots[number % SLOTS], number, &augment);
      g_mutex_lock (&batches->lock);
      if (batches->seeks == seeks)
        {
          batches->made++;
          g_cond_broadcast (&batches->changed);
        }
    }
  g_mutex_unlock (&batches->lock);
  return NULL;
}

static gboolean
check_batch (const KolDataset *dataset, gsize batch, GError **error)
{
  if (batch > 0 && batch <= dataset->count)
    return TRUE;
  g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_BATCH,
               "A batch of %zu was asked of the %s, which holds %zu examples; choose a batch size "
               "between 1 and %zu",
               batch, dataset->name, dataset->count, dataset->count);
  return FALSE;
}

static gboolean
allocate (KolBatches *batches, GError **error)
{
  gsize floats = batches->batch * batches->size;
  gboolean done = TRUE;

  for (gsize i = 0; i < SLOTS; i++)
    {
      batches->slots[i].examples = g_try_new (float, floats);
      batches->slots[i].targets = g_try_new (float, batches->batch * batches->target_size);
      done = done && batches->slots[i].examples && batches->slots[i].targets;
    }
  batches->plain = g_try_new (float, batches->size);
  done = done && batches->plain;
  if (batches->shuffle)
    {
      batches->order = g_try_new (guint32, batches->dataset->count);
      done = done && batches->order;
    }
  if (!done)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_TOO_LARGE,
                 "There is not enough memory for %d batches of %zu examples from the %s, %zu bytes "
                 "each; choose a smaller batch",
                 SLOTS, batches->batch, batches->dataset->name, batches->size * sizeof (float));
  return done;
}

/**
 * kol_batches_new:
 * @dataset: the set, which the stream keeps a reference to; its pixels may still
 *   be being read
 * @batch: how many examples make a batch, 1 to the set's count
 * @seed: chooses the order
 * @shuffle: whether each epoch has a random order of its own
 * @error: where to put what went wrong
 *
 * Opens an endless stream of batches. An epoch goes through the set once:
 *
 * - with @shuffle, as for training, in an order that is a function of @seed and
 *   the epoch's number alone; the examples that are left over when the set is
 *   cut into batches are left out of that epoch;
 * - without @shuffle, as for validation, in the order of the file; the last batch
 *   is filled up with the first examples of the set, and
 *   [func@batches_get_valid] says how many are not such repetitions.
 *
 * Fails with %KOL_DATASET_ERROR_BATCH when the set has fewer than @batch
 * examples, and with %KOL_DATASET_ERROR_TOO_LARGE when memory is short.
 *
 * Returns: (transfer full): the stream, or %NULL with @error set
 */
KolBatches *
kol_batches_new (KolDataset *dataset, gsize batch, guint64 seed, gboolean shuffle, GError **error)
{
  g_return_val_if_fail (dataset != NULL, NULL);
  g_return_val_if_fail (dataset->count <= G_MAXUINT32, NULL);

  if (!check_batch (dataset, batch, error))
    return NULL;
  g_autoptr (KolBatches) batches = g_new0 (KolBatches, 1);
  g_mutex_init (&batches->lock);
  g_cond_init (&batches->changed);
  batches->dataset = kol_dataset_ref (dataset);
  batches->batch = batch;
  batches->per_epoch = dataset->count / batch + (!shuffle && dataset->count % batch != 0);
  batches->size = kol_dataset_example_size (dataset);
  batches->target_size = dataset->labels ? 1 : dataset->outputs;
  batches->key = kol_random_key (seed, "shuffle");
  batches->augment_key = kol_random_key (seed, "augment");
  batches->shuffle = shuffle;
  batches->order_epoch = G_MAXUINT64;
  if (!allocate (batches, error))
    return NULL;
  batches->thread = g_thread_try_new ("kol-batches", prefetch, batches, error);
  if (!batches->thread)
    {
      g_prefix_error (error, "The thread that prepares batches cannot be started: ");
      return NULL;
    }
  return g_steal_pointer (&batches);
}

/**
 * kol_batches_free:
 * @batches: (transfer full) (nullable): a stream
 *
 * Ends the thread and frees the stream, with the batch that it lent. Where the
 * pixels of the set are still being read, it waits for them.
 */
void
kol_batches_free (KolBatches *batches)
{
  if (!batches)
    return;
  if (batches->thread)
    {
      g_mutex_lock (&batches->lock);
      batches->stop = TRUE;
      g_cond_broadcast (&batches->changed);
      g_mutex_unlock (&batches->lock);
      g_thread_join (batches->thread);
    }
  for (gsize i = 0; i < SLOTS; i++)
    {
      g_free (batches->slots[i].examples);
      g_free (batches->slots[i].targets);
    }
  g_free (batches->order);
  g_free (batches->plain);
  g_mutex_clear (&batches->lock);
  g_cond_clear (&batches->changed);
  kol_dataset_unref (batches->dataset);
  g_free (batches);
}

/* How many of batch @number's examples are not repetitions from the set's start. */
static gsize
valid_examples (const KolBatches *batches, guint64 number)
{
  gsize first = (gsize) (number % batches->per_epoch) * batches->batch;

  return MIN (batches->batch, batches->dataset->count - first);
}

/**
 * kol_batches_next:
 * @batches: a stream
 * @examples: (out) (transfer none): `[batch, channels, height, width]`; pixels are
 *   0..1, values as they are in the set
 * @targets: (out) (transfer none): `[batch]`, the classes, from 0; or
 *   `[batch, outputs]` where the set has numbers for targets
 *
 * Takes the next batch, waiting for it if it is not ready yet. Both arrays are
 * lent until the next call of this function, of [func@batches_seek] or of
 * [func@batches_free].
 *
 * Returns: %TRUE, as the stream has no end, unless the examples could not be read:
 *   [func@dataset_finish] tells why
 */
gboolean
kol_batches_next (KolBatches *batches, const float **examples, const float **targets)
{
  g_return_val_if_fail (batches != NULL && examples != NULL && targets != NULL, FALSE);

  g_mutex_lock (&batches->lock);
  while (batches->made == batches->taken && !batches->failed)
    g_cond_wait (&batches->changed, &batches->lock);
  if (batches->failed)
    {
      g_mutex_unlock (&batches->lock);
      return FALSE;
    }
  guint64 number = batches->taken++;
  g_cond_broadcast (&batches->changed);
  g_mutex_unlock (&batches->lock);

  *examples = batches->slots[number % SLOTS].examples;
  *targets = batches->slots[number % SLOTS].targets;
  batches->valid = valid_examples (batches, number);
  return TRUE;
}

/**
 * kol_batches_seek:
 * @batches: a stream
 * @batches_done: a number of batches, counted from the stream's beginning
 *
 * Moves to where the stream is after that many batches: the next batch has the
 * same examples in the same order as if all before it had been taken. This is how
 * training resumes from a checkpoint. The batch that was lent is no longer valid.
 */
void
kol_batches_seek (KolBatches *batches, guint64 batches_done)
{
  g_return_if_fail (batches != NULL);

  g_mutex_lock (&batches->lock);
  batches->taken = batches->made = batches_done;
  batches->seeks++;
  g_cond_broadcast (&batches->changed);
  g_mutex_unlock (&batches->lock);
  batches->valid = 0;
}

static gboolean
check_augment (const KolDataset *dataset, const KolAugment *augment, GError **error)
{
  gsize side = MIN (dataset->height, dataset->width);

  if (dataset->height == 1 && dataset->width == 1)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_AUGMENT,
                 "The examples of the %s are rows of a table; only pictures can be mirrored, "
                 "shifted or cut, so ask for none of that",
                 dataset->name);
  else if (augment->shift >= side || augment->cutout > side)
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_AUGMENT,
                 "Pictures of the %s have %zu x %zu pixels, but are to be shifted by up to %u "
                 "pixels, with squares of %u pixels cut out; choose a shift below %zu and squares "
                 "of up to %zu",
                 dataset->name, dataset->width, dataset->height, augment->shift, augment->cutout,
                 side, side);
  else
    return TRUE;
  return FALSE;
}

/**
 * kol_batches_set_augment:
 * @batches: a stream
 * @augment: how to vary its pictures; zeros leave them as they are
 * @error: where to put what went wrong
 *
 * Varies the pictures of the batches from the next one on, as training sets are varied
 * so that a network learns less by heart. Each picture is mirrored with probability 1/2;
 * then shifted by up to `shift` pixels each way, all shifts equally likely, with zeros
 * where nothing comes in, which is the same as padding with zeros and cropping at
 * random; then a square is set to zero, whose middle is anywhere in the picture and
 * which may reach out of it (DeVries and Taylor, "Improved regularization of
 * convolutional neural networks with cutout", 2017).
 *
 * What becomes of a picture is a function of the stream's seed, the epoch's number and
 * the picture's place in the set alone: [func@batches_seek] comes back to the same.
 *
 * Errors: %KOL_DATASET_ERROR_AUGMENT if the examples are no pictures, or too small.
 *
 * Returns: whether the stream is changed
 */
gboolean
kol_batches_set_augment (KolBatches *batches, const KolAugment *augment, GError **error)
{
  g_return_val_if_fail (batches != NULL && augment != NULL, FALSE);

  if (!changes_nothing (augment) && !check_augment (batches->dataset, augment, error))
    return FALSE;
  g_mutex_lock (&batches->lock);
  batches->augment = *augment;
  batches->made = batches->taken;
  batches->seeks++;
  g_cond_broadcast (&batches->changed);
  g_mutex_unlock (&batches->lock);
  return TRUE;
}

/**
 * kol_batches_get_dataset:
 * @batches: a stream
 *
 * Returns: (transfer none): the set it draws from
 */
KolDataset *
kol_batches_get_dataset (const KolBatches *batches)
{
  g_return_val_if_fail (batches != NULL, NULL);
  return batches->dataset;
}

/**
 * kol_batches_get_batch:
 * @batches: a stream
 *
 * Returns: how many examples a batch has
 */
gsize
kol_batches_get_batch (const KolBatches *batches)
{
  g_return_val_if_fail (batches != NULL, 0);
  return batches->batch;
}

/**
 * kol_batches_get_valid:
 * @batches: a stream
 *
 * How many examples of the batch that was lent last are its epoch's own: the batch
 * size, or fewer in the last batch of an unshuffled epoch, which is filled up with
 * examples from the start of the set. The real ones come first.
 *
 * Returns: that number, or 0 if no batch is lent
 */
gsize
kol_batches_get_valid (const KolBatches *batches)
{
  g_return_val_if_fail (batches != NULL, 0);
  return batches->valid;
}

/**
 * kol_batches_get_epoch:
 * @batches: a stream
 *
 * Returns: the epoch of the next batch, from 0; also how many are complete
 */
guint64
kol_batches_get_epoch (const KolBatches *batches)
{
  g_return_val_if_fail (batches != NULL, 0);
  return batches->taken / batches->per_epoch;
}

/**
 * kol_batches_get_position:
 * @batches: a stream
 *
 * Returns: which batch of its epoch the next one is, from 0
 */
gsize
kol_batches_get_position (const KolBatches *batches)
{
  g_return_val_if_fail (batches != NULL, 0);
  return batches->taken % batches->per_epoch;
}

/**
 * kol_batches_per_epoch:
 * @batches: a stream
 *
 * Returns: how many batches make an epoch: count / batch, rounded down when
 *   shuffling and up when not
 */
gsize
kol_batches_per_epoch (const KolBatches *batches)
{
  g_return_val_if_fail (batches != NULL, 0);
  return batches->per_epoch;
}
