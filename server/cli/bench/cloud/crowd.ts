/** People of the generated population other than those that a server was filled with: they read the same catalogue. */
import { systemClock } from '../../../../shared/clock.ts'
import { demo } from '../../../sources/demo.ts'
import type { UserEvents } from '../../../sources/source.ts'

/** Tastes follow from the number of all people, and no server is filled with so many. */
const ALL = 20_000

/** The weeks of the first `count` people of a crowd, which is told from others by its number. */
export async function* weeksOf(count: number, crowd: number): AsyncGenerator<UserEvents> {
  let left = count
  const source = await demo(undefined, { clock: systemClock, users: ALL + crowd })
  for await (const week of source.users()) {
    if (left-- === 0) return
    yield week
  }
}
