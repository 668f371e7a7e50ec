/** The one state that the page sees, gathered from what is stored and from what is going on. */
import type * as z from 'zod'
import { dayOf } from '../../../shared/clock.ts'
import { BLANK, roundSchema, type Status } from '../../../shared/protocol.ts'
import type { Platform } from '../../platform.ts'
import type { Active } from '../delivery/active.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Models } from '../models/models.ts'
import type { Samples } from '../samples/samples.ts'
import { getState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import type { liveSchema } from '../tabs/tabs.ts'
import type { Eligibility, Obstacle } from './eligibility.ts'

/** Rounds that the page is told of. */
const ROUNDS = 20

/** What is going on now, and is not stored: in this tab, or told by the one where it goes on. */
export interface Live extends z.infer<typeof liveSchema> {
  task: Active | undefined
}

export interface StatusSources {
  readonly db: Db
  readonly models: Models
  readonly samples: Samples
  readonly delivery: Delivery
  readonly platform: Platform
  readonly eligibility: Eligibility
  readonly leads: () => boolean
}

/** The status as of now. */
export async function gatherStatus(sources: StatusSources, live: Live): Promise<Status> {
  const { db, models, samples, delivery, platform, eligibility, leads } = sources
  const { clock, network } = platform
  const manifest = live.task?.manifest
  const [
    identity,
    counters,
    pulled,
    ran,
    persistent,
    sharing,
    waiting,
    counted,
    stored,
    journal,
    serving,
    active,
    arms,
  ] = await Promise.all([
    getState(db, 'identity'),
    getState(db, 'counters'),
    getState(db, 'pulled'),
    getState(db, 'ran'),
    getState(db, 'persistent'),
    getState(db, 'sharing'),
    db.outbox.count(),
    samples.count(),
    models.list(),
    db.journal.orderBy('n').reverse().limit(ROUNDS).toArray(),
    manifest && models.serving(manifest.name),
    delivery.tasks(),
    delivery.arms(),
  ])
  const rounds = journal.flatMap(({ n, ...row }) => {
    const round = roundSchema.safeParse(row)
    return round.success ? [round.data] : [] // what is damaged is not told of
  })
  const { delivered, traffic = {}, ...bytes } = counters ?? { delivered: 0, down: 0, up: 0 }
  const online = network.online() && live.reached
  const done =
    manifest?.hyper.augment === false
      ? Object.values(ran ?? {}).map(({ finished }) => finished?.day)
      : [pulled?.done]
  const tomorrow = manifest !== undefined && done.includes(dayOf(clock.now(), manifest.hyper.dayMs))
  return {
    device: identity?.device ?? null,
    online,
    task: manifest ? { name: manifest.name, version: manifest.version } : null,
    tasks: active.map(({ name, version }) => ({ name, version })),
    arms: [...arms],
    engine: rounds.find(({ engine }) => engine !== 'none')?.engine ?? null,
    events: { waiting, delivered },
    samples: counted,
    models: stored.map(({ name, slot, version, sha256, bytes, at }) => ({
      name,
      slot,
      version,
      sha256,
      bytes,
      at,
    })),
    serving: serving
      ? { slot: serving.slot === 'M0' ? 'M0' : 'M', version: serving.version, sha256: serving.sha256 }
      : null,
    run: live.run,
    waitingFor: waitingFor(live, counted, {
      online,
      tomorrow,
      obstacle: eligibility.obstacle(manifest?.hyper),
    }),
    learning: eligibility.learning,
    sharing: sharing ?? BLANK.sharing,
    persistent: persistent ?? null,
    leads: leads(),
    rounds,
    failure: live.failure,
    bytes,
    traffic,
  }
}

function waitingFor(
  { task, matching, run }: Live,
  { clicks, local, matched }: Status['samples'],
  { online, tomorrow, obstacle }: { online: boolean; tomorrow: boolean; obstacle: Obstacle | null },
): Status['waitingFor'] {
  if (run.phase !== 'idle') return { reason: 'nothing' }
  if (!task) return { reason: online ? 'task' : 'network' }
  if (obstacle === 'paused') return { reason: obstacle }
  const { minClicks, ranking } = task.manifest.hyper
  const missing = minClicks - clicks
  if (missing > 0) return { reason: 'clicks', missing }
  // A round that was cut off is not over for today.
  if (obstacle && !(tomorrow && matched === 0)) return { reason: obstacle }
  const judged = ranking.epochs > 0 && ranking.gate !== 'none'
  if (judged && local === clicks) return { reason: 'contrast' }
  if (tomorrow) return { reason: 'tomorrow' }
  if (!online) return { reason: 'network' }
  // The server counts for itself; another click or two satisfies it. New neighbours come with the next matching.
  if (matching === 'too-few-clicks') return { reason: 'clicks', missing: 1 }
  return { reason: matching === 'no-neighbours' ? 'tomorrow' : 'nothing' }
}
