import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { contact, fetchTask, type Reach } from '../../shared/tasks/contact.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import type { Trusted } from '../../shared/trust/verify.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { rootOf, rotate } from './keys.ts'
import { publish, SNAPSHOT } from './publish.ts'
import { openTasks, type Tasks } from './tasks.ts'

const NOW = Date.UTC(2026, 4, 1, 1)
const HOUR = 3_600_000
const ada = { who: 'Ada', why: 'to see it work' }
const bytes = (path: string) => new Uint8Array(readFileSync(path))

describe.each(['a server', 'a static host'] as const)('a device that has %s', (host) => {
  let folder: string
  let store: Store
  let tasks: Tasks
  let now: number
  let trusted: Trusted
  let asked: string[]
  const clock = { now: () => now }
  const device = { id: 'd', country: 'DE' }
  const site = () => join(folder, 'site')
  beforeEach(async () => {
    now = NOW
    asked = []
    folder = mkdtempSync(join(tmpdir(), 'kindred-contact-'))
    store = openStore(join(folder, 'store'))
    tasks = await openTasks({ folder: join(folder, 'tasks'), store, clock })
    trusted = { root: rootOf((await tasks.root(1))!) }
    for (const script of ['one', 'two']) {
      const { version } = await tasks.repository.submit(draft(), { script: text(script) }, ada)
      await tasks.approve('rank', version, ada)
    }
    await release(1, 'everyone')
  })
  afterEach(async () => {
    await tasks.close()
    await store.close()
    rmSync(folder, { recursive: true })
  })

  async function release(version: number, whom: 'everyone' | string): Promise<number> {
    const rule = whom === 'everyone' ? { everyone: true as const } : { country: [whom] }
    const stages = [{ at: NOW, percent: 100 }]
    return (await tasks.releases.change({ type: 'release', task: 'rank', version, rule, stages }, ada)).n
  }

  const fromServer: Reach = {
    now: () => tasks.contact(device),
    root: (version) => tasks.root(version),
    async artifact(name) {
      asked.push(name)
      return new Uint8Array((await tasks.artifact(name))!.bytes)
    },
  }
  const fromFiles: Reach = {
    now: async () => ({ snapshot: bytes(join(site(), SNAPSHOT)) }),
    async root(version) {
      const path = join(site(), `trust/${version}.root.json`)
      return existsSync(path) ? bytes(path) : undefined
    },
    async artifact(name) {
      asked.push(name)
      return bytes(join(site(), 'artifacts', name))
    },
  }
  const reach = host === 'a server' ? fromServer : fromFiles

  /** Publishes where that is needed, makes contact by a clock that is so far behind, and tells the scripts that would run. */
  async function scripts(of: Reach = reach, behind = 0): Promise<string[]> {
    if (host === 'a static host') await publish({ tasks }, site(), { lifeMs: 24 * HOUR })
    now += HOUR
    const made = await contact(trusted, of, { device, now: now - behind, ed25519: byPlatform })
    trusted = made.trusted
    const all = await Promise.all(made.active.tasks.map((one) => fetchTask(trusted, one, of)))
    return all.map(({ files }) => new TextDecoder().decode(files.script))
  }

  it('has what is released to it, and has it no more when that is revoked', async () => {
    expect(await scripts()).toEqual(['one'])
    const second = await release(2, 'DE')
    const other = await release(2, 'FR')
    expect(await scripts()).toEqual(['two'])
    await tasks.releases.change({ type: 'revoke', release: other }, ada)
    expect(await scripts()).toEqual(['two'])
    await tasks.releases.change({ type: 'revoke', release: second }, ada)
    expect(await scripts()).toEqual(['one'])
  })

  it('has at once what is changed, though its clock is behind that of who changes it', async () => {
    now += 3 * HOUR
    const second = await release(2, 'DE')
    expect(await scripts(reach, 2 * HOUR)).toEqual(['two'])
    await tasks.releases.change({ type: 'revoke', release: second }, ada)
    expect(await scripts(reach, 2 * HOUR)).toEqual(['one'])
  })

  it('does not fetch targets that it has', async () => {
    await scripts()
    const { sha256 } = trusted.targets!
    expect(asked).toContain(sha256)
    asked = []
    await scripts()
    expect(asked).not.toContain(sha256)
  })

  it('goes on with what it has where nothing is new', async () => {
    await scripts()
    const nothing = { ...reach, now: async () => null }
    expect(await scripts(nothing)).toEqual(['one'])
  })

  it('follows keys that were rotated while it was away, however often', async () => {
    await scripts()
    for (const role of ['snapshot', 'root', null, 'snapshot'] as const)
      await rotate(join(folder, 'tasks', 'keys'), role, clock)
    await tasks.delivery.renew()
    expect(await scripts()).toEqual(['one'])
    expect(trusted.root.version).toBe(5)
  })

  it('runs nothing of which a byte is another, and is as it was', async () => {
    await scripts()
    const before = trusted
    const two = await tasks.repository.read('rank', 2)
    await release(2, 'DE')
    const { script } = two.manifest
    const swapped = (name: string): Reach => ({
      ...reach,
      artifact: async (asked) => (asked === name ? text('evil') : reach.artifact(asked, 0)),
    })
    await expect(scripts(swapped(script.sha256))).rejects.toThrow(
      'The script of rank v2 is not the one it promises.',
    )
    const manifest = await tasks.delivery.manifestOf('rank', 2)
    await expect(scripts(swapped(manifest))).rejects.toThrow(
      'The manifest of rank v2 is not the approved one.',
    )
    trusted = { root: before.root }
    await expect(scripts(swapped(before.targets!.sha256))).rejects.toThrow(/targets is not the one/)
    expect(trusted).toEqual({ root: before.root })
    const junk = { ...reach, now: async () => ({ snapshot: text('{}') }) }
    await expect(scripts(junk)).rejects.toThrow('The snapshot is none.')
    expect(await scripts()).toEqual(['two'])
  })
})
