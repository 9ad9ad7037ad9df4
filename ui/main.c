/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

#include <glib/gi18n.h>
#include <locale.h>

#include "application.h"
#include "stalls.h"

int
main (int argc, char **argv)
{
  const char *translations = g_getenv ("KOLINSKY_EXPLORER_LOCALE");

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, translations ? translations : KX_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_application_name (_ ("Kolinsky Explorer"));

  g_autoptr (KxApplication) application = kx_application_new ();
  if (!application)
    return 1;
  kx_stalls_watch ();
  int status = g_application_run (G_APPLICATION (application), argc, argv);
  kx_stalls_report ();
  return status;
}
