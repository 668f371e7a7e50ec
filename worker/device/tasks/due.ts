/** Which of the delivered tasks are to run now, and why: what their triggers mean on this device. */
import { dayOf } from '../../../shared/clock.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import { policyOf } from '../../../shared/tasks/hyper.ts'
import type { Trigger } from '../../../shared/tasks/manifest.ts'
import type { Active } from '../delivery/active.ts'
import { teaches } from '../samples/lifecycle.ts'
import type { Db, DeliveredRow } from '../storage/tables.ts'
import { leftOff } from './gather.ts'
import { canLearn, hasCome, isNews, type Lessons, lessonsOf, taught } from './lessons.ts'
import { isSpent, type Ran, ranBefore } from './ran.ts'
import type { RunDeps } from './run-task.ts'

export interface Chance {
  /** Nothing more will come today: whatever there is has to do. */
  readonly exhausted: boolean
  /** The user has asked for it: how often a task may run in a day does not count. */
  readonly asked: boolean
  /** A round goes on: then a task runs for which there is enough, though it may have learnt from all of it. */
  readonly within: boolean
  /** Tasks that have not run yet since the page was opened. */
  readonly visiting: (task: string) => boolean
  /** A task that is left alone for now. */
  readonly resting: (row: DeliveredRow) => boolean
}

/** The tasks on this device that are made for these data, in the order in which a round takes them. */
export async function tasksFor(db: Db, { manifest }: Active): Promise<DeliveredRow[]> {
  const schema = JSON.stringify(manifest.schema)
  const fits = ({ manifest: task }: DeliveredRow) => !task.schema || JSON.stringify(task.schema) === schema
  return (await db.delivered.orderBy('name').toArray()).filter(fits)
}

/** What makes the task run as samples come in: before those that learn from what is left of them. */
export async function dueForBatch(
  deps: RunDeps,
  data: Active,
  row: DeliveredRow,
  chance: Chance,
): Promise<Trigger | undefined> {
  const trigger = row.manifest.triggers.find(({ on }) => on === 'batch')
  if (!trigger || chance.resting(row) || !teaches(data.manifest.hyper)) return undefined
  const today = dayOf(deps.platform.clock.now(), data.manifest.hyper.dayMs)
  const ran = await ranBefore(deps.db, row)
  if (!chance.asked && isSpent(ran, row, today)) return undefined
  const waiting = await deps.samples.waitingIds()
  const due = chance.asked ? waiting.length > 0 : hasCome(waiting, ran)
  return due ? trigger : undefined
}

/** What makes the task run at any other chance. */
export async function dueForMore(
  deps: RunDeps,
  data: Active,
  row: DeliveredRow,
  chance: Chance,
): Promise<Trigger | undefined> {
  const { triggers } = row.manifest
  if (chance.resting(row)) return undefined
  const now = deps.platform.clock.now()
  const today = dayOf(now, data.manifest.hyper.dayMs)
  const ran = await ranBefore(deps.db, row)
  if (!chance.asked && isSpent(ran, row, today)) return undefined
  const learns = triggers.some(({ on }) => on === 'samples' || on === 'batches-done')
  const learning = learns && (await dueToLearn(deps, data, row, { ...chance, ran, now }))
  if (learning) return learning
  const daily = triggers.find(({ on }) => on === 'day')
  if (daily && ran?.finished?.day !== today) return daily
  const visit = triggers.find(({ on }) => on === 'visit')
  return visit && chance.visiting(row.name) ? visit : undefined
}

/**
 * A run that has ended makes another due only by what comes after it. Where borrowed samples are learnt from, those are batches that
 * are pulled later: on another day, during this one, or, where pulling was cut off, the rest of it, so that a second round may follow
 * at once. What the user does meanwhile is no reason there; where own samples alone are learnt from, it is one on another day, or once
 * it is `enough`. A run that was cut off goes on as soon as it may.
 */
async function dueToLearn(
  deps: RunDeps,
  data: Active,
  row: DeliveredRow,
  chance: Chance & { ran: Ran | undefined; now: number },
): Promise<Trigger | undefined> {
  const { db, samples } = deps
  const { exhausted, within, ran, now } = chance
  const { manifest } = row
  const some = manifest.triggers.find((one) => one.on === 'samples')
  const done = manifest.triggers.find(({ on }) => on === 'batches-done')
  const hyper: Hyper = policyOf(data.manifest.hyper, manifest.hyper)
  const lessons: Lessons = await lessonsOf(samples, data.manifest.hyper, manifest)
  if (!canLearn(lessons, hyper, manifest, data.factors !== undefined)) return undefined
  if (await leftOff(deps, data, row)) return some ?? done
  const enough = some?.augmented ?? hyper.trainAt
  if (teaches(data.manifest.hyper)) {
    const trigger = some && taught(lessons, hyper) >= enough ? some : exhausted ? done : undefined
    return trigger && (within || hasCome(lessons.filtered.map(idOf), ran)) ? trigger : undefined
  }
  const delivered = (await db.models.get([data.manifest.name, 'M0']))?.sha256 ?? null
  return within || isNews(lessons, hyper, { ran, delivered, enough, now }) ? (some ?? done) : undefined
}

const idOf = ({ id }: { readonly id: string }): string => id
