/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke map … --reduce: the results folded into one by the tree over the items, in constant memory.
 */
#include "base/near.h"
#include "cli/map_function.h"

#include <math.h>

__extension__ typedef __int128 wide;

typedef enum how { SUM, MEAN, MIN, MAX, COUNT, OWN } how;

/* What is folded. Whole numbers add up exactly; 2^64 of them fit. */
typedef struct total {
    wide     whole;
    double   real;
    uint64_t n;
    char     own[YK_BINDING_SLOT]; /* of a user's function */
} total;

typedef struct fold {
    yk_map_run    run; /* first: it is what tasks find as their ctx */
    how           how;
    uint8_t       type;
    yk_kernel    *combine; /* owned; OWN */
} fold;

static bool is_real(uint8_t type)
{
    return type == YOKE_DOUBLE || type == YOKE_FLOAT;
}

static wide whole_of(uint8_t type, const void *slot)
{
    uint64_t u;
    int64_t  i;
    memcpy(&u, slot, sizeof u);
    memcpy(&i, slot, sizeof i);
    return type == YOKE_UINT64 ? (wide)u : type == YOKE_INT64 ? (wide)i : (wide)yk_binding_real(type, slot);
}

static int fold_task(yoke_task *t, const void *item, void *result)
{
    const fold *f = yoke_task_ctx(t);
    char        slots[(YK_BINDING_MOST + 1) * YK_BINDING_SLOT] = {0};
    total      *to = result;
    yk_map_run_enter();
    int rc = yk_binding_call(&f->run.binding, t, f->run.is_stream ? item : NULL, slots);
    if (rc < 0)
        return rc;
    to->n = 1;
    if (f->how == OWN)
        memcpy(to->own, slots, sizeof to->own);
    else if (f->how != COUNT && is_real(f->type))
        to->real = yk_binding_real(f->type, slots);
    else if (f->how != COUNT)
        to->whole = whole_of(f->type, slots);
    return 0;
}

/* NaN wins, as in NumPy: a least value that was never compared would be a lie. */
static double least(double a, double b, bool is_max)
{
    if (isnan(a) || isnan(b))
        return NAN;
    return (is_max ? b > a : b < a) ? b : a;
}

static int fold_combine(void *ctx, void *into, const void *from, yoke_error *err)
{
    const fold  *f = ctx;
    total       *a = into;
    const total *b = from;
    (void)err;
    switch (f->how) {
    case MEAN:
    case SUM:
        a->real += b->real;
        a->whole += b->whole;
        break;
    case MIN:
    case MAX:
        a->real = least(a->real, b->real, f->how == MAX);
        if (f->how == MAX ? b->whole > a->whole : b->whole < a->whole)
            a->whole = b->whole;
        break;
    case COUNT: break;
    case OWN: {
        char  result[YK_BINDING_SLOT] = {0}, right[YK_BINDING_SLOT];
        void *args[] = {result, a->own, right};
        memcpy(right, b->own, sizeof right);
        f->combine->f->call(args);
        memcpy(a->own, result, sizeof result);
    }
    }
    a->n += b->n;
    return 0;
}

static int find_how(fold *f, const char *word, yoke_error *err)
{
    static const char *const words[] = {"sum", "mean", "min", "max", "count"};
    char                     hint[96];
    for (int i = 0; i < 5; i++)
        if (strcmp(word, words[i]) == 0) {
            f->how = (how)i;
            return 0;
        }
    if (!yk_kernel_is_meant(word))
        return yk_fail(err, YOKE_EINVALID, "--reduce takes sum, mean, min, max, count or FILE.c:function, not '%s'%s", word,
                       yk_near_hint(word, words, 5, hint, sizeof hint));
    YK_AUTOBUF messages = YK_BUF_INIT;
    int        rc = yk_kernel_open(word, &messages, &f->combine, err);
    fwrite(yk_buf_text(&messages), 1, messages.len, stderr);
    f->how = OWN;
    return rc;
}

static int check_types(fold *f, yoke_error *err)
{
    const yk_binding *b = &f->run.binding;
    const char       *name = b->kernel->f->name;
    f->type = b->out_type[0];
    if (f->how == COUNT)
        return 0;
    if (b->n_out != 1 || yk_binding_size(f->type) == 0)
        return yk_fail(err, YOKE_ETYPE, "--reduce needs one number from each item; %s gives %s", name,
                       b->n_out > 1 ? "several" : yk_kernel_type(f->type));
    if (f->how != OWN)
        return 0;
    const yoke_function *c = f->combine->f;
    if (c->n_args != 2 || c->types[0] != f->type || c->types[1] != f->type || c->types[2] != f->type)
        return yk_fail(err, YOKE_ETYPE, "--reduce: %s must take two %s and give one, as %s gives them", c->name,
                       yk_kernel_type(f->type), name);
    return 0;
}

/* ---- printing */

static void print_wide(wide n, yk_buf *to)
{
    char  digits[48], *at = digits + sizeof digits;
    bool  is_negative = n < 0;
    *--at = '\0';
    do {
        int d = (int)(n % 10);
        *--at = (char)('0' + (d < 0 ? -d : d));
    } while ((n /= 10) != 0);
    if (is_negative)
        *--at = '-';
    yk_buf_puts(to, at);
}

static int print_total(const fold *f, const total *t, uint64_t n_failed, yoke_error *err)
{
    YK_AUTOBUF text = YK_BUF_INIT;
    double     n = (double)t->n, mean = is_real(f->type) ? t->real / n : (double)t->whole / n;
    if (f->how == COUNT)
        yk_buf_printf(&text, "%llu", (unsigned long long)t->n);
    else if (t->n == 0 && f->how == SUM)
        yk_buf_puts(&text, "0");
    else if (t->n == 0)
        return yk_fail(err, n_failed > 0 ? YOKE_ETASK : YOKE_EINVALID, "there are no results to take the %s of",
                       f->how == OWN ? "fold" : f->run.asked->reduce);
    else if (f->how == OWN)
        yk_binding_print_number(f->type, t->own, false, &text);
    else if (f->how == MEAN)
        yk_binding_print_number(YOKE_DOUBLE, &mean, false, &text);
    else if (is_real(f->type))
        yk_binding_print_number(YOKE_DOUBLE, &t->real, false, &text);
    else
        print_wide(t->whole, &text);
    yk_buf_putc(&text, '\n');
    if (text.is_failed)
        return yk_fail_nomem(err, "printing the result");
    return yk_file_write(f->run.output.fd, "standard output", text.data, text.len, err);
}

/* ---- running */

/* All, or the one that ended the call; false when there was none. */
static bool tell_failures(const yoke_failures *failures, yk_map_run *r)
{
    bool is_any = false;
    for (uint64_t i = 0; i < yoke_failures_count(failures) && !(is_any && r->asked->on_error == YOKE_RAISE); i++) {
        const yoke_outcome *o = yoke_failures_at(failures, i);
        if (o->cause == YOKE_CAUSE_CANCELED)
            continue;
        yk_map_run_complain(r, o->index, o->attempt, o->cause, o->status, o->error->text);
        is_any = true;
    }
    return is_any;
}

static int run_fold(fold *f, yk_map_run *r, yoke_session *s, yoke_error *err)
{
    total          t = {0};
    yoke_failures *failures = NULL;
    yoke_map_opts  o = yk_map_run_opts(r);
    o.ctx = f;
    o.on_error = r->asked->on_error == YOKE_RAISE ? YOKE_RAISE : YOKE_IGNORE;
    if (r->asked->on_error != YOKE_IGNORE) /* what nobody will read takes no memory */
        o.failures = &failures;
    int rc = yoke_map_reduce(s, fold_task, yk_map_run_items(r), fold_combine, &t, sizeof t, &o, err);
    if (!o.failures)
        r->n_failed = r->n_failed_told;
    else if ((rc == 0 || o.on_error == YOKE_RAISE) && tell_failures(failures, r) && rc != 0)
        rc = 1; /* it is said */
    yoke_failures_free(failures);
    if (rc != 0)
        return rc;
    yk_progress_hide(r->progress);
    return print_total(f, &t, r->n_failed, err);
}

int yk_map_fold(yk_map_run *r, yoke_session *s, yoke_error *err)
{
    fold f = {.run = *r};
    if (r->asked->output || r->asked->is_json || r->asked->shows_workers || r->asked->is_unordered)
        return yk_fail(err, YOKE_EINVALID, "--reduce prints one value; it does not go with -o, --json, --show-workers, --unordered");
    int rc = find_how(&f, r->asked->reduce, err);
    if (rc == 0)
        rc = check_types(&f, err);
    if (rc == 0)
        rc = run_fold(&f, r, s, err);
    yk_kernel_free(f.combine);
    return rc;
}
