/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
#pragma once

#include "op-private.h"

G_BEGIN_DECLS

typedef struct _KolPlan KolPlan;

struct _KolParameter {
  KolParameters *owner; /* lent: a parameter lives as long as its set */
  char *name;
  KolShape shape;
  gboolean trainable;
  KolInitializer initializer;
  GBytes *source;     /* its first values, until they are on the device, or NULL */
  KolBuffer *buffer;  /* NULL until first used: a graph that is only planned costs no memory */
  guint64 version;    /* goes up with every write; packed forms remember it */
  GHashTable *packed; /* "<op>/<variant>/<input>/<form>/<bytes>" -> KolPacked */
};

/* A tensor in a variant's own form, valid for one version of the tensor. */
typedef struct {
  KolBuffer *buffer;
  guint64 version;
} KolPacked;

struct _KolParameters {
  gatomicrefcount references;
  KolDevice *device;
  KolQueue *queue; /* made on first use */
  guint64 seed;
  GPtrArray *list;
  GHashTable *by_name;
  GPtrArray *arena;  /* KolBuffer: slots that the plans of this job, run one after another, share */
  GPtrArray *parts;  /* for each slot, a GPtrArray of KolSlotPart */
  guint parts_stamp; /* goes up when parts go with their slot, for a larger one */
};

/* A piece of a slot, as plans have asked for it. */
typedef struct {
  gsize offset;
  KolBuffer *buffer;
} KolSlotPart;

#define KOL_FEED_SLOTS 4    /* host copies of a placeholder's latest values */
#define KOL_WATCHED_STEPS 2 /* steps that may be under way before their flag is read */

/* What a placeholder holds: the device's buffer, and host copies to write it from. */
typedef struct {
  KolValue *value;
  KolBuffer *buffer;
  float *host[KOL_FEED_SLOTS];
  cl_event written[KOL_FEED_SLOTS];
  guint current;
  gboolean set;    /* has values */
  guint64 version; /* goes up with every kol_set() */
  gboolean used;   /* a run has read the current copy */
} KolFeed;

/* A step under way whose flag has not been looked at. */
typedef struct {
  cl_event event;
  float *flag; /* [2], read without blocking: must not move */
  guint64 step, example;
  KolPlan *plan;
  guint *slots; /* per feed: which host copy the step saw */
} KolWatched;

/* Builds another gradient for a node, as its operation would; FALSE: it has none to offer. */
typedef gboolean (*KolOverride) (KolNode *node, KolValue *const *dy, KolValue **dx, gpointer data);

/* Is given every node that is made, and returns what is to be used in its place, or itself. */
typedef KolValue *(*KolSubstitute) (KolValue *value, gpointer data);

struct _KolGraph {
  KolParameters *parameters;
  GPtrArray *nodes;
  GHashTable *names;        /* nodes by their names */
  GHashTable *next_numbers; /* name -> n: it is taken, and so are "name-2" to "name-(n - 1)" */
  GHashTable *parameter_values;
  GPtrArray *constants; /* KolParameter: of nodes that are constants, and of no set */
  GPtrArray *feeds;
  GPtrArray *plans; /* the latest first */
  KolPlan *last;    /* the plan that ran last: its targets can be read */
  GError *error;    /* the first one, of construction or of kol_scalar */
  KolNode *failed_node;
  KolValue failed;
  char *prefix;         /* put before the names of new nodes while a gradient is built */
  KolOverride override; /* is asked before an operation for its gradient, or NULL */
  gpointer override_data;
  KolSubstitute substitute; /* while a network is built whose layers are changed, or NULL */
  gpointer substitute_data;
  GCancellable *cancellable;
  guint64 step;
  guint64 example; /* place in the whole batch of the placeholders' first example */
  KolMemory memory;
  gboolean in_rows;     /* plans store nothing in blocks of channels, for tests */
  gboolean separate;    /* plans make no chains of functions, so that each can be looked at */
  guint first_gradient; /* the id of the first node that kol_gradients() made; 0: none */
  GHashTable *folds;    /* KolNode -> KolFold; see fold.c */
  GHashTable *pinned;   /* node name -> name of the variant that it must have; NULL: none */
  KolWatched watched[KOL_WATCHED_STEPS];
  guint n_watched;
  /* For the harness that checks operations. */
  const KolOp *forced_op;
  const char *forced_variant;
  gboolean poison; /* fill outputs and scratch with NaN before each launch */
  /* For tests: how many numbers have been tried behind names. */
  guint64 names_tried;
};

#define KOL_NO_STORAGE (-1)

/* Where a value lives. */
typedef enum {
  KOL_STORAGE_SLOT,      /* shared memory of the job, reused within the plan */
  KOL_STORAGE_TARGET,    /* the plan's own, to be read after the run */
  KOL_STORAGE_PARAMETER, /* the parameter's */
  KOL_STORAGE_FEED,      /* the placeholder's */
  KOL_STORAGE_CONSTANT,  /* the plan's own, written once */
  KOL_STORAGE_KEPT, /* the plan's own, written when the parameters that it follows from change */
} KolStorageKind;

typedef struct {
  KolStorageKind kind;
  gsize bytes;
  guint first, last; /* steps between which it is live */
  int over;          /* the storage in whose slot it lies, or KOL_NO_STORAGE */
  gsize at;          /* behind the start of that storage */
  gboolean joined;   /* it is a part of another one, or has such parts: nothing may take it over */
  guint slot;
  gsize offset;    /* in the slot */
  KolBuffer *part; /* lent: of the slot, as long as part_stamp is the job's */
  guint part_stamp;
  KolBuffer *buffer;  /* TARGET, CONSTANT and KEPT only */
  guint64 version;    /* of KEPT: goes up with every write */
  GHashTable *packed; /* of KEPT: as a parameter's */
  float constant;
  KolParameter *parameter;
  KolFeed *feed;
  gboolean written; /* by a step of the plan */
} KolStorage;

/* One launch: a node, the variant that computes it, and what the variant absorbs. */
typedef struct {
  KolNode *node;
  const KolVariant *variant;
  KolNode *last; /* the last absorbed node, or @node: its output 0 is the step's */
  KolValue *bias, *residual;
  KolNode *unary;
  guint absorbed; /* KolEpilogueKind flags */
  guint blocked;  /* KOL_BLOCKED_ flags */
  int *inputs;    /* storages */
  int *outputs;
  guint8 *wanted;    /* per output: whether it needs a storage */
  gboolean repeated; /* an earlier step has computed the same, which was not kept */
  gboolean joins;    /* its inputs are computed in their places in its output */
  int bias_storage, residual_storage;
  gsize scratch_bytes;
  int scratch; /* storage */
} KolStep;

/* A node whose place in a plan a convolution or product with other weights takes; see fold.c. */
typedef struct {
  KolValue *weights, *bias;
} KolFold;

struct _KolPlan {
  KolGraph *graph;
  GPtrArray *targets;      /* KolValue */
  GPtrArray *made;         /* KolNode: what stands for nodes of the graph in steps */
  GPtrArray *attributes;   /* what some of these have of their own */
  GHashTable *blocked;     /* values that are stored in blocks of channels; see block.c */
  GHashTable *folded;      /* convolution or product -> the node that it takes in */
  GArray *steps;           /* KolStep */
  guint n_once;            /* the steps that run only when parameters have changed come first */
  gboolean ran_once;       /* they have run: */
  guint64 once_stamp;      /* versions of the parameters then */
  GArray *storages;        /* KolStorage */
  GArray *slots;           /* gsize: bytes of each slot */
  GHashTable *storage_of;  /* root value -> index + 1 */
  KolNode *watch;          /* the node whose flag is watched, or NULL */
  gboolean writes;         /* a step writes parameters or states */
  gboolean counts;         /* a run of it is a training step */
  gboolean differentiates; /* it computes gradients */
  guint first_late_step;   /* the step where they begin */
  guint first_run;         /* where in the order those end that run only when parameters change */
  guint first_late;        /* where in the order those begin that write, or depend on it */
  KolMemory memory;        /* what the graph's was, and */
  gboolean separate;
  gboolean prepared;  /* memory allocated, variants chosen, programs built */
  guint64 stamp;      /* versions of all it depends on, as the last run left them */
  guint64 own_bytes;  /* targets and slots */
  guint64 kept_bytes; /* parameters and placeholders */
};

/*
 * Whether a variant may keep a form of its own of @storage, until its version goes
 * up. Of what every run writes none is worth the memory: it would be made anew every
 * time. Nor where gradients are computed: memory is scarce then, with all that is
 * kept for them.
 */
static inline gboolean
kol_plan_keeps_packed (const KolPlan *plan, const KolStorage *storage)
{
  if (plan->differentiates)
    return FALSE;
  return (storage->kind == KOL_STORAGE_PARAMETER && !storage->written)
         || storage->kind == KOL_STORAGE_KEPT;
}

/* Values that are computed by one run. */
typedef struct {
  KolGraph *graph;
  KolValue *const *targets;
  guint n;
} KolTogether;

/* run.c */
/*
 * Device memory that @n runs over one set of parameters need, one after another: as
 * kol_peak_bytes() for each, but what they share, parameters and slots, is there once.
 */
gboolean kol_peak_bytes_of_runs (const KolTogether *runs, guint n, guint64 *bytes, GError **error);

/* graph.c */
KolFeed *kol_graph_find_feed (KolGraph *graph, const KolValue *value);
void kol_feed_clear (KolFeed *feed);
KolValue *kol_value_root (KolValue *value);
extern const KolOp kol_op_placeholder, kol_op_parameter, kol_op_constant;
float kol_constant_get_value (const KolNode *node); /* of one that has no parameter */
KolValue *kol_constant_from_bytes (KolGraph *graph, const char *name, const KolShape *shape,
                                   GBytes *values);

/* parameter.c */
KolParameter *kol_parameters_add (KolParameters *parameters, const char *name,
                                  const KolShape *shape, gboolean trainable,
                                  KolInitializer initializer, GError **error);
KolParameter *kol_parameter_new_constant (KolParameters *parameters, const char *name,
                                          const KolShape *shape);
void kol_parameter_free (gpointer parameter);
KolQueue *kol_parameters_get_queue (KolParameters *parameters, GError **error);
KolBuffer *kol_parameter_get_buffer (KolParameter *parameter, GError **error);
void kol_parameter_set_source (KolParameter *parameter, GBytes *source);
GHashTable *kol_packed_table_new (void);
gboolean kol_parameter_swap (KolParameter *one, KolParameter *other, GError **error);

/* gradient.c */
guint8 *kol_graph_mark_ancestors (KolValue *value);

/* plan.c */
KolPlan *kol_plan_new (KolGraph *graph, KolValue *const *targets, guint n, GError **error);
void kol_plan_free (KolPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KolPlan, kol_plan_free)
gboolean kol_plan_matches (const KolPlan *plan, KolValue *const *targets, guint n);
gboolean kol_plan_prepare (KolPlan *plan, GError **error);
KolBuffer *kol_plan_get_buffer (KolPlan *plan, int storage, GError **error);
void kol_slot_parts_free (GPtrArray *parts); /* of one slot */
/*
 * Gives back what runs have left for later ones: the slots, and packed forms of parameters. Runs
 * that come have what they need made again. It waits for those that are under way.
 */
gboolean kol_parameters_trim (KolParameters *parameters, GError **error);
int kol_plan_find_storage (const KolPlan *plan, KolValue *value);

GArray *kol_plan_steps_new (void);
void kol_plan_lay_out_memory (KolPlan *plan);
gboolean kol_plan_is_target (const KolPlan *plan, KolValue *root);
gboolean kol_plan_is_bias (const KolValue *value, const KolValue *output, const KolOp *op);

/* block.c */
void kol_plan_block (KolPlan *plan, GHashTable *uses);
gboolean kol_plan_rules_out_blocks (const KolPlan *plan, const KolNode *node);
gsize kol_plan_value_bytes (const KolPlan *plan, const KolValue *value);

/* pair.c */
void kol_plan_pair (KolPlan *plan, GHashTable *uses);

/* recompute.c */
void kol_plan_recompute (KolPlan *plan);
double kol_plan_repeated_share (const KolPlan *plan);

/* sink.c */
void kol_plan_sink (KolPlan *plan);

/* fuse.c */
void kol_plan_fuse (KolPlan *plan, GHashTable *uses);

/* fold.c */
void kol_made_node_free (gpointer node);
void kol_plan_fold (KolPlan *plan, GPtrArray *order, GHashTable *uses, gboolean measure);
KolNode *kol_plan_make_node (KolPlan *plan, const KolNode *like, KolValue *const *inputs, guint n);

/* choose.c */
const KolVariant *kol_choose_variant (KolGraph *graph, const KolNode *node, gboolean kept,
                                      gboolean measure, GError **error);

/* run.c */
gboolean kol_plan_launch_step (KolPlan *plan, KolStep *step, guint64 number, GError **error);
void kol_graph_forget_watched (KolGraph *graph);
/* Reads a parameter or a target of the last run without waiting: @values must stay until @event,
 * which is given, has completed. */
gboolean kol_read_late (KolValue *value, float *values, cl_event *event, GError **error);
/* How many steps are known to be good: those under way are not. */
guint64 kol_graph_get_good_step (const KolGraph *graph);

G_END_DECLS
