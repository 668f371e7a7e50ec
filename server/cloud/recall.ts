/** How good an index is: what it finds beside what there is. */
import { seeded } from '../../shared/random.ts'
import type { Neighbours } from './neighbours.ts'

/** Float32 sums of other orders differ by so much. */
const TIE = 2e-6

/**
 * Share of their `k` nearest users that `queries` users, drawn by `seed`, are given by an index, against an exact search.
 * Equally near ones are as good as each other: what counts is to be no farther than the k-th. 1 where nobody has another.
 */
export function recallOf(index: Neighbours, k: number, queries: number, seed: number): number {
  const due = Math.min(k, index.count - 1)
  if (due < 1) return 1
  const random = seeded(seed)
  const users = index.users()
  const asked = Uint32Array.from(
    { length: Math.min(queries, users.length) },
    () => users[random.below(users.length)]!,
  )
  const found = index.nearestTo(asked, k)
  let good = 0
  asked.forEach((user, i) => {
    const least = cosineOfLast(index, user, due) - TIE
    for (const other of found[i]!) if (cosine(index, user, index.pointOf(other)) >= least) good++
  })
  return good / due / asked.length
}

/** The cosine that the `k`-th nearest of a user has: by looking at every point. */
function cosineOfLast(index: Neighbours, user: number, k: number): number {
  const own = index.pointOf(user)
  const best = new Float64Array(k + 1).fill(Number.NEGATIVE_INFINITY)
  const at = new Uint32Array(k + 1)
  for (let point = 0; point < index.points; point++) {
    if (index.at(point) === 0) continue
    const near = cosine(index, user, point)
    if (near <= best[k]!) continue
    let place = k
    for (; place > 0 && best[place - 1]! < near; place--) {
      best[place] = best[place - 1]!
      at[place] = at[place - 1]!
    }
    best[place] = near
    at[place] = point
  }
  let users = 0
  for (let i = 0; i <= k && best[i]! > Number.NEGATIVE_INFINITY; i++) {
    users += index.at(at[i]!) - (at[i] === own ? 1 : 0)
    if (users >= k) return best[i]!
  }
  return Number.NEGATIVE_INFINITY
}

function cosine({ dims, rows, pointOf }: Neighbours, user: number, point: number): number {
  const vectors = rows()
  const a = pointOf(user) * dims
  const b = point * dims
  let sum = 0
  for (let i = 0; i < dims; i++) sum += vectors[a + i]! * vectors[b + i]!
  return sum
}
