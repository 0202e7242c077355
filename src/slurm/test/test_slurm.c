/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"
#include "slurm/dsq.h"
#include "slurm/tally.h"
#include "slurm/indices.h"
#include "slurm/queue.h"
#include "slurm/script.h"
#include "slurm/site.h"
#include "slurm/slurm_call.h"
#include "slurm/slurm_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- indices */

TEST(every_form_of_indices_is_read)
{
    static const struct { const char *text, *want; uint64_t at_once; bool is_cut; } row[] = {
        {"7", "7", 0, false},
        {"0-5,7%3", "0-5,7", 3, false},
        {"[0-5,7%3]", "0-5,7", 3, false},
        {"[0-10:2%4]", "0,2,4,6,8,10", 4, false},
        {"[8-20:4]", "8,12,16,20", 0, false},
        {"0,4-8", "0,4-8", 0, false},
        {"1,2,3", "1-3", 0, false},
        {"[0-3,5,9,13,...", "0-3,5,9,13", 0, true},
        {"[0-3,5,9,1...", "0-3,5,9", 0, true},
        {"0-3,5-1...", "0-3", 0, true},
        {"[0-3,5-...]", "0-3", 0, true},
        {"...", "", 0, true},
        {"[1,3,5,...%7]", "1,3,5", 7, true},
        {"[3-4", "3-4", 0, false}, /* cut at a column's width */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_indices x = YK_INDICES_INIT;
        yk_buf     text = YK_BUF_INIT;
        assert_int_equal(yk_indices_parse(row[i].text, &x, NULL), 0);
        yk_lines_print(&x.set, &text);
        assert_string_equal(yk_buf_text(&text), row[i].want);
        assert_int_equal(x.at_once, row[i].at_once);
        assert_int_equal(x.is_cut, row[i].is_cut);
        yk_indices_fini(&x);
        yk_buf_fini(&text);
    }
}

TEST(what_is_no_list_of_indices_is_refused)
{
    static const char *const wrong[] = {"", "[", "[]", "x", "1-", "5-3", "1,,2", "1-9:0", "1-9:", "1 2", "-3", "1%", "1%x", "1]x",
                                        "4000001", "99999999999999999999", "N/A", "1-2-3", ","};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        yk_indices x = YK_INDICES_INIT;
        yoke_error err = YOKE_ERROR_INIT;
        assert_int_equal(yk_indices_parse(wrong[i], &x, &err), YOKE_ESYNTAX);
        assert_true(err.text[0]);
        yk_indices_fini(&x);
    }
}

TEST(job_ids_are_read)
{
    uint64_t    job;
    const char *rest;
    assert_true(yk_job_id_parse("324_[0-5,7%3]", &job, &rest));
    assert_int_equal(job, 324);
    assert_string_equal(rest, "[0-5,7%3]");
    assert_true(yk_job_id_parse("324", &job, &rest));
    assert_string_equal(rest, "");
    assert_true(yk_job_id_parse("324.batch", &job, &rest));
    assert_string_equal(rest, "");
    assert_false(yk_job_id_parse("jobs.txt", &job, &rest));
    assert_false(yk_job_id_parse("", &job, &rest));
    assert_false(yk_job_id_parse("7x", &job, &rest));
}

/* ---- what Slurm says */

TEST(rows_of_squeue_are_read)
{
    yk_queue q = YK_QUEUE_INIT;
    yk_buf   again = YK_BUF_INIT;
    assert_int_equal(yk_queue_add_squeue(&q,
        "324|8-20:4%4|PENDING|JobArrayTaskLimit|\n"
        "324|0|RUNNING|None|yk1\n"
        "324|4|NODE_FAIL|NodeDown|yk2\n"
        "garbage\n"
        "9|N/A|RUNNING|None|yk1\n", NULL), 0);
    assert_int_equal(q.n, 4);
    const yk_queue_row *row = yk_queue_find(&q, 324, 12);
    assert_string_equal(row->state, "PENDING");
    assert_string_equal(row->reason, "JobArrayTaskLimit");
    assert_string_equal(yk_queue_find(&q, 324, 0)->reason, "");
    assert_string_equal(yk_queue_find(&q, 324, 0)->node, "yk1");
    assert_null(yk_queue_find(&q, 324, 9));
    assert_null(yk_queue_find(&q, 325, 0));
    assert_non_null(yk_queue_find(&q, 9, 0)); /* no array: any index */
    yk_queue_print(&q, &again);
    assert_string_equal(again.data, "324|8,12,16,20|PENDING|JobArrayTaskLimit|\n324|0|RUNNING|None|yk1\n324|4|NODE_FAIL|NodeDown|yk2\n"
                                    "9|N/A|RUNNING|None|yk1\n");
    yk_queue_fini(&q);
    yk_buf_fini(&again);
}

TEST(rows_of_sacct_are_read)
{
    yk_queue q = YK_QUEUE_INIT;
    assert_int_equal(yk_queue_add_sacct(&q,
        "1|FAILED|0:0|None assigned\n" /* what sacct shows of an array in its first seconds */
        "324_[3-7]|PENDING|0:0|None assigned\n"
        "324_0|COMPLETED|0:0|yk1\n"
        "324_1|FAILED|3:0|yk1\n"
        "324_2|CANCELLED by 1124|0:15|yk2\n"
        "324_2.batch|CANCELLED|0:15|yk2\n", true, NULL), 0);
    assert_int_equal(q.n, 4);
    assert_int_equal(yk_queue_find(&q, 324, 1)->exit_code, 3);
    assert_int_equal(yk_queue_find(&q, 324, 2)->signal, 15);
    assert_string_equal(yk_queue_find(&q, 324, 2)->state, "CANCELLED by 1124");
    assert_string_equal(yk_queue_find(&q, 324, 5)->node, "");
    yk_queue_fini(&q);
}

TEST(states_match_by_their_first_word)
{
    assert_true(yk_state_is("CANCELLED by 1124", "CANCELLED"));
    assert_true(yk_state_is("CANCELLED", "CANCELLED"));
    assert_false(yk_state_is("COMPLETED", "COMPLETE"));
    assert_true(yk_state_is_active("PENDING"));
    assert_true(yk_state_is_active("REQUEUE_HOLD"));
    assert_false(yk_state_is_active("NODE_FAIL"));
    assert_string_equal(yk_queue_reason("Resources"), "waits for free nodes");
    assert_string_equal(yk_queue_reason("QOSMaxCpuPerUserLimit"), "your share of its QOS is used up");
    assert_string_equal(yk_queue_reason("NeverHeardOf"), "NeverHeardOf");
}

TEST(the_table_of_states_is_dsqs)
{
    yk_tally g = YK_TALLY_INIT;
    yk_buf    text = YK_BUF_INIT;
    char      buf[64];
    static const uint64_t pending[] = {1, 2, 3, 5, 6};
    assert_int_equal(yk_tally_add(&g, "COMPLETED", 0, NULL), 0);
    assert_int_equal(yk_tally_add(&g, "CANCELLED by 1124", 7, NULL), 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(yk_tally_add(&g, "PENDING", pending[i], NULL), 0);
    yk_tally_sort(&g);
    yk_tally_print(&g, 77, &text);
    assert_string_equal(text.data, "State Summary for Array 77\n"
                                   "State               Num_Jobs Indices\n"
                                   "-----               -------- -------\n"
                                   "PENDING                5     1-3,5-6\n"
                                   "COMPLETED              1     0\n"
                                   "CANCELLED by 1124      1     7\n");
    assert_true(yk_tally_is_listed(&g.row[2], "FAILED,CANCELLED"));
    assert_false(yk_tally_is_listed(&g.row[1], "FAILED,CANCELLED"));
    assert_null(yk_tally_unknown_state("FAILED,TIMEOUT", buf, sizeof buf));
    assert_string_equal(yk_tally_unknown_state("FAILED,LOST", buf, sizeof buf), "LOST");
    yk_tally_fini(&g);
    yk_buf_fini(&text);
}

TEST(a_site_is_read)
{
    yk_site s;
    yk_site_parse("Configuration data as of 2026-11-23T22:59:57\n"
                  "ClusterName             = yoke\n"
                  "MaxArraySize            = 1001\n"
                  "MaxJobCount             = 20000\n"
                  "SchedulerParameters     = batch_sched_delay=0,max_array_tasks=300,bf_interval=1\n"
                  "SLURM_VERSION           = 22.05.8\n", &s);
    assert_string_equal(s.version, "22.05.8");
    assert_string_equal(s.cluster, "yoke");
    assert_int_equal(s.max_index, 1000);
    assert_int_equal(s.max_tasks, 300);
    yk_site_parse("", &s);
    assert_int_equal(s.max_index, 1000);
    assert_int_equal(s.max_tasks, 1001);
    static const char sinfo[] = "main*|up|2/4/1/7\nshort|up|0/6/0/6\nmain*|up|1/0/0/1\nbroken|down|0/0/8/8\n";
    assert_int_equal(yk_site_parse_processors(sinfo, NULL), 7);
    assert_int_equal(yk_site_parse_processors(sinfo, "short"), 6);
    assert_int_equal(yk_site_parse_processors(sinfo, "broken"), 0);
    assert_int_equal(yk_site_parse_processors(sinfo, "none"), 0);
}

TEST(lines_are_packed_only_where_they_must_be)
{
    yk_site s = {.max_index = 1000, .max_tasks = 1001};
    assert_int_equal(yk_slurm_pack(1001, 1000, 0, &s), 0);
    assert_int_equal(yk_slurm_pack(1002, 1001, 0, &s), 2);
    assert_int_equal(yk_slurm_pack(900, 1001, 0, &s), 1); /* few lines, but one number is too large for an index */
    assert_int_equal(yk_slurm_pack(1000000, 999999, 0, &s), 1000);
    assert_int_equal(yk_slurm_pack(1000000, 999999, 10, &s), 1000);
    assert_int_equal(yk_slurm_pack(1000, 999, 42, &s), 42);
    assert_int_equal(yk_slurm_pack(1000, 999, 1, &s), 0);
    assert_int_equal(yk_slurm_pack_auto(1000, 6, 1), 167);
    assert_int_equal(yk_slurm_pack_auto(1000, 6, 4), 1000);
    assert_int_equal(yk_slurm_pack_auto(10, 6, 1), 2);
    assert_int_equal(yk_slurm_pack_auto(10, 0, 1), 1); /* nothing known of the partition */
}

/* ---- words */

TEST(words_are_quoted_for_shell_and_sbatch)
{
    yk_buf b = YK_BUF_INIT;
    yk_script_shell(&b, "/plain/path");
    yk_script_shell(&b, " it's");
    assert_string_equal(b.data, "/plain/path' it'\\''s'");
    yk_buf_clear(&b);
    yk_script_word(&b, "A=1,B=2");
    yk_script_word(&b, "a \"b\\");
    assert_string_equal(b.data, "A=1,B=2\"a \\\"b\\\\\"");
    yk_buf_clear(&b);
    yk_script_path(&b, "/100%/x");
    assert_string_equal(b.data, "/100%%/x");
    yk_buf_fini(&b);
}

TEST(options_of_sbatch_are_known)
{
    char *const words[] = {(char *)"-p", (char *)"short", (char *)"--mem=4g", (char *)"-Hc4", (char *)"--exclusive", (char *)"--requeue",
                           (char *)"--cpus-per-task", (char *)"8", (char *)"-W"};
    assert_true(yk_sbatch_takes_next("-p"));
    assert_false(yk_sbatch_takes_next("-pshort"));
    assert_true(yk_sbatch_takes_next("-Hp"));
    assert_false(yk_sbatch_takes_next("-H"));
    assert_true(yk_sbatch_takes_next("--mem"));
    assert_false(yk_sbatch_takes_next("--mem=4g"));
    assert_false(yk_sbatch_takes_next("--exclusive"));
    assert_false(yk_sbatch_takes_next("jobs.txt"));
    assert_string_equal(yk_sbatch_value(words, 9, "partition", 'p'), "short");
    assert_string_equal(yk_sbatch_value(words, 9, "mem", 0), "4g");
    assert_string_equal(yk_sbatch_value(words, 6, "cpus-per-task", 'c'), "4");
    assert_string_equal(yk_sbatch_value(words, 9, "cpus-per-task", 'c'), "8");
    assert_string_equal(yk_sbatch_value(words, 9, "requeue", 0), "");
    assert_string_equal(yk_sbatch_value(words, 9, "wait", 'W'), "");
    assert_null(yk_sbatch_value(words, 9, "output", 'o'));
}

TEST(options_are_written_as_dsq_writes_them)
{
    static const struct { const char *word[3]; const char *want; } row[] = {
        {{"--mem-per-cpu", "4g"}, "--mem-per-cpu \"4g\""},
        {{"--mem=4g", "-t", "10:00"}, "--mem \"4g\" -t \"10:00\""},
        {{"--export=A=1,B=2"}, "--export \"A=1,B=2\""},
        {{"--comment=say \"hi\" \\ $x"}, "--comment \"say \\\"hi\\\" \\\\ $x\""},
        {{"--exclusive=user", "--hold"}, "--exclusive=\"user\" --hold"},
        {{"-n4"}, "-n4"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_buf b = YK_BUF_INIT;
        size_t n = 0;
        while (n < 3 && row[i].word[n])
            n++;
        yk_dsq_print_options((char *const *)row[i].word, n, &b);
        assert_string_equal(yk_buf_text(&b), row[i].want);
        yk_buf_fini(&b);
    }
}

/* ---- running a command */

TEST(slurms_sentences_come_with_advice)
{
    static const struct { const char *said, *want, *advice; } row[] = {
        {"sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: Invalid partition name specified\n",
         "Batch job submission failed: Invalid partition name specified", "sinfo"},
        {"sbatch: unrecognized option '--nosuch'\nTry \"sbatch --help\" for more information\n", "unrecognized option '--nosuch'",
         "man sbatch"},
        {"sbatch: error: Batch job submission failed: Invalid job array specification\n",
         "Batch job submission failed: Invalid job array specification", "--pack"},
        {"sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job "
         "submit limit, user's size and/or time limits)\n",
         "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "--pack"},
        {"squeue: error: slurm_receive_msg: x\nslurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
         "Unable to contact slurm controller (connect failure)", "again"},
        {"", "", NULL},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char buf[200];
        assert_string_equal(yk_slurm_sentence(row[i].said, buf, sizeof buf), row[i].want);
        if (row[i].advice)
            assert_non_null(strstr(yk_slurm_advice(buf), row[i].advice));
        else
            assert_null(yk_slurm_advice(buf));
    }
}

TEST(a_command_is_run_without_a_shell_and_within_its_time)
{
    yk_slurm_reply r = YK_SLURM_REPLY_INIT;
    yoke_error     err = YOKE_ERROR_INIT;
    setenv("SQUEUE_FORMAT", "%i", 1);
    assert_int_equal(yk_slurm_try((const char *[]){"sh", "-c", "echo $1 \"$SQUEUE_FORMAT$SLURM_BITSTR_LEN\"; echo oops >&2; exit 3", "x",
                                                   "a;b", NULL},
                                  10, &r, &err), 0);
    assert_string_equal(r.out.data, "a;b 0\n");
    assert_string_equal(r.said.data, "oops\n");
    assert_int_equal(r.status, 3);
    assert_int_equal(yk_slurm_try((const char *[]){"sleep", "30", NULL}, 0.1, &r, &err), YOKE_ETIMEOUT);
    yoke_error_clear(&err);
    assert_int_equal(yk_slurm_call((const char *[]){"sh", "-c", "echo 'sbatch: error: no' >&2; exit 1", NULL}, 10, &r, &err), YOKE_EIO);
    assert_string_equal(err.text, "sh: no");
    yoke_error_clear(&err);
    assert_int_equal(yk_slurm_try((const char *[]){"no-such-sbatch", NULL}, 10, &r, &err), YOKE_EABSENT);
    assert_non_null(strstr(err.text, "no Slurm here"));
    yk_slurm_reply_fini(&r);
}

/* ---- memory */

static int read_much(void)
{
    YK_CLEANUP(yk_queue_fini) yk_queue q = YK_QUEUE_INIT;
    YK_CLEANUP(yk_tally_fini) yk_tally t = YK_TALLY_INIT;
    YK_CLEANUP(yk_indices_fini) yk_indices x = YK_INDICES_INIT;
    YK_AUTOBUF text = YK_BUF_INIT;
    YK_TRY(yk_indices_parse("0-40:2%3", &x, NULL));
    YK_TRY(yk_queue_add_squeue(&q, "324|8-20:4|PENDING|Priority|\n324|0|RUNNING|None|yk1\n324|1|FAILED|None|yk1\n", NULL));
    YK_TRY(yk_queue_add_sacct(&q, "324_[30-40:2]|PENDING|0:0|\n324_2|TIMEOUT|0:15|yk2\n", true, NULL));
    for (size_t i = 0; i < q.n; i++)
        YK_TRY(yk_tally_add(&t, q.row[i].state, i, NULL));
    yk_tally_print(&t, 324, &text);
    yk_queue_print(&q, &text);
    return text.is_failed ? YOKE_ENOMEM : 0;
}

TEST(memory_may_run_out_anywhere)
{
    uint64_t asked = 0;
    for (uint64_t n = 1; n == 1 || n <= asked; n++) {
        yk_alloc_test_begin(n);
        int rc = read_much();
        assert_int_equal(yk_alloc_test_end(&asked), 0);
        assert_true(rc == 0 || rc == YOKE_ENOMEM);
    }
}

RUN_TESTS(memory_may_run_out_anywhere, every_form_of_indices_is_read, what_is_no_list_of_indices_is_refused, job_ids_are_read,
          rows_of_squeue_are_read, rows_of_sacct_are_read, states_match_by_their_first_word, the_table_of_states_is_dsqs, a_site_is_read,
          lines_are_packed_only_where_they_must_be, words_are_quoted_for_shell_and_sbatch, options_of_sbatch_are_known,
          options_are_written_as_dsq_writes_them, slurms_sentences_come_with_advice, a_command_is_run_without_a_shell_and_within_its_time)
