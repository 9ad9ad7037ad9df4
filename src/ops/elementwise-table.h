/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */
/* clang-format off: a line each */

/*
 * The elementwise functions, an entry each. elementwise.c includes this file
 * several times, with KOL_ELEMENTWISE meaning something else each time; an entry
 * becomes OpenCL C, the C reference, the gradient, the cases and the operation.
 *
 *   KOL_ELEMENTWISE (name, operands, numbers, y, range of a, range of b,
 *                    gradient to a, gradient to b)
 *
 * operands  1: a function of a; 2: of a and b, which broadcast
 * numbers   the function's numbers p and q in its cases, both or neither: NUMBERS ()
 * y         valid OpenCL C where T is a vector or float, and valid C where T is
 *           double: write (T) 0, and join conditions with |, & rather than ||, &&.
 *           A NaN operand must give NaN: think of what a comparison with it does.
 *           Constants that are no whole numbers end in f: devices may lack double
 * range     how the cases fill an operand, see RANGE_ in elementwise.c; FIXED_: there
 *           is no gradient to it
 * gradient  the nodes, in terms of dy, y, a, b, p, q; NULL: none. What can use y
 *           rather than a does: then a need not be kept, and a convolution may
 *           compute the function in its own launch
 */

KOL_ELEMENTWISE (add, 2, NUMBERS (), a + b, ANY, ANY, dy, dy)
KOL_ELEMENTWISE (subtract, 2, NUMBERS (), a - b, ANY, ANY, dy, kol_negate (dy))
KOL_ELEMENTWISE (multiply, 2, NUMBERS (), a *b, ANY, ANY, kol_multiply (dy, b),
                 kol_multiply (dy, a))
KOL_ELEMENTWISE (divide, 2, NUMBERS (), a / b, ANY, POSITIVE, kol_divide (dy, b),
                 kol_negate (kol_divide (kol_multiply (dy, y), b)))
/* d a^b / da = b a^(b - 1), 0 where b = 0; d a^b / db = a^b ln a, 0 where a = 0. */
KOL_ELEMENTWISE (
    pow, 2, NUMBERS (), pow (a, b), POSITIVE, ANY,
    kol_multiply (dy, kol_keep_where (kol_multiply (b, kol_pow (a, kol_scale (b, 1, -1))), b)),
    kol_multiply (dy, kol_keep_where (kol_multiply (y, kol_log (a)), a)))
KOL_ELEMENTWISE (maximum, 2, NUMBERS (), ((b > a) | (b != b)) ? b : a, NONZERO, SMALL,
                 kol_drop_where (dy, kol_greater (b, a)), kol_keep_where (dy, kol_greater (b, a)))
KOL_ELEMENTWISE (minimum, 2, NUMBERS (), ((b < a) | (b != b)) ? b : a, NONZERO, SMALL,
                 kol_drop_where (dy, kol_greater (a, b)), kol_keep_where (dy, kol_greater (a, b)))

/* The remainder with the sign of a, as C's fmod; and with the sign of b, where a / b is rounded
 * down. */
KOL_ELEMENTWISE (fmod, 2, NUMBERS (), fmod (a, b), ANY, POSITIVE, dy,
                 modulo_gradient_b (dy, y, a, b))
KOL_ELEMENTWISE (modulo, 2, NUMBERS (),
                 ((fmod (a, b) != (T) 0) & ((fmod (a, b) < (T) 0) != (b < (T) 0))) ? fmod (a, b) + b
                                                                                   : fmod (a, b),
                 ANY, POSITIVE, dy, modulo_gradient_b (dy, y, a, b))
KOL_ELEMENTWISE (prelu, 2, NUMBERS (), a < (T) 0 ? b * a : a, NONZERO, ANY,
                 kol_multiply (dy, prelu_slope (a, b)), keep_negative (kol_multiply (dy, a), a))
/* From logits a to probabilities b, exact where sigmoid (a) is as good as 0 or 1. */
KOL_ELEMENTWISE (sigmoid_cross_entropy, 2, NUMBERS (),
                 (a > (T) 0 ? a * ((T) 1 - b) : -a * b) + log1p (exp (-fabs (a))), WIDE, ANY,
                 kol_multiply (dy, kol_subtract (kol_sigmoid (a), b)),
                 kol_negate (kol_multiply (dy, a)))

/* Comparisons and conditions, 1 or 0. As a condition, all but 0 is true, NaN, too. */
KOL_ELEMENTWISE (equal, 2, NUMBERS (), a == b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE, NULL, NULL)
KOL_ELEMENTWISE (not_equal, 2, NUMBERS (), a != b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE, NULL,
                 NULL)
KOL_ELEMENTWISE (greater, 2, NUMBERS (), a > b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE, NULL,
                 NULL)
KOL_ELEMENTWISE (greater_equal, 2, NUMBERS (), a >= b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE,
                 NULL, NULL)
KOL_ELEMENTWISE (less, 2, NUMBERS (), a < b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE, NULL, NULL)
KOL_ELEMENTWISE (less_equal, 2, NUMBERS (), a <= b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE, NULL,
                 NULL)
KOL_ELEMENTWISE (and, 2, NUMBERS (), ((a != (T) 0) & (b != (T) 0)) ? (T) 1 : (T) 0, FIXED_WHOLE,
                 FIXED_WHOLE, NULL, NULL)
KOL_ELEMENTWISE (or, 2, NUMBERS (), ((a != (T) 0) | (b != (T) 0)) ? (T) 1 : (T) 0, FIXED_WHOLE,
                 FIXED_WHOLE, NULL, NULL)
KOL_ELEMENTWISE (xor, 2, NUMBERS (), ((a != (T) 0) != (b != (T) 0)) ? (T) 1 : (T) 0, FIXED_WHOLE,
                 FIXED_WHOLE, NULL, NULL)
KOL_ELEMENTWISE (not, 1, NUMBERS (), a == (T) 0 ? (T) 1 : (T) 0, FIXED_WHOLE, NONE, NULL, NULL)
KOL_ELEMENTWISE (is_nan, 1, NUMBERS (), a != a ? (T) 1 : (T) 0, FIXED_WHOLE, NONE, NULL, NULL)

KOL_ELEMENTWISE (negate, 1, NUMBERS (), -a, ANY, NONE, kol_negate (dy), NULL)
KOL_ELEMENTWISE (square, 1, NUMBERS (), a *a, ANY, NONE, square_gradient (dy, a), NULL)
KOL_ELEMENTWISE (sqrt, 1, NUMBERS (), sqrt (a), POSITIVE, NONE,
                 kol_divide (kol_scale (dy, 0.5f, 0), y), NULL)
KOL_ELEMENTWISE (exp, 1, NUMBERS (), exp (a), ANY, NONE, kol_multiply (dy, y), NULL)
KOL_ELEMENTWISE (log, 1, NUMBERS (), log (a), POSITIVE, NONE, kol_divide (dy, a), NULL)
KOL_ELEMENTWISE (relu, 1, NUMBERS (), a < (T) 0 ? (T) 0 : a, NONZERO, NONE,
                 gradient_of_relu (dy, y), NULL)
KOL_ELEMENTWISE (sigmoid, 1, NUMBERS (), (T) 1 / ((T) 1 + exp (-a)), ANY, NONE,
                 sigmoid_gradient (dy, y), NULL)
KOL_ELEMENTWISE (tanh, 1, NUMBERS (), tanh (a), ANY, NONE, tanh_gradient (dy, y), NULL)
KOL_ELEMENTWISE (clip, 1, NUMBERS (0.5f, 1.5f), a < (T) p ? (T) p : (a > (T) q ? (T) q : a), WHOLE,
                 NONE, clip_gradient (dy, a, p, q), NULL)
KOL_ELEMENTWISE (scale, 1, NUMBERS (-1.5f, 0.25f), (T) p *a + (T) q, ANY, NONE,
                 kol_scale (dy, p, 0), NULL)

/* Activations. Where the gradient is the function's own slope times dy, it is an entry of its own
 * below. */
KOL_ELEMENTWISE (leaky_relu, 1, NUMBERS (0.125f, 0), a < (T) 0 ? (T) p * a : a, NONZERO, NONE,
                 leaky_relu_gradient (dy, p < 0 ? a : y, p), NULL)
KOL_ELEMENTWISE (elu, 1, NUMBERS (0.75f, 0), a < (T) 0 ? (T) p * expm1 (a) : a, NONZERO, NONE,
                 elu_gradient (dy, a, p), NULL)
KOL_ELEMENTWISE (selu, 1, NUMBERS (), a < (T) 0 ? (T) 1.75809934f * expm1 (a) : (T) 1.05070099f * a,
                 NONZERO, NONE, selu_gradient (dy, y), NULL)
KOL_ELEMENTWISE (gelu, 1, NUMBERS (), (T) 0.5f * a * ((T) 1 + erf (a * (T) 0.707106781f)), WIDE,
                 NONE, gelu_gradient (dy, a), NULL)
/* a / 2 (1 + tanh u) = a / (1 + e^-2u), u = (2 / pi)^(1/2) (a + 0.044715 a^3). */
KOL_ELEMENTWISE (gelu_tanh, 1, NUMBERS (),
                 a / ((T) 1 + exp (a * ((T) -1.59576912f - (T) 0.0713548163f * a * a))), WIDE, NONE,
                 gelu_tanh_gradient (dy, a), NULL)
KOL_ELEMENTWISE (silu, 1, NUMBERS (), a / ((T) 1 + exp (-a)), WIDE, NONE, silu_gradient (dy, a),
                 NULL)
KOL_ELEMENTWISE (hard_swish, 1, NUMBERS (),
                 a <= (T) -3 ? (T) 0 : (a >= (T) 3 ? a : a * (a + (T) 3) / (T) 6), WIDE, NONE,
                 hard_swish_gradient (dy, a), NULL)
KOL_ELEMENTWISE (hard_sigmoid, 1, NUMBERS (0.2f, 0.5f),
                 (T) p *a + (T) q < (T) 0 ? (T) 0
                                          : ((T) p * a + (T) q > (T) 1 ? (T) 1 : (T) p * a + (T) q),
                 WIDE, NONE, hard_sigmoid_gradient (dy, y, p), NULL)
/* ln (1 + e^a), where e^a does not overflow. */
KOL_ELEMENTWISE (softplus, 1, NUMBERS (), fmax (a, (T) 0) + log1p (exp (-fabs (a))), WIDE, NONE,
                 softplus_gradient (dy, y), NULL)
KOL_ELEMENTWISE (softsign, 1, NUMBERS (), a / ((T) 1 + fabs (a)), NONZERO, NONE,
                 softsign_gradient (dy, y), NULL)

KOL_ELEMENTWISE (abs, 1, NUMBERS (), fabs (a), NONZERO, NONE, kol_multiply (dy, kol_sign (a)), NULL)
KOL_ELEMENTWISE (sign, 1, NUMBERS (), a > (T) 0 ? (T) 1 : (a < (T) 0 ? (T) -1 : a), FIXED_WIDE,
                 NONE, NULL, NULL)
KOL_ELEMENTWISE (floor, 1, NUMBERS (), floor (a), FIXED_WIDE, NONE, NULL, NULL)
KOL_ELEMENTWISE (ceil, 1, NUMBERS (), ceil (a), FIXED_WIDE, NONE, NULL, NULL)
KOL_ELEMENTWISE (round, 1, NUMBERS (), rint (a), FIXED_WIDE, NONE, NULL, NULL)
KOL_ELEMENTWISE (reciprocal, 1, NUMBERS (), (T) 1 / a, POSITIVE, NONE,
                 kol_negate (kol_multiply (dy, kol_square (y))), NULL)
KOL_ELEMENTWISE (rsqrt, 1, NUMBERS (), (T) 1 / sqrt (a), POSITIVE, NONE,
                 kol_multiply (kol_scale (dy, -0.5f, 0), kol_multiply (y, kol_square (y))), NULL)
KOL_ELEMENTWISE (expm1, 1, NUMBERS (), expm1 (a), ANY, NONE, kol_multiply (dy, kol_scale (y, 1, 1)),
                 NULL)
KOL_ELEMENTWISE (log1p, 1, NUMBERS (), log1p (a), INNER, NONE, kol_divide (dy, kol_scale (a, 1, 1)),
                 NULL)
/* The slope of erf is 2 / pi^(1/2) e^(-a^2). */
KOL_ELEMENTWISE (erf, 1, NUMBERS (), erf (a), WIDE, NONE,
                 kol_multiply (kol_scale (dy, 1.12837917f, 0),
                               kol_exp (kol_negate (kol_square (a)))),
                 NULL)

KOL_ELEMENTWISE (sin, 1, NUMBERS (), sin (a), WIDE, NONE, kol_multiply (dy, kol_cos (a)), NULL)
KOL_ELEMENTWISE (cos, 1, NUMBERS (), cos (a), WIDE, NONE,
                 kol_negate (kol_multiply (dy, kol_sin (a))), NULL)
KOL_ELEMENTWISE (tan, 1, NUMBERS (), tan (a), ANY, NONE,
                 kol_multiply (dy, kol_scale (kol_square (y), 1, 1)), NULL)
KOL_ELEMENTWISE (asin, 1, NUMBERS (), asin (a), INNER, NONE,
                 kol_multiply (dy, kol_rsqrt (one_minus_square (a))), NULL)
KOL_ELEMENTWISE (acos, 1, NUMBERS (), acos (a), INNER, NONE,
                 kol_negate (kol_multiply (dy, kol_rsqrt (one_minus_square (a)))), NULL)
KOL_ELEMENTWISE (atan, 1, NUMBERS (), atan (a), WIDE, NONE,
                 kol_divide (dy, kol_scale (kol_square (a), 1, 1)), NULL)
KOL_ELEMENTWISE (sinh, 1, NUMBERS (), sinh (a), ANY, NONE, kol_multiply (dy, kol_cosh (a)), NULL)
KOL_ELEMENTWISE (cosh, 1, NUMBERS (), cosh (a), ANY, NONE, kol_multiply (dy, kol_sinh (a)), NULL)
KOL_ELEMENTWISE (asinh, 1, NUMBERS (), asinh (a), WIDE, NONE,
                 kol_multiply (dy, kol_rsqrt (kol_scale (kol_square (a), 1, 1))), NULL)
KOL_ELEMENTWISE (acosh, 1, NUMBERS (), acosh (a), ABOVE_ONE, NONE,
                 kol_multiply (dy, kol_rsqrt (kol_scale (kol_square (a), 1, -1))), NULL)
KOL_ELEMENTWISE (atanh, 1, NUMBERS (), atanh (a), INNER, NONE,
                 kol_divide (dy, one_minus_square (a)), NULL)

/* What gradients are made of: a is the gradient of an output. */
KOL_ELEMENTWISE (keep_where, 2, NUMBERS (), b == (T) 0 ? (T) 0 : a, ANY, FIXED_WHOLE,
                 kol_keep_where (dy, b), NULL)
KOL_ELEMENTWISE (drop_where, 2, NUMBERS (), b == (T) 0 ? a : (T) 0, ANY, FIXED_WHOLE,
                 kol_drop_where (dy, b), NULL)
KOL_ELEMENTWISE (square_gradient, 2, NUMBERS (), (T) 2 * a * b, ANY, ANY, square_gradient (dy, b),
                 square_gradient (dy, a))
KOL_ELEMENTWISE (relu_gradient, 2, NUMBERS (), b <= (T) 0 ? (T) 0 : a, ANY, FIXED_NONZERO,
                 relu_gradient (dy, b), NULL)
KOL_ELEMENTWISE (sigmoid_gradient, 2, NUMBERS (), a *b *((T) 1 - b), ANY, ANY,
                 sigmoid_gradient (dy, b),
                 kol_multiply (kol_multiply (dy, a), kol_scale (b, -2, 1)))
KOL_ELEMENTWISE (tanh_gradient, 2, NUMBERS (), a *((T) 1 - b * b), ANY, ANY, tanh_gradient (dy, b),
                 kol_scale (kol_multiply (kol_multiply (dy, a), b), -2, 0))
KOL_ELEMENTWISE (clip_gradient, 2, NUMBERS (0.5f, 1.5f), ((b >= (T) p) & (b <= (T) q)) ? a : (T) 0,
                 ANY, FIXED_WHOLE, clip_gradient (dy, b, p, q), NULL)
KOL_ELEMENTWISE (keep_negative, 2, NUMBERS (), b < (T) 0 ? a : (T) 0, ANY, FIXED_NONZERO,
                 keep_negative (dy, b), NULL)
KOL_ELEMENTWISE (leaky_relu_gradient, 2, NUMBERS (0.125f, 0), b <= (T) 0 ? (T) p * a : a, ANY,
                 FIXED_NONZERO, leaky_relu_gradient (dy, b, p), NULL)
/* The slope of prelu: a is its argument, b its slope for negative ones. */
KOL_ELEMENTWISE (prelu_slope, 2, NUMBERS (), a > (T) 0 ? (T) 1 : b, FIXED_NONZERO, ANY, NULL,
                 kol_drop_where (dy, kol_greater (a, zero_of (a))))
KOL_ELEMENTWISE (elu_gradient, 2, NUMBERS (0.75f, 0), b <= (T) 0 ? (T) p * a * exp (b) : a, ANY,
                 NONZERO, elu_gradient (dy, b, p),
                 keep_negative (elu_gradient (kol_multiply (dy, a), b, p), b))
KOL_ELEMENTWISE (selu_gradient, 2, NUMBERS (),
                 b <= (T) 0 ? a * (b + (T) 1.75809934f) : (T) 1.05070099f * a, ANY, NONZERO,
                 selu_gradient (dy, b), keep_negative (kol_multiply (dy, a), b))
KOL_ELEMENTWISE (gelu_gradient, 2, NUMBERS (),
                 a *((T) 0.5f + (T) 0.5f * erf (b * (T) 0.707106781f)
                     + b * (T) 0.39894228f * exp ((T) -0.5f * b * b)),
                 ANY, WIDE, gelu_gradient (dy, b), gelu_curvature (kol_multiply (dy, a), b))
KOL_ELEMENTWISE (
    gelu_tanh_gradient, 2, NUMBERS (),
    a / ((T) 1 + exp (b * ((T) -1.59576912f - (T) 0.0713548163f * b * b)))
        * ((T) 1
           + b * ((T) 1.59576912f + (T) 0.214064449f * b * b)
                 * ((T) 1
                    - (T) 1 / ((T) 1 + exp (b * ((T) -1.59576912f - (T) 0.0713548163f * b * b))))),
    ANY, WIDE, gelu_tanh_gradient (dy, b), gelu_tanh_curvature (kol_multiply (dy, a), b))
KOL_ELEMENTWISE (silu_gradient, 2, NUMBERS (),
                 a / ((T) 1 + exp (-b)) * ((T) 1 + b * ((T) 1 - (T) 1 / ((T) 1 + exp (-b)))), ANY,
                 WIDE, silu_gradient (dy, b), silu_curvature (kol_multiply (dy, a), b))
KOL_ELEMENTWISE (hard_swish_gradient, 2, NUMBERS (),
                 b < (T) -3 ? (T) 0 : (b > (T) 3 ? a : a * (b / (T) 3 + (T) 0.5f)), ANY, WIDE,
                 hard_swish_gradient (dy, b),
                 clip_gradient (kol_scale (kol_multiply (dy, a), 1.0f / 3, 0), b, -3, 3))
KOL_ELEMENTWISE (hard_sigmoid_gradient, 2, NUMBERS (0.2f, 0),
                 ((b > (T) 0) & (b < (T) 1)) ? (T) p *a : (T) 0, ANY, FIXED_ANY,
                 hard_sigmoid_gradient (dy, b, p), NULL)
/* From y = ln (1 + e^a), the slope is 1 - e^-y. */
KOL_ELEMENTWISE (softplus_gradient, 2, NUMBERS (), -a *expm1 (-b), ANY, POSITIVE,
                 softplus_gradient (dy, b),
                 kol_multiply (kol_multiply (dy, a), kol_exp (kol_negate (b))))
/* From y = a / (1 + |a|), the slope is (1 - |y|)^2. */
KOL_ELEMENTWISE (softsign_gradient, 2, NUMBERS (), a *((T) 1 - fabs (b)) * ((T) 1 - fabs (b)), ANY,
                 NONZERO, softsign_gradient (dy, b),
                 kol_multiply (kol_multiply (dy, a),
                               kol_scale (kol_subtract (b, kol_sign (b)), 2, 0)))
