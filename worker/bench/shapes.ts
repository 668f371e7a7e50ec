/** The models that are measured, and data made for them. */
import type { Catalogue } from '../../shared/catalogue.ts'
import { din, type ModelSpec } from '../../shared/model/spec.ts'
import type { Random } from '../../shared/random.ts'
import { type Batch, quantise } from '../../shared/sample.ts'
import { schemas } from '../../shared/schemas/index.ts'

const ITEMS = 4000
const TASTES = 6

export const catalogue: Catalogue = {
  name: 'bench',
  noun: 'thing',
  categories: Array.from({ length: 20 }, (_, i) => `category ${i}`),
  items: Array.from({ length: ITEMS }, (_, i) => ({ key: `${i}`, title: `${i}`, categories: [i % 20] })),
}

/** A target that attends to one history, and an MLP of 64 and 32: the plainest DIN. */
const attending = (length: number, dim: number): ModelSpec => ({
  idWidth: 1 + length,
  denseWidth: 0,
  tables: [{ name: 'items', rows: ITEMS, dim }],
  inputs: [
    { kind: 'lookup', feature: 'target', table: 0, at: 0 },
    { kind: 'attend', feature: 'clicks', table: 0, at: 1, length, query: 0 },
  ],
  attention: 36,
  mlp: [64, 32],
})

/** The paper's Table 2: 28 clicks attended to, 512 behaviours pooled, dimension 3. */
export const paperSchema = schemas.paper(catalogue)

export const shapes = {
  history50: attending(50, 8),
  paper: din(paperSchema),
  history512: attending(512, 3),
  train: attending(50, 16),
} satisfies Record<string, ModelSpec>

export interface Making {
  readonly random: Random
  /** Whose samples: their sequences hold what this taste likes. Else anything. */
  readonly taste?: number
}

/** `size` samples of random ids, every sequence full; items that the taste likes are clicked four times out of five. */
export function makeBatch(spec: ModelSpec, size: number, { random, taste }: Making): Batch {
  const { idWidth, denseWidth } = spec
  const batch: Batch = {
    size,
    ids: new Int32Array(size * idWidth),
    dense: Float32Array.from({ length: size * denseWidth }, () => quantise(random.next())),
    labels: new Float32Array(size),
    weights: new Float32Array(size).fill(1),
  }
  for (let row = 0; row < size; row++) {
    for (const input of spec.inputs) {
      if (input.kind === 'dense') continue
      const { rows } = spec.tables[input.table]!
      const at = row * idWidth + input.at
      if (input.kind === 'lookup') batch.ids[at] = 2 + random.below(rows - 2)
      else for (let i = 0; i < input.length; i++) batch.ids[at + i] = liked(rows, random, taste)
    }
    const likes = batch.ids[row * idWidth]! % TASTES === (taste ?? 0)
    batch.labels[row] = likes === random.next() < 0.8 ? 1 : 0
  }
  return batch
}

function liked(rows: number, random: Random, taste: number | undefined): number {
  if (taste === undefined) return 2 + random.below(rows - 2)
  return TASTES * (1 + random.below(Math.floor(rows / TASTES) - 1)) + taste
}

/** The rows that `keep` keeps. */
export function rowsOf(
  { idWidth, denseWidth }: ModelSpec,
  batch: Batch,
  keep: (row: number) => boolean,
): Batch {
  const rows = Array.from({ length: batch.size }, (_, row) => row).filter(keep)
  const pick = <T extends Int32Array | Float32Array>(values: T, width: number): T => {
    const picked = new (values.constructor as new (length: number) => T)(rows.length * width)
    rows.forEach((row, i) => {
      picked.set(values.subarray(row * width, (row + 1) * width), i * width)
    })
    return picked
  }
  return {
    size: rows.length,
    ids: pick(batch.ids, idWidth),
    dense: pick(batch.dense, denseWidth),
    labels: pick(batch.labels, 1),
    weights: pick(batch.weights, 1),
  }
}

/** The rows of `a`, then those of `b`. */
export function joined(a: Batch, b: Batch): Batch {
  const concat = <T extends Int32Array | Float32Array>(a: T, b: T): T => {
    const both = new (a.constructor as new (length: number) => T)(a.length + b.length)
    both.set(a)
    both.set(b, a.length)
    return both
  }
  return {
    size: a.size + b.size,
    ids: concat(a.ids, b.ids),
    dense: concat(a.dense, b.dense),
    labels: concat(a.labels, b.labels),
    weights: concat(a.weights, b.weights),
  }
}
