import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seeded } from '../../shared/random.ts'
import type { Entry } from '../../shared/release/changes.ts'
import type { Reach } from '../../shared/tasks/contact.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import {
  FAULTS,
  faulty,
  fromFiles,
  fromServer,
  type Held,
  NAMES,
  someDevice,
  someOrder,
  versionsIn,
  versionsOf,
  visit,
} from './crowd-kit.ts'
import { rootOf, rotate } from './keys.ts'
import { publish } from './publish.ts'
import { dueFor } from './rule-kit.ts'
import { openTasks, type Tasks } from './tasks.ts'

const NOW = Date.UTC(2026, 4, 1, 1)
const HOUR = 3_600_000
const DEVICES = 1000
/** Thousands of contacts, each with signatures to check, on a machine that may have other things to do. */
const PATIENCE_MS = 300_000
const operators = ['Ada', 'Grace'].map((who) => ({ who, why: 'to see what happens' }))

describe('a thousand devices, with releases changing under them', { timeout: PATIENCE_MS }, () => {
  let folder: string
  let store: Store
  let tasks: Tasks
  let now: number
  let devices: Held[]
  /** The ledger as the operators were told of it. */
  let entries: Entry[]
  const site = () => join(folder, 'site')
  const keys = () => join(folder, 'tasks', 'keys')
  const clock = { now: () => now }

  beforeEach(async () => {
    now = NOW
    entries = []
    folder = mkdtempSync(join(tmpdir(), 'kindred-crowd-'))
    store = openStore(join(folder, 'store'))
    tasks = await openTasks({ folder: join(folder, 'tasks'), store, clock })
    for (const name of NAMES)
      for (let version = 1; version <= versionsIn(name); version++) {
        const script = text(`export const run = async () => '${name} ${version}'`)
        await tasks.repository.submit(draft({ name }), { script }, operators[0]!)
        await tasks.approve(name, version, operators[0]!)
      }
    entries = await tasks.releases.audit()
    const random = seeded(4)
    const trusted = { root: rootOf((await tasks.root(1))!) }
    devices = Array.from({ length: DEVICES }, (_, n) => ({
      info: someDevice(random, n),
      static: n % 4 === 0,
      trusted,
      tasks: {},
    }))
  })
  afterEach(async () => {
    await tasks.close()
    await store.close()
    rmSync(folder, { recursive: true })
  })

  const reachOf = ({ info, static: files }: Held): Reach =>
    files ? fromFiles(site()) : fromServer(tasks, info)
  /** The list of a static host has what was there when it was published. */
  let published: Entry[] = []
  async function publishNow(): Promise<void> {
    await publish({ tasks }, site(), { lifeMs: 100 * HOUR })
    published = [...entries]
  }
  /** No entry of the ledger is later than the moment it is looked at. */
  const moment = () => Math.max(now, entries.at(-1)?.at ?? 0)
  const due = (device: Held) => dueFor(device.static ? published : entries, device.info, moment())

  /** Two operators at the same moment, who know nothing of each other. What makes no sense by then is refused. */
  async function operate(random: ReturnType<typeof seeded>): Promise<number> {
    const orders = operators.map(() => someOrder(random, tasks, now))
    const made = await Promise.allSettled(
      orders.map((order, i) => tasks.releases.change(order, operators[i]!)),
    )
    for (const one of made)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'bad-input' })
    const done = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    entries.push(...done.sort((a, b) => a.n - b.n))
    return done.length
  }

  it.each([
    { size: DEVICES, steps: 50, seed: 1 },
    { size: 60, steps: 40, seed: 2 },
    { size: 60, steps: 40, seed: 3 },
  ])('$size of them end on exactly the versions of the rule (seed $seed)', async ({ size, steps, seed }) => {
    const random = seeded(seed)
    const crowd = devices.slice(0, size)
    // Who is there in a step; the others are away, every tenth from the first day to the last.
    const present = Math.max(10, size / 25)
    const told = { spoilt: 0, refused: 0, changes: 0, roots: 1, versions: new Set<string>() }
    await publishNow()
    for (let step = 0; step < steps; step++) {
      now += random.below(5 * HOUR)
      told.changes += await operate(random)
      const turn = random.below(12)
      if (turn === 0) {
        await rotate(keys(), (['snapshot', 'root', null] as const)[random.below(3)]!, clock)
        told.roots++
      }
      if (turn < 4) await publishNow()
      for (let i = 0; i < present; i++) {
        const n = random.below(size)
        if (n % 10 === 9) continue
        const device = crowd[n]!
        const before = { ...device }
        const spoilt = random.below(4) === 0
        const fault = FAULTS[random.below(FAULTS.length)]!
        const line = spoilt ? faulty(reachOf(device), fault, random.below(3), random) : reachOf(device)
        if (spoilt) told.spoilt++
        try {
          await visit(device, line, moment())
          expect(versionsOf(device), `${device.info.id} after ${entries.length} entries`).toEqual(due(device))
          told.versions.add(textOf(versionsOf(device)))
        } catch (error) {
          if (!spoilt) throw error
          expect(error).toMatchObject({ code: expect.stringMatching(/^(offline|bad-artifact)$/) })
          expect({ ...device }).toEqual(before)
          told.refused++
        }
      }
    }
    expect(entries).toEqual(await tasks.releases.audit())
    await publishNow()
    for (const device of crowd) await visit(device, reachOf(device), moment())
    const wrong = crowd.filter((device) => textOf(versionsOf(device)) !== textOf(due(device)))
    expect(wrong.map(({ info }) => info.id)).toEqual([])
    // It was worth looking: devices had many versions, and most of what was spoilt was noticed.
    expect(told.versions.size).toBeGreaterThan(6)
    expect(told.refused).toBeGreaterThan(told.spoilt / 2)
    expect(told.changes).toBeGreaterThan(steps / 2)
    expect(told.roots).toBeGreaterThan(1)
  })

  it('who is shown an earlier answer keeps what they have, or has what was right then; never something between', async () => {
    const random = seeded(9)
    const recorded = new Map<
      Held,
      { come: Awaited<ReturnType<Reach['now']>>; due: Record<string, number> }[]
    >()
    const few = devices.slice(0, 40)
    let [refused, accepted] = [0, 0]
    for (let step = 0; step < 40; step++) {
      now += random.below(5 * HOUR)
      await operate(random)
      await publishNow()
      for (const device of few) {
        const honest = reachOf(device)
        const answers = recorded.get(device) ?? []
        recorded.set(device, answers)
        if (random.below(2)) answers.push({ come: await honest.now(), due: due(device) })
        const known = device.trusted.snapshot?.version ?? 0
        if (answers.length === 0 || random.below(3) === 0) {
          await visit(device, honest, moment())
          expect(versionsOf(device)).toEqual(due(device))
          continue
        }
        const [old, other] = [answers[random.below(answers.length)]!, answers[random.below(answers.length)]!]
        const before = { ...device }
        // The list of another moment, where there are lists: a mix of two snapshots.
        const mixed = random.below(2) === 0 && old !== other && old.come!.list !== undefined
        const come = mixed ? { snapshot: old.come!.snapshot, list: other.come!.list! } : old.come
        try {
          await visit(device, { ...honest, now: async () => come }, moment())
          accepted++
          expect(device.trusted.snapshot!.version).toBeGreaterThanOrEqual(known)
          if (!device.static) expect(versionsOf(device)).toEqual(old.due)
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-artifact' })
          expect({ ...device }).toEqual(before)
          refused++
        }
      }
    }
    expect(Math.min(refused, accepted)).toBeGreaterThan(20)
    await publishNow()
    for (const device of few) await visit(device, reachOf(device), moment())
    expect(few.map(versionsOf)).toEqual(few.map(due))
  })
})

const textOf = (versions: Record<string, number>) => JSON.stringify(Object.entries(versions).sort())
