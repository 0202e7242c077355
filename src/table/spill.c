/* SPDX-License-Identifier: BSD-3-Clause */
#include "table/spill.h"

#include "base/file.h"

#include <unistd.h>

void yk_spill_init(yk_spill *s, uint64_t memory) { *s = (yk_spill){.memory = memory, .fd = -1}; }

void yk_spill_fini(yk_spill *s)
{
    yk_arena_fini(&s->arena);
    yk_free(s->pieces);
    if (s->fd >= 0)
        close(s->fd);
    yk_spill_init(s, s->memory);
}

static int fail(yoke_error *err)
{
    return yk_fail_errno(err,
                         "rows that do not fit in memory go to a temporary file in '%s': set TMPDIR to a folder with room, or allow more "
                              "with --memory", yk_file_temp_folder());
}

/* Moves a piece that is in memory to the end of the file. */
static int move(yk_spill *s, yk_spill_piece *p, const void *bytes, uint64_t at, yoke_error *err)
{
    if (lseek(s->fd, (off_t)at, SEEK_SET) < 0 || yk_file_write(s->fd, "a temporary file", bytes, p->n, NULL) < 0)
        return fail(err);
    p->data = NULL;
    p->at = at;
    return 0;
}

int yk_spill_add(yk_spill *s, const void *bytes, size_t n, yoke_error *err)
{
    yk_spill_piece p = {.n = n};
    if (!yk_grow(&s->pieces, &s->cap, s->n + 1, sizeof p))
        return yk_fail_nomem(err, "keeping rows");
    if (s->fd < 0 && s->bytes + n > s->memory) {
        uint64_t at = 0;
        if ((s->fd = yk_file_open_nameless()) < 0)
            return fail(err);
        for (size_t i = 0; i < s->n; at += s->pieces[i++].n)
            YK_TRY(move(s, &s->pieces[i], s->pieces[i].data, at, err));
        yk_arena_fini(&s->arena);
    }
    if (s->fd >= 0)
        YK_TRY(move(s, &p, bytes, s->bytes, err));
    else if (!(p.data = yk_arena_alloc(&s->arena, n + 1)))
        return yk_fail_nomem(err, "keeping rows");
    else
        memcpy(p.data, bytes, n);
    s->pieces[s->n++] = p;
    s->bytes += n;
    return 0;
}

int yk_spill_read(const yk_spill *s, size_t piece, uint64_t offset, void *to, size_t n, yoke_error *err)
{
    const yk_spill_piece *p = &s->pieces[piece];
    if (!p->data)
        return n ? yk_file_read_at(s->fd, "a temporary file", p->at + offset, to, n, err) : 0;
    if (n)
        memcpy(to, p->data + offset, n);
    return 0;
}
