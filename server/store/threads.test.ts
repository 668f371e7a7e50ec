/** One store, many threads: what one empties, others read. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { madeOf, twoUsers } from './contract-kit.ts'
import { openStore } from './lmdb.ts'
import type { Store } from './store.ts'

const DAYS = 40
const READERS = 2
/** A worker thread does not inherit the loader that strips types. */
const boot = `import('tsx/esm/api').then(({ register }) => {
  register()
  return import(${JSON.stringify(new URL('./threads.child.ts', import.meta.url).href)})
})`

it('readers in other threads see a day whole or not at all, while days are filled and emptied', async () => {
  const path = mkdtempSync(join(tmpdir(), 'kindred-threads-'))
  const store = openStore(path)
  const users = await twoUsers(store)
  await day(store, users, 1)
  const readers = Array.from(
    { length: READERS },
    () => new Worker(boot, { eval: true, workerData: path, execArgv: [] }),
  )
  await Promise.all(readers.map((reader) => once(reader, 'message')))
  for (let today = 2; today <= DAYS; today++) {
    await day(store, users, today)
    await store.samples.dropBefore(today - 6)
    await store.mappings.dropBefore(today - 6)
    await new Promise(setImmediate)
  }
  const told = readers.map((reader) => once(reader, 'message'))
  for (const reader of readers) reader.postMessage('stop')
  for (const [found] of await Promise.all(told)) {
    expect(found).toMatchObject({ wrong: 0, missing: 0 })
    expect(found.rows).toBeGreaterThan(0)
  }
  // This thread still knows what there is.
  expect((await store.samples.owned()).ids).toHaveLength(7 * 2 * 300)
  await store.close()
  rmSync(path, { recursive: true })
})

/** Three hundred samples of each user, whose rows are their own numbers; and one of each mapped to the other. */
async function day(store: Store, users: readonly number[], today: number): Promise<void> {
  const first = await store.samples.next()
  let next = first
  const samples = () =>
    Array.from({ length: 300 }, (_, i) => {
      const row = Buffer.alloc(100)
      row.writeUInt32BE(next++)
      return { exposure: today * 1000 + i, day: today, row }
    })
  await store.samples.add(
    today,
    users.map((user) => madeOf(user, samples())),
  )
  await store.mappings.put(
    today,
    users.map((user) => ({ user, batches: [Uint32Array.of(first)], until: next })),
  )
}
