/** The cloud in one process: everything that commands and routes ask of it. */
import { createHmac, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deflateRaw } from 'node:zlib'
import type { Logger } from 'pino'
import * as z from 'zod'
import type { Accepted, BatchList, Consent, Erased, Registration, RowsRequest } from '../../shared/api.ts'
import { type Clock, dayOf, systemClock } from '../../shared/clock.ts'
import { joinBatch } from '../../shared/codec.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import { DELIVERY, hyper as defaults, type Hyper } from '../../shared/hyper.ts'
import type { Manifest } from '../../shared/task.ts'
import type { Source } from '../sources/source.ts'
import { openStore } from '../store/lmdb.ts'
import { lockFolder } from '../store/lock.ts'
import type { Store } from '../store/store.ts'
import { consentOf, finishWithdrawals, giveConsent } from './consent.ts'
import { createCredentials } from './credentials.ts'
import { importSource } from './ingest.ts'
import type { TrainResult } from './jobs.ts'
import { loadPopulation } from './population.ts'
import { type Prepared, preparedDay } from './prepare.ts'
import { type Privacy, privacy as protection } from './privacy/settings.ts'
import type { Progress } from './progress.ts'
import { type Artifact, loadManifest, readArtifact } from './release.ts'
import { createTables } from './rows.ts'
import { createThread, type RunOptions } from './thread.ts'
import type { TrainSettings } from './training.ts'

export interface CloudOptions {
  /** Made if it is not there; one process at a time may have it open. */
  readonly dataDir: string
  readonly clock?: Clock
  readonly hyper?: Hyper
  readonly privacy?: Privacy
  readonly sliceAbove?: number
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

export type TrainOptions = RunOptions & Partial<TrainSettings>

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
  log,
}: CloudOptions) {
  mkdirSync(dir, { recursive: true })
  const unlock = await lockFolder(dir)
  const store = openStore(join(dir, 'store'))
  await store.imports.recover()
  await finishWithdrawals(store)
  const secret = await secretOf(store)
  let population = await loadPopulation(store)
  if (population && population.dayMs !== hyper.dayMs) {
    await store.close()
    await unlock()
    throw new AppError('bad-input', `The data folder ${dir} was made with days of ${population.dayMs} ms.`)
  }
  const place = { dir, hyper, privacy, sliceAbove }
  /** Long jobs, one after the other, in a thread that gives its memory back; and a desk that is always there. */
  const workshop = createThread(place, { brief: true })
  const desk = createThread(place)
  let last: Promise<unknown> = Promise.resolve()
  const matching = new Map<number, Promise<BatchList['state']>>()
  const artifacts = new Map<string, Artifact>()
  const tables = createTables(dir)
  const following = new Set<() => void>()
  const credentials = createCredentials(store.users)
  const today = () => dayOf(clock.now(), hyper.dayMs)

  function inTurn<T>(job: () => Promise<T>): Promise<T> {
    const result = last.then(job, job)
    last = result.catch(() => {})
    return result.finally(() => store.refresh())
  }

  function match(user: number): Promise<BatchList['state']> {
    const under = matching.get(user)
    if (under) return under
    const asked = desk.run('match', { user, now: clock.now() }).finally(() => {
      matching.delete(user)
      store.refresh()
    })
    matching.set(user, asked)
    return asked
  }

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
      inTurn(() => workshop.run('prepare', { now: clock.now(), everyone }, options)),

    /** Trains the global model on the newest samples, and publishes it as the task's next version. */
    train: ({ progress, signal, ...settings }: TrainOptions = {}): Promise<TrainResult> =>
      inTurn(() => workshop.run('train', settings, { progress, signal })),

    /** Prepares each day as it begins, and this one if that is still to do; returns the way to stop. */
    followDays(everyMs = 10_000): () => void {
      let busy = false
      const look = async () => {
        if (busy) return
        busy = true
        try {
          if (!population || (await preparedDay({ store })) === today()) return
          const prepared = await cloud.prepare()
          log?.info(prepared, 'prepared the day')
        } catch (error) {
          log?.error({ err: error }, 'could not prepare the day')
        } finally {
          busy = false
        }
      }
      void look()
      const timer = setInterval(look, everyMs)
      timer.unref()
      const stop = () => {
        clearInterval(timer)
        following.delete(stop)
      }
      following.add(stop)
      return stop
    },

    async status(): Promise<CloudStatus> {
      const { users, events, samples } = store
      const last = await preparedDay({ store })
      return {
        day: today(),
        prepared: last === today(),
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
        withdraw: (user) => desk.run('withdraw', { user }).finally(() => store.refresh()),
      }),
    consentOf: (user: number): Promise<Consent> => consentOf(store, user),
    /** The user who holds `credential`, or undefined. */
    authenticate: credentials.authenticate,
    /** A new credential for the device that shows this one; undefined if it is not known. */
    renew: credentials.renew,
    /** Makes a device unknown; false if it was. */
    revoke: credentials.revoke,
    userOf: async (device: string): Promise<number | undefined> => (await store.users.byDevice(device))?.user,

    /** All of `events` are on disk when it resolves. Nothing can have happened after now. */
    ingest(user: number, events: readonly KindredEvent[]): Promise<Accepted> {
      const now = clock.now()
      return store.events.append(
        user,
        events.map((event) => (event.at > now ? { ...event, at: now } : event)),
      )
    },

    /** The user's batches of today; who has none is matched now. */
    async batches(user: number): Promise<BatchList> {
      const day = today()
      let count = await store.mappings.count(user, day)
      const state = count > 0 ? 'ready' : await match(user)
      if (count === 0) count = await store.mappings.count(user, day)
      return { day, count, state }
    },

    /** Batch `n` as raw deflate; undefined where there is none. The same bytes every time. */
    async batch(user: number, day: number, n: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
      if (n >= hyper.batchesPerDay || !population) return undefined
      const ids = await store.mappings.batch(user, day, n)
      if (!ids) return undefined
      const rows = await store.samples.rows(ids)
      const named = rows.flatMap((row, i) => (row ? [{ id: opaque(secret, ids[i]!), row }] : []))
      const joined = joinBatch(population.schema, population.dayMs, named)
      return new Uint8Array(await promisify(deflateRaw)(joined))
    },

    manifest: (): Promise<Manifest | undefined> => loadManifest(store),

    async artifact(sha256: string): Promise<Artifact | undefined> {
      const known = artifacts.get(sha256) ?? (await readArtifact(dir, sha256))
      if (!known) return undefined
      if (!artifacts.has(sha256) && artifacts.size >= 8) artifacts.delete(artifacts.keys().next().value!)
      artifacts.set(sha256, known)
      return known
    },

    /** Rows of a sliced table; undefined where there is no such table (any more). Throws `bad-input` for ids beyond it. */
    async rows({ table, sha256, ids }: RowsRequest): Promise<Uint8Array<ArrayBuffer> | undefined> {
      const dim = population?.schema.vocabularies[table]?.dim
      return dim === undefined ? undefined : tables.read(sha256, dim, ids)
    },

    /** Forgets the user; undefined if there is no such user. */
    erase: (user: number): Promise<Erased | undefined> =>
      credentials.forget(user, () => desk.run('erase', { user }).finally(() => store.refresh())),

    /** Stops what runs and gives the folder back. */
    async close(): Promise<void> {
      for (const stop of following) stop()
      await Promise.all([workshop.close(), desk.close()])
      await last
      await store.close()
      await unlock()
    },
  }
  return cloud
}

/** What a sample is called outside: the same for everyone, and no way back to its number. */
const opaque = (secret: Buffer, sample: number): string => {
  const number = Buffer.allocUnsafe(4)
  number.writeUInt32BE(sample)
  return createHmac('sha256', secret).update(number).digest('hex').slice(0, 16)
}

/** This folder's key for the ids of samples. */
async function secretOf({ meta }: Store): Promise<Buffer> {
  const stored = await meta.get('secret', z.string().length(64))
  if (stored !== undefined) return Buffer.from(stored, 'hex')
  const secret = randomBytes(32)
  await meta.put('secret', secret.toString('hex'))
  return secret
}
