"""Monte Carlo pi: NumPy's numbers from MT19937, one answer from Philox whatever pulls, NumPy's own Philox-free check of it."""

import numpy as np
import pytest

# Known independently: 500,000 trials, RandomState(seed), seeds 0 to 9.
KNOWN = [3.139272, 3.1424, 3.144096, 3.141536, 3.135888, 3.137824, 3.141552, 3.141672, 3.141992, 3.142352]
EVERYWHERE = ["serial"] + [f"{on}:{n}" for on in ("threads", "processes") for n in (1, 2, 3, 7)]


@pytest.fixture(scope="session")
def pi(root):
    return root / "examples" / "pi.c"


def lines(run):
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout.splitlines()


def test_mt19937_gives_the_known_values(yoke, pi):
    assert [float(x) for x in lines(yoke("map", f"{pi}:pi_mt19937", "0..9"))] == KNOWN


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_mt19937_is_numpys(yoke, pi, seed):
    xy = np.random.RandomState(seed).random_sample((500000, 2))
    assert float(lines(yoke("map", f"{pi}:pi_mt19937", seed))[0]) == 4 * np.count_nonzero((xy**2).sum(axis=1) < 1) / 500000


@pytest.mark.parametrize("function,items", [("pi", "0..40"), ("pi_stream", "0..40"), ("pi_mt19937", "0..9")])
def test_same_bits_everywhere(yoke, pi, tmp_path, function, items):
    want = None
    for on in EVERYWHERE:
        out = tmp_path / f"{on.replace(':', '-')}.npy"
        lines(yoke("map", f"{pi}:{function}", items, "--on", on, "--seed", 11, "-o", out))
        want = want or out.read_bytes()
        assert out.read_bytes() == want, on
    x = np.load(out)
    assert abs(x.mean() - np.pi) < 5 * 1.642 / np.sqrt(500000 * len(x))
    assert len(set(x)) > len(x) // 2


@pytest.mark.parametrize("how", ["mean", "sum", "min", "max", "count"])
def test_folds_have_the_same_bits_everywhere(yoke, pi, how):
    got = {on: lines(yoke("map", f"{pi}:pi", "1..101", "--reduce", how, "--on", on)) for on in EVERYWHERE}
    assert len({tuple(g) for g in got.values()}) == 1
    x = np.array([float(line) for line in lines(yoke("map", f"{pi}:pi", "1..101"))])
    want = len(x) if how == "count" else getattr(x, how)()
    assert float(got["serial"][0]) == pytest.approx(want, rel=1e-15)


def test_instruction_sets_give_the_same_bits(yoke, pi):
    got = {isa: lines(yoke("map", f"{pi}:pi", "0..5", env={"YOKE_ISA": isa})) for isa in ("baseline", "avx2", "avx512")}
    assert got["baseline"] == got["avx2"] == got["avx512"]
    wrong = yoke("map", f"{pi}:pi", "0..5", env={"YOKE_ISA": "avx1"})
    assert wrong.returncode == 2 and "YOKE_ISA is 'avx1'" in wrong.stderr


def test_a_stream_depends_on_seed_and_index(yoke, pi):
    a = lines(yoke("map", f"{pi}:pi_stream", "0..5", "--seed", 1))
    assert a == lines(yoke("map", f"{pi}:pi_stream", "100..105", "--seed", 1))
    assert a != lines(yoke("map", f"{pi}:pi_stream", "0..5", "--seed", 2))
