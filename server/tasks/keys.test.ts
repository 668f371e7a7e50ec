import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { sealTask, type TaskManifest } from '../../shared/tasks/manifest.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import type { List } from '../../shared/trust/metadata.ts'
import { sign } from '../../shared/trust/sign.ts'
import { type Trusted, verify } from '../../shared/trust/verify.ts'
import { type Delivery, openDelivery } from './delivery.ts'
import { initKeys, readKeys, rootOf, rotate } from './keys.ts'

const NOW = Date.UTC(2026, 4, 1, 1)
const HOUR = 3_600_000
const clock = { now: () => now }
let now: number
let folder: string
let delivery: Delivery
let manifest: TaskManifest
const keys = () => readKeys(folder)
const open = () => openDelivery({ folder: join(folder, 'metadata'), keys, clock })
beforeEach(async () => {
  now = NOW
  folder = join(mkdtempSync(join(tmpdir(), 'kindred-keys-')), 'keys')
  manifest = await sealTask(draft(), 1, { script: text('a') })
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true }))
const rootPath = () => join(folder, 'offline', 'root-1.json')

async function begin(options: Parameters<typeof initKeys>[1] = {}): Promise<Trusted> {
  const { root } = await initKeys(folder, { clock, ...options })
  delivery = open()
  return { root }
}
async function list(): Promise<List> {
  const active = { task: 'rank', version: 1, manifest: await delivery.manifestOf('rank', 1) }
  return { kind: 'device', device: 'd', tasks: [active], arms: [] }
}
/** What a device makes of what is delivered now. */
async function deliver(trusted: Trusted, since = NOW): Promise<Trusted> {
  const { roots } = await keys()
  const update = await delivery.snapshot(await list(), { since })
  const missed = roots.filter((bytes) => rootOf(bytes).version > trusted.root.version)
  const targets = delivery.targets()!.bytes
  return verify(trusted, { ...update, targets, roots: missed }, { now, ed25519: byPlatform, device: 'd' })
}

describe('keys', () => {
  it('are made once, and nobody else can read them', async () => {
    await begin({ keys: 3, threshold: 2 })
    expect(readdirSync(join(folder, 'offline')).sort()).toEqual(['root-1.json', 'root-2.json', 'root-3.json'])
    for (const name of ['targets.json', 'snapshot.json', 'offline/root-2.json'])
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
    for (const name of ['.', 'offline', 'metadata'])
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o700)
    expect((await keys()).root).toMatchObject({ version: 1, roles: { root: { threshold: 2 } } })
    const secret = JSON.parse(readFileSync(rootPath(), 'utf8')).secret
    expect(readFileSync(join(folder, 'metadata', '1.root.json'), 'utf8')).not.toContain(secret)
    await expect(initKeys(folder)).rejects.toThrow(/There are keys in .* already/)
  })

  it('that others can read are not used', async () => {
    await begin()
    chmodSync(join(folder, 'snapshot.json'), 0o640)
    await expect(keys()).rejects.toThrow(/snapshot\.json can be read by others/)
  })

  it('of the root sign nothing once they are taken away', async () => {
    await begin()
    rmSync(rootPath())
    expect((await keys()).secrets('root')).toEqual([])
    await expect(rotate(folder, 'snapshot', clock)).rejects.toThrow(/0 of the 1 keys of the root/)
    expect((await keys()).root.version).toBe(1)
    expect(readdirSync(folder).filter((name) => name.endsWith('.next'))).toEqual([])
  })
})

describe('a delivery', () => {
  it('is what a device trusts, from the root that it was built with', async () => {
    const trusted = await begin()
    await delivery.approve(manifest)
    expect((await deliver(trusted)).list?.document).toEqual(await list())
    delivery = open()
    expect((await deliver(trusted)).targets?.document.version).toBe(1)
  })

  it('says the same words for half a day, and never that it holds for more than one', async () => {
    await begin()
    await delivery.approve(manifest)
    const of = async (at: number) => {
      now = at
      return delivery.snapshot(await list(), { since: NOW })
    }
    const [one, later, next] = [await of(NOW), await of(NOW + 10 * HOUR), await of(NOW + 11 * HOUR)]
    expect(later).toEqual(one)
    expect(next.snapshot).not.toEqual(one.snapshot)
    expect(one.expires - NOW).toBeGreaterThan(12 * HOUR)
    expect(one.expires - NOW).toBeLessThanOrEqual(24 * HOUR)
  })

  it('grows by each change that it follows from', async () => {
    const trusted = await begin()
    await delivery.approve(manifest)
    const first = await deliver(trusted)
    now += HOUR
    const second = await deliver(first, now)
    expect(second.snapshot!.version).toBeGreaterThan(first.snapshot!.version)
    now += HOUR
    await delivery.approve(await sealTask(draft(), 2, { script: text('b') }))
    expect((await deliver(second)).snapshot!.version).toBe(now)
  })

  it('is not there any more once the approval has expired, until it is renewed', async () => {
    const trusted = await begin()
    await delivery.approve(manifest)
    now += 180 * 24 * HOUR
    await expect(delivery.snapshot(await list(), { since: NOW })).rejects.toThrow(
      /has expired: approve it once more/,
    )
    await delivery.renew()
    expect((await deliver(trusted)).targets?.document.version).toBe(2)
  })

  it('is not there of what is not approved, or not any more', async () => {
    await begin()
    await expect(delivery.manifestOf('rank', 1)).rejects.toThrow('rank v1 is not approved.')
    await expect(delivery.snapshot({ kind: 'rules', changes: [] }, { since: 1 })).rejects.toThrow(
      'Nothing is approved yet.',
    )
    await delivery.approve(manifest)
    await delivery.withdraw('rank', 1)
    await expect(delivery.manifestOf('rank', 1)).rejects.toThrow('rank v1 is not approved.')
    await expect(delivery.withdraw('rank', 1)).rejects.toThrow('rank v1 is not approved.')
  })

  it('takes what an approver has signed elsewhere, and only the next of it', async () => {
    const trusted = await begin()
    const elsewhere = (await keys()).secrets('targets')
    rmSync(join(folder, 'targets.json'))
    await expect(delivery.approve(manifest)).rejects.toThrow(/approver’s key is not here/)
    const proposed = await delivery.propose([manifest])
    const forged = await sign(proposed, (await keys()).secrets('snapshot'), byPlatform)
    await expect(delivery.accept(forged)).rejects.toMatchObject({ code: 'bad-artifact' })
    const signed = await sign(proposed, elsewhere, byPlatform)
    await delivery.accept(signed)
    await expect(delivery.accept(signed)).rejects.toThrow(/have version 1, and 2 is the next/)
    expect((await deliver(trusted)).targets?.document).toEqual(proposed)
  })
})

describe('a key that is rotated', () => {
  it.each(['snapshot', 'targets', 'root', null] as const)(
    '(%s) is followed by devices that were away',
    async (role) => {
      const built = await begin()
      await delivery.approve(manifest)
      const trusted = await deliver(built)
      const before = await keys()
      const old = role && readFileSync(role === 'root' ? rootPath() : join(folder, `${role}.json`), 'utf8')
      const after = await rotate(folder, role, clock)
      await rotate(folder, null, clock)
      if (role === 'targets') {
        await expect(deliver(trusted)).rejects.toThrow(/The targets has 0 of 1/)
        await delivery.renew()
      }
      for (const one of [built, trusted]) expect((await deliver(one)).root.version).toBe(3)
      if (role === null) return
      expect(after.root.roles[role].keys).not.toEqual(before.root.roles[role].keys)
      // The old secret is nowhere any more, and put back it does not count.
      const path = role === 'root' ? rootPath() : join(folder, `${role}.json`)
      expect(readFileSync(path, 'utf8')).not.toBe(old)
      writeFileSync(path, old!)
      expect((await keys()).secrets(role)).toEqual([])
    },
  )

  it('of several of the root is one of them; the others stay', async () => {
    const built = await begin({ keys: 3, threshold: 2 })
    await delivery.approve(manifest)
    const { root } = await rotate(folder, 'root', clock, 2)
    const kept = built.root.roles.root.keys.filter((key) => root.roles.root.keys.includes(key))
    expect(kept).toEqual([built.root.roles.root.keys[0], built.root.roles.root.keys[2]])
    expect((await deliver(built)).root).toEqual(root)
  })

  it('is whole or has not happened, when the process ends before or after the new root', async () => {
    await begin()
    const old = readFileSync(join(folder, 'snapshot.json'), 'utf8')
    // Ended before: a new key that no root names.
    const stray = JSON.parse(old)
    writeFileSync(join(folder, 'snapshot.json.next'), JSON.stringify({ ...stray, public: 'ab'.repeat(32) }), {
      mode: 0o600,
    })
    expect((await keys()).secrets('snapshot')).toEqual([stray.secret])
    expect(existsSync(join(folder, 'snapshot.json.next'))).toBe(false)
    // Ended after: the new root is there, and the new key not in its place yet.
    const { root } = await rotate(folder, 'snapshot', clock)
    const fresh = readFileSync(join(folder, 'snapshot.json'), 'utf8')
    writeFileSync(join(folder, 'snapshot.json.next'), fresh, { mode: 0o600 })
    writeFileSync(join(folder, 'snapshot.json'), old)
    expect((await keys()).secrets('snapshot')).toEqual([JSON.parse(fresh).secret])
    expect((await keys()).root).toEqual(root)
  })

  it('is there although somebody reads the keys while its root is made', async () => {
    await begin()
    const fresh = join(folder, 'snapshot.json.next')
    let read = 0
    const rotated = rotate(folder, 'snapshot', clock).finally(() => {
      read ||= -1
    })
    for (; read === 0; await new Promise(setImmediate))
      if (existsSync(fresh)) {
        await keys()
        read++
      }
    const { root } = await rotated
    expect([read, existsSync(fresh)]).toEqual([1, false])
    expect((await keys()).root).toEqual(root)
    expect((await keys()).secrets('snapshot')).toHaveLength(1)
  })
})
