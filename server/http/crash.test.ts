import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acceptedSchema, registrationSchema } from '../../shared/api.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { openCloud } from '../cloud/cloud.ts'
import { BIG, browsing, HOUR, NOON, toyPrivacy, toySource } from '../cloud/toy.ts'
import { openStore } from '../store/lmdb.ts'

const CHILD = join(import.meta.dirname, 'crash.child.ts')

// Each starts processes: five of them, or one with a great deal to do.
describe('a process that is killed (SIGKILL)', { timeout: 120_000 }, () => {
  let dir: string
  let child: ChildProcess | undefined
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kindred-crash-'))
  })
  afterEach(async () => {
    await kill()
    rmSync(dir, { recursive: true })
  })

  function start(what: string): ChildProcess {
    const args = ['--import', 'tsx', CHILD, what, dir]
    child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    return child
  }
  /** Where a server listens that is started for that. */
  async function serve(): Promise<string> {
    for await (const line of createInterface({ input: start('serve').stdout! })) return line
    throw new Error('the child that was to serve ended early')
  }
  /** Done when a child has killed itself in the midst of what it is to do. */
  async function dieAt(what: 'import' | 'prepare'): Promise<void> {
    const [, signal] = await once(start(what), 'exit')
    expect(signal).toBe('SIGKILL')
  }
  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  interface Device {
    readonly credential: string
    readonly events: KindredEvent[]
    /** Events that an answer has said are on disk. */
    readonly acknowledged: Set<string>
    next: number
  }

  async function register(url: string, n: number): Promise<Device> {
    const response = await fetch(`${url}/api/devices`, { method: 'POST' })
    const { credential } = registrationSchema.parse(await response.json())
    const events = browsing(`d${n}`, n % 3, { from: NOON - 40 * HOUR, count: 2000, seed: n + 1 })
    return { credential, events, acknowledged: new Set(), next: 0 }
  }

  /** Uploads until the server is gone; sometimes repeats what it has sent before. */
  async function uploads(url: string, device: Device, random: Random, onAnswer: () => void): Promise<void> {
    for (;;) {
      const from = Math.max(0, device.next - random.below(10))
      const some = device.events.slice(from, from + 1 + random.below(30))
      if (some.length === 0) return
      try {
        const response = await fetch(`${url}/api/events`, {
          method: 'POST',
          headers: { authorization: `Bearer ${device.credential}` },
          body: JSON.stringify({ events: some }),
        })
        if (response.status !== 202) throw new Error(`status ${response.status}`)
        const { accepted, known } = acceptedSchema.parse(await response.json())
        expect(accepted + known).toBe(some.length)
      } catch (error) {
        if (error instanceof TypeError) return // the connection broke: nothing was promised
        throw error
      }
      for (const { id } of some) device.acknowledged.add(id)
      device.next = from + some.length
      onAnswer()
    }
  }

  it('loses no acknowledged event, doubles none and invents none', async () => {
    const random = seeded(7)
    const devices: Device[] = []
    for (let round = 0; round < 5; round++) {
      const url = await serve()
      devices.push(await register(url, round))
      // Somewhere between the answers: most of the time while other requests are under way.
      let left = 5 + random.below(60)
      await Promise.all(
        devices.map((device) =>
          uploads(url, device, random, () => {
            if (--left === 0) child!.kill('SIGKILL')
          }),
        ),
      )
      await kill()
    }
    const cloud = await openCloud({ dataDir: dir })
    const store = openStore(join(dir, 'store'))
    let acknowledged = 0
    for (const device of devices) {
      const user = await cloud.authenticate(device.credential)
      const held = await store.events.of(user!)
      const ids = held.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      expect([...device.acknowledged].filter((id) => !ids.includes(id))).toEqual([])
      const sent = new Map(device.events.map((event) => [event.id, event]))
      expect(held).toEqual(ids.map((id) => sent.get(id)))
      acknowledged += device.acknowledged.size
    }
    expect(acknowledged).toBeGreaterThan(200)
    await store.close()
    await cloud.close()
  })

  it('in mid-import leaves nothing of it, and the import can be done again', async () => {
    await dieAt('import')
    const cloud = await openCloud({ dataDir: dir, clock: { now: () => NOON } })
    expect(await cloud.isEmpty()).toBe(true)
    expect(await cloud.status()).toMatchObject({ users: 0, events: 0 })
    expect(await cloud.importSource(toySource(BIG))).toMatchObject({ users: BIG.count })
    await cloud.close()
  })

  it('in mid-preparation has made each sample once when it is done again', async () => {
    const options = { dataDir: dir, clock: { now: () => NOON }, privacy: toyPrivacy() }
    const before = await openCloud(options)
    await before.importSource(toySource(BIG))
    await before.close()
    await dieAt('prepare')
    const cloud = await openCloud(options)
    const halfway = (await cloud.status()).samples
    expect(halfway).toBeGreaterThan(0)
    const { samples } = await cloud.prepare()
    expect(samples).toBeGreaterThan(0)
    expect(halfway + samples).toBe(BIG.count * BIG.exposures)
    await cloud.close()
  })
})
