/**
 * One user of the source with a device of their own: the device runtime of the browser, headless, with what the user did so
 * far in its history. Nothing of that is sent to the server, which has it from the import.
 */
import { IDBKeyRange } from 'fake-indexeddb'
import type { Clock } from '../../shared/clock.ts'
import type { Engine } from '../../shared/engine/engine.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import type { Hyper } from '../../shared/hyper.ts'
import type { ModelSpec } from '../../shared/model/spec.ts'
import type { Round } from '../../shared/protocol.ts'
import type { Batch } from '../../shared/sample.ts'
import type { Device } from '../../worker/device/device.ts'
import { createModels, type Stored } from '../../worker/device/models/models.ts'
import type { ItemFactors } from '../../worker/device/models/personal.ts'
import { openScorer } from '../../worker/device/models/scorer.ts'
import { openDb } from '../../worker/device/storage/db.ts'
import { DB_NAME } from '../../worker/device/storage/names.ts'
import { getState, putState } from '../../worker/device/storage/state.ts'
import { createHeadlessDevice, createHeadlessStorage } from '../../worker/headless.ts'
import { cutOf } from './lived.ts'

export interface PersonOptions {
  /** URL of the server. */
  readonly server: string
  /** Says to it who this is. */
  readonly token: string
  /** What the user did up to now, in the order of the ids. */
  readonly past: readonly KindredEvent[]
  /** What a device of this arm holds. */
  readonly holds: Pick<Hyper, 'maxLocal' | 'settleMs'>
  readonly clock: Clock
  readonly seed: number
  readonly fetch?: typeof fetch
}

/** What came of all rounds of a day. */
export interface Learnt {
  /** Whether M is another than was delivered. */
  readonly trained: boolean
  readonly rounds: readonly Round[]
  /** Bytes of matched samples. */
  readonly down: number
  /** Matched samples that the filter kept. */
  readonly filtered: number
}

/** Click probabilities of the same samples. */
export interface Scores {
  /** SHA-256 of M. */
  readonly sha256: string
  readonly m: Float32Array
  readonly m0: Float32Array
}

/** What the models of a task are scored with. */
export interface Scoring {
  readonly engine: Engine
  readonly spec: ModelSpec
  readonly factors: ItemFactors | undefined
}

export interface Person {
  readonly device: Device
  /** Registers and takes up the task, and trains nothing. */
  arrive(): Promise<void>
  /**
   * Contacts the server and learns until nothing is due any more. Throws the failure of a round that failed, but for one
   * whose training diverged: then M stays as it was, on any device.
   */
  learn(): Promise<Learnt>
  /** What M and M0 say of samples with the ids of the task. */
  score(by: Scoring, batch: Batch): Promise<Scores>
  /** Ends the device; what it stored goes with it. */
  end(): Promise<void>
}

/** A day has fewer: each uses up samples, of which the server has so many. */
const MAX_ROUNDS = 20

export async function createPerson(options: PersonOptions): Promise<Person> {
  const { server, token, past, holds, clock, seed, fetch: send = globalThis.fetch } = options
  const storage = createHeadlessStorage()
  const db = openDb({ name: DB_NAME, indexedDB: storage.indexedDB, IDBKeyRange })
  await db.history.bulkAdd([...past])
  const cut = cutOf(past, holds)
  if (cut !== undefined) await putState(db, 'cutUpTo', cut)
  const device = createHeadlessDevice({
    server,
    clock,
    seed,
    storage,
    timers: false,
    fetch: (url, request) => send(url, asUser(token, url, request)),
  })
  const models = createModels({ db, locks: storage.locks, clock })

  async function both(): Promise<{ m: Stored; m0: Stored }> {
    const name = await taskName()
    const m0 = await models.backup(name)
    if (!m0) throw noModel()
    return { m: await models.load(name), m0 }
  }

  async function taskName(): Promise<string> {
    const task = await db.tasks.toCollection().first()
    if (!task) throw noModel()
    return task.name
  }
  const noModel = () => new AppError('not-ready', 'The device has no model.')

  const rounds = async (): Promise<Round[]> => (await db.journal.toArray()).map(({ n, ...round }) => round)

  /** Whether the last round has used up all that there is today. */
  async function over(done: readonly Round[]): Promise<boolean> {
    const last = done.at(-1)?.outcome
    const pulled = await getState(db, 'pulled')
    return (last === 'committed' || last === 'kept') && (pulled === undefined || pulled.next >= pulled.count)
  }

  return {
    device,

    async arrive() {
      await device.learn({ on: false })
      await device.contact()
    },

    async learn() {
      let done: Round[] = []
      for (let before = -1; done.length > before && done.length < MAX_ROUNDS && !(await over(done)); ) {
        before = done.length
        await device.contact()
        done = await rounds()
        const failed = done.find(({ outcome }) => outcome === 'failed')?.failure
        if (failed && failed.code !== 'diverged') throw new AppError(failed.code, failed.message)
      }
      const name = await taskName()
      const [m, m0] = await db.models.bulkGet([
        [name, 'M'],
        [name, 'M0'],
      ])
      return {
        trained: m?.sha256 !== m0?.sha256,
        rounds: done,
        down: done.reduce((sum, { bytes }) => sum + bytes, 0),
        filtered: done.reduce((sum, { kept }) => sum + kept, 0),
      }
    },

    async score({ engine, spec, factors }, batch) {
      const { m, m0 } = await both()
      const scoresOf = async ({ bytes }: Stored) => {
        const scorer = await openScorer(engine, spec, bytes, factors)
        try {
          return await scorer.score(batch)
        } finally {
          scorer.dispose()
        }
      }
      const delivered = await scoresOf(m0)
      const { sha256 } = m.row
      return { sha256, m0: delivered, m: sha256 === m0.row.sha256 ? delivered : await scoresOf(m) }
    },

    async end() {
      await device.stop()
      db.close()
    },
  }
}

/** The app around Kindred has its user's token in a cookie; here it goes along where a new device has to show it. */
function asUser(token: string, url: Parameters<typeof fetch>[0], request?: RequestInit): RequestInit {
  const registers = new URL(url instanceof Request ? url.url : url).pathname === '/api/devices'
  return registers
    ? { ...request, headers: { ...(request?.headers as object), authorization: `Bearer ${token}` } }
    : { ...request }
}
