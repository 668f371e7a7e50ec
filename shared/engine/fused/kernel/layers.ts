/** The fully connected layers, and the one logit on top: all rows of a batch at once. */
import { diceBack, diceForward } from './dice.ts'
import { product } from './product.ts'
import { Layer, Model } from './records.ts'
import { addLanes, addScaled, addTo, clearRow, dot, plusProduct, transpose } from './vector.ts'

export function layerForward(layer: Layer, n: usize, learning: bool): void {
  const stride = layer.inputStride << 2
  product(layer.before, layer.b, 0, layer.input, stride, 4, layer.w, n, layer.inputs, layer.width)
  if (layer.gates !== 0) diceForward(layer, n, learning)
  else preluForward(layer, n)
}

function preluForward(layer: Layer, n: usize): void {
  const row = layer.width << 2
  const before = layer.before
  const after = layer.after
  const zero = f32x4.splat(0)
  for (let j: usize = 0; j < row; j += 16) {
    const slope = v128.load(layer.slope + j)
    // The order of pmin and pmax lets a NaN through.
    for (let c = j, end = n * row; c < end; c += row) {
      const z = v128.load(before + c)
      v128.store(after + c, plusProduct(f32x4.pmax(z, zero), slope, f32x4.pmin(z, zero)))
    }
  }
}

/** To be called once a batch if there will be a way back. */
export function prepareLayerBack(layer: Layer): void {
  transpose(layer.w, layer.width, layer.inputs, layer.outputs, layer.turned, layer.inputWidth)
}

/** From `dAfter` to the layer's gradients and `dInput`, as far as they are wanted. */
export function layerBack(model: Model, layer: Layer, n: usize): void {
  const row = layer.width << 2
  const d = layer.dAfter
  if (layer.gates !== 0) diceBack(model, layer, n)
  else preluBack(model, layer, n * row)
  const dW = layer.w + model.toGradient
  if (model.sparing === 0 || layer.trained !== 0)
    product(dW, dW, row, layer.input, 4, layer.inputStride << 2, d, layer.inputWidth, n, layer.width)
  if (model.sparing !== 0 && layer.below === 0) return
  product(layer.dInput, model.zeros, 0, d, row, 4, layer.turned, n, layer.outputs, layer.inputWidth)
}

/** Turns `dAfter` into the derivative by `before`, where it lies. */
function preluBack(model: Model, layer: Layer, size: usize): void {
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  const row = layer.width << 2
  const before = layer.before
  const dAfter = layer.dAfter
  for (let j: usize = 0; j < row; j += 16) {
    const slope = v128.load(layer.slope + j)
    let dB = zero
    let dSlope = zero
    for (let c = j; c < size; c += row) {
      const z = v128.load(before + c)
      const d = v128.load(dAfter + c)
      const dZ = f32x4.mul(d, v128.bitselect(one, slope, f32x4.gt(z, zero)))
      v128.store(dAfter + c, dZ)
      dB = f32x4.add(dB, dZ)
      dSlope = plusProduct(dSlope, d, f32x4.pmin(z, zero))
    }
    addLanes(layer.b + model.toGradient + j, dB)
    addLanes(layer.slope + model.toGradient + j, dSlope)
  }
}

export function outputForward(model: Model, n: usize): void {
  for (let r: usize = 0; r < n; r++) {
    const logit =
      load<f32>(model.outB) + dot(model.top + ((r * model.topStride) << 2), model.outW, model.topWidth)
    store<f32>(model.logits + (r << 2), logit)
  }
}

/** From the derivatives by the logits to the output's gradients and `dTop`. */
export function outputBack(model: Model, n: usize): void {
  const width = model.topWidth
  for (let r: usize = 0; r < n; r++) {
    const d = load<f32>(model.logits + (r << 2))
    const dTop = model.dTop + ((r * width) << 2)
    addTo(model.outB + model.toGradient, d)
    addScaled(model.outW + model.toGradient, model.top + ((r * model.topStride) << 2), d, width)
    clearRow(dTop, width)
    addScaled(dTop, model.outW, d, width)
  }
}
