/**
 * User vectors: the mean over a user's samples of the dense feature that the schema names for it, or what that was before
 * their latest click (`vectorOf`). Only its direction counts where users are matched, so the sum serves as well.
 */
import type { KindredEvent } from '../../shared/event.ts'
import { type Context, generateSamples, UserState } from '../../shared/generate.ts'
import { slotOf } from '../../shared/schema.ts'
import type { Profile } from '../store/ports/samples.ts'

export const vectorOf = ({ samples, sum }: Pick<Profile, 'samples' | 'sum'>): Float32Array =>
  Float32Array.from(sum, (value) => value / samples)

/** A user without clicks has none of the tastes that users are matched by. */
export function isZero(vector: ArrayLike<number>): boolean {
  for (let i = 0; i < vector.length; i++) if (vector[i] !== 0) return false
  return true
}

/**
 * The direction of a user by their events so far, settled or not; by their latest, it is the feature as it is now. Of a feed
 * that was shown all at once, every sample knows only what came before it, which may be nothing: then it is that, too.
 */
export function directionNow(
  context: Context,
  events: readonly KindredEvent[],
  now: number,
): ArrayLike<number> {
  const { at, width } = slotOf(context.layout, context.schema.userVector)
  if (context.schema.vectorOf !== 'latest') {
    const sum = new Float64Array(width)
    for (const { sample } of generateSamples(context, events, now))
      for (let i = 0; i < width; i++) sum[i]! += sample.dense[at + i]!
    if (!isZero(sum)) return sum
  }
  const state = new UserState(context)
  for (const event of events) state.observe(event)
  return state.sample(0, now, 0).dense.subarray(at, at + width)
}
