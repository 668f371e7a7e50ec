import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { seeded } from '../../shared/random.ts'
import { loadIndex, saveIndex, sweepIndexes } from './index-file.ts'
import { createGraph } from './matching.ts'
import {
  buildNeighbours,
  createNeighbours,
  isWorn,
  type Neighbours,
  type Query,
  renewed,
} from './neighbours.ts'
import { createPoints } from './points.ts'
import { recallOf } from './recall.ts'

const DIMS = 6

function population(count: number, seed = 1): Query[] {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, i) => ({
    user: 10 * i + 3,
    vector: Float64Array.from({ length: DIMS }, () => random.next() ** 3),
  }))
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return dot / Math.sqrt(aa * bb)
}

const bruteForce = (users: readonly Query[], { user, vector }: Query, k: number): number[] =>
  users
    .filter((other) => other.user !== user)
    .map((other) => ({ user: other.user, cosine: cosine(vector, other.vector) }))
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, k)
    .map(({ user }) => user)

/** No farther than brute force's, place by place, for there are ties; nobody twice, and never the user. */
function expectNearest(found: Uint32Array, users: readonly Query[], query: Query, k: number): void {
  const vectors = new Map(users.map(({ user, vector }) => [user, vector]))
  const cosines = (ids: Iterable<number>) => [...ids].map((user) => cosine(query.vector, vectors.get(user)!))
  const due = cosines(bruteForce(users, query, k))
  const got = cosines(found)
  expect(got).toHaveLength(due.length)
  got.forEach((value, i) => void expect(value).toBeCloseTo(due[i]!, 5))
  expect(new Set(found).size).toBe(found.length)
  expect(found).not.toContain(query.user)
}

describe('neighbours', () => {
  it('are those of brute force, nearest first, and never the user', () => {
    const users = population(400)
    const index = buildNeighbours(DIMS, users)
    const due = users.map((query) => bruteForce(users, query, 20))
    expect(index.nearest(users, 20).map((row) => [...row])).toEqual(due)
    expect(
      index
        .nearestTo(
          Uint32Array.from(users, ({ user }) => user),
          20,
        )
        .map((row) => [...row]),
    ).toEqual(due)
  })

  it('are found for a stranger, alone or among others, and for vectors that are views', () => {
    const users = population(50)
    const stranger = { user: 4_000_000_000, vector: Float32Array.of(9, 9, 1, 0, 0, 2, 0, 1).subarray(2) }
    const index = buildNeighbours(DIMS, users)
    const expected = bruteForce(users, stranger, 5)
    expect([...index.nearest([stranger], 5)[0]!]).toEqual(expected)
    expect([...index.nearest([users[0]!, stranger], 5)[1]!]).toEqual(expected)
  })

  it('are as many as there are, down to none', () => {
    const [one, two, three] = population(3)
    expect(buildNeighbours(DIMS, []).nearest([one!], 5)).toEqual([new Uint32Array()])
    expect(buildNeighbours(DIMS, [one!]).nearest([one!], 5)).toEqual([new Uint32Array()])
    const all = buildNeighbours(DIMS, [one!, two!, three!]).nearest([one!], 100)[0]!
    expect([...all].sort()).toEqual([two!.user, three!.user].sort())
  })

  it('refuse what would poison or abort: not finite, zero, another width, an odd k', () => {
    const users = population(3)
    const index = buildNeighbours(DIMS, users)
    const bad = [
      Float32Array.of(1, 2, 3, 4, 5, Number.NaN),
      Float32Array.of(1, 2, 3, 4, 5, Number.POSITIVE_INFINITY),
      new Float32Array(DIMS),
      new Float32Array(DIMS + 1).fill(1),
    ]
    for (const vector of bad) {
      expect(() => index.nearest([{ user: 1, vector }], 2)).toThrow(/no usable vector/)
      expect(() => index.put([users[0]!, { user: 1, vector }])).toThrow(/no usable vector/)
    }
    expect([index.count, index.has(1)]).toEqual([3, false])
    for (const k of [Number.NaN, 0, -1, 1.5, 1e9]) {
      expect(() => index.nearest([users[0]!], k)).toThrow(RangeError)
      expect(() => index.nearestTo(Uint32Array.of(3), k)).toThrow(RangeError)
    }
  })

  it('of many who are alike are others for each, all of them alike, and each is given to as many', () => {
    const users = population(30)
    const alike = Array.from({ length: 40 }, (_, i) => ({
      user: 1000 + i,
      // Longer and longer in one direction.
      vector: users[0]!.vector.length ? Float64Array.from(users[0]!.vector, (value) => value * (i + 1)) : [],
    }))
    const index = buildNeighbours(DIMS, [...users.slice(1), ...alike])
    expect(index.points).toBe(30)
    const given = new Map<number, number>()
    for (const near of index.nearestTo(
      Uint32Array.from(alike, ({ user }) => user),
      10,
    )) {
      expect(new Set(near).size).toBe(10)
      for (const user of near) given.set(user, (given.get(user) ?? 0) + 1)
    }
    expect([...given.keys()].sort()).toEqual(alike.map(({ user }) => user))
    expect(new Set(given.values())).toEqual(new Set([10]))
    // With more neighbours than there are alike, they come first.
    const [near] = index.nearest([alike[0]!], 45)
    expect([...near!.subarray(0, 39)].sort()).toEqual(alike.slice(1).map(({ user }) => user))
    expectNearest(near!, [...users.slice(1), ...alike], alike[0]!, 45)
  })

  it('are those of brute force whoever comes, moves, joins another and goes', () => {
    const places = population(25, 7).map(({ vector }) => vector)
    const step = fc.oneof(
      fc.record({ user: fc.nat({ max: 40 }), place: fc.nat({ max: 24 }) }),
      fc.record({ user: fc.nat({ max: 40 }), place: fc.constant(undefined) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.boolean(), (steps, renew) => {
        let index: Neighbours = createNeighbours(createGraph(DIMS, 1))
        const there = new Map<number, ArrayLike<number>>()
        for (const { user, place } of steps) {
          if (place === undefined) index.remove(user)
          else index.put([{ user, vector: places[place]! }])
          if (place === undefined) there.delete(user)
          else there.set(user, places[place]!)
        }
        if (renew) index = renewed(index)
        const users = [...there].map(([user, vector]) => ({ user, vector }))
        expect(index.count).toBe(users.length)
        expect([...index.users()].sort()).toEqual([...there.keys()].sort())
        const found = index.nearestTo(index.users(), 8)
        index.users().forEach((user, i) => {
          expectNearest(found[i]!, users, { user, vector: there.get(user)! }, 8)
        })
        if (renew) expect([index.points, index.empty]).toEqual([new Set(there.values()).size, 0])
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('wear an index out as users move, and a new one has no waypoints', () => {
    const users = population(100)
    const index = buildNeighbours(DIMS, users)
    const others = population(30, 2)
    index.put(others.slice(0, 20).map(({ vector }, i) => ({ user: users[i]!.user, vector })))
    expect([index.points, index.empty, isWorn(index)]).toEqual([120, 20, false])
    index.put(others.slice(20).map(({ vector }, i) => ({ user: users[20 + i]!.user, vector })))
    expect([index.points, index.empty, isWorn(index)]).toEqual([130, 30, true])
    const other = renewed(index)
    expect([other.points, other.empty, isWorn(other), other.count]).toEqual([100, 0, false, 100])
  })

  it('have a recall of 1 where all are found, and of what is missing where some are not', () => {
    const users = population(200)
    const index = buildNeighbours(DIMS, users)
    expect(recallOf(index, 20, 50, 1)).toBe(1)
    // A graph that lost every other point: a search can only give the others.
    const { graph } = index
    const lossy: typeof graph = {
      ...graph,
      size: graph.size,
      search(rows, k) {
        const found = graph.search(rows, graph.size)
        const points = new Uint32Array(found.counts.length * k)
        const counts = found.counts.map((count, i) => {
          const half = found.points
            .subarray(i * found.k, i * found.k + count)
            .filter((point) => point % 2 === 0)
          points.set(half.subarray(0, k), i * k)
          return Math.min(k, half.length)
        })
        return { k, counts, points, distances: new Float32Array(points.length) }
      },
    }
    const broken = createNeighbours(lossy, createPoints(DIMS, index.rows()))
    broken.put(users)
    const recall = recallOf(broken, 20, 200, 1)
    expect(recall).toBeGreaterThan(0.35)
    expect(recall).toBeLessThan(0.65)
  })
})

describe('the file of an index', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kindred-index-'))
  afterAll(() => rmSync(dir, { recursive: true }))

  it('gives the same neighbours, once those who are still there are in it', () => {
    const users = population(100)
    const saved = buildNeighbours(DIMS, users)
    saved.put([{ user: 3, vector: users[50]!.vector }])
    const file = saveIndex(dir, saved)
    const loaded = loadIndex(dir, file)
    expect([loaded.count, loaded.points, loaded.empty]).toEqual([0, 100, 100])
    expect(loaded.nearest(users, 7).every(({ length }) => length === 0)).toBe(true)
    const now = [{ user: 3, vector: users[50]!.vector }, ...users.slice(1)]
    loaded.put(now)
    loaded.nearest(now, 7).forEach((found, i) => {
      expectNearest(found, now, now[i]!, 7)
    })
    expect([loaded.points, loaded.empty]).toEqual([100, 1])
    sweepIndexes(dir, file.name)
    expect(readdirSync(dir)).toHaveLength(2)
    sweepIndexes(dir, undefined)
    expect(readdirSync(dir)).toEqual([])
  })

  it('is the same each time where one thread links them, however many there are', { timeout: 60_000 }, () => {
    const index = buildNeighbours(DIMS, population(8500))
    const [one, again, several] = [renewed(index, 1), renewed(index, 1), renewed(index, 2)]
    expect([one, again, several].map(({ graph }) => graph.threads)).toEqual([1, 1, 2])
    const file = saveIndex(dir, one)
    expect(saveIndex(dir, again).sha256).toBe(file.sha256)
    expect(loadIndex(dir, file, 1).graph.threads).toBe(1)
    sweepIndexes(dir, undefined)
  })

  it('is refused with one flipped byte, cut short, absent, or of another shape', () => {
    const index = buildNeighbours(DIMS, population(100))
    for (const ending of ['graph', 'points']) {
      const flipped = saveIndex(dir, index)
      const path = join(dir, `${flipped.name}.${ending}`)
      const bytes = readFileSync(path)
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(path, bytes)
      expect(() => loadIndex(dir, flipped)).toThrow(/damaged/)
      const short = saveIndex(dir, index)
      truncateSync(join(dir, `${short.name}.${ending}`), 100)
      expect(() => loadIndex(dir, short)).toThrow(/damaged/)
      rmSync(join(dir, `${short.name}.${ending}`))
      expect(() => loadIndex(dir, short)).toThrow(/not there/)
    }
    const file = saveIndex(dir, index)
    expect(() => loadIndex(dir, { ...file, points: 99 })).toThrow(/another shape/)
    expect(() => loadIndex(dir, { ...file, dims: DIMS + 1 })).toThrow(/another shape/)
  })

  it('is empty where nobody is', () => {
    const file = saveIndex(dir, buildNeighbours(DIMS, []))
    expect(loadIndex(dir, file).points).toBe(0)
  })
})
