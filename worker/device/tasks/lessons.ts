/** What a task learns from: whether there is enough of it, and whether it is anything new. */
import { dayOf } from '../../../shared/clock.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import { RANKING, type SAMPLE_SETS, type TaskManifest } from '../../../shared/tasks/manifest.ts'
import { teaches } from '../samples/lifecycle.ts'
import type { Samples } from '../samples/samples.ts'
import type { LocalRow, MatchedRow } from '../storage/tables.ts'
import type { Ran } from './ran.ts'

/** What a task is given of what is stored, by the sets that it declares; the others are empty. */
export interface Lessons {
  readonly validation: readonly LocalRow[]
  readonly training: readonly LocalRow[]
  readonly matched: readonly MatchedRow[]
  readonly filtered: readonly MatchedRow[]
}

export async function lessonsOf(
  samples: Samples,
  data: Hyper,
  { samples: sets }: Pick<TaskManifest, 'samples'>,
): Promise<Lessons> {
  const own = sets.includes('local-training') || sets.includes('local-validation')
  const local = own ? await samples.local(data) : { training: [], validation: [] }
  const given = async <T>(set: (typeof SAMPLE_SETS)[number], rows: () => T[] | Promise<T[]>) =>
    sets.includes(set) ? rows() : []
  const borrowed = (rows: () => Promise<MatchedRow[]>) => (teaches(data) ? rows() : [])
  return {
    training: await given('local-training', () => local.training),
    validation: await given('local-validation', () => local.validation),
    matched: await given('matched', () => borrowed(samples.waiting)),
    filtered: await given('filtered', () => borrowed(samples.filtered)),
  }
}

/** How many samples teach; with `refit` that is before validation samples do. */
export const taught = ({ validation, training, filtered }: Lessons, { ranking }: Hyper): number =>
  training.length + filtered.length + (ranking.learnFrom === 'all' ? validation.length : 0)

/**
 * Whether a task that has these has something to do. One that trains the personal ranking model goes by what the data say of that: in how
 * many epochs, and by what it is judged, for which it takes samples of both classes; or whether the user is folded in.
 */
export function canLearn(
  lessons: Lessons,
  hyper: Hyper,
  { models }: Pick<TaskManifest, 'models'>,
  hasFactors: boolean,
): boolean {
  if (!models.writes.includes(RANKING)) return taught(lessons, hyper) > 0
  return trainable(lessons, hyper) || (hyper.ranking.personal && hasFactors && own(lessons, hyper).length > 0)
}

const trainable = (lessons: Lessons, { ranking }: Hyper): boolean => {
  const judges = ranking.gate === 'none' || new Set(lessons.validation.map(({ label }) => label)).size === 2
  const some = lessons.training.length + lessons.filtered.length > 0
  return (
    ranking.epochs > 0 && judges && (some || (ranking.learnFrom === 'all' && lessons.validation.length > 0))
  )
}

/** The own samples that are in the model when a run is over. */
const own = ({ validation, training }: Lessons, { ranking }: Hyper): readonly LocalRow[] =>
  ranking.learnFrom === 'all' || ranking.refit || ranking.personal ? [...training, ...validation] : training

/** The newest of them, '' for none. */
export const newestOwn = (lessons: Lessons, hyper: Hyper): string =>
  own(lessons, hyper).reduce((newest, { exposure }) => (exposure > newest ? exposure : newest), '')

/** Whether there is a borrowed sample that the last finished run did not leave lying. */
export function hasCome(ids: readonly string[], ran: Ran | undefined): boolean {
  const left = new Set(ran?.finished?.left)
  return ids.some((id) => !left.has(id))
}

/**
 * Whether there is something new to learn of the user's own: samples that no finished run has learnt from since this model was
 * `delivered`, `enough` at any time, or any at all once a day. Samples become new by getting old, too: most serve for validation
 * first.
 */
export function isNews(
  lessons: Lessons,
  hyper: Hyper,
  {
    ran,
    delivered,
    enough,
    now,
  }: { ran: Ran | undefined; delivered: string | null; enough: number; now: number },
): boolean {
  const last = ran?.finished?.delivered === delivered ? ran.finished : undefined
  const fresh = own(lessons, hyper).filter(({ exposure }) => exposure > (last?.exposure ?? '')).length
  return fresh >= enough || (fresh > 0 && last?.day !== dayOf(now, hyper.dayMs))
}
