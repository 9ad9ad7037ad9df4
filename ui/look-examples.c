/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Looks at examples and what the network says of them: the batch's, the validation set's. */

#include "look-private.h"

#include <math.h>
#include <string.h>

#include "texture.h"

#define PIECE 20 /* examples of the validation set in one look */

/* ── Examples ───────────────────────────────────────────────────────────────────────────────── */

/* What is answered, from scores of classes; the loss is the negative log likelihood. */
static void
judge_classes (const float *scores, guint classes, guint truth, KxExample *example)
{
  double sum = 0;
  guint best = 0;

  for (guint i = 1; i < classes; i++)
    if (scores[i] > scores[best])
      best = i;
  for (guint i = 0; i < classes; i++)
    sum += exp ((double) scores[i] - scores[best]);
  example->truth = truth;
  example->answer = best;
  example->share = 1 / sum;
  example->truth_share = exp ((double) scores[truth] - scores[best]) / sum;
  example->loss = log (sum) - ((double) scores[truth] - scores[best]);
  example->wrong = best != truth;
}

static void
judge_numbers (const float *outputs, const float *targets, gsize n, KxExample *example)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += ((double) outputs[i] - targets[i]) * ((double) outputs[i] - targets[i]);
  example->truth = targets[0];
  example->answer = outputs[0];
  example->share = example->truth_share = NAN;
  example->loss = sum / (double) n;
}

static void
judge (const KolDataset *like, const float *outputs, gsize n_outputs, const float *targets,
       KxExample *example)
{
  if (like->labels || like->classes)
    judge_classes (outputs, (guint) n_outputs, MIN ((guint) targets[0], (guint) n_outputs - 1),
                   example);
  else
    judge_numbers (outputs, targets, n_outputs, example);
}

static void
show (const KolDataset *like, const float *numbers, KxExample *example)
{
  example->numbers
      = g_bytes_new (numbers, like->channels * like->height * like->width * sizeof (float));
  if (like->height > 1)
    example->texture = kx_texture_new (numbers, like->channels, like->height, like->width);
}

gboolean
kx_look_at_batch (KxLook *look, KolTrainer *trainer, GError **error)
{
  const KolDataset *like = kol_trainer_get_validation (trainer);
  g_autoptr (KolTrainBatch) batch = kol_trainer_read_batch (trainer, error);
  double loss = 0;

  if (!batch)
    return FALSE;
  look->count = batch->count;
  for (gsize i = 0; i < batch->count; i++)
    {
      KxExample example = { .index = i };

      judge (like, batch->outputs + i * batch->n_outputs, batch->n_outputs,
             batch->targets + i * batch->n_targets, &example);
      loss += example.loss;
      look->right += !example.wrong;
      if (i >= KX_LOOK_MOST)
        continue;
      show (like, batch->examples + i * batch->size, &example);
      g_array_append_val (look->examples, example);
    }
  look->loss = loss / (double) batch->count;
  return TRUE;
}

/* ── The validation set ──────────────────────────────────────────────────────────────────────── */

static gboolean
prepare_validation (KxLookState *state, KolTrainer *trainer, GError **error)
{
  KolDataset *data = kol_trainer_get_validation (trainer);
  gsize piece = MIN (PIECE, data->count);

  if (state->batches)
    return TRUE;
  if (!kol_dataset_finish (data, error))
    return FALSE;
  if (!kol_trainer_get_recipe (trainer))
    return kx_look_refuse (error, "Only networks of recipes can be looked into");
  if (!state->evaluator)
    state->evaluator = kol_evaluator_new (kx_look_parameters (trainer), kol_recipe_network,
                                          kol_trainer_get_recipe (trainer), data, piece, error);
  if (!state->evaluator || !kol_evaluator_prepare (state->evaluator, error))
    return FALSE;
  state->batches = kol_batches_new (data, piece, 0, FALSE, error);
  state->n = data->count;
  state->verdicts = g_new0 (KxVerdict, state->n);
  return state->batches != NULL;
}

/* Pieces follow one another so that the first of them are from all over the set. */
static gsize
place_of_piece (gsize piece, gsize pieces)
{
  static const gsize strides[] = { 97, 89, 83, 79, 1 };
  guint i = 0;

  while (strides[i] > 1 && pieces % strides[i] == 0)
    i++;
  return piece * strides[i] % pieces;
}

/* Examples of a piece, from its first. */
static gboolean
take_piece (KxLookState *state, KolTrainer *trainer, gsize *first, const float **examples,
            GError **error)
{
  KolDataset *data = kol_trainer_get_validation (trainer);
  gsize batch = kol_batches_get_batch (state->batches);
  gsize pieces = kol_batches_per_epoch (state->batches);
  gsize place = place_of_piece (state->next % pieces, pieces);
  const float *targets;

  kol_batches_seek (state->batches, place);
  if (!kol_batches_next (state->batches, examples, &targets))
    return kol_dataset_finish (data, error);
  *first = place * batch;
  return TRUE;
}

static const float *
targets_of (const KolDataset *data, gsize i, float *label)
{
  if (!data->labels)
    return data->targets + i * data->outputs;
  *label = data->labels[i];
  return label;
}

static gboolean
judge_piece (KxLookState *state, KolTrainer *trainer, GError **error)
{
  const KolDataset *data = kol_trainer_get_validation (trainer);
  gsize n_outputs = kol_evaluator_get_outputs (state->evaluator), first = 0;
  gsize batch = kol_batches_get_batch (state->batches);
  g_autofree float *outputs = g_new (float, batch *n_outputs);
  const float *examples;

  if (!take_piece (state, trainer, &first, &examples, error)
      || !kol_evaluator_predict (state->evaluator, examples, batch, outputs, error))
    return FALSE;
  for (gsize i = 0; i < kol_batches_get_valid (state->batches); i++)
    {
      KxExample example = { 0 };
      float label;

      if (!kol_batches_has_example (state->batches, i))
        continue;
      judge (data, outputs + i * n_outputs, n_outputs, targets_of (data, first + i, &label),
             &example);
      state->verdicts[first + i]
          = (KxVerdict){ (float) example.loss,           (float) example.share,
                         (float) example.truth_share,    (float) example.answer,
                         kol_trainer_get_step (trainer), TRUE };
    }
  state->next++;
  return TRUE;
}

typedef struct {
  gsize index;
  float loss;
} Ranked;

static int
compare_losses (gconstpointer a, gconstpointer b)
{
  const Ranked *one = a, *other = b;

  if (one->loss != other->loss)
    return one->loss > other->loss ? -1 : 1;
  return one->index < other->index ? -1 : one->index > other->index;
}

static gboolean
is_wanted (const KolDataset *data, const KxVerdict *verdict, gsize i,
           const KxLookQuestion *question)
{
  if (!verdict->known)
    return FALSE;
  if (!question->chosen)
    return !data->labels || data->labels[i] != (guint) verdict->answer;
  return data->labels && data->labels[i] == question->truth
         && (guint) verdict->answer == question->answer;
}

/* Its picture, from memory, or read again from its file. */
static gboolean
show_example (KxLookState *state, const KolDataset *data, KxExample *example, GError **error)
{
  gsize size = data->channels * data->height * data->width;

  if (data->pixels || data->values)
    {
      g_autofree float *numbers = g_new (float, size);
      for (gsize i = 0; i < size; i++)
        numbers[i] = data->values ? data->values[example->index * size + i]
                                  : data->pixels[example->index * size + i] / 255.0f;
      show (data, numbers, example);
      return TRUE;
    }
  gsize batch = kol_batches_get_batch (state->batches);
  const float *examples, *targets;
  kol_batches_seek (state->batches, example->index / batch);
  if (!kol_batches_next (state->batches, &examples, &targets))
    return kx_look_refuse (error, "A picture could not be read again");
  show (data, examples + example->index % batch * size, example);
  return TRUE;
}

static gboolean
show_worst (KxLookState *state, KxLook *look, const KolDataset *data,
            const KxLookQuestion *question, GError **error)
{
  g_autoptr (GArray) ranked = g_array_new (FALSE, FALSE, sizeof (Ranked));

  for (gsize i = 0; i < state->n; i++)
    if (is_wanted (data, &state->verdicts[i], i, question))
      {
        Ranked each = { i, state->verdicts[i].loss };
        g_array_append_val (ranked, each);
      }
  g_array_sort (ranked, compare_losses);
  for (guint k = 0; k < MIN (ranked->len, KX_LOOK_MOST); k++)
    {
      gsize i = g_array_index (ranked, Ranked, k).index;
      const KxVerdict *verdict = &state->verdicts[i];
      KxExample example
          = { .index = i,
              .truth = data->labels ? data->labels[i] : data->targets[i * data->outputs],
              .answer = verdict->answer,
              .share = verdict->share,
              .truth_share = verdict->truth_share,
              .loss = verdict->loss };
      example.wrong = data->labels && example.truth != example.answer;
      if (!show_example (state, data, &example, error))
        return FALSE;
      g_array_append_val (look->examples, example);
    }
  return TRUE;
}

static void
sum_up (KxLookState *state, KxLook *look, const KolDataset *data, guint64 step)
{
  double loss = 0;

  look->total = state->n;
  look->current = TRUE;
  if (look->classes)
    look->confusion = g_new0 (guint, look->classes * look->classes);
  for (gsize i = 0; i < state->n; i++)
    {
      const KxVerdict *verdict = &state->verdicts[i];

      look->current = look->current && verdict->known && verdict->step == step;
      if (!verdict->known)
        continue;
      look->count++;
      loss += verdict->loss;
      if (look->confusion && data->labels[i] < look->classes)
        {
          look->confusion[data->labels[i] * look->classes + (guint) verdict->answer]++;
          look->right += data->labels[i] == (guint) verdict->answer;
        }
    }
  look->loss = look->count ? loss / (double) look->count : NAN;
}

gboolean
kx_look_at_validation (KxLookState *state, KxLook *look, KolTrainer *trainer,
                       const KxLookQuestion *question, GError **error)
{
  const KolDataset *data = kol_trainer_get_validation (trainer);

  if (!prepare_validation (state, trainer, error) || !judge_piece (state, trainer, error))
    return FALSE;
  /* There may be more scores than classes in the data. */
  if (look->classes)
    look->classes = (guint) kol_evaluator_get_outputs (state->evaluator);
  sum_up (state, look, data, look->step);
  return show_worst (state, look, data, question, error);
}
