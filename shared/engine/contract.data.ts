/** Models and batches for the engine contract, all from a seed. */
import { type Input, initialWeights, inputWidth, type ModelSpec } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import { type Random, seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { pass, statisticsOf, toDoubles, weightedRows } from './contract.reference.ts'

/** A random model: 1–3 tables of 1–9 dimensions, every kind of input, 0–2 layers. */
export function randomSpec(random: Random): ModelSpec {
  const tables = Array.from({ length: 1 + random.below(3) }, (_, i) => ({
    name: `table-${i}`,
    rows: 3 + random.below(5),
    dim: 1 + random.below(9),
  }))
  const inputs: Input[] = []
  let idWidth = 0
  let denseWidth = 0
  const queries = tables.map((_, table) => {
    // A query need not be an input itself.
    if (table === 0 || random.below(3) > 0)
      inputs.push({ kind: 'lookup', feature: `target-${table}`, table, at: idWidth })
    return idWidth++
  })
  const sequences = random.below(4)
  for (let i = 0; i < sequences; i++) {
    const table = random.below(tables.length)
    const length = 1 + random.below(5)
    const shared = { feature: `sequence-${i}`, table, at: idWidth, length }
    inputs.push(
      random.below(3) > 0
        ? { kind: 'attend', ...shared, query: queries[table]! }
        : { kind: 'pool', ...shared },
    )
    idWidth += length
  }
  if (random.below(2) === 1) {
    denseWidth = 1 + random.below(4)
    inputs.push({ kind: 'dense', feature: 'statistics', at: 0, size: denseWidth })
  }
  random.shuffle(inputs)
  const mlp = Array.from({ length: random.below(3) }, () => 1 + random.below(6))
  return { idWidth, denseWidth, tables, inputs, attention: 1 + random.below(5), mlp }
}

/** Every tensor random and of a size that matters, biases and slopes too. */
export function randomWeights(spec: ModelSpec, random: Random): Weights {
  const weights = initialWeights(spec, random)
  for (const [name, { data, shape }] of Object.entries(weights)) {
    const from = name.startsWith('embedding.') ? shape[1]! : 0
    for (let i = from; i < data.length; i++) data[i] = 0.5 * random.normal()
    if (name.endsWith('.running.variance')) for (let i = 0; i < data.length; i++) data[i]! **= 2
  }
  return weights
}

/** Random rows; about one sequence in four is all padding, and some targets are padding. */
export function randomBatch(spec: ModelSpec, size: number, random: Random): Batch {
  const ids = new Int32Array(size * spec.idWidth)
  for (let row = 0; row < size; row++)
    for (const input of spec.inputs) {
      if (input.kind === 'dense') continue
      const fill = (at: number) => {
        ids[row * spec.idWidth + at] = 1 + random.below(spec.tables[input.table]!.rows - 1)
      }
      const length = input.kind === 'lookup' ? 1 : input.length
      const present = random.below(4) === 0 ? 0 : 1 + random.below(length)
      for (let l = 0; l < present; l++) fill(input.at + l)
      if (input.kind === 'attend' && random.below(2) === 0) fill(input.query)
    }
  return {
    size,
    ids,
    dense: Float32Array.from({ length: size * spec.denseWidth }, () => random.normal()),
    labels: Float32Array.from({ length: size }, () => random.below(2)),
    weights: Float32Array.from({ length: size }, () => 0.25 + random.next()),
  }
}

/** A DIN over `items` items with a history of `length`: the shape that the timings speak of, when large. */
export function dinSpec(items: number, dim: number, length: number): ModelSpec {
  return {
    idWidth: 1 + length,
    denseWidth: 2,
    tables: [{ name: 'items', rows: items, dim }],
    inputs: [
      { kind: 'lookup', feature: 'item', table: 0, at: 0 },
      { kind: 'attend', feature: 'clicks', table: 0, at: 1, length, query: 0 },
      { kind: 'dense', feature: 'activity', at: 0, size: 2 },
    ],
    attention: 8,
    mlp: [8, 4],
  }
}

/** Only numbers: no table, no sequence. */
export const denseOnly: ModelSpec = {
  idWidth: 0,
  denseWidth: 3,
  tables: [],
  inputs: [{ kind: 'dense', feature: 'statistics', at: 0, size: 3 }],
  attention: 0,
  mlp: [4],
}

/** Rows [from, to) of a batch. */
export function rowsOf(spec: ModelSpec, batch: Batch, from: number, to: number): Batch {
  return {
    size: to - from,
    ids: batch.ids.slice(from * spec.idWidth, to * spec.idWidth),
    dense: batch.dense.slice(from * spec.denseWidth, to * spec.denseWidth),
    labels: batch.labels.slice(from, to),
    weights: batch.weights.slice(from, to),
  }
}

/** The random models that the contract is held against, with one that has no ids and no table at all. */
export function examples(count: number): { seed: number; spec: ModelSpec; weights: Weights; batch: Batch }[] {
  return Array.from({ length: count }, (_, seed) => {
    const random = seeded(1000 + seed)
    const spec = seed === 0 ? denseOnly : randomSpec(random)
    if (inputWidth(spec) === 0) throw new RangeError('an example must have inputs')
    const batch = randomBatch(spec, 1 + random.below(6), random)
    return { seed, spec, weights: randomWeights(spec, random), batch }
  })
}

/**
 * Random models with Dice; every fourth one is learnt from a batch of one row. In the others no unit's values lie so close
 * together that ε, whose root is 1e-4, or a float32's rounding would decide what comes out.
 */
export function diceExamples(count: number): ReturnType<typeof examples> {
  const found: ReturnType<typeof examples> = []
  for (let seed = 5000; found.length < count; seed++) {
    const random = seeded(seed)
    const spec: ModelSpec = { ...randomSpec(random), activation: 'dice' }
    const batch = randomBatch(spec, found.length % 4 === 0 ? 1 : 3 + random.below(6), random)
    const weights = randomWeights(spec, random)
    const { before } = pass(spec, toDoubles(weights), batch, weightedRows(batch), true)
    const apart = before.flatMap(statisticsOf).every(({ variance }) => variance > 0.01)
    if (spec.mlp.length > 0 && (apart || batch.size === 1)) found.push({ seed, spec, weights, batch })
  }
  return found
}

/** The small DIN of the tests that are not about shapes, with weights and batches for it. */
export const smallSpec = dinSpec(20, 4, 6)
export const smallWeights = randomWeights(smallSpec, seeded(1))
export const smallBatch = (seed: number, size = 8): Batch => randomBatch(smallSpec, size, seeded(seed))
