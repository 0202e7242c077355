/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The JPEG marker parser, and the PDF around what it accepts.
 */
#include "image/pdf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yk_jpeg j;
    yk_pdf  pdf = {YK_BUF_INIT, YK_BUF_INIT};
    if (yk_jpeg_parse(data, size, &j, NULL) == 0 && yk_jpeg_fits_pdf(&j) && yk_pdf_of_jpeg(&pdf, &j, size, 30, NULL) < 0)
        __builtin_trap();
    yk_pdf_fini(&pdf);
    return 0;
}
