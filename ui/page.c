/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* The frame of a page. */

#include "page.h"

#include <glib/gi18n.h>

#include "presence.h"

#define NATURAL_WIDTH 840

typedef struct {
  char *title, *subtitle, *caption, *icon_name;
  GtkWidget *actions; /* shown in the window's header */
  gboolean inspector_shown;
  GVariant *remedy_target;
  char *remedy_action;

  GtkInfoBar *bar;
  GtkLabel *fault;
  GtkButton *remedy;
  AdwFlap *flap;
  GtkScrolledWindow *scrolled;
  AdwClamp *clamp; /* in it, about the inspector */
  AdwBin *bin;
} KxPagePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (KxPage, kx_page, ADW_TYPE_BIN)

enum {
  PROP_TITLE = 1,
  PROP_SUBTITLE,
  PROP_CAPTION,
  PROP_ICON_NAME,
  PROP_ACTIONS,
  PROP_CONTENT,
  PROP_INSPECTOR,
  PROP_INSPECTOR_SHOWN,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static void
respond (KxPage *self, int response)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);
  g_autofree char *action = g_strdup (private->remedy_action);
  g_autoptr (GVariant) target
      = private->remedy_target ? g_variant_ref (private->remedy_target) : NULL;

  kx_page_clear_fault (self);
  if (response == GTK_RESPONSE_OK && action)
    gtk_widget_activate_action_variant (GTK_WIDGET (self), action, target);
}

static void
press_remedy (KxPage *self)
{
  respond (self, GTK_RESPONSE_OK);
}

static void
kx_page_dispose (GObject *object)
{
  KxPagePrivate *private = kx_page_get_instance_private (KX_PAGE (object));

  g_clear_object (&private->actions);
  G_OBJECT_CLASS (kx_page_parent_class)->dispose (object);
}

static void
kx_page_finalize (GObject *object)
{
  KxPagePrivate *private = kx_page_get_instance_private (KX_PAGE (object));

  g_free (private->title);
  g_free (private->subtitle);
  g_free (private->caption);
  g_free (private->icon_name);
  g_free (private->remedy_action);
  g_clear_pointer (&private->remedy_target, g_variant_unref);
  G_OBJECT_CLASS (kx_page_parent_class)->finalize (object);
}

static void
kx_page_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  KxPagePrivate *private = kx_page_get_instance_private (KX_PAGE (object));

  switch (id)
    {
    case PROP_TITLE:
      g_value_set_string (value, private->title);
      break;
    case PROP_SUBTITLE:
      g_value_set_string (value, private->subtitle);
      break;
    case PROP_CAPTION:
      g_value_set_string (value, private->caption);
      break;
    case PROP_ICON_NAME:
      g_value_set_string (value, private->icon_name);
      break;
    case PROP_ACTIONS:
      g_value_set_object (value, private->actions);
      break;
    case PROP_CONTENT:
      g_value_set_object (value, adw_bin_get_child (private->bin));
      break;
    case PROP_INSPECTOR:
      g_value_set_object (value, adw_clamp_get_child (private->clamp));
      break;
    case PROP_INSPECTOR_SHOWN:
      g_value_set_boolean (value, private->inspector_shown);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
set_text (KxPage *self, char **place, const char *text, guint prop)
{
  if (g_strcmp0 (*place, text) == 0)
    return;
  g_free (*place);
  *place = g_strdup (text);
  g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

static void
set_inspector (KxPage *self, GtkWidget *inspector)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  adw_clamp_set_child (private->clamp, inspector);
  adw_flap_set_locked (private->flap, inspector == NULL);
  adw_flap_set_reveal_flap (private->flap, inspector != NULL);
}

static void
kx_page_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  KxPage *self = KX_PAGE (object);
  KxPagePrivate *private = kx_page_get_instance_private (self);

  switch (id)
    {
    case PROP_TITLE:
      kx_page_set_title (self, g_value_get_string (value));
      break;
    case PROP_SUBTITLE:
      kx_page_set_subtitle (self, g_value_get_string (value));
      break;
    case PROP_CAPTION:
      kx_page_set_caption (self, g_value_get_string (value));
      break;
    case PROP_ICON_NAME:
      set_text (self, &private->icon_name, g_value_get_string (value), PROP_ICON_NAME);
      break;
    case PROP_ACTIONS:
      g_set_object (&private->actions, g_value_get_object (value));
      break;
    case PROP_CONTENT:
      adw_bin_set_child (private->bin, g_value_get_object (value));
      break;
    case PROP_INSPECTOR:
      set_inspector (self, g_value_get_object (value));
      break;
    case PROP_INSPECTOR_SHOWN:
      if (private->inspector_shown != g_value_get_boolean (value))
        {
          private->inspector_shown = g_value_get_boolean (value);
          g_object_notify_by_pspec (object, spec);
        }
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
kx_page_class_init (KxPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->dispose = kx_page_dispose;
  object_class->finalize = kx_page_finalize;
  object_class->get_property = kx_page_get_property;
  object_class->set_property = kx_page_set_property;
  props[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  props[PROP_SUBTITLE] = g_param_spec_string ("subtitle", NULL, NULL, NULL, flags);
  props[PROP_CAPTION] = g_param_spec_string ("caption", NULL, NULL, NULL, flags);
  props[PROP_ICON_NAME] = g_param_spec_string ("icon-name", NULL, NULL, NULL, flags);
  props[PROP_ACTIONS] = g_param_spec_object ("actions", NULL, NULL, GTK_TYPE_WIDGET, flags);
  props[PROP_CONTENT] = g_param_spec_object ("content", NULL, NULL, GTK_TYPE_WIDGET, flags);
  props[PROP_INSPECTOR] = g_param_spec_object ("inspector", NULL, NULL, GTK_TYPE_WIDGET, flags);
  props[PROP_INSPECTOR_SHOWN] = g_param_spec_boolean ("inspector-shown", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/kolinsky/Explorer/page.ui");
  gtk_widget_class_bind_template_child_private (widget_class, KxPage, bar);
  gtk_widget_class_bind_template_child_private (widget_class, KxPage, fault);
  gtk_widget_class_bind_template_child_private (widget_class, KxPage, remedy);
  gtk_widget_class_bind_template_child_private (widget_class, KxPage, flap);
  gtk_widget_class_bind_template_child_private (widget_class, KxPage, scrolled);
  gtk_widget_class_bind_template_child_private (widget_class, KxPage, clamp);
  gtk_widget_class_bind_template_child_private (widget_class, KxPage, bin);
  gtk_widget_class_bind_template_callback (widget_class, respond);
}

/* GtkInfoBar leaves in the accessibility tree what it does not reveal, and its button nameless. */
static void
name_bar (GtkInfoBar *bar)
{
  GtkWidget *revealer = gtk_widget_get_first_child (GTK_WIDGET (bar));
  GtkWidget *box = gtk_revealer_get_child (GTK_REVEALER (revealer));

  gtk_accessible_update_property (GTK_ACCESSIBLE (gtk_widget_get_last_child (box)),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Close the message"), -1);
  kx_presence_follow (box);
}

static GtkSizeRequestMode
get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

/* However long its texts are, the page asks for no more than leaves the sidebar its place. */
static void
measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
         int *minimum_baseline, int *natural_baseline)
{
  gtk_widget_measure (adw_bin_get_child (ADW_BIN (widget)), orientation, for_size, minimum, natural,
                      NULL, NULL);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    *natural = MAX (*minimum, MIN (*natural, NATURAL_WIDTH));
}

static void
allocate (GtkWidget *widget, int width, int height, int baseline)
{
  gtk_widget_allocate (adw_bin_get_child (ADW_BIN (widget)), width, height, baseline, NULL);
}

static void
kx_page_init (KxPage *self)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_widget_set_layout_manager (GTK_WIDGET (self),
                                 gtk_custom_layout_new (get_request_mode, measure, allocate));
  g_object_bind_property (self, "inspector-shown", private->flap, "reveal-flap",
                          G_BINDING_SYNC_CREATE | G_BINDING_BIDIRECTIONAL);
  g_signal_connect_swapped (private->remedy, "clicked", G_CALLBACK (press_remedy), self);
  set_inspector (self, NULL);
  kx_presence_follow (GTK_WIDGET (self));
  name_bar (private->bar);
  kx_presence_follow (GTK_WIDGET (private->scrolled));
}

/**
 * kx_page_show_fault:
 * @page: a page
 * @text: what went wrong, a sentence
 * @remedy: (nullable): a button's label
 * @action: (nullable): what the button does: a detailed name's action
 * @target: (nullable): for @action; floating references are taken
 *
 * Says above the content what went wrong, and offers a way out.
 */
void
kx_page_show_fault (KxPage *self, const char *text, const char *remedy, const char *action,
                    GVariant *target)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  gtk_label_set_label (private->fault, text);
  g_free (private->remedy_action);
  private->remedy_action = g_strdup (action);
  g_clear_pointer (&private->remedy_target, g_variant_unref);
  private->remedy_target = target ? g_variant_ref_sink (target) : NULL;
  gtk_widget_set_visible (GTK_WIDGET (private->remedy), remedy != NULL);
  if (remedy)
    gtk_button_set_label (private->remedy, remedy);
  gtk_info_bar_set_revealed (private->bar, TRUE);
}

void
kx_page_clear_fault (KxPage *self)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  gtk_info_bar_set_revealed (private->bar, FALSE);
}

/**
 * kx_page_get_fault:
 * @page: a page
 *
 * Returns: (nullable) (transfer none): what is said above the content
 */
const char *
kx_page_get_fault (KxPage *self)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  return gtk_info_bar_get_revealed (private->bar) ? gtk_label_get_label (private->fault) : NULL;
}

void
kx_page_set_title (KxPage *self, const char *title)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  set_text (self, &private->title, title, PROP_TITLE);
}

const char *
kx_page_get_subtitle (KxPage *self)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  return private->subtitle;
}

void
kx_page_set_subtitle (KxPage *self, const char *subtitle)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  set_text (self, &private->subtitle, subtitle, PROP_SUBTITLE);
}

/**
 * kx_page_set_caption:
 * @page: a page
 * @caption: what the sidebar says below its title: "step 4,210 · 98.1 %"
 */
void
kx_page_set_caption (KxPage *self, const char *caption)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  set_text (self, &private->caption, caption, PROP_CAPTION);
}

GtkWidget *
kx_page_get_actions (KxPage *self)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  return private->actions;
}

gboolean
kx_page_has_inspector (KxPage *self)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  return adw_clamp_get_child (private->clamp) != NULL;
}

/**
 * kx_page_is_folded:
 * @page: a page
 *
 * Returns: whether it is so narrow that its inspector lies over it, and is only shown for a moment
 */
gboolean
kx_page_is_folded (KxPage *self)
{
  KxPagePrivate *private = kx_page_get_instance_private (self);

  return adw_flap_get_folded (private->flap);
}

void
kx_page_attach (KxPage *self, KxSession *session)
{
  if (KX_PAGE_GET_CLASS (self)->attach)
    KX_PAGE_GET_CLASS (self)->attach (self, session);
}

void
kx_page_opened (KxPage *self)
{
  if (KX_PAGE_GET_CLASS (self)->opened)
    KX_PAGE_GET_CLASS (self)->opened (self);
}

/**
 * kx_page_drop:
 * @page: a page
 * @files: of #GFile
 *
 * Returns: whether the page took them
 */
gboolean
kx_page_drop (KxPage *self, GListModel *files)
{
  return KX_PAGE_GET_CLASS (self)->drop && KX_PAGE_GET_CLASS (self)->drop (self, files);
}

const char *
kx_page_get_verb (KxPage *self, GListModel *files)
{
  return KX_PAGE_GET_CLASS (self)->verb ? KX_PAGE_GET_CLASS (self)->verb (self, files) : NULL;
}

gboolean
kx_page_picture (KxPage *self, GdkTexture *picture)
{
  return KX_PAGE_GET_CLASS (self)->picture && KX_PAGE_GET_CLASS (self)->picture (self, picture);
}

gboolean
kx_page_paste (KxPage *self, GdkClipboard *clipboard)
{
  return KX_PAGE_GET_CLASS (self)->paste && KX_PAGE_GET_CLASS (self)->paste (self, clipboard);
}

/* Whether the page has what a global key stands for, and has it do that. */
#define DELEGATE(name)                                                                             \
  gboolean kx_page_can_##name (KxPage *self) { return KX_PAGE_GET_CLASS (self)->name != NULL; }    \
  void kx_page_##name (KxPage *self) { KX_PAGE_GET_CLASS (self)->name (self); }

DELEGATE (save)
DELEGATE (export)
DELEGATE (find)
