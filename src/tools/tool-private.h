/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/* What the sub-commands of `kolinsky` share. Each is one file that defines one ToolCommand. */

#include "../kolinsky.h"

G_BEGIN_DECLS

/* What the command ends with; scripts may rely on it. */
typedef enum {
  TOOL_OK = 0,
  TOOL_FAILED = 1,
  TOOL_USAGE = 2,
  TOOL_REFUTED = 3, /* a verification failed, or training diverged */
  TOOL_INTERRUPTED = 130,
} ToolExit;

typedef struct {
  const char *name;
  const char *parameters;  /* after the options in the usage line */
  const char *summary;     /* a line for `kolinsky --help` */
  const char *description; /* a paragraph for `kolinsky NAME --help` */
  ToolExit (*run) (int argc, char **argv);
} ToolCommand;

extern const ToolCommand tool_bench, tool_classify, tool_devices, tool_evaluate, tool_export,
    tool_info, tool_maximize, tool_models, tool_plot, tool_run, tool_runs, tool_search, tool_style,
    tool_style_apply, tool_style_train, tool_train, tool_tune, tool_verify;

/* When the process began, of g_get_monotonic_time (). */
extern gint64 tool_start_time;

/* ── Options (tool.c) ── */

/* The options that commands have in common, and which of them a command takes. */
typedef struct {
  char *device;
  char *profile;
  gboolean json;
} ToolOptions;

typedef enum {
  TOOL_TAKES_DEVICE = 1 << 0,
  TOOL_TAKES_JSON = 1 << 1,
  TOOL_TAKES_PROFILE = 1 << 2,
} ToolTakes;

/*
 * Takes the options out of @argv: @own and what @takes says. What is wrong is
 * printed, and FALSE returned. The rest of @argv, from 1, are @n_parameters, or
 * TOOL_ANY_NUMBER.
 */
#define TOOL_ANY_NUMBER (-1)
gboolean tool_parse (const ToolCommand *command, const GOptionEntry *own, ToolTakes takes,
                     ToolOptions *options, int n_parameters, int *argc, char ***argv);
void tool_options_clear (ToolOptions *options);
/* Prints "kolinsky: <text>" and where help is; returns TOOL_USAGE. */
ToolExit tool_usage (const ToolCommand *command, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Prints the error; returns TOOL_FAILED, or what its kind stands for. */
ToolExit tool_fail (const GError *error);

/* Opens the device that the options choose, says which on stderr, and profiles if asked. Given. */
KolDevice *tool_open_device (const ToolOptions *options, GError **error);
/* Writes the profile, if one was asked for, and prints its table. */
gboolean tool_save_profile (const ToolOptions *options, KolDevice *device, GError **error);

/* @given, or an installed data set's folder; NULL with a sentence. Given. */
char *tool_find_data (const char *given, GError **error);
/* What of @data was left out, the first ten. */
void tool_say_skipped (KolDataset *data);
/* The files of the pictures @given, and of those in folders among them (pictures.c). Given. */
GPtrArray *tool_list_pictures (char **given, GError **error);
/* The folder of a run: @given, or the one of that name among the user's runs (runs.c). Given. */
char *tool_run_folder (const char *given);

/* Whether the ending of @name is that of a picture (pictures.c). */
gboolean tool_is_picture (const char *name);
/* Whether a picture can be written to @path, so that it is said before the work (pictures.c). */
gboolean tool_check_png (const char *path, GError **error);
/* Write a PNG file whole or not at all (pictures.c): as it is, a picture with texts as of
 * kol_png_encode(), and a picture. */
gboolean tool_save_png (const char *path, GBytes *png, GError **error);
gboolean tool_save_texts (const KolSnapshot *picture, const char *path, const char *const *texts,
                          GError **error);
gboolean tool_save_picture (const KolSnapshot *picture, const char *path, GError **error);
/* The network that is best for comparing features among those that are installed (style.c). */
const char *tool_find_features (GError **error);

/* Opens @model, an ONNX file or the name of an installed one (run.c). Given. */
KolOnnx *tool_open_onnx (const char *model, GError **error);
/* Lists the arrays of a file of weights (info-weights.c). */
void tool_tell_weights (const KolWeights *weights, gboolean json);
/* Whether @name is an installed model that is no ONNX file (run.c). */
gboolean tool_is_weights (const char *name);
/* "[any, 3, 224, 224]" (info.c). Given. */
char *tool_format_open_shape (const KolOnnxInfo *info);

/* ── Ctrl-C (interrupt.c) ── */

/*
 * The first Ctrl-C cancels what is under way, and says @sentence; the handler removes
 * itself, so that the second one ends the process.
 */
typedef struct {
  const char *sentence;
  GCancellable *cancellable;

  /*< private >*/
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
} ToolInterrupt;

void tool_interrupt_start (ToolInterrupt *self, const char *sentence);
void tool_interrupt_stop (ToolInterrupt *self);

/* ── Text for people (terminal.c) ── */

/* With --json, standard output is for the program that reads it: people are told on stderr. */
void tool_set_json (gboolean json);
gboolean tool_on_terminal (void);
/* A line for people. */
void tool_say (const char *format, ...) G_GNUC_PRINTF (1, 2);
/* A line that the next one replaces, on a terminal; nothing elsewhere. NULL: takes it away. */
void tool_status (const char *text);
/* Rows of as many cells each (GStrv); the first is the headings. */
void tool_say_table (GPtrArray *rows);
int tool_columns (void);
/* Shows what the device compiles: a KolProgress. */
void tool_show_progress (const char *stage, guint done, guint total, gpointer user_data);

/* Given: "0.0123", "1.1e-3"; "4:13", "1:02:45"; "1.5 GiB". */
char *tool_format_small (double value);
char *tool_format_duration (double seconds);
char *tool_format_bytes (guint64 bytes);

/* ── JSON (json.c) ── */

/*
 * A writer of JSON. In an object a key comes with each value, in an array none
 * (NULL). Not-a-number and the infinities become null.
 */
typedef struct {
  GString *text;
  guint depth;
  struct {
    char close;
    gboolean empty;
    gboolean lines; /* the latest member stands on a line of its own */
  } open[8];
} ToolJson;

void tool_json_init (ToolJson *json);
void tool_json_clear (ToolJson *json);
void tool_json_open (ToolJson *json, const char *key, char bracket);
void tool_json_close (ToolJson *json);
void tool_json_string (ToolJson *json, const char *key, const char *value); /* NULL: null */
void tool_json_number (ToolJson *json, const char *key, double value);
void tool_json_integer (ToolJson *json, const char *key, guint64 value);
void tool_json_boolean (ToolJson *json, const char *key, gboolean value);
/* Writes what was collected to standard output. */
void tool_json_print (ToolJson *json);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ToolJson, tool_json_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ToolOptions, tool_options_clear)

G_END_DECLS
