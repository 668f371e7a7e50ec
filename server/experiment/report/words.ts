/** Figures as text. */
import { html } from 'hono/html'
import type { Metric } from '../../cli/report.ts'
import type { Comparison, Estimate } from '../statistics/bootstrap.ts'

export type Html = ReturnType<typeof html>

export const NONE = html`<span class="quiet">–</span>`

const fixed = (value: number, digits: number): string => value.toFixed(digits).replace('-', '−')
export const signed = (value: number, digits: number): string =>
  value > 0 ? `+${fixed(value, digits)}` : fixed(value, digits)
export const count = (value: number): string => Math.round(value).toLocaleString('en-GB')

type Write = (value: number) => string
export const share: Write = (value) => `${fixed(100 * value, 1)} %`
export const plain =
  (digits: number): Write =>
  (value) =>
    fixed(value, digits)
const percent: Write = (value) => `${signed(value, 2)} %`

/** A value, and under it its interval. */
export const withInterval = (estimate: Estimate | null, write: Write): Html =>
  estimate === null ? NONE : html`${write(estimate.value)}${interval(estimate.ci95, write)}`

function interval(ci95: Estimate['ci95'], write: Write) {
  return ci95 === null ? '' : html`<small>${write(ci95[0])} … ${write(ci95[1])}</small>`
}

/** By how many percent more than the reference. */
export const more = ({ relativePct, difference }: Comparison): Html =>
  isItself(difference) ? NONE : withInterval(relativePct, percent)

/** An arm compared with itself differs in no resample. */
export const isItself = ({ value, ci95 }: Estimate): boolean =>
  value === 0 && ci95 !== null && ci95[0] === 0 && ci95[1] === 0

export function metricValue({ value, unit, detail }: Metric): Html {
  if (value === null) return html`not measured<small>${String(detail?.why ?? '')}</small>`
  const ci95 = detail?.ci95
  const pair = Array.isArray(ci95) && ci95.length === 2 ? (ci95 as [number, number]) : null
  const write: Write = (number) => `${String(Number(number.toPrecision(4))).replace('-', '−')} ${unit}`.trim()
  return html`${write(value)}${interval(pair, write)}`
}

/** Whether it is as its target says, as “>=0.83”; undefined where that is no bound, or nothing was measured. */
export function isMet({ value, target }: Pick<Metric, 'value' | 'target'>): boolean | undefined {
  const [, sign, bound] = /^([<>]=?)\s*([\d.]+)/.exec(target ?? '') ?? []
  if (value === null || sign === undefined) return undefined
  const limit = Number(bound)
  return sign.startsWith('>')
    ? value > limit || (sign === '>=' && value === limit)
    : value < limit || (sign === '<=' && value === limit)
}
