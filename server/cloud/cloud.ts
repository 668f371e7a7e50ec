/** The cloud in one process: everything that commands and routes ask of it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Accepted, BatchList, Consent, Erased, Registration } from '../../shared/api.ts'
import { type Clock, dayOf, systemClock } from '../../shared/clock.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import { DELIVERY, hyper as defaults, type Hyper, MATCHING } from '../../shared/hyper.ts'
import type { Experiment } from '../../shared/release/releases.ts'
import type { Manifest } from '../../shared/task.ts'
import type { Source } from '../sources/source.ts'
import { openStore } from '../store/lmdb.ts'
import { lockFolder } from '../store/lock.ts'
import { type Measured, measure } from '../tasks/experiments.ts'
import { createHealth } from '../tasks/health/health.ts'
import type { Version } from '../tasks/repository.ts'
import { openTasks, type Tasks } from '../tasks/tasks.ts'
import { consentOf, finishWithdrawals, giveConsent } from './consent.ts'
import { createCredentials } from './credentials.ts'
import { createDemand } from './demand.ts'
import { createFollowing } from './following.ts'
import { createHanding } from './handing.ts'
import { importSource } from './ingest.ts'
import type { TrainInput, TrainResult } from './jobs.ts'
import type { Fresh } from './matcher.ts'
import { loadPopulation } from './population.ts'
import { type Prepared, preparedDay } from './prepare.ts'
import { type Privacy, privacy as protection } from './privacy/settings.ts'
import type { Progress } from './progress.ts'
import { loadManifest } from './release.ts'
import type { Room } from './room.ts'
import { secretOf } from './secret.ts'
import { createThread, type RunOptions } from './thread.ts'
import { createTurns } from './turns.ts'

export interface CloudOptions {
  /** Made if it is not there; one process at a time may have it open. */
  readonly dataDir: string
  readonly clock?: Clock
  readonly hyper?: Hyper
  readonly privacy?: Privacy
  readonly sliceAbove?: number
  /** Batches of a day that are made during the day; default `MATCHING.freshBatches`. */
  readonly freshBatches?: number
  readonly linkThreads?: Room['linkThreads']
  readonly log?: Logger
}

export interface PrepareOptions extends RunOptions {
  /** Make batches for users without a device too, who are matched on demand otherwise. */
  readonly everyone?: boolean
}

export interface NewDevice {
  readonly subject?: string | undefined
  readonly sharing?: boolean | undefined
}

export type TrainOptions = RunOptions & TrainInput

export interface CloudStatus {
  readonly day: number
  /** Whether this day's samples, neighbours and batches are there. */
  readonly prepared: boolean
  /** Whether any day ever was: then there is something to serve. */
  readonly preparedOnce: boolean
  readonly users: number
  readonly events: number
  readonly samples: number
}

export type Cloud = Awaited<ReturnType<typeof openCloud>>

/**
 * Opens a data folder, taking back an import and completing a withdrawal that a crash cut off.
 * Throws `storage` if another process has it, `bad-input` if it was made with days of another length.
 */
export async function openCloud({
  dataDir: dir,
  clock = systemClock,
  hyper = defaults(),
  privacy = protection(),
  sliceAbove = DELIVERY.sliceAbove,
  freshBatches = MATCHING.freshBatches,
  linkThreads,
  log,
}: CloudOptions) {
  mkdirSync(dir, { recursive: true })
  const unlock = await lockFolder(dir)
  const store = openStore(join(dir, 'store'))
  await store.imports.recover()
  await finishWithdrawals(store)
  const key = (await secretOf(store)).subarray(0, 16)
  let population = await loadPopulation(store)
  if (population && population.dayMs !== hyper.dayMs) {
    await store.close()
    await unlock()
    throw new AppError('bad-input', `The data folder ${dir} was made with days of ${population.dayMs} ms.`)
  }
  const place = { dir, hyper, privacy, sliceAbove, freshBatches, linkThreads }
  const tell: Room['tell'] = (message, detail) => log?.warn(detail ?? {}, message)
  /** Training, in a thread that gives its memory back; and the matcher, which is always there. */
  const workshop = createThread(place, { brief: true, tell })
  const matcher = createThread(place, { tell })
  const days = createTurns()
  const lessons = createTurns()
  const { follow, stop } = createFollowing(log)
  let tasks: Promise<Tasks> | undefined
  const credentials = createCredentials(store.users)
  const today = () => dayOf(clock.now(), hyper.dayMs)

  const handing = createHanding({
    ...{ dir, store, key },
    batchesPerDay: hyper.batchesPerDay,
    population: () => population,
    artifactOfTasks: async (sha256) => (await tasks)?.artifact(sha256),
  })
  const demand = createDemand({
    store,
    hyper,
    freshBatches,
    schema: () => population?.schema,
    match: (user, now) => matcher.run('match', { user, now }).finally(() => store.refresh()),
  })

  const cloud = {
    isEmpty: async (): Promise<boolean> => population === undefined,
    /** The name of the source that was imported. */
    sourceName: (): string | undefined => population?.source,

    /** Throws `bad-input`, and leaves everything as it was, at the first line that does not fit. */
    async importSource(source: Source, progress: Progress = () => {}, signal?: AbortSignal) {
      const done = await importSource(store, source, { hyper, clock, held: population }, progress, signal)
      population = done.population
      return { users: done.users, events: done.events }
    },

    prepare: ({ everyone = false, ...options }: PrepareOptions = {}): Promise<Prepared> =>
      days
        .next(() => matcher.run('prepare', { now: clock.now(), everyone }, options))
        .finally(() => store.refresh()),

    /** Makes samples of what happened since, so that they can be given to others. */
    freshen: (options: RunOptions = {}): Promise<Fresh> =>
      matcher.run('fresh', { now: clock.now() }, options).finally(() => store.refresh()),

    /** Trains the global model on the newest samples, and publishes it as the task's next version. */
    train: ({ progress, signal, ...settings }: TrainOptions = {}): Promise<TrainResult> =>
      lessons
        .next(() => workshop.run('train', settings, { progress, signal }))
        .finally(() => store.refresh()),

    /** Prepares each day as it begins, and this one if that is still to do; returns the way to stop. */
    followDays: (everyMs = 10_000): (() => void) =>
      follow(everyMs, 'could not prepare the day', async () => {
        if (!population || (await preparedDay({ store })) === today()) return
        const prepared = await cloud.prepare()
        log?.info(prepared, 'prepared the day')
      }),

    /** `freshen` again and again; returns the way to stop. */
    followFresh: (everyMs = 20_000): (() => void) =>
      follow(everyMs, 'could not make fresh samples', async () => {
        if (!population) return
        const fresh = await cloud.freshen()
        if (fresh.samples > 0) log?.debug(fresh, 'made fresh samples')
      }),

    async status(): Promise<CloudStatus> {
      const { users, events, samples } = store
      const day = today()
      const last = await preparedDay({ store })
      return {
        day,
        prepared: last === day,
        preparedOnce: last !== undefined,
        users: await users.count(),
        events: await events.count(),
        samples: await samples.count(),
      }
    },

    /** A new device: of a new user, or of the one user of `subject`; `sharing` is what they say of that, if anything. */
    async register({ subject, sharing }: NewDevice = {}): Promise<Registration> {
      const registration = await credentials.register(clock.now(), subject)
      if (sharing === undefined) return registration
      const user = await cloud.userOf(registration.device)
      if (user !== undefined) await cloud.consent(user, sharing)
      return registration
    },
    /** When it is done, nothing of a user who does not share can be handed out. Throws `unauthorised` for one who is gone. */
    consent: (user: number, sharing: boolean): Promise<Consent> =>
      giveConsent(store, user, {
        sharing,
        now: clock.now(),
        withdraw: (user) =>
          matcher.run('withdraw', { user, now: clock.now() }).finally(() => store.refresh()),
      }),
    consentOf: (user: number): Promise<Consent> => consentOf(store, user),
    /** The user who holds `credential`, or undefined. */
    authenticate: credentials.authenticate,
    /** A new credential for the device that shows this one; undefined if it is not known. */
    renew: credentials.renew,
    /** Makes a device unknown; false if it was. */
    revoke: credentials.revoke,
    /** Tasks, releases and what signs them; made in the folder when they are first asked for. */
    tasks(): Promise<Tasks> {
      tasks ??= openTasks({ folder: join(dir, 'tasks'), store, data: cloud.manifest, clock }).catch(
        (error) => {
          tasks = undefined
          throw error
        },
      )
      return tasks
    },
    /** Devices that have told of themselves. */
    knownDevices: (): Promise<number> => store.deviceFacts.count(),
    /** When a user came, ms; undefined for one who is gone. */
    since: (user: number): Promise<number | undefined> => store.users.since(user),
    /** How the arms of an experiment have done so far. */
    measure: (experiment: Experiment): Promise<Measured> =>
      measure(store, experiment, { dayMs: hyper.dayMs, now: clock.now() }),

    /** How the versions of tasks do on devices. */
    health: createHealth({
      store,
      clock,
      dayMs: hyper.dayMs,
      versions: async (): Promise<readonly Version[]> => (await cloud.tasks()).repository.log(),
    }),

    userOf: async (device: string): Promise<number | undefined> => (await store.users.byDevice(device))?.user,
    /** All that a user did, in the order of the ids. */
    eventsOf: (user: number): Promise<KindredEvent[]> => store.events.of(user),

    /** All of `events` are on disk when it resolves. Nothing can have happened after now. */
    ingest(user: number, events: readonly KindredEvent[]): Promise<Accepted> {
      const now = clock.now()
      return store.events.append(
        user,
        events.map((event) => (event.at > now ? { ...event, at: now } : event)),
      )
    },

    /** The user's batches of today; who has none is matched now, and who has not all of them once there is more to give. */
    batches: (user: number): Promise<BatchList> => demand.batches(user, clock.now()),

    manifest: (): Promise<Manifest | undefined> => loadManifest(store),

    ...handing,

    /** Forgets the user; undefined if there is no such user. */
    erase: (user: number): Promise<Erased | undefined> =>
      credentials.forget(user, () =>
        matcher.run('erase', { user, now: clock.now() }).finally(() => store.refresh()),
      ),

    /** Stops what runs and gives the folder back. */
    async close(): Promise<void> {
      stop()
      await Promise.all([workshop.close(), matcher.close()])
      await Promise.all([days.done(), lessons.done()])
      await (await tasks)?.close()
      await store.close()
      await unlock()
    },
  }
  return cloud
}
