/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/test/check.h"
#include "image/codec.h"
#include "image/pdf.h"

#include <yoke/image.h>

#include <math.h>
#include <stdlib.h>

/* A JPEG of markers alone: as much as the parser looks at. */
typedef struct made {
    uint8_t data[1024];
    size_t  n;
} made;

static void put(made *m, const void *bytes, size_t n)
{
    memcpy(m->data + m->n, bytes, n);
    m->n += n;
}

static void put_segment(made *m, unsigned marker, const void *bytes, size_t n)
{
    put(m, (uint8_t[]){0xff, (uint8_t)marker, (uint8_t)((n + 2) >> 8), (uint8_t)(n + 2)}, 4);
    put(m, bytes, n);
}

static void put_exif(made *m, bool is_big, unsigned orientation)
{
    uint8_t big[] = {'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, (uint8_t)orientation, 0,
                     0};
    uint8_t little[] = {'E', 'x', 'i', 'f', 0, 0, 'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (uint8_t)orientation, 0,
                        0, 0};
    put_segment(m, 0xe1, is_big ? big : little, sizeof big);
}

static void put_picture(made *m, unsigned frame, unsigned precision, unsigned components)
{
    uint8_t sof[6 + 12] = {(uint8_t)precision, 0, 20, 0, 30, (uint8_t)components, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0};
    put_segment(m, frame, sof, 6 + 3 * components);
    put_segment(m, 0xda, "\1\1\0\0\77\0", 6);
    put(m, "\x12\xff\x00\xff\xd0\xff\xff\x00\x34", 9); /* stuffing, a restart, fill */
    put(m, "\xff\xd9", 2);
}

static made begin(void)
{
    made m = {.n = 0};
    put(&m, "\xff\xd8", 2);
    return m;
}

TEST(markers_tell_size_colours_and_orientation)
{
    for (unsigned o = 1; o <= 8; o++) {
        made    m = begin();
        yk_jpeg j;
        put_segment(&m, 0xe0, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
        put_exif(&m, o % 2 == 0, o);
        put_picture(&m, 0xc2, 8, 3);
        assert_int_equal(yk_jpeg_parse(m.data, m.n, &j, NULL), 0);
        assert_int_equal(j.width, 30);
        assert_int_equal(j.height, 20);
        assert_int_equal(j.orientation, o);
        assert_true(yk_jpeg_fits_pdf(&j) && !j.is_rgb && !j.is_inverted);
    }
}

TEST(what_a_pdf_may_hold)
{
    static const struct {
        unsigned frame, precision, components;
        bool     fits;
    } row[] = {{0xc0, 8, 1, true},  {0xc1, 8, 3, true},  {0xc2, 8, 4, true},  {0xc1, 12, 3, false}, {0xc9, 8, 3, false},
               {0xca, 8, 3, false}, {0xc3, 8, 3, false}, {0xc0, 8, 2, false}, {0xc5, 8, 3, false}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        made    m = begin();
        yk_jpeg j;
        put_picture(&m, row[i].frame, row[i].precision, row[i].components);
        assert_int_equal(yk_jpeg_parse(m.data, m.n, &j, NULL), 0);
        assert_int_equal(yk_jpeg_fits_pdf(&j), row[i].fits);
    }
}

TEST(adobe_marker_decides_colours)
{
    made    cmyk = begin(), rgb = begin();
    yk_jpeg j;
    put_segment(&cmyk, 0xee, "Adobe\0\144\0\0\0\0\2", 12);
    put_picture(&cmyk, 0xc0, 8, 4);
    assert_int_equal(yk_jpeg_parse(cmyk.data, cmyk.n, &j, NULL), 0);
    assert_true(j.is_inverted);
    yk_pdf pdf = {YK_BUF_INIT, YK_BUF_INIT};
    assert_int_equal(yk_pdf_of_jpeg(&pdf, &j, cmyk.n, 0, NULL), 0);
    assert_non_null(strstr(pdf.head.data, "/DeviceCMYK/BitsPerComponent 8/Filter/DCTDecode/Decode[1 0 1 0 1 0 1 0]"));
    yk_pdf_fini(&pdf);
    put_segment(&rgb, 0xee, "Adobe\0\144\0\0\0\0\0", 12);
    put_picture(&rgb, 0xc0, 8, 3);
    assert_int_equal(yk_jpeg_parse(rgb.data, rgb.n, &j, NULL), 0);
    assert_true(j.is_rgb);
}

TEST(every_beginning_of_a_jpeg_is_refused)
{
    made    m = begin();
    yk_jpeg j;
    put_exif(&m, true, 6);
    put_picture(&m, 0xc0, 8, 3);
    for (size_t n = 0; n < m.n; n++) {
        YK_AUTOFREE uint8_t *part = yk_memdup(m.data, n ? n : 1); /* so that the sanitizer sees a read past its end */
        assert_int_equal(yk_jpeg_parse(part, n, &j, NULL), YOKE_EFORMAT);
    }
    assert_int_equal(yk_jpeg_parse(m.data, m.n, &j, NULL), 0);
}

TEST(any_byte_may_be_wrong)
{
    made m = begin();
    put_exif(&m, false, 3);
    put_picture(&m, 0xc0, 8, 3);
    for (size_t i = 0; i < m.n; i++)
        for (unsigned v = 0; v < 256; v++) {
            YK_AUTOFREE uint8_t *d = yk_memdup(m.data, m.n);
            yk_jpeg              j;
            d[i] = (uint8_t)v;
            int rc = yk_jpeg_parse(d, m.n, &j, NULL);
            assert_true(rc == YOKE_EFORMAT || (rc == 0 && j.orientation >= 1 && j.orientation <= 8));
        }
}

static void expect_corner(const yk_placing *p, double u, double v, double x, double y)
{
    assert_true(fabs(p->a * u + p->c * v + p->e - x) < 2e-4);
    assert_true(fabs(p->b * u + p->d * v + p->f - y) < 2e-4);
}

/* Where the stored picture's top left corner (0, 1 of the unit square) and top right corner (1, 1) must land, y upwards. */
TEST(orientations_place_corners)
{
    static const struct {
        unsigned orientation;
        double   deg, width, height, left_x, left_y, right_x, right_y;
    } row[] = {
        {1, 0, 30, 20, 0, 20, 30, 20}, {2, 0, 30, 20, 30, 20, 0, 20}, {3, 0, 30, 20, 30, 0, 0, 0},  {4, 0, 30, 20, 0, 0, 30, 0},
        {5, 0, 20, 30, 0, 30, 0, 0},   {6, 0, 20, 30, 20, 30, 20, 0}, {7, 0, 20, 30, 20, 0, 20, 30}, {8, 0, 20, 30, 0, 0, 0, 30},
        {1, 90, 20, 30, 20, 30, 20, 0}, {1, 180, 30, 20, 30, 0, 0, 0}, {1, -90, 20, 30, 0, 0, 0, 30}, {6, 270, 30, 20, 0, 20, 30, 20},
        {1, 720, 30, 20, 0, 20, 30, 20},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        yk_placing p = yk_pdf_place(30, 20, row[i].orientation, row[i].deg);
        assert_true(p.width == row[i].width && p.height == row[i].height);
        expect_corner(&p, 0, 1, row[i].left_x, row[i].left_y);
        expect_corner(&p, 1, 1, row[i].right_x, row[i].right_y);
    }
    yk_placing p = yk_pdf_place(100, 100, 1, 45);
    assert_true(fabs(p.width - 100 * sqrt(2)) < 1e-9);
    expect_corner(&p, 0, 1, p.width / 2, p.height); /* the top left corner is now the top */
    p = yk_pdf_place(28800, 20, 1, 0);
    assert_true(p.width == 14400 && p.height == 10);
}

TEST(wrong_options_are_said_before_anything_is_read)
{
    static const char *const same[] = {"a/x.jpg", "b/x.png"}, *const chain[] = {"x.jpg", "x_t.jpg"};
    yoke_session    *s = yoke_open("serial", NULL);
    yoke_error       err = YOKE_ERROR_INIT;
    yoke_image_opts  o = YOKE_IMAGE_OPTS_INIT;
    o.format = "pfd";
    assert_int_equal(yoke_image_convert(s, same, 2, &o, NULL, NULL, &err), YOKE_EINVALID);
    assert_non_null(strstr(err.text, "did you mean 'pdf'"));
    o.format = "pdf";
    o.dir = "out";
    yoke_error_clear(&err);
    assert_int_equal(yoke_image_convert(s, same, 2, &o, NULL, NULL, &err), YOKE_EINVALID);
    assert_string_equal(err.text, "'a/x.jpg' and 'b/x.png' would both become 'out/x.pdf'; convert them in separate calls");
    o = (yoke_image_opts)YOKE_IMAGE_OPTS_INIT;
    o.suffix = "_t";
    assert_int_equal(yoke_image_convert(s, chain, 2, &o, NULL, NULL, NULL), YOKE_EINVALID);
    o.suffix = "/../t";
    assert_int_equal(yoke_image_convert(s, same, 1, &o, NULL, NULL, NULL), YOKE_EINVALID);
    o.suffix = NULL;
    o.rotate_deg = NAN;
    assert_int_equal(yoke_image_convert(s, same, 1, &o, NULL, NULL, NULL), YOKE_EINVALID);
    o.rotate_deg = 0;
    assert_int_equal(yoke_image_convert(s, same, 1, &o, NULL, NULL, NULL), YOKE_ETASK);
    yoke_close(s);
}

TEST(formats_by_first_bytes)
{
    assert_int_equal(yk_format_sniff("\xff\xd8\xff\xe0", 4), YK_FORMAT_JPEG);
    assert_int_equal(yk_format_sniff("\x89PNG\r\n\x1a\n", 8), YK_FORMAT_PNG);
    assert_int_equal(yk_format_sniff("\x89PNG\n", 5), YK_FORMAT_NONE);
    assert_int_equal(yk_format_sniff("RIFF....WEBPVP8 ", 16), YK_FORMAT_WEBP);
    assert_int_equal(yk_format_sniff("", 0), YK_FORMAT_NONE);
    assert_int_equal(yk_format_named("JPG"), YK_FORMAT_JPEG);
    assert_int_equal(yk_format_named("gif"), YK_FORMAT_NONE);
}

RUN_TESTS(markers_tell_size_colours_and_orientation, what_a_pdf_may_hold, adobe_marker_decides_colours,
          every_beginning_of_a_jpeg_is_refused, any_byte_may_be_wrong, orientations_place_corners,
          wrong_options_are_said_before_anything_is_read, formats_by_first_bytes)
