/**
 * Model version control (CoDA, Figure 6). M is in use, M0 its backup as it was delivered, Mbuf what a round has written.
 * Most of the time only M and M0 exist. Every blob carries its SHA-256 and is checked whenever it is read; a flip is
 * one transaction under an exclusive lock, so a killed tab or a second one never leaves half a model.
 */
import { AppError } from '../../shared/failure.ts'
import { sha256 as hash } from '../../shared/hash.ts'
import type { Platform } from '../platform.ts'
import type { Db, ModelRow, Slot } from './db.ts'

/** A model as it was read: its bytes have the hash that its row names. */
export interface Stored {
  readonly row: ModelRow
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface Models {
  /**
   * A delivered model becomes M and M0; a buffer goes. `also` writes into the same transaction, and nothing but the
   * database may be awaited there. Throws `bad-artifact` unless `bytes` have the hash; then nothing has changed.
   */
  receive(
    delivered: { name: string; version: number; sha256: string; bytes: Uint8Array<ArrayBuffer> },
    also?: () => Promise<unknown>,
  ): Promise<void>
  /** Writes Mbuf, trained from the M whose hash is `base`. Throws `version` if M is another by now. */
  buffer(name: string, base: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /**
   * Mbuf becomes M, under M's lock. Throws `not-ready` without a buffer, `version` if M changed since the training
   * began, `bad-artifact` if the buffer is damaged; the buffer is then gone and M as it was.
   */
  commit(name: string): Promise<void>
  /** Mbuf goes. */
  discard(name: string): Promise<void>
  /** M0 becomes M again, under M's lock. Throws `bad-artifact` if M0 is damaged, `not-ready` if there is none. */
  rollback(name: string): Promise<void>
  /** What would rank now, without reading it: M, or M0 while M's lock is held; undefined where there is neither. */
  serving(name: string): Promise<ModelRow | undefined>
  /**
   * What ranks now, read and checked: M, or M0 while M's lock is held. A damaged M is repaired from M0.
   * Throws `not-ready` where there is no model, `bad-artifact` where both are damaged: download anew.
   */
  load(name: string): Promise<Stored>
  /** M itself, for training; the same fall-backs and failures as `load`. */
  base(name: string): Promise<Stored>
  /** All slots that exist, without bytes. */
  list(): Promise<ModelRow[]>
}

export function createModels({ db, locks, clock }: { db: Db } & Pick<Platform, 'locks' | 'clock'>): Models {
  const lockOf = (name: string) => `kindred:model:${name}`
  const exclusively = <T>(name: string, work: () => Promise<T>) => locks.request(lockOf(name), {}, work)
  const write = <T>(work: () => Promise<T>) => db.transaction('rw', db.models, db.blobs, work)

  /** Row and blob of one moment; undefined where there is none or it is damaged. */
  async function read(name: string, slot: Slot): Promise<Stored | undefined> {
    const [row, blob] = await db.transaction('r', db.models, db.blobs, () =>
      Promise.all([db.models.get([name, slot]), db.blobs.get([name, slot])]),
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

  const discard = (name: string) => write(() => remove(name, 'Mbuf'))

  async function flip(name: string): Promise<void> {
    const buffered = await read(name, 'Mbuf')
    const promised = await db.models.get([name, 'Mbuf'])
    const present = await db.models.get([name, 'M'])
    await discardUnless(
      buffered !== undefined || !promised,
      name,
      'bad-artifact',
      'The trained model is damaged.',
    )
    if (!buffered) throw new AppError('not-ready', 'There is no trained model to take over.')
    const { base, ...row } = buffered.row
    await discardUnless(present?.sha256 === base, name, 'version', 'The model changed while the round ran.')
    await write(async () => {
      await stillThere(buffered.row)
      await put({ ...row, slot: 'M', at: clock.now() }, buffered.bytes)
      await remove(name, 'Mbuf')
    })
  }

  /** The user may have erased everything since `row` was read: then nothing of it may come back. */
  async function stillThere({ name, slot, sha256 }: ModelRow): Promise<void> {
    if ((await db.models.get([name, slot]))?.sha256 !== sha256)
      throw new AppError('not-ready', 'The model was erased.')
  }

  async function discardUnless(good: boolean, name: string, code: 'bad-artifact' | 'version', why: string) {
    if (good) return
    await discard(name)
    throw new AppError(code, why)
  }

  async function restore(name: string): Promise<Stored> {
    const backup = await read(name, 'M0')
    if (!backup) {
      const promised = await db.models.get([name, 'M0'])
      if (promised) throw new AppError('bad-artifact', 'The delivered model is damaged on this device.')
      throw new AppError('not-ready', 'There is no model on this device yet.')
    }
    const row: ModelRow = { ...backup.row, slot: 'M', at: clock.now() }
    await write(async () => {
      await stillThere(backup.row)
      await put(row, backup.bytes)
    })
    return { row, bytes: backup.bytes }
  }

  /** M, repaired from M0 under the lock if it is damaged; somebody else may have repaired it meanwhile. */
  const base = async (name: string): Promise<Stored> =>
    (await read(name, 'M')) ?? (await exclusively(name, async () => (await read(name, 'M')) ?? restore(name)))

  return {
    async receive({ name, version, sha256, bytes }, also = async () => {}) {
      if ((await hash(bytes)) !== sha256)
        throw new AppError('bad-artifact', `The model ${name} does not have the hash that was promised.`)
      const row = { name, version, sha256, bytes: bytes.length, at: clock.now() }
      await exclusively(name, () =>
        db.transaction('rw', db.tables, async () => {
          await put({ ...row, slot: 'M' }, bytes)
          await put({ ...row, slot: 'M0' }, bytes)
          await remove(name, 'Mbuf')
          await also()
        }),
      )
    },

    async buffer(name, base, bytes) {
      const sha256 = await hash(bytes)
      await write(async () => {
        const present = await db.models.get([name, 'M'])
        if (present?.sha256 !== base) throw new AppError('version', 'The model changed while the round ran.')
        const { version } = present
        await put({ name, slot: 'Mbuf', version, sha256, bytes: bytes.length, at: clock.now(), base }, bytes)
      })
    },

    commit: (name) => exclusively(name, () => flip(name)),
    discard,
    rollback: (name) => exclusively(name, async () => void (await restore(name))),

    serving: (name) =>
      locks.request(lockOf(name), { mode: 'shared', ifAvailable: true }, async (lock) =>
        db.models.get([name, lock ? 'M' : 'M0']),
      ),

    async load(name) {
      const free = { mode: 'shared', ifAvailable: true } as const
      const found = await locks.request(lockOf(name), free, (lock) => read(name, lock ? 'M' : 'M0'))
      return found ?? base(name)
    },

    base,
    list: () => db.models.toArray(),
  }
}
