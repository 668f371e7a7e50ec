/** What a round learns from: whether there is enough of it, and whether it is anything new. */
import { dayOf } from '../../shared/clock.ts'
import type { Hyper } from '../../shared/hyper.ts'
import type { Active } from './active.ts'
import { type Db, getState, type LocalRow, type MatchedRow, putState } from './db.ts'
import type { Samples } from './samples.ts'

/** What a ranking model learns from, and what it is judged by. */
export interface Lessons {
  readonly validation: readonly LocalRow[]
  readonly training: readonly LocalRow[]
  readonly filtered: readonly MatchedRow[]
}

/** Whether matched samples are learnt from; else none are pulled, or they are remembered. */
export const teaches = ({ augment, evidence }: Hyper): boolean => augment && evidence.weight === 0

/** What training would have to go by now. */
export const lessonsOf = async (samples: Samples, { manifest: { hyper } }: Active): Promise<Lessons> => ({
  ...(await samples.local(hyper)),
  filtered: teaches(hyper) ? await samples.filtered() : [],
})

/** How many samples teach; with `refit` that is before validation samples do. */
const taught = ({ validation, training, filtered }: Lessons, { ranking }: Hyper): number =>
  training.length + filtered.length + (ranking.learnFrom === 'all' ? validation.length : 0)

/** Whether there is something to learn from and, if it is to be judged, both classes to judge it by. */
export const trainable = (lessons: Lessons, hyper: Hyper): boolean =>
  hyper.ranking.epochs > 0 &&
  taught(lessons, hyper) > 0 &&
  (hyper.ranking.gate === 'none' || new Set(lessons.validation.map(({ label }) => label)).size === 2)

/** Enough to train on, or all that will come today. */
export const enough = (lessons: Lessons, hyper: Hyper, exhausted: boolean): boolean =>
  exhausted || !teaches(hyper) || taught(lessons, hyper) >= hyper.trainAt

/** The own samples that are in the model when a round is over. */
const own = ({ validation, training }: Lessons, { ranking }: Hyper): readonly LocalRow[] =>
  ranking.learnFrom === 'all' || ranking.refit || ranking.personal ? [...training, ...validation] : training

/**
 * Whether a device that pulls nothing has something new to learn: own samples that no finished round has learnt from since
 * this model was delivered, as many as train a model at any time, or any at all once a day. Samples become new by getting
 * old, too: most serve for validation first.
 */
export async function isNews(
  db: Db,
  { manifest: { name, hyper } }: Active,
  lessons: Lessons,
  now: number,
): Promise<boolean> {
  const [last, delivered] = await Promise.all([getState(db, 'learnt'), db.models.get([name, 'M0'])])
  const known = last?.delivered === delivered?.sha256 ? last : undefined
  const fresh = own(lessons, hyper).filter(({ exposure }) => exposure > (known?.exposure ?? '')).length
  return fresh >= hyper.trainAt || (fresh > 0 && known?.day !== dayOf(now, hyper.dayMs))
}

/** Remembers what a round has learnt from; for use in the transaction that ends it. */
export async function noteLearnt(
  db: Db,
  { manifest: { name, hyper } }: Active,
  lessons: Lessons,
  now: number,
): Promise<void> {
  const delivered = await db.models.get([name, 'M0'])
  const exposure = own(lessons, hyper).reduce(
    (newest, row) => (row.exposure > newest ? row.exposure : newest),
    '',
  )
  if (delivered)
    await putState(db, 'learnt', { exposure, day: dayOf(now, hyper.dayMs), delivered: delivered.sha256 })
}
