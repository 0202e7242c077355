/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef YK_MAP_KERNEL_SLOT_H
#define YK_MAP_KERNEL_SLOT_H

#include <yoke/function.h>

/* The value of an argument or a result, in its own type. */
union yk_kernel_slot {
    bool         b;
    int8_t       i8;
    int16_t      i16;
    int32_t      i32;
    int64_t      i64;
    uint8_t      u8;
    uint16_t     u16;
    uint32_t     u32;
    uint64_t     u64;
    float        f;
    double       d;
    const char  *text;
    yoke_doubles doubles;
    yoke_int64s  int64s;
    yoke_task   *task;
    void        *place;
};

static inline bool yk_kernel_is_number(uint8_t type) { return type >= YOKE_BOOL && type <= YOKE_DOUBLE; }

#endif
