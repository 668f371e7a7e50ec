import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BatchList, batchListSchema } from '../../shared/api.ts'
import { FIRST_ID, UNKNOWN_ID } from '../../shared/catalogue.ts'
import { decodeBatch } from '../../shared/codec.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { sha256 } from '../../shared/hash.ts'
import { hyper } from '../../shared/hyper.ts'
import { checkWeights, din } from '../../shared/model/spec.ts'
import { readSafetensors } from '../../shared/safetensors.ts'
import type { MatchedSample } from '../../shared/sample.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import { schemas } from '../../shared/schemas/index.ts'
import type { Manifest } from '../../shared/task.ts'
import { openStore } from '../store/lmdb.ts'
import {
  browsing,
  catalogue,
  DAY,
  HOUR,
  NOON,
  type ToyCloud,
  toyCloud,
  toyPrivacy,
  toySource,
} from './toy.ts'

const schema = schemas.demo(catalogue)

describe('the cloud', () => {
  let toy: ToyCloud
  beforeEach(async () => {
    toy = await toyCloud()
  })
  afterEach(() => toy.done())

  async function device(): Promise<{ user: number; credential: string }> {
    const { credential } = await toy.cloud.register()
    return { user: (await toy.cloud.authenticate(credential))!, credential }
  }
  /**
   * A user with a device who loves `colour`. Their events are the same in every run: by ids that hung on the credential two
   * exposures would now and then pass for one (`exposureTag`).
   */
  async function visitor(colour: number, options: Parameters<typeof browsing>[2] = {}): Promise<number> {
    const { user } = await device()
    const from = toy.time.now - 2 * HOUR
    await toy.cloud.ingest(user, browsing(`visitor ${user}`, colour, { from, ...options }))
    return user
  }
  async function pull(user: number, { day, count }: BatchList): Promise<MatchedSample[][]> {
    const batches = []
    for (let n = 0; n < count; n++) batches.push(decodeBatch(schema, (await toy.cloud.batch(user, day, n))!))
    return batches
  }
  /** The store behind the cloud, for looking. */
  async function look<T>(at: (store: ReturnType<typeof openStore>) => Promise<T>): Promise<T> {
    const store = openStore(join(toy.dir, 'store'))
    try {
      return await at(store)
    } finally {
      await store.close()
    }
  }
  const favourite = (sample: MatchedSample): number => {
    const { at, width } = slotOf(layoutOf(schema), 'taste')
    const taste = [...sample.dense.subarray(at, at + width)]
    return taste.indexOf(Math.max(...taste))
  }

  describe('credentials', () => {
    it('know their device, also after a restart, and nobody else', async () => {
      const { user, credential } = await device()
      await toy.reopen()
      expect(await toy.cloud.authenticate(credential)).toBe(user)
      const [name, secret] = credential.split('.') as [string, string]
      const wrong = [
        '',
        '.',
        name,
        `${name}.`,
        `${name}.x`,
        `.${secret}`,
        `${name}.${secret}x`,
        `x.${secret}`,
      ]
      for (const one of wrong) expect(await toy.cloud.authenticate(one)).toBeUndefined()
    })

    it('are not kept in clear', async () => {
      const secret = (await device()).credential.split('.')[1]!
      await toy.cloud.close()
      const file = readFileSync(join(toy.dir, 'store', 'data.mdb'))
      expect(file.includes(secret)).toBe(false)
      await toy.reopen()
    })
  })

  describe('ingest', () => {
    it('holds each event once, however uploads are cut, repeated and mixed', async () => {
      const events = browsing('x', 1, { count: 30 })
      const slices = fc.array(
        fc.tuple(fc.nat({ max: events.length - 1 }), fc.integer({ min: 1, max: events.length })),
        { minLength: 1, maxLength: 12 },
      )
      await fc.assert(
        fc.asyncProperty(slices, async (cuts) => {
          const { user } = await device()
          const uploads = cuts.map(([from, length]) => events.slice(from, from + length))
          const answers = await Promise.all(uploads.map((upload) => toy.cloud.ingest(user, upload)))
          const sent = new Set(uploads.flat().map(({ id }) => id))
          expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(sent.size)
          expect(answers.map(({ accepted, known }) => accepted + known)).toEqual(uploads.map((u) => u.length))
          const held = await look((store) => store.events.of(user))
          expect(held).toEqual(events.filter(({ id }) => sent.has(id)))
        }),
        { seed: 1, numRuns: 25 },
      )
    })

    it('lets nothing happen after now', async () => {
      const { user } = await device()
      const [event] = browsing('x', 1, { from: NOON + DAY, count: 1 })
      await toy.cloud.ingest(user, [event!])
      expect(await look((store) => store.events.of(user))).toEqual([{ ...event, at: NOON }])
    })
  })

  describe('an import', () => {
    it('brings every event once', async () => {
      expect(await toy.cloud.isEmpty()).toBe(true)
      const first = await toy.cloud.importSource(toySource())
      expect(first.users).toBe(30)
      expect(await toy.cloud.importSource(toySource())).toEqual({ users: 0, events: 0 })
      await toy.reopen()
      expect(toy.cloud.sourceName()).toBe('toy')
      expect(await toy.cloud.status()).toMatchObject({ users: 30, events: first.events, prepared: false })
    })

    it('that fails leaves nothing', async () => {
      await expect(toy.cloud.importSource(toySource({ breakAt: 20, exposures: 1000 }))).rejects.toThrow(
        'toy.txt, line 20',
      )
      expect(await toy.cloud.isEmpty()).toBe(true)
      expect(await toy.cloud.status()).toMatchObject({ users: 0, events: 0 })
      await toy.cloud.importSource(toySource({ count: 3 }))
      expect(await toy.cloud.status()).toMatchObject({ users: 3 })
    })

    it('refuses an event that does not fit, and another catalogue', async () => {
      const bad = {
        ...toySource(),
        users: async function* () {
          yield { user: 'a', events: [{ type: 'exposure', id: 'x', at: 1, item: 'k' } as KindredEvent] }
        },
      }
      await expect(toy.cloud.importSource(bad)).rejects.toMatchObject({ code: 'bad-input' })
      await toy.cloud.importSource(toySource({ count: 3 }))
      const other = { ...toySource(), catalogue: { ...catalogue, noun: 'film' } }
      await expect(toy.cloud.importSource(other)).rejects.toMatchObject({ code: 'bad-input' })
    })
  })

  describe('a prepared day', () => {
    beforeEach(async () => {
      await toy.cloud.importSource(toySource())
    })

    it('has samples, an index and batches, and is not done twice', async () => {
      const user = await visitor(0)
      const seen: string[] = []
      const done = await toy.cloud.prepare({ progress: ({ stage }) => seen.push(stage) })
      expect(done).toMatchObject({ day: Math.floor(NOON / DAY), users: 31, samples: 31 * 40, mapped: 1 })
      expect(new Set(seen)).toEqual(
        new Set(['Counting viewers', 'Making samples', 'Indexing users', 'Matching']),
      )
      const before = readdirSync(join(toy.dir, 'index'))
      expect(before.map((name) => name.split('.')[1])).toEqual(['graph', 'points'])
      expect(await toy.cloud.prepare()).toMatchObject({ samples: 0, mapped: 0, users: 31 })
      expect(readdirSync(join(toy.dir, 'index'))).toEqual(before)
      expect((await toy.cloud.status()).prepared).toBe(true)
      expect(await toy.cloud.batches(user)).toEqual({ day: done.day, count: 12, state: 'ready' })
      toy.time.now += DAY
      expect((await toy.cloud.status()).prepared).toBe(false)
    })

    it('hands out samples of kindred users: never the own, none twice, none finer than the day', async () => {
      const user = await visitor(2)
      await toy.cloud.prepare()
      const list = await toy.cloud.batches(user)
      const batches = await pull(user, list)
      expect(batches.map(({ length }) => length)).toEqual(Array(12).fill(25))
      const samples = batches.flat()
      expect(new Set(samples.map(({ id }) => id)).size).toBe(300)
      for (const { at } of samples) expect(at % DAY).toBe(0)
      const ids = await look(async (store) => {
        const own = (await store.samples.of(user)).ids
        const mapped = new Set(await store.mappings.given(user, list.day, list.day))
        return { own, mapped }
      })
      expect(ids.own).toHaveLength(40)
      expect(ids.mapped.size).toBe(300)
      for (const id of ids.own) expect(ids.mapped.has(id)).toBe(false)
      // The user sees the same bytes at every pull, and 404s beyond.
      expect(await toy.cloud.batch(user, list.day, 3)).toEqual(await toy.cloud.batch(user, list.day, 3))
      expect(await toy.cloud.batch(user, list.day, 12)).toBeUndefined()
      expect(await toy.cloud.batch(user, list.day - 1, 0)).toBeUndefined()
    })

    it('favours those of like taste when there are more users than neighbours', async () => {
      await toy.done()
      toy = await toyCloud({ hyper: hyper({ neighbours: 8, batchesPerDay: 4 }) })
      await toy.cloud.importSource(toySource())
      const user = await visitor(1)
      await toy.cloud.prepare()
      const samples = (await pull(user, await toy.cloud.batches(user))).flat()
      const kindred = samples.filter((sample) => favourite(sample) === 1)
      expect(kindred.length / samples.length).toBeGreaterThan(0.9)
    })

    it('gives no sample again within seven days', async () => {
      const user = await visitor(0)
      const given = new Set<string>()
      for (let day = 0; day < 3; day++) {
        await toy.cloud.prepare()
        const samples = (await pull(user, await toy.cloud.batches(user))).flat()
        for (const { id } of samples) given.add(id)
        expect(given.size).toBe(300 * (day + 1))
        toy.time.now += DAY
      }
    })

    it('is made in the morning for those who were there the day before, and for others when they come', async () => {
      const staying = await visitor(0)
      const away = await visitor(1)
      expect(await toy.cloud.prepare()).toMatchObject({ mapped: 2 })
      toy.time.now += DAY
      await toy.cloud.ingest(
        staying,
        browsing('later', 0, { from: toy.time.now - 2 * HOUR, count: 10, seed: 5 }),
      )
      expect(await toy.cloud.prepare()).toMatchObject({ samples: 10, mapped: 1 })
      const today = Math.floor(toy.time.now / DAY)
      expect(await look((store) => store.mappings.count(staying, today))).toBe(12)
      expect(await look((store) => store.mappings.count(away, today))).toBe(0)
      expect(await toy.cloud.batches(away)).toEqual({ day: today, count: 12, state: 'ready' })
    })

    it('drops mappings after seven days', async () => {
      const user = await visitor(0)
      await toy.cloud.prepare()
      const { day } = await toy.cloud.batches(user)
      const left = () => look((store) => store.mappings.count(user, day))
      toy.time.now += 6 * DAY
      await toy.cloud.prepare()
      expect(await left()).toBe(12)
      toy.time.now += DAY
      await toy.cloud.prepare()
      expect(await left()).toBe(0)
    })

    it('matches a new visitor at once, by what they clicked so far, once a day', async () => {
      await toy.cloud.prepare()
      const { user } = await device()
      expect(await toy.cloud.batches(user)).toMatchObject({ count: 0, state: 'too-few-clicks' })
      // All of it within the last half hour: none of it is settled.
      const events = browsing('new', 1, { from: NOON - 25 * 60_000, count: 20 })
      await toy.cloud.ingest(user, events)
      const lists = await Promise.all([toy.cloud.batches(user), toy.cloud.batches(user)])
      expect(lists[0]).toEqual({ day: Math.floor(NOON / DAY), count: 12, state: 'ready' })
      expect(lists[1]).toEqual(lists[0])
      const bytes = await toy.cloud.batch(user, lists[0].day, 0)
      await toy.cloud.ingest(user, browsing('new, later', 2, { from: NOON - 4 * 60_000, count: 4 }))
      expect(await toy.cloud.batches(user)).toEqual(lists[0])
      expect(await toy.cloud.batch(user, lists[0].day, 0)).toEqual(bytes)
      batchListSchema.parse(lists[0])
    })

    it('is that of one moment, although the day ends while somebody asks', async () => {
      await toy.cloud.prepare()
      const user = await visitor(0)
      const day = Math.floor(NOON / DAY)
      let reading = 0
      Object.defineProperty(toy.time, 'now', { get: () => (day + 1) * DAY - 1 + reading++ })
      expect(await toy.cloud.batches(user)).toEqual({ day, count: 12, state: 'ready' })
      reading = 0
      expect(await toy.cloud.status()).toMatchObject({ day, prepared: true })
    })

    it('gives nobody what it is about to drop, to those who come before it is prepared either', async () => {
      await visitor(0)
      await toy.cloud.prepare()
      toy.time.now += 4 * DAY
      await visitor(0, { seed: 9 })
      await toy.cloud.freshen()
      toy.time.now += 4 * DAY
      const early = await visitor(0, { seed: 10 })
      const list = await toy.cloud.batches(early)
      const before = await pull(early, list)
      expect(before.flat().length).toBeGreaterThan(0)
      await toy.cloud.prepare()
      expect(await pull(early, list)).toEqual(before)
    })

    it('has no neighbours for anybody before it is prepared', async () => {
      expect(await toy.cloud.batches(await visitor(0))).toMatchObject({ count: 0, state: 'no-neighbours' })
    })

    it('survives a damaged index: another is made of what is known of the users', async () => {
      await toy.cloud.prepare()
      const user = await visitor(0)
      const folder = join(toy.dir, 'index')
      for (const name of readdirSync(folder)) {
        const path = join(folder, name)
        writeFileSync(path, Buffer.alloc(statSync(path).size))
      }
      await toy.reopen()
      expect(await toy.cloud.batches(user)).toMatchObject({ state: 'ready', count: 12 })
    })

    it('is stopped when asked, and can be done again', async () => {
      const stop = new AbortController()
      const stopped = toy.cloud.prepare({ signal: stop.signal })
      // The thread is only starting: both messages are there before it begins. Later it might be through before it is told.
      await new Promise(setImmediate)
      stop.abort()
      await expect(stopped).rejects.toMatchObject({ code: 'cancelled' })
      expect((await toy.cloud.prepare()).users).toBe(30)
    })

    it('begins by itself', { timeout: 65_000 }, async () => {
      const stop = toy.cloud.followDays(5)
      await expect.poll(async () => (await toy.cloud.status()).prepared, { timeout: 30_000 }).toBe(true)
      toy.time.now += DAY
      await expect.poll(async () => (await toy.cloud.status()).prepared, { timeout: 30_000 }).toBe(true)
      stop()
    })
  })

  describe('fresh samples', () => {
    beforeEach(async () => {
      await toy.done()
      toy = await toyCloud({ freshBatches: 4 })
      await toy.cloud.importSource(toySource())
    })

    it('can be given as soon as they are made: in further whole batches, and none that was listed changes', async () => {
      const asking = await visitor(0)
      await toy.cloud.prepare()
      const morning = await toy.cloud.batches(asking)
      expect(morning.count).toBe(8)
      const before = await pull(asking, morning)
      const other = await visitor(0, { seed: 9 })
      // Acknowledged, and not made yet.
      expect(await toy.cloud.batches(asking)).toEqual(morning)
      expect(await toy.cloud.freshen()).toEqual({ samples: 40, moved: 1 })
      expect(await toy.cloud.freshen()).toEqual({ samples: 0, moved: 0 })
      const list = await toy.cloud.batches(asking)
      expect(list).toEqual({ ...morning, count: 9 })
      expect(await toy.cloud.batches(asking)).toEqual(list)
      const after = await pull(asking, list)
      expect(after.slice(0, 8)).toEqual(before)
      const known = new Set(before.flat().map(({ id }) => id))
      expect(after[8]!.filter(({ id }) => known.has(id))).toEqual([])
      expect(after[8]!.length).toBeGreaterThanOrEqual(25)
      const given = await look(async (store) => ({
        batch: (await store.mappings.batch(asking, list.day, 8))!,
        fresh: new Set((await store.samples.of(other)).ids),
      }))
      expect(given.batch.every((id) => given.fresh.has(id))).toBe(true)
    })

    it('of news are given anew each time, by where the reader stands, and nobody is matched before they come', async () => {
      await toy.done()
      toy = await toyCloud({ hyper: hyper({ batchesPerDay: 6, neighbours: 8 }), freshBatches: 4 })
      await toy.cloud.importSource({ ...toySource(), schema: 'globo' })
      const asking = await visitor(0)
      expect(await toy.cloud.prepare()).toMatchObject({ mapped: 0 })
      const first = await toy.cloud.batches(asking)
      expect(first.count).toBe(2)
      await visitor(1, { seed: 9 })
      await toy.cloud.freshen()
      const again = await toy.cloud.batches(asking)
      expect(again.count).toBe(4)
      const given = await look(async (store) => {
        const all = (await store.mappings.of(asking, again.day))!.batches.map((batch) => [...batch])
        return { all: all.flat(), next: await store.samples.next() }
      })
      expect(new Set(given.all).size).toBe(100)
      // Also of what there was before: the other visitor has forty.
      expect(given.all.slice(50).some((id) => id < given.next - 40)).toBe(true)
    })

    it('of one who is erased, or shares no more, are given to nobody', async () => {
      const asking = await visitor(0)
      await toy.cloud.prepare()
      const morning = await toy.cloud.batches(asking)
      const leaving = await visitor(0, { seed: 9 })
      const silent = await visitor(0, { seed: 10 })
      expect(await toy.cloud.freshen()).toMatchObject({ samples: 80 })
      await toy.cloud.erase(leaving)
      await toy.cloud.consent(silent, false)
      expect(await toy.cloud.batches(asking)).toEqual(morning)
      expect(await toy.cloud.prepare()).toMatchObject({ users: 31 })
      expect(await toy.cloud.batches(asking)).toEqual(morning)
    })

    it('wait for what may still be clicked, and are made when it has settled, without a new event', async () => {
      await toy.cloud.prepare()
      const user = await visitor(0, { from: NOON - 20 * 60_000, count: 20 })
      const made = await toy.cloud.freshen()
      const clicks = await look(async (store) => {
        const events = await store.events.of(user)
        return events.filter(({ type }) => type === 'click').length
      })
      expect(made.samples).toBe(clicks)
      toy.time.now += 15 * 60_000
      const then = await toy.cloud.freshen()
      expect(then.samples).toBeGreaterThan(0)
      toy.time.now += 30 * 60_000
      expect(made.samples + then.samples + (await toy.cloud.freshen()).samples).toBe(20)
    })
  })

  describe('privacy', () => {
    it('hides items that fewer than k users have seen', async () => {
      await toy.done()
      toy = await toyCloud({ privacy: toyPrivacy({ hideBelow: 31 }) })
      await toy.cloud.importSource(toySource())
      const asking = await visitor(0)
      await toy.cloud.prepare()
      const samples = (await pull(asking, await toy.cloud.batches(asking))).flat()
      const target = slotOf(layoutOf(schema), 'target').at
      const viewers = new Map<number, Set<string>>()
      for await (const { user, events } of toySource().users())
        for (const event of events)
          if (event.type === 'exposure') {
            const id = FIRST_ID + Number(event.item.slice(1))
            viewers.set(id, (viewers.get(id) ?? new Set()).add(user))
          }
      for (const { ids } of samples) {
        const id = ids[target]!
        if (id !== UNKNOWN_ID) expect(viewers.get(id)!.size + 1).toBeGreaterThanOrEqual(31)
      }
      expect(samples.some(({ ids }) => ids[target] === UNKNOWN_ID)).toBe(true)
    })

    it('forgets a user everywhere, and says what it removed', async () => {
      await toy.cloud.importSource(toySource())
      const leaving = await visitor(0)
      const staying = await visitor(0)
      await toy.cloud.prepare()
      const list = await toy.cloud.batches(staying)
      const own = await look((store) => store.samples.of(leaving))
      const mappedBefore = await look((store) => store.mappings.given(staying, list.day, list.day))
      const shared = [...own.ids].filter((id) => mappedBefore.includes(id))
      expect(shared.length).toBeGreaterThan(0)
      const events = await look((store) => store.events.of(leaving))
      const erased = await toy.cloud.erase(leaving)
      expect(erased).toEqual({ events: events.length, samples: 40, mappings: 300 })
      // Their numbers lead nowhere, for ever.
      const rows = await look((store) => store.samples.rows(own.ids))
      expect(rows.every((row) => row === undefined)).toBe(true)
      expect((await pull(staying, list)).flat()).toHaveLength(300 - shared.length)
      await expect(toy.cloud.ingest(leaving, events)).rejects.toMatchObject({ code: 'unauthorised' })
      expect(await toy.cloud.erase(leaving)).toBeUndefined()
      // The vector has left the index too: nobody can be matched with who is gone.
      expect(await toy.cloud.prepare()).toMatchObject({ users: 31, samples: 0 })
    })
  })

  describe('the global model', () => {
    it('learns, is published whole, and rises in version', async () => {
      await toy.cloud.importSource(toySource({ count: 60 }))
      await expect(toy.cloud.train()).rejects.toMatchObject({ code: 'not-ready' })
      await toy.cloud.prepare()
      expect(await toy.cloud.manifest()).toBeUndefined()
      const result = await toy.cloud.train({ epochs: 8, batchSize: 32, learningRate: 0.005 })
      expect(result.version).toBe(1)
      expect(result.losses[0]).toBeGreaterThan(result.losses.at(-1)!)
      expect(result.auc).toBeGreaterThan(0.6)
      expect(result.trained + 200).toBe(2400)
      const manifest = (await toy.cloud.manifest())!
      const model = (await toy.cloud.artifact(manifest.model.sha256))!.bytes
      expect([await sha256(new Uint8Array(model)), model.length]).toEqual([
        manifest.model.sha256,
        manifest.model.bytes,
      ])
      checkWeights(din(manifest.schema, manifest.ranking), readSafetensors(model))
      const listed = (await toy.cloud.artifact(manifest.catalogue.sha256))!.bytes
      expect(JSON.parse(listed.toString())).toEqual(catalogue)
      const again = await toy.cloud.train({ maxSamples: 500, epochs: 1 })
      expect(again).toMatchObject({ version: 2, trained: 400, available: 2400, epochs: 1 })
      // A training that is over leaves nothing to go on from.
      expect(readdirSync(toy.dir).filter((name) => name.includes('checkpoint'))).toEqual([])
    })

    it('has no thread left when it is closed, that of a training that just ended neither', async () => {
      const threads = new Set<Worker>()
      let begun = 0
      const note = (thread: Worker) => {
        begun++
        threads.add(thread)
        thread.once('exit', () => threads.delete(thread))
      }
      process.on('worker', note)
      try {
        await expect(toy.cloud.train()).rejects.toMatchObject({ code: 'not-ready' })
        await toy.cloud.close()
        expect([begun, threads.size]).toEqual([1, 0])
      } finally {
        process.off('worker', note)
        await toy.reopen()
      }
    })

    it('keeps the files of the last three releases, and no others', async () => {
      await toy.cloud.importSource(toySource())
      await toy.cloud.prepare()
      const files = () => readdirSync(join(toy.dir, 'artifacts')).sort()
      const named = (manifests: Manifest[]) =>
        [
          ...new Set(
            manifests
              .flatMap(({ model, catalogue }) => [model, catalogue, ...(model.deltas ?? [])])
              .map(({ sha256 }) => sha256),
          ),
        ]
          .flatMap((name) => [name, `${name}.gz`])
          .sort()
      const manifests: Manifest[] = []
      for (let seed = 1; seed <= 4; seed++) {
        await toy.cloud.train({ epochs: 1, maxSamples: 200, seed })
        manifests.push((await toy.cloud.manifest())!)
        expect(files()).toEqual(named(manifests.slice(-3)))
        // As a process leaves it that is killed while it writes.
        writeFileSync(join(toy.dir, 'artifacts', `${'0'.repeat(64)}.1.part`), 'half')
      }
      expect(new Set(manifests.map(({ model }) => model.sha256)).size).toBe(4)
    })
  })
})
