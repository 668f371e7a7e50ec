/** A ModelSpec as a graph of parts over one batch; to be called inside `tf.tidy`. */
import * as tf from '@tensorflow/tfjs-core'
import { type Input, type ModelSpec, shapesOf, widthOf } from '../../model/spec.ts'
import type { Batch } from '../../sample.ts'
import { type Counted, countedRows, dice } from './dice.ts'
import { Gradients } from './gradients.ts'
import { attend, dense, type Layer, lookup, type Parameters, type Part, pool, prelu } from './layers.ts'

/** Click probabilities [size]. */
export const probabilities = (spec: ModelSpec, parameters: Parameters, batch: Batch): tf.Tensor =>
  tf.sigmoid(network(spec, parameters, batch).value)

export interface Lesson {
  readonly loss: tf.Scalar
  readonly gradient: tf.Tensor[]
  /** What the batch has of Dice's statistics, by the parameters' names. */
  readonly statistics: ReadonlyMap<string, tf.Tensor>
}

/** The loss of a batch whose weights add up to `total`, and its gradient by the parameters of the names `wanted`. */
export function lossAndGradient(
  spec: ModelSpec,
  parameters: Parameters,
  batch: Batch,
  total: number,
  wanted: readonly string[],
): Lesson {
  const counted = spec.activation === 'dice' ? countedRows(batch.weights) : undefined
  const { value: logits, back, statistics } = network(spec, parameters, batch, counted)
  const labels = tf.tensor2d(batch.labels, [batch.size, 1])
  const shares = tf.tensor2d(
    batch.weights.map((weight) => weight / total),
    [batch.size, 1],
  )
  // max(z, 0) − z·y + ln(1 + e^−|z|): the form that neither overflows nor loses the small losses.
  const each = tf.add(
    tf.sub(tf.relu(logits), tf.mul(logits, labels)),
    tf.log1p(tf.exp(tf.neg(tf.abs(logits)))),
  )
  const loss = tf.sum(tf.mul(each, shares)) as tf.Scalar
  const gradients = new Gradients(wanted)
  back(tf.mul(tf.sub(tf.sigmoid(logits), labels), shares), gradients)
  const shapes = shapesOf(spec)
  return { loss, gradient: wanted.map((name) => gradients.of(name, shapes.get(name)!)), statistics }
}

/** Logits [size, 1]; without `counted` rows, Dice has its running statistics. */
function network(
  spec: ModelSpec,
  parameters: Parameters,
  batch: Batch,
  counted?: Counted,
): Part & Pick<Lesson, 'statistics'> {
  const parts = spec.inputs.map((input) => partOf(spec, parameters, input, batch))
  const joined =
    parts.length === 1
      ? parts[0]!.value
      : tf.concat(
          parts.map((part) => part.value),
          1,
        )
  const statistics = new Map<string, tf.Tensor>()
  const activation = (name: string, z: tf.Tensor2D): Layer => {
    if (spec.activation !== 'dice') return prelu(parameters, name, z)
    const diced = dice(parameters, name, z, counted)
    for (const [statistic, value] of Object.entries(diced.statistics ?? {}))
      statistics.set(`${name}.running.${statistic}`, value)
    return diced
  }
  const layers: Layer[] = []
  const below = () => layers.at(-1)?.value ?? joined
  for (const [i] of spec.mlp.entries())
    layers.push(dense(parameters, `mlp.${i}`, below(), (z) => activation(`mlp.${i}`, z)))
  layers.push(dense(parameters, 'out', below()))
  return {
    value: layers.at(-1)!.value,
    statistics,
    back(dValue, gradients) {
      const dJoined = layers.reduceRight((d, layer) => layer.back(d, gradients), dValue)
      let at = 0
      spec.inputs.forEach((input, i) => {
        const width = widthOf(spec, input)
        if (concerns(spec, input, gradients))
          parts[i]!.back(tf.slice(dJoined, [0, at], [batch.size, width]), gradients)
        at += width
      })
    },
  }
}

/** Whether the way back through an input leads to anything that is wanted. */
function concerns(spec: ModelSpec, input: Input, gradients: Gradients): boolean {
  if (input.kind === 'dense') return false
  const table = `embedding.${spec.tables[input.table]!.name}`
  return gradients.wants(table) || (input.kind === 'attend' && gradients.wants(`attend.${input.feature}.`))
}

function partOf(spec: ModelSpec, parameters: Parameters, input: Input, batch: Batch): Part {
  const ids = (at: number, length: number) => columns(batch.ids, batch.size, spec.idWidth, at, length)
  if (input.kind === 'dense') {
    const values = columns(batch.dense, batch.size, spec.denseWidth, input.at, input.size)
    return { value: tf.tensor2d(values, [batch.size, input.size]), back() {} }
  }
  const table = `embedding.${spec.tables[input.table]!.name}`
  switch (input.kind) {
    case 'lookup':
      return lookup(parameters, table, ids(input.at, 1))
    case 'pool':
      return pool(parameters, table, ids(input.at, input.length), input.length)
    case 'attend': {
      const { feature, at, length, query } = input
      return attend(parameters, table, `attend.${feature}`, ids(at, length), length, ids(query, 1))
    }
  }
}

/** Columns [at, at + length) of a row-major matrix [size, width], as a matrix of their own. */
function columns<T extends Int32Array | Float32Array>(
  matrix: T,
  size: number,
  width: number,
  at: number,
  length: number,
): T {
  const result = new (matrix.constructor as new (length: number) => T)(size * length)
  for (let row = 0; row < size; row++)
    result.set(matrix.subarray(row * width + at, row * width + at + length), row * length)
  return result
}
