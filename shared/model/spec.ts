/**
 * What a model computes, as plain data built from a feature schema. Engines read it; nothing else decides shapes.
 *
 * DIN (Zhou et al. 2018, §4): embeddings; for each attended sequence an activation unit
 * a(q, k) = w2ᵀ·PReLU(W1ᵀ[q, k, q−k, q∗k] + b1) + b2 whose raw score weighs the key, summed over the keys that are not
 * padding; everything concatenated in the order of `inputs`, then an MLP with PReLU or Dice, then one logit.
 *
 * Dice (§5.3) of a hidden unit: f(s) = p·s + (1 − p)·α·s, p = σ((s − E) / √(V + ε)), ε = 1e-8 as there. To `step` and
 * `gradient`, E and V are the mean and the (biased) variance of s over the rows of the mini-batch that have weight, each
 * counted once, and the gradient goes through them; to `predict`, they are running ones: those that were loaded, of
 * which every step keeps 0.99 and takes 0.01 from its mini-batch (the paper gives no number; this is the default of
 * TensorFlow's batch normalisation, by which its authors' code does it). In a mini-batch of one row s is its own mean, so
 * p is ½ and nothing can be told of V; such steps draw the running variance towards 0.
 *
 * The activation units have PReLU also in a model with Dice, for their statistics would be those of all keys of all
 * histories of a mini-batch: a second pass over the histories, in which nearly all of a step's time goes.
 */
import { AppError } from '../failure.ts'
import type { Random } from '../random.ts'
import { type FeatureSchema, layoutOf, slotOf } from '../schema.ts'
import { allFinite, sizeOf, type Tensor, type Weights } from './weights.ts'

export type Input =
  /** The embedding of `ids[at]`: `dim` wide. */
  | { readonly kind: 'lookup'; readonly feature: string; readonly table: number; readonly at: number }
  /** Mean embedding of the ids in `ids[at … at + length)` that are not padding, 0 if all are: `dim` wide. */
  | {
      readonly kind: 'pool'
      readonly feature: string
      readonly table: number
      readonly at: number
      readonly length: number
    }
  /** Σ a(q, k)·k over the ids that are not padding, q the embedding of `ids[query]`: `dim` wide. */
  | {
      readonly kind: 'attend'
      readonly feature: string
      readonly table: number
      readonly at: number
      readonly length: number
      readonly query: number
    }
  /** `dense[at … at + size)`: `size` wide. */
  | { readonly kind: 'dense'; readonly feature: string; readonly at: number; readonly size: number }

export interface Table {
  readonly name: string
  readonly rows: number
  readonly dim: number
}

export interface ModelSpec {
  readonly idWidth: number
  readonly denseWidth: number
  readonly tables: readonly Table[]
  readonly inputs: readonly Input[]
  /** Hidden width of every activation unit. */
  readonly attention: number
  /** Hidden widths of the MLP; may be empty. */
  readonly mlp: readonly number[]
  /** Of the MLP's hidden layers; default PReLU. */
  readonly activation?: Activation | undefined
}

export const ACTIVATIONS = ['prelu', 'dice'] as const
export type Activation = (typeof ACTIVATIONS)[number]

/** The ε of Dice, and how much of its running statistics a step keeps. */
export const DICE_EPSILON = 1e-8
export const DICE_MOMENTUM = 0.99

export type Widths = Pick<ModelSpec, 'attention' | 'mlp' | 'activation'>

const RANKING: Widths = { attention: 36, mlp: [64, 32] }
const CLASSIFIER: Widths = { attention: 0, mlp: [32] }

/** The ranking model of a schema. */
export function din(schema: FeatureSchema, widths: Widths = RANKING): ModelSpec {
  return build(schema, widths, true)
}

/** The sample classifier (CoDA §3.2): the DIN pruned of its activation units, sequences mean-pooled, a smaller MLP. */
export function prunedDin(schema: FeatureSchema, widths: Widths = CLASSIFIER): ModelSpec {
  return build(schema, widths, false)
}

function build(schema: FeatureSchema, widths: Widths, attend: boolean): ModelSpec {
  const layout = layoutOf(schema)
  const names = Object.keys(schema.vocabularies)
  const inputs = layout.slots.map(({ feature, at }): Input => {
    if (feature.kind === 'dense') return { kind: 'dense', feature: feature.name, at, size: feature.size }
    const shared = { feature: feature.name, table: names.indexOf(feature.vocabulary), at }
    if (feature.kind === 'categorical') return { kind: 'lookup', ...shared }
    if (feature.attends === undefined || !attend) return { kind: 'pool', ...shared, length: feature.length }
    return { kind: 'attend', ...shared, length: feature.length, query: slotOf(layout, feature.attends).at }
  })
  const tables = names.map((name): Table => {
    const { size, dim } = schema.vocabularies[name]!
    return { name, rows: size, dim }
  })
  const { idWidth, denseWidth } = layout
  return { idWidth, denseWidth, tables, inputs, ...widths }
}

/** Width of one input in the concatenation. */
export const widthOf = (spec: ModelSpec, input: Input): number =>
  input.kind === 'dense' ? input.size : spec.tables[input.table]!.dim

/** Width of the concatenation: what the MLP takes. */
export const inputWidth = (spec: ModelSpec): number =>
  spec.inputs.reduce((width, input) => width + widthOf(spec, input), 0)

/**
 * Every parameter by name and shape, in the canonical order:
 * `embedding.<table>` [rows, dim] · `attend.<feature>.w1` [4·dim, H] (rows in the order q, k, q−k, q∗k), `.b1` [H],
 * `.slope` [H], `.w2` [H, 1], `.b2` [1] · `mlp.<i>.w` [in, out], `.b` [out], `.slope` [out], which is Dice's α, and of
 * Dice its statistics `.running.mean` [out], `.running.variance` [out] · `out.w` [in, 1], `out.b` [1].
 */
export function shapesOf(spec: ModelSpec): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  for (const table of spec.tables) shapes.set(`embedding.${table.name}`, [table.rows, table.dim])
  for (const input of spec.inputs) {
    if (input.kind !== 'attend') continue
    const unit = `attend.${input.feature}`
    shapes.set(`${unit}.w1`, [4 * spec.tables[input.table]!.dim, spec.attention])
    shapes.set(`${unit}.b1`, [spec.attention])
    shapes.set(`${unit}.slope`, [spec.attention])
    shapes.set(`${unit}.w2`, [spec.attention, 1])
    shapes.set(`${unit}.b2`, [1])
  }
  let width = inputWidth(spec)
  spec.mlp.forEach((out, layer) => {
    shapes.set(`mlp.${layer}.w`, [width, out])
    shapes.set(`mlp.${layer}.b`, [out])
    shapes.set(`mlp.${layer}.slope`, [out])
    if (spec.activation === 'dice')
      for (const statistic of STATISTICS) shapes.set(`mlp.${layer}.${statistic}`, [out])
    width = out
  })
  shapes.set('out.w', [width, 1])
  shapes.set('out.b', [1])
  return shapes
}

const STATISTICS = ['running.mean', 'running.variance'] as const

/** Whether a parameter is a statistic: it follows the batches and not the gradient, which by it is 0. */
export const isStatistic = (name: string): boolean => /^mlp\.\d+\.running\./.test(name)

/**
 * Fresh weights: embeddings N(0, 0.05²) with padding at 0, matrices Glorot-uniform, slopes 0.25, biases 0; running
 * means 0, variances 1. Tensors that `given` has are taken from there as they are.
 */
export function initialWeights(spec: ModelSpec, random: Random, given: Weights = {}): Weights {
  const weights: Record<string, Tensor> = {}
  for (const [name, shape] of shapesOf(spec)) {
    if (given[name]) {
      weights[name] = given[name]
      continue
    }
    const data = new Float32Array(sizeOf(shape))
    if (name.startsWith('embedding.')) {
      for (let i = shape[1]!; i < data.length; i++) data[i] = 0.05 * random.normal()
    } else if (name.endsWith('.slope')) {
      data.fill(0.25)
    } else if (name.endsWith('.running.variance')) {
      data.fill(1)
    } else if (shape.length === 2) {
      const limit = Math.sqrt(6 / (shape[0]! + shape[1]!))
      for (let i = 0; i < data.length; i++) data[i] = limit * (2 * random.next() - 1)
    }
    weights[name] = { shape, data }
  }
  return weights
}

/** Throws `bad-artifact` unless `weights` are exactly the finite tensors that `spec` asks for, no variance negative. */
export function checkWeights(spec: ModelSpec, weights: Weights): void {
  const shapes = shapesOf(spec)
  for (const [name, shape] of shapes) {
    const tensor = weights[name]
    if (!tensor) throw new AppError('bad-artifact', `The model lacks the tensor ${name}.`)
    if (tensor.shape.join() !== shape.join() || tensor.data.length !== sizeOf(shape))
      throw new AppError('bad-artifact', `Tensor ${name} is [${tensor.shape}], where [${shape}] is due.`)
    if (!allFinite(tensor.data))
      throw new AppError('bad-artifact', `Tensor ${name} holds a value that is not finite.`)
    if (name.endsWith('.running.variance') && tensor.data.some((value) => value < 0))
      throw new AppError('bad-artifact', `Tensor ${name} holds a negative variance.`)
  }
  const extra = Object.keys(weights).find((name) => !shapes.has(name))
  if (extra !== undefined) throw new AppError('bad-artifact', `The model has an unexpected tensor ${extra}.`)
}
