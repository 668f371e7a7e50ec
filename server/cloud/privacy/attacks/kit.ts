/**
 * For the tests that attack: a cloud over a population, accounts that anybody could make, and what these are handed, with
 * the truth beside it that an attacker would like to know.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Catalogue, FIRST_ID, UNKNOWN_ID } from '../../../../shared/catalogue.ts'
import { decodeBatch } from '../../../../shared/codec.ts'
import type { KindredEvent } from '../../../../shared/event.ts'
import { type Hyper, hyper } from '../../../../shared/hyper.ts'
import { auc } from '../../../../shared/metrics.ts'
import type { MatchedSample } from '../../../../shared/sample.ts'
import { type FeatureSchema, layoutOf, slotOf } from '../../../../shared/schema.ts'
import { schemas } from '../../../../shared/schemas/index.ts'
import { demo } from '../../../sources/demo.ts'
import type { Source } from '../../../sources/source.ts'
import { eventIds } from '../../../sources/timeline.ts'
import { openStore } from '../../../store/lmdb.ts'
import type { Store } from '../../../store/store.ts'
import { type Cloud, openCloud } from '../../cloud.ts'
import { outsideIds } from '../../packing/batch.ts'
import { secretOf } from '../../secret.ts'
import { DAY, HOUR, NOON } from '../../toy.ts'
import { type Privacy, privacy } from '../settings.ts'

export interface Person {
  readonly user: number
  /** Positions in the catalogue of what they clicked, in the order of clicking. */
  readonly clicks: readonly number[]
  readonly events: readonly KindredEvent[]
}

export interface Handed {
  readonly sample: MatchedSample
  /** Positions in the catalogue that the sample names as clicked. */
  readonly clicks: ReadonlySet<number>
  /** Which batch of the day it came in. */
  readonly batch: number
  /** The truth: whose it is, and its number inside. */
  readonly owner: number
  readonly number: number
}

export interface World {
  readonly cloud: Cloud
  readonly store: Store
  readonly schema: FeatureSchema
  readonly catalogue: Catalogue
  /** Moves with `time.now = …`. */
  readonly time: { now: number }
  readonly people: readonly Person[]
  /** An account that says it was shown these items, in this order, and clicked them all. */
  join(items: readonly number[]): Promise<number>
  /** All of the account's batches of today. */
  handed(user: number): Promise<Handed[]>
  done(): Promise<void>
}

export interface WorldOptions {
  readonly privacy?: Privacy
  readonly hyper?: Hyper
  /** People of the generated population, or of the source, who are imported. */
  readonly users?: number
  readonly source?: (now: number) => Promise<Source>
}

/** A population, its day prepared. */
export async function openWorld({
  privacy: settings = privacy(),
  hyper: numbers = hyper(),
  users = 200,
  source = (now) => demo(undefined, { clock: { now: () => now }, users, seed: 1 }),
}: WorldOptions = {}): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'kindred-attack-'))
  const time = { now: NOON }
  const clock = { now: () => time.now }
  const opened = await source(NOON)
  // What is drawn by lot hangs on the folder's key.
  const fresh = openStore(join(dir, 'store'))
  await fresh.meta.put('secret', '5eed'.repeat(16))
  await fresh.close()
  const cloud = await openCloud({ dataDir: dir, clock, privacy: settings, hyper: numbers, freshBatches: 0 })
  const people: Person[] = []
  await cloud.importSource(firstOf(opened, users, people))
  await cloud.prepare()
  const store = openStore(join(dir, 'store'))
  const { catalogue } = opened
  const schema = schemas[opened.schema](catalogue)
  let joined = 0

  return {
    cloud,
    store,
    schema,
    catalogue,
    time,
    people,
    async join(items) {
      const { device } = await cloud.register()
      const user = (await cloud.userOf(device))!
      await cloud.ingest(
        user,
        clicking(
          `joined-${joined++}`,
          items.map((item) => catalogue.items[item]!.key),
          time.now,
        ),
      )
      return user
    },
    async handed(user) {
      const { day, count } = await cloud.batches(user)
      store.refresh()
      const { ids, starts, users: owners } = await store.samples.owned()
      const ownerOf = new Map<number, number>()
      owners.forEach((owner, i) => {
        for (let at = starts[i]!; at < starts[i + 1]!; at++) ownerOf.set(ids[at]!, owner)
      })
      const key = (await secretOf(store)).subarray(0, 16)
      const found: Handed[] = []
      for (let batch = 0; batch < count; batch++) {
        const numbers = [...(await store.mappings.batch(user, day, batch))!]
        const names = outsideIds(key, user, numbers)
        const numberOf = new Map(
          numbers.map((number, i) => [names.toString('hex', 8 * i, 8 * i + 8), number]),
        )
        for (const sample of decodeBatch(schema, (await cloud.batch(user, day, batch))!)) {
          const number = numberOf.get(sample.id)!
          found.push({ sample, clicks: clicksIn(schema, sample), batch, owner: ownerOf.get(number)!, number })
        }
      }
      return found
    },
    async done() {
      await store.close()
      await cloud.close()
      rmSync(dir, { recursive: true })
    },
  }
}

/** The first users of a source, who are noted as people: numbered as they come. */
function firstOf(source: Source, count: number, people: Person[]): Source {
  const index = new Map(source.catalogue.items.map(({ key }, i) => [key, i]))
  return {
    ...source,
    async *users() {
      for await (const one of source.users()) {
        if (people.length >= count) return
        const clicks = one.events.flatMap((event) => (event.type === 'click' ? [index.get(event.item)!] : []))
        people.push({ user: people.length, clicks, events: one.events })
        yield one
      }
    },
  }
}

/** What a fake account says of itself: these items, one a minute, the last of them an hour ago. */
function clicking(name: string, items: readonly string[], now: number): KindredEvent[] {
  const id = eventIds('attack', name)
  return items.flatMap((item, i): KindredEvent[] => {
    const at = now - HOUR - 60_000 * (items.length - i)
    const exposure = { type: 'exposure', id: id(at), at, item } as const
    return [exposure, { type: 'click', id: id(at + 1000), at: at + 1000, item, exposure: exposure.id }]
  })
}

function clicksIn(schema: FeatureSchema, { ids, label }: MatchedSample): Set<number> {
  const layout = layoutOf(schema)
  const { at, width } = slotOf(layout, 'clicks')
  const named = [
    ...ids.subarray(at, at + width),
    label === 1 ? ids[slotOf(layout, 'target').at]! : UNKNOWN_ID,
  ]
  return new Set(named.filter((id) => id > UNKNOWN_ID).map((id) => id - FIRST_ID))
}

/** Area under the ROC curve; a half where there are none of a kind. */
export const areaOf = (hits: readonly number[], misses: readonly number[]): number =>
  auc([...hits, ...misses], [...hits.map(() => 1), ...misses.map(() => 0)]) ?? 0.5

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** |a ∩ b| / |a ∪ b| */
export function overlap(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let both = 0
  for (const one of a) if (b.has(one)) both++
  return both === 0 ? 0 : both / (a.size + b.size - both)
}

/** One line of the table: an attack, under which settings, how well it went, and what guessing would come to. */
export function tell(
  attack: string,
  settings: string,
  success: number | string,
  guessing: number | string,
): void {
  const shown = (value: number | string) => (typeof value === 'number' ? value.toFixed(3) : value)
  process.stdout.write(
    `  ${attack.padEnd(46)} ${settings.padEnd(44)} ${shown(success).padStart(12)}   guessing ${shown(guessing)}\n`,
  )
}

export { DAY, HOUR, NOON }
