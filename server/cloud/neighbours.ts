/**
 * Algorithm 1 of the paper: the K nearest users by user vector, by cosine. Users stand at points (`points.ts`), and points
 * in a graph (`matching.ts`). A user who moves leaves a point behind that nobody may be at; it stays as a waypoint, passed
 * over in what is found, until there are so many that another index is due.
 */
import { AppError } from '../../shared/failure.ts'
import { createGraph, type Graph, threadsFor } from './matching.ts'
import { createPlaces } from './places.ts'
import { createPoints, directionOf } from './points.ts'

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
  readonly graph: Graph
  /** [points × dims] unit vectors */
  readonly rows: () => Float32Array<ArrayBuffer>
  readonly has: (user: number) => boolean
  /** Of a user who is in it. */
  readonly pointOf: (user: number) => number
  /** How many users are at a point. */
  readonly at: (point: number) => number
  /** All users, those who stand together one after the other. */
  users(): Uint32Array
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
}

/** Share of points without users at which an index is worn: each search passes over as large a share of what it finds. */
const WORN = 0.2
const MAX_K = 10_000
/** Users who move into a new index at a time. */
const CHUNK = 20_000

export function buildNeighbours(dims: number, users: readonly Query[]): Neighbours {
  const index = createNeighbours(createGraph(dims, threadsFor(users.length)))
  index.put(users)
  return index
}

/** Whether another index would do better: too many waypoints, or one thread for what has grown. */
export const isWorn = ({ empty, points, graph }: Neighbours, linkThreads?: number): boolean =>
  empty > WORN * points || graph.threads < threadsFor(points / 4, linkThreads)

/** The same users in a new graph. */
export function renewed(index: Neighbours, linkThreads?: number): Neighbours {
  const { dims, points, empty, pointOf } = index
  const other = createNeighbours(createGraph(dims, threadsFor(points - empty, linkThreads)))
  const users = index.users()
  const rows = index.rows()
  for (let at = 0; at < users.length; at += CHUNK)
    other.put(
      Array.from(users.subarray(at, at + CHUNK), (user) => ({
        user,
        vector: rows.subarray(pointOf(user) * dims, (pointOf(user) + 1) * dims),
      })),
    )
  return other
}

/** Of a new graph, or of one with these points; with nobody in it. */
export function createNeighbours(graph: Graph, points = createPoints(graph.dims)): Neighbours {
  const { dims } = graph
  const places = createPlaces(points.size)
  const rowOf = (rows: Float32Array, i: number) => rows.subarray(i * dims, (i + 1) * dims)

  /** How many points to ask for so that `k` users, the asker left out, stand at them. */
  const enough = (k: number) => Math.ceil((k + 1) / (1 - Math.min(0.5, 1.5 * (places.empty / points.size))))

  /** By row of a matrix: for each of its users their k nearest. */
  function around(rows: Float32Array, askers: readonly (readonly number[])[], k: number): Uint32Array[][] {
    const results: Uint32Array[][] = askers.map(() => [])
    let pending = places.count === 0 ? [] : Array.from(askers.keys())
    for (let wanted = enough(k); pending.length > 0; wanted *= 2) {
      const found = graph.search(picked(rows, pending), Math.min(wanted, graph.size, MAX_K))
      const all = found.k === Math.min(graph.size, MAX_K)
      pending = pending.filter((row, i) => {
        const near = found.points.subarray(i * found.k, i * found.k + found.counts[i]!)
        results[row] = askers[row]!.map((user) => gathered(user, near, k))
        return !all && results[row].some(({ length }) => length < k)
      })
    }
    return results
  }

  function gathered(user: number, near: Uint32Array, k: number): Uint32Array {
    const users = new Uint32Array(k)
    let taken = 0
    for (let i = 0; i < near.length && taken < k; i++) taken = places.take(user, near[i]!, users, taken)
    return taken < k ? users.slice(0, taken) : users
  }

  function picked(rows: Float32Array, which: readonly number[]): Float32Array {
    const some = new Float32Array(which.length * dims)
    which.forEach((row, i) => void some.set(rowOf(rows, row), i * dims))
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

  /** Whether the user was not there before. */
  function stand(user: number, point: number): boolean {
    if (places.has(user)) {
      if (places.pointOf(user) === point) return false
      places.leave(user)
    }
    places.enter(user, point)
    return true
  }

  return {
    dims,
    graph,
    get count() {
      return places.count
    },
    get points() {
      return points.size
    },
    get empty() {
      return places.empty
    },
    rows: points.rows,
    has: places.has,
    pointOf: places.pointOf,
    at: places.at,
    users: places.users,
    put(users) {
      const rows = directions(users)
      const before = points.size
      let moved = 0
      users.forEach(({ user }, i) => {
        const point = points.at(rowOf(rows, i))
        places.grow(point)
        if (stand(user, point)) moved++
      })
      graph.add(points.rows().slice(before * dims))
      return moved
    },
    attach(users) {
      const rows = directions(users)
      users.forEach(({ user }, i) => {
        const point = points.find(rowOf(rows, i))
        if (point >= 0) stand(user, point)
      })
    },
    remove(user) {
      if (!places.has(user)) return
      const point = places.pointOf(user)
      places.leave(user)
      if (places.at(point) > 0 || points.size < 2) return
      const found = graph.search(points.row(point).slice(), 2)
      const other = found.points.find((near) => near !== point) ?? (point === 0 ? 1 : 0)
      const vector = points.row(other).slice()
      graph.replace(point, vector)
      points.move(point, vector)
    },
    nearest(queries, k) {
      checkK(k)
      const askers = queries.map(({ user }) => [user])
      return around(directions(queries), askers, k).map(([one = new Uint32Array()]) => one)
    },
    nearestTo(users, k) {
      checkK(k)
      const together = new Map<number, number[]>()
      for (const user of users) {
        if (!places.has(user)) throw new RangeError(`user ${user} is not in the index`)
        const point = places.pointOf(user)
        const others = together.get(point)
        if (others) others.push(user)
        else together.set(point, [user])
      }
      const found = new Map<number, Uint32Array>()
      // Where there are more than are asked for, nobody else is nearer.
      const crowded = ([point]: [number, number[]]) => places.at(point) > k
      for (const one of together)
        if (crowded(one))
          for (const user of one[1]) found.set(user, gathered(user, Uint32Array.of(one[0]), k))
      const others = [...together].filter((one) => !crowded(one))
      const rows = picked(
        points.rows(),
        others.map(([point]) => point),
      )
      around(
        rows,
        others.map(([, users]) => users),
        k,
      ).forEach((near, i) => {
        near.forEach((one, j) => void found.set(others[i]![1][j]!, one))
      })
      return Array.from(users, (user) => found.get(user)!)
    },
  }
}

function checkK(k: number): void {
  if (!Number.isInteger(k) || k < 1 || k > MAX_K) throw new RangeError(`k must be 1 … ${MAX_K}, not ${k}`)
}
