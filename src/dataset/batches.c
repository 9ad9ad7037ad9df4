/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "batches.h"

#include <string.h>

#include "augment-private.h"
#include "dataset-private.h"

/*
 * Batches are numbered from 0, without end; the number alone says what is in a
 * batch. Batch n lies in slot n % SLOTS of a ring. The caller holds one slot, the
 * one that was lent last; threads fill the others. What is in memory takes one
 * thread, which makes a batch at a time. Where pictures are read from files there are
 * as many as processors, and each takes an example at a time, also of the next batch
 * while others are still at this one.
 */
#define SLOTS 4
#define MOST_THREADS 32
#define MOST_SUBSTITUTES 100 /* unreadable pictures in a row after which a stream gives up */

typedef struct {
  float *examples; /* [batch, channels, height, width]; pixels are 0..1 */
  float *targets;  /* [batch], labels, or [batch, outputs] */
  guint8 *real;    /* [batch], whether the example could be read */
  gsize left;      /* how many are still to be made */
} Slot;

struct _KolBatches {
  KolDataset *dataset;
  gsize batch;
  gsize per_epoch;
  gsize size;        /* numbers of an example */
  gsize target_size; /* numbers of its target: 1 if that is a label */
  guint64 seed;
  guint64 key; /* of the random numbers that shuffle */
  gboolean shuffle;
  gsize grain;       /* examples that a thread takes at a time */
  KolPreprocess how; /* of pictures: where they are in memory, that they are left as they are */

  Slot slots[SLOTS];
  gsize valid;   /* examples of the lent batch that are its epoch's; only the caller's */
  guint64 lent;  /* its number; only the caller's */
  gint64 waited; /* microseconds; only the caller's */

  GThread *threads[MOST_THREADS];
  guint n_threads;
  GMutex lock;         /* guards what follows */
  GCond changed;       /* what follows has changed */
  guint32 *order;      /* [count], the examples in the order of an epoch... */
  guint64 order_epoch; /* ...which is this one, or G_MAXUINT64: of none yet */
  guint64 taken;       /* number of the next batch to lend; only the caller writes it */
  guint64 made;        /* of the next that is not whole yet; taken <= made <= begun */
  guint64 begun;       /* of the next of which examples are to be given out; < taken + SLOTS */
  gsize given_out;     /* examples of that one that are with a thread, or made */
  guint busy;          /* threads that are making examples... */
  guint stale;         /* ...and how many of them for a batch that is void */
  guint64 seeks;       /* how often the stream was moved or changed: all begun before is void */
  KolAugment augment;  /* zeros: examples stay as they are */
  gboolean stop;       /* the threads shall end */
  gboolean failed;     /* the examples could not be read: there are no batches */
};

/* What a thread makes: some examples of a batch. */
typedef struct {
  guint64 number; /* of the batch */
  gsize first;    /* the place of the first in it */
  gsize count;
  guint32 *examples; /* [count], which they are */
  guint64 seeks;     /* before this was given out */
  KolAugment augment;
  float *scratch; /* room for the numbers of an example */
} Work;

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
static guint32
example_at (const KolBatches *batches, guint64 number, gsize i)
{
  gsize place = (gsize) (number % batches->per_epoch) * batches->batch + i;

  /* Only an unshuffled stream reaches past the end, and begins again there. */
  return batches->shuffle ? batches->order[place] : (guint32) (place % batches->dataset->count);
}

/* ── An example ──────────────────────────────────────────────────────────────────────────────── */

/* What a network is given of example @i, in @to. */
static void
fill_plain (const KolBatches *batches, gsize i, float *to)
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

/* As above, varied, if memory is not that short. */
static void
fill_varied (const KolBatches *batches, const KolVary *vary, float *scratch, float *to)
{
  const KolDataset *dataset = batches->dataset;
  const KolAugment *augment = vary->augment;
  gsize i = vary->example;

  if (augment->crop > 0 || augment->jitter > 0)
    {
      const KolPicture picture = { dataset->channels, dataset->height, dataset->width,
                                   dataset->pixels + i * batches->size };
      if (!kol_vary_picture (vary, &batches->how, &picture, scratch, to))
        fill_plain (batches, i, to);
      return;
    }
  fill_plain (batches, i, scratch);
  kol_vary_numbers (vary, scratch, to, dataset->channels, dataset->height, dataset->width);
}

/* From memory or from a file; FALSE: it cannot be read. */
static gboolean
fill_example (const KolBatches *batches, const KolVary *vary, float *scratch, float *to)
{
  const KolDataset *dataset = batches->dataset;
  gboolean varied = !kol_augment_is_nothing (vary->augment);

  if (dataset->pictures)
    return kol_pictures_read (dataset->pictures, dataset->first_picture + vary->example,
                              varied ? vary : NULL, scratch, to);
  if (varied)
    fill_varied (batches, vary, scratch, to);
  else
    fill_plain (batches, vary->example, to);
  return TRUE;
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

/* Which example stands in for one that cannot be read: any, but always the same. */
static gsize
substitute (const KolBatches *batches, guint64 epoch, gsize example, gsize try)
{
  guint64 key = kol_random_key (batches->seed, "substitute");
  KolPhilox random = kol_philox (key + try, example, epoch);

  return ((guint64) random.v[0] * batches->dataset->count) >> 32;
}

/*
 * Fills place @i of a slot. What cannot be read is replaced by another example where the
 * stream is shuffled; else zeros stand there, and it is not real. FALSE: nothing can be read.
 */
static gboolean
fill_place (const KolBatches *batches, const Work *work, Slot *slot, gsize i, gsize example)
{
  KolVary vary = { &work->augment, batches->seed, work->number / batches->per_epoch, example };
  float *to = slot->examples + i * batches->size;
  gsize tries = 0;

  while (!(slot->real[i] = fill_example (batches, &vary, work->scratch, to)))
    {
      if (!batches->shuffle)
        {
          memset (to, 0, batches->size * sizeof (float));
          break;
        }
      if (tries++ == MOST_SUBSTITUTES)
        return FALSE;
      vary.example = substitute (batches, vary.epoch, example, tries);
    }
  fill_target (batches, vary.example, slot->targets + i * batches->target_size);
  return TRUE;
}

static gboolean
do_work (const KolBatches *batches, const Work *work, Slot *slot)
{
  for (gsize k = 0; k < work->count; k++)
    if (!fill_place (batches, work, slot, work->first + k, work->examples[k]))
      return FALSE;
  return TRUE;
}

/* ── Threads; the lock is held ───────────────────────────────────────────────────────────────── */

/* Whether there is something to be made, and a place that is free for it. */
static gboolean
has_work (const KolBatches *batches)
{
  return batches->stale == 0 && batches->begun < batches->taken + SLOTS - 1;
}

static void
begin_batch (KolBatches *batches)
{
  guint64 epoch = batches->begun / batches->per_epoch;

  batches->slots[batches->begun % SLOTS].left = batches->batch;
  if (!batches->shuffle || batches->order_epoch == epoch)
    return;
  shuffle_order (batches->order, batches->dataset->count, batches->key, epoch);
  batches->order_epoch = epoch;
}

static void
give_out (KolBatches *batches, Work *work)
{
  if (batches->given_out == 0)
    begin_batch (batches);
  work->number = batches->begun;
  work->first = batches->given_out;
  work->count = MIN (batches->grain, batches->batch - batches->given_out);
  work->seeks = batches->seeks;
  work->augment = batches->augment;
  for (gsize k = 0; k < work->count; k++)
    work->examples[k] = example_at (batches, work->number, work->first + k);
  batches->given_out += work->count;
  if (batches->given_out == batches->batch)
    {
      batches->given_out = 0;
      batches->begun++;
    }
  batches->busy++;
}

static void
take_back (KolBatches *batches, const Work *work, gboolean done)
{
  batches->busy--;
  if (work->seeks != batches->seeks)
    batches->stale--;
  else if (!done)
    batches->failed = TRUE;
  else
    {
      batches->slots[work->number % SLOTS].left -= work->count;
      while (batches->made < batches->begun && batches->slots[batches->made % SLOTS].left == 0)
        batches->made++;
    }
  g_cond_broadcast (&batches->changed);
}

/* What was begun is void: it is waited for, and all is made anew from @number on. */
static void
begin_anew (KolBatches *batches, guint64 number)
{
  batches->taken = batches->made = batches->begun = number;
  batches->given_out = 0;
  batches->stale = batches->busy;
  batches->seeks++;
  g_cond_broadcast (&batches->changed);
}

/* ── Threads ─────────────────────────────────────────────────────────────────────────────────── */

static gpointer
make_batches (gpointer user_data)
{
  KolBatches *batches = user_data;
  gboolean readable = kol_dataset_finish (batches->dataset, NULL);
  g_autofree guint32 *examples = g_new (guint32, batches->grain);
  g_autofree float *scratch = g_new (float, batches->size);
  Work work = { .examples = examples, .scratch = scratch };

  g_mutex_lock (&batches->lock);
  if (!readable)
    {
      batches->failed = TRUE;
      g_cond_broadcast (&batches->changed);
    }
  while (!batches->stop && !batches->failed)
    {
      if (!has_work (batches))
        {
          g_cond_wait (&batches->changed, &batches->lock);
          continue;
        }
      give_out (batches, &work);
      g_mutex_unlock (&batches->lock);
      gboolean done = do_work (batches, &work, &batches->slots[work.number % SLOTS]);
      if (!done)
        kol_pictures_give_up (batches->dataset->pictures);
      g_mutex_lock (&batches->lock);
      take_back (batches, &work, done);
    }
  g_mutex_unlock (&batches->lock);
  return NULL;
}

/* As many as are of use, or as can be had: one must be. */
static gboolean
start_threads (KolBatches *batches, GError **error)
{
  guint wanted = batches->dataset->pictures ? MIN (g_get_num_processors (), MOST_THREADS) : 1;

  while (batches->n_threads < wanted)
    {
      GThread *thread = g_thread_try_new ("kol-batches", make_batches, batches,
                                          batches->n_threads ? NULL : error);
      if (!thread)
        break;
      batches->threads[batches->n_threads++] = thread;
    }
  if (batches->n_threads == 0)
    g_prefix_error (error, "The thread that prepares batches cannot be started: ");
  return batches->n_threads > 0;
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
      batches->slots[i].real = g_try_new (guint8, batches->batch);
      done = done && batches->slots[i].examples && batches->slots[i].targets
             && batches->slots[i].real;
    }
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
 * Opens an endless stream of batches. Where the set's pictures stay in their files, they
 * are read by as many threads as there are processors, a few batches ahead. An epoch
 * goes through the set once:
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
  batches->seed = seed;
  batches->key = kol_random_key (seed, "shuffle");
  batches->shuffle = shuffle;
  batches->grain = dataset->pictures ? 1 : batch;
  batches->how = (KolPreprocess){ .channels = dataset->channels,
                                  .width = dataset->width,
                                  .height = dataset->height,
                                  .filter = KOL_BILINEAR,
                                  .divisor = 255,
                                  .std = { 1, 1, 1 } };
  batches->order_epoch = G_MAXUINT64;
  return allocate (batches, error) && start_threads (batches, error) ? g_steal_pointer (&batches)
                                                                     : NULL;
}

/**
 * kol_batches_free:
 * @batches: (transfer full) (nullable): a stream
 *
 * Ends the threads and frees the stream, with the batch that it lent. Where the
 * pixels of the set are still being read, it waits for them.
 */
void
kol_batches_free (KolBatches *batches)
{
  if (!batches)
    return;
  g_mutex_lock (&batches->lock);
  batches->stop = TRUE;
  g_cond_broadcast (&batches->changed);
  g_mutex_unlock (&batches->lock);
  while (batches->n_threads > 0)
    g_thread_join (batches->threads[--batches->n_threads]);
  for (gsize i = 0; i < SLOTS; i++)
    {
      g_free (batches->slots[i].examples);
      g_free (batches->slots[i].targets);
      g_free (batches->slots[i].real);
    }
  g_free (batches->order);
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

/* Takes the next batch when it is made; FALSE: it cannot be. */
static gboolean
wait_for_batch (KolBatches *batches)
{
  gint64 asked = g_get_monotonic_time ();

  g_mutex_lock (&batches->lock);
  while (batches->made == batches->taken && !batches->failed)
    g_cond_wait (&batches->changed, &batches->lock);
  gboolean made = batches->made > batches->taken;
  if (made)
    batches->lent = batches->taken++;
  g_cond_broadcast (&batches->changed);
  g_mutex_unlock (&batches->lock);
  batches->waited += g_get_monotonic_time () - asked;
  return made;
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
 * A picture that turns out to be unreadable is noted, see
 * [func@dataset_list_skipped]. In a shuffled stream another picture takes its place,
 * which is a function of seed, epoch and example like all else; in an unshuffled one
 * zeros do, and [func@batches_has_example] tells that.
 *
 * Returns: %TRUE, as the stream has no end, unless the examples could not be read:
 *   [func@dataset_finish] tells why
 */
gboolean
kol_batches_next (KolBatches *batches, const float **examples, const float **targets)
{
  g_return_val_if_fail (batches != NULL && examples != NULL && targets != NULL, FALSE);

  if (!wait_for_batch (batches))
    return FALSE;
  *examples = batches->slots[batches->lent % SLOTS].examples;
  *targets = batches->slots[batches->lent % SLOTS].targets;
  batches->valid = valid_examples (batches, batches->lent);
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
  if (batches->taken != batches_done) /* else it is there, and what is made ahead is right */
    begin_anew (batches, batches_done);
  g_mutex_unlock (&batches->lock);
  batches->valid = 0;
}

static gboolean
is_of_bytes (const KolDataset *dataset)
{
  return !dataset->values && (dataset->channels == 1 || dataset->channels == 3);
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
  else if ((augment->crop > 0 || augment->jitter > 0) && !is_of_bytes (dataset))
    g_set_error (error, KOL_DATASET_ERROR, KOL_DATASET_ERROR_AUGMENT,
                 "The %s does not hold pictures of bytes with 1 or 3 channels; only of such can "
                 "parts be scaled and colours changed, so ask for no crop and no jitter",
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
 * so that a network learns less by heart. Of each picture a part is cut out and scaled to
 * the size of all: its share of the area is between `crop` and 1, its width between 3/4
 * and 4/3 of its height (Szegedy et al., "Going deeper with convolutions", 2014); what
 * does not fit is drawn again, ten times, before the middle is taken. Brightness,
 * contrast and saturation are each multiplied by between 1 - `jitter` and 1 + `jitter`,
 * in a random order. The picture is mirrored with probability 1/2; then shifted by up to `shift`
 * pixels each way, all shifts equally likely, with zeros where nothing comes in, which is the same
 * as padding with zeros and cropping at random; then a square is set to zero, whose middle is
 * anywhere in the picture and which may reach out of it (DeVries and Taylor, "Improved
 * regularization of convolutional neural networks with cutout", 2017).
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

  if (!kol_augment_is_nothing (augment) && !check_augment (batches->dataset, augment, error))
    return FALSE;
  g_mutex_lock (&batches->lock);
  batches->augment = *augment;
  begin_anew (batches, batches->taken);
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
 * kol_batches_has_example:
 * @batches: a stream
 * @i: a place in the batch that was lent last
 *
 * Returns: whether an example is there, and not zeros because it could not be read
 */
gboolean
kol_batches_has_example (const KolBatches *batches, gsize i)
{
  g_return_val_if_fail (batches != NULL && i < batches->batch, FALSE);
  return i < batches->valid && batches->slots[batches->lent % SLOTS].real[i];
}

/**
 * kol_batches_get_waited:
 * @batches: a stream
 *
 * Returns: how many seconds [func@batches_next] has waited in all: what training loses
 *   because examples are not there in time
 */
double
kol_batches_get_waited (const KolBatches *batches)
{
  g_return_val_if_fail (batches != NULL, 0);
  return (double) batches->waited / G_USEC_PER_SEC;
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
