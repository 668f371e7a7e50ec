/** The inputs of the plain network that are not attended: embeddings, pooled sequences, dense values. */
import type { TouchedRows } from './buffers.ts'

/**
 * The model's parameters and the gradient being gathered: twins, so one offset serves both. Embedding rows are used
 * where they lie; all other parameters through `work`, a float64 copy made at the start of a pass, whose gradient
 * gathers in `dWork`. Offsets into these two count from `plan.embedded`.
 */
export interface Buffers {
  readonly parameters: Float32Array<ArrayBuffer>
  readonly gradient: Float32Array<ArrayBuffer>
  readonly work: Float64Array
  readonly dWork: Float64Array
}

/** One row at a time: `idsAt` and `denseAt` are where that row starts. */
export interface Row {
  ids: Int32Array
  idsAt: number
  dense: Float32Array
  denseAt: number
}

/**
 * Writes its share of the concatenation `x` and, on the way back, turns its share of `dx` into gradients.
 * `begin` comes once before the rows of a batch, `finish` once after the last way back.
 */
export interface Part {
  begin?(): void
  forward(row: Row): void
  back(row: Row): void
  finish?(): void
}

/** Where a part's share of the concatenation starts, and the two concatenations. */
export interface Share {
  readonly x: Float64Array
  readonly dx: Float64Array
  readonly to: number
}

/** Where a table lies: its offset in the flat buffers, its first row number, its width. */
export interface TableAt {
  readonly offset: number
  readonly first: number
  readonly dim: number
}

export function lookup(
  { parameters, gradient }: Buffers,
  touched: TouchedRows,
  { offset, first, dim }: TableAt,
  at: number,
  { x, dx, to }: Share,
): Part {
  return {
    forward({ ids, idsAt }) {
      const from = offset + ids[idsAt + at]! * dim
      for (let i = 0; i < dim; i++) x[to + i] = parameters[from + i]!
    },
    back({ ids, idsAt }) {
      const id = ids[idsAt + at]!
      if (id === 0) return
      touched.touch(first + id)
      for (let i = 0; i < dim; i++) gradient[offset + id * dim + i]! += dx[to + i]!
    },
  }
}

export function pool(
  { parameters, gradient }: Buffers,
  touched: TouchedRows,
  { offset, first, dim }: TableAt,
  at: number,
  length: number,
  { x, dx, to }: Share,
): Part {
  let present = 0
  return {
    forward({ ids, idsAt }) {
      x.fill(0, to, to + dim)
      present = 0
      for (let l = idsAt + at; l < idsAt + at + length; l++) {
        const id = ids[l]!
        if (id === 0) continue
        present++
        for (let i = 0; i < dim; i++) x[to + i]! += parameters[offset + id * dim + i]!
      }
      if (present > 1) for (let i = 0; i < dim; i++) x[to + i]! /= present
    },
    back({ ids, idsAt }) {
      for (let l = idsAt + at; l < idsAt + at + length; l++) {
        const id = ids[l]!
        if (id === 0) continue
        touched.touch(first + id)
        for (let i = 0; i < dim; i++) gradient[offset + id * dim + i]! += dx[to + i]! / present
      }
    },
  }
}

export function denseValues(at: number, size: number, { x, to }: Share): Part {
  return {
    forward({ dense, denseAt }) {
      for (let i = 0; i < size; i++) x[to + i] = dense[denseAt + at + i]!
    },
    back() {},
  }
}
