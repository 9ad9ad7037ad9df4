/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Pictures between the engine and GTK, and what is to be painted. */

#include "deep-picture.h"
#include "paint.h"
#include "shrunk.h"

#include <math.h>

#define SAMPLES "resource:///org/kolinsky/Explorer/samples/"

/* A colour for each place. */
static KolPicture *
make_picture (gsize channels, gsize height, gsize width)
{
  KolPicture *picture = g_new (KolPicture, 1);
  gsize n = channels * height * width;

  *picture = (KolPicture){ channels, height, width, g_malloc (n) };
  for (gsize i = 0; i < n; i++)
    picture->pixels[i] = (guint8) (i * 37 % 251);
  return picture;
}

static void
test_there_and_back (void)
{
  g_autoptr (KolPicture) picture = make_picture (3, 5, 7);
  g_autoptr (GdkTexture) texture = kx_texture_from_picture (picture, 0);
  g_autoptr (KolPicture) again = kx_picture_from_texture (texture);

  g_assert_cmpint (gdk_texture_get_width (texture), ==, 7);
  g_assert_cmpint (gdk_texture_get_height (texture), ==, 5);
  g_assert_cmpmem (again->pixels, 3 * 5 * 7, picture->pixels, 3 * 5 * 7);
}

static void
test_grey (void)
{
  g_autoptr (KolPicture) picture = make_picture (1, 4, 4);
  g_autoptr (GdkTexture) texture = kx_texture_from_picture (picture, 0);
  g_autoptr (KolPicture) again = kx_picture_from_texture (texture);

  for (gsize c = 0; c < 3; c++)
    g_assert_cmpmem (again->pixels + 16 * c, 16, picture->pixels, 16);
}

static void
test_transparent (void)
{
  static const guint8 clear[4] = { 0, 0, 0, 0 };
  g_autoptr (GBytes) bytes = g_bytes_new_static (clear, sizeof clear);
  g_autoptr (GdkTexture) texture
      = gdk_memory_texture_new (1, 1, GDK_MEMORY_R8G8B8A8_PREMULTIPLIED, bytes, 4);
  g_autoptr (KolPicture) picture = kx_picture_from_texture (texture);

  for (guint c = 0; c < 3; c++)
    g_assert_cmpint (picture->pixels[c], ==, 255);
}

static void
test_fit (void)
{
  g_autoptr (KolPicture) picture = make_picture (3, 30, 40);
  g_autoptr (KolPicture) smaller = kx_picture_fit (picture, 20);
  g_autoptr (KolPicture) same = kx_picture_fit (picture, 100);

  g_assert_cmpuint (smaller->width, ==, 20);
  g_assert_cmpuint (smaller->height, ==, 15);
  g_assert_cmpuint (same->width, ==, 40);
}

static void
test_samples (void)
{
  static const char *const names[] = { "hills.png", "strokes.png", "mosaic.png" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *place = g_strconcat (SAMPLES, names[i], NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (KxPaintPicture) picture = kx_paint_picture_load (place, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (picture->name, ==, names[i]);
      g_assert_cmpint (gdk_texture_get_width (picture->thumbnail), <=, KX_THUMBNAIL);
    }
}

/* A command can name a sample: as a file that is the same picture. */
static void
test_sample_as_file (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KxPaintPicture) sample = kx_paint_picture_load (SAMPLES "hills.png", &error);

  g_assert_no_error (error);
  g_assert_null (kx_paint_picture_get_path (sample));
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *path = kx_paint_picture_give_path (sample);
      g_assert_true (g_path_is_absolute (path));
      g_autoptr (KxPaintPicture) file = kx_paint_picture_load (path, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (file->name, ==, "hills.png");
      g_assert_cmpstr (kx_paint_picture_get_path (file), ==, path);
      gsize n = 3 * sample->picture->width * sample->picture->height;
      g_assert_cmpmem (file->picture->pixels, n, sample->picture->pixels, n);
      if (i == 0)
        g_assert_true (g_file_set_contents (path, "damaged", -1, NULL));
    }
}

/* What lies on the disk is the same picture, and no file is left that somebody could find. */
static void
test_put_away (void)
{
  g_autoptr (KolPicture) picture = make_picture (3, 40, 30);
  KxPaintPicture *away = kx_paint_picture_new ("a", NULL, make_picture (3, 40, 30));
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "kolinsky", NULL);
  g_autoptr (GDir) dir = NULL;
  const char *name;

  kx_paint_picture_put_away (away);
  g_assert_nonnull (away->file);
  g_assert_cmpmem (away->picture->pixels, 3 * 40 * 30, picture->pixels, 3 * 40 * 30);
  dir = g_dir_open (folder, 0, NULL);
  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    g_assert_false (g_str_has_prefix (name, "moment-"));
  kx_paint_picture_unref (away);
}

/* What is drawn of a picture at a size. */
static GdkTexture *
draw (KxShrunk *shrunk, float width, float height)
{
  GtkSnapshot *snapshot = gtk_snapshot_new ();

  kx_shrunk_draw (shrunk, snapshot, &GRAPHENE_RECT_INIT (0, 0, width, height));
  g_autoptr (GskRenderNode) node = gtk_snapshot_free_to_node (snapshot);
  g_assert_cmpint (gsk_render_node_get_node_type (node), ==, GSK_TEXTURE_NODE);
  return g_object_ref (gsk_texture_node_get_texture (node));
}

static void
note (gboolean *noted)
{
  *noted = TRUE;
}

/* Much smaller it is shrunk on a thread, and what is small already stands for it until then. */
static void
test_shrunk (void)
{
  g_autoptr (KolPicture) picture = make_picture (3, 300, 400);
  g_autoptr (KolPicture) smaller = kol_picture_resize (picture, 100, 75, KOL_BILINEAR, NULL);
  g_autoptr (GdkTexture) texture = kx_texture_from_picture (picture, 0);
  g_autoptr (GdkTexture) first = kx_texture_from_picture (picture, 40);
  g_autoptr (KxShrunk) shrunk = kx_shrunk_new (texture, first);
  gboolean drawn_again = FALSE;

  g_signal_connect_swapped (shrunk, "invalidate-contents", G_CALLBACK (note), &drawn_again);
  kx_shrunk_set_density (shrunk, 2);
  g_autoptr (GdkTexture) large = draw (shrunk, 180, 135);
  g_assert_true (large == texture);
  g_autoptr (GdkTexture) before = draw (shrunk, 50, 37.5f);
  g_assert_true (before == first);
  while (!drawn_again)
    g_main_context_iteration (NULL, TRUE);
  g_autoptr (GdkTexture) after = draw (shrunk, 50, 37.5f);
  g_autoptr (KolPicture) seen = kx_picture_from_texture (after);
  g_assert_cmpuint (seen->width, ==, 100);
  g_assert_cmpmem (seen->pixels, 3 * 75 * seen->width, smaller->pixels, 3 * 75 * 100);
}

/* Slow changes from place to place, as a photo has. */
static KolPicture *
make_waves (gsize height, gsize width)
{
  KolPicture *picture = make_picture (3, height, width);

  for (gsize i = 0; i < 3 * height * width; i++)
    picture->pixels[i] = (guint8) (128
                                   + 100 * sin ((double) (i % width) / (9 + 3.0 * (i % 2)))
                                         * cos ((double) (i / width) / 11));
  return picture;
}

#define SIGHT 200 /* pixels of a square's side */

/* What is in sight of the middle of a picture at a scale, as the renderer without a GPU draws it.
 */
static KolPicture *
render (KxDeepPicture *deep, double scale)
{
  const graphene_rect_t sight = GRAPHENE_RECT_INIT (0, 0, SIGHT, SIGHT);
  double width = 1800 * scale, height = 1500 * scale;
  const graphene_rect_t place = GRAPHENE_RECT_INIT (
      (float) ((SIGHT - width) / 2), (float) ((SIGHT - height) / 2), (float) width, (float) height);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  KolPicture *seen = g_new (KolPicture, 1);

  kx_deep_picture_draw (deep, snapshot, &place, &sight, 1);
  g_autoptr (GskRenderNode) node = gtk_snapshot_free_to_node (snapshot);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, SIGHT, SIGHT);
  cairo_t *cr = cairo_create (surface);
  gsk_render_node_draw (node, cr);
  cairo_surface_flush (surface);
  *seen = (KolPicture){ 3, SIGHT, SIGHT, g_malloc (3 * SIGHT * SIGHT) };
  for (gsize i = 0; i < SIGHT * SIGHT; i++)
    for (gsize c = 0; c < 3; c++)
      seen->pixels[c * SIGHT * SIGHT + i]
          = (guint8) (((guint32 *) cairo_image_surface_get_data (surface))[i] >> (16 - 8 * c));
  cairo_destroy (cr);
  cairo_surface_destroy (surface);
  return seen;
}

/* How far what is seen is from the picture shrunk to that scale, in levels of 255, on average. */
static double
differ (const KolPicture *seen, const KolPicture *scaled)
{
  gsize left = (scaled->width - SIGHT) / 2, top = (scaled->height - SIGHT) / 2;
  double sum = 0;

  for (gsize c = 0; c < 3; c++)
    for (gsize y = 0; y < SIGHT; y++)
      for (gsize x = 0; x < SIGHT; x++)
        sum += ABS (seen->pixels[(c * SIGHT + y) * SIGHT + x]
                    - scaled->pixels[(c * scaled->height + top + y) * scaled->width + left + x]);
  return sum / (3 * SIGHT * SIGHT);
}

/* A large picture between a screen's size and its own is shrunk on a thread, as well as all of it
 * would be; until then there is less of it. At its own size nothing is lost. */
static void
test_deep (void)
{
  g_autoptr (KxPaintPicture) picture = kx_paint_picture_new ("a", NULL, make_waves (1500, 1800));
  g_autoptr (KxDeepPicture) deep = kx_deep_picture_new_for_picture (picture);
  g_autoptr (KolPicture) scaled
      = kol_picture_resize (picture->picture, 1296, 1080, KOL_BILINEAR, NULL);
  gboolean drawn_again = FALSE;

  g_signal_connect_swapped (deep, "invalidate-contents", G_CALLBACK (note), &drawn_again);
  g_autoptr (KolPicture) at_once = render (deep, 0.72);
  while (!drawn_again)
    g_main_context_iteration (NULL, TRUE);
  g_autoptr (KolPicture) soon = render (deep, 0.72);
  g_autoptr (KolPicture) whole = render (deep, 1);
  double first = differ (at_once, scaled), second = differ (soon, scaled);
  g_test_message ("%.2f at once, %.2f soon, %.2f at its size", first, second,
                  differ (whole, picture->picture));
  g_assert_cmpfloat (first, <, 20);
  g_assert_cmpfloat (second, <, 1);
  g_assert_cmpfloat (second, <, first / 2);
  g_assert_cmpfloat (differ (whole, picture->picture), ==, 0);
}

static void
test_no_picture (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (kx_paint_picture_load ("/nowhere/at-all.png", &error));
  g_assert_nonnull (error);
}

/* Weights may change while it is painted; all else is another task. */
static void
test_same_task (void)
{
  g_autoptr (KxPaintPicture) content = kx_paint_picture_new ("a", "a", make_picture (3, 8, 8));
  g_autoptr (KxPaintPicture) style = kx_paint_picture_new ("b", "b", make_picture (3, 8, 8));
  g_autoptr (KxPaint) paint = kx_paint_new ("network", content);

  KxMask *masks[KX_N_MASKS] = { NULL };

  kx_paint_add_style (paint, style, 1, masks);
  kx_paint_add_layer (paint, "relu1_1", 2);
  g_autoptr (KxPaint) copy = kx_paint_copy (paint);
  g_assert_true (kx_paint_is_same_task (paint, copy));
  copy->style_weight = 7;
  ((KxPaintStyle *) g_ptr_array_index (copy->styles, 0))->weight = 0.5;
  g_assert_true (kx_paint_is_same_task (paint, copy));
  copy->size = 724;
  g_assert_false (kx_paint_is_same_task (paint, copy));
  copy->size = paint->size;
  g_autoptr (KxMask) mask = kx_mask_new (make_picture (1, 8, 8));
  KxPaintStyle *first = g_ptr_array_index (copy->styles, 0);
  first->masks[KX_MASK_PART] = kx_mask_ref (mask);
  g_assert_false (kx_paint_is_same_task (paint, copy));
  g_autoptr (KxPaint) masked = kx_paint_copy (copy);
  g_assert_true (kx_paint_is_same_task (copy, masked)); /* masks are shared, not copied */
  g_clear_pointer (&first->masks[KX_MASK_PART], kx_mask_unref);
  kx_paint_add_style (copy, content, 1, masks);
  g_assert_false (kx_paint_is_same_task (paint, copy));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  gtk_init_check (); /* nothing is shown */
  g_test_add_func ("/paint/picture/there-and-back", test_there_and_back);
  g_test_add_func ("/paint/picture/grey", test_grey);
  g_test_add_func ("/paint/picture/transparent", test_transparent);
  g_test_add_func ("/paint/picture/fit", test_fit);
  g_test_add_func ("/paint/picture/samples", test_samples);
  g_test_add_func ("/paint/picture/sample-as-file", test_sample_as_file);
  g_test_add_func ("/paint/picture/no-picture", test_no_picture);
  g_test_add_func ("/paint/picture/put-away", test_put_away);
  g_test_add_func ("/paint/picture/shrunk", test_shrunk);
  g_test_add_func ("/paint/picture/deep", test_deep);
  g_test_add_func ("/paint/same-task", test_same_task);
  return g_test_run ();
}
