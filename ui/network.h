/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "engine.h"
#include "network-layer.h"
#include "run.h"

G_BEGIN_DECLS

/** KxNetworkState: how far a network's opening has come. */
typedef enum {
  KX_NETWORK_OPENING,
  KX_NETWORK_READY,
  KX_NETWORK_FAILED,
} KxNetworkState;

#define KX_TYPE_NETWORK (kx_network_get_type ())
/**
 * KxNetwork:
 *
 * A trained network that is looked at: of the catalogue, a file's or a run's, or a copy of one in
 * training. Of the main thread; the engine's side of it is a #KxOpened, on the worker's.
 *
 * Property `state` tells when it can be used. Signal `learned`: it has what a run had learned after
 * so many steps.
 */
G_DECLARE_FINAL_TYPE (KxNetwork, kx_network, KX, NETWORK, GObject)

/**
 * KxOpened:
 * @engine: where it is
 * @layers: the network; %NULL: it is closed
 *
 * The engine's side of a network. On the worker's thread alone.
 */
typedef struct _KxOpened KxOpened;
struct _KxOpened {
  KxEngine *engine;
  KolLayers *layers;
};

typedef void (*KxNetworkCall) (KxOpened *opened, gpointer data);

/**
 * KxWorkKind:
 * @turn: works for about so many seconds, as of a #KxTaskKind
 * @end: once, after the last turn, or when the network is closed: frees what it has
 *
 * Work on a network that takes many turns. On the worker's thread.
 */
typedef struct {
  KxTurn (*turn) (KxOpened *opened, gpointer self, double seconds);
  void (*end) (gpointer self);
} KxWorkKind;

KxNetwork *kx_network_open (KxEngine *engine, const char *path);
KxNetwork *kx_network_open_copy (KxRun *run);
void kx_network_close (KxNetwork *network);

KxNetworkState kx_network_get_state (KxNetwork *network);
const char *kx_network_get_fault (KxNetwork *network);
const char *kx_network_get_title (KxNetwork *network);
const char *kx_network_get_path (KxNetwork *network);
GListModel *kx_network_get_layers (KxNetwork *network);
KxNetworkLayer *kx_network_get_output (KxNetwork *network);
const KolPreprocess *kx_network_get_fit (KxNetwork *network);
const char *const *kx_network_get_classes (KxNetwork *network);
const KolRun *kx_network_get_run (KxNetwork *network);
char *kx_network_class_name (KxNetwork *network, guint class);

void kx_network_call (KxNetwork *network, KxNetworkCall call, gpointer data,
                      GDestroyNotify destroy);
void kx_network_probe (KxNetwork *network, gconstpointer key, KxNetworkCall probe, gpointer data,
                       GDestroyNotify destroy);
KxRun *kx_network_get_training (KxNetwork *network);
void kx_network_learn (KxNetwork *network);
void kx_network_set_weight (KxNetwork *network, guint weight);

/* On the worker's thread: */
void kx_opened_add_work (KxOpened *opened, int rank, const KxWorkKind *kind, gpointer self);
void kx_opened_wake_work (KxOpened *opened, gpointer self);
void kx_opened_end_work (KxOpened *opened, gpointer self);
guint kx_opened_get_generation (KxOpened *opened);
void kx_opened_set_changed (KxOpened *opened);
gboolean kx_opened_look (KxOpened *opened, const float *pixels, const guint *layers, guint n,
                         KolValue **values, KolValue **scores, GError **error);

G_END_DECLS
