import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256 } from '../../../shared/hash.ts'
import { createLocks } from '../../locks.ts'
import { freshDb, handClock } from '../../testing/storage.ts'
import { deferred } from '../../turns.ts'
import { eraseAll } from '../storage/db.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db, Slot, Training } from '../storage/tables.ts'
import { createModels, type Models } from './models.ts'

const NAME = 'toy'
const ENDED: Training = { since: 0, seed: 1, of: 'this', ended: true, checkpoint: null }
const bytesOf = (...values: number[]) => Uint8Array.from(values)

let db: Db
let locks: ReturnType<typeof createLocks>
let models: Models

function open() {
  db = freshDb()
  locks = createLocks()
  models = createModels({ db, locks, clock: handClock(1000) })
}
beforeEach(open)
afterEach(() => db.close())

async function receive(bytes: Uint8Array<ArrayBuffer>, version = 1) {
  await models.receive({ name: NAME, version, sha256: await sha256(bytes), bytes })
}
async function bufferFromM(bytes: Uint8Array<ArrayBuffer>) {
  const { row } = await models.base(NAME)
  await models.buffer(NAME, row.sha256, bytes, ENDED)
}
const stored = async (slot: Slot) => (await db.blobs.get([NAME, slot]))?.bytes
const slots = async () => (await models.list()).map(({ slot }) => slot).sort()

/** Flips one bit of a stored blob, as a failing disk would. */
async function damage(slot: Slot) {
  await db.blobs
    .where('[name+slot]')
    .equals([NAME, slot])
    .modify((row) => {
      const bytes = row.bytes.slice()
      bytes[0]! ^= 1
      Object.assign(row, { bytes })
    })
}

describe('Figure 6, step by step', () => {
  test('a delivered model is M and M0, and M serves', async () => {
    await receive(bytesOf(1, 2, 3))
    expect(await slots()).toEqual(['M', 'M0'])
    expect(await models.serving(NAME)).toMatchObject({ slot: 'M', version: 1 })
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1, 2, 3))
  })

  test('a model without the promised hash is refused and changes nothing', async () => {
    await receive(bytesOf(1))
    const lie = { name: NAME, version: 2, sha256: await sha256(bytesOf(2)), bytes: bytesOf(3) }
    await expect(models.receive(lie)).rejects.toMatchObject({ code: 'bad-artifact' })
    expect((await models.load(NAME)).row.version).toBe(1)
  })

  test('a better model goes through Mbuf to M; M0 stays; then there is no Mbuf', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    expect(await slots()).toEqual(['M', 'M0', 'Mbuf'])
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
    await models.commit(NAME)
    expect(await slots()).toEqual(['M', 'M0'])
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(9))
    expect(await stored('M0')).toEqual(bytesOf(1))
  })

  test('a worse model is discarded', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    await models.discard(NAME)
    expect(await slots()).toEqual(['M', 'M0'])
    await expect(models.commit(NAME)).rejects.toMatchObject({ code: 'not-ready' })
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
  })

  test('what is still being trained never becomes M', async () => {
    await receive(bytesOf(1))
    const { row } = await models.base(NAME)
    await models.buffer(NAME, row.sha256, bytesOf(9), { ...ENDED, ended: false })
    await expect(models.commit(NAME)).rejects.toMatchObject({ code: 'not-ready' })
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
    expect((await models.buffered(NAME))!.bytes).toEqual(bytesOf(9))
  })

  test('a commit and what belongs to it happen both or not at all', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    const failing = models.commit(NAME, async () => {
      await putState(db, 'cutUpTo', 'x')
      throw new Error('the disk is full')
    })
    await expect(failing).rejects.toThrow('full')
    expect(await slots()).toEqual(['M', 'M0', 'Mbuf'])
    expect(await getState(db, 'cutUpTo')).toBeUndefined()
    await models.commit(NAME, () => putState(db, 'cutUpTo', 'x'))
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(9))
    expect(await getState(db, 'cutUpTo')).toBe('x')
  })

  test('rollback makes M0 the model in use again', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    await models.commit(NAME)
    await models.rollback(NAME)
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
  })

  test('while M is locked M0 serves, and M again afterwards', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    await models.commit(NAME)
    const gate = deferred<void>()
    const held = locks.request(`kindred:model:${NAME}`, {}, () => gate.promise)
    expect(await models.serving(NAME)).toMatchObject({ slot: 'M0' })
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
    gate.resolve()
    await held
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(9))
  })
})

describe('faults', () => {
  test('a damaged M is never served: M0 serves, and M is repaired from it', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    await models.commit(NAME)
    await damage('M')
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
    expect(await stored('M')).toEqual(bytesOf(1))
  })

  test('a damaged M0 does not harm a whole M, and is not changed', async () => {
    await receive(bytesOf(1))
    await damage('M0')
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
    expect(await stored('M0')).toEqual(bytesOf(0))
    await expect(models.rollback(NAME)).rejects.toMatchObject({ code: 'bad-artifact' })
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
  })

  test('with both damaged nothing is served, until the model is delivered anew', async () => {
    await receive(bytesOf(1))
    await damage('M')
    await damage('M0')
    await expect(models.load(NAME)).rejects.toMatchObject({ code: 'bad-artifact' })
    await receive(bytesOf(1))
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
  })

  test('without any model, loading says that there is none yet', async () => {
    await expect(models.load(NAME)).rejects.toMatchObject({ code: 'not-ready' })
    expect(await models.serving(NAME)).toBeUndefined()
  })

  test('a damaged buffer is never committed', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    await damage('Mbuf')
    await expect(models.commit(NAME)).rejects.toMatchObject({ code: 'bad-artifact' })
    expect(await slots()).toEqual(['M', 'M0'])
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
  })

  test('what was trained from a model that has been replaced is refused', async () => {
    await receive(bytesOf(1))
    const { row } = await models.base(NAME)
    await receive(bytesOf(2), 2)
    await expect(models.buffer(NAME, row.sha256, bytesOf(9), ENDED)).rejects.toMatchObject({
      code: 'version',
    })
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(2))
  })

  test('a flip that fails half-way leaves the old M whole', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    db.blobs.hook('deleting', () => {
      throw new Error('the disk is full')
    })
    await expect(models.commit(NAME)).rejects.toThrow()
    expect((await models.load(NAME)).bytes).toEqual(bytesOf(1))
    expect(await slots()).toEqual(['M', 'M0', 'Mbuf'])
  })

  test('after everything was erased, a commit that was on its way brings nothing back', async () => {
    await receive(bytesOf(1))
    await bufferFromM(bytesOf(9))
    const commit = models.commit(NAME)
    await eraseAll(db, [])
    await commit.catch(() => {})
    expect(await models.list()).toEqual([])
    expect(await db.blobs.count()).toBe(0)
  })
})
