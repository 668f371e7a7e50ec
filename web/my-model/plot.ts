/** Where the marks of the two small plots go. */

export interface Frame {
  readonly width: number
  readonly height: number
  /** Room for the labels: left and bottom. */
  readonly left: number
  readonly bottom: number
}

export interface Line {
  readonly points: readonly { x: number; y: number }[]
  /** SVG path data through the points. */
  readonly path: string
  /** The values at the lower and the upper edge. */
  readonly low: number
  readonly high: number
}

const round = (value: number) => Math.round(value * 100) / 100

/** A line over equally spaced values; those that are not finite are left out. All lie inside the frame. */
export function line(values: readonly number[], { width, height, left, bottom }: Frame): Line {
  const finite = values.filter(Number.isFinite)
  const low = finite.length ? Math.min(...finite) : 0
  const high = finite.length ? Math.max(...finite) : 1
  const [top, right] = [4, 4]
  const stepX = values.length > 1 ? (width - left - right) / (values.length - 1) : 0
  const place = (value: number) => (high > low ? (value - low) / (high - low) : 0.5)
  const points = values.flatMap((value, i) =>
    Number.isFinite(value)
      ? [{ x: round(left + i * stepX), y: round(top + (1 - place(value)) * (height - top - bottom)) }]
      : [],
  )
  const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  return { points, path, low, high }
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
  const [top, right] = [4, 4]
  const room = frame.height - frame.bottom - top
  const pitch = (frame.width - frame.left - right) / bins
  return counts.map((count, i) => {
    const height = round((count / most) * room)
    return {
      x: round(frame.left + i * pitch),
      y: round(top + room - height),
      width: round(pitch),
      height,
      count,
      from: i / bins,
      to: (i + 1) / bins,
    }
  })
}

/** The x of a score in [0, 1] in the same frame. */
export const scoreAt = (score: number, { width, left }: Frame): number =>
  round(left + score * (width - left - 4))
