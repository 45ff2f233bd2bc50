"""Writes stratified.json: a stratified split as Hugging Face datasets makes it with NumPy. Usage: python3 record_stratified.py > stratified.json

The steps: labels ascending; for each side the shares rounded down and one more, drawn among equals, for the largest remainders; of
each label a permutation, its head for training and what follows for testing; both sides permuted.
"""
import json
import math
import sys

import numpy as np


def shares(counts, draws, rng):
    exact = draws * counts / counts.sum()
    whole = np.floor(exact)
    missing = int(draws - whole.sum())
    rest = exact - whole
    for value in sorted(set(rest.tolist()), reverse=True):
        if missing == 0:
            break
        (equal,) = np.nonzero(rest == value)
        more = min(len(equal), missing)
        whole[rng.choice(equal, size=more, replace=False)] += 1
        missing -= more
    return whole.astype(int)


def split(labels, test_size, seed):
    rng = np.random.default_rng(seed)
    n_test = math.ceil(test_size * len(labels))
    classes = sorted(set(labels))
    rows = [np.array([i for i, label in enumerate(labels) if label == c]) for c in classes]
    counts = np.array([len(r) for r in rows])
    n_i = shares(counts, len(labels) - n_test, rng)
    t_i = shares(counts - n_i, n_test, rng)
    train, test = [], []
    for own, n, t in zip(rows, n_i, t_i):
        order = own[rng.permutation(len(own))]
        train.extend(order[:n].tolist())
        test.extend(order[n:n + t].tolist())
    return rng.permutation(train).tolist(), rng.permutation(test).tolist()


labels = [(i * i) % 7 % 4 for i in range(60)]
splits = []
for test_size, seed in ((0.2, 42), (0.5, 0), (0.33, 7)):
    train, test = split(labels, test_size, seed)
    splits.append({"test_size": test_size, "seed": seed, "train": train, "test": test})
json.dump({"numpy": np.__version__, "labels": labels, "splits": splits}, sys.stdout)
print()
