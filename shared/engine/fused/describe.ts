/** The records that tell the kernel of tables, inputs and layers, with the scratch memory that these need. */
import { type Input, inputWidth, type ModelSpec, widthOf } from '../../model/spec.ts'
import type { Settled } from '../training.ts'
import { inFours, type Place, type Space } from './space.ts'

/** `fields` in the order of the kernel's class `type`, to be written from `at` on. */
export interface MemoryRecord {
  readonly type: 'Model' | 'Table' | 'Part' | 'Unit' | 'Layer'
  readonly at: number
  readonly fields: Readonly<Record<string, number>>
}

/** The largest record; all take as much. */
export const RECORD_WORDS = 48

export interface Builder {
  readonly spec: ModelSpec
  readonly training: Settled
  readonly space: Space
  readonly places: ReadonlyMap<string, Place>
  readonly rows: number
  readonly together: number
  readonly records: MemoryRecord[]
  readonly statistics: Map<string, number>
}

/** 1 if any parameter whose name begins so is not frozen. */
const trains = ({ places, training }: Builder, ...prefixes: readonly string[]): number =>
  Number(
    [...places.keys()].some((name) => !training.frozen.has(name) && prefixes.some((p) => name.startsWith(p))),
  )

export const add = (
  { records }: Builder,
  type: MemoryRecord['type'],
  at: number,
  fields: MemoryRecord['fields'],
) => records.push({ type, at, fields })

/** One for the record of each. */
const addressesFor = (b: Builder, list: readonly unknown[]) => list.map(() => b.space.take(RECORD_WORDS))

/** A part writes whole lanes, so the last one may write three floats beyond the concatenation. */
export const xWidthOf = (spec: ModelSpec): number => inFours(inputWidth(spec) + 3)

export function describeTables(
  builder: Builder,
  moves: readonly { moving: number; last: number }[],
): number[] {
  const { spec, space, places } = builder
  const addresses = addressesFor(builder, spec.tables)
  spec.tables.forEach(({ name, rows }, i) => {
    const { at, width } = places.get(`embedding.${name}`)!
    add(builder, 'Table', addresses[i]!, {
      next: addresses[i + 1] ?? 0,
      parameters: at,
      rows,
      width,
      flags: space.take(Math.ceil(rows / 4)),
      touched: space.take(rows + 1),
      ...moves[i]!,
      trained: trainsTable(builder, i),
    })
  })
  return addresses
}

/** Describes the inputs; answers the first. */
export function describeParts(builder: Builder, tables: readonly number[]): number {
  const { spec, space, rows } = builder
  const addresses = addressesFor(builder, spec.inputs)
  let to = 0
  spec.inputs.forEach((input, i) => {
    const dim = widthOf(spec, input)
    const isDense = input.kind === 'dense'
    add(builder, 'Part', addresses[i]!, {
      next: addresses[i + 1] ?? 0,
      kind: ['lookup', 'pool', 'attend', 'dense'].indexOf(input.kind),
      at: input.at,
      length: input.kind === 'lookup' ? 1 : isDense ? input.size : input.length,
      to,
      dim,
      table: isDense ? 0 : tables[input.table]!,
      unit: input.kind === 'attend' ? describeUnit(builder, input, dim) : 0,
      counts: space.take(rows),
      share: space.take(dim),
      trained: trainsPart(builder, input),
    })
    to += dim
  })
  return addresses[0] ?? 0
}

function trainsPart(builder: Builder, input: Input): number {
  if (input.kind === 'dense') return 0
  const ofUnit = input.kind === 'attend' ? trains(builder, `attend.${input.feature}.`) : 0
  return ofUnit || trainsTable(builder, input.table)
}

const trainsTable = ({ spec, training }: Builder, table: number): number =>
  Number(!training.frozen.has(`embedding.${spec.tables[table]!.name}`))

function describeUnit(
  builder: Builder,
  { feature, length, query }: { feature: string; length: number; query: number },
  dim: number,
): number {
  const { spec, space, places, rows } = builder
  const at = (name: string) => places.get(`attend.${feature}.${name}`)!.at
  const [width, hiddenWidth, keys] = [inFours(dim), inFours(spec.attention), inFours(length)]
  const matrix = () => space.take(width * hiddenWidth)
  const turned = () => space.take(spec.attention * width)
  const address = space.take(RECORD_WORDS)
  add(builder, 'Unit', address, {
    query,
    hidden: spec.attention,
    hiddenWidth,
    keys,
    w1: at('w1'),
    b1: at('b1'),
    slope: at('slope'),
    w2: at('w2'),
    b2: at('b2'),
    keyIds: space.take(rows * keys),
    keyRows: space.take(rows * keys * width),
    before: space.take(rows * keys * hiddenWidth),
    scores: space.take(rows * keys),
    queries: space.take(rows * width),
    bases: space.take(rows * hiddenWidth),
    bends: space.take(rows * hiddenWidth),
    dQueries: space.take(rows * width),
    queryWeights: matrix(),
    keyWeights: matrix(),
    bend: space.take(hiddenWidth),
    linear: space.take(3 * width),
    linearBase: space.take(1),
    queryTurned: turned(),
    keyTurned: turned(),
    productTurned: turned(),
    sums: space.take(3 * width),
    matrix: matrix(),
    turned: turned(),
    dMatrix: matrix(),
    keyLinear: space.take(width),
    keySum: space.take(width),
    dKeys: space.take(keys * width),
  })
  return address
}

/** The layer's fields that speak of Dice. */
function describeDice({ spec, space, places, together, statistics }: Builder, layer: number, width: number) {
  if (spec.activation !== 'dice')
    return { gates: 0, runningMean: 0, runningVariance: 0, mean: 0, variance: 0 }
  const [mean, variance] = [`mlp.${layer}.running.mean`, `mlp.${layer}.running.variance`] as const
  for (const name of [mean, variance]) statistics.set(name, space.take(width))
  return {
    gates: space.take(together * width),
    runningMean: places.get(mean)!.at,
    runningVariance: places.get(variance)!.at,
    mean: statistics.get(mean)!,
    variance: statistics.get(variance)!,
  }
}

/** Describes the layers; answers the model's fields that speak of them. */
export function describeLayers(builder: Builder, x: { at: number; d: number }) {
  const { spec, space, places, together } = builder
  const addresses = addressesFor(builder, spec.mlp)
  let below = { ...x, size: inputWidth(spec), stride: xWidthOf(spec) }
  spec.mlp.forEach((outputs, i) => {
    const at = (name: string) => places.get(`mlp.${i}.${name}`)!.at
    const width = inFours(outputs)
    const [before, after, dAfter] = [0, 0, 0].map(() => space.take(together * width)) as [
      number,
      number,
      number,
    ]
    add(builder, 'Layer', addresses[i]!, {
      next: addresses[i + 1] ?? 0,
      previous: addresses[i - 1] ?? 0,
      input: below.at,
      inputStride: below.stride,
      inputs: below.size,
      inputWidth: inFours(below.size),
      dInput: below.d,
      outputs,
      width,
      w: at('w'),
      b: at('b'),
      slope: at('slope'),
      before,
      after,
      dAfter,
      turned: space.take(outputs * inFours(below.size)),
      ...describeDice(builder, i, width),
      trained: trains(builder, `mlp.${i}.`),
      below: trains(builder, 'embedding.', 'attend.', ...spec.mlp.slice(0, i).map((_, l) => `mlp.${l}.`)),
    })
    below = { at: after, d: dAfter, size: outputs, stride: width }
  })
  return {
    layers: addresses[0] ?? 0,
    lastLayer: addresses.at(-1) ?? 0,
    top: below.at,
    topStride: below.stride,
    topWidth: inFours(below.size),
    dTop: below.d,
  }
}
