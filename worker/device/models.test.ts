import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256 } from '../../shared/hash.ts'
import { createLocks } from '../locks.ts'
import { freshDb, handClock } from '../testing/storage.ts'
import { type Db, eraseAll, type Slot } from './db.ts'
import { createModels, type Models } from './models.ts'
import { deferred } from './turns.ts'

const NAME = 'toy'
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
  await models.buffer(NAME, row.sha256, bytes)
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
    await expect(models.buffer(NAME, row.sha256, bytesOf(9))).rejects.toMatchObject({ code: 'version' })
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
    await eraseAll(db)
    await commit.catch(() => {})
    expect(await models.list()).toEqual([])
    expect(await db.blobs.count()).toBe(0)
  })
})

test('whatever happens, what is served is whole and expected, and M0 changes by delivery alone', async () => {
  type Op =
    | ['receive' | 'train', number]
    | ['commit' | 'discard' | 'rollback' | 'damageM' | 'restart' | 'lock']
  const op = fc.oneof(
    fc.tuple(fc.constantFrom('receive', 'train'), fc.nat(200)),
    fc.tuple(fc.constantFrom('commit', 'discard', 'rollback', 'damageM', 'restart', 'lock')),
  ) as fc.Arbitrary<Op>

  await fc.assert(
    fc.asyncProperty(fc.array(op, { maxLength: 14 }), async (ops) => {
      db.close()
      open()
      /** What ought to be there; null is a blob that was damaged. */
      let m: number | null | undefined
      let m0: number | undefined
      let mbuf: number | undefined
      const failing = (promise: Promise<unknown>) =>
        expect(promise).rejects.toMatchObject({ code: expect.any(String) })
      for (const [name, value] of ops) {
        switch (name) {
          case 'receive':
            await receive(bytesOf(value!, 1))
            m = m0 = value!
            mbuf = undefined
            break
          case 'train':
            if (m === undefined) await failing(bufferFromM(bytesOf(value!, 1)))
            else {
              await bufferFromM(bytesOf(value!, 1)) // repairs a damaged M first
              m ??= m0
              mbuf = value!
            }
            break
          case 'commit':
            if (mbuf === undefined) await failing(models.commit(NAME))
            else if (
              (await db.models.get([NAME, 'Mbuf']))!.base !== (await db.models.get([NAME, 'M']))!.sha256
            )
              await failing(models.commit(NAME))
            else {
              await models.commit(NAME)
              m = mbuf
            }
            mbuf = undefined
            break
          case 'discard':
            await models.discard(NAME)
            mbuf = undefined
            break
          case 'rollback':
            if (m0 === undefined) await failing(models.rollback(NAME))
            else {
              await models.rollback(NAME)
              m = m0
            }
            break
          case 'damageM':
            await damage('M')
            if (m !== undefined) m = null
            break
          case 'restart':
            locks = createLocks()
            models = createModels({ db, locks, clock: handClock(2000) })
            break
          case 'lock': {
            if (m0 === undefined) break
            const now = await locks.request(`kindred:model:${NAME}`, {}, () => models.load(NAME))
            expect(now.bytes[0]).toBe(m0)
            break
          }
        }
        if (name !== 'damageM' && m0 !== undefined) {
          expect((await models.load(NAME)).bytes[0]).toBe(m ?? m0)
          m ??= m0
        }
        expect(await stored('M0')).toEqual(m0 === undefined ? undefined : bytesOf(m0, 1))
        expect((await slots()).includes('Mbuf')).toBe(mbuf !== undefined)
      }
    }),
    { numRuns: 60, seed: 7 },
  )
})
