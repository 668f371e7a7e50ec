/**
 * Attention weights of a DIN: how much each key of an attended sequence counts for a target. They are the raw scores
 * a(q, k) of the activation unit (`spec.ts`), not normalised, and may be negative.
 */
import type { Batch } from '../sample.ts'
import type { Input, ModelSpec } from './spec.ts'
import type { Weights } from './weights.ts'

export interface Attention {
  readonly feature: string
  /** Where the sequence begins in a row's ids. */
  readonly at: number
  readonly length: number
  /** [size × length]; 0 at padding. */
  readonly weights: Float64Array
}

type Attended = Extract<Input, { kind: 'attend' }>

/** Of each attended sequence of each row; in float64. */
export function attentionOf(
  spec: ModelSpec,
  weights: Weights,
  batch: Pick<Batch, 'size' | 'ids'>,
): Attention[] {
  return spec.inputs.flatMap((input) =>
    input.kind === 'attend' ? [attend(spec, weights, batch, input)] : [],
  )
}

function attend(
  spec: ModelSpec,
  weights: Weights,
  { size, ids }: Pick<Batch, 'size' | 'ids'>,
  { feature, table, at, length, query }: Attended,
): Attention {
  const { name, dim } = spec.tables[table]!
  const rows = weights[`embedding.${name}`]!.data
  const [w1, b1, slope, w2, b2] = ['w1', 'b1', 'slope', 'w2', 'b2'].map(
    (parameter) => weights[`attend.${feature}.${parameter}`]!.data,
  )
  const hidden = spec.attention
  const pair = new Float64Array(4 * dim) // [q, k, q − k, q ∗ k]
  const unit = new Float64Array(hidden)
  const found = new Float64Array(size * length)

  function score(q: number, k: number): number {
    for (let i = 0; i < dim; i++) {
      const [a, b] = [rows[q * dim + i]!, rows[k * dim + i]!]
      pair[i] = a
      pair[dim + i] = b
      pair[2 * dim + i] = a - b
      pair[3 * dim + i] = a * b
    }
    unit.set(b1!)
    for (let i = 0; i < pair.length; i++)
      for (let j = 0, value = pair[i]!; j < hidden; j++) unit[j]! += value * w1![i * hidden + j]!
    return unit.reduce((sum, z, j) => sum + w2![j]! * (z > 0 ? z : slope![j]! * z), b2![0]!)
  }

  for (let row = 0; row < size; row++) {
    const from = row * spec.idWidth
    for (let l = 0; l < length; l++) {
      const key = ids[from + at + l]!
      if (key !== 0) found[row * length + l] = score(ids[from + query]!, key)
    }
  }
  return { feature, at, length, weights: found }
}
