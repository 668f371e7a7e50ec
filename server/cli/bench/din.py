"""
The rival of `kindred bench train`: the same DIN in PyTorch on the CPU. A program with a pipe: for each line
`<variant> <threads> <steps>` on standard input it takes so many steps and answers with one line of JSON, the milliseconds that
they took and their losses. The folder given holds weights, ids and labels, so that both sides compute the same.

Variants: `adam`, as most would write it; `sparse`, its embeddings with sparse gradients and SparseAdam; `folded`, that and
the activation unit's algebra done by hand ([q, k, q-k, q*k]W1 as one small matrix a sample).
"""

import ctypes
import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Din(nn.Module):
    def __init__(self, rows, dim, hidden, mlp, sparse, folded):
        super().__init__()
        self.items = nn.Embedding(rows, dim, padding_idx=0, sparse=sparse)
        self.w1 = nn.Linear(4 * dim, hidden)
        self.slope = nn.PReLU(hidden)
        self.w2 = nn.Linear(hidden, 1)
        widths = [2 * dim, *mlp]
        layers = []
        for wide, out in zip(widths, mlp):
            layers += [nn.Linear(wide, out), nn.PReLU(out)]
        self.mlp = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
        self.folded = folded

    def forward(self, ids):
        q, k = self.items(ids[:, 0]), self.items(ids[:, 1:])
        z = self.fold(q, k) if self.folded else self.concatenate(q, k)
        a = F.prelu(z.reshape(-1, z.shape[-1]), self.slope.weight)
        scores = self.w2(a).reshape(k.shape[0], 1, -1) * (ids[:, None, 1:] > 0)
        return self.mlp(torch.cat([q, (scores @ k).squeeze(1)], 1)).squeeze(1)

    def concatenate(self, q, k):
        asked = q.unsqueeze(1).expand_as(k)
        return self.w1(torch.cat([asked, k, asked - k, asked * k], 2))

    def fold(self, q, k):
        wq, wk, wd, wp = self.w1.weight.t().chunk(4)
        base = torch.addmm(self.w1.bias, q, wq + wd)
        return torch.baddbmm(base.unsqueeze(1), k, (wk - wd) + q.unsqueeze(2) * wp)

    def load(self, tensors):
        """In the order of `shapesOf`; PyTorch keeps matrices the other way round."""
        linear = lambda layer: [layer.weight, layer.bias]
        order = [self.items.weight, *linear(self.w1), self.slope.weight, *linear(self.w2)]
        for layer in self.mlp:
            order += linear(layer) if isinstance(layer, nn.Linear) else [layer.weight]
        with torch.no_grad():
            for parameter, tensor in zip(order, tensors):
                turn = tensor.dim() == 2 and parameter is not self.items.weight
                parameter.copy_(tensor.t() if turn else tensor)


class Lesson:
    def __init__(self, shape, tensors, ids, labels, sparse, folded):
        self.model = Din(shape["rows"], shape["dim"], shape["attention"], shape["mlp"], sparse, folded)
        self.model.load(tensors)
        self.ids, self.labels, self.next = ids, labels, 0
        table = list(self.model.items.parameters())
        rest = [p for p in self.model.parameters() if p is not table[0]]
        settings = dict(lr=shape["learningRate"], betas=(0.9, 0.999))
        if sparse:
            self.optimizers = [torch.optim.SparseAdam(table, eps=1e-7, **settings), torch.optim.Adam(rest, eps=1e-7, **settings)]
        else:
            self.optimizers = [torch.optim.Adam(table + rest, eps=1e-7, **settings)]

    def step(self):
        at = self.next % len(self.ids)
        self.next += 1
        loss = F.binary_cross_entropy_with_logits(self.model(self.ids[at]), self.labels[at])
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return loss.item()


def blas():
    """The libraries for linear algebra that are loaded, as paths; which one a build says it was made with means little."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    names = ("blas", "mkl", "blis", "atlas")
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "/" in line}
    except OSError:
        return []  # not a Linux
    return sorted(path for path in paths if ".so" in path and any(name in path.rsplit("/", 2)[-2:][0] + path.rsplit("/", 1)[-1] for name in names))


def use_threads(count, libraries):
    torch.set_num_threads(count)
    for path in libraries:
        if "openblas" in path:
            getattr(ctypes.CDLL(path), "openblas_set_num_threads", lambda count: None)(count)


def main(folder):
    with open(f"{folder}/shape.json") as file:
        shape = json.load(file)
    weights = torch.from_numpy(np.fromfile(f"{folder}/weights.bin", np.float32))
    tensors, at = [], 0
    for size in shape["shapes"]:
        count = int(np.prod(size))
        tensors.append(weights[at : at + count].reshape(size))
        at += count
    ids = torch.from_numpy(np.fromfile(f"{folder}/ids.bin", np.int32).astype(np.int64))
    ids = ids.reshape(shape["batches"], shape["batch"], -1)
    labels = torch.from_numpy(np.fromfile(f"{folder}/labels.bin", np.float32)).reshape(shape["batches"], -1)
    variants = {"adam": (False, False), "sparse": (True, False), "folded": (True, True)}
    lessons = {name: Lesson(shape, tensors, ids, labels, *how) for name, how in variants.items()}
    libraries, using = blas(), None
    print(json.dumps({"torch": torch.__version__, "blas": libraries}), flush=True)
    for line in sys.stdin:
        name, threads, steps = line.split()
        if using != (using := int(threads)):
            use_threads(using, libraries)
        begin = time.perf_counter()
        losses = [lessons[name].step() for _ in range(int(steps))]
        print(json.dumps({"ms": 1000 * (time.perf_counter() - begin), "losses": losses}), flush=True)


main(sys.argv[1])
