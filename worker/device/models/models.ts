/**
 * Model version control (CoDA, Figure 6), for any number of models. M is in use, M0 its backup as it was delivered, Mbuf
 * what a round has written so far. Most of the time only M and M0 exist. Every blob carries its SHA-256 and is checked
 * whenever it is read; what changes M is one transaction under M's exclusive lock, so a killed tab or a second one never
 * leaves half a model. ARCHITECTURE.md draws the states.
 */
import { AppError } from '../../../shared/failure.ts'
import { sha256 as hash } from '../../../shared/hash.ts'
import type { Platform } from '../../platform.ts'
import type { Db, ModelRow, Slot, Training } from '../storage/tables.ts'

/** A model as it was read: its bytes have the hash that its row names. */
export interface Stored {
  readonly row: ModelRow
  readonly bytes: Uint8Array<ArrayBuffer>
}

/**
 * Work that belongs into the same transaction, which is over all tables: nothing but the database may be awaited there, and
 * it may be begun again.
 */
export type Also = () => Promise<unknown>

export interface Models {
  /** A delivered model becomes M and M0; a buffer goes. Throws `bad-artifact` unless `bytes` have the hash. */
  receive(
    delivered: { name: string; version: number; sha256: string; bytes: Uint8Array<ArrayBuffer> },
    also?: Also,
  ): Promise<void>
  /**
   * Writes Mbuf, trained from the M whose hash is `base`, undefined where there was none. Throws `version` if M is another by now.
   * It is of the `version` that is given, else of M's.
   */
  buffer(
    name: string,
    base: string | undefined,
    bytes: Uint8Array<ArrayBuffer>,
    training: Training,
    version?: number,
  ): Promise<void>
  /** Mbuf, if it is whole and was trained from the present M. */
  buffered(name: string): Promise<Stored | undefined>
  /**
   * Mbuf becomes M, under M's lock; of several models all do, or none. Throws `not-ready` without a buffer whose training has
   * ended; `version` if M changed since it began, `bad-artifact` if the buffer is damaged, and then the buffer is gone. M is as
   * it was.
   */
  commit(names: string | readonly string[], also?: Also): Promise<void>
  /** Mbuf goes. */
  discard(names: string | readonly string[], also?: Also): Promise<void>
  /** M0 becomes M again, under M's lock. Throws `bad-artifact` if M0 is damaged, `not-ready` if there is none. */
  rollback(name: string, also?: Also): Promise<void>
  /** What would rank now, without reading it: M, or M0 while M's lock is held; undefined where there is neither. */
  serving(name: string): Promise<ModelRow | undefined>
  /**
   * What ranks now, read and checked: M, or M0 while M's lock is held. A damaged M is repaired from M0.
   * Throws `not-ready` where there is no model, `bad-artifact` where both are damaged: download anew.
   */
  load(name: string): Promise<Stored>
  /** M itself, for training; the same fall-backs and failures as `load`. */
  base(name: string): Promise<Stored>
  /** M0, if it is whole. */
  backup(name: string): Promise<Stored | undefined>
  /** All slots that exist, without bytes. */
  list(): Promise<ModelRow[]>
}

const nothing: Also = async () => {}

/** How a model of a task's own is called; the data's have the data's name, in which there is no slash. */
export const ownName = (task: string, model: string): string => `${task}/${model}`

export function createModels({ db, locks, clock }: { db: Db } & Pick<Platform, 'locks' | 'clock'>): Models {
  const lockOf = (name: string) => `kindred:model:${name}`
  const exclusively = <T>(name: string, work: () => Promise<T>) => locks.request(lockOf(name), {}, work)
  /** Several locks are always taken in the same order, so that nobody waits in a circle. */
  const allExclusively = (names: readonly string[], work: () => Promise<void>): Promise<void> =>
    [...names]
      .sort()
      .reduceRight<() => Promise<void>>((inner, name) => () => exclusively(name, inner), work)()
  const write = <T>(work: () => Promise<T>) => db.transaction('rw', db.tables, work)
  const rowOf = (name: string, slot: Slot) => db.models.get([name, slot])

  /** Row and blob of one moment; undefined where there is none or it is damaged. */
  async function read(name: string, slot: Slot): Promise<Stored | undefined> {
    const [row, blob] = await db.transaction('r', db.models, db.blobs, () =>
      Promise.all([rowOf(name, slot), db.blobs.get([name, slot])]),
    )
    if (!row || !blob || (await hash(blob.bytes)) !== row.sha256) return undefined
    return { row, bytes: blob.bytes }
  }

  async function put(row: ModelRow, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await db.models.put(row)
    await db.blobs.put({ name: row.name, slot: row.slot, bytes })
  }

  async function remove(name: string, slot: Slot): Promise<void> {
    await db.models.delete([name, slot])
    await db.blobs.delete([name, slot])
  }

  const discard = (names: string | readonly string[], also = nothing) =>
    write(async () => {
      for (const name of [names].flat()) await remove(name, 'Mbuf')
      await also()
    })

  /** Fails for good: this buffer will never become M. */
  async function refuse(name: string, code: 'bad-artifact' | 'version', why: string): Promise<never> {
    await discard(name)
    throw new AppError(code, why)
  }

  /** Mbuf as it may become M. */
  async function readyToFlip(name: string): Promise<Stored> {
    const promised = await rowOf(name, 'Mbuf')
    if (!promised?.training?.ended) throw new AppError('not-ready', 'There is no trained model to take over.')
    const buffer = await read(name, 'Mbuf')
    if (!buffer) return refuse(name, 'bad-artifact', 'The trained model is damaged.')
    // Whatever changes M takes the lock that is held here.
    if ((await rowOf(name, 'M'))?.sha256 !== buffer.row.base)
      return refuse(name, 'version', 'The model changed while the round ran.')
    return buffer
  }

  async function flip(names: readonly string[], also: Also): Promise<void> {
    const ready: Stored[] = []
    for (const name of names) ready.push(await readyToFlip(name))
    await write(async () => {
      for (const { row: buffered, bytes } of ready) {
        const { base: _base, training: _training, ...row } = buffered
        await stillThere(buffered)
        await put({ ...row, slot: 'M', at: clock.now() }, bytes)
        await remove(row.name, 'Mbuf')
      }
      await also()
    })
  }

  /** The user may have erased everything since `row` was read: then nothing of it may come back. */
  async function stillThere({ name, slot, sha256 }: ModelRow): Promise<void> {
    if ((await rowOf(name, slot))?.sha256 !== sha256) throw new AppError('not-ready', 'The model was erased.')
  }

  async function restore(name: string, also = nothing): Promise<Stored> {
    const backup = await read(name, 'M0')
    if (!backup) {
      if (await rowOf(name, 'M0'))
        throw new AppError('bad-artifact', 'The delivered model is damaged on this device.')
      throw new AppError('not-ready', 'There is no model on this device yet.')
    }
    const row: ModelRow = { ...backup.row, slot: 'M', at: clock.now() }
    await write(async () => {
      await stillThere(backup.row)
      await put(row, backup.bytes)
      await also()
    })
    return { row, bytes: backup.bytes }
  }

  /** M, repaired from M0 under the lock if it is damaged; somebody else may have repaired it meanwhile. */
  const base = async (name: string): Promise<Stored> =>
    (await read(name, 'M')) ?? (await exclusively(name, async () => (await read(name, 'M')) ?? restore(name)))

  return {
    async receive({ name, version, sha256, bytes }, also = nothing) {
      if ((await hash(bytes)) !== sha256)
        throw new AppError('bad-artifact', `The model ${name} does not have the hash that was promised.`)
      const row = { name, version, sha256, bytes: bytes.length, at: clock.now() }
      await exclusively(name, () =>
        write(async () => {
          await put({ ...row, slot: 'M' }, bytes)
          await put({ ...row, slot: 'M0' }, bytes)
          await remove(name, 'Mbuf')
          await also()
        }),
      )
    },

    async buffer(name, base, bytes, training, version) {
      const sha256 = await hash(bytes)
      await write(async () => {
        const present = await rowOf(name, 'M')
        if (present?.sha256 !== base) throw new AppError('version', 'The model changed while the round ran.')
        const of = { name, version: version ?? present?.version ?? 1, sha256, bytes: bytes.length }
        const from = base === undefined ? {} : { base }
        await put({ ...of, slot: 'Mbuf', at: clock.now(), ...from, training }, bytes)
      })
    },

    async buffered(name) {
      const buffer = await read(name, 'Mbuf')
      return buffer && (await rowOf(name, 'M'))?.sha256 === buffer.row.base ? buffer : undefined
    },

    commit: (names, also = nothing) => allExclusively([names].flat(), () => flip([names].flat(), also)),
    discard,
    rollback: (name, also) => exclusively(name, async () => void (await restore(name, also))),

    serving: (name) =>
      locks.request(lockOf(name), { mode: 'shared', ifAvailable: true }, async (lock) =>
        rowOf(name, lock ? 'M' : 'M0'),
      ),

    async load(name) {
      const free = { mode: 'shared', ifAvailable: true } as const
      const found = await locks.request(lockOf(name), free, (lock) => read(name, lock ? 'M' : 'M0'))
      return found ?? base(name)
    },

    base,
    backup: (name) => read(name, 'M0'),
    list: () => db.models.toArray(),
  }
}
