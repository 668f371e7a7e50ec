/** The world that a server dies in: its clock, its catalogue, and the data sets that it imports. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Catalogue } from '../../shared/catalogue.ts'
import { type Clock, DAY_MS } from '../../shared/clock.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { schemas } from '../../shared/schemas/index.ts'
import type { Source } from '../sources/source.ts'
import { eventIds } from '../sources/timeline.ts'

/** A day passes in so many real milliseconds: preparation, settling and retention all come round in a run. */
export const DAY_LASTS_MS = 5000
const START = 20_000 * DAY_MS

/** The same time for all processes of a run that began at `epoch`, however often they are started. */
export const clockSince = (epoch: number): Clock => ({
  now: () => START + Math.floor(((Date.now() - epoch) * DAY_MS) / DAY_LASTS_MS),
})

/** Real milliseconds until the next day begins. */
export const untilTomorrow = (clock: Clock): number =>
  ((DAY_MS - (clock.now() % DAY_MS)) * DAY_LASTS_MS) / DAY_MS

const COLOURS = ['red', 'green', 'blue']
/** Things that everyone may meet in the data sets. */
const COMMON = 60
/** So many devices have things of their own, that nobody else ever sees: by them their samples are known anywhere. */
export const MARKS = 800
const EACH = 6

export const catalogue: Catalogue = {
  name: 'crash',
  noun: 'thing',
  categories: COLOURS,
  items: Array.from({ length: COMMON + MARKS * EACH }, (_, i) => ({
    key: `k${i}`,
    title: `Thing ${i}`,
    categories: [i % COLOURS.length],
  })),
}
export const schema = schemas.demo(catalogue)

/** Whose thing stands at a position of the catalogue; undefined where it is anyone's. */
export const markAt = (position: number): number | undefined =>
  position < COMMON ? undefined : Math.floor((position - COMMON) / EACH)

/** A thing of the device `mark`. */
export function thingOf(mark: number, random: Random): number {
  if (mark >= MARKS) throw new RangeError(`there are things for ${MARKS} devices only`)
  return COMMON + mark * EACH + random.below(EACH)
}

/** Somebody sees a thing; whoever loves its colour clicks it nearly always. */
export function see(
  thing: number,
  loves: number,
  at: number,
  id: (at: number) => string,
  random: Random,
): KindredEvent[] {
  const exposure = { type: 'exposure', id: id(at), at, item: `k${thing}` } as const
  if (random.next() > (thing % COLOURS.length === loves ? 0.9 : 0.15)) return [exposure]
  return [exposure, { type: 'click', id: id(at), at, item: exposure.item, exposure: exposure.id }]
}

/** Users of the data set that there is from the beginning, of each that comes later, and exposures of each user. */
export const CROWD = { first: 60, later: 250, exposures: 80 }

/** The data set number `n`: its users are in no other. */
export function crowd(n: number, now: number): Source {
  return {
    name: 'crash',
    schema: 'demo',
    catalogue,
    async *users() {
      for (let i = 0; i < (n === 0 ? CROWD.first : CROWD.later); i++) {
        // As if it came from a disk.
        if (n > 0) await pause(2)
        const user = `${n}-${i}`
        const random = seeded(1 + n * CROWD.later + i)
        const id = eventIds('crash', user)
        const events: KindredEvent[] = []
        for (let left = CROWD.exposures; left > 0; left--)
          events.push(
            ...see(random.below(COMMON), i % COLOURS.length, now - (left + 60) * 60_000, id, random),
          )
        yield { user, events }
      }
    },
  }
}
