/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"
#include "jobs/command.h"
#include "jobs/jobfile.h"
#include "jobs/runner.h"
#include "jobs/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *write_file(const char *text, size_t n)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/yoke-jobs-%ld", (long)getpid());
    FILE *f = fopen(path, "wb");
    fwrite(text, 1, n, f);
    fclose(f);
    return path;
}

static int open_text(const char *text, size_t n, yk_jobfile **ret, yoke_error *err)
{
    const char *path = write_file(text, n);
    int         rc = yk_jobfile_open(path, NULL, ret, err);
    unlink(path);
    return rc;
}

#define OPEN(text, ret, err) open_text(text, sizeof(text) - 1, ret, err)

TEST(lines_are_named_by_their_number)
{
    yk_jobfile *f;
    yk_job      job;
    assert_int_equal(OPEN("# head\n\n  a b  \r\n#c\n #d\n\t\nlast", &f, NULL), 0);
    static const struct { const char *text; uint64_t line; } want[] = {{"a b", 2}, {"#d", 4}, {"last", 6}};
    assert_int_equal(yk_jobfile_count(f), 3);
    assert_int_equal(yk_jobfile_lines(f), 7);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(yk_jobfile_next(f, &job, NULL), 1);
        assert_string_equal(job.text, want[i].text);
        assert_int_equal(job.line, want[i].line);
        assert_int_equal(job.index, i);
    }
    assert_int_equal(yk_jobfile_next(f, &job, NULL), 0);
    assert_int_equal(yk_jobfile_seek(f, 3, NULL), 0);
    assert_int_equal(yk_jobfile_next(f, &job, NULL), 1);
    assert_int_equal(job.line, 4);
    assert_int_equal(job.index, 1);
    yk_jobfile_close(f);
}

TEST(jobs_wait_for_lines)
{
    yk_jobfile     *f;
    yk_job          job;
    size_t          n;
    assert_int_equal(OPEN("a\n#x\nb #yoke after=0\n#yoke after=0-1,3\nc\n", &f, NULL), YOKE_EFORMAT); /* 3 is no job */
    assert_int_equal(OPEN("a\n#x\nb #yoke after=0\n#yoke after=0-3\nc\n", &f, NULL), 0);
    const uint64_t *after = yk_jobfile_after(f, 4, &n);
    assert_int_equal(n, 2);
    assert_int_equal(after[0], 0);
    assert_int_equal(after[1], 2);
    after = yk_jobfile_after(f, 2, &n);
    assert_int_equal(n, 1);
    assert_null(yk_jobfile_after(f, 0, &n));
    assert_int_equal(yk_jobfile_seek(f, 2, NULL), 0);
    assert_int_equal(yk_jobfile_next(f, &job, NULL), 1);
    assert_string_equal(job.text, "b");
    yk_jobfile_close(f);
}

TEST(wrong_job_files_are_refused)
{
    static const struct { const char *text; size_t n; const char *says; } row[] = {
        {"a\0b\n", 4, "NUL"},
        {"a #yoke after=x\n", 16, "cannot read"},
        {"a #yoke\n", 8, "cannot read"},
        {"a #yoke after=1\nb #yoke after=2\nc #yoke after=0\n", 48, "circle"},
        {"a #yoke after=0\n", 16, "circle"},
        {"a #yoke after=7\n", 16, "no job"},
        {"a #yoke after=99999999999999999999\n", 35, "cannot read"},
        {"a #yoke after=0-999999999999\n", 29, "dependencies"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_jobfile *f;
        yoke_error  err = YOKE_ERROR_INIT;
        assert_true(open_text(row[i].text, row[i].n, &f, &err) < 0);
        assert_non_null(strstr(err.text, row[i].says));
    }
}

TEST(many_lines_are_found_again)
{
    YK_AUTOBUF  b = YK_BUF_INIT;
    yk_jobfile *f;
    yk_job      job;
    for (int i = 0; i < 30000; i++)
        yk_buf_printf(&b, i % 3 ? "job %d\n" : "# %d\n", i);
    assert_int_equal(open_text(b.data, b.len, &f, NULL), 0);
    assert_int_equal(yk_jobfile_count(f), 20000);
    for (uint64_t line = 29999; line > 100; line = line * 7 / 9) {
        char want[32];
        uint64_t job_line = line % 3 ? line : line + 1;
        snprintf(want, sizeof want, "job %d", (int)job_line);
        assert_int_equal(yk_jobfile_seek(f, line, NULL), 0);
        assert_int_equal(yk_jobfile_next(f, &job, NULL), 1);
        assert_string_equal(job.text, want);
        assert_int_equal(job.index, job_line - job_line / 3 - 1);
    }
    yk_jobfile_close(f);
}

TEST(sets_of_lines)
{
    yk_lines l;
    assert_int_equal(yk_lines_parse("7,0-3,2-5,6,100", &l, NULL), 0);
    assert_int_equal(l.n, 2);
    assert_int_equal(yk_lines_count(&l), 9);
    assert_true(yk_lines_has(&l, 7) && yk_lines_has(&l, 0) && yk_lines_has(&l, 100));
    assert_false(yk_lines_has(&l, 8) || yk_lines_has(&l, 99) || yk_lines_has(&l, 101));
    yk_lines_fini(&l);
    for (const char *const *wrong = (const char *const[]){"", "a", "1,", "3-1", "1-", "-1", "1 2", NULL}; *wrong; wrong++)
        assert_int_equal(yk_lines_parse(*wrong, &l, NULL), YOKE_EINVALID);
}

TEST(lines_that_need_no_shell)
{
    static const struct { const char *line, *words; } row[] = {
        {"true", "true|"}, {"  a  b\tc ", "a|b|c|"}, {"a 'b c' \"d e\" f\\ g", "a|b c|d e|f g|"}, {"a '' \"\"", "a|||"},
        {"a x=1 --y=2", "a|x=1|--y=2|"}, {"x=1 a", NULL}, {"a > b", NULL}, {"a | b", NULL}, {"a; b", NULL}, {"a &", NULL},
        {"a $B", NULL}, {"a \"$B\"", NULL}, {"a `b`", NULL}, {"a *.c", NULL}, {"a [b]", NULL}, {"a ~/b", NULL}, {"a #b", NULL},
        {"cd x", NULL}, {"exit 3", NULL}, {"echo x", NULL}, {"a 'b", NULL}, {"a \"b", NULL}, {"a b\\", NULL}, {"", NULL},
        {"! a", NULL}, {"a {b,c}", NULL}, {"(a)", NULL}, {"if a", NULL}, {"a'b'c", "abc|"}, {"'a b'", "a b|"}, {"'cd'", NULL},
    };
    yk_command c = {0};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        YK_AUTOBUF b = YK_BUF_INIT;
        assert_int_equal(yk_command_split(&c, row[i].line, strlen(row[i].line)), row[i].words != NULL);
        for (size_t w = 0; row[i].words && c.argv[w]; w++)
            yk_buf_printf(&b, "%s|", c.argv[w]);
        if (row[i].words)
            assert_string_equal(yk_buf_text(&b), row[i].words);
    }
    yk_command_fini(&c);
}

TEST(templates_are_filled_and_quoted)
{
    static const char *const names[] = {"file", "n"};
    static const struct { const char *template, *a, *b, *want; } row[] = {
        {"x {}", "a/b.c.d", "2", "x a/b.c.d 2"}, {"x", "a b", "it's", "x 'a b' 'it'\\''s'"},
            {"{1.} {1/} {1//} {1/.}", "a/b.c.d", "", "a/b.c b.c.d a b.c"}, {"{2}{1}", "a", "", "''a"},
            {"{file/.}_{n}", "/x/y.z", "3", "y_3"}, {"{#}:{%}", "", "", "7:4"}, {"awk '{print}' {1}", "f", "", "awk '{print}' f"},
            {"'{1}'", "a'b c", "", "'a'\\''b c'"}, {"\"{1}\"", "a\"$b`\\ c'", "", "\"a\\\"\\$b\\`\\\\ c'\""},
            {"\\'{1}", "a b", "", "\\''a b'"}, {"{1//}", "a", "", "."}, {"{1//}", "/a", "", "/"}, {"{1.}", "a.b/c", "", "a.b/c"},
            {"{1.}", "a.", "", "a"}, {"{0x}", "a", "", "{0x} a ''"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_template  *t;
        YK_AUTOBUF    b = YK_BUF_INIT;
        const yk_text field[] = {{row[i].a, strlen(row[i].a)}, {row[i].b, strlen(row[i].b)}};
        assert_int_equal(yk_template_new(row[i].template, 2, names, &t, NULL), 0);
        yk_template_fill(t, field, 7, 4, &b);
        assert_string_equal(yk_buf_text(&b), row[i].want);
        yk_template_free(t);
    }
    yk_template *none;
    assert_int_equal(yk_template_new("x {3}", 2, NULL, &none, NULL), YOKE_EINVALID);
    assert_int_equal(yk_template_new("x {0}", 2, NULL, &none, NULL), YOKE_EINVALID);
}

/* ---- journal and store */

static int collect(void *ctx, uint64_t start, const yk_record *r)
{
    char cause[32];
    yk_buf_printf(ctx, "%llu:%llu:%.*s:%s:%u%s ", (unsigned long long)start, (unsigned long long)r->line, (int)r->text_len, r->text,
                  yk_record_cause(r, cause, sizeof cause), r->attempt, r->is_last ? "!" : "");
    return 0;
}

static const char *scratch(const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "/tmp/yoke-%s-%ld", name, (long)getpid());
    return path;
}

static void fill_journal(yk_journal *j)
{
    yk_session s = {.n_jobs = 3, .slots = 2, .host = "here", .folder = "/", .list = "l", .command = "c"};
    yk_record  r = {.line = 4, .seq = 1, .attempt = 1, .slot = 1, .text = "a b", .text_len = 3, .tail = "", .cause = YK_CAUSE_EXIT,
                    .exit_code = 3};
    yk_journal_session(j, &s);
    uint64_t one = yk_journal_start(j, &r);
    r.line = 5, r.text = "c", r.text_len = 1;
    uint64_t two = yk_journal_start(j, &r);
    yk_journal_end(j, one, &r);
    r.attempt = 2, r.line = 4, r.text = "a b", r.text_len = 3;
    yk_journal_start(j, &r);
    yk_journal_note(j, "note");
    r.cause = YK_CAUSE_OK, r.is_last = true;
    yk_journal_end(j, two, &r);
    yk_journal_finish(j);
}

TEST(journal_reads_at_every_length)
{
    const char *path = scratch("journal");
    yk_journal *j;
    unlink(path);
    assert_int_equal(yk_journal_open(path, &j, NULL), 0);
    yk_journal *second;
    assert_int_equal(yk_journal_open(path, &second, NULL), YOKE_EEXISTS);
    fill_journal(j);
    assert_int_equal(yk_journal_flush(j, NULL), 0);
    yk_journal_close(j);
    YK_AUTOBUF all = YK_BUF_INIT, whole = YK_BUF_INIT;
    assert_int_equal(yk_records_read(path, collect, &whole, NULL, NULL), 0);
    assert_string_equal(yk_buf_text(&whole), "0:4:a b:exit 3:1 1:5:c:ok:1! 2:4:a b:running:2 ");
    FILE *f = fopen(path, "rb");
    char *to = yk_buf_extend(&all, 10000);
    all.len = fread(to, 1, 10000, f);
    fclose(f);
    for (size_t n = 0, last = 0; n <= all.len; n++) {
        size_t                  good = 0;
        const yk_journal_reader none = {0};
        assert_int_equal(yk_journal_parse(all.data, n, &none, &good, NULL), 0);
        assert_true(good <= n && good >= last);
        last = good;
        f = fopen(path, "wb"); /* append after the torn tail: what was whole stays, what comes is read */
        fwrite(all.data, 1, n, f);
        fclose(f);
        assert_int_equal(yk_journal_open(path, &j, NULL), 0);
        fill_journal(j);
        yk_journal_close(j);
        YK_AUTOBUF b = YK_BUF_INIT;
        assert_int_equal(yk_records_read(path, collect, &b, NULL, NULL), 0);
        assert_non_null(strstr(yk_buf_text(&b), "c:ok:1!"));
    }
    for (size_t at = 8; at < all.len; at++) { /* a flipped bit ends the reading there */
        size_t                  good = 0;
        const yk_journal_reader none = {0};
        all.data[at] ^= 4;
        assert_int_equal(yk_journal_parse(all.data, all.len, &none, &good, NULL), 0);
        assert_true(good <= at);
        all.data[at] ^= 4;
    }
    unlink(path);
}

static int gather(void *ctx, int stream, const char *bytes, size_t n)
{
    yk_buf_printf(ctx, "%d:%.*s ", stream, (int)n, bytes);
    return 0;
}

TEST(store_finds_each_jobs_chunks)
{
    const char *path = scratch("store");
    yk_store   *s;
    uint64_t    a = 0, b = 0;
    unlink(path);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(yk_store_open(path, &s, NULL), 0);
        assert_int_equal(yk_store_put(s, 1, "one", 3, &a, NULL), 0);
        assert_int_equal(yk_store_put(s, 1, "two", 3, &b, NULL), 0);
        assert_int_equal(yk_store_put(s, 2, "three", 5, &a, NULL), 0);
        yk_store_close(s);
    }
    assert_int_equal(yk_store_open(path, &s, NULL), 0);
    YK_AUTOBUF got = YK_BUF_INIT;
    assert_int_equal(yk_store_read(yk_store_fd(s), path, a, 0, gather, &got, NULL), 0);
    assert_string_equal(yk_buf_text(&got), "1:one 2:three 1:one 2:three ");
    yk_buf_clear(&got);
    assert_int_equal(yk_store_read(yk_store_fd(s), path, a, 2, gather, &got, NULL), 0);
    assert_string_equal(yk_buf_text(&got), "2:three 2:three ");
    assert_int_equal(pwrite(yk_store_fd(s), "X", 1, (off_t)a + 25), 1);
    assert_int_equal(yk_store_read(yk_store_fd(s), path, a, 0, gather, &got, NULL), YOKE_EFORMAT);
    assert_int_equal(yk_store_read(yk_store_fd(s), path, 1ull << 40, 0, gather, &got, NULL), YOKE_EFORMAT);
    yk_store_close(s);
    unlink(path);
}

/* ---- the runner */

typedef struct list { const char *const *line; unsigned next; yk_buf said; } list;

static int list_next(void *ctx, unsigned slot, yk_run_job *ret, yoke_error *err)
{
    list *l = ctx;
    if (!l->line[l->next])
        return YK_SOURCE_END;
    *ret = (yk_run_job){.text = l->line[l->next], .len = strlen(l->line[l->next]), .line = l->next, .seq = l->next + 1};
    l->next++;
    return YK_SOURCE_JOB;
}

static int list_ended(void *ctx, yk_runner *run, const yk_record *r, const char *tag, yoke_error *err)
{
    char cause[32];
    yk_buf_printf(&((list *)ctx)->said, "%llu %s ", (unsigned long long)r->line, yk_record_cause(r, cause, sizeof cause));
    return yk_runner_output(run, 1, gather, &((list *)ctx)->said, err);
}

TEST(runner_says_what_became_of_each)
{
    static const char *const line[] = {"true", "exit 3", "kill -9 $$", "echo out; echo err >&2", "no-such-program-at-all", "sleep 30",
                                       "printf %s \"$YOKE_JOB-$YOKE_SEQ-$YOKE_ATTEMPT\"", NULL};
    list             l = {.line = line, .said = YK_BUF_INIT};
    yk_source        source = {.ctx = &l, .next = list_next};
    yk_runner_hooks  hooks = {.ctx = &l, .ended = list_ended};
    yk_runner_opts   opts = {.slots = 1, .timeout_ns = 500000000, .kill_after_ns = 100000000};
    yk_run_end       end;
    yoke_error       err = YOKE_ERROR_INIT;
    assert_int_equal(yk_runner_run(&opts, &source, NULL, NULL, &hooks, &end, &err), 0);
    assert_string_equal(yk_buf_text(&l.said), "0 ok 1 exit 3 2 signal KILL 3 ok 1:out\n 4 exit 127 5 timed out 6 ok 1:6-7-1 ");
    assert_int_equal(end, YK_RUN_COMPLETE);
    yk_buf_fini(&l.said);
}

TEST(large_output_passes_through_the_store)
{
    static const char *const line[] = {"head -c 3000000 /dev/zero | tr '\\0' x", NULL};
    list            l = {.line = line, .said = YK_BUF_INIT};
    yk_source       source = {.ctx = &l, .next = list_next};
    yk_runner_hooks hooks = {.ctx = &l, .ended = list_ended};
    yk_runner_opts  opts = {.slots = 1};
    yk_run_end      end;
    assert_int_equal(yk_runner_run(&opts, &source, NULL, NULL, &hooks, &end, NULL), 0);
    size_t x = 0;
    for (size_t i = 0; i < l.said.len; i++)
        x += l.said.data[i] == 'x';
    assert_int_equal(x, 3000000);
    yk_buf_fini(&l.said);
}

TEST(a_run_is_journalled_and_synced)
{
    static const char *const line[] = {"echo one", "sleep 1.2", "echo two; exit 4", NULL};
    char             path[120];
    list             l = {.line = line, .said = YK_BUF_INIT};
    yk_source        source = {.ctx = &l, .next = list_next};
    yk_runner_opts   opts = {.slots = 2};
    yk_journal      *j;
    yk_store        *store;
    yk_run_end       end;
    snprintf(path, sizeof path, "%s", scratch("synced"));
    unlink(path);
    assert_int_equal(yk_journal_open(path, &j, NULL), 0);
    assert_int_equal(yk_store_open(NULL, &store, NULL), 0);
    assert_int_equal(yk_runner_run(&opts, &source, j, store, NULL, &end, NULL), 0);
    yk_journal_close(j);
    yk_store_close(store);
    assert_int_equal(yk_records_read(path, collect, &l.said, NULL, NULL), 0);
    assert_string_equal(yk_buf_text(&l.said), "0:0:echo one:ok:1! 2:2:echo two; exit 4:exit 4:1! 1:1:sleep 1.2:ok:1! ");
    yk_buf_fini(&l.said);
    unlink(path);
}

static long faults_so_far(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_minflt;
}

/* A fork copies the page tables, tens of ms for each job of a process that holds a GiB, and write-protects the pages: each costs a
 * fault when it is written to next. */
TEST(starting_a_job_copies_nothing)
{
    enum { SIZE = 64 << 20, PAGE = 4096 };
    static const char *const line[] = {"true", "exec true", "true && true", NULL};
    list           l = {.line = line, .said = YK_BUF_INIT};
    yk_source      source = {.ctx = &l, .next = list_next};
    yk_runner_opts opts = {.slots = 1};
    yk_run_end     end;
    volatile char *fat = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(fat != MAP_FAILED);
    madvise((void *)(uintptr_t)fat, SIZE, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < SIZE; at += PAGE)
        fat[at] = 1;
    assert_int_equal(yk_runner_run(&opts, &source, NULL, NULL, NULL, &end, NULL), 0);
    long before = faults_so_far();
    for (size_t at = 0; at < SIZE; at += PAGE)
        fat[at] = 2;
    assert_in_range(faults_so_far() - before, 0, SIZE / PAGE / 10);
    munmap((void *)(uintptr_t)fat, SIZE);
}

RUN_TESTS(lines_are_named_by_their_number, jobs_wait_for_lines, wrong_job_files_are_refused, many_lines_are_found_again, sets_of_lines,
          lines_that_need_no_shell, templates_are_filled_and_quoted, journal_reads_at_every_length, store_finds_each_jobs_chunks,
          runner_says_what_became_of_each, large_output_passes_through_the_store, a_run_is_journalled_and_synced,
          starting_a_job_copies_nothing)
