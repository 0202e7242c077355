/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a journal: read without fault, what is good stays good when what follows is cut off; and as a job file's line.
 */
#include "base/buf.h"
#include "jobs/command.h"
#include "jobs/journal.h"

#include <libdeflate.h>
#include <stdlib.h>

static int see_start(void *ctx, uint64_t start, const yk_record *r)
{
    volatile unsigned sum = 0;
    for (size_t i = 0; i < r->text_len; i++)
        sum += (unsigned char)r->text[i];
    return 0;
}

static int see_end(void *ctx, uint64_t start, const yk_record *r)
{
    char cause[40];
    yk_record_cause(r, cause, sizeof cause);
    return see_start(ctx, start, &(yk_record){.text = r->tail, .text_len = r->tail_len});
}

/* The bytes as payloads of records whose checksums hold: a length, that many bytes, and so on. */
static void read_whole_records(const uint8_t *bytes, size_t n, const yk_journal_reader *reader)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    size_t     good = 0;
    yk_buf_puts(&b, "yokejnl1");
    for (size_t at = 0; at < n;) {
        size_t   len = bytes[at++];
        uint32_t head[2];
        len = len < n - at ? len : n - at;
        head[0] = (uint32_t)len;
        head[1] = libdeflate_crc32(libdeflate_crc32(0, head, 4), bytes + at, len);
        yk_buf_append(&b, head, sizeof head);
        yk_buf_append(&b, bytes + at, len);
        at += len;
    }
    if (!b.is_failed && (yk_journal_parse(b.data, b.len, reader, &good, NULL) < 0 || good > b.len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const yk_journal_reader reader = {.start = see_start, .end = see_end};
    read_whole_records(bytes, n, &reader);
    size_t                  good = 0, again = 0;
    if (yk_journal_parse(bytes, n, &reader, &good, NULL) == 0) {
        if (good > n || yk_journal_parse(bytes, good, &reader, &again, NULL) < 0 || again != good)
            abort();
    }
    yk_command c = {0};
    if (yk_command_split(&c, (const char *)bytes, n) == 1 && !c.argv[0])
        abort();
    yk_command_fini(&c);
    return 0;
}
