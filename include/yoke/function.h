/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Functions for `yoke map FILE.c:function`: one line says what the function takes and gives, its prototype in other clothes.
 *
 *     #include <yoke/yoke.h>
 *
 *     double area(double width, double height) { return width * height; }
 *     YOKE_FUNCTION(double, area, double, double);
 *
 * The compiler checks the line against the function. These types may stand in it, up to eight after the name:
 *
 *     int, int64_t, double, bool …   any C number, from an item or as the result. An item that does not fit is an error.
 *     const char *                   text. As the result: it is copied when the function returns; NULL says that it failed
 *     yoke_doubles, yoke_int64s      a run of numbers: a row of a .npy matrix, 1,2,3, or all columns of a table. As the
 *                                    result it is copied too: memory for it is yoke_task_scratch(t, size)
 *     yoke_task *                    the running task, for its index, random stream, scratch memory, and yoke_task_fail
 *     double *, int64_t * …          where one more result goes; with these the result itself may be void
 *
 * A function that calls yoke_task_fail has failed, whatever it returns.
 */
#ifndef YOKE_FUNCTION_H
#define YOKE_FUNCTION_H

#include <yoke/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yoke_doubles {
    const double *values;
    size_t        n;
} yoke_doubles;

typedef struct yoke_int64s {
    const int64_t *values;
    size_t         n;
} yoke_int64s;

/* What YOKE_FUNCTION writes down about a function, and `yoke` looks for in a library under the name yoke_function_NAME. */
typedef struct yoke_function {
    uint32_t       abi;      /* YOKE_FUNCTION_ABI */
    uint32_t       n_args;   /* after the name */
    const char    *name;
    const uint8_t *types;    /* enum yoke_type, of the result and of each argument */
    /* args[0]: where the result goes; args[i]: the i-th argument's value, which for `double *` is the place to write to */
    void (*call)(void *const *args);
} yoke_function;

enum { YOKE_FUNCTION_ABI = 1 };

/* code, C type as messages call it, size */
#define YOKE_NUMBERS(X)                                                                                      \
    X(YOKE_BOOL, bool) X(YOKE_INT8, int8_t) X(YOKE_INT16, int16_t) X(YOKE_INT32, int32_t) X(YOKE_INT64, int64_t) \
    X(YOKE_UINT8, uint8_t) X(YOKE_UINT16, uint16_t) X(YOKE_UINT32, uint32_t) X(YOKE_UINT64, uint64_t)        \
    X(YOKE_FLOAT, float) X(YOKE_DOUBLE, double)

enum yoke_type {
    YOKE_VOID,
#define X(code, type) code,
    YOKE_NUMBERS(X)
#undef X
    YOKE_TEXT,
    YOKE_DOUBLES,
    YOKE_INT64S,
    YOKE_TASK,
    YOKE_NO_TYPE,
    YOKE_OUT = 32 /* added to a number's code: a place for one more result */
};

#ifdef __cplusplus
}
#else

#define YOKE_INT_OF(T)  (sizeof(T) == 1 ? YOKE_INT8 : sizeof(T) == 2 ? YOKE_INT16 : sizeof(T) == 4 ? YOKE_INT32 : YOKE_INT64)
#define YOKE_UINT_OF(T) (sizeof(T) == 1 ? YOKE_UINT8 : sizeof(T) == 2 ? YOKE_UINT16 : sizeof(T) == 4 ? YOKE_UINT32 : YOKE_UINT64)

#define YOKE_TYPE_OF(T)                                                                                             \
    (uint8_t)_Generic((T *)0, void *: YOKE_VOID, bool *: YOKE_BOOL, float *: YOKE_FLOAT, double *: YOKE_DOUBLE,     \
        char *: YOKE_INT8, signed char *: YOKE_INT8, short *: YOKE_INT16, int *: YOKE_INT32, long *: YOKE_INT_OF(long), \
        long long *: YOKE_INT64, unsigned char *: YOKE_UINT8, unsigned short *: YOKE_UINT16, unsigned *: YOKE_UINT32, \
        unsigned long *: YOKE_UINT_OF(long), unsigned long long *: YOKE_UINT64, const char **: YOKE_TEXT,           \
        yoke_doubles *: YOKE_DOUBLES, yoke_int64s *: YOKE_INT64S, yoke_task **: YOKE_TASK,                          \
        bool **: YOKE_OUT + YOKE_BOOL, float **: YOKE_OUT + YOKE_FLOAT, double **: YOKE_OUT + YOKE_DOUBLE,          \
        signed char **: YOKE_OUT + YOKE_INT8, short **: YOKE_OUT + YOKE_INT16, int **: YOKE_OUT + YOKE_INT32,       \
        long **: YOKE_OUT + YOKE_INT_OF(long), long long **: YOKE_OUT + YOKE_INT64,                                 \
        unsigned char **: YOKE_OUT + YOKE_UINT8, unsigned short **: YOKE_OUT + YOKE_UINT16,                         \
        unsigned **: YOKE_OUT + YOKE_UINT32, unsigned long **: YOKE_OUT + YOKE_UINT_OF(long),                       \
        unsigned long long **: YOKE_OUT + YOKE_UINT64, default: YOKE_NO_TYPE)

/* The same, and a sentence where there is none. */
#define YOKE_KNOWN_TYPE(T)                                                                                          \
    (uint8_t)(YOKE_TYPE_OF(T) + 0 * sizeof(struct {                                                                 \
        _Static_assert(YOKE_TYPE_OF(T) != YOKE_NO_TYPE,                                                             \
                       "yoke map cannot hand over the type " #T "; <yoke/function.h> lists those it can");          \
        int none;                                                                                                   \
    }))

/* YOKE_EACH(m, a, b, …): m(1, a), m(2, b) … Nothing here is empty between commas, which not all C standards allow. */
#define YOKE_COUNT(...)  YOKE_19TH(__VA_ARGS__, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0) /* 9: too many */
#define YOKE_19TH(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, n, ...) n
#define YOKE_PASTE(a, b)   YOKE_PASTE_(a, b)
#define YOKE_PASTE_(a, b)  a##b
#define YOKE_EACH(m, ...)  YOKE_PASTE(YOKE_EACH_, YOKE_COUNT(__VA_ARGS__))(m, __VA_ARGS__)
#define YOKE_EACH_1(m, a)                      m(1, a)
#define YOKE_EACH_2(m, a, b)                   m(1, a), m(2, b)
#define YOKE_EACH_3(m, a, b, c)                m(1, a), m(2, b), m(3, c)
#define YOKE_EACH_4(m, a, b, c, d)             m(1, a), m(2, b), m(3, c), m(4, d)
#define YOKE_EACH_5(m, a, b, c, d, e)          m(1, a), m(2, b), m(3, c), m(4, d), m(5, e)
#define YOKE_EACH_6(m, a, b, c, d, e, f)       m(1, a), m(2, b), m(3, c), m(4, d), m(5, e), m(6, f)
#define YOKE_EACH_7(m, a, b, c, d, e, f, g)    m(1, a), m(2, b), m(3, c), m(4, d), m(5, e), m(6, f), m(7, g)
#define YOKE_EACH_8(m, a, b, c, d, e, f, g, h) m(1, a), m(2, b), m(3, c), m(4, d), m(5, e), m(6, f), m(7, g), m(8, h)

#define YOKE_EACH_9(m, a, ...)                 YOKE_EACH_1(m, a)

#define YOKE_ARG(i, T)   *(T *)args[i]
#define YOKE_ARG_TYPE(i, T) YOKE_KNOWN_TYPE(T)

/* `*(R *)args[0] =` in front of the call, unless R is void. */
#define YOKE_KEEP(R)              YOKE_PASTE(YOKE_KEEP_, YOKE_SECOND(YOKE_WHEN_##R, VALUE, ))(R)
#define YOKE_SECOND(...)          YOKE_SECOND_(__VA_ARGS__)
#define YOKE_SECOND_(a, b, ...)   b
#define YOKE_WHEN_void            , NOTHING
#define YOKE_KEEP_NOTHING(R)
#define YOKE_KEEP_VALUE(R)        *(R *)args[0] =

#define YOKE_FUNCTION(...)                                                                                          \
    YOKE_PASTE(YOKE_FUNCTION_, YOKE_19TH(__VA_ARGS__, SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME, SOME,   \
                                         SOME, SOME, SOME, SOME, SOME, SOME, NONE, NONE, NONE))(__VA_ARGS__)
#define YOKE_FUNCTION_NONE(R, function) YOKE_FUNCTION_OF(R, function, 0, (void), (), (YOKE_KNOWN_TYPE(R)))
#define YOKE_FUNCTION_SOME(R, function, ...)                                                                        \
    YOKE_FUNCTION_OF(R, function, YOKE_COUNT(__VA_ARGS__), (__VA_ARGS__), (YOKE_EACH(YOKE_ARG, __VA_ARGS__)),       \
                     (YOKE_KNOWN_TYPE(R), YOKE_EACH(YOKE_ARG_TYPE, __VA_ARGS__)))
#define YOKE_ALL(...) __VA_ARGS__
#define YOKE_FUNCTION_OF(R, function, n, parameters, values, types)                                                 \
    _Static_assert((n) <= 8, "the YOKE_FUNCTION line of " #function " has more than eight arguments");              \
    _Static_assert(__builtin_types_compatible_p(__typeof__(function), R parameters),                                \
                   "the YOKE_FUNCTION line of " #function " does not match the function");                          \
    static void yoke_call_##function(void *const *args)                                                             \
    {                                                                                                               \
        (void)args;                                                                                                 \
        YOKE_KEEP(R) function values;                                                                               \
    }                                                                                                               \
    static const uint8_t yoke_types_##function[] = {YOKE_ALL types};                                                \
    extern __attribute__((visibility("default"))) const yoke_function yoke_function_##function;                     \
    const yoke_function yoke_function_##function = {YOKE_FUNCTION_ABI, (n), #function, yoke_types_##function, yoke_call_##function}

#endif
#endif
