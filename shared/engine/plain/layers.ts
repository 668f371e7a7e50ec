/** The fully connected layers and the one logit on top, over some rows of a mini-batch at once. */
import { inputWidth, type ModelSpec } from '../../model/spec.ts'
import { type Activation, dice, prelu } from './activations.ts'
import type { Plan } from './buffers.ts'
import { addProduct, addProductBack } from './kernels.ts'
import type { Buffers } from './parts.ts'

export interface Layers {
  /** Makes room for so many rows; their contents are lost. */
  reserve(rows: number): void
  /** What goes in, and the derivative by it: [rows, inputs]. */
  readonly x: Float64Array
  readonly dx: Float64Array
  /** What comes out, one a row; `back` takes the derivatives by it from there. */
  readonly logits: Float64Array
  forward(rows: number, learning: boolean): void
  /** Adds to the gradient, of the rows that `forward` has just left behind; layers below `down` are left out. */
  back(rows: number, down: number): void
  readonly activations: readonly Activation[]
}

interface Layer {
  readonly w: number
  readonly b: number
  readonly width: number
  readonly activation: Activation
  before: Float64Array
  after: Float64Array
  dAfter: Float64Array
}

export function createLayers(spec: ModelSpec, plan: Plan, { work, dWork }: Buffers): Layers {
  const at = (name: string) => plan.offsets.get(name)! - plan.embedded
  const inputs = inputWidth(spec)
  const none = new Float64Array(0)
  const layers = spec.mlp.map((width, i): Layer => {
    const of = (name: string) => at(`mlp.${i}.${name}`)
    const activation =
      spec.activation === 'dice'
        ? dice(
            work,
            dWork,
            of('slope'),
            { mean: of('running.mean'), variance: of('running.variance') },
            width,
          )
        : prelu(work, dWork, of('slope'), width)
    return { w: of('w'), b: of('b'), width, activation, before: none, after: none, dAfter: none }
  })
  const outW = at('out.w')
  const outB = at('out.b')
  const top = layers.at(-1)
  const topWidth = top?.width ?? inputs
  let capacity = 0

  const own = {
    x: none,
    dx: none,
    logits: none,
    activations: layers.map(({ activation }) => activation),

    reserve(rows: number): void {
      if (rows <= capacity) return
      capacity = rows
      const room = (width: number) => new Float64Array(rows * width)
      own.x = room(inputs)
      own.dx = room(inputs)
      own.logits = room(1)
      for (const layer of layers) {
        layer.before = room(layer.width)
        layer.after = room(layer.width)
        layer.dAfter = room(layer.width)
      }
    },

    forward(rows: number, learning: boolean): void {
      let input: Float64Array = own.x
      let n = inputs
      for (const { w, b, width, before, after, activation } of layers) {
        for (let r = 0; r < rows; r++) {
          for (let j = 0; j < width; j++) before[r * width + j] = work[b + j]!
          addProduct(input, r * n, n, work, w, width, before, r * width)
        }
        activation.forward(before, after, rows, learning)
        input = after
        n = width
      }
      for (let r = 0; r < rows; r++) {
        let logit = work[outB]!
        for (let i = 0; i < n; i++) logit += input[r * n + i]! * work[outW + i]!
        own.logits[r] = logit
      }
    },

    back(rows: number, down: number): void {
      const after = top?.after ?? own.x
      const dTop = top?.dAfter ?? own.dx
      for (let r = 0; r < rows; r++) {
        const dLogit = own.logits[r]!
        dWork[outB]! += dLogit
        for (let i = 0; i < topWidth; i++) {
          dWork[outW + i]! += dLogit * after[r * topWidth + i]!
          dTop[r * topWidth + i] = dLogit * work[outW + i]!
        }
      }
      for (let l = layers.length - 1; l >= down; l--) layerBack(layers[l]!, layers[l - 1], rows)
    },
  }

  function layerBack(
    { w, b, width, before, dAfter, activation }: Layer,
    below: Layer | undefined,
    rows: number,
  ) {
    activation.back(before, dAfter, rows)
    const input = below?.after ?? own.x
    const dInput = below?.dAfter ?? own.dx
    const n = below?.width ?? inputs
    dInput.fill(0, 0, rows * n)
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < width; j++) dWork[b + j]! += dAfter[r * width + j]!
      addProductBack(input, r * n, n, work, w, width, dAfter, r * width, dWork, w, dInput, r * n)
    }
  }

  return own
}
