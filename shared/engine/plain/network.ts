/** A ModelSpec as one pass there and back over flat buffers: nothing is allocated once it is built. */
import { type Input, inputWidth, type ModelSpec, widthOf } from '../../model/spec.ts'
import type { Batch } from '../../sample.ts'
import { attend } from './attend.ts'
import type { Plan, TouchedRows } from './buffers.ts'
import { addProduct, addProductBack } from './kernels.ts'
import { type Buffers, denseValues, lookup, type Part, pool, type Row, type Share } from './parts.ts'

export interface Network {
  /** Click probabilities of a checked batch into `out`. */
  predict(batch: Batch, out: Float32Array): void
  /**
   * The loss of a checked batch whose weights add up to `total`; leaves its gradient in the gradient buffer, where
   * `sparing` may leave out that of frozen parameters.
   */
  learn(batch: Batch, total: number, sparing: boolean): number
}

/** A fully connected layer with PReLU: `before` and `after` the activation, and the derivative by `after`. */
interface Layer {
  readonly w: number
  readonly b: number
  readonly slope: number
  readonly width: number
  readonly before: Float64Array
  readonly after: Float64Array
  readonly dAfter: Float64Array
}

export function createNetwork(
  spec: ModelSpec,
  plan: Plan,
  buffers: Buffers,
  touched: TouchedRows,
  frozen: ReadonlySet<string>,
): Network {
  const { parameters, gradient, work, dWork } = buffers
  const x = new Float64Array(inputWidth(spec))
  const dx = new Float64Array(x.length)
  const parts = createParts(spec, plan, buffers, touched, x, dx)
  const layers = spec.mlp.map((width, i): Layer => {
    const at = (name: string) => plan.offsets.get(`mlp.${i}.${name}`)! - plan.embedded
    const scratch = () => new Float64Array(width)
    return {
      w: at('w'),
      b: at('b'),
      slope: at('slope'),
      width,
      before: scratch(),
      after: scratch(),
      dAfter: scratch(),
    }
  })
  const trainedParts = parts.filter((_, i) => trains(spec, spec.inputs[i]!, frozen))
  const lowest = lowestTrained(spec, frozen)
  const outW = plan.offsets.get('out.w')! - plan.embedded
  const outB = plan.offsets.get('out.b')! - plan.embedded
  const top = layers.at(-1)?.after ?? x
  const dTop = layers.at(-1)?.dAfter ?? dx
  const row: Row = { ids: new Int32Array(0), idsAt: 0, dense: new Float32Array(0), denseAt: 0 }

  function forward(): number {
    for (const part of parts) part.forward(row)
    let input: Float64Array = x
    for (const { w, b, slope, width, before, after } of layers) {
      for (let j = 0; j < width; j++) before[j] = work[b + j]!
      addProduct(input, 0, input.length, work, w, width, before, 0)
      for (let j = 0; j < width; j++) {
        const z = before[j]!
        after[j] = z > 0 ? z : z * work[slope + j]!
      }
      input = after
    }
    let logit = work[outB]!
    for (let i = 0; i < top.length; i++) logit += top[i]! * work[outW + i]!
    return logit
  }

  /** Adds the gradient of one row, whose activations `forward` has just left behind. */
  function back(dLogit: number, sparing: boolean): void {
    dWork[outB]! += dLogit
    for (let i = 0; i < top.length; i++) {
      dWork[outW + i]! += dLogit * top[i]!
      dTop[i] = dLogit * work[outW + i]!
    }
    const down = sparing && trainedParts.length === 0 ? lowest : 0
    for (let l = layers.length - 1; l >= down; l--) {
      const { w, b, slope, width, before, dAfter } = layers[l]!
      const below = l > 0 ? layers[l - 1]! : undefined
      const input = below?.after ?? x
      const dInput = below?.dAfter ?? dx
      for (let j = 0; j < width; j++) {
        if (before[j]! <= 0) {
          dWork[slope + j]! += dAfter[j]! * before[j]!
          dAfter[j]! *= work[slope + j]!
        }
        dWork[b + j]! += dAfter[j]!
      }
      dInput.fill(0)
      addProductBack(input, 0, input.length, work, w, width, dAfter, 0, dWork, w, dInput, 0)
    }
    for (const part of sparing ? trainedParts : parts) part.back(row)
  }

  function begin(): void {
    for (let i = 0; i < work.length; i++) work[i] = parameters[plan.embedded + i]!
    dWork.fill(0)
    for (const part of parts) part.begin?.()
  }

  function finish(): void {
    for (const part of parts) part.finish?.()
    for (let i = 0; i < dWork.length; i++) gradient[plan.embedded + i] = dWork[i]!
  }

  function at(batch: Batch, index: number): void {
    row.ids = batch.ids
    row.dense = batch.dense
    row.idsAt = index * spec.idWidth
    row.denseAt = index * spec.denseWidth
  }

  return {
    predict(batch, out) {
      begin()
      for (let i = 0; i < batch.size; i++) {
        at(batch, i)
        out[i] = 1 / (1 + Math.exp(-forward()))
      }
    },
    learn(batch, total, sparing) {
      begin()
      let loss = 0
      for (let i = 0; i < batch.size; i++) {
        const share = batch.weights[i]! / total
        if (share === 0) continue
        at(batch, i)
        const label = batch.labels[i]!
        const logit = forward()
        loss += share * (Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit))))
        back(share * (1 / (1 + Math.exp(-logit)) - label), sparing)
      }
      finish()
      return loss
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
