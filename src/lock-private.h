/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A file that one process at a time holds: a run while it is trained, the
 * measurements while they are written. The kernel lets go of it when the process
 * ends, however it ends, so no lock is ever left behind. In the file is the
 * number of the process that holds it, for people.
 *
 * The file itself stays. If it were removed, two processes could each hold a file
 * of that name: the one that was removed, and a new one.
 */
typedef struct _KolLock KolLock;

/*
 * Takes @path, which is made if it is not there. @what begins the sentence of
 * %G_IO_ERROR_BUSY: "<what> is in use by process 123; ...". NULL on error. Given.
 */
KolLock *kol_lock_take (const char *path, const char *what, GError **error);
/* The same, but waits up to so many seconds until it is free. */
KolLock *kol_lock_wait (const char *path, const char *what, double seconds, GError **error);
void kol_lock_free (KolLock *lock);

/* Whether a process holds @path, and which (0: unknown). No file: nobody does. */
gboolean kol_lock_is_taken (const char *path, int *process);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolLock, kol_lock_free)

G_END_DECLS
