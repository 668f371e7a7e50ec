/** Rows of batches. */
import type { Batch } from '../../../shared/sample.ts'

/** All rows of all parts, in their order, each counting as much as `weightOf` says of its index. */
export function joined(parts: readonly Batch[], weightOf: (row: number) => number = () => 1): Batch {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  return {
    size,
    ids: put(new Int32Array(lengthOf(parts, 'ids')), parts, 'ids'),
    dense: put(new Float32Array(lengthOf(parts, 'dense')), parts, 'dense'),
    labels: put(new Float32Array(size), parts, 'labels'),
    weights: Float32Array.from({ length: size }, (_, row) => weightOf(row)),
  }
}

/** These rows, in this order. */
export const pick = (batch: Batch, rows: readonly number[]): Batch =>
  joined(
    rows.map((row) => rowOf(batch, row)),
    (i) => batch.weights[rows[i]!]!,
  )

function rowOf({ size, ids, dense, labels, weights }: Batch, row: number): Batch {
  const one = <A extends Int32Array | Float32Array>(all: A): A =>
    all.subarray((row * all.length) / size, ((row + 1) * all.length) / size) as A
  return { size: 1, ids: one(ids), dense: one(dense), labels: one(labels), weights: one(weights) }
}

type Column = 'ids' | 'dense' | 'labels'

const lengthOf = (parts: readonly Batch[], column: Column): number =>
  parts.reduce((sum, part) => sum + part[column].length, 0)

function put<A extends Int32Array | Float32Array>(whole: A, parts: readonly Batch[], column: Column): A {
  let at = 0
  for (const part of parts) {
    whole.set(part[column], at)
    at += part[column].length
  }
  return whole
}
