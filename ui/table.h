/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define KX_TYPE_TABLE_ROW (kx_table_row_get_type ())
/** KxTableRow: what a row says in each column, and by what number it is sorted. */
G_DECLARE_FINAL_TYPE (KxTableRow, kx_table_row, KX, TABLE_ROW, GObject)

void kx_table_row_set_text (KxTableRow *row, guint column, const char *text);
void kx_table_row_set_number (KxTableRow *row, guint column, double number, const char *text);

#define KX_TYPE_TABLE (kx_table_get_type ())
/**
 * KxTable:
 *
 * Rows of texts, numbers and bars; a click on a heading sorts, Ctrl+C copies them.
 *
 * Signals: "selected": another row is, or several, or none; "activated" (KxTableRow *): it is to be
 * opened.
 */
G_DECLARE_FINAL_TYPE (KxTable, kx_table, KX, TABLE, AdwBin)

void kx_table_set_name (KxTable *table, const char *name);
void kx_table_set_empty (KxTable *table, const char *icon_name, const char *title);
void kx_table_add_column (KxTable *table, const char *title, gboolean numeric, gboolean expand);
void kx_table_add_bar_column (KxTable *table, const char *title);
void kx_table_sort_by (KxTable *table, guint column);
void kx_table_sort (KxTable *table);
KxTableRow *kx_table_append (KxTable *table);
void kx_table_clear (KxTable *table);
KxTableRow *kx_table_get_selected (KxTable *table);
void kx_table_set_selected (KxTable *table, KxTableRow *row);
guint kx_table_count (KxTable *table);
char *kx_table_to_csv (KxTable *table);

G_END_DECLS
