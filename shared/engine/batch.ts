/** What every engine asks of a batch before it computes with it. */
import { AppError } from '../failure.ts'
import type { ModelSpec } from '../model/spec.ts'
import type { Batch } from '../sample.ts'

/**
 * Throws `bad-input`, naming row and feature, unless the arrays have the spec's sizes and every id lies in its table;
 * throws `diverged` if a dense value is not finite. Done here because WGSL does not promise that a NaN survives until
 * the loss, and a gather beyond its table reads what it likes.
 */
export function checkBatch(spec: ModelSpec, batch: Batch): void {
  checkSizes(spec, batch)
  checkAllIds(spec, batch)
  checkDense(spec, batch)
}

/** The same but for the ids, of an engine that has looked at them by its own, faster means. */
export function checkButIds(spec: ModelSpec, batch: Batch): void {
  checkSizes(spec, batch)
  checkDense(spec, batch)
}

function checkSizes(spec: ModelSpec, { size, ids, dense, labels, weights }: Batch): void {
  if (ids.length !== size * spec.idWidth || dense.length !== size * spec.denseWidth)
    throw new AppError(
      'bad-input',
      `A batch of ${size} rows needs ${size * spec.idWidth} ids and ${size * spec.denseWidth} dense values; ` +
        `it has ${ids.length} and ${dense.length}.`,
    )
  if (labels.length !== size || weights.length !== size)
    throw new AppError(
      'bad-input',
      `A batch of ${size} rows has ${labels.length} labels, ${weights.length} weights.`,
    )
}

function checkDense({ denseWidth }: ModelSpec, { dense }: Batch): void {
  for (let i = 0; i < dense.length; i++)
    if (!Number.isFinite(dense[i]))
      throw new AppError(
        'diverged',
        `Row ${Math.floor(i / denseWidth)} of the batch: dense value ${i % denseWidth} is not finite.`,
      )
}

function checkAllIds(spec: ModelSpec, batch: Batch): void {
  for (const input of spec.inputs) {
    if (input.kind === 'dense') continue
    checkIds(spec, batch, input, input.at, input.kind === 'lookup' ? 1 : input.length)
    if (input.kind === 'attend') checkIds(spec, batch, input, input.query, 1)
  }
}

function checkIds(
  spec: ModelSpec,
  { size, ids }: Batch,
  { feature, table }: { feature: string; table: number },
  at: number,
  length: number,
): void {
  const { rows } = spec.tables[table]!
  for (let row = 0; row < size; row++) {
    const start = row * spec.idWidth + at
    if (!outside(ids, start, start + length, rows)) continue
    const id = ids.subarray(start, start + length).find((id) => id < 0 || id >= rows)
    throw new AppError(
      'bad-input',
      `Row ${row} of the batch: feature ${feature} holds id ${id}, its vocabulary has ${rows}.`,
    )
  }
}

/** Whether any of ids [from, to) is not in [0, rows): either term is negative then. A branch an id costs twice as much. */
function outside(ids: Int32Array, from: number, to: number, rows: number): boolean {
  const most = rows - 1
  let signs = 0
  let i = from
  for (; i + 4 <= to; i += 4) {
    const [a, b, c, d] = [ids[i]!, ids[i + 1]!, ids[i + 2]!, ids[i + 3]!]
    signs |= a | (most - a) | b | (most - b) | c | (most - c) | d | (most - d)
  }
  for (; i < to; i++) signs |= ids[i]! | (most - ids[i]!)
  return signs < 0
}

/** The probabilities; throws `diverged`, naming the row, if one is not a number: on the way to it something overflowed. */
export function checked(probabilities: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const row = probabilities.findIndex(Number.isNaN)
  if (row >= 0) throw new AppError('diverged', `Row ${row} of the batch: the prediction is not a number.`)
  return probabilities
}

/** Σ w of a batch to be learnt from; throws `bad-input` unless every w is ≥ 0, some w > 0 and every label in [0, 1]. */
export function totalWeight({ size, labels, weights }: Batch): number {
  let total = 0
  for (let row = 0; row < size; row++) {
    const label = labels[row]!
    const weight = weights[row]!
    if (!(label >= 0 && label <= 1))
      throw new AppError('bad-input', `Row ${row} of the batch: ${label} is no label.`)
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      throw new AppError('bad-input', `Row ${row} of the batch: ${weight} is no weight.`)
    total += weight
  }
  if (total === 0) throw new AppError('bad-input', 'No row of the batch has any weight.')
  return total
}

/** The batch with rows of weight 0, ids 0 and dense 0 added up to `size`; the loss Σw·l/Σw does not see them. */
export function padBatch(spec: ModelSpec, batch: Batch, size: number): Batch {
  if (batch.size >= size) return batch
  const padded: Batch = {
    size,
    ids: new Int32Array(size * spec.idWidth),
    dense: new Float32Array(size * spec.denseWidth),
    labels: new Float32Array(size),
    weights: new Float32Array(size),
  }
  padded.ids.set(batch.ids)
  padded.dense.set(batch.dense)
  padded.labels.set(batch.labels)
  padded.weights.set(batch.weights)
  return padded
}
