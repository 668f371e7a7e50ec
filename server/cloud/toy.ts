/** For tests: a small population of people who each love one of three colours, and a cloud in a folder that goes away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Catalogue } from '../../shared/catalogue.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { seeded } from '../../shared/random.ts'
import type { Source, UserEvents } from '../sources/source.ts'
import { eventIds } from '../sources/timeline.ts'
import { type Cloud, type CloudOptions, openCloud } from './cloud.ts'
import { privacy } from './privacy/settings.ts'

export const DAY = 86_400_000
export const HOUR = 3_600_000
/** Noon of some day. */
export const NOON = 20_000 * DAY + 12 * HOUR

export const COLOURS = ['red', 'green', 'blue']
export const catalogue: Catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: COLOURS,
  items: Array.from({ length: 60 }, (_, i) => ({ key: `k${i}`, title: `Thing ${i}`, categories: [i % 3] })),
}

/** What somebody who loves `colour` sees and clicks from `from` on, one thing a minute. */
export function browsing(
  user: string,
  colour: number,
  { from = NOON - 30 * HOUR, count = 40, seed = 1 } = {},
): KindredEvent[] {
  const random = seeded(seed)
  const id = eventIds('toy', `${user}/${seed}/${from}`)
  const events: KindredEvent[] = []
  for (let i = 0; i < count; i++) {
    const at = from + i * 60_000
    const item = random.below(catalogue.items.length)
    const exposure = { type: 'exposure', id: id(at), at, item: `k${item}` } as const
    events.push(exposure)
    if (random.next() < (item % 3 === colour ? 0.9 : 0.1))
      events.push({
        type: 'click',
        id: id(at + 5000),
        at: at + 5000,
        item: exposure.item,
        exposure: exposure.id,
      })
  }
  return events
}

/** `count` users; user n loves colour n mod 3. */
export function toySource({
  count = 30,
  exposures = 40,
  from = NOON - 30 * HOUR,
  breakAt = -1,
} = {}): Source {
  return {
    name: 'toy',
    schema: 'demo',
    catalogue,
    async *users(): AsyncIterable<UserEvents> {
      for (let n = 0; n < count; n++) {
        if (n === breakAt) throw new TypeError(`toy.txt, line ${n}: not a thing`)
        yield {
          user: `${n}`,
          events: browsing(`${n}`, n % 3, { seed: n + 1, count: exposures, from }),
        }
      }
    },
  }
}

/** A `toySource` of this size takes long enough to be killed half-way. */
export const BIG = { count: 300, exposures: 200 }

/** A population of thirty hides what three have not seen, each gives much, and who comes today gives today. */
export const toyPrivacy = (changes: Parameters<typeof privacy>[0] = {}) =>
  privacy({ hideBelow: 3, donorAgeDays: 0, donorDayShare: 0.1, donorWeekShare: 0.2, ...changes })

export interface ToyCloud {
  cloud: Cloud
  readonly dir: string
  /** Moves with `time.now = …`. */
  readonly time: { now: number }
  reopen(): Promise<Cloud>
  done(): Promise<void>
}

export async function toyCloud(options: Omit<CloudOptions, 'dataDir' | 'clock'> = {}): Promise<ToyCloud> {
  const dir = mkdtempSync(join(tmpdir(), 'kindred-cloud-'))
  const time = { now: NOON }
  const open = () =>
    openCloud({
      dataDir: dir,
      clock: { now: () => time.now },
      privacy: toyPrivacy(),
      freshBatches: 0,
      ...options,
    })
  const toy = {
    cloud: await open(),
    dir,
    time,
    async reopen() {
      await toy.cloud.close()
      toy.cloud = await open()
      return toy.cloud
    },
    async done() {
      await toy.cloud.close()
      rmSync(dir, { recursive: true })
    },
  }
  return toy
}
