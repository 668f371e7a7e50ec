/** User vectors: the mean over a user's samples of the dense feature that the schema names for it. */
import type { KindredEvent } from '../../shared/event.ts'
import { type Context, type Generated, generateSamples, UserState } from '../../shared/generate.ts'
import { type Slot, slotOf } from '../../shared/schema.ts'
import type { Profile } from '../store/store.ts'

/** [slot.width] */
export function sumOf(generated: readonly Pick<Generated, 'sample'>[], { at, width }: Slot): Float64Array {
  const sum = new Float64Array(width)
  for (const { sample } of generated) for (let i = 0; i < width; i++) sum[i]! += sample.dense[at + i]!
  return sum
}

export const vectorOf = ({ samples, sum }: Pick<Profile, 'samples' | 'sum'>): Float32Array =>
  Float32Array.from(sum, (value) => value / samples)

/** A user without clicks has none of the tastes that users are matched by. */
export const isZero = (vector: ArrayLike<number>): boolean => Array.from(vector).every((value) => value === 0)

/**
 * The vector of a user by their events so far, settled or not. Of a feed that was shown all at once, every sample knows
 * only what came before it, which may be nothing: then it is the feature as it would be now.
 */
export function vectorNow(context: Context, events: readonly KindredEvent[], now: number): Float32Array {
  const slot = slotOf(context.layout, context.schema.userVector)
  const generated = generateSamples(context, events, now)
  const mean = vectorOf({ samples: Math.max(1, generated.length), sum: sumOf(generated, slot) })
  if (!isZero(mean)) return mean
  const state = new UserState(context)
  for (const event of events) state.observe(event)
  return state.sample(0, now, 0).dense.slice(slot.at, slot.at + slot.width)
}
