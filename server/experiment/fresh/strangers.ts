/** Whose batches a user of the arm with strangers' gets: of somebody who has been reading just as lately, whoever that is. */
import { DAY_MS } from '../../../shared/clock.ts'
import { lotOf } from './buckets.ts'
import type { Activity } from './world.ts'

export interface Strangers {
  /** A user clicked; times do not fall. */
  clicked(user: number, at: number): void
  /** For `user`, whoever that is: all day the same one of those who had clicked in the day before `at`; undefined: nobody had. */
  of(user: number, at: number): number | undefined
}

/** Clicks that a stranger has had at least: as many as those who are judged. */
const KNOWN_CLICKS = 10

/** `before`: who has clicked so far. */
export function createStrangers(seed: number, before: ReadonlyMap<number, Activity>): Strangers {
  const active = new Map(before)
  let today = -1
  let awake: number[] = []

  function turn(day: number, at: number): void {
    today = day
    awake = [...active]
      .filter(([, { clicks, last }]) => clicks >= KNOWN_CLICKS && last >= at - DAY_MS)
      .map(([user]) => user)
  }

  return {
    clicked(user, at) {
      active.set(user, { clicks: (active.get(user)?.clicks ?? 0) + 1, last: at })
    },
    of(user, at) {
      const day = Math.floor(at / DAY_MS)
      if (day !== today) turn(day, at)
      return awake[Math.floor(lotOf(`stranger ${seed} ${day}`, `${user}`) * awake.length)]
    },
  }
}
