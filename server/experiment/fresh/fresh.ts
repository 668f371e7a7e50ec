/**
 * The freshness experiment: a news portal's readers live through some days, hour by hour, against the real server. Every night
 * the global model is trained anew and everybody is matched; every hour new samples are there to be given. Users of each arm
 * have devices of their own, and each click of theirs is judged by what the device says at that moment, before it learns of it.
 */
import { join } from 'node:path'
import { DAY_MS } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import { hyper } from '../../../shared/hyper.ts'
import { openCloud } from '../../cloud/cloud.ts'
import { privacy } from '../../cloud/privacy/settings.ts'
import type { Progress } from '../../cloud/progress.ts'
import type { TrainSettings } from '../../cloud/training.ts'
import { openStore } from '../../store/lmdb.ts'
import { armNamed } from '../arms.ts'
import { claimFolder } from '../folder.ts'
import { drawLots } from '../ground.ts'
import { type Crew, type FreshArm, muster } from './crew.ts'
import { createHourly } from './hourly.ts'
import { type FreshRow, keepRow } from './results.ts'
import { HOUR_MS, openWorld, type WorldOptions } from './world.ts'

/** Passes at most; it ends sooner where one does not improve. Other numbers of threads would round otherwise. */
const NIGHTLY = { epochs: 2, maxSamples: 2_000_000, threads: 2 } satisfies Partial<TrainSettings>

export interface FreshOptions extends WorldOptions {
  readonly dir: string
  /** Threads that have users' devices. */
  readonly threads: number
  readonly training?: Partial<TrainSettings>
  readonly progress: Progress
  readonly signal?: AbortSignal | undefined
}

export interface FreshOutcome {
  readonly rows: readonly FreshRow[]
  readonly readers: { readonly share: number; readonly judged: number }
  /** Of each night's model, on what training held out. */
  readonly nights: readonly {
    readonly auc: number | null
    readonly passes: number
    readonly seconds: number
  }[]
  /** Wall time of each part. */
  readonly minutes: Readonly<Record<'past' | 'nights' | 'hours' | 'devices', number>>
}

/**
 * Devices ask after each click, where neighbours are found by it, and are given forty impressions, twelve times a day: five samples of a
 * neighbour are a click and what was passed over with it. An arm may take less.
 */
const GIVEN = { neighbours: 60, batchesPerDay: 96, freshBatches: 88 }
/** On news `kindred` remembers what it borrows, where on films it learns from it, and trains nothing. */
const REMEMBERING = ['evidence.weight=2', 'ranking.epochs=0', `batchesPerDay=${GIVEN.batchesPerDay}`]

/**
 * `…-random` is an arm that gets as many fresh samples, but those of somebody else; `…-hourly` is one whose devices get the
 * global model of the hour.
 */
export function armOf(name: string): FreshArm {
  const [base = '', ...changes] = name.split('@')
  const [, plain = base, variant] = /^(.*)-(random|hourly)$/.exec(base) ?? []
  const named = [plain, ...(plain === 'kindred' ? REMEMBERING : []), ...changes].join('@')
  const arm = { ...armNamed(named), name }
  if (variant === 'random') return { ...arm, batches: 'strangers', model: 'cloud' }
  return { ...arm, model: variant === 'hourly' ? 'hourly' : 'cloud' }
}

/** `k` for so many readers less than the log has: an article is known by enough as soon as it would be by all. */
const hiddenBelow = (share: number): number => Math.max(2, Math.round(privacy().hideBelow * share))

export async function fresh(options: FreshOptions): Promise<FreshOutcome> {
  const { dir, seed, progress, signal } = options
  const arms = options.arms.map(armOf)
  progress({ stage: 'Reading the log', done: 0, total: 0 })
  const world = await openWorld(options)
  claimFolder(dir, { what: 'fresh', days: options.days, readers: options.readers, seed }, arms)
  const cloudDir = join(dir, 'cloud')
  await drawLots(cloudDir)
  const time = { now: world.start }
  const clock = { now: () => time.now }
  const cloud = await openCloud({
    dataDir: cloudDir,
    clock,
    hyper: hyper({ neighbours: GIVEN.neighbours, batchesPerDay: GIVEN.batchesPerDay }),
    freshBatches: GIVEN.freshBatches,
    linkThreads: 1,
    privacy: privacy({ hideBelow: hiddenBelow(world.share) }),
    sliceAbove: Number.MAX_SAFE_INTEGER,
  })
  if (!(await cloud.isEmpty())) {
    await cloud.close()
    throw new AppError('bad-input', `${dir} holds a replay already, and time does not run backwards.`)
  }
  const store = openStore(join(cloudDir, 'store'))
  try {
    const minutes = { past: 0, nights: 0, hours: 0, devices: 0 }
    const timed = stopwatch(minutes)
    await timed('past', () => cloud.importSource(world.past, progress, signal))
    const hourly = createHourly(store, { cloudDir, dir, dayMs: DAY_MS, seed })
    const nights: FreshOutcome['nights'][number][] = []
    const rows: FreshRow[] = []
    let learntUpTo = 0

    /** What the server does between two hours; returns the models that are served from then on. */
    async function turn(at: number) {
      time.now = at
      if (at % DAY_MS === 0)
        await timed('nights', async () => {
          await cloud.prepare()
          const training = { ...NIGHTLY, seed, ...options.training, signal }
          const { auc, losses, seconds } = await cloud.train(training)
          nights.push({ auc, passes: losses.length, seconds })
        })
      return timed('hours', async () => {
        await cloud.freshen()
        store.refresh()
        const next = await store.samples.next()
        const manifest = (await cloud.manifest())!
        await hourly.learn(manifest, learntUpTo === 0 ? next : learntUpTo, next)
        learntUpTo = next
        return { cloud: manifest, hourly: hourly.manifest() }
      })
    }

    let crew: Crew | undefined
    try {
      for await (const { at, impressions } of world.hours()) {
        signal?.throwIfAborted()
        const models = await turn(at)
        crew ??= await muster({ ...options, world, arms, cloud, hourly, clock, tell: keep })
        // Everything of this hour has happened when it is over, and nobody learns of it before.
        time.now = at + HOUR_MS - 1
        await timed('devices', () => crew!.live(impressions, models))
        progress({
          stage: 'Replaying hours',
          done: (at + HOUR_MS - world.start) / HOUR_MS,
          total: (world.end - world.start) / HOUR_MS,
          note: `${rows.length} clicks judged`,
        })
      }
    } finally {
      await crew?.end()
    }
    return { rows, readers: { share: world.share, judged: world.arms.size }, nights, minutes }

    function keep(row: FreshRow): void {
      rows.push(row)
      keepRow(join(dir, 'results.jsonl'), row)
    }
  } finally {
    await store.close()
    await cloud.close()
  }
}

type Stopwatch = <T>(part: keyof FreshOutcome['minutes'], work: () => Promise<T>) => Promise<T>

function stopwatch(minutes: Record<keyof FreshOutcome['minutes'], number>): Stopwatch {
  return async (part, work) => {
    const began = performance.now()
    const done = await work()
    minutes[part] += (performance.now() - began) / 60_000
    return done
  }
}
