/** Where the marks of a plot of values with intervals go. All lengths are in CSS pixels. */
import { type Frame, type Line, scale, ticksOf } from '../my-model/plot.ts'

export interface Value {
  /** A whole number: a day. */
  readonly x: number
  readonly value: number
  /** From low to high; null where it is not known. */
  readonly interval: readonly [number, number] | null
}

/** Of one arm, or one version. */
export interface Series {
  readonly name: string
  readonly values: readonly Value[]
}

export interface Mark {
  readonly x: number
  readonly y: number
  /** Upper and lower end of its bar. */
  readonly bar: readonly [top: number, bottom: number] | null
}

export interface Intervals {
  /** As the series are, their marks by rising x. */
  readonly series: readonly (readonly Mark[])[]
  readonly ticks: Line['ticks']
}

/** Marks of series for the same x stand side by side so far apart, or closer where there is no room. */
const APART = 9
/** Of the room that one x has, what its marks may take. */
const TAKEN = 0.7

/**
 * All lies inside the frame: each x has an equal share of its width, whether there is something for it or not. The upright axis
 * spans what there is, and `floor`, where that is given.
 */
export function intervals(
  series: readonly Series[],
  { width, height, left, bottom, edge }: Frame,
  floor?: number,
): Intervals {
  const values = series.flatMap((one) => one.values)
  if (values.length === 0) return { series: series.map(() => []), ticks: [] }
  const xs = values.map(({ x }) => x)
  const first = Math.min(...xs)
  const room = (width - edge - left) / (Math.max(...xs) - first + 1)
  const apart = Math.min(APART, (TAKEN * room) / series.length)
  const ends = values.flatMap(({ value, interval }) => [value, ...(interval ?? [])])
  if (floor !== undefined) ends.push(floor)
  const marks = ticksOf(Math.min(...ends), Math.max(...ends))
  const toY = scale([marks[0]!, marks.at(-1)!], height - bottom, edge)
  const round = (at: number) => Math.round(at * 100) / 100
  return {
    ticks: marks.map((value) => ({ value, y: toY(value) })),
    series: series.map(({ values }, i) =>
      values
        .toSorted((a, b) => a.x - b.x)
        .map(({ x, value, interval }) => ({
          x: round(left + (x - first + 0.5) * room + (i - (series.length - 1) / 2) * apart),
          y: toY(value),
          bar: interval && [toY(interval[1]), toY(interval[0])],
        })),
    ),
  }
}
