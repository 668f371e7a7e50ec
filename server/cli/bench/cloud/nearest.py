"""
The rival of the benchmark's part `knn`: the k nearest of every vector by faiss on the CPU, with the indexes that its own
guide recommends for so many (an inverted file without compression, HNSW), each searched more and more widely until it finds
as many of the nearest as is due. Of many vectors, all kinds of index are tried on a tenth, and the two that were fastest there on all.
Arguments: a file of float32 unit vectors, their width, k, the recall due, threads. Prints one line of JSON: of each index
that got there what it would take, by some of the vectors, and for the best the seconds, by the clock and of processors, of
building and of looking all up.

Recall is that of 1,000 of the vectors against faiss's exact search; who is as near as the k-th counts as found.
"""

import json
import sys
import time

import faiss
import numpy as np

path, dims, k, due, threads = sys.argv[1:]
dims, k, due = int(dims), int(k), float(due)
everything = np.fromfile(path, dtype="float32").reshape(-1, dims)
faiss.omp_set_num_threads(int(threads))

# Where there are more, all kinds are tried on a tenth first; and to look at everything takes several times as long.
MANY = 50_000


def inverted_file(vectors, cells):
    quantizer = faiss.IndexFlatIP(dims)
    index = faiss.IndexIVFFlat(quantizer, dims, cells, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    # The index keeps a pointer only.
    index.keep = quantizer
    return index


def graph(vectors, links):
    index = faiss.IndexHNSWFlat(dims, links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 128
    index.add(vectors)
    return index


def flat(vectors):
    index = faiss.IndexFlatIP(dims)
    index.add(vectors)
    return index


def widen_cells(index, width):
    index.nprobe = width


def widen_graph(index, width):
    index.hnsw.efSearch = width


# How each is made, how it is told to look more widely, and how widely. An inverted file has so many times √n cells.
CELLS = [8, 16, 32, 48, 64, 96, 128, 192, 256]
STEPS = [128, 192, 256, 384, 512, 768, 1024]


def cells(vectors, times):
    return times * max(1, int(len(vectors) ** 0.5))


KINDS = {
    **{f"IVF {t}√n,Flat": (lambda v, t=t: inverted_file(v, cells(v, t)), widen_cells, CELLS) for t in (1, 2, 4)},
    **{f"HNSW{m},Flat": (lambda v, m=m: graph(v, m), widen_graph, STEPS) for m in (16, 32)},
    "Flat": (flat, lambda index, width: None, [0]),
}


def spent(work):
    """What came of it, seconds by the clock, seconds of processors."""
    clock, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - clock, time.process_time() - cpu


def look_up(index, rows):
    for at in range(0, len(rows), 8192):
        index.search(rows[at : at + 8192], k + 1)


def race(vectors, kinds):
    """Those that find as many as is due, the fastest first: seconds in all by those of some, the index, what it is."""
    sample = np.random.default_rng(1).choice(len(vectors), min(1000, len(vectors)), replace=False)
    some = vectors[np.random.default_rng(2).choice(len(vectors), min(5000, len(vectors)), replace=False)]
    least = flat(vectors).search(vectors[sample], k + 1)[0][:, -1:] - 2e-6

    def recall(index):
        # By their own vectors: an index may round the similarities that it gives.
        found = index.search(vectors[sample], k + 1)[1]
        similar = np.einsum("qd,qkd->qk", vectors[sample], vectors[np.maximum(found, 0)])
        return float(((similar >= least) & (found >= 0)).mean())

    arrived = []
    for kind in kinds:
        make, widen, widths = KINDS[kind]
        index, built, built_cpu = spent(lambda: make(vectors))
        for width in widths:
            widen(index, width)
            reached = recall(index)
            if reached >= due:
                _, _, cpu = spent(lambda: look_up(index, some))
                whole = built_cpu + cpu * len(vectors) / len(some)
                what = {"index": kind, "width": width, "built": built, "builtCpu": built_cpu, "recall": reached}
                arrived.append((whole, index, what))
                break
    return sorted(arrived, key=lambda one: one[0])


kinds = [kind for kind in KINDS if kind != "Flat" or len(everything) <= MANY]
if len(everything) > MANY:
    tenth = np.random.default_rng(3).choice(len(everything), len(everything) // 10, replace=False)
    kinds = [what["index"] for _, _, what in race(everything[tenth], kinds)[:2]]
found = race(everything, kinds)
others = [{**what, "cpu": whole} for whole, _, what in found]
best = None
if found:
    _, index, what = found[0]
    _, searched, searched_cpu = spent(lambda: look_up(index, everything))
    best = {**what, "searched": searched, "searchedCpu": searched_cpu}
print(json.dumps({"version": faiss.__version__, "vectors": len(everything), "others": others, "best": best}))
