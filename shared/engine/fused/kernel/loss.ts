/**
 * Sigmoid and cross-entropy of one logit, in float64: there is one logit a row, so exactness costs nothing, and
 * functions of our own give the same bits in every browser.
 */

const LOG2_E: f64 = Math.LOG2E
/** ln 2 in two parts; the first has few bits, so its product with a small integer is exact. */
const LN2_HIGH: f64 = 0.6931471803691238
const LN2_LOW: f64 = 1.9082149292705877e-10

/** e^x for x ≤ 0: 2^k·e^r with |r| ≤ ln 2 / 2, the series of e^r cut where it has reached 1e-13. */
export function exp(x: f64): f64 {
  if (x < -700) return 0
  const k = nearest<f64>(x * LOG2_E)
  const r = x - k * LN2_HIGH - k * LN2_LOW
  let sum: f64 = 1
  for (let i: f64 = 11; i > 0; i--) sum = 1 + (r / i) * sum
  return sum * reinterpret<f64>((i64(k) + 1023) << 52)
}

/** ln(1 + y) for y in [0, 1]: 2·artanh(s), s = y / (2 + y) ≤ 1/3. */
function log1p(y: f64): f64 {
  const s = y / (2 + y)
  const square = s * s
  let sum: f64 = 0
  for (let i: f64 = 25; i > 0; i -= 2) sum = 1 / i + square * sum
  return 2 * s * sum
}

export function sigmoid(logit: f64): f64 {
  const e = exp(-Math.abs(logit))
  return (logit < 0 ? e : 1) / (1 + e)
}

/** −label·ln p − (1 − label)·ln(1 − p) of p = sigmoid(logit), without forming p. */
export function crossEntropy(logit: f64, label: f64): f64 {
  return Math.max(logit, 0) - logit * label + log1p(exp(-Math.abs(logit)))
}
