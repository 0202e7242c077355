/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"

#include "base/buf.h"
#include "format/parquet/parquet.h"
#include "format/parquet/parquet_write.h"
#include "format/parquet/pq_encode.h"
#include "format/parquet/pq_hybrid.h"
#include "format/parquet/pq_snappy.h"
#include "format/parquet/pq_values.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

static uint32_t mask_of(unsigned width) { return width == 32 ? UINT32_MAX : (1u << width) - 1; }

/* All widths and lengths, against bits put together one by one, on every instruction set. */
TEST(unpack_gives_what_was_packed)
{
    enum { N = 200 };
    uint64_t state = 1;
    for (int isa = YK_ISA_BASELINE; isa <= (int)yk_isa_machine(); isa++) {
        yk_isa_limit((yk_isa)isa);
        for (unsigned width = 1; width <= 32; width++)
            for (size_t n = 1; n <= N; n += width % 3 + 1) {
                uint8_t  packed[N * 4 + YK_PQ_PAD + 8] = {0};
                uint32_t want[N], got[N + 16] = {0}, most = 0;
                for (size_t i = 0; i < n; i++) {
                    want[i] = next_random(&state) & mask_of(width);
                    most = want[i] > most ? want[i] : most;
                    for (unsigned b = 0; b < width; b++)
                        packed[(i * width + b) / 8] |= (uint8_t)((want[i] >> b & 1) << ((i * width + b) % 8));
                }
                memset(packed + (n * width + 7) / 8, 0xff, YK_PQ_PAD); /* what lies behind must not count */
                assert_int_equal(YK_ISA_PICK(yk_pq_unpack)(packed, width, n, got), most);
                assert_memory_equal(got, want, n * sizeof *got);
            }
    }
    yk_isa_limit(YK_ISA_AVX512);
}

TEST(spread_puts_values_where_their_rows_are)
{
    enum { N = 150 };
    uint64_t state = 7;
    for (int isa = YK_ISA_BASELINE; isa <= (int)yk_isa_machine(); isa++) {
        yk_isa_limit((yk_isa)isa);
        for (size_t n = 1; n <= N; n++) {
            uint64_t valid[3] = {0}, dense64[N + 1], got64[N];
            uint32_t dense32[N + 1], got32[N];
            for (size_t i = 0; i < n; i++) {
                valid[i >> 6] |= (uint64_t)(next_random(&state) & 1) << (i & 63);
                dense32[i] = next_random(&state), dense64[i] = (uint64_t)dense32[i] << 20;
            }
            dense32[n] = 0, dense64[n] = 0;
            YK_ISA_PICK(yk_pq_spread32)(dense32, valid, n, got32);
            YK_ISA_PICK(yk_pq_spread64)(dense64, valid, n, got64);
            for (size_t i = 0, k = 0; i < n; i++) {
                bool is_there = valid[i >> 6] >> (i & 63) & 1;
                assert_int_equal(got32[i], is_there ? dense32[k] : 0);
                assert_int_equal(got64[i], is_there ? dense64[k] : 0);
                k += is_there;
            }
        }
    }
    yk_isa_limit(YK_ISA_AVX512);
}

/* What is written as runs and packed numbers is read back, in pieces of any size, read or passed over. */
TEST(hybrid_round_trip)
{
    enum { N = 3000 };
    static uint32_t v[N], got[N + 16];
    uint64_t        state = 3;
    for (unsigned width = 1; width <= 32; width += 3)
        for (int round = 0; round < 6; round++) {
            for (size_t i = 0; i < N;) {
                size_t   run = round < 2 ? 1 : 1 + next_random(&state) % (round * 100u);
                uint32_t value = next_random(&state) & mask_of(width);
                for (; run > 0 && i < N; run--)
                    v[i++] = value;
            }
            YK_AUTOBUF b = YK_BUF_INIT;
            yk_pq_hybrid_put(&b, v, N, width);
            size_t len = b.len;
            memset(yk_buf_extend(&b, YK_PQ_PAD), 0, YK_PQ_PAD);
            yk_pq_hybrid h;
            yk_pq_hybrid_init(&h, (const uint8_t *)b.data, (const uint8_t *)b.data + len, width);
            for (size_t i = 0; i < N;) {
                size_t   take = 1 + next_random(&state) % 300;
                uint32_t most;
                take = take < N - i ? take : N - i;
                if (take % 3 == 0) {
                    assert_true(yk_pq_hybrid_skip(&h, take));
                } else {
                    assert_true(yk_pq_hybrid_read(&h, take, got, &most));
                    assert_memory_equal(got, v + i, take * sizeof *v);
                }
                i += take;
            }
            if (width == 1) {
                uint64_t bits[N / 64 + 2];
                int64_t  set = 0;
                for (size_t i = 0; i < N; i++)
                    set += v[i];
                yk_pq_hybrid_init(&h, (const uint8_t *)b.data, (const uint8_t *)b.data + len, 1);
                assert_int_equal(yk_pq_hybrid_bits(&h, N, bits), set);
                for (size_t i = 0; i < N; i++)
                    assert_int_equal(bits[i >> 6] >> (i & 63) & 1, v[i]);
                yk_pq_hybrid_init(&h, (const uint8_t *)b.data, (const uint8_t *)b.data + len, 1);
                assert_int_equal(yk_pq_hybrid_skip_bits(&h, N), set);
            }
        }
}

TEST(hybrid_ends_where_its_bytes_do)
{
    static const uint8_t bytes[3 + YK_PQ_PAD] = {0x80, 0x80, 0x80}; /* a header without end */
    yk_pq_hybrid         h;
    yk_pq_hybrid_init(&h, bytes, bytes + 3, 5);
    assert_false(yk_pq_hybrid_load(&h));
    yk_pq_hybrid_init(&h, bytes, bytes, 5);
    assert_false(yk_pq_hybrid_skip(&h, 1));
}

/* A stream and what it gives, in buffers without a byte to spare, where the sanitizer sees every step outside. */
typedef struct snapped {
    yk_snappy_block block; /* its bytes owned */
    bool            is_good;
} snapped;

static snapped snapped_new(const uint8_t *from, size_t n, size_t to_n)
{
    uint8_t *in = malloc(n ? n : 1);
    memcpy(in, from, n);
    return (snapped){{in, n, malloc(to_n ? to_n : 1), to_n}, false};
}

static void snapped_free(snapped *s)
{
    free((void *)s->block.from);
    free(s->block.to);
    *s = (snapped){0};
}

/* Decompresses; and once more in turns with the stream of the call before this, where each must give what it gave alone. */
static bool unsnap(const uint8_t *from, size_t n, uint8_t *to, size_t to_n)
{
    static snapped before;
    snapped        now = snapped_new(from, n, to_n);
    now.is_good = yk_snappy_read(&now.block);
    if (before.block.to) {
        snapped again[2] = {snapped_new(before.block.from, before.block.n, before.block.to_n), snapped_new(from, n, to_n)};
        bool    good[2];
        yk_snappy_read_two((yk_snappy_block[]){again[0].block, again[1].block}, good);
        assert_int_equal(good[0], before.is_good);
        assert_int_equal(good[1], now.is_good);
        if (good[0])
            assert_memory_equal(again[0].block.to, before.block.to, before.block.to_n);
        if (good[1])
            assert_memory_equal(again[1].block.to, now.block.to, to_n);
        snapped_free(&again[0]);
        snapped_free(&again[1]);
        snapped_free(&before);
    }
    if (now.is_good)
        memcpy(to, now.block.to, to_n);
    before = now;
    return now.is_good;
}

/* Bytes that Snappy finds short and long repeats in. */
static void make_repeats(uint64_t *state, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t run = 1 + next_random(state) % (next_random(state) % 8 ? 20 : 300),
            back = 1 + next_random(state) % (next_random(state) % 2 ? 16 : 60000);
        bool   is_copy = next_random(state) % 2 && back <= i;
        for (; run-- && i < n; i++)
            to[i] = is_copy ? to[i - back] : (uint8_t)next_random(state);
    }
}

/* Whole and damaged streams, beside the library that defined the format: the same verdict, the same bytes. */
TEST(snappy_reads_as_its_library_does)
{
    enum { MOST = 70000 };
    static uint8_t plain[MOST], stored[2 * MOST], mine[MOST], theirs[MOST];
    void          *lib = dlopen("libsnappy.so.1", RTLD_NOW);
    uint64_t       state = 5;
    if (!lib)
        return;
    int (*compress)(const char *, size_t, char *, size_t *), (*read)(const char *, size_t, char *, size_t *);
    *(void **)&compress = dlsym(lib, "snappy_compress");
    *(void **)&read = dlsym(lib, "snappy_uncompress");
    for (int round = 0; round < 300; round++) {
        size_t n = round < 150 ? (size_t)round : next_random(&state) % MOST, len = sizeof stored;
        make_repeats(&state, plain, n);
        assert_int_equal(compress((const char *)plain, n, (char *)stored, &len), 0);
        assert_true(unsnap(stored, len, mine, n));
        assert_memory_equal(mine, plain, n);
        assert_false(unsnap(stored, len, mine, n + 1));
        for (int change = 0; change < 20 && len > 4; change++) {
            size_t  at = 3 + next_random(&state) % (len - 3), got = n;
            uint8_t was = stored[at];
            stored[at] ^= (uint8_t)(1 + next_random(&state) % 255);
            bool is_good = read((const char *)stored, len, (char *)theirs, &got) == 0;
            assert_int_equal(unsnap(stored, len, mine, n), is_good);
            if (is_good)
                assert_memory_equal(mine, theirs, n);
            stored[at] = was;
        }
    }
}

/* What encoders do not write, or seldom: long forms, and copies that repeat themselves. */
TEST(snappy_of_every_form)
{
    static const struct { const char *stored; size_t n; const char *want; } row[] = {
        {"\x00", 1, ""},
        {"\x05\x10hello", 7, "hello"},
        {"\x05\xf0\x04hello", 8, "hello"},
        {"\x05\xf4\x04\x00hello", 9, "hello"},
        {"\x05\xf8\x04\x00\x00hello", 10, "hello"},
        {"\x05\xfc\x04\x00\x00\x00hello", 11, "hello"},
        {"\x08\x00z\x0d\x01", 5, "zzzzzzzz"},
        {"\x07\x08xyz\x01\x03", 7, "xyzxyzx"},
        {"\x06\x08xyz\x0a\x03\x00", 8, "xyzxyz"},
        {"\x06\x08xyz\x0b\x03\x00\x00\x00", 10, "xyzxyz"},
        {"\x06\x08xyz\x0b\x03\x00\x00", 9, NULL},       /* cut short */
        {"\x06\x08xyz\x0a\x04\x00", 8, NULL},            /* a copy from before the beginning */
        {"\x06\x08xyz\x0a\x00\x00", 8, NULL},            /* from itself */
        {"\x05\x08xyz\x0a\x03\x00", 8, NULL},            /* more than it says */
        {"\x07\x08xyz\x0a\x03\x00", 8, NULL},            /* less */
        {"\x05\xfc\xff\xff\xff\xffhello", 11, NULL},
        {"\x85\x80\x80\x80\x80\x80\x10hello", 12, NULL}, /* a size of too many bytes */
        {"", 0, NULL},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint8_t got[16] = {0};
        size_t  n = row[i].n ? (uint8_t)row[i].stored[0] & 15 : 0;
        assert_int_equal(unsnap((const uint8_t *)row[i].stored, row[i].n, got, n), row[i].want != NULL);
        if (row[i].want)
            assert_memory_equal(got, row[i].want, n);
    }
}

TEST(half_precision)
{
    static const struct { uint16_t bits; double value; } row[] = {
        {0x0000, 0.0}, {0x3c00, 1.0}, {0xc000, -2.0}, {0x7bff, 65504.0}, {0x0001, 0x1p-24}, {0x03ff, 0x1.ff8p-15}, {0x0400, 0x1p-14},
        {0x7c00, INFINITY}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        double got;
        assert_true(yk_pq_convert(YK_PQ_F_F16, 2, (const uint8_t *)&row[i].bits, 1, &got));
        assert_true(got == row[i].value);
    }
}

static char path_buf[200];

static const char *scratch_file(void)
{
    snprintf(path_buf, sizeof path_buf, "/tmp/yoke-test-parquet-%d.parquet", (int)getpid());
    return path_buf;
}

enum { ROWS = 50000 };

/* Row i of the test file: a small dictionary with missing rows, all different numbers, text. */
static bool is_there(uint64_t i) { return i % 7 != 3; }
static double few(uint64_t i) { return (double)(i * i % 97) / 4; }

static int write_file(const char *path, yoke_error *err)
{
    static const yk_parquet_field fields[] = {
        {"few", {.kind = YK_KIND_REAL}, false}, {"all", {.kind = YK_KIND_INT}, true},
        {"text", {.kind = YK_KIND_TEXT}, false}};
    yk_parquet_write_opts                           opts = {YK_PARQUET_SNAPPY, 0, 20000, 4096, 0, 0};
    YK_CLEANUP(yk_parquet_writer_closep) yk_parquet_writer *w = NULL;
    static double                                   real[YK_BLOCK];
    static int64_t                                  whole[YK_BLOCK];
    static yk_text                                  text[YK_BLOCK];
    uint64_t                                        valid[YK_BLOCK / 64];
    YK_TRY(yk_parquet_writer_open(path, true, fields, 3, &opts, &w, err));
    for (uint64_t row = 0; row < ROWS; row += YK_BLOCK) {
        uint32_t n = ROWS - row < YK_BLOCK ? (uint32_t)(ROWS - row) : YK_BLOCK;
        memset(valid, 0, sizeof valid);
        for (uint32_t i = 0; i < n; i++) {
            valid[i >> 6] |= (uint64_t)is_there(row + i) << (i & 63);
            real[i] = few(row + i), whole[i] = (int64_t)((row + i) * 977);
            text[i] = (yk_text){&"zones of the city"[(row + i) % 9], 1 + (row + i) % 8};
        }
        yk_vec v[] = {{.type = fields[0].type, .n = n, .values = real, .valid = valid}, {.type = fields[1].type, .n = n, .values = whole},
                      {.type = fields[2].type, .n = n, .values = text}};
        YK_TRY(yk_parquet_writer_add(w, v, err));
    }
    return yk_parquet_writer_commit(w, err);
}

static double value_at(const yk_vec *v, uint32_t i)
{
    uint32_t at = v->is_const ? 0 : i;
    return v->codes ? ((const double *)v->dict->values)[v->codes[at]] : ((const double *)v->values)[at];
}

/* Whether rows [first, first + n) of "few" are what they should be. */
static int check_few(yk_parquet *f, uint64_t first, uint64_t n, yoke_error *err)
{
    YK_CLEANUP(yk_cursor_closep) yk_cursor *c = NULL;
    yk_vec                                  v;
    YK_TRY(yk_cursor_open(f, 0, first, n, NULL, &c, err));
    for (uint64_t row = first; yk_cursor_left(c) > 0; row += v.n) {
        YK_TRY(yk_cursor_next(c, 1000, &v, err));
        for (uint32_t i = 0; i < v.n; i++) {
            bool there = !v.valid || (v.valid[i >> 6] >> (i & 63) & 1);
            if (there != is_there(row + i) || (there && value_at(&v, i) != few(row + i)))
                return yk_fail(err, YOKE_EFORMAT, "row %llu", (unsigned long long)(row + i));
        }
    }
    return 0;
}

TEST(written_rows_are_read)
{
    yoke_error  err = YOKE_ERROR_INIT;
    yk_parquet *f = NULL;
    assert_int_equal(write_file(scratch_file(), &err), 0);
    assert_int_equal(yk_parquet_open(scratch_file(), &f, &err), 0);
    assert_int_equal(yk_parquet_rows(f), ROWS);
    assert_int_equal(yk_parquet_find(f, "text"), 2);
    assert_int_equal(yk_parquet_find(f, "txet"), -1);
    assert_int_equal(yk_parquet_groups(f), 3); /* whole blocks: 20480 rows each */
    assert_int_equal(check_few(f, 0, ROWS, &err), 0);
    assert_int_equal(check_few(f, 12345, 30000, &err), 0);
    yk_parquet_stats s;
    yk_parquet_group_stats(f, 0, 1, &s);
    assert_true(s.has_min && s.has_max && s.min.i == 0 && s.max.i == 20479 * 977 && s.n_missing == 0);
    yk_parquet_close(f);
    unlink(scratch_file());
}

/* The dictionary that yk_cursor_ahead gave is there, unchanged, until its rows are left, even with no room to keep anything. */
TEST(a_dictionary_stays_while_its_rows_are_read)
{
    yoke_error     err = YOKE_ERROR_INIT;
    yk_parquet    *f = NULL;
    yk_cursor     *c = NULL;
    const yk_dict *dict, *again;
    uint64_t       rows, counts[97], missing = 0, total = 0;
    double         values[97];
    assert_int_equal(write_file(scratch_file(), &err), 0);
    assert_int_equal(yk_parquet_open(scratch_file(), &f, &err), 0);
    yk_parquet_set_budget(f, &(yk_parquet_budget){0, 0, false});
    assert_int_equal(yk_cursor_open(f, 0, 0, ROWS, NULL, &c, &err), 0);
    for (int round = 0; round < 2; round++) { /* the second begins when all rows were walked once */
        assert_int_equal(yk_cursor_seek(c, 0, ROWS, &err), 0);
        assert_int_equal(yk_cursor_ahead(c, &dict, &rows, &err), 0);
        assert_true(dict && dict->n <= 97 && rows == 20480);
        memcpy(values, dict->values, dict->n * sizeof *values);
        memset(counts, 0, sizeof counts);
        for (uint64_t left = rows; left > 0; left -= 1024) {
            assert_int_equal(yk_cursor_count(c, 1024, counts, &missing, &err), 0);
            assert_memory_equal(dict->values, values, dict->n * sizeof *values);
        }
        assert_int_equal(yk_cursor_ahead(c, &again, &rows, &err), 0);
        assert_non_null(again);
    }
    for (size_t i = 0; i < 97; i++)
        total += counts[i];
    assert_int_equal(total + missing / 2, 20480);
    yk_cursor_close(c);
    yk_parquet_close(f);
    unlink(scratch_file());
}

typedef struct reader {
    yk_parquet *f;
    unsigned    part;
    int         rc;
} reader;

static void *read_part(void *arg)
{
    reader    *r = arg;
    yoke_error err = YOKE_ERROR_INIT;
    for (int round = 0; round < 4 && r->rc == 0; round++)
        for (uint64_t row = (r->part * 1700u) % 9000; row + 9000 <= ROWS && r->rc == 0; row += 4500)
            r->rc = check_few(r->f, row, 9000, &err);
    return NULL;
}

/* Readers of the same pages at once, with room for a page or two only, so that pages come and go. */
TEST(threads_share_pages)
{
    enum { THREADS = 6 };
    yoke_error  err = YOKE_ERROR_INIT;
    yk_parquet *f = NULL;
    pthread_t   thread[THREADS];
    reader      part[THREADS];
    assert_int_equal(write_file(scratch_file(), &err), 0);
    assert_int_equal(yk_parquet_open(scratch_file(), &f, &err), 0);
    yk_parquet_set_budget(f, &(yk_parquet_budget){20000, 90000, true});
    for (unsigned i = 0; i < THREADS; i++) {
        part[i] = (reader){f, i, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, read_part, &part[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(part[i].rc, 0);
    }
    assert_true(yk_parquet_count_reads(f).pages_shared > 0);
    yk_parquet_close(f);
    unlink(scratch_file());
}

static int read_all(const char *path, yoke_error *err)
{
    YK_CLEANUP(yk_parquet_closep) yk_parquet *f = NULL;
    YK_TRY(yk_parquet_open(path, &f, err));
    for (unsigned i = 0; i < yk_parquet_columns(f); i++) {
        YK_CLEANUP(yk_cursor_closep) yk_cursor *c = NULL;
        yk_vec                                  v;
        YK_TRY(yk_cursor_open(f, i, 0, yk_parquet_rows(f), NULL, &c, err));
        while (yk_cursor_left(c) > 0)
            YK_TRY(yk_cursor_next(c, 1500, &v, err));
    }
    return 0;
}

/* Whichever allocation fails: an error that says so, and nothing lost. */
TEST(memory_runs_out_cleanly)
{
    yoke_error err = YOKE_ERROR_INIT;
    assert_int_equal(write_file(scratch_file(), &err), 0);
    for (int what = 0; what < 2; what++) {
        int rc = -1;
        for (uint64_t fail_at = 1; rc < 0; fail_at += fail_at < 300 ? 1 : 97) {
            uint64_t asked;
            yoke_error_clear(&err);
            yk_alloc_test_begin(fail_at);
            rc = what ? write_file(scratch_file(), &err) : read_all(scratch_file(), &err);
            assert_int_equal(yk_alloc_test_end(&asked), 0);
            if (rc < 0)
                assert_int_equal(rc, YOKE_ENOMEM);
        }
    }
    unlink(scratch_file());
}

TEST(wrong_calls_are_errors)
{
    yoke_error  err = YOKE_ERROR_INIT;
    yk_parquet *f = NULL;
    yk_cursor  *c = NULL;
    assert_int_equal(write_file(scratch_file(), &err), 0);
    assert_int_equal(yk_parquet_open(scratch_file(), &f, &err), 0);
    assert_int_equal(yk_cursor_open(f, 9, 0, 1, NULL, &c, NULL), YOKE_EINVALID);
    assert_int_equal(yk_cursor_open(f, 0, ROWS, 1, NULL, &c, NULL), YOKE_EINVALID);
    assert_int_equal(yk_cursor_open(f, 0, 1, UINT64_MAX, NULL, &c, NULL), YOKE_EINVALID);
    assert_int_equal(truncate(scratch_file(), 100), 0); /* while it is open: an error, not a signal */
    assert_int_equal(yk_cursor_open(f, 0, 0, ROWS, NULL, &c, &err), 0);
    yk_vec v;
    assert_int_equal(yk_cursor_next(c, 100, &v, &err), YOKE_EFORMAT);
    yk_cursor_close(c);
    yk_parquet_close(f);
    unlink(scratch_file());
}

RUN_TESTS(unpack_gives_what_was_packed, spread_puts_values_where_their_rows_are, hybrid_round_trip, hybrid_ends_where_its_bytes_do,
          snappy_reads_as_its_library_does, snappy_of_every_form, half_precision,
          written_rows_are_read, a_dictionary_stays_while_its_rows_are_read, threads_share_pages, memory_runs_out_cleanly,
          wrong_calls_are_errors)
