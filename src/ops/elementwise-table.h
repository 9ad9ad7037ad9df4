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
 * numbers   the function's numbers p and q in its cases; NUMBERS () if it has none
 * y         valid OpenCL C where T is a vector or float, and valid C where T is
 *           double: write (T) 0, and join conditions with |, & rather than ||, &&.
 *           A NaN operand must give NaN: think of what a comparison with it does
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
KOL_ELEMENTWISE (pow, 2, NUMBERS (), pow (a, b), POSITIVE, ANY,
                 kol_multiply (dy,
                               keep_where (kol_multiply (b, kol_pow (a, kol_scale (b, 1, -1))), b)),
                 kol_multiply (dy, keep_where (kol_multiply (y, kol_log (a)), a)))
KOL_ELEMENTWISE (maximum, 2, NUMBERS (), ((b > a) | (b != b)) ? b : a, NONZERO, SMALL,
                 drop_where (dy, kol_greater (b, a)), keep_where (dy, kol_greater (b, a)))
KOL_ELEMENTWISE (minimum, 2, NUMBERS (), ((b < a) | (b != b)) ? b : a, NONZERO, SMALL,
                 drop_where (dy, kol_greater (a, b)), keep_where (dy, kol_greater (a, b)))
KOL_ELEMENTWISE (equal, 2, NUMBERS (), a == b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE, NULL, NULL)
KOL_ELEMENTWISE (greater, 2, NUMBERS (), a > b ? (T) 1 : (T) 0, FIXED_WHOLE, FIXED_WHOLE, NULL,
                 NULL)

KOL_ELEMENTWISE (negate, 1, NUMBERS (), -a, ANY, NONE, kol_negate (dy), NULL)
KOL_ELEMENTWISE (square, 1, NUMBERS (), a *a, ANY, NONE, square_gradient (dy, a), NULL)
KOL_ELEMENTWISE (sqrt, 1, NUMBERS (), sqrt (a), POSITIVE, NONE,
                 kol_divide (kol_scale (dy, 0.5f, 0), y), NULL)
KOL_ELEMENTWISE (exp, 1, NUMBERS (), exp (a), ANY, NONE, kol_multiply (dy, y), NULL)
KOL_ELEMENTWISE (log, 1, NUMBERS (), log (a), POSITIVE, NONE, kol_divide (dy, a), NULL)
KOL_ELEMENTWISE (relu, 1, NUMBERS (), a < (T) 0 ? (T) 0 : a, NONZERO, NONE, relu_gradient (dy, y),
                 NULL)
KOL_ELEMENTWISE (sigmoid, 1, NUMBERS (), (T) 1 / ((T) 1 + exp (-a)), ANY, NONE,
                 sigmoid_gradient (dy, y), NULL)
KOL_ELEMENTWISE (tanh, 1, NUMBERS (), tanh (a), ANY, NONE, tanh_gradient (dy, y), NULL)
KOL_ELEMENTWISE (clip, 1, NUMBERS (0.5f, 1.5f), a < (T) p ? (T) p : (a > (T) q ? (T) q : a), WHOLE,
                 NONE, clip_gradient (dy, a, p, q), NULL)
KOL_ELEMENTWISE (scale, 1, NUMBERS (-1.5f, 0.25f), (T) p *a + (T) q, ANY, NONE,
                 kol_scale (dy, p, 0), NULL)

/* What gradients are made of: a is the gradient of an output. */
KOL_ELEMENTWISE (keep_where, 2, NUMBERS (), b == (T) 0 ? (T) 0 : a, ANY, FIXED_WHOLE,
                 keep_where (dy, b), NULL)
KOL_ELEMENTWISE (drop_where, 2, NUMBERS (), b == (T) 0 ? a : (T) 0, ANY, FIXED_WHOLE,
                 drop_where (dy, b), NULL)
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
