/** What the page says about sizes, times and the state of the device, in whatever language it speaks. */

import type { CallOutput, Round, Status } from '../shared/protocol.ts'
import { origin } from './client/model.ts'
import { language, t } from './strings/index.ts'

export { origin } from './client/model.ts'

const formats = new Map<string, unknown>()
/** The formatter of that name for the language spoken now; each is made once. */
function formatter<T>(name: string, make: (locale: string) => T): T {
  const key = `${language()} ${name}`
  if (!formats.has(key)) formats.set(key, make(language()))
  return formats.get(key) as T
}
const inUnits = (value: number, unit: string, options: Intl.NumberFormatOptions): string =>
  formatter(`${unit} ${JSON.stringify(options)}`, (locale) => {
    return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', ...options })
  }).format(value)

/** `1,200`. */
export const number = (value: number): string =>
  formatter('number', (locale) => new Intl.NumberFormat(locale)).format(value)

/** A value with so many digits after the point: `0.672`. */
export const fixed = (value: number, digits: number): string =>
  formatter(`fixed ${digits}`, (locale) => {
    return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })
  }).format(value)

/** A change as a share: `+25%`, `−8%`, `0%`. */
export const signedPercent = (share: number): string =>
  formatter('signed percent', (locale) => {
    return new Intl.NumberFormat(locale, { style: 'percent', signDisplay: 'exceptZero' })
  }).format(share)

/** A size in decimal units with three digits: `812 bytes`, `19.4 kB`, `1.25 MB`. */
export function size(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte']
  let unit = 0
  let value = bytes
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return inUnits(value, units[unit]!, unit === 0 ? { unitDisplay: 'long' } : { maximumSignificantDigits: 3 })
}

/** `480 ms`, `2.3 sec`, `1 min 5 sec`. */
export function duration(ms: number): string {
  if (ms < 999.5) return inUnits(Math.round(ms), 'millisecond', {})
  if (ms < 59_950) return inUnits(ms / 1000, 'second', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
  const seconds = Math.round(ms / 1000)
  return formatter(
    'parts',
    (locale) => new Intl.ListFormat(locale, { type: 'unit', style: 'narrow' }),
  ).format([inUnits(Math.floor(seconds / 60), 'minute', {}), inUnits(seconds % 60, 'second', {})])
}

/** A day and the time on it; `ms` since 1970. */
export const moment = (ms: number): string =>
  formatter('moment', (locale) => {
    return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
  }).format(ms)

/** A day; `ms` since 1970. */
export const day = (ms: number): string =>
  formatter('day', (locale) => new Intl.DateTimeFormat(locale, { dateStyle: 'medium' })).format(ms)

/** The few words beside the wordmark, and how they are to look. */
export function liveStatus(status: Status | null): {
  tone: 'busy' | 'own' | 'calm' | 'off'
  text: string
} {
  if (!status) return { tone: 'busy', text: t.live.starting }
  if (status.run.phase !== 'idle') return { tone: 'busy', text: t.live.learning }
  if (!status.online) return { tone: 'off', text: t.live.offline }
  switch (origin(status)) {
    case 'own':
      return { tone: 'own', text: t.live.own }
    case 'delivered':
      return { tone: 'calm', text: t.live.delivered }
    default:
      return { tone: 'busy', text: t.live.preparing }
  }
}

/** What a run does at the moment, or null between runs. */
export function runPhase(run: Status['run']): { text: string; fraction: number | null } | null {
  switch (run.phase) {
    case 'idle':
      return null
    case 'fetching':
    case 'committing':
      return { text: t.run[run.phase], fraction: null }
    case 'filtering':
    case 'training':
      return { text: t.run[run.phase], fraction: run.fraction }
    default:
      return run satisfies never
  }
}

/** What has to happen before the next round; null where nothing stands in the way. */
export function nextRound(waitingFor: Status['waitingFor'], noun: string): string | null {
  switch (waitingFor.reason) {
    case 'nothing':
      return null
    case 'clicks':
      return t.waiting.clicks(waitingFor.missing, noun)
    default:
      return t.waiting[waitingFor.reason]
  }
}

/** How a round ended, in one sentence. */
export function outcome(round: Round): string {
  switch (round.outcome) {
    case 'committed':
      return round.after === null ? t.round.unjudged : t.round.better
    case 'kept':
      return t.round.kept
    case 'filtered':
      return round.kept > 0 ? t.round.chosen : t.round.tooFew
    case 'failed':
      return round.failure ? t.round.failedBy(t.failure[round.failure.code]) : t.round.failed
    default:
      return round.outcome satisfies never
  }
}

/** How many borrowed samples were kept, and of how many that the classifier scored, if there was one. */
export const keptOf = ({ kept, scored }: Round): string =>
  kept > scored ? t.round.unscored(kept) : t.round.of(kept, scored)

/** An AUC with three digits, or a dash where there is none. */
export const auc = (value: number | null): string => (value === null ? '–' : fixed(value, 3))

/** What a sample serves for, or where it stands. */
export function sampleUse(use: CallOutput<'samples'>['rows'][number]['use'], score: number | null): string {
  return use === 'filtered' && score !== null ? t.samples.likeYours(fixed(score, 2)) : t.samples.use[use]
}

/** A feature of a sample: names one after the other, or numbers of which a long row is cut short. */
export function featureValues(values: readonly (string | number)[]): string {
  if (values.length === 0) return t.samples.nothing
  const rounded = formatter(
    'feature',
    (locale) => new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }),
  )
  const shown = values
    .slice(0, 40)
    .map((value) => (typeof value === 'number' ? rounded.format(value) : value))
  // Where the point is a comma, a comma cannot part numbers.
  const joined = shown.join(shown.some((value) => value.includes(',')) ? '; ' : ', ')
  return values.length > 40 ? t.samples.andMore(joined, values.length - 40) : joined
}
