"""Writes partitions.json: how flwr_datasets divides a small table, for the partitioners' tests.

Usage: python3 record_partitions.py > partitions.json, where flwr_datasets and datasets can be imported.
"""
import hashlib
import json
import random
import sys

import numpy as np
from datasets import Dataset
from flwr_datasets import partitioner as p

# The table: 1,000 rows; labels and ids of uneven sizes from integer arithmetic, so that it is easily made elsewhere.
N = 1000
TABLE = {
    "row": list(range(N)),
    "label": [(i * i + 3 * i) % 1009 * 7 % 10 for i in range(N)],
    "name": ["abcdefg"[(i * 37 % 101) % 7] + str((i * 53 % 211) % 5) for i in range(N)],
    "value": [((i * 7919) % 10007) / 7.0 for i in range(N)],
}
WIDE = {f"f{i}": [i, i + 1] for i in range(12)} | {"income": [0, 1]}
DISTRIBUTION = [[float((3 * r + 5 * c) % 7 + 1) for c in range(4)] for r in range(10)]


def rows(name, make, shuffled=True):
    partitioner = make()
    table = Dataset.from_dict(TABLE)
    partitioner.dataset = table.shuffle(seed=42) if shuffled else table
    partitions = [list(partitioner.load_partition(i)["row"]) for i in range(partitioner.num_partitions)]
    flat = np.array([row for partition in partitions for row in partition], dtype="<i8")
    return {
        "name": name,
        "sizes": [len(partition) for partition in partitions],
        "first": [partition[:5] for partition in partitions],
        "sha256_of_int64_le": hashlib.sha256(flat.tobytes()).hexdigest(),
    }


def columns(name, make):
    partitioner = make()
    partitioner.dataset = Dataset.from_dict(WIDE)
    return {"name": name, "columns": [partitioner.load_partition(i).column_names for i in range(partitioner.num_partitions)]}


record = [
    rows("iid 7", lambda: p.IidPartitioner(7)),
    rows("linear 9", lambda: p.LinearPartitioner(9)),
    rows("square 9", lambda: p.SquarePartitioner(9)),
    rows("exponential 5", lambda: p.ExponentialPartitioner(5)),
    rows("size 100 250 30", lambda: p.SizePartitioner([100, 250, 30])),
    rows("natural name", lambda: p.NaturalIdPartitioner("name")),
    rows("natural label", lambda: p.NaturalIdPartitioner("label")),
    rows("grouped smaller", lambda: p.GroupedNaturalIdPartitioner("name", 4)),
    rows("grouped smaller sorted", lambda: p.GroupedNaturalIdPartitioner("name", 4, sort_unique_ids=True)),
    rows("grouped smaller one", lambda: p.GroupedNaturalIdPartitioner("label", 40)),
    rows("grouped bigger", lambda: p.GroupedNaturalIdPartitioner("name", 4, "allow-bigger")),
    rows("grouped drop", lambda: p.GroupedNaturalIdPartitioner("name", 4, "drop-reminder")),
    rows("grouped strict", lambda: p.GroupedNaturalIdPartitioner("name", 5, "strict")),
    rows("dirichlet 0.5", lambda: p.DirichletPartitioner(6, "label", 0.5)),
    rows("dirichlet 0.1 balanced", lambda: p.DirichletPartitioner(6, "label", 0.1, 5, self_balancing=True)),
    rows("dirichlet 0.05", lambda: p.DirichletPartitioner(4, "label", 0.05, 1)),
    rows("dirichlet retries", lambda: p.DirichletPartitioner(5, "name", 0.3, 120)),
    rows("dirichlet each", lambda: p.DirichletPartitioner(3, "label", [0.2, 1.0, 5.0], 1, shuffle=False, seed=7)),
    rows("dirichlet 100", lambda: p.DirichletPartitioner(20, "label", 100, seed=0)),
    rows("inner 0.5", lambda: p.InnerDirichletPartitioner([200, 300, 100, 50], "label", 0.5)),
    rows("inner all", lambda: p.InnerDirichletPartitioner([250] * 4, "label", 2.0, shuffle=False, seed=5)),
    rows("inner each", lambda: p.InnerDirichletPartitioner([100] * 9, "label", [0.3 * (i + 1) for i in range(10)])),
    rows("pathological random", lambda: p.PathologicalPartitioner(12, "label", 3)),
    rows("pathological text", lambda: p.PathologicalPartitioner(8, "name", 5, seed=3)),
    rows("pathological deterministic", lambda: p.PathologicalPartitioner(8, "label", 2, "deterministic")),
    rows("pathological first", lambda: p.PathologicalPartitioner(15, "label", 4, "first-deterministic")),
    rows("shard number", lambda: p.ShardPartitioner(10, "label", num_shards_per_partition=2)),
    rows("shard number keep", lambda: p.ShardPartitioner(7, "label", num_shards_per_partition=3, keep_incomplete_shard=True)),
    rows("shard size", lambda: p.ShardPartitioner(9, "label", shard_size=30)),
    rows("shard size keep", lambda: p.ShardPartitioner(9, "label", shard_size=30, keep_incomplete_shard=True, shuffle=False)),
    rows("shard both", lambda: p.ShardPartitioner(5, "name", num_shards_per_partition=2, shard_size=40)),
    rows("distribution", lambda: p.DistributionPartitioner(np.array(DISTRIBUTION), 20, 2, "label", 3)),
    rows("distribution counts", lambda: p.DistributionPartitioner(np.array(DISTRIBUTION), 20, 2, "label", 0, rescale=False, seed=9)),
    rows("continuous 0", lambda: p.ContinuousPartitioner(6, "value", 0.0)),
    rows("continuous 0.7", lambda: p.ContinuousPartitioner(6, "value", 0.7)),
    rows("continuous 1", lambda: p.ContinuousPartitioner(6, "value", 1.0, shuffle=False)),
    rows("unshuffled dirichlet", lambda: p.DirichletPartitioner(3, "label", 1), shuffled=False),
    columns("even", lambda: p.VerticalEvenPartitioner(3, active_party_columns="income")),
    columns("even all", lambda: p.VerticalEvenPartitioner(
        5, active_party_columns=["income", "f3"], active_party_columns_mode="add_to_all", drop_columns=["f0"], shared_columns=["f1", "f2"], seed=1)),
    columns("even first", lambda: p.VerticalEvenPartitioner(2, active_party_columns="income", active_party_columns_mode="create_as_first", shared_columns="f5")),
    columns("even one", lambda: p.VerticalEvenPartitioner(4, active_party_columns="income", active_party_columns_mode=2, shuffle=False)),
    columns("size counts", lambda: p.VerticalSizePartitioner([6, 4, 2], active_party_columns="income", active_party_columns_mode="create_as_last")),
    columns("size shares", lambda: p.VerticalSizePartitioner([0.5, 0.25, 0.25], active_party_columns="income", active_party_columns_mode="add_to_first", drop_columns=["f7"])),
]

# Random divisions of random tables: row i of a table has the label classes[(a * i + b) % m % k]; a hash of all rows, or null where it is refused.
CLASSES = [
    [str(i) for i in range(12)], ["b", "a", "Z", "\u00e9", "", "a b", "ab"], ["\ufb01", "\U0001f33c", "\U00010000z", "\uffee", "e\u0301", "\U00010000"],
    [4, -3, 17, 0, 2**40, -(2**40), 8], [0.5, -1.25, 1e300, -0.0, 3.0, 1e-300], list(range(10)),
]


def numbers(chance, count, low, high):
    return [round(chance.uniform(low, high), 3) for _ in range(count)]


def arguments(kind, chance, n, k):
    """Of a partitioner the positional arguments and the named ones; some of them ask for what cannot be."""
    parts = chance.randint(1, 9)
    named = {} if kind in ("NaturalIdPartitioner", "GroupedNaturalIdPartitioner") else {"shuffle": chance.random() < 0.7, "seed": chance.randrange(2**32)}
    match kind:
        case "DirichletPartitioner":
            alpha = chance.choice([0.01, 0.06, 0.099, 0.1, 0.3, 0.5, 1.0, 2.5, 100.0, numbers(chance, parts, 0.02, 3)])
            named |= {"min_partition_size": chance.choice([0, 1, 10, n // parts // 2]), "self_balancing": chance.random() < 0.5}
            return [parts, "label", alpha], named
        case "InnerDirichletPartitioner":
            return [[chance.randint(0, n // parts) for _ in range(parts)], "label", chance.choice([0.05, 0.3, 1.0, 8.0, numbers(chance, k, 0.1, 3)])], named
        case "PathologicalPartitioner":
            return [parts, "label", chance.randint(1, k + 1), chance.choice(["random", "deterministic", "first-deterministic"])], named
        case "ShardPartitioner":
            named |= chance.choice([
                {"num_shards_per_partition": chance.randint(1, 5)}, {"shard_size": chance.randint(1, n // 3)},
                {"num_shards_per_partition": chance.randint(1, 5), "shard_size": chance.randint(1, n // parts // 2 + 1)}])
            return [parts, "label"], named | {"keep_incomplete_shard": chance.random() < 0.5}
        case "DistributionPartitioner":
            own, columns = chance.randint(1, k), chance.randint(1, 3)
            parts, rescale = k * columns, chance.random() < 0.6
            grid = [numbers(chance, own * columns, 0.1, 9) for _ in range(k)]
            if not rescale:
                grid = [[float(int(cell)) for cell in row] for row in grid]
            return [grid, parts, own, "label", chance.randint(0, 3)], named | {"rescale": rescale}
        case "ContinuousPartitioner":
            return [parts, "value", chance.choice([0.0, 0.25, 0.6, 0.95, 1.0])], named
        case "NaturalIdPartitioner":
            return ["label"], named
        case "GroupedNaturalIdPartitioner":
            return ["label", chance.randint(1, k + 1), chance.choice(["allow-smaller", "allow-bigger", "drop-reminder", "strict"]), chance.random() < 0.5], named


def random_division(number):
    chance = random.Random(number)
    kinds = ["Dirichlet", "Dirichlet", "InnerDirichlet", "Pathological", "Shard", "Distribution", "Continuous", "NaturalId", "GroupedNaturalId"]
    kind = kinds[number % len(kinds)] + "Partitioner"
    classes = CLASSES[5] if kind == "InnerDirichletPartitioner" else chance.choice(CLASSES)
    n, m = chance.randint(40, 400), chance.choice([211, 307, 401])
    k = chance.randint(2, len(classes))
    classes, a, b = classes[:k] if classes == CLASSES[5] else chance.sample(classes, k), chance.randrange(1, m), chance.randrange(m)
    positional, named = arguments(kind, chance, n, k)
    case = {"kind": kind, "rows": n, "classes": classes, "a": a, "b": b, "m": m, "args": positional, "named": named}
    made = [np.array(positional[0]), *positional[1:]] if kind == "DistributionPartitioner" else positional
    try:
        partitioner = getattr(p, kind)(*made, **named)
        partitioner.dataset = Dataset.from_dict(
            {"row": list(range(n)), "label": [classes[(a * i + b) % m % k] for i in range(n)], "value": [float((i * 7919) % 10007) for i in range(n)]})
        partitions = [list(partitioner.load_partition(i)["row"]) for i in range(partitioner.num_partitions)]
    except (ValueError, TypeError, ZeroDivisionError):
        return case | {"sizes": None, "sha256_of_int64_le": None}
    flat = np.array([row for partition in partitions for row in partition], dtype="<i8")
    return case | {"sizes": [len(partition) for partition in partitions], "sha256_of_int64_le": hashlib.sha256(flat.tobytes()).hexdigest()}


lines = ",\n".join(json.dumps(random_division(number)) for number in range(270))
print(f'{{"numpy": "{np.__version__}", "record": {json.dumps(record, indent=1)}, "random": [\n{lines}\n]}}')
