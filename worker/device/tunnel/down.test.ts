/** What comes down: as it was promised, or not at all. */
import { beforeEach, describe, expect, test } from 'vitest'
import { sha256 as hash, reprDigest } from '../../../shared/hash.ts'
import { dataBytes } from '../../../shared/task.ts'
import { way } from '../../testing/way.ts'
import { batchesFor, createWorld, html, problem } from '../../testing/world.ts'

const here = way()
const { answer } = here

test('the task comes once, and is unchanged after that', async () => {
  const first = await here.tunnel.task(null)
  const sha256 = await hash(dataBytes(here.world.manifest))
  expect(first).toEqual({ state: 'new', manifest: here.world.manifest, etag: '"1"', sha256 })
  expect(await here.tunnel.task('"1"')).toEqual({ state: 'unchanged' })
  here.server.world = undefined
  expect(await here.tunnel.task('"1"')).toEqual({ state: 'none' })
})

test('a task of another shape is refused', async () => {
  answer('GET /api/task', () => Response.json({ ...here.world.manifest, version: 'new' }))
  await expect(here.tunnel.task(null)).rejects.toMatchObject({ code: 'bad-input', message: /version/ })
})

test('an artifact is what was promised', async () => {
  expect(await here.tunnel.artifact(here.world.manifest.model)).toEqual(here.world.model)
})

test.each([
  ['truncated', () => new Response(here.world.model.slice(0, -1)), 'bad-artifact'],
  ['too long', () => new Response(new Uint8Array(here.world.model.length + 5)), 'bad-artifact'],
  [
    'of the right length with a flipped bit',
    () => new Response(here.world.model.map((b, i) => (i === 9 ? b ^ 1 : b))),
    'bad-artifact',
  ],
  ['a portal’s page', () => html(), 'offline'],
  ['missing', () => problem(404, 'No such artifact'), 'refused'],
])('an artifact that is %s is refused', async (_, make, code) => {
  answer('GET /artifacts', make, 2)
  await expect(here.tunnel.artifact(here.world.manifest.model)).rejects.toMatchObject({ code })
})

test('a damaged copy in a cache is passed by: the second try is good', async () => {
  answer('GET /artifacts', () => new Response(here.world.model.slice(0, -1)))
  expect(await here.tunnel.artifact(here.world.manifest.model)).toEqual(here.world.model)
})

test('batches decode to their samples, and come again the same', async () => {
  here.server.batches = batchesFor(here.world, { count: 2 })
  expect(await here.tunnel.batches()).toEqual({ day: 100, count: 2, state: 'ready' })
  const { samples, bytes } = await here.tunnel.batch(here.world.manifest.schema, 100, 1)
  expect(samples).toHaveLength(25)
  expect(bytes).toBe(here.server.batches[1]!.length)
  expect(await here.tunnel.batch(here.world.manifest.schema, 100, 1)).toEqual({ samples, bytes })
})

test.each([
  ['truncated', (bytes: Uint8Array) => bytes.slice(0, bytes.length / 2)],
  ['too long', () => new Uint8Array((256 << 10) + 1)],
  ['noise', () => Uint8Array.from({ length: 300 }, (_, i) => (i * 31) % 256)],
])('a batch that is %s is refused', async (_, spoil) => {
  here.server.batches = batchesFor(here.world, { count: 1 })
  const spoiled = spoil(here.server.batches[0]!)
  answer('GET /api/batches/100/0', () => new Response(new Uint8Array(spoiled)))
  await expect(here.tunnel.batch(here.world.manifest.schema, 100, 0)).rejects.toMatchObject({
    code: /bad-(input|artifact)/,
  })
})

describe('embedding rows', async () => {
  const ids = [0, 1, 7, 99]
  const ask = () => here.tunnel.rows({ table: 'item', sha256: here.world.manifest.sliced!.item!, ids }, 8)
  beforeEach(async () => {
    here.world = await createWorld({ vocabulary: 100 })
    here.server.world = here.world
  })

  test('are those of the table, in the order asked for', async () => {
    const { data } = here.world.weights['embedding.item']!
    expect([...(await ask())!]).toEqual(ids.flatMap((id) => [...data.subarray(id * 8, (id + 1) * 8)]))
  })

  test('of a table that the server has no more are none', async () => {
    answer('POST /api/rows', () => problem(404, 'No such table'))
    expect(await ask()).toBeNull()
  })

  const rows = (bytes: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
    new Response(bytes, { headers })
  const full = new Uint8Array(4 * 8 * 4)
  const digest = await reprDigest(full)
  const nan = new Uint8Array(Float32Array.from({ length: 32 }, (_, i) => (i === 9 ? Number.NaN : 1)).buffer)
  const nanDigest = await reprDigest(nan)
  test.each([
    ['without a digest', () => rows(full, {}), 'bad-artifact'],
    ['with the digest of something else', () => rows(full, { 'repr-digest': nanDigest }), 'bad-artifact'],
    ['that are too few', () => rows(full.slice(4), { 'repr-digest': digest }), 'bad-artifact'],
    ['that are too many', () => rows(new Uint8Array(129), { 'repr-digest': digest }), 'bad-artifact'],
    ['that are not finite', () => rows(nan, { 'repr-digest': nanDigest }), 'bad-artifact'],
    ['that are a page', () => html(), 'offline'],
    ['that are refused', () => problem(400, 'No such row'), 'refused'],
  ])('%s are none', async (_, make, code) => {
    answer('POST /api/rows', make)
    await expect(ask()).rejects.toMatchObject({ code })
  })

  test('may have other digests beside the one that is checked', async () => {
    answer('POST /api/rows', () => rows(full, { 'repr-digest': `sha-512=:AAAA:, ${digest}` }))
    expect(await ask()).toEqual(new Float32Array(32))
  })
})
