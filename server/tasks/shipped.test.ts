import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { draft } from '../../shared/tasks/fixtures.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { ship } from './shipped.ts'
import { openTasks, type Tasks } from './tasks.ts'

const NOW = Date.UTC(2026, 4, 1, 1)
const DAY = 86_400_000
const ada = { who: 'Ada', why: 'to see it work' }

let folder: string
let shipped: string
let store: Store
let tasks: Tasks
let now: number
let told: string[]
const clock = { now: () => now }

beforeEach(async () => {
  now = NOW
  told = []
  folder = mkdtempSync(join(tmpdir(), 'kindred-shipped-'))
  shipped = join(folder, 'shipped')
  put('filter', 'export const run = () => 1')
  put('rank', 'export const run = () => 2')
  store = openStore(join(folder, 'store'))
  await open()
})
afterEach(async () => {
  await tasks.close()
  await store.close()
  rmSync(folder, { recursive: true })
})

async function open() {
  tasks = await openTasks({ folder: join(folder, 'tasks'), store, clock })
}
function put(name: string, script: string) {
  mkdirSync(join(shipped, name), { recursive: true })
  writeFileSync(join(shipped, name, 'task.json'), JSON.stringify(draft({ name })))
  writeFileSync(join(shipped, name, 'script.js'), script)
}
const start = (release = '1.0.0') =>
  ship(tasks, { folder: shipped, release, clock, tell: (sentence) => told.push(sentence) })
const active = () =>
  tasks.releases
    .activeFor({ id: 'd' })
    .list.tasks.map(({ task, version }) => `${task} v${version}`)
    .sort()
const all = async () =>
  (await tasks.repository.log()).map(({ name, version }) => `${name} v${version}`).sort()
const approversKey = () => join(folder, 'tasks', 'keys', 'targets.json')

it('releases what ships to everybody, once, and says by whom and why', async () => {
  await start()
  expect(active()).toEqual(['filter v1', 'rank v1'])
  const entries = await tasks.releases.audit()
  const by = { who: 'Kindred', why: 'ships with Kindred 1.0.0' }
  expect(entries.map(({ who, why }) => ({ who, why }))).toEqual([by, by, by, by])
  expect(entries.map(({ change }) => change.type)).toEqual(['approve', 'release', 'approve', 'release'])
  await start()
  expect(await tasks.releases.audit()).toEqual(entries)
  expect([await all(), told]).toEqual([['filter v1', 'rank v1'], []])
})

it('of a later Kindred, is submitted where it is another, and is nobody’s until the operator says so', async () => {
  await start()
  put('rank', 'export const run = () => 3')
  await start('1.1.0')
  await start('1.1.0')
  expect(active()).toEqual(['filter v1', 'rank v1'])
  expect(await all()).toEqual(['filter v1', 'rank v1', 'rank v2'])
  expect(told).toEqual([
    expect.stringContaining('kindred task approve rank 2 --why "ships with Kindred 1.1.0"'),
  ])
  await tasks.approve('rank', 2, ada)
  await tasks.releases.change(
    { type: 'release', task: 'rank', version: 2, rule: { everyone: true }, stages: [{ percent: 100 }] },
    ada,
  )
  await start('1.1.0')
  expect(active()).toEqual(['filter v1', 'rank v2'])
})

it('leaves alone what the operator has made of it', async () => {
  await start()
  await tasks.submit(
    draft({ name: 'rank' }),
    { script: new TextEncoder().encode('export const run = () => 9') },
    ada,
  )
  const release = tasks.releases.board().releases.find(({ task }) => task === 'filter')!
  await tasks.releases.change({ type: 'revoke', release: release.id }, ada)
  await tasks.withdraw('filter', 1, ada)
  await start()
  expect(active()).toEqual(['rank v1'])
  expect(await all()).toEqual(['filter v1', 'rank v1', 'rank v2'])
})

it('leaves alone a task of the operator’s own that has the name of one', async () => {
  const files = { script: new TextEncoder().encode('export const run = () => 9') }
  await tasks.submit(draft({ name: 'rank' }), files, ada)
  await start()
  expect(active()).toEqual(['filter v1'])
  expect(told).toEqual([expect.stringContaining('rank v2 now, which no device has before you say so')])
})

it.each(['submitted', 'approved'])(
  'is released at the next start where a process ended once it was %s',
  async (step) => {
    const by = { who: 'Kindred', why: 'ships with Kindred 1.0.0' }
    await tasks.submit(
      draft({ name: 'rank' }),
      { script: new TextEncoder().encode('export const run = () => 2') },
      by,
    )
    if (step === 'approved') await tasks.approve('rank', 1, by)
    await tasks.close()
    await open()
    await start()
    expect(active()).toEqual(['filter v1', 'rank v1'])
  },
)

it('is told of, and does not keep the server from starting, where the approver’s key was taken away', async () => {
  renameSync(approversKey(), `${approversKey()}.away`)
  await tasks.close()
  await open()
  await start()
  expect(active()).toEqual([])
  expect(told).toHaveLength(2)
  expect(told[0]).toMatch(/filter that ships with Kindred is not released: The approver’s key is not here/)
  renameSync(`${approversKey()}.away`, approversKey())
  await tasks.close()
  await open()
  await start()
  expect(active()).toEqual(['filter v1', 'rank v1'])
})

it('counts for longer at each start where the approver’s key is here, and it is told where it is not', async () => {
  await start()
  const until = () => tasks.delivery.targets()!.document.expires
  expect(until()).toBe(NOW + 180 * DAY)
  now += 100 * DAY
  await start()
  expect(until()).toBe(NOW + 180 * DAY)
  now += 30 * DAY
  await start()
  expect(until()).toBe(now + 180 * DAY)
  renameSync(approversKey(), `${approversKey()}.away`)
  await tasks.close()
  await open()
  now += 170 * DAY
  await start()
  expect(told).toEqual([
    expect.stringMatching(/^What is approved counts until 2027-03-07, and cannot be renewed here: /),
  ])
})

it('that is not built is asked for with the command that builds it', async () => {
  rmSync(shipped, { recursive: true })
  await expect(start()).rejects.toThrow(/npm run build:tasks/)
})
