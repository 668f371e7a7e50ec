import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openStore } from '../../../store/lmdb.ts'
import { weigh } from './storage.ts'

it('weighs by hand: three samples of 10, 20 and 30 bytes, of which two users were given four', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kindred-weigh-'))
  const store = openStore(dir)
  const users = [
    await store.users.register('a', Buffer.alloc(32), 1),
    await store.users.register('b', Buffer.alloc(32), 1),
  ] as const
  const samples = [10, 20, 30].map((length, i) => ({ exposure: i, day: 1, row: new Uint8Array(length) }))
  const counted = { samples: 3, clicks: 1, sum: Float64Array.of(1) }
  await store.samples.add(1, [{ user: users[0], stamp: 0, settled: true, samples, counted }])
  const until = 3
  await store.mappings.put(1, [
    { user: users[0], batches: [Uint32Array.of(0, 2)], until },
    { user: users[1], batches: [Uint32Array.of(1), Uint32Array.of(2)], until },
  ])
  await store.close()
  const again = openStore(dir)
  expect(await weigh(again)).toEqual({
    samples: 3,
    matches: 2,
    matched: 4,
    own: 60,
    naive: 60 + 10 + 30 + 20 + 30,
    // One page each.
    disk: { samples: 4096, owners: 4096, mappings: 4096 },
  })
  await again.close()
  rmSync(dir, { recursive: true })
})
