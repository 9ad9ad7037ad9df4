/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include "graph-private.h"

#include "../random-private.h"

static void
packed_free (gpointer data)
{
  KolPacked *packed = data;

  g_clear_pointer (&packed->buffer, kol_buffer_unref);
  g_free (packed);
}

/* An empty table of packed forms. */
GHashTable *
kol_packed_table_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, packed_free);
}

void
kol_parameter_free (gpointer data)
{
  KolParameter *parameter = data;

  g_clear_pointer (&parameter->buffer, kol_buffer_unref);
  g_clear_pointer (&parameter->source, g_bytes_unref);
  g_hash_table_unref (parameter->packed);
  g_free (parameter->name);
  g_free (parameter);
}

/* A slot has no memory where there was none to be had. */
static void
slot_free (gpointer buffer)
{
  if (buffer)
    kol_buffer_unref (buffer);
}

/**
 * kol_parameters_new:
 * @device: where they live
 * @seed: of their first values and of everything random in graphs over them
 *
 * Returns: (transfer full): an empty set
 */
KolParameters *
kol_parameters_new (KolDevice *device, guint64 seed)
{
  KolParameters *self;

  g_return_val_if_fail (device != NULL, NULL);

  self = g_new0 (KolParameters, 1);
  g_atomic_ref_count_init (&self->references);
  self->device = kol_device_ref (device);
  self->seed = seed;
  self->list = g_ptr_array_new_with_free_func (kol_parameter_free);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  self->arena = g_ptr_array_new_with_free_func (slot_free);
  self->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) kol_slot_parts_free);
  self->parts_stamp = 1;
  return self;
}

/**
 * kol_parameters_ref:
 * @parameters: a set
 *
 * Returns: (transfer full): @parameters
 */
KolParameters *
kol_parameters_ref (KolParameters *parameters)
{
  g_atomic_ref_count_inc (&parameters->references);
  return parameters;
}

/**
 * kol_parameters_unref:
 * @parameters: (transfer full): a set; the last reference waits for the queue
 *   and frees the parameters
 */
void
kol_parameters_unref (KolParameters *parameters)
{
  if (!g_atomic_ref_count_dec (&parameters->references))
    return;
  if (parameters->queue)
    kol_queue_finish (parameters->queue, NULL);
  g_hash_table_unref (parameters->by_name);
  g_ptr_array_unref (parameters->list);
  g_ptr_array_unref (parameters->parts);
  g_ptr_array_unref (parameters->arena);
  g_clear_pointer (&parameters->queue, kol_queue_unref);
  kol_device_unref (parameters->device);
  g_free (parameters);
}

gboolean
kol_parameters_trim (KolParameters *parameters, GError **error)
{
  if (parameters->queue && !kol_queue_finish (parameters->queue, error))
    return FALSE;
  g_ptr_array_set_size (parameters->parts, 0);
  g_ptr_array_set_size (parameters->arena, 0);
  parameters->parts_stamp++;
  for (guint i = 0; i < parameters->list->len; i++)
    g_hash_table_remove_all (kol_parameters_get (parameters, i)->packed);
  return TRUE;
}

/**
 * kol_parameters_get_count:
 * @parameters: a set
 *
 * Returns: how many there are, states of optimizers and layers among them
 */
guint
kol_parameters_get_count (const KolParameters *parameters)
{
  return parameters->list->len;
}

/**
 * kol_parameters_get:
 * @parameters: a set
 * @i: 0 .. count-1, in order of creation
 *
 * Returns: (transfer none): a parameter
 */
KolParameter *
kol_parameters_get (const KolParameters *parameters, guint i)
{
  g_return_val_if_fail (i < parameters->list->len, NULL);
  return g_ptr_array_index (parameters->list, i);
}

/**
 * kol_parameters_find:
 * @parameters: a set
 * @name: a name
 *
 * Returns: (transfer none) (nullable): the parameter of that name
 */
KolParameter *
kol_parameters_find (const KolParameters *parameters, const char *name)
{
  return g_hash_table_lookup (parameters->by_name, name);
}

/**
 * kol_parameters_get_seed:
 * @parameters: a set
 *
 * Returns: the seed it was made with
 */
guint64
kol_parameters_get_seed (const KolParameters *parameters)
{
  return parameters->seed;
}

/**
 * kol_parameters_get_device:
 * @parameters: a set
 *
 * Returns: (transfer none): its device
 */
KolDevice *
kol_parameters_get_device (const KolParameters *parameters)
{
  return parameters->device;
}

KolQueue *
kol_parameters_get_queue (KolParameters *parameters, GError **error)
{
  if (!parameters->queue)
    parameters->queue = kol_queue_new (parameters->device, error);
  return parameters->queue;
}

static KolParameter *
parameter_new (KolParameters *parameters, const char *name, const KolShape *shape)
{
  KolParameter *parameter = g_new0 (KolParameter, 1);

  parameter->owner = parameters;
  parameter->name = g_strdup (name);
  parameter->shape = *shape;
  parameter->packed = kol_packed_table_new ();
  return parameter;
}

/*
 * What holds a constant: a tensor of the job that is not in the set, so that nobody
 * trains, saves or finds it. Given; it must be given values by kol_parameter_set_source().
 */
KolParameter *
kol_parameter_new_constant (KolParameters *parameters, const char *name, const KolShape *shape)
{
  return parameter_new (parameters, name, shape);
}

/* Finds the parameter, or adds it; one of another shape under the same name is an error. Lent. */
KolParameter *
kol_parameters_add (KolParameters *parameters, const char *name, const KolShape *shape,
                    gboolean trainable, KolInitializer initializer, GError **error)
{
  KolParameter *parameter = kol_parameters_find (parameters, name);

  if (parameter)
    {
      if (kol_shape_equal (&parameter->shape, shape))
        return parameter;
      g_set_error (error, KOL_ERROR, KOL_ERROR_SHAPE,
                   "parameter %s of shape %s was asked for, but it exists with shape %s", name,
                   kol_shape_text (shape), kol_shape_text (&parameter->shape));
      return NULL;
    }
  parameter = parameter_new (parameters, name, shape);
  parameter->trainable = trainable;
  parameter->initializer = initializer;
  g_ptr_array_add (parameters->list, parameter);
  g_hash_table_insert (parameters->by_name, parameter->name, parameter);
  return parameter;
}

static gsize
parameter_bytes (const KolParameter *parameter)
{
  return (gsize) kol_shape_count (&parameter->shape) * sizeof (float);
}

/*
 * Gives a parameter that has no values yet those of @source, float32 in this
 * machine's order, instead of its initializer's. They are not copied: the device takes
 * them from there when they are first needed.
 */
void
kol_parameter_set_source (KolParameter *parameter, GBytes *source)
{
  g_return_if_fail (g_bytes_get_size (source) == parameter_bytes (parameter));

  if (!parameter->buffer && !parameter->source)
    parameter->source = g_bytes_ref (source);
}

/* Writes a parameter's first values: @given, or its source's, or its initializer's. */
static gboolean
write_first (KolParameter *parameter, const float *given, KolQueue *queue, KolBuffer *buffer,
             GError **error)
{
  gsize bytes = parameter_bytes (parameter);

  if (!given && parameter->source)
    given = g_bytes_get_data (parameter->source, NULL);
  if (given)
    return kol_queue_write (queue, buffer, 0, given, bytes, error);
  g_autofree float *values = g_try_malloc (bytes);
  if (!values)
    {
      g_set_error (error, KOL_ERROR, KOL_ERROR_MEMORY,
                   "parameter %s: no host memory for its %" G_GSIZE_FORMAT " bytes",
                   parameter->name, bytes);
      return FALSE;
    }
  parameter->initializer.fill (&parameter->initializer, &parameter->shape,
                               kol_random_key (parameter->owner->seed, parameter->name), values);
  return kol_queue_write (queue, buffer, 0, values, bytes, error);
}

/* Allocates a parameter's memory and writes its first values: @given, if they are not NULL. */
static gboolean
begin (KolParameter *parameter, const float *given, GError **error)
{
  KolQueue *queue = kol_parameters_get_queue (parameter->owner, error);
  g_autoptr (KolBuffer) buffer = NULL;

  if (!queue)
    return FALSE;
  buffer = kol_buffer_new (parameter->owner->device, parameter_bytes (parameter), error);
  if (!buffer || !write_first (parameter, given, queue, buffer, error))
    return FALSE;
  g_clear_pointer (&parameter->source, g_bytes_unref);
  parameter->buffer = g_steal_pointer (&buffer);
  parameter->version++;
  return TRUE;
}

/* The memory of a parameter, allocated and given its first values on first use. Lent. */
KolBuffer *
kol_parameter_get_buffer (KolParameter *parameter, GError **error)
{
  return parameter->buffer || begin (parameter, NULL, error) ? parameter->buffer : NULL;
}

/*
 * Exchanges the values of two parameters of one shape by exchanging their memory:
 * nothing is copied and nothing waited for. What was enqueued before still works
 * on the memory that it was given.
 */
gboolean
kol_parameter_swap (KolParameter *one, KolParameter *other, GError **error)
{
  KolBuffer *buffer;

  if (!kol_parameter_get_buffer (one, error) || !kol_parameter_get_buffer (other, error))
    return FALSE;
  buffer = one->buffer;
  one->buffer = other->buffer;
  other->buffer = buffer;
  one->version++;
  other->version++;
  return TRUE;
}

/**
 * kol_parameter_get_name:
 * @parameter: a parameter
 *
 * Returns: (transfer none): its name
 */
const char *
kol_parameter_get_name (const KolParameter *parameter)
{
  return parameter->name;
}

/**
 * kol_parameter_get_shape:
 * @parameter: a parameter
 *
 * Returns: (transfer none): its shape
 */
const KolShape *
kol_parameter_get_shape (const KolParameter *parameter)
{
  return &parameter->shape;
}

/**
 * kol_parameter_is_trainable:
 * @parameter: a parameter
 *
 * Returns: %TRUE for what kol_parameter() made, %FALSE for a kol_state()
 */
gboolean
kol_parameter_is_trainable (const KolParameter *parameter)
{
  return parameter->trainable;
}

/**
 * kol_parameter_read:
 * @parameter: a parameter
 * @values: (out): room for all its elements
 * @error: return location
 *
 * Waits for what was enqueued before, then copies the values to the host.
 *
 * Returns: %FALSE if the device failed
 */
gboolean
kol_parameter_read (KolParameter *parameter, float *values, GError **error)
{
  KolBuffer *buffer = kol_parameter_get_buffer (parameter, error);

  return buffer
         && kol_queue_read (parameter->owner->queue, buffer, 0, values, parameter_bytes (parameter),
                            error);
}

/**
 * kol_parameter_write:
 * @parameter: a parameter
 * @values: all its elements
 * @error: return location
 *
 * Returns: %FALSE if the device failed
 */
gboolean
kol_parameter_write (KolParameter *parameter, const float *values, GError **error)
{
  /* Chance numbers that nobody sees are not made. */
  if (!parameter->buffer)
    return begin (parameter, values, error);
  if (!kol_queue_write (parameter->owner->queue, parameter->buffer, 0, values,
                        parameter_bytes (parameter), error))
    return FALSE;
  parameter->version++;
  return TRUE;
}
