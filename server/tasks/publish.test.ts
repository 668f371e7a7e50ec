import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { activeList, apply, EMPTY } from '../../shared/release/releases.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { checkFiles, readManifest } from '../../shared/tasks/manifest.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import { approved, type Trusted, verify } from '../../shared/trust/verify.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { rootOf, rotate } from './keys.ts'
import { publishTasks, SNAPSHOT } from './publish.ts'
import { openTasks, type Tasks } from './tasks.ts'

const NOW = Date.UTC(2026, 4, 1, 1)
const DAY = 86_400_000
const ada = { who: 'Ada', why: 'to see it work' }

describe('tasks on a static host', () => {
  let folder: string
  let store: Store
  let tasks: Tasks
  let now: number
  beforeEach(async () => {
    now = NOW
    folder = mkdtempSync(join(tmpdir(), 'kindred-publish-'))
    store = openStore(join(folder, 'store'))
    tasks = await openTasks({ folder: join(folder, 'tasks'), store, clock: { now: () => now } })
    const model = text('weights')
    const second = draft({ models: { reads: [], writes: ['ranking'], initial: 'ranking' } })
    await tasks.repository.submit(draft(), { script: text('one') }, ada)
    await tasks.repository.submit(second, { script: text('two'), model }, ada)
    for (const version of [1, 2]) await tasks.approve('rank', version, ada)
    for (const [version, percent] of [
      [1, 100],
      [2, 30],
    ] as const)
      await tasks.releases.change(
        { type: 'release', task: 'rank', version, rule: { everyone: true }, stages: [{ at: NOW, percent }] },
        ada,
      )
  })
  afterEach(async () => {
    await tasks.close()
    await store.close()
    rmSync(folder, { recursive: true })
  })
  const site = () => join(folder, 'site')
  const file = (path: string) => new Uint8Array(readFileSync(join(site(), path)))
  const artifact = (hash: string) => file(`artifacts/${hash}`)

  /** As a device that has nothing but the files. */
  async function contact(trusted: Trusted, id: string, at = now, roots: Uint8Array<ArrayBuffer>[] = []) {
    const snapshot = file(SNAPSHOT)
    const { targets, list } = JSON.parse(new TextDecoder().decode(snapshot)).signed
    const update = { snapshot, targets: artifact(targets.sha256), list: artifact(list.sha256), roots }
    const next = await verify(trusted, update, { now: at, ed25519: byPlatform, device: id })
    if (next.list?.document.kind !== 'rules') throw new Error('these are no rules')
    const board = next.list.document.changes.reduce((board, change) => apply(board, change), EMPTY)
    return { trusted: next, tasks: activeList(board, { id }, at).tasks }
  }

  it('come out for each device as the server would say it, and all that they name is there', async () => {
    now += 1000
    const published = await publishTasks(tasks, site(), 7 * DAY)
    expect(published).toMatchObject({ files: 9, expires: now + 7 * DAY })
    const built = { root: rootOf(file('trust/1.root.json')) }
    const versions = new Set<number>()
    for (const id of Array.from({ length: 40 }, (_, i) => `device-${i}`)) {
      const { trusted, tasks: active } = await contact(built, id)
      expect(active).toEqual(tasks.releases.activeFor({ id }).list.tasks)
      for (const task of active) {
        const manifest = readManifest(artifact(approved(trusted, task).sha256))
        const model = manifest.model && artifact(manifest.model.sha256)
        await checkFiles(manifest, { script: artifact(manifest.script.sha256), model })
        versions.add(manifest.version)
      }
    }
    expect([...versions].sort()).toEqual([1, 2])
  })

  it('follow what is published later, not what was before; and expire', async () => {
    await publishTasks(tasks, site(), 7 * DAY)
    const [old, id] = [file(SNAPSHOT), 'd']
    const { trusted } = await contact({ root: rootOf(file('trust/1.root.json')) }, id)
    now += DAY
    await tasks.releases.change({ type: 'kill', task: 'rank' }, ada)
    await rotate(join(folder, 'tasks', 'keys'), null, { now: () => now })
    await publishTasks(tasks, site(), 7 * DAY)
    const after = await contact(trusted, id, now, [file('trust/2.root.json')])
    expect(after.tasks).toEqual([])
    const means = { now, ed25519: byPlatform, device: id }
    await expect(verify(after.trusted, { snapshot: old }, means)).rejects.toThrow(/was there before/)
    await expect(contact(after.trusted, id, now + 7 * DAY)).rejects.toThrow('The snapshot has expired.')
  })
})
