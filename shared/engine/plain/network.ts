/** A ModelSpec as one pass there and back over flat buffers: nothing is allocated once it has met its largest batch. */
import { type Input, inputWidth, type ModelSpec, widthOf } from '../../model/spec.ts'
import type { Batch } from '../../sample.ts'
import { followed, tooWide } from '../training.ts'
import { attend } from './attend.ts'
import type { Plan, TouchedRows } from './buffers.ts'
import { createLayers } from './layers.ts'
import { type Buffers, denseValues, lookup, type Part, pool, type Row, type Share } from './parts.ts'

export interface Network {
  /** Click probabilities of a checked batch into `out`. */
  predict(batch: Batch, out: Float32Array): void
  /**
   * The loss of a checked batch whose weights add up to `total`; leaves its gradient in the gradient buffer, where
   * `sparing` may leave out that of frozen parameters. Throws `diverged` if a statistic of the batch is no float32.
   */
  learn(batch: Batch, total: number, sparing: boolean): number
  /** Draws these running statistics towards those of the batch that was learnt from last. */
  follow(names: ReadonlySet<string>): void
}

export function createNetwork(
  spec: ModelSpec,
  plan: Plan,
  buffers: Buffers,
  touched: TouchedRows,
  frozen: ReadonlySet<string>,
): Network {
  const { parameters, gradient, work, dWork } = buffers
  const width = inputWidth(spec)
  const x = new Float64Array(width)
  const dx = new Float64Array(width)
  const parts = createParts(spec, plan, buffers, touched, x, dx)
  const trainedParts = parts.filter((_, i) => trains(spec, spec.inputs[i]!, frozen))
  const lowest = lowestTrained(spec, frozen)
  const layers = createLayers(spec, plan, buffers)
  const row: Row = { ids: new Int32Array(0), idsAt: 0, dense: new Float32Array(0), denseAt: 0 }

  /** A row of the batch to the layers, as theirs number `to`. */
  function enter(batch: Batch, index: number, to: number): void {
    row.ids = batch.ids
    row.dense = batch.dense
    row.idsAt = index * spec.idWidth
    row.denseAt = index * spec.denseWidth
    for (const part of parts) part.forward(row)
    layers.x.set(x, to * width)
  }

  /** Adds what the layers' row `from` has for the parts, which `enter` has just left that row, to their gradient. */
  function leave(from: number, sparing: boolean): void {
    for (let i = 0; i < width; i++) dx[i] = layers.dx[from * width + i]!
    for (const part of sparing ? trainedParts : parts) part.back(row)
  }

  /** The layers there and back with the first of their rows, which are these of the batch; the loss of these. */
  function learnLayers(batch: Batch, rows: readonly number[], total: number, sparing: boolean): number {
    layers.forward(rows.length, true)
    for (const { statistics } of layers.activations)
      if (statistics && !statistics.variance.every((value) => Number.isFinite(Math.fround(value))))
        throw tooWide()
    let loss = 0
    rows.forEach((index, r) => {
      const share = batch.weights[index]! / total
      const label = batch.labels[index]!
      const logit = layers.logits[r]!
      loss += share * (Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit))))
      layers.logits[r] = share * (1 / (1 + Math.exp(-logit)) - label)
    })
    layers.back(rows.length, sparing && trainedParts.length === 0 ? lowest : 0)
    return loss
  }

  function begin(rows: number): void {
    layers.reserve(rows)
    for (let i = 0; i < work.length; i++) work[i] = parameters[plan.embedded + i]!
    dWork.fill(0)
    for (const part of parts) part.begin?.()
  }

  function finish(): void {
    for (const part of parts) part.finish?.()
    for (let i = 0; i < dWork.length; i++) gradient[plan.embedded + i] = dWork[i]!
  }

  return {
    predict(batch, out) {
      begin(1)
      for (let i = 0; i < batch.size; i++) {
        enter(batch, i, 0)
        layers.forward(1, false)
        out[i] = 1 / (1 + Math.exp(-layers.logits[0]!))
      }
    },
    learn(batch, total, sparing) {
      const rows = Array.from({ length: batch.size }, (_, i) => i).filter((i) => batch.weights[i] !== 0)
      const together = spec.activation === 'dice'
      begin(together ? rows.length : 1)
      let loss = 0
      if (together) {
        rows.forEach((index, r) => void enter(batch, index, r))
        loss = learnLayers(batch, rows, total, sparing)
        // A part keeps what its way back needs of one row only.
        rows.forEach((index, r) => {
          enter(batch, index, r)
          leave(r, sparing)
        })
      } else
        for (const index of rows) {
          enter(batch, index, 0)
          loss += learnLayers(batch, [index], total, sparing)
          leave(0, sparing)
        }
      finish()
      return loss
    },
    follow(names) {
      layers.activations.forEach(({ statistics }, i) => {
        for (const [name, ofBatch] of Object.entries(statistics ?? {})) {
          const full = `mlp.${i}.running.${name}`
          const at = plan.offsets.get(full)!
          if (!names.has(full)) continue
          ofBatch.forEach((value, j) => {
            parameters[at + j] = followed(parameters[at + j]!, value)
          })
        }
      })
    },
  }
}

/** Whether any parameter that the input uses is not frozen. */
function trains(spec: ModelSpec, input: Input, frozen: ReadonlySet<string>): boolean {
  if (input.kind === 'dense') return false
  if (!frozen.has(`embedding.${spec.tables[input.table]!.name}`)) return true
  const unit = ['w1', 'b1', 'slope', 'w2', 'b2'].map((parameter) => `attend.${input.feature}.${parameter}`)
  return input.kind === 'attend' && unit.some((name) => !frozen.has(name))
}

/** The lowest layer with a parameter that is not frozen; the number of layers if there is none. */
function lowestTrained({ mlp }: ModelSpec, frozen: ReadonlySet<string>): number {
  const at = mlp.findIndex((_, l) => ['w', 'b', 'slope'].some((name) => !frozen.has(`mlp.${l}.${name}`)))
  return at < 0 ? mlp.length : at
}

function createParts(
  spec: ModelSpec,
  plan: Plan,
  buffers: Buffers,
  touched: TouchedRows,
  x: Float64Array,
  dx: Float64Array,
): Part[] {
  let to = 0
  return spec.inputs.map((input): Part => {
    const share: Share = { x, dx, to }
    to += widthOf(spec, input)
    if (input.kind === 'dense') return denseValues(input.at, input.size, share)
    const { name, dim } = spec.tables[input.table]!
    const table = { offset: plan.offsets.get(`embedding.${name}`)!, first: touched.first(input.table), dim }
    if (input.kind === 'lookup') return lookup(buffers, touched, table, input.at, share)
    if (input.kind === 'pool') return pool(buffers, touched, table, input.at, input.length, share)
    const at = (parameter: string) =>
      plan.offsets.get(`attend.${input.feature}.${parameter}`)! - plan.embedded
    const unit = { w1: at('w1'), b1: at('b1'), slope: at('slope'), w2: at('w2'), b2: at('b2') }
    return attend(buffers, touched, table, { ...unit, ...input, hidden: spec.attention }, share)
  })
}
