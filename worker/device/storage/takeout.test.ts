import fc from 'fast-check'
import { strToU8, unzipSync, zipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256 } from '../../../shared/hash.ts'
import { seeded } from '../../../shared/random.ts'
import { draft } from '../../../shared/tasks/fixtures.ts'
import { freshDb } from '../../testing/storage.ts'
import { createWorld, NOON, samplesOf, type World } from '../../testing/world.ts'
import { getState, putState } from './state.ts'
import type { Db } from './tables.ts'
import { bringIn, takeOut } from './takeout.ts'

let world: World
let from: Db
let to: Db
beforeEach(async () => {
  world = await createWorld()
  from = freshDb()
  to = freshDb()
})
afterEach(() => {
  from.close()
  to.close()
})

const uuid = (n: number) => `018cd9c0-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

/** What a device could hold: own samples and borrowed ones in every state, a task with its models, and what belongs to them. */
async function fill(db: Db, { own = 3, borrowed = 6, seed = 1 } = {}): Promise<void> {
  const { manifest, context, model, catalogueBytes } = world
  const random = seeded(seed)
  const { name } = manifest
  const row = { name, version: 1, sha256: manifest.model.sha256, bytes: model.length, at: NOON }
  await db.tasks.put({ name, etag: null, manifest })
  for (const slot of ['M', 'M0'] as const) {
    await db.models.put({ ...row, slot })
    await db.blobs.put({ name, slot, bytes: model })
  }
  await db.blobs.put({ name, slot: 'catalogue', bytes: catalogueBytes })
  const mine = samplesOf(context, 0, own, random)
  await db.local.bulkPut(mine.map((sample, i) => ({ ...sample, exposure: uuid(i) })))
  await db.history.bulkPut(
    mine.map(({ at }, i) => ({ type: 'exposure', id: uuid(i), at, item: `item-${i}` })),
  )
  await db.outbox.put({ type: 'behaviour', id: uuid(99), at: NOON, name: 'scrolled' })
  const states = ['unscored', 'classifying', 'filtered'] as const
  await db.matched.bulkPut(
    samplesOf(context, 3, borrowed, random).map((sample, order) => {
      const common = { ...sample, id: `m${order}`, order }
      const state = states[order % 3]!
      // The first was kept without a classifier.
      const score = order < 3 ? null : random.next()
      return state === 'filtered' ? { ...common, state, score } : { ...common, state }
    }),
  )
  await db.rows.put({
    table: 'item',
    id: 7,
    whole: manifest.model.sha256,
    values: new Float32Array([0.1, -2]),
    used: 3,
  })
  const groups = { name: 'taste/groups', slot: 'M', version: 2, bytes: 3, at: NOON } as const
  const bytes = new Uint8Array([seed % 256, 2, 3])
  await db.models.put({ ...groups, sha256: await sha256(bytes) })
  await db.blobs.put({ name: groups.name, slot: groups.slot, bytes })
  const run = { type: 'run', task: 'taste', version: 2, trigger: 'day', outcome: 'done', ms: 12 } as const
  await db.reports.bulkAdd([
    { ...run, at: NOON, upload: 'b6d1a0f4-3a52-4c1e-9a52-0d6a54b1c001' },
    { type: 'values', task: 'taste', version: 2, name: 'groups', values: { count: 0.1 * seed }, at: NOON },
  ])
  await putState(db, 'identity', { device: 'd', credential: 'a-credential-of-it' })
  await putState(db, 'counters', { delivered: 3, down: 2, up: 1 })
}
const contents = async (db: Db) =>
  Object.fromEntries(await Promise.all(db.tables.map(async (table) => [table.name, await table.toArray()])))

/** The zip with some files changed; the header knows of it unless `honest` is false. */
async function changed(change: Record<string, (bytes: Uint8Array) => Uint8Array | undefined>, honest = true) {
  const files = unzipSync(await takeOut(from, NOON))
  for (const [name, make] of Object.entries(change)) {
    const bytes = make(files[name]!)
    if (bytes) files[name] = Uint8Array.from(bytes)
    else delete files[name]
  }
  if (honest) {
    const header = JSON.parse(new TextDecoder().decode(files['kindred.json']))
    for (const name of Object.keys(header.files))
      if (files[name]) header.files[name] = await sha256(Uint8Array.from(files[name]))
    files['kindred.json'] = strToU8(JSON.stringify(header))
  }
  return zipSync(files)
}
const rows = (edit: (rows: Record<string, unknown>[]) => unknown) => (bytes: Uint8Array) => {
  const value = JSON.parse(new TextDecoder().decode(bytes))
  edit(value)
  return strToU8(JSON.stringify(value))
}

describe('taking out and bringing in', () => {
  test('is the identity on whatever a device holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ own: fc.nat(5), borrowed: fc.nat(9), seed: fc.nat(1000) }),
        async (holdings) => {
          const [one, other] = [freshDb(), freshDb()]
          await fill(one, holdings)
          await fill(other, { own: 2, borrowed: 2, seed: 5 })
          await bringIn(other, await takeOut(one, NOON))
          expect(await contents(other)).toEqual(await contents(one))
          one.close()
          other.close()
        },
      ),
      { numRuns: 15, seed: 1 },
    )
  })

  test('leaves out a round that is under way, and what is this browser’s own', async () => {
    await fill(from)
    const { name } = world.manifest
    await from.models.put({
      name,
      slot: 'Mbuf',
      version: 1,
      sha256: 'f'.repeat(64),
      bytes: 3,
      at: NOON,
      base: 'x',
    })
    await from.blobs.put({ name, slot: 'Mbuf', bytes: new Uint8Array(3) })
    const manifest = draft({ name: 'taste' }) as never
    const script = new Uint8Array(3)
    await from.delivered.put({ name: 'taste', version: 2, manifestSha256: '', manifest, script, at: NOON })
    await from.state.put({ key: 'trusted', value: {} })
    await putState(from, 'silentUntil', NOON)
    await bringIn(to, await takeOut(from, NOON))
    expect((await to.models.toArray()).map(({ slot }) => slot)).toEqual(['M', 'M', 'M0'])
    expect(await to.blobs.count()).toBe(4)
    expect([await to.delivered.count(), await to.state.get('trusted')]).toEqual([0, undefined])
    expect(await to.state.get('silentUntil')).toBeUndefined()
  })

  test('brings neither tasks nor trust nor a word that its data are the server’s, whatever it says', async () => {
    await fill(from)
    await from.tasks.toCollection().modify({ etag: '"1"', sha256: 'f'.repeat(64) })
    const by = (key: string) => ({ keys: [key.repeat(64)], threshold: 1 })
    const roles = { root: by('1'), targets: by('2'), snapshot: by('3') }
    const root = { type: 'root', version: 3, expires: NOON, roles } as const
    const trusted = { first: 'a'.repeat(64), root, etag: '"7"', ahead: 5 }
    await putState(to, 'trusted', trusted)
    const lying = await changed({
      'tables/tasks.json': rows(([row]) => Object.assign(row!, { etag: '"9"' })),
      'tables/state.json': rows((all) =>
        all.push({ key: 'trusted', value: { ...trusted, first: 'b'.repeat(64) } }),
      ),
    })
    await bringIn(to, lying)
    expect(await to.tasks.toArray()).toEqual([
      { name: world.manifest.name, etag: null, manifest: world.manifest },
    ])
    expect(await getState(to, 'trusted')).toEqual({ ...trusted, etag: null })
    expect(await to.delivered.count()).toBe(0)
  })

  test('of a device that has nothing yet works', async () => {
    await fill(to)
    await bringIn(to, await takeOut(from, NOON))
    expect(Object.values(await contents(to)).flat()).toEqual([])
  })

  test('is a zip that other programs read', async () => {
    await fill(from)
    const files = unzipSync(await takeOut(from, NOON))
    expect(Object.keys(files).sort()).toEqual(
      [
        ...['catalogue', 'M', 'M0', 'taste/groups/M'].map((name) => `blobs/${name}`),
        'kindred.json',
        ...[
          'outbox',
          'history',
          'local',
          'matched',
          'models',
          'rows',
          'tasks',
          'journal',
          'reports',
          'state',
        ].map((name) => `tables/${name}.json`),
      ].sort(),
    )
    expect(JSON.parse(new TextDecoder().decode(files['tables/outbox.json']))).toEqual([
      { type: 'behaviour', id: uuid(99), at: NOON, name: 'scrolled' },
    ])
  })
})

test('a file of the first format is brought in: it has nothing of tasks, and keys that serve no more', async () => {
  await fill(from)
  const reports = await from.reports.toArray()
  await from.models.where('name').equals('taste/groups').delete()
  const older = await changed({
    'kindred.json': (bytes) => {
      const header = JSON.parse(new TextDecoder().decode(bytes))
      delete header.files['tables/reports.json']
      return strToU8(JSON.stringify({ ...header, version: 1 }))
    },
    'tables/reports.json': () => undefined,
    'tables/state.json': rows((all) => all.push({ key: 'learnt', value: { day: 3 } })),
  })
  await bringIn(to, older)
  await from.blobs.where('[name+slot]').equals(['taste/groups', 'M']).delete()
  await from.reports.clear()
  expect(await contents(to)).toEqual(await contents(from))
  expect(reports).toHaveLength(2)
})

describe('a file is refused, and nothing has changed, when', () => {
  beforeEach(async () => {
    await fill(from)
    await fill(to, { own: 1, borrowed: 1, seed: 9 })
  })

  test.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['it is no zip', async () => strToU8('hello'), /no whole zip/],
    ['it is cut off', async () => (await takeOut(from, NOON)).slice(0, -30), /no whole zip/],
    ['it is another zip', async () => zipSync({ 'readme.txt': strToU8('hi') }), /kindred.json is missing/],
    ['a file is missing', () => changed({ 'blobs/M0': () => undefined }, false), /M0 is missing/],
    [
      'a byte of a model is wrong',
      () => changed({ 'blobs/M': (b) => b.map((x, i) => (i === 99 ? x ^ 1 : x)) }, false),
      /M is damaged/,
    ],
    [
      'a model is another one, header and all',
      () => changed({ 'blobs/M': (b) => b.map((x, i) => (i === 99 ? x ^ 1 : x)) }),
      /not what its row promises/,
    ],
    ['a table is not JSON', () => changed({ 'tables/local.json': () => strToU8('[') }), /not JSON/],
    [
      'a sample has other features',
      () => changed({ 'tables/local.json': rows(([row]) => Object.assign(row!, { ids: [1, 2] })) }),
      /features of its task/,
    ],
    [
      'a number is none',
      () => changed({ 'tables/local.json': rows(([row]) => Object.assign(row!, { dense: [null] })) }),
      /local/,
    ],
    [
      'a row has more than it should',
      () => changed({ 'tables/history.json': rows(([row]) => Object.assign(row!, { x: 1 })) }),
      /history/,
    ],
    [
      'a state does not fit',
      () => changed({ 'tables/state.json': rows(([row]) => Object.assign(row!, { value: 7 })) }),
      /State/,
    ],
    [
      'a task’s own model is another one',
      () => changed({ 'blobs/taste/groups/M': (b) => b.map((x) => x ^ 1) }),
      /taste\/groups\/M is not what its row promises/,
    ],
    [
      'a model would be nobody’s',
      () => changed({ 'tables/models.json': rows(([row]) => Object.assign(row!, { name: '../x' })) }),
      /not what its row promises/,
    ],
    ['samples have no task', () => changed({ 'tables/tasks.json': () => strToU8('[]') }), /no task/],
  ])('%s', async (_, make, message) => {
    const before = await contents(to)
    const error = await bringIn(to, await make()).catch((error) => error)
    expect(error).toMatchObject({ name: 'AppError', message: expect.stringMatching(message) })
    expect(await contents(to)).toEqual(before)
  })

  test('it was made by a newer Kindred, and the failure says so', async () => {
    const newer = await changed({
      'kindred.json': (bytes) =>
        strToU8(new TextDecoder().decode(bytes).replace('"version":2', '"version":3')),
    })
    await expect(bringIn(to, newer)).rejects.toMatchObject({ code: 'version' })
  })

  test('two rows have one key: then the transaction fails as a whole', async () => {
    const before = await contents(to)
    const doubled = await changed({ 'tables/history.json': rows((all) => all.push(all[0]!)) })
    await expect(bringIn(to, doubled)).rejects.toThrow()
    expect(await contents(to)).toEqual(before)
  })
})
