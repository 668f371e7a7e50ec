import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventSchema, type KindredEvent } from '../../shared/event.ts'
import { decodeEvent, encodeEvent } from './event-row.ts'
import { eventKey, packIds, unpackIds } from './keys.ts'
import { openStore } from './lmdb.ts'
import { lockFolder } from './lock.ts'
import { storeContract } from './store.contract.ts'
import type { Store } from './store.ts'

const folder = () => mkdtempSync(join(tmpdir(), 'kindred-store-'))

storeContract('the lmdb store', async () => {
  const path = folder()
  let store: Store = openStore(path)
  return {
    store,
    async reopen() {
      await store.close()
      store = openStore(path)
      return store
    },
    async done() {
      await store.close()
      rmSync(path, { recursive: true })
    },
  }
})

const uuid7 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  bytes[6] = 0x70 | (bytes[6]! & 15)
  bytes[8] = 0x80 | (bytes[8]! & 63)
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
})
const text = (max: number, min = 1) => fc.string({ unit: 'grapheme', minLength: min, maxLength: max })
const head = { id: uuid7, at: fc.integer({ min: 0, max: 2 ** 47 }) }
const anyEvent: fc.Arbitrary<KindredEvent> = fc
  .oneof(
    fc.record({ type: fc.constant('exposure'), ...head, item: text(60) }),
    fc.record({ type: fc.constant('click'), ...head, item: text(60), exposure: uuid7 }),
    fc.record({ type: fc.constant('behaviour'), ...head, name: text(20) }),
    fc.record({ type: fc.constant('profile'), ...head, name: text(10), value: text(20, 0) }),
  )
  .map((event) => eventSchema.safeParse(event).data)
  .filter((event) => event !== undefined)

describe('rows and keys', () => {
  it('keep every event that the schema lets in', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        expect(decodeEvent(eventKey(1, event.id), encodeEvent(event))).toEqual(event)
      }),
      { seed: 1 },
    )
  })

  it('sort events by user, then by id', () => {
    fc.assert(
      fc.property(fc.nat(), uuid7, fc.nat(), uuid7, (user, id, other, otherId) => {
        const order = Math.sign(user - other) || (id < otherId ? -1 : id > otherId ? 1 : 0)
        expect(Buffer.compare(eventKey(user, id), eventKey(other, otherId))).toBe(order)
      }),
      { seed: 1 },
    )
  })

  it('pack any set of sample ids and give it back in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 32 - 1 })), (ids) => {
        expect([...unpackIds(packIds(ids))]).toEqual([...ids].sort((a, b) => a - b))
      }),
      { seed: 1 },
    )
  })
})

describe('the lock of a data folder', () => {
  it('lets one in at a time, and the next in when that one is done', async () => {
    const path = folder()
    const release = await lockFolder(path)
    await expect(lockFolder(path)).rejects.toMatchObject({ code: 'storage' })
    await release()
    await (await lockFolder(path))()
    rmSync(path, { recursive: true })
  })
})
