/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures of units by what made them; those that were not asked for longest go first. */

#include "picture-cache.h"

typedef struct {
  char *key;
  KxNeuronPicture picture;
  guint64 bytes;
  GList *place; /* in `order` */
} Entry;

struct _KxPictureCache {
  GHashTable *entries; /* key -> Entry, which owns the key */
  GQueue order;        /* Entry: the one that was asked for last first */
  guint64 bytes, budget;
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_clear_object (&entry->picture.texture);
  g_free (entry->key);
  g_free (entry);
}

KxPictureCache *
kx_picture_cache_new (void)
{
  KxPictureCache *cache = g_new0 (KxPictureCache, 1);

  cache->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
  cache->budget = G_MAXUINT64;
  return cache;
}

void
kx_picture_cache_free (KxPictureCache *cache)
{
  g_queue_clear (&cache->order);
  g_hash_table_unref (cache->entries);
  g_free (cache);
}

static void
forget (KxPictureCache *cache, Entry *entry)
{
  g_queue_delete_link (&cache->order, entry->place);
  cache->bytes -= entry->bytes;
  g_hash_table_remove (cache->entries, entry->key);
}

static void
keep_to_budget (KxPictureCache *cache)
{
  while (cache->bytes > cache->budget && cache->order.tail)
    forget (cache, cache->order.tail->data);
}

/**
 * kx_picture_cache_set_budget:
 * @cache: a cache
 * @bytes: that its pixels may take
 */
void
kx_picture_cache_set_budget (KxPictureCache *cache, guint64 bytes)
{
  cache->budget = bytes;
  keep_to_budget (cache);
}

guint64
kx_picture_cache_get_bytes (KxPictureCache *cache)
{
  return cache->bytes;
}

static guint64
bytes_of (GdkTexture *picture)
{
  return 3 * (guint64) gdk_texture_get_width (picture) * (guint64) gdk_texture_get_height (picture);
}

/**
 * kx_picture_cache_get_room:
 * @cache: a cache
 * @picture: a picture
 *
 * Returns: how many of its size the budget is for, if there were no others
 */
guint64
kx_picture_cache_get_room (KxPictureCache *cache, GdkTexture *picture)
{
  return cache->budget / MAX (bytes_of (picture), 1);
}

/**
 * kx_picture_cache_put:
 * @cache: a cache
 * @key: what made the picture: weights, settings, seed, unit
 * @picture: it, with a texture; of a key the latest is kept
 */
void
kx_picture_cache_put (KxPictureCache *cache, const char *key, const KxNeuronPicture *picture)
{
  Entry *entry = g_hash_table_lookup (cache->entries, key);

  if (entry)
    forget (cache, entry);
  entry = g_new0 (Entry, 1);
  entry->key = g_strdup (key);
  entry->picture = *picture;
  g_object_ref (entry->picture.texture);
  entry->bytes = bytes_of (picture->texture);
  cache->bytes += entry->bytes;
  g_queue_push_head (&cache->order, entry);
  entry->place = cache->order.head;
  g_hash_table_insert (cache->entries, entry->key, entry);
  keep_to_budget (cache);
}

/**
 * kx_picture_cache_get:
 * @cache: a cache
 * @key: what made the picture
 *
 * Returns: (nullable) (transfer none): it, until the cache is changed
 */
const KxNeuronPicture *
kx_picture_cache_get (KxPictureCache *cache, const char *key)
{
  Entry *entry = g_hash_table_lookup (cache->entries, key);

  if (!entry)
    return NULL;
  g_queue_unlink (&cache->order, entry->place);
  g_queue_push_head_link (&cache->order, entry->place);
  return &entry->picture;
}
