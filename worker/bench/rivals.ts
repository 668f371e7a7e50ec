/**
 * What people would otherwise train with in a browser, each written as its users write it: the DIN in TensorFlow.js's
 * operations with automatic differentiation (an expert), and as a LayersModel (a newcomer).
 */
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import type { WasmPaths } from '../../shared/engine/tfjs/backend.ts'
import type { Input, ModelSpec } from '../../shared/model/spec.ts'
import type { Weights } from '../../shared/model/weights.ts'
import type { Batch } from '../../shared/sample.ts'

/** A model in training on a list of batches, which it takes in turn. */
export interface Learner {
  readonly name: string
  /** Makes its backend the current one. */
  enter(): Promise<void>
  /** Takes so many steps, from where it is in the list; the mean of their losses. */
  run(steps: number): Promise<number>
  dispose(): void
}

export interface Lesson {
  readonly spec: ModelSpec
  readonly weights: Weights
  readonly batches: readonly Batch[]
  readonly learningRate: number
}

export type RivalBackend = 'wasm' | 'cpu'

/** Gets the backends ready, with the kernel that no embedding learns without (wasm) or learns by at a crawl (cpu). */
export async function startRivals(wasmPaths?: WasmPaths): Promise<void> {
  tf.enableProdMode()
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  if (wasmPaths !== undefined && tf.findBackend('wasm') === null) setWasmPaths(wasmPaths)
  if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js has no wasm backend here.')
  await tf.setBackend('cpu')
  if (tf.getKernel('UnsortedSegmentSum', 'wasm')) return // done before
  tf.registerKernel(segmentSum('wasm', heapOf))
  tf.unregisterKernel('UnsortedSegmentSum', 'cpu')
  tf.registerKernel(segmentSum('cpu', arraysOf))
}

interface Heap {
  values(of: tf.TensorInfo): Float32Array | Int32Array
  empty(shape: number[]): { info: tf.TensorInfo; values: Float32Array }
}

/** tfjs's wasm backend hands out views of its heap. */
function heapOf(backend: unknown): Heap {
  const wasm = backend as {
    makeOutput(shape: number[], type: string): tf.TensorInfo
    typedArrayFromHeap(of: tf.TensorInfo): Float32Array
  }
  return {
    values: (of) => wasm.typedArrayFromHeap(of),
    empty(shape) {
      const info = wasm.makeOutput(shape, 'float32')
      return { info, values: wasm.typedArrayFromHeap(info).fill(0) }
    },
  }
}

/** The cpu backend keeps plain arrays; its own kernel goes over the whole input once for each segment. */
function arraysOf(backend: unknown): Heap {
  const cpu = backend as {
    data: { get(id: object): { values: Float32Array } }
    makeTensorInfo(shape: number[], type: string, values: Float32Array): tf.TensorInfo
  }
  return {
    values: ({ dataId }) => cpu.data.get(dataId).values,
    empty(shape) {
      const values = new Float32Array(shape.reduce((size, n) => size * n, 1))
      return { info: cpu.makeTensorInfo(shape, 'float32', values), values }
    },
  }
}

function segmentSum(backendName: RivalBackend, heap: (backend: unknown) => Heap): tf.KernelConfig {
  return {
    kernelName: 'UnsortedSegmentSum',
    backendName,
    kernelFunc({ inputs, backend, attrs }) {
      const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo }
      const inner = x.shape.slice(1)
      const width = inner.reduce((size, n) => size * n, 1)
      const { values, empty } = heap(backend)
      const { info, values: sums } = empty([attrs!.numSegments as unknown as number, ...inner])
      const [from, segments] = [values(x), values(segmentIds)]
      for (let i = 0; i < segments.length; i++)
        for (let j = 0, to = segments[i]! * width, at = i * width; j < width; j++)
          sums[to + j]! += from[at + j]!
      return info
    },
  }
}

const adam = (learningRate: number) => tf.train.adam(learningRate, 0.9, 0.999, 1e-7)

/**
 * The expert's: variables, `tf.gather`, `optimizer.minimize`. The batches are tensors before the clock starts, which is
 * more than our engines are given. Any spec.
 */
export async function createExpert({ spec, weights, batches, learningRate }: Lesson): Promise<Learner> {
  await tf.setBackend('wasm')
  const variables = new Map(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      tf.variable(tf.tensor(data.slice(), [...shape])),
    ]),
  )
  const optimizer = adam(learningRate)
  const feeds = batches.map((batch) => feedOf(spec, batch))
  let next = 0
  return {
    name: 'tfjs wasm, an expert’s autodiff',
    enter: async () => void (await tf.setBackend('wasm')),
    async run(steps) {
      let sum = 0
      for (let i = 0; i < steps; i++) {
        const feed = feeds[next++ % feeds.length]!
        const cost = optimizer.minimize(() => lossOf(spec, variables, feed), true)!
        sum += cost.dataSync()[0]!
        cost.dispose()
      }
      return sum / steps
    },
    dispose() {
      tf.dispose([...variables.values()])
      optimizer.dispose()
      for (const feed of feeds) tf.dispose([...feed.inputs.flat(), feed.labels])
    },
  }
}

/** Tensors of a batch: for each input its ids (or values), and for sequences the mask. */
interface Feed {
  readonly inputs: readonly tf.Tensor[][]
  readonly labels: tf.Tensor1D
}

function feedOf(spec: ModelSpec, batch: Batch): Feed {
  const columns = (from: Int32Array | Float32Array, width: number, at: number, length: number) =>
    Array.from({ length: batch.size }, (_, row) => [
      ...from.subarray(row * width + at, row * width + at + length),
    ]).flat()
  const inputs = spec.inputs.map((input) => {
    if (input.kind === 'dense')
      return [
        tf.tensor2d(columns(batch.dense, spec.denseWidth, input.at, input.size), [batch.size, input.size]),
      ]
    const length = input.kind === 'lookup' ? 1 : input.length
    const ids = columns(batch.ids, spec.idWidth, input.at, length)
    const tensors: tf.Tensor[] = [tf.tensor1d(ids, 'int32')]
    if (input.kind === 'lookup') return tensors
    tensors.push(tf.tensor2d(ids.map(Math.sign), [batch.size, length]))
    if (input.kind === 'attend')
      tensors.push(tf.tensor1d(columns(batch.ids, spec.idWidth, input.query, 1), 'int32'))
    return tensors
  })
  return { inputs, labels: tf.tensor1d(batch.labels) }
}

function lossOf(spec: ModelSpec, variables: Map<string, tf.Variable>, { inputs, labels }: Feed): tf.Scalar {
  const size = labels.shape[0]
  let x = tf.concat2d(
    spec.inputs.map((input, i) => outputOf(spec, variables, input, inputs[i]!, size)),
    1,
  )
  for (const name of [...spec.mlp.map((_, i) => `mlp.${i}`), 'out']) {
    const w = variables.get(`${name}.w`) as tf.Tensor as tf.Tensor2D
    x = tf.add(tf.matMul(x, w), variables.get(`${name}.b`)!)
    const slope = variables.get(`${name}.slope`) as tf.Tensor as tf.Tensor2D | undefined
    if (slope) x = tf.prelu(x, slope)
  }
  return tf.losses.sigmoidCrossEntropy(labels, tf.reshape(x, [size])) as tf.Scalar
}

function outputOf(
  spec: ModelSpec,
  variables: Map<string, tf.Variable>,
  input: Input,
  [ids, mask, query]: tf.Tensor[],
  size: number,
): tf.Tensor2D {
  if (input.kind === 'dense') return ids as tf.Tensor2D
  const { name, dim } = spec.tables[input.table]!
  const table = variables.get(`embedding.${name}`)!
  const rows = tf.gather(table as tf.Tensor, ids as tf.Tensor1D) as tf.Tensor2D
  if (input.kind === 'lookup') return rows
  const keys = tf.reshape(rows, [size, input.length, dim]) as tf.Tensor3D
  const weighted = (weights: tf.Tensor): tf.Tensor2D =>
    tf.reshape(tf.matMul(tf.reshape(weights, [size, 1, input.length]), keys), [size, dim])
  if (input.kind === 'pool') return tf.div(weighted(mask!), tf.maximum(tf.sum(mask!, 1, true), 1))
  const unit = (part: string) => variables.get(`attend.${input.feature}.${part}`) as tf.Tensor as tf.Tensor2D
  const q = tf.gather(table as tf.Tensor, query as tf.Tensor1D)
  const asked = tf.reshape(tf.tile(tf.expandDims(q, 1), [1, input.length, 1]), [size * input.length, dim])
  const four = tf.concat([asked, rows, tf.sub(asked, rows), tf.mul(asked, rows)], 1) as tf.Tensor2D
  const hidden = tf.prelu(tf.add(tf.matMul(four, unit('w1')), unit('b1')), unit('slope')) as tf.Tensor2D
  const scores = tf.add(tf.matMul(hidden, unit('w2')), unit('b2'))
  return weighted(tf.mul(tf.reshape(scores, [size, input.length]), mask!))
}

/** As a newcomer finds out that the layers lack it. */
class Subtract extends tf.layers.Layer {
  static className = 'Subtract'
  override computeOutputShape([shape]: tf.Shape[]): tf.Shape {
    return shape!
  }
  override call([a, b]: tf.Tensor[]): tf.Tensor {
    return tf.sub(a!, b!)
  }
}

/**
 * The newcomer's: embedding, dense and PReLU layers, the attention built from layers, `model.fit` with its defaults. For
 * a spec of one target and one history that is always full.
 */
export async function createNewcomer(
  { spec, weights, batches, learningRate }: Lesson,
  backend: RivalBackend,
): Promise<Learner> {
  await tf.setBackend(backend)
  const { rows, dim } = spec.tables[0]!
  const length = spec.idWidth - 1
  const of = (...names: string[]) =>
    names.map((name) => tf.tensor(weights[name]!.data.slice(), [...weights[name]!.shape]))
  const target = tf.input({ shape: [1] })
  const clicks = tf.input({ shape: [length] })
  const embedding = tf.layers.embedding({ inputDim: rows, outputDim: dim })
  const q = tf.layers.flatten().apply(embedding.apply(target)) as tf.SymbolicTensor
  const keys = embedding.apply(clicks) as tf.SymbolicTensor
  const asked = tf.layers.repeatVector({ n: length }).apply(q) as tf.SymbolicTensor
  const difference = new Subtract({}).apply([asked, keys]) as tf.SymbolicTensor
  const product = tf.layers.multiply().apply([asked, keys]) as tf.SymbolicTensor
  const four = tf.layers.concatenate({ axis: -1 }).apply([asked, keys, difference, product])
  const attend = tf.layers.dense({ units: spec.attention })
  const bend = tf.layers.prelu({ sharedAxes: [1] })
  const score = tf.layers.dense({ units: 1 })
  const scores = score.apply(bend.apply(attend.apply(four))) as tf.SymbolicTensor
  const pooled = tf.layers
    .flatten()
    .apply(tf.layers.dot({ axes: 1 }).apply([scores, keys])) as tf.SymbolicTensor
  let x = tf.layers.concatenate().apply([q, pooled]) as tf.SymbolicTensor
  const stack = spec.mlp.map((units) => ({ dense: tf.layers.dense({ units }), prelu: tf.layers.prelu() }))
  for (const { dense, prelu } of stack) x = prelu.apply(dense.apply(x)) as tf.SymbolicTensor
  const out = tf.layers.dense({ units: 1, activation: 'sigmoid' })
  const model = tf.model({ inputs: [target, clicks], outputs: out.apply(x) as tf.SymbolicTensor })
  model.compile({ optimizer: adam(learningRate), loss: 'binaryCrossentropy' })

  const unit = `attend.${spec.inputs[1]!.feature}`
  embedding.setWeights(of(`embedding.${spec.tables[0]!.name}`))
  attend.setWeights(of(`${unit}.w1`, `${unit}.b1`))
  bend.setWeights([tf.reshape(of(`${unit}.slope`)[0]!, [1, spec.attention])])
  score.setWeights(of(`${unit}.w2`, `${unit}.b2`))
  stack.forEach(({ dense, prelu }, i) => {
    dense.setWeights(of(`mlp.${i}.w`, `mlp.${i}.b`))
    prelu.setWeights(of(`mlp.${i}.slope`))
  })
  out.setWeights(of('out.w', 'out.b'))

  let next = 0
  return {
    name: `tfjs LayersModel.fit, ${backend}`,
    enter: async () => void (await tf.setBackend(backend)),
    async run(steps) {
      const some = Array.from({ length: steps }, () => batches[next++ % batches.length]!)
      const size = some[0]!.size
      const { targets, histories, labels } = apart(some, length)
      const xs = [tf.tensor2d(targets, [steps * size, 1]), tf.tensor2d(histories, [steps * size, length])]
      const ys = tf.tensor2d(labels, [steps * size, 1])
      const { history } = await model.fit(xs, ys, { batchSize: size, epochs: 1, shuffle: false, verbose: 0 })
      tf.dispose([...xs, ys])
      return Number(history.loss![0])
    },
    dispose: () => void model.dispose(),
  }
}

/** Batches in a row: targets, histories and labels each by themselves, as numbers of the one kind that fit takes. */
function apart(batches: readonly Batch[], length: number) {
  const rows = batches.reduce((sum, { size }) => sum + size, 0)
  const targets = new Float32Array(rows)
  const histories = new Float32Array(rows * length)
  const labels = new Float32Array(rows)
  let at = 0
  for (const batch of batches)
    for (let row = 0; row < batch.size; row++, at++) {
      const from = row * (1 + length)
      targets[at] = batch.ids[from]!
      histories.set(batch.ids.subarray(from + 1, from + 1 + length), at * length)
      labels[at] = batch.labels[row]!
    }
  return { targets, histories, labels }
}
