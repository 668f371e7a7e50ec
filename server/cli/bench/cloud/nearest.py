"""
The rival of the benchmark's part `knn`: the k nearest of every vector by faiss on the CPU, with the indexes that its own
guide recommends for so many (an inverted file without compression, HNSW), each searched more and more widely until it finds
as many of the nearest as is due. Arguments: a file of float32 unit vectors, their width, k, the recall due, threads. Prints
one line of JSON: of each index that got there what it would take, by some of the vectors, and the seconds of building and of
looking all up for the best.

Recall is that of 1,000 of the vectors against faiss's exact search; who is as near as the k-th counts as found.
"""

import json
import sys
import time

import faiss
import numpy as np

path, dims, k, due, threads = sys.argv[1:]
dims, k, due = int(dims), int(k), float(due)
vectors = np.fromfile(path, dtype="float32").reshape(-1, dims)
count = len(vectors)
faiss.omp_set_num_threads(int(threads))

sample = np.random.default_rng(1).choice(count, min(1000, count), replace=False)
exact = faiss.IndexFlatIP(dims)
exact.add(vectors)
least = exact.search(vectors[sample], k + 1)[0][:, -1:] - 2e-6


def recall(index):
    # By their own vectors: an index may round the similarities that it gives.
    found = index.search(vectors[sample], k + 1)[1]
    similar = np.einsum("qd,qkd->qk", vectors[sample], vectors[np.maximum(found, 0)])
    return float(((similar >= least) & (found >= 0)).mean())


def inverted_file(cells):
    quantizer = faiss.IndexFlatIP(dims)
    index = faiss.IndexIVFFlat(quantizer, dims, cells, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    # The index keeps a pointer only.
    index.keep = quantizer
    return index


def graph(links):
    index = faiss.IndexHNSWFlat(dims, links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 128
    index.add(vectors)
    return index


def widen_cells(index, width):
    index.nprobe = width


def widen_graph(index, width):
    index.hnsw.efSearch = width


# Name, how it is made, how it is told to look more widely, and how widely.
CELLS = [8, 16, 32, 48, 64, 96, 128, 192, 256]
STEPS = [128, 192, 256, 384, 512, 768, 1024]
root = max(1, int(count**0.5))
candidates = [
    (f"IVF{cells},Flat", lambda cells=cells: inverted_file(cells), widen_cells, CELLS)
    for cells in (root, 2 * root, 4 * root)
    if count >= 40 * cells
]
candidates += [(f"HNSW{links},Flat", lambda links=links: graph(links), widen_graph, STEPS) for links in (16, 32)]
if count <= 50_000:
    # Looks at everything; for more vectors it takes several times as long as the others.
    candidates.append(("Flat", lambda: exact, lambda index, width: None, [count]))


def seconds(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def look_up(index, rows):
    for at in range(0, len(rows), 8192):
        index.search(rows[at : at + 8192], k + 1)


# Which is the fastest shows on some of the vectors; that one then looks all of them up.
some = vectors[np.random.default_rng(2).choice(count, min(5000, count), replace=False)]
found = []
for name, make, widen, widths in candidates:
    began = time.perf_counter()
    index = make()
    built = time.perf_counter() - began
    for width in widths:
        widen(index, width)
        reached = recall(index)
        if reached >= due:
            a_vector = seconds(lambda: look_up(index, some)) / len(some)
            what = {"index": name, "width": width, "built": built, "recall": reached}
            found.append((built + a_vector * count, index, what))
            break

others = [{**what, "seconds": whole} for whole, _, what in found]
best = None
if found:
    _, index, what = min(found, key=lambda one: one[0])
    best = {**what, "searched": seconds(lambda: look_up(index, vectors))}
print(json.dumps({"version": faiss.__version__, "vectors": count, "others": others, "best": best}))
