/** PReLU and Dice (../../model/spec.ts defines it) on the hidden units of one layer, all rows of a mini-batch at once. */
import { DICE_EPSILON } from '../../model/spec.ts'

/** Rows are `width` numbers; `before` and `after` are the values before and after the activation. */
export interface Activation {
  /** `learning`, Dice has the statistics of these very rows. */
  forward(before: Float64Array, after: Float64Array, rows: number, learning: boolean): void
  /** Turns the derivative by `after` into that by `before`, where it lies; after a `forward` that was learning. */
  back(before: Float64Array, dAfter: Float64Array, rows: number): void
  /** Of the last rows learnt from, in the order of the units; absent where there are none. */
  readonly statistics?: { readonly mean: Float64Array; readonly variance: Float64Array }
}

/** Its slopes lie in `work` from `slope` on, and their gradient at the same place of `dWork`. */
export function prelu(work: Float64Array, dWork: Float64Array, slope: number, width: number): Activation {
  return {
    forward(before, after, rows) {
      for (let c = 0; c < rows * width; c += width)
        for (let j = 0; j < width; j++) {
          const z = before[c + j]!
          after[c + j] = z > 0 ? z : z * work[slope + j]!
        }
    },
    back(before, dAfter, rows) {
      for (let c = 0; c < rows * width; c += width)
        for (let j = 0; j < width; j++) {
          if (before[c + j]! > 0) continue
          dWork[slope + j]! += dAfter[c + j]! * before[c + j]!
          dAfter[c + j]! *= work[slope + j]!
        }
    },
  }
}

/** Its α lie as PReLU's slopes do, its running statistics in `work` from `running.mean` and `running.variance` on. */
export function dice(
  work: Float64Array,
  dWork: Float64Array,
  slope: number,
  running: { readonly mean: number; readonly variance: number },
  width: number,
): Activation {
  const mean = new Float64Array(width)
  const variance = new Float64Array(width)

  function measure(before: Float64Array, rows: number, j: number): void {
    let sum = 0
    for (let r = 0; r < rows; r++) sum += before[r * width + j]!
    const middle = sum / rows
    let squares = 0
    for (let r = 0; r < rows; r++) squares += (before[r * width + j]! - middle) ** 2
    mean[j] = middle
    variance[j] = squares / rows
  }

  return {
    statistics: { mean, variance },
    forward(before, after, rows, learning) {
      for (let j = 0; j < width; j++) {
        if (learning) measure(before, rows, j)
        const middle = learning ? mean[j]! : work[running.mean + j]!
        const scale = scaleOf(learning ? variance[j]! : work[running.variance + j]!)
        const alpha = work[slope + j]!
        for (let c = j; c < rows * width; c += width) {
          const z = before[c]!
          after[c] = z * (alpha + (1 - alpha) * sigmoid((z - middle) * scale))
        }
      }
    },
    /**
     * With n = (z − mean)·scale and p = σ(n): dz = d·(α + (1 − α)·p) + scale·(dn − mean(dn) − n·mean(dn·n)), where
     * dn = d·(1 − α)·z·p·(1 − p) and the means over the rows are what goes through mean and variance.
     */
    back(before, dAfter, rows) {
      for (let j = 0; j < width; j++) {
        const scale = scaleOf(variance[j]!)
        const alpha = work[slope + j]!
        let dAlpha = 0
        let sum = 0
        let sumAlong = 0
        for (let c = j; c < rows * width; c += width) {
          const n = (before[c]! - mean[j]!) * scale
          const p = sigmoid(n)
          const dz = dAfter[c]! * before[c]! * (1 - p)
          const dn = dz * (1 - alpha) * p
          dAlpha += dz
          sum += dn
          sumAlong += dn * n
        }
        dWork[slope + j]! += dAlpha
        for (let c = j; c < rows * width; c += width) {
          const z = before[c]!
          const n = (z - mean[j]!) * scale
          const p = sigmoid(n)
          const d = dAfter[c]!
          const dn = d * z * (1 - alpha) * p * (1 - p)
          dAfter[c] = d * (alpha + (1 - alpha) * p) + scale * (dn - sum / rows - (n * sumAlong) / rows)
        }
      }
    },
  }
}

const scaleOf = (variance: number): number => 1 / Math.sqrt(variance + DICE_EPSILON)

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))
