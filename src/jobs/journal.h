/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The journal of a run: an append-only file of checksummed records, readable after a kill or a power cut at any instant.
 *
 * Layout, integers little-endian:
 *
 *     "yokejnl1"                                    8 bytes, once
 *     { u32 length, u32 crc32, payload[length] }    again and again; the checksum covers the length and the payload
 *
 *     payload   'H' u8 version, u8 is_new_list, u64 time_ns, u64 run id, u32 slots, u64 n_jobs, u64 list hash, i32 pid,
 *                   str host, str folder, str list path, str command line     a session begins
 *               'S' u64 line, u64 seq, u32 attempt, u32 slot, i32 pid, u64 start_ns, str text   a job starts; numbered 0, 1, …
 *               'E' u64 number of its 'S', u64 wall_ns, u64 user_us, u64 sys_us, u64 peak_kib, i32 exit code, i32 signal,
 *                   u8 cause, u8 is_last, u64 out_len, u64 err_len, u64 chunk, str tail          it ended
 *               'K' u64 number of an 'S', u64 line, u64 seq       after an edit of the list: that job, already done, is now
 *                                                                  this line (jobs not named so, nor run since, are gone)
 *               'N' u64 time_ns, str text                          something happened (a terminal hung up, a drain began)
 *               'F' u64 time_ns                                    the session ended in order
 *     str       u32 length, bytes
 *
 * Reading stops at the first record that is cut short or does not match its checksum: that is the torn tail, and opening for
 * append cuts it off. A write reaches the kernel before the slot of the job is used again, so kill -9 loses nothing; a second
 * later at most it is on the disk, so a power cut loses at most the last second's ends, and those jobs run again.
 */
#ifndef YK_JOBS_JOURNAL_H
#define YK_JOBS_JOURNAL_H

#include "jobs/record.h"

/* ---- writing */

typedef struct yk_journal yk_journal;

typedef struct yk_session {
    bool        is_new_list; /* the list differs from the earlier session's: see 'K' */
    uint64_t    time_ns, run_id, n_jobs, list_hash; /* n_jobs 0: not known */
    uint32_t    slots;
    int32_t     pid;
    const char *host, *folder, *list, *command; /* NUL-terminated; "" when not known */
} yk_session;

/* Opens (makes) a journal for appending, locked against other writers (YOKE_EEXISTS when there is one at work), its torn tail
 * cut off. A file that is not a journal is YOKE_EFORMAT and left as it is. */
int yk_journal_open(const char *path, yk_journal **ret, yoke_error *err) YK_MUST_USE;

/* Each appends to memory; yk_journal_flush gives all of it to the kernel in one write. Call it before waiting for anything.
 * A failed append shows in the next flush. yk_journal_start returns the number of the start, for yk_journal_end. */
void     yk_journal_session(yk_journal *j, const yk_session *s);
uint64_t yk_journal_start(yk_journal *j, const yk_record *r);
void     yk_journal_end(yk_journal *j, uint64_t start, const yk_record *r);
void     yk_journal_keep(yk_journal *j, uint64_t start, uint64_t line, uint64_t seq);
void     yk_journal_note(yk_journal *j, const char *text);
void     yk_journal_finish(yk_journal *j);
int      yk_journal_flush(yk_journal *j, yoke_error *err) YK_MUST_USE;
int      yk_journal_sync(yk_journal *j, yoke_error *err) YK_MUST_USE; /* to the disk; for another thread than the writer's too */
void     yk_journal_close(yk_journal *j);                             /* flushes; accepts NULL */

YK_DEFINE_CLEANUP(yk_journal, yk_journal_close)

/* ---- reading */

/* What a journal says, record by record, in file order. A callback may be NULL; a negative value ends the reading and is
 * returned. Strings are borrowed for the call. */
typedef struct yk_journal_reader {
    void *ctx;
    int (*session)(void *ctx, const yk_session *s);
    int (*start)(void *ctx, uint64_t start, const yk_record *r); /* cause RUNNING */
    int (*end)(void *ctx, uint64_t start, const yk_record *r);   /* line, text, host, start_ns, … are not filled: start has them */
    int (*keep)(void *ctx, uint64_t start, uint64_t line, uint64_t seq);
    int (*note)(void *ctx, uint64_t time_ns, const char *text, size_t len);
    int (*finish)(void *ctx, uint64_t time_ns);
} yk_journal_reader;

/* Reads bytes that are a journal; *ret_good is how many of them are whole records. 0, a callback's error, or YOKE_EFORMAT
 * when it does not begin as a journal does (an empty one is fine). Never crashes, whatever the bytes. */
int yk_journal_parse(const void *bytes, size_t n, const yk_journal_reader *reader, size_t *ret_good, yoke_error *err) YK_MUST_USE;

/* A journal file, read in pieces, also while another process is writing it. *ret_good (may be NULL) as above. */
int yk_journal_read(const char *path, const yk_journal_reader *reader, uint64_t *ret_good, yoke_error *err) YK_MUST_USE;

/* The same, each start joined with its end: fn is called with a whole record at each end, with cause INTERRUPTED for what ran
 * when a session was killed, and with RUNNING, at the end, for the rest. `also` may be NULL; its start and end are not called. */
typedef int yk_record_fn(void *ctx, uint64_t start, const yk_record *r);
int yk_records_read(const char *path, yk_record_fn *fn, void *ctx, const yk_journal_reader *also, yoke_error *err) YK_MUST_USE;

#endif
