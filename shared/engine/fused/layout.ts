/**
 * One linear memory for one model, laid out from its spec: parameters with their moments, gradients, scratch for a piece
 * of a batch, and the records that tell the kernel all this (kernel/records.ts says what the fields are).
 */
import { inputWidth, type ModelSpec, shapesOf, widthOf } from '../../model/spec.ts'
import { OPTIMIZERS } from '../engine.ts'
import { type Settled, settle } from '../training.ts'
import {
  add,
  type Builder,
  describeLayers,
  describeParts,
  describeTables,
  type MemoryRecord,
  RECORD_WORDS,
  xWidthOf,
} from './describe.ts'
import { inFours, type Place, placeMatrix, placeTable, placeVector, Space } from './space.ts'

/** Addresses in bytes. */
export interface Layout {
  readonly bytes: number
  readonly places: ReadonlyMap<string, Place>
  /** Parameters, moments and which rows move: [from, to) is all that a mark must remember. */
  readonly state: { readonly from: number; readonly to: number }
  /** All below is as it is whatever the batch, and is what a model is between two calls. */
  readonly lasting: number
  readonly toGradient: number
  /** From a parameter to its second moment and to where it is pulled; 0: none kept. */
  readonly toSecond: number
  readonly toStart: number
  /** Rows of a batch that the kernel takes at one time, and that it learns from together. */
  readonly rows: number
  readonly together: number
  readonly input: Readonly<Record<'ids' | 'dense' | 'labels' | 'shares' | 'probabilities', number>>
  readonly model: number
  readonly records: readonly MemoryRecord[]
  /** Where what the last rows learnt from had of a statistic lies, by the parameter's name. */
  readonly statistics: ReadonlyMap<string, number>
}

/** Scratch for the rows of a piece should stay in a processor's second cache. */
const SCRATCH_WORDS = 1 << 18
const MOST_ROWS = 32

/** The memory for batches of up to `batch` rows, which only Dice must have together. */
export function layOut(spec: ModelSpec, training: Settled = settle(spec), batch = 0): Layout {
  const space = new Space()
  const { places, from, other, trainedEnd, end } = placeParameters(spec, space, training)
  const twin = (needed: boolean) => (needed ? space.take((end - from) / 4) - from : 0)
  const toFirst = twin(training.optimizer === 'adam')
  const toSecond = twin(training.optimizer !== 'sgd')
  const moves = spec.tables.map(({ rows }) => ({ moving: space.take(rows + 1), last: space.take(rows) }))
  const state = { from, to: space.end }
  const toGradient = twin(true)
  const toStart = twin(training.pull > 0)
  const lasting = space.end
  const rows = rowsAtOnce(spec)
  const together = spec.activation === 'dice' ? Math.max(rows, inFours(batch)) : rows
  const builder: Builder = {
    spec,
    training,
    space,
    places,
    rows,
    together,
    records: [],
    statistics: new Map(),
  }

  const tables = describeTables(builder, moves)
  const x = { at: space.take(together * xWidthOf(spec)), d: space.take(together * inFours(inputWidth(spec))) }
  const layers = describeLayers(builder, x)
  const input = {
    ids: space.take(rows * spec.idWidth),
    dense: space.take(rows * spec.denseWidth),
    labels: space.take(together),
    shares: space.take(together),
    probabilities: space.take(rows),
  }
  const model = space.take(RECORD_WORDS)
  add(builder, 'Model', model, {
    ids: input.ids,
    idWidth: spec.idWidth,
    dense: input.dense,
    denseWidth: spec.denseWidth,
    labels: input.labels,
    shares: input.shares,
    logits: space.take(together),
    probabilities: input.probabilities,
    x: x.at,
    xWidth: xWidthOf(spec),
    dx: x.d,
    dxWidth: inFours(inputWidth(spec)),
    tables: tables[0] ?? 0,
    parts: describeParts(builder, tables),
    ...layers,
    outW: places.get('out.w')!.at,
    outB: places.get('out.b')!.at,
    toGradient,
    toFirst,
    toSecond,
    toStart,
    other,
    others: (end - other) / 4,
    trained: (trainedEnd - other) / 4,
    optimizer: OPTIMIZERS.indexOf(training.optimizer),
    sparing: 0,
    zeros: space.take(Math.max(inputWidth(spec), spec.attention, ...spec.mlp)),
  })
  const { records, statistics } = builder
  const bytes = space.end
  return {
    bytes,
    places,
    state,
    lasting,
    toGradient,
    toSecond,
    toStart,
    rows,
    together,
    input,
    model,
    records,
    statistics,
  }
}

/** Embeddings, then what is trained of the rest, then what is frozen of it. */
function placeParameters(spec: ModelSpec, space: Space, { frozen }: Settled) {
  const dims = new Map<string, number>(
    spec.inputs.map((input) => [`attend.${input.feature}.w1`, widthOf(spec, input)]),
  )
  const places = new Map<string, Place>()
  const from = space.end
  const place = (name: string, shape: readonly number[]) => {
    if (name.startsWith('embedding.')) places.set(name, placeTable(space, shape))
    else if (shape.length === 1 || /^out\.w$|\.w2$/.test(name)) places.set(name, placeVector(space, shape))
    else places.set(name, placeMatrix(space, shape, dims.get(name)))
  }
  const groups = [
    (name: string) => name.startsWith('embedding.'),
    (name: string) => !name.startsWith('embedding.') && !frozen.has(name),
    (name: string) => !name.startsWith('embedding.') && frozen.has(name),
  ]
  const ends = groups.map((holds) => {
    for (const [name, shape] of shapesOf(spec)) if (holds(name)) place(name, shape)
    return space.end
  })
  const [other, trainedEnd, end] = ends as [number, number, number]
  return { places, from, other, trainedEnd, end }
}

function rowsAtOnce(spec: ModelSpec): number {
  let words = spec.idWidth + 2 * inputWidth(spec) + 3 * spec.mlp.reduce((sum, width) => sum + width, 0)
  for (const input of spec.inputs)
    if (input.kind === 'attend') words += (input.length + 3) * (widthOf(spec, input) + spec.attention + 8)
  return Math.min(MOST_ROWS, Math.max(4, 4 * Math.floor(SCRATCH_WORDS / words / 4)))
}
