/* SPDX-License-Identifier: BSD-3-Clause */
#include "format/parquet/pq_file.h"

#include <ctype.h>
#include <strings.h>

enum { TAIL = 8 };

static bool begins(const char *head, size_t n, const char *with)
{
    size_t len = strlen(with);
    return n >= len && strncasecmp(head, with, len) == 0;
}

/* What a file that is no Parquet is, as the rest of a sentence. */
static const char *sniff(const char *head, size_t n)
{
    const char *text = head;
    size_t      left = n;
    if (begins(head, n, "\xef\xbb\xbf"))
        text += 3, left -= 3;
    while (left > 0 && isspace((unsigned char)*text))
        text++, left--;
    if (begins(text, left, "version https://git-lfs"))
        return "is a Git LFS pointer, not the data it stands for; fetch the data with 'git lfs pull'";
    if (begins(text, left, "<!doctype") || begins(text, left, "<html") || begins(text, left, "<head"))
        return "is a web page (HTML) saved under this name; the download went wrong, get the file again";
    if (begins(text, left, "<?xml") || begins(text, left, "<error"))
        return "is an XML message saved under this name; the download went wrong, get the file again";
    if (begins(head, n, "\x1f\x8b"))
        return "is a gzip file; unpack it first (gunzip)";
    if (begins(head, n, "PK\x03\x04"))
        return "is a ZIP archive; unpack it first (unzip)";
    if (begins(head, n, "\x28\xb5\x2f\xfd"))
        return "is a Zstandard file; unpack it first (unzstd)";
    if (begins(head, n, "ARROW1") || begins(head, n, "FEA1"))
        return "is an Arrow (Feather) file, not Parquet; convert it first";
    if (begins(head, n, "ORC"))
        return "is an ORC file, not Parquet; convert it first";
    if (begins(head, n, "Obj\x01"))
        return "is an Avro file, not Parquet; convert it first";
    size_t printable = 0;
    for (size_t i = 0; i < n; i++)
        printable += isprint((unsigned char)head[i]) || isspace((unsigned char)head[i]) || (unsigned char)head[i] >= 128;
    return printable == n ? "is a text file, not Parquet; if it is CSV, give it a name that ends in .csv" : "is not a Parquet file";
}

/* The file's end says PAR1, so it is one; anything else gets its reason. */
static int check_magic(yk_parquet *f, uint32_t *ret_footer, yoke_error *err)
{
    char    head[512];
    uint8_t tail[TAIL];
    size_t  n = f->size < sizeof head ? (size_t)f->size : sizeof head;
    if (f->size == 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s' is empty, not a Parquet file", f->path);
    YK_TRY(yk_input_read(&f->input, 0, head, n, err));
    bool is_begun = begins(head, n, "PAR1") || begins(head, n, "PARE");
    if (f->size < TAIL + 4)
        return yk_fail(err, YOKE_EFORMAT, "'%s' %s", f->path,
                       is_begun ? "is cut short: it has a Parquet file's beginning alone" : sniff(head, n));
    YK_TRY(yk_input_read(&f->input, f->size - TAIL, tail, TAIL, err));
    if (memcmp(tail + 4, "PARE", 4) == 0)
        return yk_fail(err, YOKE_EUNSUPPORTED, "'%s' is an encrypted Parquet file; decrypt it with the tool that wrote it", f->path);
    if (memcmp(tail + 4, "PAR1", 4) != 0)
        return yk_fail(err, YOKE_EFORMAT, "'%s' %s", f->path,
                       is_begun ? "is cut short: the end of the Parquet file, which lists its columns, is missing; get it again"
                       : sniff(head, n));
    memcpy(ret_footer, tail, sizeof *ret_footer);
    if (*ret_footer > f->size - TAIL)
        return yk_fail(err, YOKE_EFORMAT, "'%s': its Parquet footer is said to be longer than the file; get the file again", f->path);
    return 0;
}

static int read_groups(yk_parquet *f, yoke_error *err)
{
    f->n_groups = f->footer.n_groups;
    f->groups = yk_arena_calloc(&f->arena, f->n_groups ? f->n_groups : 1, sizeof *f->groups);
    size_t n_chunks;
    if (!yk_mul(&n_chunks, f->n_groups, f->n_leaves ? f->n_leaves : 1))
        return yk_fail(err, YOKE_ELIMIT, "'%s' has too many columns and row groups", f->path);
    f->chunks = yk_new_array(yk_pq_chunk *, n_chunks ? n_chunks : 1);
    if (!f->groups || !f->chunks)
        return yk_fail_nomem(err, "opening a Parquet file");
    for (unsigned g = 0; g < f->n_groups; g++) {
        const yk_pq_group_info *info = &f->footer.groups[g];
        yk_parquet_group       *group = &f->groups[g];
        if (info->n_chunks != f->n_leaves || info->n_rows < 0 || info->n_rows > INT64_MAX / 2 - (int64_t)f->n_rows)
            return yk_fail(err, YOKE_EFORMAT, "'%s': the description of its row group %u is damaged; get the file again", f->path, g);
        *group = (yk_parquet_group){f->n_rows, (uint64_t)info->n_rows, 0};
        f->n_rows += group->n_rows;
        for (unsigned c = 0; c < info->n_chunks; c++)
            if (info->chunks[c].stored > 0)
                group->n_bytes += (uint64_t)info->chunks[c].stored;
    }
    return 0;
}

static int read_footer(yk_parquet *f, yoke_error *err)
{
    uint32_t n;
    YK_TRY(check_magic(f, &n, err));
    uint8_t *bytes = yk_arena_alloc(&f->arena, n ? n : 1);
    if (!bytes)
        return yk_fail_nomem(err, "reading a Parquet footer");
    YK_TRY(yk_input_read(&f->input, f->size - TAIL - n, bytes, n, err));
    YK_TRY(yk_pq_footer_read(bytes, n, f->path, &f->arena, &f->footer, err));
    YK_TRY(yk_pq_schema_read(&f->footer, f->path, &f->arena, &f->leaves, &f->n_leaves, err));
    return read_groups(f, err);
}

int yk_parquet_open(const char *path, yk_parquet **ret, yoke_error *err)
{
    static atomic_uint_fast64_t next_id = 1;
    YK_CLEANUP(yk_parquet_closep) yk_parquet *f = yk_new(yk_parquet);
    if (!f)
        return yk_fail_nomem(err, "opening a Parquet file");
    f->input.fd = -1;
    f->budget = (yk_parquet_budget)YK_PARQUET_BUDGET_INIT;
    yk_lock_init(&f->lock);
    f->path = yk_strdup(path);
    if (!f->path)
        return yk_fail_nomem(err, "opening a Parquet file");
    YK_TRY(yk_input_open(&f->input, f->path, err));
    f->size = f->input.size;
    YK_TRY(read_footer(f, err));
    f->first_id = atomic_fetch_add(&next_id, (uint64_t)f->n_groups * f->n_leaves + 1);
    *ret = YK_TAKE(f);
    return 0;
}

void yk_parquet_close(yk_parquet *f)
{
    if (!f)
        return;
    if (f->chunks)
        yk_parquet_forget(f);
    for (size_t i = 0; f->chunks && i < (size_t)f->n_groups * f->n_leaves; i++)
        yk_pq_chunk_free(f->chunks[i]);
    yk_input_close(&f->input);
    pthread_mutex_destroy(&f->lock);
    yk_free(f->chunks);
    yk_free(f->leaves);
    yk_free(f->path);
    yk_arena_fini(&f->arena);
    yk_free(f);
}

const char              *yk_parquet_path(const yk_parquet *f) { return f->path; }
uint64_t                 yk_parquet_size(const yk_parquet *f) { return f->size; }
uint64_t                 yk_parquet_rows(const yk_parquet *f) { return f->n_rows; }
unsigned                 yk_parquet_columns(const yk_parquet *f) { return f->n_leaves; }
const yk_parquet_column *yk_parquet_column_at(const yk_parquet *f, unsigned i) { return &f->leaves[i].column; }
unsigned                 yk_parquet_groups(const yk_parquet *f) { return f->n_groups; }
const yk_parquet_group  *yk_parquet_group_at(const yk_parquet *f, unsigned i) { return &f->groups[i]; }
unsigned                 yk_parquet_notes(const yk_parquet *f) { return f->footer.n_notes; }

int yk_parquet_find(const yk_parquet *f, const char *name)
{
    for (unsigned i = 0; i < f->n_leaves; i++)
        if (strcmp(f->leaves[i].column.name, name) == 0)
            return (int)i;
    return -1;
}

void yk_parquet_note(const yk_parquet *f, unsigned i, yk_text *ret_key, yk_text *ret_value)
{
    *ret_key = f->footer.notes[2 * (size_t)i];
    *ret_value = f->footer.notes[2 * (size_t)i + 1];
}

yk_text yk_parquet_created_by(const yk_parquet *f) { return f->footer.created_by; }

yk_parquet_counters yk_parquet_count_reads(const yk_parquet *f)
{
    return (yk_parquet_counters){
        atomic_load_explicit(&f->bytes_read, memory_order_relaxed), atomic_load_explicit(&f->pages_read, memory_order_relaxed),
        atomic_load_explicit(&f->bytes_decompressed, memory_order_relaxed), atomic_load_explicit(&f->pages_shared, memory_order_relaxed)};
}
