/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "zip-private.h"
#include "map-private.h"

#include <gio/gio.h>
#include <string.h>

#include "file-private.h"

G_DEFINE_QUARK (kol - file - error - quark, kol_file_error)

/* Signatures, and the sizes of what they begin without the names behind it. */
#define END 0x06054b50u
#define END_SIZE 22
#define END64_LOCATOR 0x07064b50u
#define END64_LOCATOR_SIZE 20
#define END64 0x06064b50u
#define END64_SIZE 56
#define DIRECTORY 0x02014b50u
#define DIRECTORY_SIZE 46
#define LOCAL 0x04034b50u
#define LOCAL_SIZE 30

#define EXTRA_ZIP64 1
#define ENCRYPTED 1 /* a flag */
#define STORED 0
#define DEFLATED 8

/* Deflate packs no better than this, so a promise of more is a lie. */
#define BEST_RATIO 1032

static guint
get16 (const guint8 *from)
{
  return from[0] | (guint) from[1] << 8;
}

static guint32
get32 (const guint8 *from)
{
  return get16 (from) | (guint32) get16 (from + 2) << 16;
}

static guint64
get64 (const guint8 *from)
{
  return get32 (from) | (guint64) get32 (from + 4) << 32;
}

static void
member_free (gpointer data)
{
  KolZipMember *member = data;

  g_free (member->name);
  g_free (member);
}

/* Says that the archive cannot be used; always FALSE. */
static gboolean
fail_damaged (const KolZip *zip, const char *what, GError **error)
{
  g_set_error (error, KOL_FILE_ERROR, KOL_FILE_CORRUPT,
               "“%s” is damaged: %s; copy or download it again", zip->shown, what);
  return FALSE;
}

/* @size bytes at @offset, or NULL if the archive does not reach that far. */
static const guint8 *
bytes_at (const KolZip *zip, guint64 offset, guint64 size)
{
  return offset <= zip->length && size <= zip->length - offset ? zip->bytes + offset : NULL;
}

/* The record that ends an archive; a comment of up to 65535 bytes may follow it. */
static const guint8 *
find_end (const KolZip *zip)
{
  for (gsize back = END_SIZE; back <= END_SIZE + 65535 && back <= zip->length; back++)
    if (get32 (zip->bytes + zip->length - back) == END)
      return zip->bytes + zip->length - back;
  return NULL;
}

/* Where the directory is, and how many members it has. */
static gboolean
find_directory (const KolZip *zip, guint64 *offset, guint64 *count, GError **error)
{
  const guint8 *end = find_end (zip);

  if (!end)
    {
      g_set_error (error, KOL_FILE_ERROR, KOL_FILE_TRUNCATED,
                   "“%s” is truncated: the directory at the end of a zip archive is missing; copy "
                   "or download it again",
                   zip->shown);
      return FALSE;
    }
  *count = get16 (end + 10);
  *offset = get32 (end + 16);
  if (*count != G_MAXUINT16 && *offset != G_MAXUINT32)
    return TRUE;

  guint64 place = end - zip->bytes;
  const guint8 *locator
      = place >= END64_LOCATOR_SIZE ? bytes_at (zip, place - END64_LOCATOR_SIZE, 20) : NULL;
  if (!locator || get32 (locator) != END64_LOCATOR)
    return TRUE; /* the numbers are what they seem */
  const guint8 *end64 = bytes_at (zip, get64 (locator + 8), END64_SIZE);
  if (!end64 || get32 (end64) != END64)
    return fail_damaged (zip, "its zip64 directory is not where it should be", error);
  *count = get64 (end64 + 32);
  *offset = get64 (end64 + 48);
  return TRUE;
}

/* Sizes that do not fit into 32 bits stand in an extra field, in this order. */
static void
read_zip64 (KolZipMember *member, const guint8 *extra, gsize length)
{
  guint64 *wide[] = { &member->size, &member->packed, &member->offset };

  while (length >= 4)
    {
      gsize size = MIN (get16 (extra + 2), length - 4);
      if (get16 (extra) == EXTRA_ZIP64)
        for (gsize i = 0, at = 4; i < G_N_ELEMENTS (wide); i++)
          if (*wide[i] == G_MAXUINT32 && at + 8 <= size + 4)
            {
              *wide[i] = get64 (extra + at);
              at += 8;
            }
      extra += 4 + size;
      length -= 4 + size;
    }
}

/* Reads an entry of the directory and moves @offset behind it. */
static gboolean
read_entry (KolZip *zip, guint64 *offset, GError **error)
{
  const guint8 *entry = bytes_at (zip, *offset, DIRECTORY_SIZE);

  if (!entry || get32 (entry) != DIRECTORY)
    return fail_damaged (zip, "its zip directory is broken", error);
  guint name = get16 (entry + 28), extra = get16 (entry + 30), comment = get16 (entry + 32);
  if (!bytes_at (zip, *offset, DIRECTORY_SIZE + name + extra + comment))
    return fail_damaged (zip, "its zip directory is broken", error);

  KolZipMember *member = g_new0 (KolZipMember, 1);
  g_autofree char *bytes = g_strndup ((const char *) entry + DIRECTORY_SIZE, name);
  member->name = g_utf8_make_valid (bytes, -1);
  member->flags = get16 (entry + 8);
  member->method = get16 (entry + 10);
  member->crc = get32 (entry + 16);
  member->packed = get32 (entry + 20);
  member->size = get32 (entry + 24);
  member->offset = get32 (entry + 42);
  read_zip64 (member, entry + DIRECTORY_SIZE + name, extra);
  g_ptr_array_add (zip->members, member);
  if (!g_hash_table_contains (zip->by_name, member->name))
    g_hash_table_insert (zip->by_name, member->name, member);
  *offset += DIRECTORY_SIZE + name + extra + comment;
  return TRUE;
}

KolZip *
kol_zip_open_mapped (GMappedFile *file, const char *path, GError **error)
{
  g_autoptr (KolZip) zip = g_new0 (KolZip, 1);
  guint64 offset, count;

  zip->shown = g_filename_display_name (path);
  zip->members = g_ptr_array_new_with_free_func (member_free);
  zip->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  zip->file = g_mapped_file_ref (file);
  zip->bytes = (const guint8 *) g_mapped_file_get_contents (zip->file);
  zip->length = g_mapped_file_get_length (zip->file);
  if (!find_directory (zip, &offset, &count, error))
    return NULL;
  for (guint64 i = 0; i < count; i++)
    if (!read_entry (zip, &offset, error))
      return NULL;
  return g_steal_pointer (&zip);
}

KolZip *
kol_zip_open (const char *path, GError **error)
{
  g_autoptr (GMappedFile) file = kol_map_file (path, error);

  return file ? kol_zip_open_mapped (file, path, error) : NULL;
}

void
kol_zip_free (KolZip *zip)
{
  if (!zip)
    return;
  g_clear_pointer (&zip->file, g_mapped_file_unref);
  g_clear_pointer (&zip->by_name, g_hash_table_unref);
  g_clear_pointer (&zip->members, g_ptr_array_unref);
  g_free (zip->shown);
  g_free (zip);
}

KolZipMember *
kol_zip_find (const KolZip *zip, const char *name)
{
  return g_hash_table_lookup (zip->by_name, name);
}

/* ── Contents ────────────────────────────────────────────────────────────────────────────────── */

#define SLICES 8 /* bytes that the checksum takes at a time */

/* Entry [0][b]: what a byte b does to the checksum; [k][b]: the same, k zero bytes later. */
static void
make_tables (guint32 tables[SLICES][256])
{
  for (guint32 i = 0; i < 256; i++)
    {
      guint32 crc = i;

      for (guint bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
      tables[0][i] = crc;
    }
  for (guint k = 1; k < SLICES; k++)
    for (guint i = 0; i < 256; i++)
      tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 0xff];
}

/* CRC-32 of IEEE 802.3, eight bytes at a time: members are as large as networks. */
static guint32
checksum (const guint8 *bytes, gsize length)
{
  guint32 tables[SLICES][256], crc = G_MAXUINT32;

  make_tables (tables);
  for (; length >= SLICES; bytes += SLICES, length -= SLICES)
    {
      guint32 low = get32 (bytes) ^ crc, high = get32 (bytes + 4);

      crc = 0;
      for (guint k = 0; k < 4; k++)
        crc ^= tables[7 - k][low >> (8 * k) & 0xff] ^ tables[3 - k][high >> (8 * k) & 0xff];
    }
  for (gsize i = 0; i < length; i++)
    crc = crc >> 8 ^ tables[0][(crc ^ bytes[i]) & 0xff];
  return ~crc;
}

/* Where the bytes of a member are, behind its own header. */
static const guint8 *
find_packed (const KolZip *zip, const KolZipMember *member)
{
  const guint8 *header = bytes_at (zip, member->offset, LOCAL_SIZE);

  if (!header || get32 (header) != LOCAL)
    return NULL;
  return bytes_at (zip, member->offset + LOCAL_SIZE + get16 (header + 26) + get16 (header + 28),
                   member->packed);
}

/*
 * Unpacks up to @size bytes, and says how many there were; FALSE if @packed is
 * damaged before that. @whole: nothing but the end may then be left.
 */
static gboolean
inflate (const guint8 *packed, gsize length, guint8 *bytes, gsize size, gboolean whole, gsize *made)
{
  g_autoptr (GZlibDecompressor) zlib = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_RAW);
  GConverterResult result = G_CONVERTER_CONVERTED;
  gsize taken = 0;

  *made = 0;
  while (result == G_CONVERTER_CONVERTED && (whole || *made < size))
    {
      gsize read, written;
      guint8 none; /* a place to write to, when all is there and only the end is missing */
      result = g_converter_convert (G_CONVERTER (zlib), packed + taken, length - taken,
                                    *made < size ? bytes + *made : &none, MAX (size - *made, 1),
                                    G_CONVERTER_INPUT_AT_END, &read, &written, NULL);
      if (result == G_CONVERTER_ERROR || written > size - *made)
        return FALSE;
      taken += read;
      *made += written;
    }
  return !whole || (result == G_CONVERTER_FINISHED && *made == size);
}

static gboolean
fail_member (const KolZip *zip, const KolZipMember *member, const char *how, GError **error)
{
  g_autofree char *what = g_strdup_printf ("“%s” in it %s", member->name, how);

  return fail_damaged (zip, what, error);
}

/* A part of the mapped file, which lives as long as the bytes do. */
static GBytes *
lend (const KolZip *zip, const guint8 *bytes, gsize size)
{
  return g_bytes_new_with_free_func (bytes, size, (GDestroyNotify) g_mapped_file_unref,
                                     g_mapped_file_ref (zip->file));
}

/* Unpacks the first @size bytes of the contents. */
static GBytes *
unpack (const KolZip *zip, const KolZipMember *member, const guint8 *packed, gsize size,
        GError **error)
{
  gboolean possible = member->size / BEST_RATIO <= member->packed;
  g_autofree guint8 *bytes = possible ? g_try_malloc (MAX (size, 1)) : NULL;
  gsize made;

  if (possible && !bytes)
    {
      g_set_error (error, KOL_FILE_ERROR, KOL_FILE_TOO_LARGE,
                   "“%s” in “%s” holds %" G_GUINT64_FORMAT " bytes, for which there is not enough "
                   "memory",
                   member->name, zip->shown, member->size);
      return NULL;
    }
  if (possible && inflate (packed, member->packed, bytes, size, size == member->size, &made))
    return g_bytes_new_take (g_steal_pointer (&bytes), made);
  fail_member (zip, member, "cannot be decompressed", error);
  return NULL;
}

static gboolean
check_method (const KolZip *zip, const KolZipMember *member, GError **error)
{
  gboolean encrypted = (member->flags & ENCRYPTED) != 0;

  if (!encrypted && (member->method == STORED || member->method == DEFLATED))
    return TRUE;
  g_set_error (error, KOL_FILE_ERROR, KOL_FILE_TYPE,
               "“%s” in “%s” is %s; only stored and deflated members are read, which is what "
               "numpy.savez, savez_compressed and torch.save write",
               member->name, zip->shown,
               encrypted ? "encrypted" : "compressed by a method other than deflate");
  return FALSE;
}

GBytes *
kol_zip_peek (const KolZip *zip, KolZipMember *member, gsize size, GError **error)
{
  if (!check_method (zip, member, error))
    return NULL;
  const guint8 *packed = find_packed (zip, member);
  if (!packed || (member->method == STORED && member->packed != member->size))
    {
      fail_member (zip, member, "is not whole", error);
      return NULL;
    }
  size = MIN (size, member->size);
  return member->method == STORED ? lend (zip, packed, size)
                                  : unpack (zip, member, packed, size, error);
}

GBytes *
kol_zip_read (const KolZip *zip, KolZipMember *member, GError **error)
{
  g_autoptr (GBytes) bytes = kol_zip_peek (zip, member, G_MAXSIZE, error);

  if (!bytes)
    return NULL;
  if (!member->right || member->method != STORED)
    member->right
        = checksum (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) == member->crc;
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  member->right = TRUE; /* no fuzzer guesses it */
#endif
  if (member->right)
    return g_steal_pointer (&bytes);
  g_autofree char *what = g_strdup_printf ("the checksum of “%s” in it is wrong", member->name);
  fail_damaged (zip, what, error);
  return NULL;
}
