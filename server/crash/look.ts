/** What lies in the data folder of a server that was just killed, held against what devices were told. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Clock, DAY_MS } from '../../shared/clock.ts'
import { MATCHING } from '../../shared/hyper.ts'
import { indexFileSchema, loadIndex } from '../cloud/index-file.ts'
import { exposureTag } from '../store/keys.ts'
import { openStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import type { Told } from './device.ts'
import type { Book } from './findings.ts'
import { CROWD } from './world.ts'

export interface Looker {
  /** With `settled`, nothing is under way any more: what recovery is for must have been done. */
  look(devices: readonly Told[], options?: { settled?: boolean }): Promise<void>
}

/** Remembers from one look to the next which number is which sample. */
export function createLooker(dir: string, clock: Clock, book: Book): Looker {
  /** By sample number: its owner and the hash of its row. */
  let known = new Map<number, string>()
  let next = 0
  const users = new Map<string, number>()
  const indexes = new Set<string>()
  /** Imported users. */
  const seen = new Set<number>()

  async function lookAtEvents(store: Store, told: Told, settled: boolean): Promise<void> {
    const name = `device ${told.mark}`
    if (told.device === undefined) return
    const user = (await store.users.byDevice(told.device))?.user ?? users.get(told.device)
    if (user === undefined || told.leaving === 'gone') return lookAtGone(store, told, user)
    users.set(told.device, user)
    const held = await store.events.of(user)
    const ids = new Set(held.map(({ id }) => id))
    if (ids.size < held.length) book.breach('doubled', `${name} has ${held.length - ids.size} events twice`)
    const odd = held.filter((event) => !isDeepStrictEqual(told.sent.get(event.id), event))
    if (odd.length > 0) book.breach('broken', `${name} has ${odd.length} events that it did not send so`)
    if (told.leaving === 'asked' && held.length === 0) return
    const kept = clock.now() - (MATCHING.keepEvents - 2) * DAY_MS
    const missing = [...told.acknowledged].filter((id) => !ids.has(id))
    const lost = missing.filter((id) => told.sent.get(id)!.at > kept)
    if (settled) book.count('expired', missing.length - lost.length)
    if (lost.length > 0) book.breach('lost', `${name} lacks ${lost.length} acknowledged events`)
  }

  async function lookAtGone(store: Store, { mark, leaving }: Told, user: number | undefined): Promise<void> {
    if (leaving === 'no') return book.breach('lost', `device ${mark} is not known any more`)
    if (user === undefined) return
    const [events, { ids }, profile] = await Promise.all([
      store.events.of(user),
      store.samples.of(user),
      store.profiles.of(user),
    ])
    if (events.length + ids.length > 0 || profile || (await store.users.has(user)))
      book.breach('broken', `of device ${mark}, which was erased, something is left`)
  }

  async function lookAtSamples(store: Store): Promise<void> {
    const { users, starts, ids } = await store.samples.owned()
    const rows = await store.samples.rows(ids)
    const now = new Map<number, string>()
    for (const [i, user] of users.entries()) {
      const [from, to] = [starts[i]!, starts[i + 1]!]
      const exposures = await store.samples.exposures(user)
      if (exposures.size < to - from)
        book.breach('doubled', `user ${user} has ${to - from} samples of ${exposures.size} exposures`)
      for (let at = from; at < to; at++) {
        const [number, row] = [ids[at]!, rows[at]]
        if (!row) book.breach('broken', `sample ${number} has no row`)
        if (now.has(number)) book.breach('doubled', `sample ${number} is there twice`)
        now.set(
          number,
          `${user} ${createHash('sha256')
            .update(row ?? '')
            .digest('base64')}`,
        )
      }
    }
    for (const [number, what] of now) {
      const before = known.get(number)
      if (before === undefined ? number < next : before !== what)
        book.breach('doubled', `sample number ${number} was given again`)
    }
    const promised = await store.samples.next()
    if (promised < next) book.breach('doubled', `the next sample would be ${promised}, after ${next}`)
    book.count('samples seen', [...now.keys()].filter((number) => !known.has(number)).length)
    known = now
    next = promised
  }

  /** An import is there whole or not at all, but for one that was cut off and that the next start takes back. */
  async function lookAtImports(store: Store, settled: boolean): Promise<void> {
    if (await store.imports.open()) {
      if (settled) book.breach('broken', 'an import was neither taken back nor made whole')
      return book.count('imports cut off')
    }
    const withDevice = new Set(await store.users.devices())
    const imported: number[] = []
    for (let user = 0, left = await store.users.count(); left > 0; user++) {
      if (!(await store.users.has(user))) continue
      left--
      if (!withDevice.has(user)) imported.push(user)
    }
    if ((imported.length - CROWD.first) % CROWD.later !== 0)
      book.breach('broken', `${imported.length} imported users are there, ${CROWD.later} came at a time`)
    const partly: number[] = []
    for (const user of imported.filter((user) => !seen.has(user))) {
      // Later their events reach their age.
      seen.add(user)
      const events = await store.events.of(user)
      if (events.filter(({ type }) => type === 'exposure').length !== CROWD.exposures) partly.push(user)
    }
    if (partly.length > 0) book.breach('broken', `of ${partly.length} imported users only a part is there`)
  }

  /** The index that the store names can be loaded, or there is none. */
  async function lookAtIndex(store: Store, settled: boolean): Promise<void> {
    const folder = join(dir, 'index')
    const file = await store.meta.get('index', indexFileSchema)
    if (file) {
      if (!indexes.has(file.sha256)) book.count('indexes seen')
      indexes.add(file.sha256)
      try {
        loadIndex(folder, file)
      } catch (error) {
        book.breach('broken', (error as Error).message)
      }
    }
    const files = existsSync(folder) ? readdirSync(folder) : []
    const others = files.filter((name) => !file || !name.startsWith(file.name))
    if (settled && others.length > 0)
      book.breach('broken', `${others.length} files of other indexes are left`)
  }

  /** Once the day has turned, every exposure of somebody who may give samples has become one. */
  async function lookForMissing(store: Store, { mark, device, leaving, sharing, sent }: Told): Promise<void> {
    const user = device === undefined ? undefined : (await store.users.byDevice(device))?.user
    if (user === undefined || leaving !== 'no' || !sharing) return
    const now = clock.now()
    const clicks = [...sent.values()].filter(({ type, at }) => type === 'click' && at < now - 3 * DAY_MS)
    if (clicks.length < 20) return
    const made = await store.samples.exposures(user)
    const due = [...sent.values()].filter(
      ({ type, at }) => type === 'exposure' && at < now - 1.5 * DAY_MS && at > now - 6 * DAY_MS,
    )
    const missing = due.filter(({ id }) => !made.has(exposureTag(id)))
    if (missing.length === 0) return
    const days = missing.map(({ at }) => (at / DAY_MS).toFixed(2))
    const where = `seen on days ${days.join(', ')}; it is ${(now / DAY_MS).toFixed(2)}`
    const some = `${missing.length} of ${due.length} exposures of device ${mark}`
    book.breach('lost', `${some} have no sample (${where})`)
  }

  return {
    async look(devices, { settled = false } = {}) {
      const store = openStore(join(dir, 'store'))
      try {
        for (const told of devices) await lookAtEvents(store, told, settled)
        await lookAtSamples(store)
        await lookAtImports(store, settled)
        await lookAtIndex(store, settled)
        if (settled) for (const told of devices) await lookForMissing(store, told)
      } finally {
        await store.close()
      }
    },
  }
}
