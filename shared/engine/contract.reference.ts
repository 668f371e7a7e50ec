/**
 * The oracle of the engine contract: DIN by its definition, in float64, one row and one key at a time (one hidden unit
 * at a time where Dice makes the rows depend on each other), sharing no code with any engine. Derivatives come from central differences, Adam from the paper's algorithm 1.
 */
import { type ModelSpec, shapesOf, widthOf } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import type { Batch } from '../sample.ts'
import type { Training } from './engine.ts'

export type Doubles = Record<string, Float64Array>

export const toDoubles = (weights: Weights): Doubles =>
  Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, Float64Array.from(data)]))

const prelu = (z: number, slope: number) => (z > 0 ? z : slope * z)

/** x·w + b, w row-major. */
function affine(x: readonly number[], w: Float64Array, b: Float64Array): number[] {
  return [...b].map((bias, j) => x.reduce((sum, value, i) => sum + value * w[i * b.length + j]!, bias))
}

/** The concatenated inputs of a row. */
export function inputOf(spec: ModelSpec, w: Doubles, batch: Batch, row: number): number[] {
  const id = (at: number) => batch.ids[row * spec.idWidth + at]!
  return spec.inputs.flatMap((input): number[] => {
    const width = widthOf(spec, input)
    if (input.kind === 'dense') {
      const from = row * spec.denseWidth + input.at
      return [...batch.dense.subarray(from, from + width)]
    }
    const vector = (of: number) => [
      ...w[`embedding.${spec.tables[input.table]!.name}`]!.subarray(of * width, (of + 1) * width),
    ]
    if (input.kind === 'lookup') return vector(id(input.at))
    const keys = Array.from({ length: input.length }, (_, l) => id(input.at + l))
      .filter((of) => of !== 0)
      .map(vector)
    const shares =
      input.kind === 'pool'
        ? keys.map(() => 1 / keys.length)
        : keys.map((k) => {
            const q = vector(id(input.query))
            const pairs = [...q, ...k, ...q.map((v, i) => v - k[i]!), ...q.map((v, i) => v * k[i]!)]
            const unit = (name: string) => w[`attend.${input.feature}.${name}`]!
            const hidden = affine(pairs, unit('w1'), unit('b1')).map((z, j) => prelu(z, unit('slope')[j]!))
            return affine(hidden, unit('w2'), unit('b2'))[0]!
          })
    return Array.from({ length: width }, (_, i) => keys.reduce((sum, k, l) => sum + shares[l]! * k[i]!, 0))
  })
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean and variance of each hidden unit of a layer, whose inputs' weighted sums are `before` [rows][units]. */
export function statisticsOf(before: readonly (readonly number[])[]): { mean: number; variance: number }[] {
  return before[0]!.map((_, j) => {
    const values = before.map((row) => row[j]!)
    const mean = meanOf(values)
    return { mean, variance: meanOf(values.map((value) => (value - mean) ** 2)) }
  })
}

interface Passed {
  readonly logits: number[]
  /** Of each hidden layer: what goes into its activation, [rows][units]. */
  readonly before: number[][][]
}

/**
 * These rows taken through the network together. `learning`, Dice has the statistics of just these rows; otherwise the
 * running ones.
 */
export function pass(
  spec: ModelSpec,
  w: Doubles,
  batch: Batch,
  rows: readonly number[],
  learning: boolean,
): Passed {
  let values = rows.map((row) => inputOf(spec, w, batch, row))
  const before = spec.mlp.map((_, i) => {
    const of = (name: string) => w[`mlp.${i}.${name}`]!
    const sums = values.map((input) => affine(input, of('w'), of('b')))
    const running = () =>
      sums[0]!.map((_, j) => ({ mean: of('running.mean')[j]!, variance: of('running.variance')[j]! }))
    const statistics = spec.activation !== 'dice' ? [] : learning ? statisticsOf(sums) : running()
    values = sums.map((row) =>
      row.map((s, j) => {
        const alpha = of('slope')[j]!
        if (spec.activation !== 'dice') return prelu(s, alpha)
        const { mean, variance } = statistics[j]!
        const p = sigmoid((s - mean) / Math.sqrt(variance + 1e-8))
        return p * s + (1 - p) * alpha * s
      }),
    )
    return sums
  })
  return { logits: values.map((top) => affine(top, w['out.w']!, w['out.b']!)[0]!), before }
}

/** The rows that a mini-batch is learnt from. */
export const weightedRows = ({ size, weights }: Batch): number[] =>
  Array.from({ length: size }, (_, row) => row).filter((row) => weights[row] !== 0)

export const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))

/** Σ w·bce / Σ w */
export function lossOf(spec: ModelSpec, w: Doubles, batch: Batch): number {
  const rows = weightedRows(batch)
  let loss = 0
  let total = 0
  pass(spec, w, batch, rows, true).logits.forEach((logit, i) => {
    const weight = batch.weights[rows[i]!]!
    const p = sigmoid(logit)
    total += weight
    loss -= weight * (batch.labels[rows[i]!]! === 1 ? Math.log(p) : Math.log(1 - p))
  })
  return loss / total
}

/** Central differences of `lossOf`; the step is small enough that no PReLU's kink is likely to lie inside it. */
export function gradientOf(spec: ModelSpec, weights: Weights, batch: Batch): Doubles {
  const w = toDoubles(weights)
  const gradient: Doubles = {}
  for (const name of shapesOf(spec).keys()) {
    const values = w[name]!
    gradient[name] = values.map((value, i) => {
      const h = 1e-6
      values[i] = value + h
      const above = lossOf(spec, w, batch)
      values[i] = value - h
      const below = lossOf(spec, w, batch)
      values[i] = value
      return (above - below) / (2 * h)
    })
    // The padding row is a constant of the model: its gradient is zero by definition.
    if (name.startsWith('embedding.')) gradient[name].fill(0, 0, shapesOf(spec).get(name)![1]!)
  }
  return gradient
}

/** Adam in float64; `step` moves `parameters` in place. */
export function referenceAdam(parameters: Doubles) {
  const zeros = () => Object.fromEntries(Object.entries(parameters).map(([k, v]) => [k, v.map(() => 0)]))
  const first = zeros()
  const second = zeros()
  let t = 0
  return (gradient: Weights | Doubles, learningRate: number) => {
    t++
    for (const [name, values] of Object.entries(parameters))
      for (let i = 0; i < values.length; i++) {
        const of = gradient[name]!
        const g = ('data' in of ? of.data : of)[i]!
        const m = 0.9 * first[name]![i]! + 0.1 * g
        const v = 0.999 * second[name]![i]! + 0.001 * g * g
        first[name]![i] = m
        second[name]![i] = v
        values[i]! -= (learningRate * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-7)
      }
  }
}

/** The optimizers in float64, by their definitions; `step` moves `parameters`, but the frozen ones, in place. */
export function referenceOptimizer(parameters: Doubles, training: Training) {
  const { optimizer = 'adam', pull = 0, frozen = [] } = training
  const all = Object.entries(parameters)
  const trained = Object.fromEntries(all.filter(([name]) => !frozen.some((p) => name.startsWith(p))))
  const start = Object.fromEntries(Object.entries(trained).map(([name, values]) => [name, values.slice()]))
  const sums = Object.fromEntries(
    Object.entries(trained).map(([name, values]) => [name, values.map(() => 0.1)]),
  )
  const adam = referenceAdam(trained)
  return (gradient: Weights, learningRate: number) => {
    const pulled = Object.fromEntries(
      Object.entries(trained).map(([name, values]) => [
        name,
        values.map((w, i) => gradient[name]!.data[i]! + 2 * pull * (w - start[name]![i]!)),
      ]),
    )
    if (optimizer === 'adam') adam(pulled, learningRate)
    else
      for (const [name, values] of Object.entries(trained))
        for (let i = 0; i < values.length; i++) {
          const g = pulled[name]![i]!
          sums[name]![i]! += g * g
          values[i]! -= (learningRate * g) / (optimizer === 'sgd' ? 1 : Math.sqrt(sums[name]![i]!) + 1e-7)
        }
  }
}
