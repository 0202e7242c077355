/* SPDX-License-Identifier: BSD-3-Clause
 *
 *     ff d8 | ff e1 len len … | … | ff c0 len len frame | … | ff da len len … entropy-coded bytes … | ff d9
 */
#include "image/jpeg.h"

#include <string.h>

enum {
    M_SOF0 = 0xc0, M_SOF15 = 0xcf, M_DHT = 0xc4, M_JPG = 0xc8, M_DAC = 0xcc, M_RST0 = 0xd0, M_RST7 = 0xd7, M_SOI = 0xd8,
    M_EOI = 0xd9, M_SOS = 0xda, M_APP0 = 0xe0, M_APP1 = 0xe1, M_APP14 = 0xee, M_TEM = 0x01
};

typedef struct parser {
    yk_jpeg *j;
    bool     has_frame, has_scan, has_jfif, has_adobe;
    unsigned transform; /* Adobe's: 0 none, 1 YCbCr, 2 YCCK */
    uint8_t  ids[4];
} parser;

static unsigned be16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }

static int cut_short(yoke_error *err)
{
    return yk_fail(err, YOKE_EFORMAT, "the JPEG is cut short: it ends before its end-of-image marker; fetch or save it again");
}

static int read_frame(parser *p, unsigned marker, const uint8_t *d, size_t n, yoke_error *err)
{
    if (p->has_frame)
        return yk_fail(err, YOKE_EFORMAT, "the JPEG is broken: it has two frame headers");
    if (n < 6 || d[5] == 0 || n < 6 + 3 * (size_t)d[5])
        return yk_fail(err, YOKE_EFORMAT, "the JPEG is broken: its frame header is too short");
    p->has_frame = true;
    p->j->frame = marker;
    p->j->precision = d[0];
    p->j->height = be16(d + 1);
    p->j->width = be16(d + 3);
    p->j->components = d[5];
    for (unsigned i = 0; i < d[5] && i < 4; i++)
        p->ids[i] = d[6 + 3 * i];
    if (p->j->width == 0)
        return yk_fail(err, YOKE_EFORMAT, "the JPEG is broken: it is 0 pixels wide");
    return 0;
}

static unsigned tiff16(const uint8_t *p, bool is_big) { return is_big ? be16(p) : (unsigned)p[1] << 8 | p[0]; }

static uint32_t tiff32(const uint8_t *p, bool is_big)
{
    uint32_t first = tiff16(p, is_big), second = tiff16(p + 2, is_big);
    return is_big ? first << 16 | second : second << 16 | first;
}

/* The orientation of an EXIF block: tag 0x112 of its first directory. A block that is broken has none, as for viewers. */
static unsigned read_orientation(const uint8_t *d, size_t n)
{
    enum { TAG_ORIENTATION = 0x112, TYPE_SHORT = 3, ENTRY = 12 };
    if (n < 14 || memcmp(d, "Exif\0\0", 6) != 0)
        return 0;
    d += 6, n -= 6;
    bool is_big = d[0] == 'M';
    if ((memcmp(d, "MM\0*", 4) != 0 && memcmp(d, "II*\0", 4) != 0))
        return 0;
    size_t at = tiff32(d + 4, is_big);
    if (at > n - 2)
        return 0;
    unsigned count = tiff16(d + at, is_big);
    for (at += 2; count > 0 && n - at >= ENTRY; count--, at += ENTRY)
        if (tiff16(d + at, is_big) == TAG_ORIENTATION && tiff16(d + at + 2, is_big) == TYPE_SHORT) {
            unsigned v = tiff16(d + at + 8, is_big);
            return v >= 1 && v <= 8 ? v : 0;
        }
    return 0;
}

static int read_segment(parser *p, unsigned marker, const uint8_t *d, size_t n, yoke_error *err)
{
    if (marker >= M_SOF0 && marker <= M_SOF15 && marker != M_DHT && marker != M_JPG && marker != M_DAC)
        return read_frame(p, marker, d, n, err);
    if (marker == M_APP0 && n >= 5 && memcmp(d, "JFIF", 5) == 0)
        p->has_jfif = true;
    if (marker == M_APP1 && p->j->orientation == 0)
        p->j->orientation = read_orientation(d, n);
    if (marker == M_APP14 && n >= 12 && memcmp(d, "Adobe", 5) == 0) {
        p->has_adobe = true;
        p->transform = d[11];
    }
    if (marker == M_SOS) {
        if (!p->has_frame)
            return yk_fail(err, YOKE_EFORMAT, "the JPEG is broken: a scan comes before the frame header");
        p->has_scan = true;
    }
    return 0;
}

/* Past the entropy-coded bytes of a scan: to the ff of the next marker that is neither stuffing nor a restart; n at the end. */
static size_t skip_scan(const uint8_t *d, size_t at, size_t n)
{
    while (at < n) {
        const uint8_t *ff = memchr(d + at, 0xff, n - at);
        if (!ff || ff + 1 == d + n)
            return n;
        at = (size_t)(ff - d);
        unsigned next = ff[1];
        if (next == 0xff)
            at += 1;
        else if (next == 0 || (next >= M_RST0 && next <= M_RST7))
            at += 2;
        else
            return at;
    }
    return n;
}

/* What the colours are, as libjpeg and its heirs decide it. */
static void decide_colours(parser *p)
{
    yk_jpeg *j = p->j;
    j->is_inverted = j->components == 4 && p->has_adobe;
    if (j->components == 3 && p->has_adobe)
        j->is_rgb = p->transform == 0;
    else if (j->components == 3 && !p->has_jfif)
        j->is_rgb = p->ids[0] == 'R' && p->ids[1] == 'G' && p->ids[2] == 'B';
    if (j->orientation == 0)
        j->orientation = 1;
}

static int walk(parser *p, const uint8_t *d, size_t n, yoke_error *err)
{
    size_t at = 2;
    for (;;) {
        if (at + 2 > n)
            return cut_short(err);
        if (d[at] != 0xff)
            return yk_fail(err, YOKE_EFORMAT, "the JPEG is broken: byte %zu should begin a marker", at);
        unsigned marker = d[at + 1];
        if (marker == 0xff) { /* fill */
            at += 1;
            continue;
        }
        at += 2;
        if (marker == M_EOI)
            return 0;
        if (marker == M_TEM || (marker >= M_RST0 && marker <= M_SOI))
            continue;
        if (at + 2 > n)
            return cut_short(err);
        size_t len = be16(d + at);
        if (len < 2)
            return yk_fail(err, YOKE_EFORMAT, "the JPEG is broken: the segment at byte %zu says it is %zu bytes long", at - 2, len);
        if (len > n - at)
            return cut_short(err);
        YK_TRY(read_segment(p, marker, d + at + 2, len - 2, err));
        at += len;
        if (marker == M_SOS)
            at = skip_scan(d, at, n);
    }
}

int yk_jpeg_parse(const uint8_t *d, size_t n, yk_jpeg *ret, yoke_error *err)
{
    yk_jpeg j = {0};
    parser  p = {.j = &j};
    if (n < 4 || d[0] != 0xff || d[1] != M_SOI || d[2] != 0xff)
        return yk_fail(err, YOKE_EFORMAT, "this is not a JPEG");
    YK_TRY(walk(&p, d, n, err));
    if (!p.has_scan)
        return yk_fail(err, YOKE_EFORMAT, "the JPEG is broken: it ends before the picture begins");
    decide_colours(&p);
    *ret = j;
    return 0;
}

bool yk_jpeg_fits_pdf(const yk_jpeg *j)
{
    bool is_huffman = j->frame == 0xc0 || j->frame == 0xc1 || j->frame == 0xc2;
    return is_huffman && j->precision == 8 && j->height > 0 && (j->components == 1 || j->components == 3 || j->components == 4);
}
