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

/** How a figure is written; the unit stands once, after an interval. */
interface Written {
  readonly number: (value: number) => string
  readonly unit?: string
}
export const share: Written = { number: (value) => fixed(100 * value, 1), unit: ' %' }
export const percent: Written = { number: (value) => signed(value, 2), unit: ' %' }
export const plain = (digits: number): Written => ({ number: (value) => fixed(value, digits) })

export const write = (value: number, { number, unit = '' }: Written): string => `${number(value)}${unit}`

/** A value, and under it its interval. */
export const withInterval = (estimate: Estimate | null, written: Written): Html =>
  estimate === null ? NONE : html`${write(estimate.value, written)}${interval(estimate.ci95, written)}`

const interval = (ci95: Estimate['ci95'], { number, unit = '' }: Written) =>
  ci95 === null ? '' : html`<small>${number(ci95[0])} … ${number(ci95[1])}${unit}</small>`

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
  const written = {
    number: (figure: number) => String(Number(figure.toPrecision(4))).replace('-', '−'),
    unit: unit === '' ? '' : ` ${unit}`,
  }
  return html`${write(value, written)}${interval(pair, written)}`
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

/** “>=4” as people write it. */
export const bound = (target: string): string => target.replace('>=', '≥ ').replace('<=', '≤ ')

/** A long name, which may go on in another line after a sign. */
export const breakable = (name: string): Html =>
  html`${name.split(/(?<=[._@=-])/).map((part, i) => (i === 0 ? part : html`<wbr>${part}`))}`
