/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The calls that fill an array or run a loop: map, starmap, for.
 */
#include "map/call.h"

static int run_all(yk_call *c, yoke_session *s, const yoke_map_opts *opts, const yk_work *w, yoke_error *err)
{
    YK_TRY(yk_call_begin(c, s, opts, w, err));
    yk_block *b;
    int       rc;
    while ((rc = yk_call_next(c, &b, err)) == YK_NEXT_BLOCK) {
        rc = yk_call_report(c, b, err);
        yk_call_release(c, b);
        if (rc < 0)
            break;
    }
    return yk_call_end(c, rc, err);
}

int yoke_map(yoke_session *s, yoke_task_fn *fn, const void *items, uint64_t n, size_t item_size, void *results,
             size_t result_size, const yoke_map_opts *opts, yoke_error *err)
{
    if (YK_LACKS(s, err) || YK_LACKS(fn, err) || (n && item_size && YK_LACKS(items, err)))
        return YOKE_EINVALID;
    yk_call c = {0};
    yk_work w = {.name = "map",
                 .n = n,
                 .in = item_size ? items : NULL,
                 .in_size = item_size,
                 .out = results,
                 .out_size = result_size,
                 .ctx = &c,
                 .task = fn,
                 .is_users = true};
    return run_all(&c, s, opts, &w, err);
}

/* ---- several arguments ---- */

enum { MAX_ARGS = 64 };

typedef struct star {
    yoke_star_fn   *fn;
    const yoke_arg *args;
    unsigned        n_args;
    yoke_star       how;
    yk_call         call;
} star;

static int star_task(yoke_task *t, const void *in, void *out)
{
    const star *s = t->work->extra;
    const void *at[MAX_ARGS];
    uint64_t    rest = yoke_task_index(t);
    (void)in;
    for (unsigned k = s->n_args; k-- > 0;) {
        const yoke_arg *a = &s->args[k];
        uint64_t        i = s->how == YOKE_ZIP ? rest : rest % a->n;
        rest = s->how == YOKE_ZIP ? rest : rest / a->n;
        at[k] = (const char *)a->values + i * a->size;
    }
    return s->fn(t, at, out);
}

static int count_stars(const star *s, uint64_t *ret, yoke_error *err)
{
    if (s->n_args < 1 || s->n_args > MAX_ARGS)
        return yk_fail(err, YOKE_EINVALID, "starmap: a function takes from 1 to %d arguments, not %u", MAX_ARGS, s->n_args);
    for (unsigned k = 0; k < s->n_args; k++)
        if (!s->args[k].values && s->args[k].n && s->args[k].size)
            return yk_fail(err, YOKE_EINVALID, "starmap: the values of argument %u are NULL", k + 1);
    uint64_t n = s->args[0].n;
    for (unsigned k = 1; k < s->n_args; k++) {
        uint64_t m = s->args[k].n;
        if (s->how == YOKE_ZIP && m != n)
            return yk_fail(err, YOKE_EINVALID, "starmap: argument %u has %llu values where the first has %llu", k + 1,
                           (unsigned long long)m, (unsigned long long)n);
        if (s->how == YOKE_PRODUCT && __builtin_mul_overflow(n, m, &n))
            return yk_fail(err, YOKE_ELIMIT, "starmap: the product of the arguments has over 2^64 elements");
    }
    *ret = n;
    return 0;
}

int yoke_starmap(yoke_session *s, yoke_star_fn *fn, const yoke_arg *args, unsigned n_args, yoke_star how, void *results,
                 size_t result_size, const yoke_map_opts *opts, yoke_error *err)
{
    star    x = {.fn = fn, .args = args, .n_args = n_args, .how = how};
    yk_work w = {.name = "starmap", .out = results, .out_size = result_size, .ctx = &x.call, .extra = &x, .task = star_task};
    if (YK_LACKS(s, err) || YK_LACKS(fn, err) || YK_LACKS(args, err))
        return YOKE_EINVALID;
    YK_TRY(count_stars(&x, &w.n, err));
    return run_all(&x.call, s, opts, &w, err);
}

/* ---- loops ---- */

enum { PIECES = 1024 };

typedef struct loop {
    yoke_range_fn *fn;
    uint64_t       n, grain;
    yk_call        call;
} loop;

static int loop_task(yoke_task *t, const void *in, void *out)
{
    const loop *l = t->work->extra;
    uint64_t    lo = yoke_task_index(t) * l->grain;
    (void)in;
    (void)out;
    return l->fn(t, lo, l->n - lo < l->grain ? l->n : lo + l->grain);
}

int yoke_for(yoke_session *s, yoke_range_fn *fn, uint64_t n, uint64_t grain, const yoke_map_opts *opts, yoke_error *err)
{
    if (YK_LACKS(s, err) || YK_LACKS(fn, err))
        return YOKE_EINVALID;
    loop l = {.fn = fn, .n = n, .grain = grain ? grain : n / PIECES + 1};
    yk_work w = {.name = "for", .n = n / l.grain + (n % l.grain != 0), .ctx = &l.call, .extra = &l, .task = loop_task};
    return run_all(&l.call, s, opts, &w, err);
}
