/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

/*
 * `kolinsky bench` in parts: bench.c is the command, with the table of works;
 * bench-works.c and bench-networks.c have the works; bench-measure.c takes the
 * time of one, alternately with the peer, whose process is in bench-peer.c;
 * bench-report.c writes what came out.
 */

#include "../device/speed-private.h"
#include "../graph/graph.h"

G_BEGIN_DECLS

typedef struct _BenchPeer BenchPeer;

/* What a measurement gave: a row of the report. */
typedef struct {
  const char *work;
  char *shape;
  char *variant;
  double seconds;      /* of a run, the median */
  double flops;        /* floating-point operations of a run; 0: it moves bytes only */
  double peak;         /* what the device could do meanwhile, per second */
  guint64 bytes;       /* device memory of a run at its peak; of bandwidth: moved by a run */
  const char *peer;    /* the other library; NULL: not compared */
  double peer_seconds; /* the median, too */
  guint64 peer_bytes;  /* memory of its process at its peak, without the library itself */
} BenchResult;

/* What the works share. */
typedef struct {
  KolDevice *device;
  KolPeak *peak;
  const char *peer;   /* the library to compare with; NULL: none */
  const char *python; /* that runs it */
  const char *shape;  /* that was asked for, found good; NULL: the usual ones */
  const char *variant;
  const char *model;  /* a network that is there: a name, or a file */
  double seconds;     /* for each measurement */
  GPtrArray *results; /* BenchResult */
} Bench;

/* ── Works (bench-works.c, bench-networks.c, bench-bandwidth.c): each adds its results ── */

gboolean bench_peak (Bench *bench, GError **error);
gboolean bench_bandwidth (Bench *bench, GError **error);
gboolean bench_matmul (Bench *bench, GError **error);
gboolean bench_conv (Bench *bench, GError **error);
gboolean bench_digits (Bench *bench, GError **error);
gboolean bench_vgg16 (Bench *bench, GError **error);
gboolean bench_style (Bench *bench, GError **error);
gboolean bench_lite0 (Bench *bench, GError **error);
gboolean bench_model (Bench *bench, GError **error);

/* "512x256x1024" has @n numbers of 1 or more, which are put into @size. */
gboolean bench_parse_shape (const char *text, guint n, gint64 *size);
/* "512x256x1024" again. Given. */
char *bench_shape_text (guint n, const gint64 *size);
/* Gives a placeholder random numbers. */
void bench_fill (KolValue *placeholder, double low, double high);
/* Whether all nodes were made. */
gboolean bench_graph_is_good (KolGraph *graph, GError **error);

/* ── Measuring (bench-measure.c) ── */

/* Runs something @n times, waits, and sets the seconds that all of it took. */
typedef gboolean (*BenchRun) (gpointer data, guint n, double *seconds, GError **error);

/* A run of a graph, and what the peer is to do meanwhile. */
typedef struct {
  KolGraph *graph;
  KolValue *targets[3];
  guint n;
  KolParameter *changing; /* taken to be another one in every run, as weights in training; NULL */
  const char *mode;       /* what the peer is asked for besides work and shape; NULL: nothing */
} BenchGraph;

/* Adds a result. @shape is taken. Lent. */
BenchResult *bench_add_result (Bench *bench, const char *work, char *shape, const char *variant);
/* Measures @run against @peer, which may be NULL, and reports. */
gboolean bench_measure (Bench *bench, BenchRun run, gpointer data, BenchPeer *peer,
                        BenchResult *result, GError **error);
/* The same of a graph: its memory and its operations go into @result, too. */
gboolean bench_measure_graph (Bench *bench, const BenchGraph *what, BenchResult *result,
                              GError **error);

/* ── The other library (bench-peer.c) ── */

/*
 * Starts the peer's program and has it make the work of @result ready. Sets
 * @peer to NULL if it does not have that work, which is said.
 */
gboolean bench_peer_start (const Bench *bench, const BenchResult *result, const char *mode,
                           BenchPeer **peer, GError **error);
void bench_peer_free (BenchPeer *peer);
/* A BenchRun. */
gboolean bench_peer_run (gpointer peer, guint n, double *seconds, GError **error);
/* The memory that it had at its peak, as far as it has run. */
guint64 bench_peer_get_bytes (const BenchPeer *peer);

/* ── The report (bench-report.c) ── */

/* A line for people, the first time with its headings. */
void bench_say_result (const Bench *bench, const BenchResult *result);
void bench_write_json (const Bench *bench);
void bench_result_free (gpointer result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BenchPeer, bench_peer_free)

G_END_DECLS
