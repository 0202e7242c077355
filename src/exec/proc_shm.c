/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Laying out the shared memory. It is an anonymous mapping: it ends with the last process that has it, however that ends.
 */
#include "exec/proc.h"

#include "exec/feed.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t round64(size_t n) { return (n + 63) & ~(size_t)63; }

/* Where what lies in a slot; the bytes of a slot, or 0 when they do not fit in memory. */
static size_t lay_out_slot(yk_proc_shm *s, const yk_work *w, bool copies_in)
{
    size_t in = copies_in ? w->in_size : 0, out = w->out_size, times = w->has_times ? sizeof(yk_times) : 0;
    if (in > SIZE_MAX >> 16 || out > SIZE_MAX >> 16)
        return 0;
    s->max_block = yk_feed_max_block(in + out + times + (w->pack ? 1 : 0));
    size_t n = s->max_block;
    s->in_at = 0;
    s->out_at = round64(n * in);
    s->times_at = s->out_at + round64(n * out);
    s->bad_at = s->times_at + round64(n * times);
    return (s->bad_at + (w->pack ? n : 0) + 4096) & ~(size_t)4095;
}

/* False when it does not fit in memory. */
static bool lay_out(yk_proc_shm *s, const yk_work *w, unsigned workers, bool copies_in)
{
    if (!(s->slot_size = lay_out_slot(s, w, copies_in)))
        return false;
    if (w->is_flat && s->slot_size < YK_FLAT_SLOT + 8192)
        s->slot_size = YK_FLAT_SLOT + 8192;
    size_t task = s->slot_size / s->max_block;
    s->n_workers = workers;
    s->n_slots = task > 1u << 20 ? 2 * workers : 16 * workers < 64 ? 64 : 16 * workers;
    if (s->n_slots > YK_PROC_QUEUE / 2)
        s->n_slots = YK_PROC_QUEUE / 2;
    size_t slots = round64(sizeof *s), wk = slots + s->n_slots * sizeof(yk_slot), rings = wk + workers * sizeof(yk_proc_worker);
    size_t memory = (rings + workers * (size_t)YK_RING_SIZE + 4095) & ~(size_t)4095, all;
    if (!yk_mul(&all, s->n_slots, s->slot_size) || all > SIZE_MAX / 2)
        return false;
    s->size = memory + all;
    return true;
}

/* Cancelling reaches these workers through `stop` alone. */
static void flatten(yk_proc_shm *s)
{
    s->told.cancel = NULL;
    if (s->told.ctx_size) {
        memcpy(s->ctx, s->told.user_ctx, s->told.ctx_size);
        s->told.user_ctx = s->ctx;
    }
}

yk_proc_shm *yk_proc_shm_new(const yk_work *w, unsigned workers, bool copies_in, yoke_error *err)
{
    yk_proc_shm plan = {0};
    void       *p = MAP_FAILED;
    if (lay_out(&plan, w, workers, copies_in))
        p = mmap(NULL, plan.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        yk_fail(err, YOKE_ENOMEM, "out of memory while sharing items of %zu and results of %zu bytes with workers", w->in_size,
                w->out_size);
        return NULL;
    }
    yk_proc_shm   *s = p;
    unsigned char *at = (unsigned char *)p + round64(sizeof *s);
    *s = plan;
    s->slots = (yk_slot *)(void *)at;
    s->workers = (yk_proc_worker *)(void *)(at += s->n_slots * sizeof(yk_slot));
    s->rings = at + workers * sizeof(yk_proc_worker);
    s->memory = (unsigned char *)p + (s->size - s->n_slots * s->slot_size);
    s->told = *w;
    if (w->is_flat)
        flatten(s);
    return s;
}

bool yk_proc_shm_renew(yk_proc_shm *s, const yk_work *w)
{
    yk_proc_shm plan = {0};
    size_t      need = lay_out_slot(&plan, w, w->in_size > 0);
    if (!need || need > s->slot_size)
        return false;
    s->max_block = plan.max_block;
    s->in_at = plan.in_at;
    s->out_at = plan.out_at;
    s->times_at = plan.times_at;
    s->bad_at = plan.bad_at;
    s->told = *w;
    flatten(s);
    atomic_store(&s->stop, 0);
    atomic_store(&s->finished, 0);
    return true;
}

static int count_code(struct dl_phdr_info *info, size_t size, void *ret)
{
    (void)size;
    *(unsigned long long *)ret = info->dlpi_adds;
    return 1;
}

unsigned long long yk_code_loaded(void)
{
    unsigned long long n = 0;
    dl_iterate_phdr(count_code, &n);
    return n;
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
