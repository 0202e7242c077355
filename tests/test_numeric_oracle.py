"""Histograms, sums, extremes and quantiles of src/numeric against NumPy and exact arithmetic. YOKE_STRESS=N for N times as much."""

import ctypes
import math
import os
from fractions import Fraction

import numpy as np
import pytest

STRESS = int(os.environ.get("YOKE_STRESS", "1"))
DOUBLES = np.ctypeslib.ndpointer(dtype=np.float64, flags="C_CONTIGUOUS")
WORDS = np.ctypeslib.ndpointer(dtype=np.uint64, flags="C_CONTIGUOUS")


class Sums(ctypes.Structure):
    _fields_ = [("n", ctypes.c_uint64), ("sum", ctypes.c_double), ("mean", ctypes.c_double), ("m2", ctypes.c_double)]


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("sys", ctypes.c_int), ("text", ctypes.c_char * 504)]


@pytest.fixture(scope="module")
def lib(yoke_path):
    lib = ctypes.CDLL(str(yoke_path.parent.parent / "tests" / "libinternals.so"))
    lib.yk_bins_edges.restype = ctypes.POINTER(ctypes.c_double)
    lib.yk_sum.restype = ctypes.c_double
    lib.yk_total_read.restype = Sums
    return lib


class Bins:
    def __init__(self, lib, make, *args):
        self.lib, self.p, err = lib, ctypes.c_void_p(), Error()
        code = make(*args, ctypes.byref(self.p), ctypes.byref(err))
        if code:
            raise ValueError(err.text.decode())
        self.n = lib.yk_bins_n(self.p)

    def edges(self):
        return np.ctypeslib.as_array(self.lib.yk_bins_edges(self.p), (self.n + 1,)).copy()

    def count(self, x, mask=None, block=2048):
        h, counts = ctypes.c_void_p(), np.zeros(self.n, dtype=np.uint64)
        assert self.lib.yk_hist_new(self.p, ctypes.byref(h), None) == 0
        for at in range(0, len(x), block):
            part = np.ascontiguousarray(x[at:at + block])
            bits = None if mask is None else pack(mask[at:at + block]).ctypes
            self.lib.yk_hist_add(h, part.ctypes, bits, len(part))
        self.lib.yk_hist_read(h, counts.ctypes)
        self.lib.yk_hist_free(h)
        return counts.astype(np.int64)

    def __del__(self):
        self.lib.yk_bins_free(self.p)


def pack(mask):
    bits = np.packbits(np.asarray(mask, dtype=bool), bitorder="little")
    return np.concatenate([bits, np.zeros(-len(bits) % 8, dtype=np.uint8)]).view(np.uint64).copy()


def equal(lib, n, lo, hi):
    return Bins(lib, lib.yk_bins_equal, ctypes.c_uint32(n), ctypes.c_double(lo), ctypes.c_double(hi))


def around_edges(edges, rng, n):
    """Values on edges, next to them, and anywhere."""
    some = rng.choice(edges, n)
    near = np.nextafter(some, rng.choice([-np.inf, np.inf], n))
    span = edges[-1] - edges[0]
    anywhere = rng.uniform(edges[0] - 0.1 * span, edges[-1] + 0.1 * span, n)
    x = np.concatenate([some, near, anywhere, [np.nan, np.inf, -np.inf, 0.0, -0.0]])
    rng.shuffle(x)
    return x


FIXED = [(200, 0.01, 2.0), (100, 0.0, 1.0), (10, 0.0, 1.0), (1, 0, 1), (3, 5, 5), (7, -1e300, 1e300), (50, 1e15, 1e15 + 50),
         (1000, 1e9, 1e9 + 1), (9, 1e-310, 1e-309), (33, -3.0, 1.1)]


@pytest.mark.parametrize("seed", range(20 * STRESS))
@pytest.mark.parametrize("isa", [0, 1, 2])
def test_equal_bins_count_as_numpy(lib, seed, isa):
    rng = np.random.default_rng(seed)
    if seed < len(FIXED):
        n, lo, hi = FIXED[seed]
    else:
        n, lo = int(rng.integers(1, 1000)), float(rng.normal() * 10.0 ** rng.integers(-5, 6))
        hi = lo + float(10.0 ** rng.uniform(-8, 4)) * abs(lo)
    lib.yk_isa_limit(isa)
    try:
        want_edges = np.histogram_bin_edges([], bins=n, range=(lo, hi))
    except ValueError:
        with pytest.raises(ValueError, match="too many"):
            equal(lib, n, lo, hi)
        return
    bins = equal(lib, n, lo, hi)
    assert np.array_equal(bins.edges(), want_edges), (n, lo, hi)
    x = around_edges(want_edges, rng, 3000)
    want, _ = np.histogram(x[~np.isnan(x)], bins=n, range=(lo, hi))
    assert np.array_equal(bins.count(x), want), (n, lo, hi)
    mask = rng.random(len(x)) < 0.4
    want, _ = np.histogram(x[mask & ~np.isnan(x)], bins=n, range=(lo, hi))
    assert np.array_equal(bins.count(x, mask), want), (n, lo, hi)
    lib.yk_isa_limit(2)


@pytest.mark.parametrize("seed", range(10 * STRESS))
def test_given_edges_count_as_numpy(lib, seed):
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.normal(size=int(rng.integers(2, 300))) * 10.0 ** rng.integers(-3, 4))
    if seed % 3 == 0:
        edges = np.sort(rng.choice(edges, len(edges)))
    if seed % 4 == 0:
        edges[-1], edges[0] = np.inf, -np.inf
    bins = Bins(lib, lib.yk_bins_given, edges.ctypes, ctypes.c_size_t(len(edges)))
    x = np.concatenate([rng.choice(edges, 1000), np.nextafter(rng.choice(edges, 1000), -np.inf), rng.normal(size=3000) * 10, [np.nan]])
    want, _ = np.histogram(x[~np.isnan(x)], bins=edges)
    assert np.array_equal(bins.count(x), want)


def test_log_bins(lib):
    for n, lo, hi in [(49, 0.01, 20.0), (10, 1e-300, 1e300), (3, 1, 1000)]:
        bins = Bins(lib, lib.yk_bins_log, ctypes.c_uint32(n), ctypes.c_double(lo), ctypes.c_double(hi))
        edges = bins.edges()
        assert edges[0] == lo and edges[-1] == hi
        assert np.allclose(edges, np.geomspace(lo, hi, n + 1), rtol=1e-13, atol=0)
        x = np.exp(np.random.default_rng(n).uniform(math.log(lo) - 1, math.log(hi), 5000))
        x = np.concatenate([x, edges, np.nextafter(edges, 0)])
        assert np.array_equal(bins.count(x), np.histogram(x, bins=edges)[0])


def sums_of(lib, x, mask=None):
    partial = ctypes.create_string_buffer(1 << 14)
    buf = (ctypes.c_char * 64)()
    total, err = ctypes.c_void_p(), Error()
    x = np.ascontiguousarray(x, dtype=np.float64)
    lib.yk_partial_init(partial, ctypes.c_uint64(0), True)
    lib.yk_partial_add(partial, x.ctypes, None if mask is None else pack(mask).ctypes, len(x))
    assert lib.yk_partial_write(partial, buf, ctypes.byref(err)) == 0
    data, length = ctypes.c_void_p.from_buffer(buf, 0), ctypes.c_size_t.from_buffer(buf, 8)
    assert lib.yk_total_new(True, ctypes.byref(total), None) == 0
    assert lib.yk_total_add(total, data, length, None, ctypes.byref(err)) == 0, err.text
    s = lib.yk_total_read(total)
    lib.yk_total_free(total)
    lib.yk_partial_fini(partial)
    lib.yk_buf_fini(buf)
    return s


@pytest.mark.parametrize("make", [
    lambda r: r.normal(size=100000), lambda r: 1e9 + r.random(50000), lambda r: np.exp(r.normal(size=70000) * 5),
    lambda r: np.array([3.0]), lambda r: np.full(5000, 0.1), lambda r: 1e6 * np.arange(30000) + r.random(30000)])
def test_sum_mean_and_variance_are_close_to_exact(lib, make):
    x = make(np.random.default_rng(7))
    mask = np.random.default_rng(8).random(len(x)) < 0.7
    mask[0] = True
    kept = [Fraction(v) for v in x[mask].tolist()]
    exact = sum(kept)
    s = sums_of(lib, x, mask)
    assert s.n == len(kept)
    assert abs(Fraction(s.sum) - exact) <= Fraction(1, 10**15) * sum(map(abs, kept))
    mean = exact / len(kept)
    m2 = sum((v - mean) ** 2 for v in kept)
    ours, numpys = abs(Fraction(s.m2) - m2), abs(Fraction(float(np.var(x[mask]))) * len(kept) - m2)
    assert ours <= m2 * Fraction(1, 10**13) + Fraction(1, 10**20)
    assert ours <= 4 * numpys + m2 * Fraction(1, 10**15) + Fraction(1, 10**20)


def test_selection_is_that_of_sorting(lib):
    rng = np.random.default_rng(3)
    two = np.empty(2)
    for n in (1, 2, 3, 10, 1000, 4097, 100_000):
        for x in (rng.normal(size=n), np.zeros(n), rng.integers(0, 4, n).astype(float), np.arange(n, dtype=float), -np.arange(n, dtype=float),
                  np.where(rng.random(n) < 0.7, 0.0, rng.normal(size=n)), np.arange(n) % 128 * 1.0):
            for k in {0, n // 2, n - 1, n // 3, max(0, n - 2)}:
                lib.yk_select_two(np.ascontiguousarray(x.copy()).ctypes, ctypes.c_uint64(n), ctypes.c_uint64(k), two.ctypes)
                assert two.tolist() == [np.sort(x)[k], np.sort(x)[min(k + 1, n - 1)]]
