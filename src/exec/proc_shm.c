/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Laying out the shared memory. It is an anonymous mapping: it ends with the last process that has it, however that ends.
 */
#include "exec/proc.h"

#include "exec/feed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

/* False when it does not fit in memory. */
static bool lay_out(yk_proc_shm *s, const yk_work *w, unsigned workers, bool copies_in)
{
    size_t in = copies_in ? w->in_size : 0, out = w->out_size, times = w->has_times ? sizeof(yk_times) : 0;
    if (in > SIZE_MAX >> 16 || out > SIZE_MAX >> 16)
        return false;
    size_t task = in + out + times + (w->pack ? 1 : 0);
    s->max_block = yk_feed_max_block(task);
    s->n_workers = workers;
    s->n_slots = task > 1u << 20 ? 2 * workers : 16 * workers < 64 ? 64 : 16 * workers;
    if (s->n_slots > YK_PROC_QUEUE / 2)
        s->n_slots = YK_PROC_QUEUE / 2;
    size_t n = s->max_block;
    s->in_at = 0;
    s->out_at = round64(n * in);
    s->times_at = s->out_at + round64(n * out);
    s->bad_at = s->times_at + round64(n * times);
    s->slot_size = (s->bad_at + (w->pack ? n : 0) + 4095) & ~(size_t)4095;
    size_t slots = round64(sizeof *s), wk = slots + s->n_slots * sizeof(yk_slot), rings = wk + workers * sizeof(yk_proc_worker);
    size_t memory = (rings + workers * (size_t)YK_RING_SIZE + 4095) & ~(size_t)4095, all;
    if (!yk_mul(&all, s->n_slots, s->slot_size) || all > SIZE_MAX / 2)
        return false;
    s->size = memory + all;
    return true;
}

yk_proc_shm *yk_proc_shm_new(const yk_work *w, unsigned workers, bool copies_in, yoke_error *err)
{
    yk_proc_shm plan = {0};
    void       *p = MAP_FAILED;
    if (lay_out(&plan, w, workers, copies_in))
        p = mmap(NULL, plan.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        yk_fail(err, YOKE_ENOMEM, "out of memory while sharing items of %zu and results of %zu bytes with workers", w->in_size, w->out_size);
        return NULL;
    }
    yk_proc_shm   *s = p;
    unsigned char *at = (unsigned char *)p + round64(sizeof *s);
    *s = plan;
    s->slots = (yk_slot *)(void *)at;
    s->workers = (yk_proc_worker *)(void *)(at += s->n_slots * sizeof(yk_slot));
    s->rings = at + workers * sizeof(yk_proc_worker);
    s->memory = (unsigned char *)p + (s->size - s->n_slots * s->slot_size);
    return s;
}

void yk_proc_shm_free(yk_proc_shm *s)
{
    if (s)
        munmap(s, s->size);
}

uint64_t yk_resident_pages(pid_t pid)
{
    char path[40], text[128];
    if (pid)
        snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    else
        snprintf(path, sizeof path, "/proc/self/statm");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *rest = text;
    strtoull(rest, &rest, 10);
    return strtoull(rest, NULL, 10);
}
