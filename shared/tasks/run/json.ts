/** What a script gives that is kept as JSON, and no larger than it may be. */
import { AppError } from '../../failure.ts'

/** Of what a script returns, and of what goes with a checkpoint, as JSON. */
export const RESULT_BYTES = 64 << 10
export const STATE_BYTES = 256 << 10

/** A copy. Throws `bad-input`, beginning with `what`. */
export function jsonOf(value: unknown, most: number, what: string): unknown {
  const text = JSON.stringify(value ?? null)
  if (text === undefined || text.length > most)
    throw new AppError('bad-input', `${what} is more than ${most} bytes, or no JSON.`)
  return JSON.parse(text)
}
