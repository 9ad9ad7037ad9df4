/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/* Does not compile, on purpose. */
__kernel void
test_broken (__global float *out)
{
  out[0] = undeclared_on_purpose;
}
