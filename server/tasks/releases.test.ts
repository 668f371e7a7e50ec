import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../shared/failure.ts'
import { bucketOf } from '../../shared/release/bucket.ts'
import type { Order } from '../../shared/release/changes.ts'
import type { DeviceInfo } from '../../shared/release/device.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import { openReleases, type Releases } from './releases.ts'

const NOON = Date.UTC(2026, 4, 1, 12)
const HOUR = 3_600_000
const ada = { who: 'Ada', why: 'to see it work' }
const manifest = (task: string, version: number) =>
  createHash('sha256').update(`${task} ${version}`).digest('hex')
async function manifestOf(task: string, version: number): Promise<string> {
  if (version > 3) throw new AppError('bad-input', `There is no ${task} v${version}.`)
  return manifest(task, version)
}

let folder: string
let store: Store
let releases: Releases
let now: number
const clock = { now: () => now }
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kindred-releases-'))
  now = NOON
  store = openStore(folder)
  releases = await openReleases({ store, manifestOf, clock })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})
async function reopen(): Promise<void> {
  await store.close()
  store = openStore(folder)
  releases = await openReleases({ store, manifestOf, clock })
}

const devices = Array.from(
  { length: 300 },
  (_, i): DeviceInfo => ({ id: `device-${i}`, country: i % 3 ? 'FR' : 'DE' }),
)
async function know(all = devices): Promise<void> {
  for (const [i, device] of all.entries()) {
    await store.users.register(device.id, Buffer.alloc(32, i % 256), 0)
    await store.deviceFacts.put(device)
  }
}
const release = (
  version: number,
  percent = 100,
  more: Partial<Extract<Order, { type: 'release' }>> = {},
): Order => ({
  type: 'release',
  task: 'rank',
  version,
  rule: { everyone: true },
  stages: [{ at: NOON, percent }],
  ...more,
})
const versionsOf = (device: DeviceInfo) =>
  releases.activeFor(device).list.tasks.map(({ task, version }) => `${task} v${version}`)

describe('the ledger of releases', () => {
  it('says of every change who, when and why, and what follows from it is there after a restart', async () => {
    await releases.change(release(1), ada)
    now += HOUR
    await releases.change(release(2, 20), { who: 'Grace', why: 'first devices' })
    await releases.change({ type: 'pause', release: 2 }, ada)
    const [before, list] = [releases.board(), devices.map(versionsOf)]
    await reopen()
    expect(releases.board()).toEqual(before)
    expect(devices.map(versionsOf)).toEqual(list)
    expect(await releases.audit(2, 1)).toMatchObject([
      {
        n: 2,
        at: NOON + HOUR,
        who: 'Grace',
        why: 'first devices',
        change: { manifest: manifest('rank', 2) },
      },
    ])
    // In the same millisecond, but later than that one.
    expect((await releases.audit()).map(({ n, at }) => [n, at])).toEqual([
      [1, NOON],
      [2, NOON + HOUR],
      [3, NOON + HOUR + 1],
    ])
  })

  it('does not take what makes no sense, or has no reason, and is as it was', async () => {
    await releases.change(release(1), ada)
    const due = releases.board()
    await expect(releases.change(release(9), ada)).rejects.toThrow('There is no rank v9.')
    await expect(releases.change({ type: 'resume', release: 1 }, ada)).rejects.toThrow(
      'Release 1 is not paused.',
    )
    await expect(releases.change({ type: 'revoke', release: 7 }, ada)).rejects.toThrow(
      'There is no release 7.',
    )
    await expect(releases.change(release(2), { who: 'Ada', why: ' ' })).rejects.toThrow(/The reason at why/)
    await expect(releases.change({ type: 'delete' } as never, ada)).rejects.toThrow(/The change at type/)
    expect(releases.board()).toBe(due)
    expect(await store.ledger.count()).toBe(1)
  })

  it('takes changes one after the other, however many come at once', async () => {
    await Promise.all([1, 2, 3, 1, 2, 3].map((version) => releases.change(release(version), ada)))
    expect(releases.board().releases.map(({ id, version }) => [id, version])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 1],
      [5, 2],
      [6, 3],
    ])
    await reopen()
    expect(releases.board().entries).toBe(6)
  })

  it('holds at once what is to hold from now on, though time goes on while it is written', async () => {
    const ticking = { now: () => now++ }
    releases = await openReleases({ store, manifestOf, clock: ticking })
    const shares = () => devices.filter((device) => versionsOf(device).includes('rank v1')).length
    await releases.change(release(1, 20, { stages: [{ percent: 20 }] }), ada)
    const few = shares()
    const half: Order = { type: 'stages', release: 1, stages: [{ percent: 50 }] }
    await know()
    const { reaches } = await releases.dryRun(half)
    await releases.change(half, ada)
    expect([few > 0, shares() - few]).toEqual([true, reaches])
  })

  it('that somebody has changed is not opened', async () => {
    await releases.change(release(1), ada)
    await releases.change(release(2), ada)
    const entries = (await store.ledger.read(1)) as { who: string }[]
    const forged = [{ ...entries[0], who: 'Eve' }, entries[1]]
    const changed = { ...store, ledger: { ...store.ledger, read: async () => forged } }
    await expect(openReleases({ store: changed, manifestOf, clock })).rejects.toThrow(
      'Entry 2 of the ledger does not follow the one before.',
    )
  })
})

describe('a dry run', () => {
  it('counts the devices that a release would reach and what they have now, and changes nothing', async () => {
    await know()
    await releases.change(release(1), ada)
    const order = release(2, 20, { rule: { country: ['DE'] }, salt: 'pepper' })
    const due = devices.filter(({ id, country }) => country === 'DE' && bucketOf(id, 'pepper') < 20).length
    expect(due).toBeGreaterThan(5)
    expect(await releases.dryRun(order)).toEqual({
      devices: 300,
      hit: 100,
      reaches: due,
      moves: [{ task: 'rank', from: 1, to: 2, devices: due }],
      arms: {},
    })
    expect(releases.board().entries).toBe(1)
    await releases.change(order, ada)
    expect(devices.filter((device) => versionsOf(device)[0] === 'rank v2')).toHaveLength(due)
  })

  it('tells what a revocation would give back, and what a kill would take', async () => {
    await know(devices.slice(0, 30))
    await releases.change(release(1, 100, { rule: { country: ['DE'] } }), ada)
    await releases.change(release(2), ada)
    expect((await releases.dryRun({ type: 'revoke', release: 2 })).moves).toEqual([
      { task: 'rank', from: 2, to: null, devices: 20 },
      { task: 'rank', from: 2, to: 1, devices: 10 },
    ])
    expect(await releases.dryRun({ type: 'kill', task: 'rank' })).toMatchObject({
      reaches: 30,
      moves: [{ task: 'rank', from: 2, to: null, devices: 30 }],
    })
  })

  it('shows a stage to come, and the arms of an experiment to come', async () => {
    await know(devices.slice(0, 100))
    const later = release(2, 0, { stages: [{ at: NOON + HOUR, percent: 100 }] })
    expect((await releases.dryRun(later)).reaches).toBe(0)
    expect((await releases.dryRun(later, NOON + HOUR)).reaches).toBe(100)
    const { arms } = await releases.dryRun({
      type: 'experiment',
      task: 'rank',
      rule: { everyone: true },
      seed: 'x',
      arms: [{ name: 'v2', task: { version: 2 }, percent: 50 }],
      holdout: 50,
      from: NOON + HOUR,
    })
    expect(arms.v2! + arms.holdout!).toBe(100)
    expect(arms.v2).toBeGreaterThan(30)
  })
})

describe('the reach of releases', () => {
  it('is whom they hit and have by now, and what devices were given when they last asked', async () => {
    await know()
    await releases.change(release(1), ada)
    await releases.change(release(2, 20, { rule: { country: ['DE'] }, salt: 'pepper' }), ada)
    await releases.change(release(3), ada)
    await releases.change({ type: 'revoke', release: 3 }, ada)
    for (const [i, device] of devices.slice(0, 30).entries())
      await store.deviceFacts.put(device, i < 10 ? { rank: 2 } : { rank: 1, filter: 3 })
    const due = devices.filter(({ id, country }) => country === 'DE' && bucketOf(id, 'pepper') < 20).length
    expect(await releases.reach()).toEqual({
      devices: 300,
      releases: [
        { release: 1, hit: 300, reaches: 300 },
        { release: 2, hit: 100, reaches: due },
      ],
      given: [
        { task: 'filter', version: 3, devices: 20 },
        { task: 'filter', version: null, devices: 280 },
        { task: 'rank', version: 2, devices: 10 },
        { task: 'rank', version: 1, devices: 20 },
        { task: 'rank', version: null, devices: 270 },
      ],
    })
  })
})

describe('what is active for a device', () => {
  it('has the entity tag of its content: the same for the same, another for another', async () => {
    await releases.change(release(1), ada)
    const [one, other] = devices.map((device) => releases.activeFor(device))
    expect(one!.etag).toBe(other!.etag)
    expect(one!.etag).toMatch(/^"[\w-]{43}"$/)
    await releases.change({ ...release(1), task: 'filter' } as Order, ada)
    expect(releases.activeFor(devices[0]!).etag).not.toBe(one!.etag)
    await releases.change({ type: 'revoke', release: 2 }, ada)
    expect(releases.activeFor(devices[0]!)).toMatchObject({ etag: one!.etag, since: NOON + 2 })
  })

  it('is as before while the clock of the server stands earlier than the last change', async () => {
    await releases.change(release(1), ada)
    now -= HOUR
    expect(versionsOf(devices[0]!)).toEqual(['rank v1'])
    expect(releases.activeFor(devices[0]!).since).toBe(NOON)
  })

  it('is for 1,000 devices exactly what the rule says, while a release widens under them and is revoked', async () => {
    await releases.change(release(1), ada)
    await releases.change(release(2, 5, { salt: 'pepper', rule: { not: { country: ['FR'] } } }), ada)
    const thousand = Array.from(
      { length: 1000 },
      (_, i): DeviceInfo => ({ id: `d${i}`, country: i % 2 ? 'FR' : 'DE' }),
    )
    for (const percent of [5, 20, 60]) {
      await releases.change({ type: 'stages', release: 2, stages: [{ at: NOON, percent }] }, ada)
      for (const device of thousand) {
        const due = device.country === 'DE' && bucketOf(device.id, 'pepper') < percent ? 'rank v2' : 'rank v1'
        expect(versionsOf(device)).toEqual([due])
      }
    }
    await releases.change({ type: 'revoke', release: 2 }, ada)
    expect(new Set(thousand.map((device) => versionsOf(device)[0]))).toEqual(new Set(['rank v1']))
  })
})
