/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#include "lock-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

/* kol_lock_is_taken () holds the lock for a moment; kol_lock_take () outlasts it. */
#define MOMENT 0.1  /* seconds */
#define PAUSE 10000 /* microseconds between two attempts */

struct _KolLock {
  int file;
};

/* ── The number in the file ── */

static int
read_process (int file)
{
  char digits[24] = "";
  gssize n = pread (file, digits, sizeof digits - 1, 0);
  gint64 number = n > 0 ? g_ascii_strtoll (digits, NULL, 10) : 0;

  return number > 0 && number <= G_MAXINT ? (int) number : 0;
}

/* A full disk may refuse the number; the lock holds all the same. */
static void
write_process (int file)
{
  char digits[24];
  int length = g_snprintf (digits, sizeof digits, "%d\n", (int) getpid ());

  if (ftruncate (file, 0) != 0 || pwrite (file, digits, (gsize) length, 0) != length)
    g_debug ("The number of this process was not written to its lock: %s", g_strerror (errno));
}

/* ── Taking it ── */

static int
open_file (const char *path, GError **error)
{
  int file = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

  if (file >= 0)
    return file;
  int code = errno;
  g_autofree char *shown = g_filename_display_name (path);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               "The lock file “%s” cannot be opened: %s; choose a folder that you may write to",
               shown, g_strerror (code));
  return -1;
}

/* Tries until @seconds are over. Returns 0, or an errno: %EWOULDBLOCK if another has it. */
static int
try_for (int file, double seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  while (flock (file, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno != EINTR && errno != EWOULDBLOCK)
        return errno;
      if (g_get_monotonic_time () >= end)
        return EWOULDBLOCK;
      g_usleep (PAUSE);
    }
  return 0;
}

static void
set_busy (int file, const char *what, GError **error)
{
  int process = read_process (file);
  g_autofree char *who
      = process ? g_strdup_printf ("process %d", process) : g_strdup ("another process");

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
               "%s is in use by %s; wait for it to end, or choose another", what, who);
}

static void
set_failed (const char *path, int code, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               "The file “%s” cannot be locked: %s; choose a folder on a disk whose file system "
               "has locks",
               shown, g_strerror (code));
}

KolLock *
kol_lock_wait (const char *path, const char *what, double seconds, GError **error)
{
  g_return_val_if_fail (path != NULL && what != NULL, NULL);

  int file = open_file (path, error);
  if (file < 0)
    return NULL;
  int code = try_for (file, seconds);
  if (code != 0)
    {
      if (code == EWOULDBLOCK)
        set_busy (file, what, error);
      else
        set_failed (path, code, error);
      close (file);
      return NULL;
    }
  write_process (file);
  KolLock *lock = g_new (KolLock, 1);
  lock->file = file;
  return lock;
}

KolLock *
kol_lock_take (const char *path, const char *what, GError **error)
{
  return kol_lock_wait (path, what, MOMENT, error);
}

void
kol_lock_free (KolLock *lock)
{
  if (ftruncate (lock->file, 0) != 0)
    g_debug ("A lock file was not emptied: %s", g_strerror (errno));
  close (lock->file); /* which lets go of the lock */
  g_free (lock);
}

gboolean
kol_lock_is_taken (const char *path, int *process)
{
  g_return_val_if_fail (path != NULL, FALSE);

  if (process)
    *process = 0;
  int file = g_open (path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0)
    return FALSE;
  gboolean taken = flock (file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (taken && process)
    *process = read_process (file);
  close (file);
  return taken;
}
