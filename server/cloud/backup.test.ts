import { execFile } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KindredEvent } from '../../shared/event.ts'
import { openStore } from '../store/lmdb.ts'
import { backup, restore } from './backup.ts'
import { openCloud } from './cloud.ts'
import { browsing, HOUR, NOON, type ToyCloud, toyCloud, toyPrivacy, toySource } from './toy.ts'

const BIN = resolve(import.meta.dirname, '../bin.js')

describe('a backup', () => {
  let toy: ToyCloud
  let folder: string
  let made = 0
  let to: string
  let restored: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-backup-'))
    toy = await toyCloud()
    await toy.cloud.importSource(toySource())
    await toy.cloud.prepare()
    await toy.cloud.train({ epochs: 1 })
  })
  afterAll(async () => {
    await toy.done()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    to = join(folder, `backup-${++made}`)
    restored = join(folder, `restored-${made}`)
  })

  const open = (dataDir: string) =>
    openCloud({ dataDir, clock: { now: () => NOON }, privacy: toyPrivacy(), freshBatches: 0 })

  async function device(name: string) {
    const { credential } = await toy.cloud.register()
    const user = (await toy.cloud.authenticate(credential))!
    return { credential, user, events: browsing(name, 1, { from: NOON - 20 * HOUR, count: 400 }) }
  }

  it('by another process, while events come in, holds all that was acknowledged before, and starts ready', async () => {
    const devices = await Promise.all(['a', 'b', 'c'].map(device))
    const matched = await device('matched')
    await toy.cloud.ingest(matched.user, matched.events.slice(0, 60))
    const list = await toy.cloud.batches(matched.user)
    expect(list.count).toBeGreaterThan(0)
    const batch = await toy.cloud.batch(matched.user, list.day, 0)

    let stop = false
    const acknowledged = devices.map(() => 0)
    const uploads = devices.map(async ({ user, events }, i) => {
      for (let at = 0; !stop && at < events.length; at += 3) {
        const some: KindredEvent[] = events.slice(at, at + 3)
        await toy.cloud.ingest(user, some)
        acknowledged[i] = at + some.length
      }
    })
    while (Math.min(...acknowledged) < 30) await new Promise((resolve) => setImmediate(resolve))
    const before = [...acknowledged]
    const { stdout } = await promisify(execFile)(process.execPath, [
      BIN,
      'backup',
      to,
      '--data',
      toy.dir,
      '--json',
    ])
    stop = true
    await Promise.all(uploads)
    expect(JSON.parse(stdout)).toMatchObject({ metric: 'backup.bytes', unit: 'bytes' })

    await restore(to, restored)
    const store = openStore(join(restored, 'store'))
    for (const [i, { user, events }] of devices.entries()) {
      const held = await store.events.of(user)
      expect(held.length).toBeGreaterThanOrEqual(before[i]!)
      expect(held).toEqual(events.slice(0, held.length))
    }
    await store.close()
    const cloud = await open(restored)
    expect(await cloud.status()).toMatchObject({ prepared: true })
    expect(await cloud.manifest()).toEqual(await toy.cloud.manifest())
    const { sha256 } = (await cloud.manifest())!.model
    expect((await cloud.artifact(sha256))?.bytes).toEqual((await toy.cloud.artifact(sha256))?.bytes)
    const user = (await cloud.authenticate(matched.credential))!
    expect(await cloud.batches(user)).toEqual(list)
    expect(await cloud.batch(user, list.day, 0)).toEqual(batch)
    await cloud.close()
  })

  it('goes into a new folder only, and comes of a data folder only', async () => {
    mkdirSync(to)
    await expect(backup(toy.dir, to)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(to),
    })
    await expect(backup(folder, `${to}-x`)).rejects.toMatchObject({ code: 'bad-input' })
  })

  describe('is restored', () => {
    const data = () => join(to, 'store', 'data.mdb')
    const list = () => join(to, 'backup.json')
    beforeEach(async () => {
      await backup(toy.dir, to)
    })
    const refused = (code: string) => expect(restore(to, restored)).rejects.toMatchObject({ code })

    it('into an empty folder, and into no other', async () => {
      mkdirSync(restored)
      await restore(to, restored)
      await refused('bad-input')
    })

    it('not with a byte that is another', async () => {
      const bytes = readFileSync(data())
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(data(), bytes)
      await refused('bad-artifact')
    })

    it('not with a byte too many, nor with a file too few', async () => {
      appendFileSync(data(), 'x')
      await refused('bad-artifact')
      rmSync(data())
      await refused('bad-artifact')
    })

    it('not where its list is gone, damaged, or leads elsewhere', async () => {
      const text = readFileSync(list(), 'utf8')
      writeFileSync(list(), text.replace('store/data.mdb', '../outside'))
      await refused('bad-artifact')
      writeFileSync(list(), text.slice(0, 50))
      await refused('bad-artifact')
      rmSync(list())
      await refused('bad-input')
    })
  })
})
