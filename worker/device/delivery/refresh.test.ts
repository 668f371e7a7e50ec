/** Data and tasks come side by side, and no data without somebody who vouches for them. */
import { expect, test } from 'vitest'
import { hashes, LEARNING, rank, stage, status } from '../../testing/stage.ts'
import { createWorld, problem } from '../../testing/world.ts'
import { deferred } from '../../turns.ts'

const here = stage()
const { read, start } = here
const later = () => here.clock.move(60_000)
const count = (path: string) => here.server.count(path)

test('a first visit asks for both at once, and fetches what the data name while it waits to hear who vouches for them', async () => {
  const asked = deferred<void>()
  const fetched = deferred<void>()
  const { model } = here.world.manifest
  here.server.before = async (_, path) => {
    if (path === '/api/active') {
      asked.resolve()
      await fetched.promise
    }
    if (path === '/api/task') await asked.promise
    if (path === `/artifacts/${model.sha256}`) fetched.resolve()
    return undefined
  }
  const device = await start()
  await device.contact()
  expect((await status(device)).tasks.map(({ name }) => name)).toEqual(['filter', 'rank', 'train'])
  expect(await rank(device)).toHaveLength(60)
  expect(count('GET /api/roots')).toBe(0)
})

test('data that nobody vouches for are asked for once more, and refused; the device goes on with what it has', async () => {
  const device = await start()
  await device.contact()
  const before = await status(device)
  const feed = await rank(device)
  const evil = await createWorld({ ...LEARNING, version: 2 })
  here.server.before = (_, path) =>
    path === '/api/task' ? Response.json(evil.manifest, { headers: { etag: '"2"' } }) : undefined
  const asked = count('GET /api/task')
  later()
  await expect(device.contact()).rejects.toMatchObject({ code: 'bad-artifact' })
  expect(count('GET /api/task') - asked).toBe(2)
  const after = await status(device)
  expect([after.task, hashes(after)]).toEqual([before.task, hashes(before)])
  expect(after.failure).toMatchObject({ code: 'bad-artifact' })
  expect(await rank(device)).toEqual(feed)
})

test('data that nobody vouches for are no device’s first', async () => {
  here.server.before = (_, path) => (path === '/api/active' ? problem(503, 'Nothing is approved') : undefined)
  const device = await start()
  await expect(device.contact()).rejects.toMatchObject({ code: 'refused' })
  expect((await status(device)).task).toBeNull()
  here.server.before = () => undefined
  await device.contact()
  expect((await status(device)).task).toEqual({ name: 'toy', version: 1 })
})

test('a release that comes between the two answers is taken up all the same', async () => {
  const device = await start()
  await device.contact()
  const next = await createWorld({ ...LEARNING, version: 2 })
  let active = 0
  const signed = deferred<void>()
  here.server.after = (_, path, response) => {
    if (path === '/api/active') signed.resolve()
    return response
  }
  here.server.before = async (_, path) => {
    if (path === '/api/active') active++
    // The snapshot was signed before it, the data are asked for after it.
    if (path === '/api/task' && here.server.world !== next) {
      await signed.promise
      here.server.world = next
    }
    return undefined
  }
  later()
  await device.contact()
  expect((await status(device)).task).toEqual({ name: 'toy', version: 2 })
  expect(active).toBe(2)
})

test('an answer that nothing has changed does not hold new data back for ever', async () => {
  const device = await start()
  await device.contact()
  here.server.world = await createWorld({ ...LEARNING, version: 2 })
  here.server.before = (_, path) =>
    path === '/api/task' ? new Response(null, { status: 304, headers: { etag: '"1"' } }) : undefined
  later()
  await expect(device.contact()).rejects.toMatchObject({ code: 'bad-artifact' })
  expect((await status(device)).task).toEqual({ name: 'toy', version: 1 })
})

test('where only the tasks fail, everything else goes on, and it is told', async () => {
  const device = await start()
  await device.contact()
  await read(device, 10)
  here.server.before = (_, path) => (path === '/api/active' ? problem(503, 'Nothing is approved') : undefined)
  later()
  await device.contact()
  const { failure, rounds, events, tasks } = await status(device)
  expect(failure).toMatchObject({ code: 'refused' })
  expect([events.waiting, tasks.length, rounds.length]).toEqual([0, 3, 1])
  here.server.before = () => undefined
  later()
  await device.contact()
  expect((await status(device)).failure).toBeNull()
})
