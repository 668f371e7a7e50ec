/**
 * Where a model's numbers lie on the GPU, worked out once from its spec and then baked into the shaders as constants.
 *
 * parameters  one buffer as `planOf` lays it out; gradient and moments are its twins
 * record      what the host sends for one row of a batch, in 4-byte words
 * trace       what one row leaves behind on its way there and back, in floats: activations for the way back, and from
 *             that what every gradient is summed from
 */
import { inputWidth, type ModelSpec, widthOf } from '../../model/spec.ts'
import { type Plan, planOf } from '../plain/buffers.ts'

/** The first words of a trace: constants, so that every gradient is a sum of products. */
export const ZERO = 0
export const ONE = 1

/** Lanes of a workgroup; each row of a batch gets one workgroup. */
export const LANES = 64

interface PartAt {
  /** Its share of the concatenation begins at `to`, and is this wide. */
  readonly to: number
  readonly dim: number
  /** Where a batch's row has it. */
  readonly from: number
}

/** A table: where it begins in `parameters`, and the number of its first embedding, all tables numbered through. */
export interface TableAt {
  readonly parameters: number
  readonly first: number
}

/** `id` is in the record. */
export interface LookupAt extends PartAt, TableAt {
  readonly kind: 'lookup'
  readonly id: number
}

/** In the record, `ids` are those that are not padding, `count` of them. */
interface SequenceAt extends PartAt, TableAt {
  readonly length: number
  readonly ids: number
  readonly count: number
}

/** `dKey`, in the trace, is the gradient of each of its embeddings. */
export interface PoolAt extends SequenceAt {
  readonly kind: 'pool'
  readonly dKey: number
}

export interface AttendAt extends SequenceAt {
  readonly kind: 'attend'
  /** The query's id: where a batch's row has it, and where the record. */
  readonly fromQuery: number
  readonly query: number
  readonly hidden: number
  /** The unit's parameters. */
  readonly unit: Readonly<Record<'w1' | 'b1' | 'slope' | 'w2' | 'b2', number>>
  /** Its trace, see attend.ts; `sums` is dMatrix, dBase, dW2, dSlope and dB2 one after the other. */
  readonly trace: Readonly<
    Record<
      'query' | 'base' | 'matrix' | 'before' | 'scores' | 'partial' | 'dScores' | 'sums' | 'dKeys' | 'dQuery',
      number
    >
  >
  /** Into how many partial sums the attended keys are split, so that few dimensions still keep all lanes busy. */
  readonly slices: number
}

export interface DenseAt extends PartAt {
  readonly kind: 'dense'
  readonly values: number
}

export type Part = LookupAt | PoolAt | AttendAt | DenseAt

/** Parameters, and in the trace what goes in, is before and after the PReLU, and the derivatives by the last two. */
export interface Layer {
  readonly w: number
  readonly b: number
  readonly slope: number
  readonly inputs: number
  readonly width: number
  readonly input: number
  readonly before: number
  readonly after: number
  readonly dBefore: number
  readonly dSlope: number
  readonly dice?: DiceAt | undefined
}

/** What Dice has of a layer, a number for each unit. */
export interface DiceAt {
  /** Parameters. */
  readonly running: { readonly mean: number; readonly variance: number }
  /** In every row's trace: the derivative by what is after the activation. */
  readonly dAfter: number
  /** In the first row's trace, of all rows learnt from: mean, variance, and the two means that go back through them. */
  readonly ofBatch: Readonly<Record<'mean' | 'variance' | 'middle' | 'slope', number>>
}

export interface Layout {
  readonly spec: ModelSpec
  readonly plan: Plan
  readonly parts: readonly Part[]
  readonly layers: readonly Layer[]
  /** The last layer's parameters, what goes into it, and the derivative by its one output. */
  readonly out: { readonly w: number; readonly b: number; readonly input: number; readonly inputs: number }
  readonly dLogit: number
  readonly dx: number
  readonly record: { readonly label: number; readonly share: number; readonly words: number }
  readonly traceWords: number
  /** Embeddings that a row can touch, at most: the length of its list of occurrences. */
  readonly occurrences: number
}

export function layOut(spec: ModelSpec): Layout {
  const plan = planOf(spec)
  const record = new Counter(0)
  const trace = new Counter(ONE + 1)
  const x = trace.take(inputWidth(spec))
  const dx = trace.take(inputWidth(spec))
  const parts = placeParts(spec, plan, record, trace)
  const layers = placeLayers(spec, plan, trace, x)
  const top = layers.at(-1)
  return {
    spec,
    plan,
    parts,
    layers,
    out: {
      w: plan.offsets.get('out.w')!,
      b: plan.offsets.get('out.b')!,
      input: top?.after ?? x,
      inputs: top?.width ?? inputWidth(spec),
    },
    dLogit: trace.take(1),
    dx,
    record: { label: record.take(1), share: record.take(1), words: record.end },
    traceWords: trace.end,
    occurrences: spec.inputs.reduce((sum, input) => sum + embeddingsOf(input), 0),
  }
}

/** Where the concatenation begins in the trace. */
export const X = ONE + 1

class Counter {
  end: number
  constructor(from: number) {
    this.end = from
  }
  take(words: number): number {
    this.end += words
    return this.end - words
  }
}

function embeddingsOf(input: ModelSpec['inputs'][number]): number {
  if (input.kind === 'dense') return 0
  if (input.kind === 'lookup') return 1
  return input.length + (input.kind === 'attend' ? 1 : 0)
}

function placeParts(spec: ModelSpec, plan: Plan, record: Counter, trace: Counter): Part[] {
  const firsts = spec.tables.map((_, i) => spec.tables.slice(0, i).reduce((sum, { rows }) => sum + rows, 0))
  let to = 0
  return spec.inputs.map((input): Part => {
    const dim = widthOf(spec, input)
    const part = { to, dim, from: input.at }
    to += dim
    if (input.kind === 'dense') return { kind: 'dense', ...part, values: record.take(dim) }
    const parameters = plan.offsets.get(`embedding.${spec.tables[input.table]!.name}`)!
    const table = { ...part, parameters, first: firsts[input.table]! }
    if (input.kind === 'lookup') return { kind: 'lookup', ...table, id: record.take(1) }
    const { length } = input
    const sequence = { ...table, length, ids: record.take(length), count: record.take(1) }
    if (input.kind === 'pool') return { kind: 'pool', ...sequence, dKey: trace.take(dim) }
    return {
      kind: 'attend',
      ...sequence,
      fromQuery: input.query,
      query: record.take(1),
      hidden: spec.attention,
      ...placeUnit(spec, plan, trace, input, dim),
    }
  })
}

function placeUnit(
  { attention }: ModelSpec,
  plan: Plan,
  trace: Counter,
  { feature, length }: { feature: string; length: number },
  dim: number,
): Pick<AttendAt, 'unit' | 'trace' | 'slices'> {
  const at = (name: string) => plan.offsets.get(`attend.${feature}.${name}`)!
  const slices = Math.max(1, Math.floor(LANES / dim))
  return {
    unit: { w1: at('w1'), b1: at('b1'), slope: at('slope'), w2: at('w2'), b2: at('b2') },
    trace: {
      query: trace.take(dim),
      base: trace.take(attention),
      matrix: trace.take(dim * attention),
      before: trace.take(length * attention),
      scores: trace.take(length),
      partial: trace.take(slices * dim),
      dScores: trace.take(length),
      sums: trace.take((dim + 3) * attention + 1),
      dKeys: trace.take(length * dim),
      dQuery: trace.take(dim),
    },
    slices,
  }
}

function placeLayers(spec: ModelSpec, plan: Plan, trace: Counter, x: number): Layer[] {
  let input = x
  let inputs = inputWidth(spec)
  return spec.mlp.map((width, i) => {
    const at = (name: string) => plan.offsets.get(`mlp.${i}.${name}`)!
    const layer: Layer = {
      w: at('w'),
      b: at('b'),
      slope: at('slope'),
      inputs,
      width,
      input,
      before: trace.take(width),
      after: trace.take(width),
      dBefore: trace.take(width),
      dSlope: trace.take(width),
      dice: spec.activation === 'dice' ? placeDice(plan, trace, `mlp.${i}`, width) : undefined,
    }
    input = layer.after
    inputs = width
    return layer
  })
}

function placeDice(plan: Plan, trace: Counter, layer: string, width: number): DiceAt {
  const at = (name: string) => plan.offsets.get(`${layer}.running.${name}`)!
  const units = () => trace.take(width)
  return {
    running: { mean: at('mean'), variance: at('variance') },
    dAfter: units(),
    ofBatch: { mean: units(), variance: units(), middle: units(), slope: units() },
  }
}
