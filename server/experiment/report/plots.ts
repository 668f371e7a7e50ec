/**
 * Plots as SVG, drawn where there is no page. They are drawn as wide as the narrowest phone and grow with theirs, so that
 * words on them can be read anywhere; colours are the page's properties, so that light and dark are its own matter.
 */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { Estimate } from '../statistics/bootstrap.ts'

const WIDTH = 340
const LETTER = 6.2

/** A value with its interval, and what it is of. */
export interface Point {
  readonly name: string
  readonly estimate: Estimate
}
export interface Series {
  readonly arm: string
  readonly color: string
  readonly points: readonly Point[]
}

interface Axis {
  readonly label: string
  /** What is told to those who cannot see it. */
  readonly alt: string
}

/** A row for each name: its value and, as a line, its interval; upright lines at `marks`. */
export function intervals(
  rows: readonly (Point & { readonly color: string })[],
  { label, alt, marks = [] }: Axis & { readonly marks?: readonly { name?: string; value: number }[] },
): string {
  const longest = Math.max(...rows.map(({ name }) => name.length))
  const data = rows.map(({ name, color, estimate: { value, ci95 } }) => ({
    name,
    color,
    value,
    low: ci95?.[0] ?? value,
    high: ci95?.[1] ?? value,
  }))
  const named = marks.filter(({ name }) => name !== undefined)
  return draw(alt, {
    height: 60 + 24 * rows.length + 14 * named.length,
    marginBottom: 42,
    marginLeft: Math.min(150, 12 + LETTER * longest),
    marginTop: 8 + 14 * named.length,
    x: { grid: true, label, nice: true, ticks: 5 },
    y: { domain: rows.map(({ name }) => name), label: null, tickSize: 0 },
    marks: [
      Plot.ruleX(marks, { x: 'value', stroke: 'var(--ink-quiet)', strokeDasharray: '3 3' }),
      ...named.map((mark, i) =>
        Plot.text([mark], {
          x: 'value',
          text: 'name',
          frameAnchor: 'top',
          dy: -14 * (named.length - i) + 4,
          fill: 'var(--ink-quiet)',
        }),
      ),
      Plot.ruleY(data, {
        y: 'name',
        x1: 'low',
        x2: 'high',
        stroke: 'color',
        strokeWidth: 3,
        strokeOpacity: 0.45,
      }),
      Plot.dot(data, { y: 'name', x: 'value', fill: 'color', r: 4 }),
    ],
    color: { type: 'identity' },
  })
}

/** A line for each arm over the same few places, with intervals; neighbours stand a little apart, so that none hides another. */
export function lines(
  series: readonly Series[],
  { xLabel, label, alt, zero = false }: Axis & { readonly xLabel: string; readonly zero?: boolean },
): string {
  const names = [...new Set(series.flatMap(({ points }) => points.map(({ name }) => name)))]
  const apart = Math.min(9, 160 / names.length / Math.max(1, series.length))
  return draw(alt, {
    height: 240,
    marginLeft: 44,
    marginBottom: 44,
    x: { type: 'point', domain: names, label: xLabel, padding: 0.5 },
    y: { grid: true, label, nice: true, ticks: 5 },
    marks: [
      ...(zero ? [Plot.ruleY([0], { stroke: 'var(--ink-quiet)', strokeDasharray: '3 3' })] : []),
      ...series.flatMap(({ color, points }, i) => {
        const data = points.map(({ name, estimate: { value, ci95 } }) => ({
          name,
          value,
          low: ci95?.[0] ?? value,
          high: ci95?.[1] ?? value,
        }))
        const dx = apart * (i - (series.length - 1) / 2)
        const at = { x: 'name', dx, stroke: color } as const
        return [
          Plot.ruleX(data, { ...at, y1: 'low', y2: 'high', strokeWidth: 2.5, strokeOpacity: 0.45 }),
          Plot.line(data, { ...at, y: 'value', strokeWidth: 1.5 }),
          Plot.dot(data, { x: 'name', y: 'value', dx, fill: color, r: 3 }),
        ]
      }),
    ],
  })
}

/** How many users gained how much; those who lost more than `loss` stand out, and who lies far out is in the last bar. */
export function distribution(
  gains: readonly number[],
  { label, alt, loss, color }: Axis & { readonly loss: number; readonly color: string },
): string {
  const most = Math.max(loss, at(gains, 0.99), -at(gains, 0.01))
  const step = most <= 12 * loss ? loss : 2 * loss
  const half = Math.ceil(most / step)
  const bars = Array.from({ length: 2 * half }, (_, i) => ({
    from: (i - half) * step,
    to: (i - half + 1) * step,
    share: 0,
    color: i < half - loss / step ? 'var(--clay)' : color,
  }))
  for (const gain of gains) {
    const bar = Math.floor(gain / step) + half
    bars[Math.min(2 * half - 1, Math.max(0, bar))]!.share += 1 / gains.length
  }
  return draw(alt, {
    height: 210,
    marginLeft: 44,
    marginBottom: 42,
    x: { label, ticks: 5 },
    y: { grid: true, label: '% of users', percent: true, ticks: 4 },
    color: { type: 'identity' },
    marks: [
      Plot.rectY(bars, { x1: 'from', x2: 'to', y: 'share', fill: 'color', insetLeft: 0.5, insetRight: 0.5 }),
      Plot.ruleX([0], { stroke: 'var(--ink-quiet)', strokeDasharray: '3 3' }),
    ],
  })
}

/** The value below which such a share of the rising `values` lies. */
const at = (values: readonly number[], share: number): number =>
  values[Math.floor(share * (values.length - 1))] ?? 0

function draw(alt: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<html><body></body></html>')
  const svg = Plot.plot({
    document,
    width: WIDTH,
    marginRight: 14,
    ariaLabel: alt,
    ...options,
    style: { fontSize: '11px', background: 'none', overflow: 'visible' },
  })
  svg.setAttribute('role', 'img')
  svg.removeAttribute('width')
  svg.removeAttribute('height')
  return svg.outerHTML
}
