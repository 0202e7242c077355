/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/file.h"
#include "base/test/check.h"
#include "map/items.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int add_words(yk_items *it, const char *line, char *copy, yoke_error *err)
{
    char *rest = strcpy(copy, line);
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        YK_TRY(*word == '@' ? yk_items_file(it, word + 1, err) : yk_items_word(it, word, err));
    return yk_items_ready(it, err);
}

/* All items as "a,b c,d", by next or by at. */
static int list_items(yk_items *it, bool by_index, char *out, size_t size, yoke_error *err)
{
    yk_field f[8];
    int      got = 1;
    size_t   len = 0;
    YK_CLEANUP(yk_items_room_freep) yk_items_room *room = yk_items_room_new(it, err);
    if (!room)
        return YOKE_ENOMEM;
    out[0] = '\0';
    for (uint64_t i = 0; got > 0; i++) {
        if (by_index)
            got = i >= yk_items_count(it) ? 0 : yk_items_at(it, i, room, f, err) < 0 ? -1 : 1;
        else
            got = yk_items_next(it, f, err);
        for (unsigned k = 0; got > 0 && k < yk_items_width(it); k++) {
            char        buf[YK_FIELD_BUF];
            size_t      n;
            const char *text = yk_field_text(&f[k], buf, &n);
            len += (size_t)snprintf(out + len, size - len, "%s%.*s", k ? "," : i ? " " : "", (int)n, text);
        }
    }
    return got;
}

static void check(const yk_items_opts *o, const char *words, const char *want, const char *want_error)
{
    for (int by_index = 0; by_index < 2; by_index++) {
        char       out[2000], copy[400];
        yoke_error err = YOKE_ERROR_INIT;
        yk_items  *it = yk_items_new(o, &err);
        int        rc = add_words(it, words, copy, &err);
        if (rc == 0 && by_index)
            rc = yk_items_load(it, &err);
        if (rc == 0)
            rc = list_items(it, by_index, out, sizeof out, &err);
        if (want_error) {
            assert_true(rc < 0);
            if (!strstr(err.text, want_error))
                fail_msg("'%s' is not in '%s'", want_error, err.text);
        } else {
            if (rc != 0)
                fail_msg("%s: %s", words, err.text);
            assert_string_equal(out, want);
        }
        yk_items_free(it);
    }
}

TEST(words_stand_for_items)
{
    static const struct { const char *words, *want, *error; } row[] = {
        {"0..4", "0 1 2 3 4", NULL}, {"0..10..5", "0 5 10", NULL}, {"0..9..4", "0 4 8", NULL}, {"3..1", "3 2 1", NULL},
        {"1..0..-0.25", "1 0.75 0.5 0.25 0", NULL}, {"0..0.3..0.1", "0 0.1 0.2 0.3", NULL}, {"-2..2..2", "-2 0 2", NULL},
        {"5..5", "5", NULL}, {"0.5..2", "0.5 1.5", NULL}, {"a 1 b 2..3", "a 1 b 2 3", NULL},
        {"1..x", "1..x", NULL}, {"../up", "../up", NULL}, {"1...5", "1...5", NULL},
        {"::: a b ::: 1..3", "a,1 a,2 a,3 b,1 b,2 b,3", NULL}, {"a b ::: 1 2", "a,1 a,2 b,1 b,2", NULL},
        {"a b :::+ 1 2", "a,1 b,2", NULL}, {"::: a b :::+ 1 2 ::: x y", "a,1,x a,1,y b,2,x b,2,y", NULL},
        {"::: x y ::: a b :::+ 1 2", "x,a,1 x,b,2 y,a,1 y,b,2", NULL},
        {"9223372036854775806..9223372036854775807", "9223372036854775806 9223372036854775807", NULL},
        {"0..10..0", NULL, "step of 0"}, {"0..10..-1", NULL, "must be positive"}, {"10..0..1", NULL, "must be negative"},
        {"0..9223372036854775808", NULL, "too many digits"}, {"-9223372036854775808..9223372036854775807", NULL, "too many"},
        {"a b :::+ 1", NULL, "of one length"}, {":::+ 1", NULL, "none before it"}, {"a :::", NULL, "list 2 is empty"},
        {"@/nonexistent/x", NULL, "No such file"}, {"@/", NULL, "directory"},
        {"0..9223372036854775806 ::: 0..9", NULL, "more than 2^64"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        check(&(yk_items_opts){0}, row[i].words, row[i].want, row[i].error);
}

TEST(great_ranges_cost_nothing)
{
    yoke_error err = YOKE_ERROR_INIT;
    yk_items  *it = yk_items_new(&(yk_items_opts){0}, &err);
    yk_field   f[2];
    assert_int_equal(yk_items_word(it, "0..9999999999", &err), 0);
    assert_int_equal(yk_items_word(it, ":::", &err), 0);
    assert_int_equal(yk_items_word(it, "0..999", &err), 0);
    assert_int_equal(yk_items_ready(it, &err), 0);
    assert_true(yk_items_count(it) == 10000000000000u);
    YK_CLEANUP(yk_items_room_freep) yk_items_room *room = yk_items_room_new(it, &err);
    assert_non_null(room);
    assert_int_equal(yk_items_at(it, 9999999998765, room, f, &err), 0);
    assert_true(f[0].i == 9999999998 && f[1].i == 765);
    assert_true(yk_items_at(it, 10000000000000u, room, f, &err) < 0);
    yk_items_free(it);
}

static char path[64];

static void write_file(const char *text, size_t n)
{
    strcpy(path, "/tmp/yoke-items-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
}

TEST(files_are_read_by_line_by_nul_and_as_tables)
{
    static const struct { yk_items_opts o; const char *text, *words, *want, *error; } row[] = {
        {{0}, "a\nb c\r\n\n\nd", "@", "a b c d", NULL},
        {{0}, "", "@", "", NULL},
        {{.has_nul = true}, "a\nb\0c", "@", "a\nb c", NULL},
        {{.separator = ','}, "x,y\n1,2\n3,4\n", "@", "1,2 3,4", NULL},
        {{.separator = ',', .columns = "y,x"}, "\xef\xbb\xbfx,y,z\n1,2,9\n3,4,9\n", "@", "2,1 4,3", NULL},
        {{.separator = ',', .columns = "2"}, "x,y\n1,2\n", "@ 7", "2 7", NULL},
        {{.separator = ','}, "x,y\n\"a \"\"q\"\", b\",\"c\nd\"\n,\n", "@", "a \"q\", b,c\nd ,", NULL},
        {{.separator = '\t'}, "x\ty\n1,5\t2\n", "@ ::: k l", "1,5,2,k 1,5,2,l", NULL},
        {{.separator = ',', .columns = "yy"}, "x,y\n1,2\n", "@", NULL, "has no column 'yy'; did you mean 'y'?"},
        {{.separator = ','}, "x,y\n1,2\n\n1\n", "@", NULL, "line 4 has 1 column, the first line names 2"},
        {{.separator = ','}, "x,y\n1,\"2\n", "@", NULL, "line 2: a quote is never closed"},
        {{.separator = ','}, "", "@", NULL, "a table begins with a line of column names"},
        {{.separator = ','}, "x,y\n1,2\n", "@ 7", NULL, "cannot stand in one list"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char words[200];
        write_file(row[i].text, i == 2 ? 5 : strlen(row[i].text));
        snprintf(words, sizeof words, "@%s%s", path, row[i].words + 1);
        check(&row[i].o, words, row[i].want, row[i].error);
        unlink(path);
    }
}

TEST(messages_say_where_an_item_was_given)
{
    yoke_error err = YOKE_ERROR_INIT;
    char       copy[200], words[200], buf[200], want[200];
    yk_items_opts o = {.separator = ','};
    write_file("x,y\n1,2\n\n3,4\n", 13);
    snprintf(words, sizeof words, "@%s ::: a b", path);
    yk_items *it = yk_items_new(&o, &err);
    assert_int_equal(add_words(it, words, copy, &err), 0);
    snprintf(want, sizeof want, "'%s' line 4, column 'y'", path);
    assert_string_equal(yk_items_where(it, 3, 1, buf, sizeof buf), want);
    assert_string_equal(yk_items_where(it, 3, 2, buf, sizeof buf), "list 2, item 1");
    assert_string_equal(yk_items_name(it, 1), "y");
    assert_null(yk_items_name(it, 2));
    yk_items_free(it);
    unlink(path);
}

TEST(npy_vectors_matrices_and_broken_files)
{
    char          npy[80], words[100];
    yk_npy_out    out;
    yoke_error    err = YOKE_ERROR_INIT;
    yk_items_opts o = {.has_npy = true};
    snprintf(npy, sizeof npy, "/tmp/yoke-items-%d.npy", (int)getpid());
    int16_t v[] = {1, -2, 300};
    assert_int_equal(yk_npy_create(&out, npy, true, (yk_npy_type){'i', 2}, 0, NULL, &err), 0);
    assert_int_equal(yk_npy_append(&out, v, sizeof v, &err), 0);
    assert_int_equal(yk_npy_commit(&out, &err), 0);
    yk_npy_fini(&out);
    snprintf(words, sizeof words, "%s 7", npy);
    check(&o, words, "1 -2 300 7", NULL);
    check(&(yk_items_opts){0}, npy, npy, NULL);

    YK_AUTOBUF whole = YK_BUF_INIT;
    assert_int_equal(yk_file_slurp(npy, &whole, &err), 0);
    for (size_t cut = 0; cut < whole.len; cut++) {
        FILE *f = fopen(npy, "w");
        fwrite(whole.data, 1, cut, f);
        fclose(f);
        check(&o, npy, NULL, npy);
    }
    uint64_t row = 2;
    double   m[] = {1, 2, 3, 4};
    assert_int_equal(yk_npy_create(&out, npy, true, (yk_npy_type){'f', 8}, 1, &row, &err), 0);
    assert_int_equal(yk_npy_append(&out, m, sizeof m, &err), 0);
    assert_int_equal(yk_npy_commit(&out, &err), 0);
    yk_npy_fini(&out);
    check(&o, npy, "2 values 2 values", NULL);
    unlink(npy);
}

TEST(every_failed_allocation_is_an_error_and_leaves_nothing)
{
    yk_items_opts o = {.separator = ',', .columns = "y,x"};
    char          words[200], copy[200], out[400];
    uint64_t      asked = 1;
    write_file("x,y\n\"a\nb\",2\n3,4\n", 16);
    snprintf(words, sizeof words, "@%s ::: 0..1 k l", path);
    for (uint64_t fail_at = 0; fail_at <= asked; fail_at++) {
        yoke_error err = YOKE_ERROR_INIT;
        yk_alloc_test_begin(fail_at);
        yk_items *it = yk_items_new(&o, &err);
        int       rc = it ? add_words(it, words, copy, &err) : YOKE_ENOMEM;
        if (rc == 0)
            rc = list_items(it, true, out, sizeof out, &err);
        yk_items_free(it);
        uint64_t n;
        assert_int_equal(yk_alloc_test_end(&n), 0);
        assert_int_equal(rc, fail_at ? YOKE_ENOMEM : 0);
        if (fail_at == 0)
            asked = n;
    }
    assert_true(asked > 10);
    unlink(path);
}

RUN_TESTS(words_stand_for_items, great_ranges_cost_nothing, files_are_read_by_line_by_nul_and_as_tables,
          every_failed_allocation_is_an_error_and_leaves_nothing, messages_say_where_an_item_was_given,
          npy_vectors_matrices_and_broken_files)
