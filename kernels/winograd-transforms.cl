/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * The transforms of Winograd's convolution F(M x M, R x R) along one axis, of a vector at a time. Lavin
 * and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015.
 *
 * A tile of M x M outputs needs ALPHA x ALPHA inputs d, ALPHA = M + R - 1:
 *   y = A^T ((G w G^T) . (B^T d B)) A,
 * where . multiplies element by element: ALPHA^2 products instead of M^2 R^2. B, A and G come from
 * evaluating polynomials at 0, 1, -1, 2, -2 and infinity (ALPHA = 6), or 0, 1, -1 and infinity
 * (ALPHA = 4).
 *
 * Options: M, R.
 */

#define ALPHA (M + R - 1)
#define PLANES (ALPHA * ALPHA)

/* B^T a */
inline void
transform_input (const vec *a, vec *o)
{
#if ALPHA == 6
  vec even = a[4] - 4 * a[2], odd = a[3] - 4 * a[1];
  vec near = a[4] - a[2], far = 2 * (a[3] - a[1]);
  o[0] = fma ((vec) 4, a[0], fma ((vec) -5, a[2], a[4]));
  o[1] = even + odd;
  o[2] = even - odd;
  o[3] = near + far;
  o[4] = near - far;
  o[5] = fma ((vec) 4, a[1], fma ((vec) -5, a[3], a[5]));
#else
  o[0] = a[0] - a[2];
  o[1] = a[1] + a[2];
  o[2] = a[2] - a[1];
  o[3] = a[1] - a[3];
#endif
}

/* A^T m */
inline void
transform_output (const vec *m, vec *o)
{
#if ALPHA == 6
  vec p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
  o[0] = m[0] + p + r;
#if M == 4
  o[1] = fma ((vec) 2, s, q);
  o[2] = fma ((vec) 4, r, p);
  o[3] = fma ((vec) 8, s, q) + m[5];
#else
  o[1] = fma ((vec) 2, s, q) + m[5];
#endif
#else
  o[0] = m[0] + m[1] + m[2];
  o[1] = m[1] - m[2] - m[3];
#endif
}

/* A d */
inline void
transform_gradient (const vec *d, vec *o)
{
#if M == 4
  vec even = d[0] + d[2], odd = d[1] + d[3];
  vec far_even = fma ((vec) 4, d[2], d[0]), far_odd = fma ((vec) 8, d[3], 2 * d[1]);
  o[0] = d[0];
  o[1] = even + odd;
  o[2] = even - odd;
  o[3] = far_even + far_odd;
  o[4] = far_even - far_odd;
  o[5] = d[3];
#else
  o[0] = d[0];
  o[1] = d[0] + d[1];
  o[2] = d[0] - d[1];
#if ALPHA == 6
  o[3] = fma ((vec) 2, d[1], d[0]);
  o[4] = fma ((vec) -2, d[1], d[0]);
  o[5] = d[1];
#else
  o[3] = -d[1];
#endif
#endif
}

/* G w */
inline void
transform_weights (const vec *w, vec *o)
{
#if ALPHA == 6
#if R == 3
  vec even = w[0] + w[2], odd = w[1];
  vec far_even = fma ((vec) 4, w[2], w[0]), far_odd = 2 * w[1];
#else
  vec even = w[0] + w[2] + w[4], odd = w[1] + w[3];
  vec far_even = fma ((vec) 16, w[4], fma ((vec) 4, w[2], w[0]));
  vec far_odd = fma ((vec) 8, w[3], 2 * w[1]);
#endif
  o[0] = 0.25f * w[0];
  o[1] = (even + odd) * (-1.0f / 6);
  o[2] = (even - odd) * (-1.0f / 6);
  o[3] = (far_even + far_odd) * (1.0f / 24);
  o[4] = (far_even - far_odd) * (1.0f / 24);
  o[5] = w[R - 1];
#else
  vec even = 0.5f * (w[0] + w[2]), odd = 0.5f * w[1];
  o[0] = w[0];
  o[1] = even + odd;
  o[2] = even - odd;
  o[3] = w[2];
#endif
}

/* G^T m */
inline void
transform_sums (const vec *m, vec *o)
{
#if ALPHA == 6
  vec p = (m[1] + m[2]) * (-1.0f / 6), q = (m[1] - m[2]) * (-1.0f / 6);
  vec r = (m[3] + m[4]) * (1.0f / 24), s = (m[3] - m[4]) * (1.0f / 24);
  o[0] = fma ((vec) 0.25f, m[0], p + r);
  o[1] = fma ((vec) 2, s, q);
  o[2] = fma ((vec) 4, r, p);
#if R == 3
  o[2] += m[5];
#else
  o[3] = fma ((vec) 8, s, q);
  o[4] = fma ((vec) 16, r, p) + m[5];
#endif
#else
  vec p = 0.5f * (m[1] + m[2]);
  o[0] = m[0] + p;
  o[1] = 0.5f * (m[1] - m[2]);
  o[2] = p + m[3];
#endif
}
