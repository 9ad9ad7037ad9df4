/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "../device/device.h"
#include "shape.h"

G_BEGIN_DECLS

/**
 * KolParameter:
 *
 * A tensor on a device that outlives graphs: weights, and whatever an
 * optimizer or a layer keeps between steps. Reference-counted.
 */
typedef struct _KolParameter KolParameter;

/**
 * KolParameters:
 *
 * A job's parameters by name, in order of creation, with the command queue
 * that all graphs over them share. Reference-counted; used by one thread at a
 * time.
 */
typedef struct _KolParameters KolParameters;

/**
 * KolInitializer:
 * @fill: writes the values; @key is the parameter's own random stream
 * @a: first number, as @fill understands it
 * @b: second number
 *
 * How a parameter starts; see `nn/initializers.h`.
 */
typedef struct _KolInitializer KolInitializer;
struct _KolInitializer {
  void (*fill) (const KolInitializer *self, const KolShape *shape, guint64 key, float *values);
  double a;
  double b;
};

KOL_API KolParameters *kol_parameters_new (KolDevice *device, guint64 seed);
KOL_API KolParameters *kol_parameters_ref (KolParameters *parameters);
KOL_API void kol_parameters_unref (KolParameters *parameters);
KOL_API guint kol_parameters_get_count (const KolParameters *parameters);
KOL_API KolParameter *kol_parameters_get (const KolParameters *parameters, guint i);
KOL_API KolParameter *kol_parameters_find (const KolParameters *parameters, const char *name);
KOL_API guint64 kol_parameters_get_seed (const KolParameters *parameters);
KOL_API KolDevice *kol_parameters_get_device (const KolParameters *parameters);

KOL_API const char *kol_parameter_get_name (const KolParameter *parameter);
KOL_API const KolShape *kol_parameter_get_shape (const KolParameter *parameter);
KOL_API gboolean kol_parameter_is_trainable (const KolParameter *parameter);
KOL_API gboolean kol_parameter_read (KolParameter *parameter, float *values, GError **error);
KOL_API gboolean kol_parameter_write (KolParameter *parameter, const float *values, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolParameters, kol_parameters_unref)

G_END_DECLS
