/** The words that the page says about counts, sizes, times and the state of the device. */
import type { CallOutput, Round, Status } from '../shared/protocol.ts'

/** The English plural of a catalogue's noun: story → stories, film → films, watch → watches. */
export function plural(noun: string): string {
  if (/[^aeiou]y$/i.test(noun)) return `${noun.slice(0, -1)}ies`
  return /(s|x|z|ch|sh)$/i.test(noun) ? `${noun}es` : `${noun}s`
}

/** `1 story`, `6 stories`, `1,200 films`. */
export const countOf = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? noun : plural(noun)}`

/** `1st`, `2nd`, `11th`. */
export function ordinal(n: number): string {
  const suffixes: Record<string, string> = { one: 'st', two: 'nd', few: 'rd' }
  return `${n}${suffixes[new Intl.PluralRules('en', { type: 'ordinal' }).select(n)] ?? 'th'}`
}

/** A size in decimal units with three digits: `812 B`, `19.4 KB`, `1.25 MB`. */
export function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  let unit = 0
  let value = bytes
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`
}

/** `480 ms`, `2.3 s`, `1 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** Where the model that ranks came from: `own` was trained on this device. */
export function origin(
  status: Status | null,
  sha256 = status?.serving?.sha256,
): 'own' | 'delivered' | 'none' {
  if (!sha256) return 'none'
  const delivered = status?.models.some((model) => model.slot === 'M0' && model.sha256 === sha256)
  return delivered || status?.serving?.slot === 'M0' ? 'delivered' : 'own'
}

/** The few words beside the wordmark, and how they are to look. */
export function liveStatus(status: Status | null): {
  tone: 'busy' | 'own' | 'calm' | 'off'
  text: string
} {
  if (!status) return { tone: 'busy', text: 'starting…' }
  if (status.run.phase !== 'idle') return { tone: 'busy', text: 'learning…' }
  if (!status.online) return { tone: 'off', text: 'offline' }
  switch (origin(status)) {
    case 'own':
      return { tone: 'own', text: 'ranked by your model' }
    case 'delivered':
      return { tone: 'calm', text: 'ranked by the shared model' }
    default:
      return { tone: 'busy', text: 'preparing…' }
  }
}

/** What a run does at the moment, or null between runs. */
export function runPhase(run: Status['run']): { text: string; fraction: number | null } | null {
  switch (run.phase) {
    case 'idle':
      return null
    case 'fetching':
      return { text: 'Fetching samples of kindred readers', fraction: null }
    case 'filtering':
      return { text: 'Choosing the samples that are like yours', fraction: run.fraction }
    case 'training':
      return { text: 'Training your model', fraction: run.fraction }
    case 'committing':
      return { text: 'Checking and keeping the result', fraction: null }
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
      return `Open ${waitingFor.missing.toLocaleString('en')} more ${waitingFor.missing === 1 ? noun : plural(noun)} and your own model can be trained.`
    case 'task':
      return 'Waiting for the first model from the server.'
    case 'network':
      return 'Training waits until the server can be reached.'
    case 'tomorrow':
      return 'Today’s training is done; the next round is tomorrow.'
    case 'paused':
      return 'Learning is switched off; your model stays as it is.'
    case 'battery':
      return 'The battery is low: training waits until it is charged.'
    case 'data-saver':
      return 'Your browser saves data: training waits for a connection that need not.'
    case 'hidden':
      return 'Training waits until you look at this page, or the device is plugged in.'
    default:
      return waitingFor satisfies never
  }
}

/** How a round ended, in one sentence. */
export function outcome(round: Round): string {
  switch (round.outcome) {
    case 'committed':
      return round.after === null
        ? 'Your model has learnt from your samples, and now ranks your feed.'
        : 'Your model got better, and now ranks your feed.'
    case 'kept':
      return 'Training did not beat your model, so it stayed as it was.'
    case 'filtered':
      return round.kept > 0
        ? 'Samples were chosen; there are not enough yet to train.'
        : 'There are not enough samples yet to train.'
    case 'failed':
      return round.failure ? `The round stopped: ${round.failure.message}` : 'The round stopped.'
    default:
      return round.outcome satisfies never
  }
}

/** How many borrowed samples were kept, and of how many that the classifier scored, if there was one. */
export const keptOf = ({ kept, scored }: Round): string =>
  kept > scored ? `${kept}, unscored` : `${kept} of ${scored}`

/** An AUC with three digits, or a dash where there is none. */
export const auc = (value: number | null): string => (value === null ? '–' : value.toFixed(3))

/** What a sample serves for, or where it stands. */
export function sampleUse(use: CallOutput<'samples'>['rows'][number]['use'], score: number | null): string {
  switch (use) {
    case 'validation':
      return 'judges your model'
    case 'training':
      return 'trains your model'
    case 'none':
      return 'about to go'
    case 'unscored':
      return 'waits to be scored'
    case 'classifying':
      return 'trains the classifier'
    case 'filtered':
      return score === null ? 'kept as it came' : `like yours: ${score.toFixed(2)}`
    default:
      return use satisfies never
  }
}

/** A feature of a sample: names one after the other, or numbers of which a long row is cut short. */
export function featureValues(values: readonly (string | number)[]): string {
  if (values.length === 0) return 'nothing yet'
  const shown = values
    .slice(0, 40)
    .map((value) => (typeof value === 'number' ? String(Number(value.toFixed(3))) : value))
  return values.length > 40 ? `${shown.join(', ')} and ${values.length - 40} more` : shown.join(', ')
}
