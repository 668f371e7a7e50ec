/**
 * Who is in which arm, as a live experiment has it: by a hash of the user's name, so that whoever comes back is where they
 * were, and no arm knows anything of another's users.
 */
import { createHash } from 'node:crypto'

/** In [0, 1), the same for ever; each `purpose` has lots of its own. */
export function lotOf(purpose: string, user: string): number {
  return createHash('sha256').update(`${purpose}\0${user}`).digest().readUInt32BE() / 2 ** 32
}

/**
 * The arm of each user who is judged: of those that the hash gives to an arm, the `size` that another one draws. Who is added
 * to `users` moves nobody from one arm to another.
 */
export function assign(
  users: Iterable<string>,
  arms: readonly string[],
  size: number,
): ReadonlyMap<string, string> {
  const buckets = arms.map((): string[] => [])
  for (const user of users) buckets[Math.floor(lotOf('bucket', user) * arms.length)]!.push(user)
  const drawn = new Map<string, string>()
  for (const [i, bucket] of buckets.entries()) {
    const inTurn = bucket.toSorted((a, b) => lotOf('draw', a) - lotOf('draw', b))
    for (const user of inTurn.slice(0, size)) drawn.set(user, arms[i]!)
  }
  return drawn
}
