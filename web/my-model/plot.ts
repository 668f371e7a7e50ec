/** Where the marks of the plots go. All lengths are in CSS pixels. */

export interface Frame {
  readonly width: number
  readonly height: number
  /** Room for the labels: at the left and below; above and at the right there is half a line for marks at the edge. */
  readonly left: number
  readonly bottom: number
  readonly edge: number
}

/** A frame for text of `em` pixels that fills the width. */
export const frameOf = (width: number, em: number): Frame => ({
  width,
  height: Math.round(9 * em + 48),
  left: Math.round(2.75 * em),
  bottom: Math.round(1.75 * em),
  edge: Math.round(em / 2),
})

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Line {
  readonly points: readonly Point[]
  /** SVG path data through the points. */
  readonly path: string
  /** Of the numbers that label the upright axis, from low to high. */
  readonly ticks: readonly { value: number; y: number }[]
}

const round = (value: number) => Math.round(value * 100) / 100

/** `from` → `to` as `low` → `high`; where there is but one value, it is in the middle. */
export function scale(
  [low, high]: readonly [number, number],
  from: number,
  to: number,
): (value: number) => number {
  if (high === low) return () => round((from + to) / 2)
  return (value) => round(from + ((value - low) / (high - low)) * (to - from))
}

/**
 * Round numbers about a `count`-th of the span apart, the first at or below `low`, the last at or above `high`; one where both
 * are the same, but for what rounding does to a number.
 */
export function ticksOf(low: number, high: number, count = 3): number[] {
  if (!(high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high), 1e-9))) return [low]
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * 0.999)!
  const first = Math.floor(low / step + 1e-9)
  const last = Math.ceil(high / step - 1e-9)
  // A product has fewer digits than a sum of steps.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** A line through values; those that are not finite are left out. It lies inside the frame, from the first x to the last. */
export function line(values: readonly Point[], { width, height, left, bottom, edge }: Frame): Line {
  const finite = values.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
  if (finite.length === 0) return { points: [], path: '', ticks: [] }
  const rangeOf = (of: readonly number[]) => [Math.min(...of), Math.max(...of)] as const
  const marks = ticksOf(...rangeOf(finite.map(({ y }) => y)))
  const toY = scale(rangeOf(marks), height - bottom, edge)
  const [first, last] = rangeOf(values.filter(({ x }) => Number.isFinite(x)).map(({ x }) => x))
  const toX = first === last ? () => left : scale([first, last], left, width - edge)
  const points = finite.map(({ x, y }) => ({ x: toX(x), y: toY(y) }))
  const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  return { points, path, ticks: marks.map((value) => ({ value, y: toY(value) })) }
}

export interface Bar {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly count: number
  /** The scores it counts: [from, to), the last one [from, to]. */
  readonly from: number
  readonly to: number
}

/** How many scores in [0, 1] fall in each of `bins` equal parts, as bars that fill the frame's height. */
export function histogram(scores: readonly number[], bins: number, frame: Frame): readonly Bar[] {
  const counts = new Array<number>(bins).fill(0)
  for (const score of scores) {
    if (!(score >= 0 && score <= 1)) continue
    counts[Math.min(bins - 1, Math.floor(score * bins))]!++
  }
  const most = Math.max(1, ...counts)
  const room = frame.height - frame.bottom - frame.edge
  const pitch = (frame.width - frame.left - frame.edge) / bins
  return counts.map((count, i) => {
    const height = round((count / most) * room)
    return {
      x: round(frame.left + i * pitch),
      y: round(frame.edge + room - height),
      width: round(pitch),
      height,
      count,
      from: i / bins,
      to: (i + 1) / bins,
    }
  })
}

/** The x of a score in [0, 1] in the same frame. */
export const scoreAt = (score: number, { width, left, edge }: Frame): number =>
  round(left + score * (width - left - edge))
