import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sha256 } from '../../shared/hash.ts'
import { activeList, apply, EMPTY } from '../../shared/release/releases.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { checkFiles, readManifest } from '../../shared/tasks/manifest.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import { approved, type Trusted, verify } from '../../shared/trust/verify.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { rootOf, rotate } from './keys.ts'
import { publish, SNAPSHOT } from './publish.ts'
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
    const published = await publish({ tasks }, site(), { lifeMs: 7 * DAY })
    // Two manifests, two scripts, a model, targets, list: each also compressed; a root, which the newest is, the snapshot, headers.
    expect(published).toMatchObject({ files: 18, written: 18, removed: 0, expires: now + 7 * DAY })
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
    await publish({ tasks }, site(), { lifeMs: 7 * DAY })
    const [old, id] = [file(SNAPSHOT), 'd']
    const { trusted } = await contact({ root: rootOf(file('trust/1.root.json')) }, id)
    now += DAY
    await tasks.releases.change({ type: 'kill', task: 'rank' }, ada)
    await rotate(join(folder, 'tasks', 'keys'), null, { now: () => now })
    await publish({ tasks }, site(), { lifeMs: 7 * DAY })
    const after = await contact(trusted, id, now, [file('trust/2.root.json')])
    expect(after.tasks).toEqual([])
    const means = { now, ed25519: byPlatform, device: id }
    await expect(verify(after.trusted, { snapshot: old }, means)).rejects.toThrow(/was there before/)
    await expect(contact(after.trusted, id, now + 7 * DAY)).rejects.toThrow(/The snapshot has expired/)
  })

  const files = () =>
    readdirSync(site(), { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name).slice(site().length + 1))
      .sort()
  const options = () => ({ lifeMs: 7 * DAY, clock: { now: () => now } })
  const release = (version: number) =>
    tasks.releases.change(
      {
        type: 'release',
        task: 'rank',
        version,
        rule: { everyone: true },
        stages: [{ at: now, percent: 100 }],
      },
      ada,
    )

  it('are named by their content', async () => {
    await publish({ tasks }, site(), options())
    for (const name of readdirSync(join(site(), 'artifacts'))) {
      if (name.endsWith('.gz')) continue
      expect(await sha256(artifact(name))).toBe(name)
    }
    const { script } = readManifest(artifact(await tasks.delivery.manifestOf('rank', 1)))
    expect(artifact(script.sha256)).toEqual(text('one'))
  })

  it('published once more are written as far as they are new, or damaged', async () => {
    await publish({ tasks }, site(), options())
    now += DAY
    // The same with a later time: the snapshot alone.
    expect(await publish({ tasks }, site(), options())).toMatchObject({ files: 18, written: 1 })
    const { script } = readManifest(artifact(await tasks.delivery.manifestOf('rank', 1)))
    writeFileSync(join(site(), 'artifacts', script.sha256), 'half')
    expect(await publish({ tasks }, site(), options())).toMatchObject({ written: 1 })
    expect(artifact(script.sha256)).toEqual(text('one'))
    now += DAY
    await release(1)
    // The list, also compressed, and the snapshot.
    expect(await publish({ tasks }, site(), options())).toMatchObject({ written: 3 })
  })

  it('that could not all be written are served as they were before', async () => {
    await publish({ tasks }, site(), options())
    const [id, trusted] = ['d', { root: rootOf(file('trust/1.root.json')) }]
    const before = await contact(trusted, id)
    await tasks.repository.submit(draft(), { script: text('three') }, ada)
    await tasks.approve('rank', 3, ada)
    now += DAY
    await release(3)
    const { script } = (await tasks.repository.read('rank', 3)).manifest
    const dying: typeof tasks = {
      ...tasks,
      artifact: (hash) => {
        if (hash === script.sha256) throw new Error('the power is gone')
        return tasks.artifact(hash)
      },
    }
    await expect(publish({ tasks: dying }, site(), options())).rejects.toThrow('the power is gone')
    expect(await contact(trusted, id)).toEqual(before)
    expect(files().filter((path) => path.endsWith('.part'))).toEqual([])
    await publish({ tasks }, site(), options())
    expect((await contact(trusted, id)).tasks).toMatchObject([{ version: 3 }])
  })

  it('published without the app leave one that was published before where it is, also when it is tidied up', async () => {
    const dist = join(folder, 'dist')
    mkdirSync(join(dist, 'assets'), { recursive: true })
    for (const [path, content] of [
      ['index.html', '<head></head>'],
      ['sw.js', '[{"revision":"1","url":"index.html"}]'],
      ['assets/a-1.js', 'a'],
    ] as const)
      writeFileSync(join(dist, path), content)
    await publish({ tasks }, site(), { ...options(), app: { dist, root: 'ab'.repeat(32) } })
    const before = files()
    for (let day = 0; day < 3; day++) {
      now += DAY
      await publish({ tasks }, site(), { ...options(), keep: 1 })
    }
    expect(files()).toEqual(before)
  })

  it('that none of the last publications has are removed on request, and nothing that is not ours', async () => {
    mkdirSync(site())
    writeFileSync(join(site(), 'robots.txt'), 'ours to keep')
    await publish({ tasks }, site(), options())
    const first = files()
    for (let day = 1; day <= 3; day++) {
      now += DAY
      await release(1 + (day % 2))
      await publish({ tasks }, site(), options())
    }
    const all = files()
    expect(all.filter((path) => !first.includes(path))).toHaveLength(3 * 2)
    now += DAY
    const { removed } = await publish({ tasks }, site(), { ...options(), keep: 2 })
    // Lists of the first three publications; the fourth and the fifth have the same.
    expect(removed).toBe(3 * 2)
    expect(files()).toEqual(all.filter((path) => existsSync(join(site(), path))))
    expect(files()).toContain('robots.txt')
    const { tasks: active } = await contact({ root: rootOf(file('trust/1.root.json')) }, 'd')
    expect(active).toMatchObject([{ version: 2 }])
  })
})
