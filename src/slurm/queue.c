/* SPDX-License-Identifier: BSD-3-Clause */
#include "slurm/queue.h"

#include "slurm/slurm_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const yk_states_known[] = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE",  "FAILED",   "NODE_FAIL", "OUT_OF_MEMORY",
                                       "PENDING",
                                       "PREEMPTED", "RUNNING",   "REQUEUED",  "RESIZING", "REVOKED", "SUSPENDED", "TIMEOUT",       NULL};

static const char *const ACTIVE[] = {"PENDING",    "RUNNING",  "SUSPENDED", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_FED",
                                     "REQUEUE_HOLD", "RESIZING", "SIGNALING", "STAGE_OUT",   "STOPPED",    "RESV_DEL_HOLD", NULL};

/* Beginnings of Slurm's reasons, the longer before the shorter. */
static const struct { const char *word, *meaning; } REASONS[] = {
    {"None", "Slurm has not looked at it yet"},
    {"Priority", "other jobs come first"},
    {"Resources", "waits for free nodes"},
    {"DependencyNeverSatisfied", "waits for a job that failed, so it would wait for ever: cancel it"},
    {"Dependency", "waits for another job"},
    {"BeginTime", "its earliest start has not come (after a requeue: about two minutes)"},
    {"JobHeldUser", "held by you: scontrol release it"},
    {"JobHeldAdmin", "held by an administrator: ask why"},
    {"JobArrayTaskLimit", "as many tasks run as the array's own limit (%N) allows"},
    {"JobLaunchFailure", "it could not be started: often the folder for its output is missing"},
    {"launch_failed_requeued_held", "it could not be started on its node and is held: scontrol release it"},
    {"launch failed requeued held", "it could not be started on its node and is held: scontrol release it"},
    {"NonZeroExitCode", "its command failed"},
    {"TimeLimit", "its time was up"},
    {"OutOfMemory", "it needed more memory than it asked for"},
    {"NodeDown", "its node went down"},
    {"Nodes_required_for_job_are_DOWN", "the nodes it could use are down, drained or reserved"},
    {"Nodes required for job are DOWN", "the nodes it could use are down, drained or reserved"},
    {"ReqNodeNotAvail", "the nodes it asks for are not available, or a maintenance comes before it would end"},
    {"Reservation", "waits for its reservation"},
    {"PartitionDown", "the partition is down"},
    {"PartitionInactive", "the partition takes no jobs now"},
    {"PartitionNodeLimit", "it asks for more nodes than the partition allows"},
    {"PartitionTimeLimit", "it asks for more time than the partition allows"},
    {"BadConstraints", "no node can give what it asks for"},
    {"InvalidAccount", "its account is not valid"},
    {"InvalidQOS", "its QOS is not valid"},
    {"Licenses", "waits for a licence"},
    {"QOSMaxSubmit", "too many tasks are queued for its QOS"},
    {"QOSMax", "your share of its QOS is used up"},
    {"QOSGrp", "its QOS is used up by all its users together"},
    {"QOS", "a limit of its QOS is used up"},
    {"AssocMax", "your account's limit is used up"},
    {"AssocGrp", "your group's limit is used up"},
    {"Assoc", "a limit of your account is used up"},
    {"MaxCpuPerAccount", "your account's limit of processors is used up"},
    {"MaxJobsPer", "your limit of running jobs is used up"},
    {"Prolog", "its node is being prepared"},
    {"Cleaning", "its last run is being cleaned up"},
    {"NotSubmitted", "its script was written but is not submitted"},
    {"InTask", "stands behind other lines of its task"},
    {"SystemFailure", "Slurm itself failed"},
};

void yk_queue_fini(yk_queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        yk_lines_fini(&q->row[i].tasks);
    yk_free(q->row);
    *q = (yk_queue)YK_QUEUE_INIT;
}

bool yk_state_is(const char *state, const char *name)
{
    size_t len = strlen(name);
    return strncmp(state, name, len) == 0 && (state[len] == '\0' || state[len] == ' ' || state[len] == '+');
}

bool yk_state_is_active(const char *state)
{
    for (const char *const *s = ACTIVE; *s; s++)
        if (yk_state_is(state, *s))
            return true;
    return false;
}

const char *yk_queue_reason(const char *reason)
{
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
        if (strncmp(reason, REASONS[i].word, strlen(REASONS[i].word)) == 0)
            return REASONS[i].meaning;
    return reason;
}

/* ---- reading */

enum { N_FIELDS = 5 };

/* Splits a line at '|' into at most N_FIELDS parts, copied into buf; missing ones are empty. Returns how many there were. */
static int split(const char *line, size_t len, char *buf, size_t size, char *field[N_FIELDS])
{
    int n = 0;
    snprintf(buf, size, "%.*s", (int)(len < size ? len : size - 1), line);
    for (char *p = buf; p && n < N_FIELDS; n++) {
        field[n] = p;
        p = strchr(p, '|');
        if (p)
            *p++ = '\0';
    }
    for (int i = n; i < N_FIELDS; i++)
        field[i] = buf + strlen(buf);
    return n;
}

/* Reads task indices into a row; false when there are none or they cannot be read. */
static bool read_tasks(const char *text, yk_queue_row *row)
{
    yk_indices x = YK_INDICES_INIT;
    if (!text[0] || yk_indices_parse(text, &x, NULL) < 0)
        return false;
    row->tasks = x.set;
    row->is_cut = x.is_cut;
    row->is_array = true;
    return true;
}

static int add(yk_queue *q, yk_queue_row *row, yoke_error *err)
{
    if (yk_push(&q->row, &q->n, &q->cap, *row))
        return 0;
    yk_lines_fini(&row->tasks);
    return yk_fail_nomem(err, "reading Slurm's queue");
}

/* Calls `take` with each line of text, its fields split. Lines of arrays can be long: the buffer grows with them. */
static int each_line(const char *text, int (*take)(void *ctx, char *field[N_FIELDS], int n, yoke_error *err), void *ctx, yoke_error *err)
{
    YK_AUTOFREE char *buf = NULL;
    size_t            cap = 0;
    char             *field[N_FIELDS];
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t len = strcspn(line, "\n");
        if (!yk_grow(&buf, &cap, len + 2, 1))
            return yk_fail_nomem(err, "reading Slurm's queue");
        int n = split(line, len, buf, cap, field);
        YK_TRY(take(ctx, field, n, err));
    }
    return 0;
}

static int take_squeue(void *ctx, char *field[N_FIELDS], int n, yoke_error *err)
{
    yk_queue_row row = {.tasks = YK_LINES_INIT, .exit_code = -1, .signal = -1};
    const char  *rest;
    if (n < 4 || !yk_job_id_parse(field[0], &row.job, &rest))
        return 0;
    read_tasks(field[1], &row); /* "N/A" of a job without tasks is no list */
    snprintf(row.state, sizeof row.state, "%s", field[2]);
    snprintf(row.reason, sizeof row.reason, "%s", strcmp(field[3], "None") == 0 && !yk_state_is(row.state, "PENDING") ? "" : field[3]);
    snprintf(row.node, sizeof row.node, "%s", field[4]);
    return add(ctx, &row, err);
}

int yk_queue_add_squeue(yk_queue *q, const char *text, yoke_error *err)
{
    return each_line(text, take_squeue, q, err);
}

typedef struct sacct_ctx { yk_queue *queue; bool is_array; } sacct_ctx;

static int take_sacct(void *ctx, char *field[N_FIELDS], int n, yoke_error *err)
{
    sacct_ctx   *c = ctx;
    yk_queue_row row = {.tasks = YK_LINES_INIT, .exit_code = -1, .signal = -1};
    const char  *rest;
    if (n < 2 || !yk_job_id_parse(field[0], &row.job, &rest) || field[0][strcspn(field[0], ".+[")] == '.' || strchr(field[0], '+'))
        return 0; /* a step, or a part of a heterogeneous job */
    if (!read_tasks(rest, &row) && c->is_array)
        return 0;
    snprintf(row.state, sizeof row.state, "%s", field[1]);
    if (n >= 3 && sscanf(field[2], "%d:%d", &row.exit_code, &row.signal) != 2)
        row.exit_code = row.signal = -1;
    if (n >= 4 && strcmp(field[3], "None assigned") != 0)
        snprintf(row.node, sizeof row.node, "%s", field[3]);
    return add(c->queue, &row, err);
}

int yk_queue_add_sacct(yk_queue *q, const char *text, bool is_array, yoke_error *err)
{
    sacct_ctx c = {q, is_array};
    return each_line(text, take_sacct, &c, err);
}

void yk_queue_print(const yk_queue *q, yk_buf *to)
{
    for (size_t i = 0; i < q->n; i++) {
        const yk_queue_row *r = &q->row[i];
        yk_buf_printf(to, "%llu|", (unsigned long long)r->job);
        if (r->is_array)
            yk_lines_print(&r->tasks, to);
        else
            yk_buf_puts(to, "N/A");
        yk_buf_printf(to, "%s|%s|%s|%s\n", r->is_cut ? "..." : "", r->state, r->reason[0] ? r->reason : "None", r->node);
    }
}

const yk_queue_row *yk_queue_find(const yk_queue *q, uint64_t job, uint64_t task)
{
    for (size_t i = q->n; i-- > 0;)
        if (q->row[i].job == job && (!q->row[i].is_array || yk_lines_has(&q->row[i].tasks, task)))
            return &q->row[i];
    return NULL;
}

/* ---- asking */

static void print_jobs(const uint64_t *jobs, size_t n, yk_buf *to)
{
    for (size_t i = 0; i < n; i++)
        yk_buf_printf(to, "%s%llu", i ? "," : "", (unsigned long long)jobs[i]);
}

int yk_queue_ask_squeue(const uint64_t *jobs, size_t n, yk_queue *q, yoke_error *err)
{
    YK_AUTOREPLY r = YK_SLURM_REPLY_INIT;
    YK_AUTOBUF list = YK_BUF_INIT;
    print_jobs(jobs, n, &list);
    const char *argv[] = {"squeue", "-h", "-t", "all", "-o", YK_SQUEUE_FORMAT, "-j", yk_buf_text(&list), NULL};
    yoke_error  why = YOKE_ERROR_INIT;
    if (yk_slurm_call(argv, YK_SLURM_ASK_S, &r, &why) < 0 && !strcasestr(why.text, "Invalid job id"))
        return yk_fail(err, why.code, "%s", why.text);
    return yk_queue_add_squeue(q, yk_buf_text(&r.out), err);
}

int yk_queue_ask_sacct(const uint64_t *jobs, size_t n, bool is_array, yk_queue *q, yoke_error *err)
{
    YK_AUTOREPLY r = YK_SLURM_REPLY_INIT;
    YK_AUTOBUF list = YK_BUF_INIT;
    print_jobs(jobs, n, &list);
    const char *argv[] = {"sacct", "-n", "-X", "-P", "-o", YK_SACCT_FORMAT, "-j", yk_buf_text(&list), NULL};
    yoke_error  why = YOKE_ERROR_INIT;
    int rc = yk_slurm_call(argv, YK_SLURM_ASK_S, &r, &why);
    if (rc < 0)
        return yk_fail(err, strcasestr(why.text, "disabled") ? YOKE_EABSENT : rc, "%s", why.text);
    return yk_queue_add_sacct(q, yk_buf_text(&r.out), is_array, err);
}
