/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Numbers as text: printed as short as reads back exactly, and read whole or not at all. The same in every locale.
 */
#ifndef YK_BASE_NUMBER_H
#define YK_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { YK_NUMBER_MAX = 40 }; /* room for any number's text and its NUL */

/* Write the text and return its length. Reals: the fewest digits (as %g lays them out) that read back as the same value;
 * "nan", "inf", "-inf". */
size_t yk_number_real(double x, char buf[YK_NUMBER_MAX]);
size_t yk_number_float(float x, char buf[YK_NUMBER_MAX]);
size_t yk_number_int(int64_t n, char buf[YK_NUMBER_MAX]);
size_t yk_number_uint(uint64_t n, char buf[YK_NUMBER_MAX]);

/* Read all of text[0..len): no blanks before or after, no leftover. False when it is no such number or does not fit.
 * Reals take what strtod does (exponents, 0x1p-3, inf, nan); whole numbers take a sign and decimal digits. */
bool yk_number_read_real(const char *text, size_t len, double *ret);
bool yk_number_read_int(const char *text, size_t len, int64_t *ret);
bool yk_number_read_uint(const char *text, size_t len, uint64_t *ret);

#endif
