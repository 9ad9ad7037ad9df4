/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * ONNX's Einsum: sums of products, said by letters. Each factor's axes have labels; what
 * is not in the result is summed over. Two factors at a time become one product of
 * matrices [batch, rows, summed] x [batch, summed, columns].
 */

#include <string.h>

#include "onnx-private.h"

/* Labels: a to z, A to Z, and the axes of an ellipsis, counted from the last one. */
#define LETTERS 52
#define LABELS (LETTERS + KOL_MAX_RANK)
#define MOST_LETTERS 32 /* in a term */

/* A factor, or the result: its axes' labels; -1 is an ellipsis that is not filled in yet. */
typedef struct {
  KolValue *value;
  int n;
  int labels[MOST_LETTERS];
} Term;

/* ── The equation ────────────────────────────────────────────────────────────────────────────── */

static int
label_of (char letter)
{
  return g_ascii_islower (letter) ? letter - 'a' + 26 : letter - 'A'; /* in the order of ASCII */
}

/* Reads "...ij" up to a comma, an arrow or the end. FALSE: refused. */
static gboolean
parse_term (KolOnnxNode *node, const char **at, Term *term)
{
  *term = (Term){ 0 };
  for (; **at && **at != ',' && **at != '-'; ++*at)
    {
      int label = g_ascii_isalpha (**at) ? label_of (**at) : -1;

      if (**at == ' ')
        continue;
      if (label < 0 && strncmp (*at, "...", 3) != 0)
        {
          kol_onnx_refuse (node, "its equation is “%s”",
                           kol_onnx_string (node, "equation", "nothing"));
          return FALSE;
        }
      if (term->n == MOST_LETTERS)
        {
          kol_onnx_refuse (node, "more than %d letters for a tensor", MOST_LETTERS);
          return FALSE;
        }
      if (label < 0)
        *at += 2;
      term->labels[term->n++] = label;
    }
  return TRUE;
}

/* Puts the last @width labels of ellipses in an ellipsis' place. FALSE: there is not one. */
static gboolean
fill_ellipsis (Term *term, int width)
{
  int labels[MOST_LETTERS + KOL_MAX_RANK], n = 0, found = 0;

  for (int i = 0; i < term->n; i++)
    if (term->labels[i] >= 0)
      labels[n++] = term->labels[i];
    else if (found++ == 0)
      for (int k = width; k > 0; k--)
        labels[n++] = LABELS - k;
  if (found > 1 || n > KOL_MAX_RANK)
    return FALSE;
  memcpy (term->labels, labels, sizeof (int) * (gsize) n);
  term->n = n;
  return TRUE;
}

/* Without an arrow: ellipses first, then the letters that are there once, in their order. */
static void
guess_result (const int *seen, int ellipsis, Term *result)
{
  *result = (Term){ 0 };
  for (int k = ellipsis; k > 0; k--)
    result->labels[result->n++] = LABELS - k;
  for (int label = 0; label < LETTERS && result->n < MOST_LETTERS; label++)
    if (seen[label] == 1)
      result->labels[result->n++] = label;
}

/* All terms, with their axes' labels. FALSE: refused. */
static gboolean
parse (KolOnnxNode *node, Term *factors, Term *result)
{
  const char *at = kol_onnx_string (node, "equation", "");
  int seen[LABELS] = { 0 }, widest = 0;

  for (guint i = 0; i < node->n_inputs; i++, at += *at == ',')
    {
      const KolShape *shape = kol_onnx_shape (node, i);
      int letters = 0;

      if (!parse_term (node, &at, &factors[i]))
        return FALSE;
      gboolean open = FALSE;
      for (int k = 0; k < factors[i].n; k++)
        {
          letters += factors[i].labels[k] >= 0;
          open = open || factors[i].labels[k] < 0;
        }
      int width = shape->rank - letters;
      if (width < 0 || (width > 0 && !open) || !fill_ellipsis (&factors[i], width)
          || (*at != ',' && i + 1 < node->n_inputs))
        {
          kol_onnx_refuse (node, "its equation “%s” does not fit its input %u of %s",
                           kol_onnx_string (node, "equation", ""), i, kol_shape_text (shape));
          return FALSE;
        }
      widest = MAX (widest, width);
      for (int k = 0; k < factors[i].n; k++)
        seen[factors[i].labels[k]]++;
    }
  guess_result (seen, widest, result);
  if (strncmp (at, "->", 2) == 0)
    {
      at += 2;
      if (!parse_term (node, &at, result))
        return FALSE;
    }
  gboolean good = *at == 0 && fill_ellipsis (result, widest);
  for (int i = 0; good && i < result->n; i++)
    {
      good = seen[result->labels[i]] > 0;
      seen[result->labels[i]] = 0; /* once only */
    }
  if (!good)
    kol_onnx_refuse (node, "its equation is “%s”", kol_onnx_string (node, "equation", ""));
  return good;
}

/* ── Axes ────────────────────────────────────────────────────────────────────────────────────── */

/* The axis of a label, or -1. */
static int
axis_of (const Term *term, int label)
{
  for (int i = 0; i < term->n; i++)
    if (term->labels[i] == label)
      return i;
  return -1;
}

static gint64
length_of (const Term *term, int axis)
{
  return kol_value_get_shape (term->value)->dim[axis];
}

static void
drop_label (Term *term, int axis)
{
  term->n--;
  for (int i = axis; i < term->n; i++)
    term->labels[i] = term->labels[i + 1];
}

/* Puts the axes in the order of @labels, which has them all. */
static void
arrange (Term *term, const int *labels)
{
  KolTranspose how = { 0 };
  gboolean same = TRUE;

  for (int i = 0; i < term->n; i++)
    {
      how.order[i] = axis_of (term, labels[i]);
      same = same && how.order[i] == i;
    }
  if (!same)
    term->value = kol_transpose (term->value, &how);
  memcpy (term->labels, labels, sizeof (int) * (gsize) term->n);
}

/* Axes with the same label become their diagonal: in [.., n n], every n + 1st. */
static void
take_diagonals (Term *term)
{
  for (int i = 0; i < term->n; i++)
    {
      int other = -1;

      for (int k = i + 1; k < term->n; k++)
        other = term->labels[k] == term->labels[i] ? k : other;
      if (other < 0)
        continue;
      KolShape shape = *kol_value_get_shape (term->value);
      gint64 n = shape.dim[i];
      KolTranspose how = { 0 };
      int rest[KOL_MAX_RANK], next = 0, label = term->labels[i];
      for (int k = 0; k < term->n; k++)
        if (k != i && k != other)
          {
            rest[next] = term->labels[k];
            shape.dim[next] = kol_value_get_shape (term->value)->dim[k];
            how.order[next++] = k;
          }
      how.order[next] = i;
      how.order[next + 1] = other;
      shape.rank = next + 1;
      shape.dim[next] = n * n;
      KolValue *pairs = kol_reshape (kol_transpose (term->value, &how), shape);
      KolSlice every
          = { .n_axes = 1, .axes = { next }, .start = { 0 }, .stop = { n * n }, .step = { n + 1 } };
      term->value = kol_slice (pairs, &every);
      rest[next++] = label;
      memcpy (term->labels, rest, sizeof (int) * (gsize) next);
      term->n = next;
      i = -1; /* the axes have moved: from the beginning */
    }
}

/* Sums over what neither @kept nor the other factor has. */
static void
sum_out (Term *term, const gboolean *kept, const Term *other)
{
  KolReduce over = { 0 };

  for (int i = 0; i < term->n; i++)
    if (!kept[term->labels[i]] && (!other || axis_of (other, term->labels[i]) < 0))
      over.axes[over.n_axes++] = i;
  if (over.n_axes == 0)
    return;
  term->value = kol_sum (term->value, &over);
  for (int i = over.n_axes; i-- > 0;)
    drop_label (term, over.axes[i]);
}

/* ── Products ────────────────────────────────────────────────────────────────────────────────── */

/* An axis of length 1 stands for all of the other factor's: it is as if it had none. */
static void
drop_single (Term *term, const Term *other)
{
  for (int i = term->n; i-- > 0;)
    {
      int axis = axis_of (other, term->labels[i]);

      if (axis < 0 || length_of (term, i) != 1 || length_of (other, axis) == 1)
        continue;
      term->value = kol_squeeze (term->value, &i, 1);
      drop_label (term, i);
    }
}

/* Adds the labels of @term that are in @other or not, kept or not, and counts their elements. */
static gint64
collect (const Term *term, const Term *other, gboolean shared, const gboolean *kept,
         gboolean is_kept, int *labels, int *n)
{
  gint64 count = 1;

  for (int i = 0; i < term->n; i++)
    {
      int label = term->labels[i];

      if ((axis_of (other, label) >= 0) != shared || !kept[label] != !is_kept)
        continue;
      labels[(*n)++] = label;
      count *= length_of (term, i);
    }
  return count;
}

/* a becomes the sum over products with b of what is not kept. FALSE: refused. */
static gboolean
multiply (KolOnnxNode *node, Term *a, Term *b, const gboolean *kept)
{
  int rows[MOST_LETTERS], columns[MOST_LETTERS], n_rows = 0, n_columns = 0, n_batch;

  drop_single (a, b);
  drop_single (b, a);
  sum_out (a, kept, b);
  sum_out (b, kept, a);
  for (int i = 0; i < a->n; i++)
    {
      int axis = axis_of (b, a->labels[i]);

      if (axis >= 0 && length_of (a, i) != length_of (b, axis))
        {
          kol_onnx_refuse (node, "%s with %s", kol_shape_text (kol_value_get_shape (a->value)),
                           kol_shape_text (kol_value_get_shape (b->value)));
          return FALSE;
        }
    }
  /* [batch, rows, summed] and [batch, summed, columns] */
  gint64 batch = collect (a, b, TRUE, kept, TRUE, rows, &n_rows);
  n_batch = n_columns = n_rows;
  memcpy (columns, rows, sizeof (int) * (gsize) n_rows);
  gint64 height = collect (a, b, FALSE, kept, TRUE, rows, &n_rows);
  int n_result = n_rows;
  gint64 summed = collect (a, b, TRUE, kept, FALSE, rows, &n_rows);
  for (int i = n_result; i < n_rows; i++)
    columns[n_columns++] = rows[i];
  int first = n_columns;
  gint64 width = collect (b, a, FALSE, kept, TRUE, columns, &n_columns);
  if (n_result + n_columns - first > KOL_MAX_RANK)
    {
      kol_onnx_refuse (node, "a product of more than %d dimensions", KOL_MAX_RANK);
      return FALSE;
    }
  arrange (a, rows);
  arrange (b, columns);
  KolShape shape = { 0 };
  for (int i = 0; i < n_result; i++)
    shape.dim[shape.rank++] = length_of (a, i);
  for (int i = first; i < n_columns; i++)
    {
      shape.dim[shape.rank++] = length_of (b, i);
      rows[n_result++] = columns[i];
    }
  KolShape left = KOL_SHAPE (batch, height, summed), right = KOL_SHAPE (batch, summed, width);
  KolValue *x = kol_reshape (a->value, left), *y = kol_reshape (b->value, right);
  a->value = kol_reshape (
      n_batch == n_columns && summed == 1 ? kol_multiply (x, y) : kol_matmul (x, y), shape);
  memcpy (a->labels, rows, sizeof (int) * (gsize) n_result);
  a->n = n_result;
  return !kol_value_failed (a->value);
}

static void
convert_einsum (KolOnnxNode *node)
{
  g_autofree Term *factors = g_new0 (Term, node->n_inputs + 1);
  Term result;

  if (!parse (node, factors, &result))
    return;
  for (guint i = 0; i < node->n_inputs; i++)
    {
      factors[i].value = kol_onnx_value (node, i);
      for (int k = 0; k < factors[i].n; k++)
        if (length_of (&factors[i], k)
            != length_of (&factors[i], axis_of (&factors[i], factors[i].labels[k])))
          kol_onnx_refuse (node, "a diagonal of %s", kol_shape_text (kol_onnx_shape (node, i)));
      if (node->refused)
        return;
      take_diagonals (&factors[i]);
    }
  for (guint i = 0; i < node->n_inputs; i++)
    {
      gboolean kept[LABELS] = { 0 };

      for (int k = 0; k < result.n; k++)
        kept[result.labels[k]] = TRUE;
      for (guint later = i + 1; later < node->n_inputs; later++)
        for (int k = 0; k < factors[later].n; k++)
          kept[factors[later].labels[k]] = TRUE;
      if (i == 0)
        sum_out (&factors[0], kept, NULL);
      else if (!multiply (node, &factors[0], &factors[i], kept))
        return;
    }
  arrange (&factors[0], result.labels);
  kol_onnx_set (node, 0, factors[0].value);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

const KolOnnxOp kol_onnx_einsum_ops[] = {
  KOL_ONNX_LAYER ("Einsum", 12, convert_einsum),
  { NULL },
};
