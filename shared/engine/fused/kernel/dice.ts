/**
 * Dice of a layer's hidden units (../../../model/spec.ts defines it), four side by side. To learn, it has the mean and the
 * variance of the very rows that it is given; to predict, the running ones.
 */
import { Layer, Model } from './records.ts'
import { addLanes, plusProduct } from './vector.ts'

const EPSILON: f32 = 1e-8

export function diceForward(layer: Layer, n: usize, learning: bool): void {
  if (learning) measure(layer, n)
  const row = layer.width << 2
  const before = layer.before
  const after = layer.after
  const gates = layer.gates
  const means = learning ? layer.mean : layer.runningMean
  const variances = learning ? layer.variance : layer.runningVariance
  const one = f32x4.splat(1)
  for (let j: usize = 0; j < row; j += 16) {
    const alpha = v128.load(layer.slope + j)
    const rest = f32x4.sub(one, alpha)
    const mean = v128.load(means + j)
    const scale = scaleOf(v128.load(variances + j))
    for (let c = j, end = n * row; c < end; c += row) {
      const z = v128.load(before + c)
      const p = sigmoids(f32x4.mul(f32x4.sub(z, mean), scale))
      v128.store(gates + c, p)
      v128.store(after + c, f32x4.mul(z, plusProduct(alpha, rest, p)))
    }
  }
}

/** Mean and variance of the rows, counted from the first of them on: rows that are alike have none at all. */
function measure(layer: Layer, n: usize): void {
  const row = layer.width << 2
  const rows = f32x4.splat(<f32>n)
  for (let j: usize = 0; j < row; j += 16) {
    const start = layer.before + j
    const end = start + n * row
    const first = v128.load(start)
    let sum = f32x4.splat(0)
    for (let at = start; at < end; at += row) sum = f32x4.add(sum, f32x4.sub(v128.load(at), first))
    const away = f32x4.div(sum, rows)
    let squares = f32x4.splat(0)
    for (let at = start; at < end; at += row) {
      const d = f32x4.sub(f32x4.sub(v128.load(at), first), away)
      squares = plusProduct(squares, d, d)
    }
    v128.store(layer.mean + j, f32x4.add(first, away))
    v128.store(layer.variance + j, f32x4.div(squares, rows))
  }
}

/**
 * Turns `dAfter` into the derivative by `before`, where it lies. With n = (z − mean)·scale and p = σ(n) it is
 * d·(α + (1 − α)·p) + scale·(dn − mean(dn) − n·mean(dn·n)), dn = d·(1 − α)·z·p·(1 − p): what goes through mean and
 * variance are the two means over the rows.
 */
export function diceBack(model: Model, layer: Layer, n: usize): void {
  const row = layer.width << 2
  const size = n * row
  const before = layer.before
  const dAfter = layer.dAfter
  const gates = layer.gates
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  const share = f32x4.splat(<f32>1 / <f32>n)
  for (let j: usize = 0; j < row; j += 16) {
    const alpha = v128.load(layer.slope + j)
    const rest = f32x4.sub(one, alpha)
    const mean = v128.load(layer.mean + j)
    const scale = scaleOf(v128.load(layer.variance + j))
    let dAlpha = zero
    let sum = zero
    let along = zero
    for (let c = j; c < size; c += row) {
      const z = v128.load(before + c)
      const p = v128.load(gates + c)
      const dShut = f32x4.mul(f32x4.mul(v128.load(dAfter + c), z), f32x4.sub(one, p))
      const dN = f32x4.mul(f32x4.mul(dShut, rest), p)
      dAlpha = f32x4.add(dAlpha, dShut)
      sum = f32x4.add(sum, dN)
      along = plusProduct(along, dN, f32x4.mul(f32x4.sub(z, mean), scale))
    }
    const middle = f32x4.mul(sum, share)
    const slope = f32x4.mul(along, share)
    let dB = zero
    for (let c = j; c < size; c += row) {
      const z = v128.load(before + c)
      const p = v128.load(gates + c)
      const d = v128.load(dAfter + c)
      const dN = f32x4.mul(f32x4.mul(f32x4.mul(f32x4.mul(d, z), f32x4.sub(one, p)), rest), p)
      const n = f32x4.mul(f32x4.sub(z, mean), scale)
      const through = f32x4.sub(f32x4.sub(dN, middle), f32x4.mul(n, slope))
      const dZ = plusProduct(f32x4.mul(d, plusProduct(alpha, rest, p)), scale, through)
      v128.store(dAfter + c, dZ)
      dB = f32x4.add(dB, dZ)
    }
    addLanes(layer.b + model.toGradient + j, dB)
    addLanes(layer.slope + model.toGradient + j, dAlpha)
  }
}

function scaleOf(variance: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(variance, f32x4.splat(EPSILON))))
}

const LOG2_E: f32 = <f32>Math.LOG2E
/** ln 2 in two parts; the first has few bits, so its product with a small integer is exact. */
const LN2_HIGH: f32 = 0.693359375
const LN2_LOW: f32 = -2.1219444e-4

/** e^x for x ≤ 0 in every lane, as loss.ts has it, in float32: the series of e^r is cut where it has reached 1e-8. */
function exps(x: v128): v128 {
  const bounded = f32x4.max(x, f32x4.splat(-87)) // e^−87 is about the least float32 that is not denormal
  const k = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(LOG2_E)))
  const high = f32x4.sub(bounded, f32x4.mul(k, f32x4.splat(LN2_HIGH)))
  const r = f32x4.sub(high, f32x4.mul(k, f32x4.splat(LN2_LOW)))
  const one = f32x4.splat(1)
  let sum = one
  for (let i: f32 = 7; i > 0; i--) sum = plusProduct(one, f32x4.mul(r, f32x4.splat(<f32>1 / i)), sum)
  const exponent = i32x4.add(i32x4.trunc_sat_f32x4_s(k), i32x4.splat(127))
  return f32x4.mul(sum, i32x4.shl(exponent, 23))
}

function sigmoids(x: v128): v128 {
  const one = f32x4.splat(1)
  const e = exps(f32x4.neg(f32x4.abs(x)))
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e))
}
