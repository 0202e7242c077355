/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What Slurm's commands print, and dSQ's job lists: any bytes must be read without harm.
 */
#include "slurm/dsq.h"
#include "slurm/indices.h"
#include "slurm/queue.h"
#include "slurm/site.h"
#include "slurm/slurm_call.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count(void *ctx, uint64_t line, const char *text, size_t len)
{
    (void)line, (void)text;
    *(size_t *)ctx += len;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yk_queue    q = YK_QUEUE_INIT;
    yk_indices  x = YK_INDICES_INIT;
    yk_dsq_list list = {YK_BUF_INIT, YK_LINES_INIT};
    yk_buf      again = YK_BUF_INIT;
    yk_site     site;
    char        sentence[200], *text = malloc(size + 1);
    size_t      n = 0;
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (yk_indices_parse(text, &x, NULL) == 0)
        yk_lines_print(&x.set, &again);
    if (yk_queue_add_squeue(&q, text, NULL) == 0 && yk_queue_add_sacct(&q, text, size % 2, NULL) == 0)
        yk_queue_print(&q, &again);
    yk_site_parse(text, &site);
    yk_site_parse_processors(text, NULL);
    yk_slurm_advice(yk_slurm_sentence(text, sentence, sizeof sentence));
    yk_buf_append(&list.text, text, size);
    yk_dsq_each(&list, count, &n);
    yk_indices_fini(&x);
    yk_queue_fini(&q);
    yk_dsq_list_fini(&list);
    yk_buf_fini(&again);
    free(text);
    return 0;
}
