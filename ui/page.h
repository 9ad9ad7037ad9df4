/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

#include "session.h"

G_BEGIN_DECLS

#define KX_TYPE_PAGE (kx_page_get_type ())
/**
 * KxPage:
 *
 * What all pages have in common: an info bar for what went wrong, the content, and an inspector
 * that slides over it where the window is narrow. Its `actions` stand in the window's header while
 * it is shown.
 */
G_DECLARE_DERIVABLE_TYPE (KxPage, kx_page, KX, PAGE, AdwBin)

/**
 * KxPageClass:
 * @attach: its window shows @session: once, before anything else
 * @opened: it has come into sight
 * @drop: takes files that were dropped, pasted or opened, if they are of its kind
 * @verb: what @drop would do with files, or @picture with a picture if @files is %NULL: a few
 * words; %NULL: nothing
 * @picture: takes a picture that was dropped or pasted, if it is for pictures
 * @paste: takes from @clipboard what must go to a place in the page, if it is there
 * @save: Ctrl+S
 * @export: Ctrl+E
 * @find: Ctrl+F
 */
struct _KxPageClass {
  AdwBinClass parent_class;

  void (*attach) (KxPage *page, KxSession *session);
  void (*opened) (KxPage *page);
  gboolean (*drop) (KxPage *page, GListModel *files);
  const char *(*verb) (KxPage *page, GListModel *files);
  gboolean (*picture) (KxPage *page, GdkTexture *picture);
  gboolean (*paste) (KxPage *page, GdkClipboard *clipboard);
  void (*save) (KxPage *page);
  void (*export) (KxPage *page);
  void (*find) (KxPage *page);
};

void kx_page_show_fault (KxPage *page, const char *text, const char *remedy, const char *action,
                         GVariant *target);
void kx_page_clear_fault (KxPage *page);
const char *kx_page_get_fault (KxPage *page);

void kx_page_set_title (KxPage *page, const char *title);
const char *kx_page_get_subtitle (KxPage *page);
void kx_page_set_subtitle (KxPage *page, const char *subtitle);
void kx_page_set_caption (KxPage *page, const char *caption);
GtkWidget *kx_page_get_actions (KxPage *page);
gboolean kx_page_has_inspector (KxPage *page);
gboolean kx_page_is_folded (KxPage *page);

void kx_page_attach (KxPage *page, KxSession *session);
void kx_page_opened (KxPage *page);
gboolean kx_page_drop (KxPage *page, GListModel *files);
const char *kx_page_get_verb (KxPage *page, GListModel *files);
gboolean kx_page_picture (KxPage *page, GdkTexture *picture);
gboolean kx_page_paste (KxPage *page, GdkClipboard *clipboard);
gboolean kx_page_can_save (KxPage *page);
gboolean kx_page_can_export (KxPage *page);
gboolean kx_page_can_find (KxPage *page);
void kx_page_save (KxPage *page);
void kx_page_export (KxPage *page);
void kx_page_find (KxPage *page);

G_END_DECLS
