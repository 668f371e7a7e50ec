"""
The rival of the benchmark's part `knn`: the k nearest of every vector by faiss on the CPU, with the indexes that its own
guide recommends for so many (an inverted file without compression, HNSW), each searched more and more widely until it finds
as many of the nearest as is due. Arguments: a file of float32 unit vectors, their width, k, the recall due, threads. Prints
one line of JSON: of each index that got there the seconds of building and of looking all up, and its recall; and the best.

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


root = max(1, int(count**0.5))
candidates = [
    (f"IVF{cells},Flat", lambda cells=cells: inverted_file(cells), widen_cells, [8, 16, 32, 48, 64, 96, 128, 192, 256])
    for cells in sorted({root, 2 * root, 4 * root})
    if count >= 40 * cells
] + [(f"HNSW{links},Flat", lambda links=links: graph(links), widen_graph, [128, 192, 256, 384, 512, 768, 1024]) for links in (16, 32)]

results = []
for name, make, widen, widths in candidates:
    began = time.perf_counter()
    index = make()
    built = time.perf_counter() - began
    for width in widths:
        widen(index, width)
        reached = recall(index)
        if reached < due:
            continue
        began = time.perf_counter()
        for at in range(0, count, 8192):
            index.search(vectors[at : at + 8192], k + 1)
        searched = time.perf_counter() - began
        results.append({"index": name, "width": width, "built": built, "searched": searched, "recall": reached})
        break

best = min(results, key=lambda r: r["built"] + r["searched"], default=None)
print(json.dumps({"version": faiss.__version__, "vectors": count, "results": results, "best": best}))
