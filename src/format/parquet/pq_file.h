/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parts of the reader share: the open file, its column chunks, and pages as cursors see them.
 */
#ifndef YK_FORMAT_PQ_FILE_H
#define YK_FORMAT_PQ_FILE_H

#include "base/file.h"
#include "exec/gate.h"
#include "format/parquet/parquet.h"
#include "format/parquet/pq_codec.h"
#include "format/parquet/pq_footer.h"
#include "format/parquet/pq_hybrid.h"
#include "format/parquet/pq_values.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct yk_pq_chunk yk_pq_chunk;
typedef struct yk_pq_page  yk_pq_page;

typedef struct yk_pq_leaf {
    yk_parquet_column column;
    int8_t            physical;
    yk_pq_form        form;
    uint32_t          width;   /* bytes of a stored value; 0: they vary */
    uint8_t           max_def; /* the definition level of a value that is there */
    bool              is_unordered; /* the format knows no order of its values */
} yk_pq_leaf;

/* Makes leaves from the schema; the array is the caller's to free, its texts lie in the arena. */
int yk_pq_schema_read(const yk_pq_footer *footer, const char *path, yk_arena *arena, yk_pq_leaf **ret, unsigned *ret_n, yoke_error *err)
    YK_MUST_USE;

struct yk_parquet {
    yk_input          input;
    char             *path; /* owned */
    uint64_t          size, n_rows, first_id;
    yk_arena          arena; /* footer and all that is made from it */
    yk_pq_footer      footer;
    yk_pq_leaf       *leaves;
    unsigned          n_leaves, n_groups;
    yk_parquet_group *groups;

    pthread_mutex_t lock;   /* taken for moments; outside every other lock of the reader but `mapping` */
    yk_gate         loaded; /* opened when a page that someone was loading is there, or failed */
    yk_pq_chunk   **chunks; /* [group * n_leaves + leaf], NULL until needed; guarded by lock */
    yk_pq_page     *newest, *oldest;        /* pages that no cursor is in; guarded by lock */
    uint64_t        kept_bytes;             /* of those and of spares; guarded by lock, as the next two */
    uint64_t        used_bytes;             /* of pages that cursors are in */
    yk_parquet_budget budget;
    struct yk_pq_spare {
        uint8_t *data;
        size_t   cap;
    } spares[8];                             /* buffers of dropped pages, for the next; guarded by lock */
    atomic_uint_fast64_t bytes_read, pages_read, bytes_decompressed, pages_shared; /* relaxed: reports only */
};

/* Where a page lies. */
typedef struct yk_pq_place {
    uint64_t at;
    uint32_t size;     /* with its header */
    int8_t   encoding; /* -1: not known yet */
} yk_pq_place;

/* A column chunk's pages. One that grows is replaced by a larger one, and stays for those who still read it. */
typedef struct yk_pq_map yk_pq_map;
struct yk_pq_map {
    yk_pq_map      *smaller; /* owned */
    unsigned        cap;
    yk_pq_place    *places;  /* cap of each; in the same piece of memory */
    yk_parquet_page pages[];
};

/* One column of one row group. With a page index its map is made at once, else by walking the page headers as far as somebody needs. */
struct yk_pq_chunk {
    yk_parquet             *file;
    const yk_pq_leaf       *leaf;
    const yk_pq_chunk_info *info;
    uint64_t                first_row, n_rows, dict_id;
    pthread_mutex_t         mapping; /* held while the map is extended; outermost */
    bool                    has_begun; /* guarded by mapping, as the next four */
    uint64_t                n_mapped;  /* rows from the first whose pages are known */
    yk_parquet_need         need;      /* of the pages whose headers were read */
    struct yk_pq_walk {
        uint64_t at, end;  /* of the file: the next header, and what the pages do not reach past */
        uint8_t *data;     /* owned; bytes of the file near the headers */
        uint64_t data_at;
        size_t   n_data, cap_data;
        uint32_t last_page; /* its size, once one has been seen */
        const struct yk_pq_loader *loader; /* whose window may show headers; while the map is extended */
    } walk;
    _Atomic(yk_pq_map *) map;        /* owned */
    atomic_uint          n_pages;    /* grows when its page is in the map */
    /* the column index's bytes, which page statistics borrow from; owned; made with the map, as the next */
    uint8_t             *index;
    yk_pq_place          dict_place; /* size 0: there is none */
    uint64_t             walked;     /* rows that cursors have passed in its pages; guarded by file->lock, as the next two */
    struct yk_pq_slot {
        yk_pq_page *page;
        bool        is_loading;
    } *slots; /* [0] the dictionary, [1 + i] page i; owned */
    size_t cap_slots;
};

/* The pages that are mapped so far, n_pages of them at least: what was there before a look at n_pages is there after it. */
static inline const yk_pq_map *yk_pq_map_of(const yk_pq_chunk *c)
{
    return atomic_load_explicit(&((yk_pq_chunk *)c)->map, memory_order_acquire);
}

struct yk_scratch {
    yk_codec_state codecs;
    struct yk_pq_stored {
        uint8_t *data; /* owned */
        size_t   cap;
    } stored[2];
    uint32_t dense[YK_BLOCK + 32]; /* codes and values of the rows that are not missing */
    _Alignas(64) char unspread[YK_BLOCK * 16 + 16];
    _Alignas(64) uint8_t joined[YK_BLOCK * 16]; /* stored values, from streams */
};

/* What loading needs between pages; each cursor has one. Zeroed but for the scratch is ready. */
typedef struct yk_pq_loader {
    yk_scratch *scratch; /* borrowed */
    uint64_t    advised; /* up to here the system has been told what will be read; 0: not yet */
    uint64_t    until;   /* up to this row of the file pages are wanted, as far as the cursor knows */
    yk_pq_page *ahead;   /* owned; loaded with the one before it, and nobody's yet */
    uint8_t    *window;  /* owned; NULL, or room for YK_PARQUET_WINDOW bytes: those of several pages, as they are stored */
    uint64_t    window_at; /* of the file */
    size_t      window_n;
} yk_pq_loader;
void yk_pq_loader_fini(yk_pq_loader *l);

typedef enum yk_pq_layout {
    YK_PQ_CODES, /* into `dict`; the codes are a hybrid */
    YK_PQ_FIXED, /* stored values side by side */
    YK_PQ_SPLIT, /* their bytes in streams */
    YK_PQ_TEXTS, /* yk_text */
    YK_PQ_BITS,  /* booleans, a bit each */
    YK_PQ_RUNS,  /* booleans, a hybrid */
    YK_PQ_DICT,  /* the dictionary page itself */
} yk_pq_layout;

/* A decompressed page; read-only but for the first block of fields. */
struct yk_pq_page {
    yk_pq_chunk *chunk;
    unsigned     slot;
    unsigned     refs;           /* guarded by file->lock, as the next two */
    yk_pq_page  *newer, *older;  /* while refs is 0 */
    uint64_t     walked;         /* rows that cursors have passed in it: at n_rows nobody is expected any more */

    uint8_t *raw;   /* owned; followed by YK_PQ_PAD bytes */
    void    *side;  /* owned; decoded values where they are not in raw */
    char    *heap;  /* owned; texts where they are not in raw */
    uint8_t *turned; /* owned; levels that were not a hybrid */
    size_t   cap, cost; /* bytes of raw; of everything */

    yk_pq_layout   layout;
    uint64_t       n_rows;
    const uint8_t *levels, *levels_end; /* a hybrid; NULL: nothing is missing */
    const uint8_t *values, *values_end;
    uint64_t       n_values; /* of FIXED, SPLIT, TEXTS, BITS: how many there are */
    unsigned       code_width;
    yk_pq_page    *dict_page; /* of CODES: holds a reference */
    yk_dict        dict;      /* of DICT */
};

/* The chunk of (group, column), its first n_rows rows mapped at least. */
int yk_pq_chunk_get(yk_parquet *f, unsigned group, unsigned column, uint64_t n_rows, yk_pq_chunk **ret, yoke_error *err) YK_MUST_USE;
void yk_pq_chunk_free(yk_pq_chunk *c); /* when no page is referenced; frees its kept ones too */

/* The same for a cursor that will read the rows from `row` on: their pages come into its window, for a walk over headers and for
 * loading. */
int yk_pq_chunk_reach(yk_parquet *f, unsigned group, unsigned column, uint64_t n_rows, uint64_t row, yk_pq_loader *l, yk_pq_chunk **ret,
                      yoke_error *err)
    YK_MUST_USE;

/* Bytes that are in memory already: there is nothing to advise then, which is work for the system too. From the first that are not, what
 * follows is announced. */
bool yk_pq_read_ready(const yk_parquet *f, const yk_pq_loader *l, uint64_t at, void *to, size_t n);

/* Several pages in one such read: a call of its own for each takes as long as its bytes do. The window stays empty when it fails. */
void yk_pq_window_read(const yk_parquet *f, yk_pq_loader *l, uint64_t at, size_t n); /* n <= YK_PARQUET_WINDOW */
bool yk_pq_window_has(const yk_pq_loader *l, uint64_t at, size_t n);

/* Page i of a chunk (slot i + 1), or its dictionary (slot 0), loaded or shared. Give it back with how many of its rows were passed. */
int  yk_pq_page_get(yk_pq_chunk *c, unsigned slot, yk_pq_loader *l, yk_pq_page **ret, yoke_error *err) YK_MUST_USE;
void yk_pq_page_put(yk_pq_page *p, uint64_t walked);
void yk_pq_page_ref(yk_pq_page *p); /* one that is referenced already */

/* Reads bytes of the file; ones that are past its end are an error, not a wait. */
int yk_pq_read(yk_parquet *f, uint64_t at, void *to, size_t n, yoke_error *err) YK_MUST_USE;

/* The encoding of page i, reading its header when it is not known; says dictionary without reading where the footer does. */
int yk_pq_page_encoding(yk_pq_chunk *c, unsigned i, int *ret, yoke_error *err) YK_MUST_USE;

/* Bounds as the file has them into values that may be trusted. */
void yk_pq_bounds_decode(const yk_parquet *f, const yk_pq_leaf *leaf, const yk_pq_bounds *b, yk_parquet_stats *ret);

static inline bool yk_pq_is_dict(int encoding) { return encoding == YK_PQ_PLAIN_DICTIONARY || encoding == YK_PQ_RLE_DICTIONARY; }

#endif
