import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bucketOf } from '../../shared/release/bucket.ts'
import type { Order } from '../../shared/release/changes.ts'
import type { Active } from '../../shared/release/releases.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { checkFiles, readManifest } from '../../shared/tasks/manifest.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import { approved, type Trusted, verify } from '../../shared/trust/verify.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { rootOf } from './keys.ts'
import { openTasks, type Tasks } from './tasks.ts'

const NOW = Date.UTC(2026, 4, 1, 1)
const HOUR = 3_600_000
const ada = { who: 'Ada', why: 'to see it work' }
let now: number
const clock = { now: () => now }
let folder: string
let store: Store
let tasks: Tasks
beforeEach(async () => {
  now = NOW
  folder = mkdtempSync(join(tmpdir(), 'kindred-tasks-'))
  await open()
})
afterEach(async () => {
  await close()
  rmSync(folder, { recursive: true })
})
async function open(): Promise<void> {
  store = openStore(join(folder, 'store'))
  tasks = await openTasks({ folder: join(folder, 'tasks'), store, clock })
}
async function close(): Promise<void> {
  await tasks.close()
  await store.close()
}

/** A device that trusts nothing but the root it was built with, and fetches by hash. */
interface Device {
  readonly id: string
  trusted: Trusted
  /** By task, of what is active: its version, and the script that would run. */
  scripts: Record<string, string>
}
async function device(id: string): Promise<Device> {
  await store.users.register(id, Buffer.alloc(32, id.length), 0)
  return { id, trusted: { root: rootOf((await tasks.root(1))!) }, scripts: {} }
}
const fetched = async (sha256: string) => new Uint8Array((await tasks.artifact(sha256))!.bytes)

async function contact(one: Device): Promise<void> {
  const { snapshot, list } = await tasks.contact({ id: one.id })
  const named = JSON.parse(new TextDecoder().decode(snapshot)).signed.targets.sha256
  const targets = one.trusted.targets?.sha256 === named ? undefined : await fetched(named)
  one.trusted = await verify(
    one.trusted,
    { snapshot, list, targets },
    { now, ed25519: byPlatform, device: one.id },
  )
  const { document } = one.trusted.list!
  const active: Active[] = document.kind === 'device' ? document.tasks : []
  one.scripts = {}
  for (const task of active) {
    const manifest = readManifest(await fetched(approved(one.trusted, task).sha256))
    const script = await fetched(manifest.script.sha256)
    await checkFiles(manifest, { script })
    one.scripts[task.task] = `v${manifest.version} ${new TextDecoder().decode(script)}`
  }
}

const release = (version: number, percent: number): Order => ({
  type: 'release',
  task: 'rank',
  version,
  rule: { everyone: true },
  salt: 'salt',
  stages: [{ at: NOW, percent }],
})

describe('from an engineer to devices', () => {
  it('v2 goes to a fifth of them, fails, is revoked, and all are back on v1 at their next contact', async () => {
    for (const script of ['good', 'bad'])
      await tasks.repository.submit(draft(), { script: text(script) }, ada)
    await tasks.approve('rank', 1, ada)
    await tasks.releases.change(release(1, 100), ada)
    const names = Array.from({ length: 60 }, (_, i) => `device-${i}`)
    const early = await device(names.find((id) => bucketOf(id, 'salt') < 20)!)
    const late = await device(names.find((id) => bucketOf(id, 'salt') > 20)!)
    const all = async () => {
      now += HOUR
      for (const one of [early, late]) await contact(one)
      return [early.scripts.rank, late.scripts.rank]
    }
    expect(await all()).toEqual(['v1 good', 'v1 good'])

    await expect(tasks.releases.change(release(2, 20), ada)).rejects.toThrow('rank v2 is not approved.')
    await tasks.approve('rank', 2, { who: 'Grace', why: 'read it' })
    expect(await tasks.releases.dryRun(release(2, 20))).toMatchObject({ devices: 2, reaches: 1 })
    const { n } = await tasks.releases.change(release(2, 20), ada)
    expect(await all()).toEqual(['v2 bad', 'v1 good'])

    await close()
    await open()
    expect(await all()).toEqual(['v2 bad', 'v1 good'])
    await tasks.releases.change({ type: 'revoke', release: n }, { who: 'Ada', why: 'it is bad' })
    expect(await all()).toEqual(['v1 good', 'v1 good'])
    const said = (await tasks.releases.audit()).map(({ who, change }) => `${who} ${change.type}`)
    expect(said).toEqual(['Ada approve', 'Ada release', 'Grace approve', 'Ada release', 'Ada revoke'])
  })

  it('a kill takes it from everybody', async () => {
    await tasks.repository.submit(draft(), { script: text('good') }, ada)
    await tasks.approve('rank', 1, ada)
    await tasks.releases.change(release(1, 100), ada)
    const one = await device('d')
    await contact(one)
    expect(Object.keys(one.scripts)).toEqual(['rank'])
    await tasks.releases.change({ type: 'kill', task: 'rank' }, ada)
    await contact(one)
    expect(one.scripts).toEqual({})
  })

  it('what is withdrawn can be neither released nor fetched as approved; what is released is not withdrawn', async () => {
    for (const script of ['one', 'two']) {
      const { version } = await tasks.repository.submit(draft(), { script: text(script) }, ada)
      await tasks.approve('rank', version, ada)
    }
    await tasks.releases.change(release(2, 100), ada)
    await expect(tasks.withdraw('rank', 2, ada)).rejects.toThrow('Release 3 has rank v2: revoke it first.')
    await tasks.releases.change({ type: 'revoke', release: 3 }, ada)
    const manifest = await tasks.delivery.manifestOf('rank', 2)
    await tasks.withdraw('rank', 2, ada)
    await expect(tasks.releases.change(release(2, 100), ada)).rejects.toThrow('rank v2 is not approved.')
    const one = await device('d')
    await contact(one)
    expect(() => approved(one.trusted, { task: 'rank', version: 2, manifest })).toThrow(/not approved/)
  })

  it('another device’s contact is of no use to this one', async () => {
    await tasks.repository.submit(draft(), { script: text('good') }, ada)
    await tasks.approve('rank', 1, ada)
    const one = await device('d')
    const { snapshot, list } = await tasks.contact({ id: 'e' })
    const targets = tasks.delivery.targets()!.bytes
    const means = { now, ed25519: byPlatform, device: 'd' }
    await expect(verify(one.trusted, { snapshot, list, targets }, means)).rejects.toThrow(
      'The list is another device’s.',
    )
  })
})
