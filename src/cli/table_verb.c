/* SPDX-License-Identifier: BSD-3-Clause
 *
 * yoke table: reads its words into one call of the table interface, and prints what comes back.
 */
#include "cli/table_call.h"

#include "base/number.h"
#include "cli/plotting.h"
#include "cli/verbs.h"
#include "expr/expr.h"

#include <stdlib.h>

enum {
    WHERE = 1, JOIN, KEY, COUNT, SUM, MEAN, MIN, MAX, STD, VAR, MEDIAN, QUANTILE, UNIQUE, FIRST, LAST, HIST, BINS, RANGE, EDGES, LOG_BINS,
    BY, TOP, SELECT, SORT, DISTINCT, HEAD, TAIL, SAMPLE, SEED, DESCRIBE, COLUMNS, OUT, COMPRESSION, FORCE, FORMAT, JSON, PLOT, LOG_X,
    LOG_Y, TITLE, ON, STATS, EXPLAIN, MEMORY, DELIMITER, HEADER, NO_HEADER, BAD_ROWS, TYPES, PROGRESS,
};

static const yk_opt opts[] = {
    {WHERE, 'w', "where", "E", "only the rows where E is true; given several times: where all are"},
    {JOIN, 0, "join", "FILE", "columns of a second, smaller table join every row by --key; may be given several times, each with its key"},
    {KEY, 0, "key", "A=B,…", "of the --join before it: column A equals its column B; A where both call it so"},
    {COUNT, 'c', "count", NULL, "how many rows"},
    {SUM, 0, "sum", "E", "sum of E over the rows; missing values are left out, here and below"},
    {MEAN, 0, "mean", "E", "mean"},
    {MIN, 0, "min", "E", "least value: a number, time or text"},
    {MAX, 0, "max", "E", "greatest value"},
    {STD, 0, "std", "E", "standard deviation of a sample (divided by n - 1)"},
    {VAR, 0, "var", "E", "its square"},
    {MEDIAN, 0, "median", "E", "exact median"},
    {QUANTILE, 0, "quantile", "Q:E", "exact quantiles, e.g. 0.9:tip or 0.25,0.75:tip; linear between two values"},
    {UNIQUE, 0, "unique", "E", "how many different values"},
    {FIRST, 0, "first", "E", "with --by: the first value of each group"},
    {LAST, 0, "last", "E", "with --by: the last one"},
    {HIST, 0, "hist", "E",
     "histogram, as numpy.histogram counts it; may be given several times with the same bins; with --by one for each group"},
    {BINS, 'b', "bins", "N", "number of bins; 50 when not given"},
    {RANGE, 'r', "range", "LO:HI", "their range; from the least to the greatest value when not given"},
    {LOG_BINS, 0, "log-bins", NULL, "bins of equal width in the logarithm"},
    {EDGES, 0, "edges", "A,B,…", "the edges themselves, rising"},
    {BY, 0, "by", "E,…", "one row per group of equal keys, with the results above for each; in the order of the keys"},
    {TOP, 0, "top", "N", "with --by: the N groups with the greatest first result, greatest first"},
    {SELECT, 's', "select", "E,…", "rows of these columns: names or expressions, 'tip / fare as share'; * is all columns"},
    {SORT, 0, "sort", "E,…", "rows in order: 'tip desc, zone'; missing values last, equal rows as they lie"},
    {DISTINCT, 0, "distinct", NULL, "each different row once"},
    {HEAD, 'n', "head", "N", "the first N rows; with --sort by a column of Parquet files, what their statistics rule out is not read"},
    {TAIL, 0, "tail", "N", "the last N rows"},
    {SAMPLE, 0, "sample", "N", "N rows at random, the same for the same --seed"},
    {SEED, 0, "seed", "N", "of --sample; 0 when not given"},
    {DESCRIBE, 0, "describe", NULL, "of every column, or of those that --select names: count, missing, mean, std, min, quartiles, max"},
    {COLUMNS, 0, "columns", NULL, "the columns: type, missing values, and where files differ"},
    {OUT, 'o', "output", "FILE",
     "write there: rows (all, when nothing else is asked) as .csv, .jsonl, .parquet or .txt, a histogram as .csv for yoke plot"},
    {COMPRESSION, 0, "compression", "C", "of a Parquet file that is written: zstd (default), snappy or none"},
    {FORCE, 'f', "force", NULL, "an output that is there already is replaced"},
    {FORMAT, 0, "format", "F", "how rows are printed: table, csv, json"},
    {JSON, 0, "json", NULL, "results for a machine: one JSON object; rows: an object per line"},
    {PLOT, 0, "plot", "FILE", "draw the histograms: .png, .svg, .pdf, or - for the terminal"},
    {LOG_X, 0, "log-x", NULL, "the plot's x axis is logarithmic"},
    {LOG_Y, 0, "log-y", NULL, "its y axis is"},
    {TITLE, 0, "title", "TEXT", "its title"},
    {ON, 0, "on", "WHAT", "what pulls: serial, threads[:N], processes[:N]; default $YOKE_ON, else threads"},
    {STATS, 0, "stats", NULL, "a line on standard error: rows, bytes, seconds, memory"},
    {EXPLAIN, 0, "explain", NULL, "print what the call would read and leave out, and which results statistics give, and do not run it"},
    {MEMORY, 0, "memory", "SIZE", "what a scan and its results may hold, e.g. 500M, 2G; default a quarter of what there is. Sorts and groups that need more go to files in $TMPDIR; what cannot be read within it is refused, with what it takes"},
    {DELIMITER, 'd', "delimiter", "C", "of CSV files; found out when not given (comma, tab, semicolon, bar)"},
    {HEADER, 0, "header", NULL, "the first line of CSV files names the columns"},
    {NO_HEADER, 0, "no-header", NULL, "it does not: columns are c1, c2, …"},
    {BAD_ROWS, 0, "bad-rows", "WHAT", "CSV rows with a wrong number of fields: stop (default), or skip and say how many"},
    {TYPES, 0, "types", "C=T,…", "types of CSV columns that are not to be found out: zip=text,fare=real; int, bool, date, timestamp"},
    {PROGRESS, 0, "progress", "HOW", "auto, bar, line or none"},
    {0},
};

typedef yk_table_call call;

static void call_fini(call *c)
{
    for (size_t i = 0; i < c->n; i++)
        yk_free(c->labels[i]);
    yk_free(c->labels);
    yk_free(c->asks);
    yk_free(c->files);
    yk_free(c->where);
    yk_free(c->joins);
    yk_free(c->keys);
    yk_free(c->edges);
}

static bool nomem(const call *c) { return yk_cli_usage(c->args, "out of memory") < 0; }

/* ---- words to asks */

static bool add_ask(call *c, yoke_ask_kind what, const char *word, const char *expr, double q)
{
    YK_AUTOBUF                         label = YK_BUF_INIT;
    YK_CLEANUP(yk_expr_freep) yk_expr *e = NULL;
    const char *alias = expr && yk_expr_parse(expr, &e, NULL) == 0 ? yk_expr_alias(e) : NULL; /* what is wrong is said when it is run */
    if (what == YOKE_ASK_QUANTILE && strcmp(word, "median") != 0)
        yk_buf_printf(&label, "quantile(%s, %g)", alias ? alias : expr, q);
    else if (alias)
        yk_buf_puts(&label, alias);
    else if (expr)
        yk_buf_printf(&label, "%s(%s)", word, expr);
    else
        yk_buf_puts(&label, word);
    char    *text = yk_strdup(yk_buf_text(&label));
    size_t   n = c->n;
    yoke_ask ask = {.what = what, .expr = expr, .q = q};
    if (!text || !yk_push(&c->asks, &n, &c->cap, ask)) {
        yk_free(text);
        return nomem(c);
    }
    n = c->n;
    if (!yk_push(&c->labels, &n, &c->cap_labels, text)) {
        yk_free(text);
        return nomem(c);
    }
    c->n = n;
    return true;
}

/* "0.25,0.75:tip" */
static bool add_quantiles(call *c, const char *value)
{
    const char *colon = strchr(value, ':');
    if (!colon || !colon[1])
        return yk_cli_usage(c->args, "--quantile '%s': which one, a colon, of what: --quantile 0.9:tip_amount", value) < 0;
    for (const char *at = value; at < colon;) {
        const char *end = memchr(at, ',', (size_t)(colon - at));
        size_t      n = (size_t)((end ? end : colon) - at);
        double      q;
        if (!yk_number_read_real(at, n, &q) || !(q >= 0 && q <= 1))
            return yk_cli_usage(c->args, "--quantile '%s': '%.*s' is no number between 0 and 1", value, (int)n, at) < 0;
        if (!add_ask(c, YOKE_ASK_QUANTILE, "quantile", colon + 1, q))
            return false;
        at += n + (end != NULL);
    }
    return true;
}

static bool read_edges(call *c, const char *value)
{
    for (const char *at = value;; at++) {
        size_t n = strcspn(at, ",");
        double x;
        if (!yk_number_read_real(at, n, &x))
            return yk_cli_usage(c->args, "--edges '%s': '%.*s' is no number", value, (int)n, at) < 0;
        if (!yk_push(&c->edges, &c->n_edges, &c->cap_edges, x))
            return nomem(c);
        at += n;
        if (!*at)
            return true;
    }
}

static bool read_size(const call *c, const char *value, uint64_t *ret)
{
    static const char units[] = "KMGT";
    size_t            n = strspn(value, "0123456789.");
    double            x;
    const char       *unit = value[n] ? strchr(units, value[n] & ~0x20) : units;
    if (!yk_number_read_real(value, n, &x) || !unit || x < 0
        || (value[n] && value[n + 1] && strcasecmp(value + n + 1, "B") != 0 && strcasecmp(value + n + 1, "iB") != 0))
        return yk_cli_usage(c->args, "--memory '%s': a size is a number and K, M, G or T, such as 500M", value) < 0;
    if (x > 0 && x < 1024 && !value[n])
        return yk_cli_usage(c->args, "--memory '%s' is that many bytes; a size has a unit, such as %sM or %sG", value, value, value) < 0;
    *ret = (uint64_t)(x * (value[n] ? (double)((uint64_t)1 << (10 * (unit - units + 1))) : 1));
    return true;
}

static bool read_format(call *c, const char *value)
{
    static const char *const words[] = {"table", "csv", "json"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(value, words[i]) == 0) {
            c->format = (yk_table_format)i;
            c->is_json |= c->format == YK_TABLE_JSON;
            return true;
        }
    return yk_cli_usage(c->args, "--format '%s': table, csv or json", value) < 0;
}

static bool take_reading(call *c, int id, const char *value)
{
    yoke_error err = YOKE_ERROR_INIT;
    switch (id) {
    case MEMORY: return read_size(c, value, &c->opts.memory);
    case DELIMITER:
        c->opts.delimiter = strcmp(value, "\\t") == 0 || strcmp(value, "tab") == 0 ? '\t' : *value;
        if (!*value || (value[1] && c->opts.delimiter != '\t') || strchr("\"\n\r", *value))
            return yk_cli_usage(c->args, "--delimiter '%s': one character, or tab", value) < 0;
        return true;
    case HEADER: c->opts.header = 1; return true;
    case NO_HEADER: c->opts.header = -1; return true;
    case TYPES: c->opts.types = value; return true;
    case BAD_ROWS:
        c->opts.skip_bad_rows = strcmp(value, "skip") == 0;
        if (!c->opts.skip_bad_rows && strcmp(value, "stop") != 0)
            return yk_cli_usage(c->args, "--bad-rows '%s': stop or skip", value) < 0;
        return true;
    default:
        if (yk_progress_parse(value, &c->how, &err) < 0)
            return yk_cli_usage(c->args, "%s", err.text) < 0;
        return true;
    }
}

static bool take_rows(call *c, int id, const char *value)
{
    c->wants_rows = true;
    switch (id) {
    case BY: c->rows.by = value; return true;
    case TOP: return yk_args_uint(c->args, "top", value, 1, UINT64_MAX, &c->top);
    case SELECT: c->rows.select = value; return true;
    case SORT: c->rows.sort = value; return true;
    case DISTINCT: c->rows.is_distinct = 1; return true;
    case HEAD: return yk_args_uint(c->args, "head", value, 1, UINT64_MAX, &c->rows.head);
    case TAIL: return yk_args_uint(c->args, "tail", value, 1, UINT64_MAX, &c->rows.tail);
    default: return yk_args_uint(c->args, "sample", value, 1, UINT64_MAX, &c->rows.sample);
    }
}

static bool take_ask(call *c, int id, const char *value)
{
    switch (id) {
    case COUNT: return add_ask(c, YOKE_ASK_COUNT, "count", NULL, 0);
    case SUM: return add_ask(c, YOKE_ASK_SUM, "sum", value, 0);
    case MEAN: return add_ask(c, YOKE_ASK_MEAN, "mean", value, 0);
    case MIN: return add_ask(c, YOKE_ASK_MIN, "min", value, 0);
    case MAX: return add_ask(c, YOKE_ASK_MAX, "max", value, 0);
    case STD: return add_ask(c, YOKE_ASK_STD, "std", value, 0);
    case VAR: return add_ask(c, YOKE_ASK_VAR, "var", value, 0);
    case MEDIAN: return add_ask(c, YOKE_ASK_QUANTILE, "median", value, 0.5);
    case QUANTILE: return add_quantiles(c, value);
    case UNIQUE: return add_ask(c, YOKE_ASK_DISTINCT, "unique", value, 0);
    case FIRST: return add_ask(c, YOKE_ASK_FIRST, "first", value, 0);
    case LAST: return add_ask(c, YOKE_ASK_LAST, "last", value, 0);
    case HIST: return add_ask(c, YOKE_ASK_HISTOGRAM, "hist", value, 0);
    case BINS: {
        uint64_t n;
        if (!yk_args_uint(c->args, "bins", value, 1, 1 << 20, &n))
            return false;
        c->n_bins = (uint32_t)n;
        return true;
    }
    case RANGE: return c->has_range = true, yk_cli_range(c->args, "range", value, c->range);
    case EDGES: return read_edges(c, value);
    default: return c->is_log_bins = true;
    }
}

static bool take_option(call *c, int id, const char *value)
{
    switch (id) {
    case YK_ARG_WRONG: return false;
    case YK_ARG_WORD: return yk_push(&c->files, &c->n_files, &c->cap_files, value) || nomem(c);
    case WHERE: return yk_push(&c->where, &c->n_where, &c->cap_where, value) || nomem(c);
    case JOIN: return yk_push(&c->joins, &c->n_joins, &c->cap_joins, value) || nomem(c);
    case KEY: return yk_push(&c->keys, &c->n_keys, &c->cap_keys, value) || nomem(c);
    case BY: case TOP: case SELECT: case SORT: case DISTINCT: case HEAD: case TAIL: case SAMPLE: return take_rows(c, id, value);
    case SEED: return yk_args_uint(c->args, "seed", value, 0, UINT64_MAX, &c->rows.seed);
    case COLUMNS: return c->wants_columns = true;
    case DESCRIBE: return c->wants_rows = c->is_described = true;
    case OUT: c->out = value; return true;
    case COMPRESSION: c->compression = value; return true;
    case FORCE: return c->is_forced = true;
    case FORMAT: return read_format(c, value);
    case JSON: return c->is_json = true;
    case PLOT: c->plot = value; return true;
    case LOG_X: return c->is_log_x = true;
    case LOG_Y: return c->is_log_y = true;
    case TITLE: c->title = value; return true;
    case ON: c->on = value; return true;
    case STATS: return c->has_stats = true;
    case EXPLAIN: return c->is_explained = true;
    case MEMORY: case DELIMITER: case HEADER: case NO_HEADER: case BAD_ROWS: case TYPES: case PROGRESS: return take_reading(c, id, value);
    default: return take_ask(c, id, value);
    }
}

/* ---- what does not go together */

size_t yk_table_histograms(const yk_table_call *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->asks[i].what == YOKE_ASK_HISTOGRAM;
    return n;
}

static bool check(call *c)
{
    const yk_args *a = c->args;
    unsigned       n_which = (c->rows.head > 0) + (c->rows.tail > 0) + (c->rows.sample > 0);
    if (c->n_files == 0)
        return yk_cli_usage(a, "name the files: yoke table 'yellow_*.parquet' --mean tip_amount") < 0;
    c->wants_rows |= c->out && !c->n && !c->wants_columns; /* all of them */
    if (!c->n && !c->wants_rows && !c->wants_columns)
        return yk_cli_usage(a, "say what is wanted of the table: --columns, --head 10, --count, --mean E, --hist E, --by E, …; -o FILE for all rows") < 0;
    if (c->is_described && (c->n || c->rows.by || c->rows.sort || c->rows.is_distinct || n_which || c->format == YK_TABLE_PARQUET))
        return yk_cli_usage(a, "--describe is of all rows that pass --where; with it go --select, --json, --format and -o alone") < 0;
    if (c->n && c->wants_rows && !c->rows.by)
        return yk_cli_usage(a, "rows (--select, --head, …) and results (--%s …) are two calls; --by gives results per group", "mean") < 0;
    if (c->n && !c->rows.by && c->format == YK_TABLE_CSV)
        return yk_cli_usage(a, "--format csv is of rows; results are printed one a line, or with --json") < 0;
    if (c->n_joins != c->n_keys)
        return yk_cli_usage(a, "every --join has a --key: --join zones.csv --key PULocationID=LocationID") < 0;
    if (c->wants_columns && (c->n || c->wants_rows))
        return yk_cli_usage(a, "--columns stands alone") < 0;
    if (n_which > 1)
        return yk_cli_usage(a, "--head, --tail and --sample: one of them") < 0;
    if (c->rows.by && (c->rows.select || c->rows.is_distinct || c->rows.sample))
        return yk_cli_usage(a, "--by gives one row per group; --select, --distinct and --sample are for rows of the table") < 0;
    for (size_t i = 0; i < c->n && !c->rows.by; i++)
        if (c->asks[i].what == YOKE_ASK_FIRST || c->asks[i].what == YOKE_ASK_LAST)
            return yk_cli_usage(a, "--first and --last are of groups (--by); of the table: --select E --head 1, --tail 1") < 0;
    if (c->rows.is_distinct && c->rows.sample)
        return yk_cli_usage(a, "--sample is of the rows of the table; of different ones: --distinct -o FILE first") < 0;
    if (c->top && n_which)
        return yk_cli_usage(a, "--top says how many groups; --head and --tail do not go with it") < 0;
    if (c->top && c->rows.sort)
        return yk_cli_usage(a, "--top sorts by the first result; for another order: --sort 'E desc' --head N") < 0;
    if (c->top && !c->rows.by)
        return yk_cli_usage(a, "--top is of groups (--by); for rows: --sort 'E desc' --head N") < 0;
    /* by which groups are the greatest */
    if (c->top && c->n == yk_table_histograms(c) && c->n && !add_ask(c, YOKE_ASK_COUNT, "count", NULL, 0))
        return false;
    if (yk_table_histograms(c) == 0 && (c->n_bins || c->has_range || c->n_edges || c->is_log_bins))
        return yk_cli_usage(a, "--bins, --range, --edges and --log-bins are of a histogram: add --hist E") < 0;
    if (c->n_edges && (c->n_bins || c->has_range || c->is_log_bins))
        return yk_cli_usage(a, "--edges says all of the bins; --bins, --range and --log-bins do not go with it") < 0;
    if (!c->plot && (c->title || c->is_log_x || c->is_log_y))
        return yk_cli_usage(a, "--title, --log-x and --log-y are of a picture: add --plot FILE, or --plot - for the terminal") < 0;
    if (c->rows.seed && !c->rows.sample)
        return yk_cli_usage(a, "--seed is of --sample N") < 0;
    if (c->plot && yk_table_histograms(c) == 0)
        return yk_cli_usage(a, "--plot draws a histogram: add --hist E") < 0;
    if (c->out && c->n && !c->rows.by && yk_table_histograms(c) == 0)
        return yk_cli_usage(a, "-o keeps rows or a histogram; a number is printed: use > FILE") < 0;
    if (c->out && (c->rows.by || yk_table_histograms(c) == 0))
        if (!yk_table_format_of(a, c->out, &c->format))
            return false;
    if (c->compression && c->format != YK_TABLE_PARQUET)
        return yk_cli_usage(a, "--compression is of a Parquet file: add -o FILE.parquet") < 0;
    return true;
}

static int run(yk_args *args)
{
    YK_CLEANUP(call_fini) call c = {.args = args, .opts = {.size = sizeof(yoke_table_opts)}};
    yoke_error                 err = YOKE_ERROR_INIT;
    const char                *value;
    int                        id;
    while ((id = yk_args_next(args, &value)) != YK_ARG_END)
        if (!take_option(&c, id, value))
            return YK_EXIT_USAGE;
    if (!check(&c))
        return YK_EXIT_USAGE;
    int code = yk_table_run(&c, &err) < 0 ? yk_cli_failed(args, &err) : YK_EXIT_OK;
    return yk_cli_finish(args, code);
}

const yk_verb yk_verb_table = {
    .name = "table",
    .summary = "filter, compute and aggregate Parquet, CSV and NumPy files larger than memory",
    .usage = "FILE… [--where E] --count|--sum E|--mean E|--hist E …\nFILE… [--where E] --by E,… [--mean E …]\nFILE… [--where E] --select E,… [--sort E] [--head N]\nFILE… --columns|--describe",
    .about =
        "Takes files as one table: Parquet (.parquet), CSV and its kin (.csv, .tsv, also .gz and .zst, - for standard input), NumPy (.npy: columns\n"
        "c1, c2, … or fields of records; tip=a.npy fare=b.npy side by side), patterns that the shell did not expand, folders (key=value folders\n"
        "give columns). Columns are matched by name; files may differ in their types and order, and where a file lacks a column it is\n"
        "missing, which is said. Any number of results in one call cost one scan; quantiles a second or third. One result is printed as its bare value, several as 'label value' lines.\n\n"
        "Expressions: columns (`in backticks` when a name has blanks), numbers, 'text', + - * / // % **, comparisons, and or not, in (…), like,\n"
        "between, case when, functions (abs sqrt exp log round min max where coalesce isnull hour weekday month lower len …). A missing value is a null or\n"
        "NaN: results leave it out, a comparison with it is false; x/0 is infinite.\n\n"
        "Results have the same bits whatever pulls (--on), and however the rows are split over files and row groups.",
    .opts = opts,
    .examples = "# what is in it\nyoke table yellow_tripdata_2022-01.parquet --columns\nyoke table yellow_tripdata_2022-01.parquet --describe\n\n"
                "# the tip as a share of the fare\nyoke table 'yellow_tripdata_2022-*.parquet' --where 'fare_amount > 0' --mean 'tip_amount / fare_amount'\n\n"
                "# mean and histogram from one scan; the histogram as a picture and a file\nyoke table 'yellow_*.parquet' --where 'fare_amount > 0' --mean 'tip_amount / fare_amount' \\\n"
                "    --hist 'tip_amount / fare_amount' --bins 200 --range 0.01:2 --log-y --plot tips.pdf -o tips.csv\n\n"
                "# by hour of the day\nyoke table trips.parquet --by 'hour(pickup) as hour' --count --mean tip --median fare\n\n"
                "# a histogram for each of the three greatest groups, in one picture\nyoke table trips.parquet --by payment_type --hist 'tip / fare' --range 0:1 --top 3 --plot tips.png\n\n"
                "# by the borough where they began\nyoke table trips.parquet --join zones.csv --key PULocationID=LocationID --by Borough --count --mean tip\n\n"
                "# from CSV to Parquet, with one column more\nyoke table trips.csv --select '*, tip / fare as share' -o shares.parquet\n\n"
                "# the ten longest trips\nyoke table trips.csv.gz --select 'pickup, distance' --sort 'distance desc' --head 10\n",
    .run = run,
};
