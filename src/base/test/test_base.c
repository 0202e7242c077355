/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cpus.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/near.h"
#include "base/test/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(first_error_wins_and_long_sentences_are_cut)
{
    yoke_error err = YOKE_ERROR_INIT;
    char       big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(yk_fail(&err, YOKE_EFORMAT, "%s", big), YOKE_EFORMAT);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(yk_fail(&err, YOKE_EIO, "second"), YOKE_EIO);
    assert_int_equal(err.code, YOKE_EFORMAT);
    assert_int_equal(yk_fail(NULL, YOKE_EIO, "nobody listens"), YOKE_EIO);
    yoke_error_clear(&err);
    errno = ENOENT;
    assert_int_equal(yk_fail_errno(&err, "'%s'", "gone"), YOKE_EABSENT);
    assert_string_equal(err.text, "'gone': No such file or directory");
    yk_fail_at(&err, err.code, "opening %d", 7);
    assert_string_equal(err.text, "opening 7: 'gone': No such file or directory");
}

TEST(every_code_has_a_text)
{
#define X(name, value, text) assert_string_equal(yoke_error_name(value), text);
    YOKE_ERRORS(X)
#undef X
    assert_string_equal(yoke_error_name(77), "unknown error");
}

TEST(sizes_that_overflow_are_refused)
{
    size_t r = 5;
    assert_false(yk_mul(&r, SIZE_MAX / 2, 3));
    assert_int_equal(r, 5);
    int   *a = NULL;
    size_t cap = 0;
    assert_false(yk_grow(&a, &cap, SIZE_MAX / 2, sizeof *a));
    assert_null(a);
    volatile size_t huge = SIZE_MAX - 3;
    assert_null(yk_malloc_aligned(huge));
}

TEST(arrays_grow)
{
    int   *a = NULL;
    size_t n = 0, cap = 0;
    for (int i = 0; i < 1000; i++)
        assert_true(yk_push(&a, &n, &cap, i * i));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(a[i], i * i);
    yk_free(a);
}

TEST(arena_gives_aligned_separate_memory)
{
    yk_arena a = YK_ARENA_INIT;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 100000; size = size * 3 + 1) {
            unsigned char *p = yk_arena_alloc(&a, size);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % (size >= 64 ? 64 : 16), 0);
            memset(p, 0xab, size);
        }
        yk_arena_clear(&a);
    }
    yk_arena_fini(&a);
}

TEST(buffer_builds_text)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    assert_string_equal(yk_buf_text(&b), "");
    yk_buf_puts(&b, "tip");
    yk_buf_printf(&b, " %d%%", 22);
    yk_buf_putc(&b, '!');
    assert_string_equal(yk_buf_text(&b), "tip 22%!");
}

/* Against RFC 8259 and the table of well-formed sequences in the Unicode standard (3.9, table 3-7). */
TEST(json_holds_any_bytes)
{
    static const struct { const char *in, *want; } row[] = {
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\n\t\x01", "\"\\n\\u0009\\u0001\""},
        {"\xc3\xa9 \xf0\x9f\x90\x82", "\"\xc3\xa9 \xf0\x9f\x90\x82\""},
        {"\xff", "\"\xef\xbf\xbd\""},                                                                    /* no such byte */
        {"\xc3", "\"\xef\xbf\xbd\""},                                                                    /* cut short */
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                                                   /* over-long */
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},                                  /* a surrogate */
        {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},                 /* over U+10FFFF */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        YK_AUTOBUF b = YK_BUF_INIT;
        yk_json_text(&b, row[i].in, strlen(row[i].in));
        assert_string_equal(yk_buf_text(&b), row[i].want);
    }
}

static int build_text(void)
{
    YK_AUTOBUF b = YK_BUF_INIT;
    for (int i = 0; i < 100; i++)
        yk_buf_printf(&b, "%d ", i);
    return b.is_failed ? YOKE_ENOMEM : 0;
}

TEST(nth_allocation_failing_leaks_nothing)
{
    for (uint64_t nth = 1;; nth++) {
        uint64_t asked;
        yk_alloc_test_begin(nth);
        int rc = build_text();
        assert_int_equal(yk_alloc_test_end(&asked), 0);
        if (asked < nth) {
            assert_int_equal(rc, 0);
            return;
        }
        assert_int_equal(rc, YOKE_ENOMEM);
    }
}

TEST(near_words)
{
    static const char *const word[] = {"map", "table", "tutorial", "trip_distance", "tip_amount"};
    static const struct { const char *typed, *meant; } row[] = {
        {"mpa", "map"}, {"tabel", "table"}, {"tutorail", "tutorial"}, {"TIP_AMOUNT", "tip_amount"},
        {"trip_dist", "trip_distance"}, {"quux", NULL}, {"x", NULL}, {"mob", NULL}, {"", NULL}, {"MAP", "map"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const char *found = yk_near_find(row[i].typed, word, 5);
        if (row[i].meant)
            assert_string_equal(found ? found : "(none)", row[i].meant);
        else
            assert_null(found);
    }
    assert_int_equal(yk_near_distance("kitten", "sitting"), 3);
    assert_int_equal(yk_near_distance("ab", "ba"), 1);
}

TEST(at_least_one_core)
{
    yk_cpus c = yk_cpus_find();
    assert_true(c.usable >= 1 && c.usable <= c.affinity);
    setenv("SLURM_CPUS_PER_TASK", "1", 1);
    assert_int_equal(yk_cpus_find().usable, 1);
    setenv("SLURM_CPUS_PER_TASK", "many", 1);
    assert_int_equal(yk_cpus_find().usable, c.usable);
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *scratch(void)
{
    static char dir[] = "/tmp/yoke-test-XXXXXX";
    return strstr(dir, "XXXXXX") ? mkdtemp(dir) : dir;
}

TEST(control_group_quotas)
{
    const char *dir = scratch();
    char        groups[200], path[200];
    snprintf(groups, sizeof groups, "%s/cgroup", dir);
    static const char *const made[] = {"job", "job/step", "cpu", "cpu/docker"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, made[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    write_text(dir, "job/cpu.max", "150000 100000\n");
    write_text(dir, "job/step/cpu.max", "max 100000\n");
    write_text(dir, "cpu/cpu.cfs_quota_us", "300000\n");
    write_text(dir, "cpu/cpu.cfs_period_us", "100000\n");
    write_text(dir, "cpu/docker/cpu.cfs_quota_us", "-1\n");
    static const struct { const char *groups; double want; } row[] = {
        {"0::/job/step\n", 1.5},                              /* v2: the parent's limit binds */
        {"0::/\n", 0},                                        /* no limit at the root */
        {"4:cpu,cpuacct:/docker\n3:cpuset:/docker\n", 3},     /* v1: the parent's again */
        {"4:cpuset:/docker\n", 0},                            /* cpuset is another controller */
        {"4:cpu:/docker\n0::/job\n", 1.5},                    /* hybrid: the least of both */
        {"4:cpu:/not/mounted/here\n", 3},                     /* a container sees its own root only */
        {"nonsense\n", 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        write_text(dir, "cgroup", row[i].groups);
        assert_true(yk_cpus_quota(groups, dir) == row[i].want);
    }
    assert_true(yk_cpus_quota("/no/such/file", dir) == 0);
    char remove[200];
    snprintf(remove, sizeof remove, "rm -r %s/*", dir);
    assert_int_equal(system(remove), 0);
}

TEST(output_is_complete_or_absent)
{
    char path[200];
    snprintf(path, sizeof path, "%s/out.txt", scratch());
    yk_output  o;
    yoke_error err = YOKE_ERROR_INIT;
    assert_int_equal(yk_output_open(&o, path, false, &err), 0);
    fputs("half", o.file);
    yk_output_fini(&o);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(yk_output_open(&o, path, false, &err), 0);
    fputs("whole", o.file);
    assert_int_equal(yk_output_commit(&o, &err), 0);
    yk_output_fini(&o);
    YK_AUTOBUF b = YK_BUF_INIT;
    assert_int_equal(yk_file_slurp(path, &b, &err), 0);
    assert_string_equal(yk_buf_text(&b), "whole");
    assert_int_equal(yk_output_open(&o, path, false, &err), YOKE_EEXISTS);
    yoke_error_clear(&err);
    assert_int_equal(yk_output_open(&o, "/dev/null", true, &err), YOKE_EINVALID); /* it would be renamed away */
    unlink(path);
    rmdir(scratch());
}

TEST(a_full_disk_is_reported)
{
    if (access("/dev/full", W_OK) < 0)
        skip();
    int        fd = open("/dev/full", O_WRONLY);
    yoke_error err = YOKE_ERROR_INIT;
    assert_int_equal(yk_file_write(fd, "/dev/full", "x", 1, &err), YOKE_EIO);
    assert_int_equal(err.sys, ENOSPC);
    close(fd);
}

TEST(opening_what_is_no_file)
{
    int        fd;
    uint64_t   size;
    yoke_error err = YOKE_ERROR_INIT;
    assert_int_equal(yk_file_open("/tmp", &fd, &size, &err), YOKE_EINVALID);
    yoke_error_clear(&err);
    assert_int_equal(yk_file_open("/no/such/file", &fd, &size, &err), YOKE_EABSENT);
}

/* Twelve inputs where sixteen descriptors may be open: those that do not stay open are read all the same, as long as they are the same. */
TEST(more_inputs_than_may_be_open)
{
    enum { N = 12 };
    static char   path[N][200];
    yk_input      in[N];
    yoke_error    err = YOKE_ERROR_INIT;
    struct rlimit old, few;
    unsigned      n_open = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = (struct rlimit){16, old.rlim_max};
    mkdir(scratch(), 0700); /* another test may have removed it */
    for (int i = 0; i < N; i++) {
        snprintf(path[i], sizeof path[i], "%s/in%d", scratch(), i);
        FILE *f = fopen(path[i], "w");
        fprintf(f, "content %d", i);
        fclose(f);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(yk_input_open(&in[i], path[i], &err), 0);
        n_open += in[i].fd >= 0;
    }
    assert_int_equal(n_open, 8);
    for (int i = 0; i < N; i++) {
        char byte[3] = "";
        assert_int_equal(yk_input_read(&in[i], 8, byte, in[i].size - 8, &err), 0);
        assert_int_equal(atoi(byte), i);
    }
    FILE *f = fopen(path[N - 1], "a");
    fputs("more", f);
    fclose(f);
    assert_int_equal(yk_input_read(&in[N - 1], 0, path[0], 1, &err), YOKE_EIO);
    assert_non_null(strstr(err.text, "has changed since it was opened"));
    yoke_error_clear(&err);
    for (int i = 0; i < N; i++) {
        snprintf(path[0], sizeof path[0], "%s/in%d", scratch(), i);
        unlink(path[0]);
        yk_input_close(&in[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    rmdir(scratch());
}

/* Runs end where their memory does, so that the address sanitizer sees a byte too many. */
TEST(short_runs_of_bytes)
{
    for (size_t n = 0; n < 150; n++) {
        unsigned char *a = yk_malloc(n), *b = yk_malloc(n + 1);
        for (size_t i = 0; i < n; i++)
            a[i] = (unsigned char)(i * 37 + n);
        b[n] = 'x';
        yk_copy_bytes(b, a, n);
        assert_memory_equal(a, b, n);
        assert_int_equal(b[n], 'x');
        assert_true(yk_same_bytes(a, b, n));
        uint64_t hash = yk_hash_text(a, n, 5);
        assert_true(hash == yk_hash_text(b, n, 5) && hash != yk_hash_text(b, n + 1, 5) && hash != yk_hash_text(b, n, 6));
        for (size_t i = 0; i < n; i++) {
            b[i] ^= (unsigned char)(1 << i % 8);
            assert_false(yk_same_bytes(a, b, n));
            assert_true(hash != yk_hash_text(b, n, 5));
            b[i] = a[i];
        }
        yk_free(a);
        yk_free(b);
    }
}

RUN_TESTS(first_error_wins_and_long_sentences_are_cut, every_code_has_a_text, sizes_that_overflow_are_refused, arrays_grow,
          arena_gives_aligned_separate_memory, buffer_builds_text, json_holds_any_bytes, nth_allocation_failing_leaks_nothing, near_words,
          at_least_one_core, control_group_quotas, output_is_complete_or_absent, a_full_disk_is_reported, opening_what_is_no_file,
          more_inputs_than_may_be_open, short_runs_of_bytes)
