/**
 * Sample generation: one user's events in time order become labelled samples. The server runs it over its log and the
 * device over its own events, so that both see the same features for the same history.
 *
 * An exposure's features are what was known just before it. Its label is 1 once it is clicked; it is *settled*, and
 * never changes again, when it was clicked or `settleMs` have passed.
 */
import type { KindredEvent } from './event.ts'
import type { Context } from './generate/context.ts'
import { UserState } from './generate/state.ts'
import type { Sample } from './sample.ts'

export { type Context, createContext, type Discretion } from './generate/context.ts'
export { UserState } from './generate/state.ts'

export interface Generated {
  /** Id of the exposure that the sample tells of. */
  readonly exposure: string
  /** Position of the target in the catalogue. */
  readonly item: number
  readonly sample: Sample
  readonly settled: boolean
}

/**
 * The samples of the exposures in (`after`, `until`] (ms), given all of the user's events in the order of their ids.
 * An item that the catalogue lacks makes no sample.
 */
export function generateSamples(
  context: Context,
  events: readonly KindredEvent[],
  now: number,
  { after = -1, until = now }: { after?: number; until?: number } = {},
): Generated[] {
  const clicked = new Set<string>()
  for (const event of events) if (event.type === 'click') clicked.add(event.exposure)
  const state = new UserState(context)
  const generated: Generated[] = []
  for (const event of events) {
    if (event.type === 'exposure' && event.at > after && event.at <= until) {
      const item = context.index.get(event.item)
      if (item !== undefined) {
        const label = clicked.has(event.id) ? 1 : 0
        const settled = label === 1 || now - event.at >= context.settleMs
        const sample = state.sample(item, event.at, label, event.context)
        generated.push({ exposure: event.id, item, sample, settled })
      }
    }
    state.observe(event)
  }
  return generated
}
