/** What a feed showed to somebody who then clicked on one thing of it. */
import type { ItemContext, KindredEvent } from '../../shared/event.ts'
import type { Random } from '../../shared/random.ts'

/** A click follows what was shown by a second, where the user's events leave room for it. */
const CLICK_AFTER_MS = 1000

/** Items passed over for each click, where there are so many. */
export const PASSED_OVER = 4

interface Seen {
  readonly at: number
  readonly item: string
  readonly passedOver: readonly string[]
  /** What the app knew of each. */
  readonly context?: (item: string) => ItemContext | undefined
}

/** An exposure of `item` among those of `passedOver`, in a drawn order, and at `at` the click on it. */
export function impression(
  stamp: (at: number) => { id: string; at: number },
  random: Random,
  { at, item, passedOver, context = () => undefined }: Seen,
): KindredEvent[] {
  let exposure = ''
  const events = random.shuffle([item, ...passedOver]).map((shown): KindredEvent => {
    const stamped = stamp(at - CLICK_AFTER_MS)
    if (shown === item) exposure = stamped.id
    const told = context(shown)
    return { type: 'exposure', ...stamped, item: shown, ...(told && { context: [...told] }) }
  })
  events.push({ type: 'click', ...stamp(at), item, exposure })
  return events
}
