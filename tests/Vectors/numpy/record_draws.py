"""Writes draws.json: what NumPy draws, for the generator's tests. Usage: python3 record_draws.py > draws.json"""
import hashlib
import json
import sys

import numpy as np


def draw(method, args, seed, n, call):
    rng = np.random.default_rng(seed)
    values = np.concatenate([np.atleast_1d(call(rng)) for _ in range(n)])
    values = values.astype("<i8" if values.dtype.kind in "iu" else "<f8")
    return {
        "method": method,
        "args": args,
        "seed": seed,
        "n": n,
        "first": values[:20].tolist(),
        "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
        # What the generator says next shows that as many bits were used.
        "next_uint32": int(rng.integers(0, 2**32, dtype=np.uint32)),
    }


def probabilities(k):
    weights = np.arange(1, k + 1) ** 2.0
    return (weights / weights.sum()).tolist()


draws = []
for seed in (0, 42, 123456789012):
    draws.append(draw("random", [], seed, 1000, lambda g: g.random()))
    for low, high in ((0, 1), (0, 10), (-5, 6), (0, 2**31), (0, 3 * 2**30), (0, 2**32), (0, 2**33 + 7), (-(2**62), 2**62 + 1)):
        draws.append(draw("integers", [low, high], seed, 300, lambda g: g.integers(low, high)))
    draws.append(draw("standard_normal", [], seed, 200_000, lambda g: g.standard_normal()))
    draws.append(draw("standard_exponential", [], seed, 200_000, lambda g: g.standard_exponential()))
    draws.append(draw("normal", [3.5, 0.25], seed, 100, lambda g: g.normal(3.5, 0.25)))
    draws.append(draw("lognormal", [0.0, 2.0], seed, 1000, lambda g: g.lognormal(0.0, 2.0)))
    for shape in (0.0, 0.01, 0.3, 0.5, 0.999, 1.0, 1.5, 7.0, 1000.0):
        draws.append(draw("standard_gamma", [shape], seed, 5000, lambda g: g.standard_gamma(shape)))
    for a, b in ((0.5, 0.5), (0.05, 0.1), (1.0, 1.0), (0.3, 4.0), (2.5, 6.0)):
        draws.append(draw("beta", [a, b], seed, 2000, lambda g: g.beta(a, b)))
    for alpha in ([0.5] * 10, [1.0, 2.0, 3.0], [0.09] * 5, [0.03, 0.05, 0.07, 0.09], [0.05, 0.1], [100.0] * 4, [0.2]):
        draws.append(draw("dirichlet", alpha, seed, 500, lambda g: g.dirichlet(alpha)))
    for n in (0, 1, 2, 17, 1000):
        draws.append(draw("permutation", [n], seed, 3, lambda g: g.permutation(n)))
        draws.append(draw("shuffle", [n], seed, 3, lambda g: (lambda x: (g.shuffle(x), np.array(x, dtype=int))[1])(list(range(n)))))
    for n, size in ((1, 1), (10, 2), (10, 10), (1000, 30), (20_000, 100), (20_000, 5000), (20_000, 20_000), (300, 0)):
        draws.append(draw("choice", [n, size], seed, 2, lambda g: g.choice(n, size)))
        draws.append(draw("choice_distinct", [n, size], seed, 2, lambda g: g.choice(n, size, replace=False)))
        draws.append(draw("choice_distinct_unshuffled", [n, size], seed, 2, lambda g: g.choice(n, size, replace=False, shuffle=False)))
    for k in (1, 3, 10):
        p = probabilities(k)
        draws.append(draw("choice_p_one", p, seed, 100, lambda g: g.choice(k, p=p)))
        draws.append(draw("choice_p", p, seed, 3, lambda g: g.choice(k, 40, p=p)))
        draws.append(draw("choice_p_distinct", p, seed, 5, lambda g: g.choice(k, k, replace=False, p=p)))

json.dump({"numpy": np.__version__, "draws": draws}, sys.stdout, indent=1)
print()
