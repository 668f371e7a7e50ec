/**
 * Algorithm 1 of the paper: the K nearest users by user vector, by cosine. Users stand at points (`points.ts`), and points
 * in a graph (`matching.ts`). A user who moves leaves a point behind that nobody may be at; it stays as a waypoint, passed
 * over in what is found, until there are so many that another index is due.
 */
import { AppError } from '../../shared/failure.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { createGraph, type Graph, threadsFor } from './matching.ts'
import { createPoints, directionOf, type Points } from './points.ts'

export interface Query {
  /** Left out of its own neighbours. */
  readonly user: number
  /** Only its direction counts. */
  readonly vector: ArrayLike<number>
}

export interface Neighbours {
  readonly dims: number
  /** Users who are in it. */
  readonly count: number
  /** Points in the graph, and how many of them nobody is at. */
  readonly points: number
  readonly empty: number
  has(user: number): boolean
  /**
   * Puts users where their vectors are, be they new or somewhere else; tells how many were not there before. Throws
   * `bad-input` for a vector of another width, one that is not finite, and one that is zero, and changes nothing.
   */
  put(users: readonly Query[]): number
  /** Puts those users in who stand where somebody stood already, and leaves out the others. */
  attach(users: readonly Query[]): void
  /** Takes a user out. What only they stood for is written over with the vector of their nearest. */
  remove(user: number): void
  /** The `k` nearest users of each query, nearest first; fewer where there are no more. */
  nearest(queries: readonly Query[], k: number): Uint32Array[]
  /** The same of users who are in it; those who stand together are looked up once. */
  nearestTo(users: Uint32Array, k: number): Uint32Array[]
  /** All users, those who stand together one after the other. */
  users(): Uint32Array
  /**
   * Share of the `k` nearest users that `queries` of those in it are given, drawn by `seed`, against an exact search. Equally
   * near ones are as good as each other: what counts is to be no farther than the k-th.
   */
  recall(k: number, queries: number, seed: number): number
  /** Whether another index would do better: too many waypoints, or one thread for what has grown. */
  readonly worn: boolean
  /** The same users in a new graph. */
  renewed(): Neighbours
  readonly graph: Graph
  /** [points × dims] */
  rows(): Float32Array<ArrayBuffer>
}

/** Share of points without users at which an index is worn: each search passes over as large a share of what it finds. */
const WORN = 0.2
/** Float32 sums of other orders differ by so much. */
const TIE = 2e-6
const NOBODY = 0xffffffff

export function buildNeighbours(dims: number, users: readonly Query[]): Neighbours {
  const index = createNeighbours(createGraph(dims, threadsFor(users.length)))
  index.put(users)
  return index
}

/** Of a new graph, or one of these points. */
export function createNeighbours(graph: Graph, known = createPoints(graph.dims)): Neighbours {
  const { dims } = graph
  const points: Points = known
  /** By point: who is there. */
  const members: number[][] = Array.from({ length: points.size }, () => [])
  /** By user: their point and their place among its members. */
  let pointOf = new Uint32Array(1024).fill(NOBODY)
  let placeOf = new Uint32Array(1024)
  let count = 0
  let empty = points.size

  const has = (user: number) => user < pointOf.length && pointOf[user] !== NOBODY

  function enter(user: number, point: number): void {
    if (user >= pointOf.length) {
      const size = Math.max(user + 1, 2 * pointOf.length)
      const grown = new Uint32Array(size).fill(NOBODY)
      grown.set(pointOf)
      const places = new Uint32Array(size)
      places.set(placeOf)
      pointOf = grown
      placeOf = places
    }
    const there = members[point]!
    if (there.length === 0) empty--
    pointOf[user] = point
    placeOf[user] = there.push(user) - 1
    count++
  }

  function leave(user: number): void {
    const there = members[pointOf[user]!]!
    const last = there.pop()!
    if (last !== user) {
      there[placeOf[user]!] = last
      placeOf[last] = placeOf[user]!
    }
    pointOf[user] = NOBODY
    if (there.length === 0) empty++
    count--
  }

  /** Adds `there` to `found` from a place on that hangs on who asks: of many who are equal, each is given to few. */
  function take(user: number, point: number, found: Uint32Array, taken: number): number {
    const there = members[point]!
    const own = has(user) && pointOf[user] === point
    const from = own ? placeOf[user]! + 1 : user
    const others = own ? there.length - 1 : there.length
    const wanted = Math.min(others, found.length - taken)
    for (let i = 0; i < wanted; i++) found[taken + i] = there[(from + i) % there.length]!
    return taken + wanted
  }

  /** How many points to ask for so that `k` users, the asker left out, stand at them. */
  const reach = (k: number) => Math.ceil((k + 1) / (1 - Math.min(0.5, 1.5 * (empty / points.size))))

  /** By row: for each of its users their k nearest. */
  function around(rows: Float32Array, askers: readonly (readonly number[])[], k: number): Uint32Array[][] {
    const results: Uint32Array[][] = askers.map(() => [])
    let pending = count === 0 ? [] : Array.from(askers.keys())
    for (let wanted = reach(k); pending.length > 0; wanted *= 2) {
      const some = rowsOf(rows, pending)
      const found = graph.search(some, Math.min(wanted, graph.size))
      const whole = found.k >= graph.size
      pending = pending.filter((row, i) => {
        const near = found.points.subarray(i * found.k, i * found.k + found.counts[i]!)
        results[row] = askers[row]!.map((user) => {
          const users = new Uint32Array(k)
          let taken = 0
          for (let j = 0; j < near.length && taken < k; j++) taken = take(user, near[j]!, users, taken)
          return taken < k ? users.slice(0, taken) : users
        })
        return !whole && results[row]!.some(({ length }) => length < k)
      })
    }
    return results
  }

  const rowsOf = (rows: Float32Array, picked: readonly number[]): Float32Array => {
    if (picked.length * dims === rows.length) return rows
    const some = new Float32Array(picked.length * dims)
    picked.forEach((row, i) => void some.set(rows.subarray(row * dims, (row + 1) * dims), i * dims))
    return some
  }

  function directions(queries: readonly Query[]): Float32Array {
    const rows = new Float32Array(queries.length * dims)
    queries.forEach(({ user, vector }, i) => {
      const row = vector.length === dims ? directionOf(vector) : undefined
      if (!row?.every(Number.isFinite))
        throw new AppError('bad-input', `User ${user} has no usable vector of ${dims} numbers.`)
      rows.set(row, i * dims)
    })
    return rows
  }

  /** The cosine that the k-th nearest of a user has: by how many are at each point, without a graph. */
  function exact(user: number, k: number): number {
    const rows = points.rows()
    const own = pointOf[user]!
    const best = new Float64Array(k + 1).fill(Number.NEGATIVE_INFINITY)
    const at = new Uint32Array(k + 1)
    for (let point = 0; point < members.length; point++) {
      if (members[point]!.length === 0) continue
      const cosine = dot(rows, own * dims, point * dims, dims)
      if (cosine <= best[k]!) continue
      let place = k
      for (; place > 0 && best[place - 1]! < cosine; place--) {
        best[place] = best[place - 1]!
        at[place] = at[place - 1]!
      }
      best[place] = cosine
      at[place] = point
    }
    let users = 0
    for (let i = 0; i <= k && best[i]! > Number.NEGATIVE_INFINITY; i++) {
      users += members[at[i]!]!.length - (at[i] === own ? 1 : 0)
      if (users >= k) return best[i]!
    }
    return Number.NEGATIVE_INFINITY
  }

  const index: Neighbours = {
    dims,
    graph,
    get count() {
      return count
    },
    get points() {
      return points.size
    },
    get empty() {
      return empty
    },
    get worn() {
      return empty > WORN * points.size || graph.threads < threadsFor(points.size / 4)
    },
    has,
    put(users) {
      const rows = directions(users)
      const before = points.size
      let moved = 0
      users.forEach(({ user }, i) => {
        const point = points.at(rows.subarray(i * dims, (i + 1) * dims))
        while (members.length <= point) {
          members.push([])
          empty++
        }
        if (has(user)) {
          if (pointOf[user] === point) return
          leave(user)
        }
        enter(user, point)
        moved++
      })
      graph.add(points.rows().slice(before * dims))
      return moved
    },
    attach(users) {
      const rows = directions(users)
      users.forEach(({ user }, i) => {
        const point = points.find(rows.subarray(i * dims, (i + 1) * dims))
        if (has(user)) leave(user)
        if (point >= 0) enter(user, point)
      })
    },
    remove(user) {
      if (!has(user)) return
      const point = pointOf[user]!
      leave(user)
      if (members[point]!.length > 0 || points.size < 2) return
      const found = graph.search(points.row(point).slice(), 2)
      const other = found.points.find((near) => near !== point) ?? (point === 0 ? 1 : 0)
      const stand = points.row(other).slice()
      graph.replace(point, stand)
      points.move(point, stand)
    },
    nearest(queries, k) {
      checkK(k)
      const rows = directions(queries)
      return around(
        rows,
        queries.map(({ user }) => [user]),
        k,
      ).map(([one = new Uint32Array()]) => one)
    },
    nearestTo(users, k) {
      checkK(k)
      const asked = new Map<number, number[]>()
      for (const user of users) {
        if (!has(user)) throw new RangeError(`user ${user} is not in the index`)
        const together = asked.get(pointOf[user]!)
        if (together) together.push(user)
        else asked.set(pointOf[user]!, [user])
      }
      const found = new Map<number, Uint32Array>()
      const searched: number[] = []
      for (const [point, together] of asked) {
        if (members[point]!.length <= k) {
          searched.push(point)
          continue
        }
        for (const user of together) {
          const near = new Uint32Array(k)
          take(user, point, near, 0)
          found.set(user, near)
        }
      }
      const askers = searched.map((point) => asked.get(point)!)
      around(rowsOf(points.rows(), searched), askers, k).forEach((near, i) => {
        near.forEach((one, j) => void found.set(askers[i]![j]!, one))
      })
      return Array.from(users, (user) => found.get(user)!)
    },
    users() {
      const all = new Uint32Array(count)
      let at = 0
      for (const there of members) for (const user of there) all[at++] = user
      return all
    },
    recall(k, queries, seed) {
      if (count < 2) return 1
      const random = seeded(seed)
      const asked = Uint32Array.from({ length: Math.min(queries, count) }, () => drawn(random))
      const found = index.nearestTo(asked, k)
      const rows = points.rows()
      let good = 0
      asked.forEach((user, i) => {
        const due = Math.min(k, count - 1)
        const least = exact(user, due) - TIE
        const near = [...found[i]!].filter(
          (other) => dot(rows, pointOf[user]! * dims, pointOf[other]! * dims, dims) >= least,
        )
        good += near.length / due
      })
      return good / asked.length
    },
    renewed: () => {
      const users = index.users()
      const other = createNeighbours(createGraph(dims, threadsFor(points.size - empty)))
      const CHUNK = 20_000
      for (let at = 0; at < users.length; at += CHUNK)
        other.put(
          Array.from(users.subarray(at, at + CHUNK), (user) => ({
            user,
            vector: points.row(pointOf[user]!),
          })),
        )
      return other
    },
    rows: () => points.rows(),
  }

  function drawn(random: Random): number {
    for (;;) {
      const user = random.below(pointOf.length)
      if (has(user)) return user
    }
  }
  return index
}

function checkK(k: number): void {
  if (!Number.isInteger(k) || k < 1 || k > 1000) throw new RangeError(`k must be 1 … 1000, not ${k}`)
}

function dot(rows: Float32Array, a: number, b: number, dims: number): number {
  let sum = 0
  for (let i = 0; i < dims; i++) sum += rows[a + i]! * rows[b + i]!
  return sum
}
