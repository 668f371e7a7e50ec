import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sha256 } from '../../shared/hash.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { openTasks, type Tasks } from './tasks.ts'

const DAY = 86_400_000
const ada = { who: 'Ada', why: 'to see it work' }
let folder: string
let store: Store
let tasks: Tasks
let now: number
beforeEach(async () => {
  now = Date.now()
  folder = mkdtempSync(join(tmpdir(), 'kindred-prune-'))
  store = openStore(join(folder, 'store'))
  tasks = await openTasks({ folder: join(folder, 'tasks'), store, clock: { now: () => now } })
  for (const n of [1, 2, 3])
    await tasks.submit(draft(), { script: text(`export const run = () => ${n}`) }, ada)
})
afterEach(async () => {
  await tasks.close()
  await store.close()
  rmSync(folder, { recursive: true })
})

const artifacts = () => join(folder, 'tasks', 'artifacts')
const files = () => new Set(readdirSync(artifacts()).map((name) => name.replace(/\.gz$/, '')))
const namesOf = async (version: number) => {
  const manifest = await tasks.delivery.manifestOf('rank', version)
  return [manifest, (await tasks.repository.read('rank', version)).manifest.script.sha256]
}
/** As if everything had been written long ago. */
function age(days: number) {
  const at = (now - days * DAY) / 1000
  for (const name of readdirSync(artifacts())) utimesSync(join(artifacts(), name), at, at)
}

it('lets go what was withdrawn a month ago, and earlier targets; what is approved stays for ever', async () => {
  for (const version of [1, 2]) await tasks.approve('rank', version, ada)
  const [old, kept] = [await namesOf(1), await namesOf(2)]
  await tasks.withdraw('rank', 1, ada)
  age(400)
  expect(await tasks.prune()).toBe(0)
  now += 29 * DAY
  expect(await tasks.prune()).toBe(0)
  expect(files()).toEqual(new Set([...files(), ...old]))
  now += DAY
  // The manifest and the script of v1, and the targets of the first two approvals.
  expect(await tasks.prune()).toBe(4)
  for (const name of old) expect(await tasks.artifact(name)).toBeUndefined()
  now += 400 * DAY
  expect(await tasks.prune()).toBe(0)
  const targets = await sha256(tasks.delivery.targets()!.bytes)
  expect(files()).toEqual(new Set([...kept, targets]))
  for (const name of kept) expect(await tasks.artifact(name)).toBeDefined()
})

it('counts the month anew for what was approved in between, and for what is written again', async () => {
  await tasks.approve('rank', 1, ada)
  await tasks.approve('rank', 2, ada)
  await tasks.withdraw('rank', 1, ada)
  await tasks.prune()
  now += 20 * DAY
  await tasks.approve('rank', 1, ada)
  const [manifest] = await namesOf(1)
  await tasks.prune()
  await tasks.withdraw('rank', 1, ada)
  age(400)
  now += 20 * DAY
  await tasks.prune()
  expect(await tasks.artifact(manifest!)).toBeDefined()
  now += 31 * DAY
  // An approval is under way: its files are there, and no targets name them yet.
  age(0)
  expect(await tasks.prune()).toBe(0)
  expect(await tasks.artifact(manifest!)).toBeDefined()
})

it('removes nothing before anything is approved, nor where a manifest that is approved cannot be read', async () => {
  expect(await tasks.prune()).toBe(0)
  await tasks.approve('rank', 1, ada)
  await tasks.approve('rank', 2, ada)
  const [manifest] = await namesOf(2)
  await tasks.withdraw('rank', 1, ada)
  age(400)
  await tasks.prune()
  now += 31 * DAY
  const before = files()
  rmSync(join(artifacts(), manifest!))
  expect(await tasks.prune()).toBe(0)
  writeFileSync(join(artifacts(), manifest!), 'something else')
  await expect(tasks.prune()).rejects.toMatchObject({ code: 'bad-artifact' })
  expect(files()).toEqual(before)
  expect(existsSync(join(folder, 'tasks', 'unnamed.json'))).toBe(true)
})
