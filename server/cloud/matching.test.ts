import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { seeded } from '../../shared/random.ts'
import { Neighbours, type Query } from './matching.ts'

const DIMS = 6
const dir = mkdtempSync(join(tmpdir(), 'kindred-index-'))
afterAll(() => rmSync(dir, { recursive: true }))

function population(count: number, seed = 1): Query[] {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, i) => ({
    user: 10 * i + 3,
    vector: Float32Array.from({ length: DIMS }, () => random.next() ** 3),
  }))
}

function cosineDistance(a: Float32Array, b: Float32Array): number {
  let dot = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return 1 - dot / Math.sqrt(aa * bb)
}

const bruteForce = (users: readonly Query[], { user, vector }: Query, k: number): number[] =>
  users
    .filter((other) => other.user !== user)
    .map((other) => ({ user: other.user, distance: cosineDistance(vector, other.vector) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, k)
    .map(({ user }) => user)

describe('neighbours', () => {
  it('are those of brute force, nearest first, and never the user', () => {
    const users = population(400)
    const found = Neighbours.build(DIMS, users).nearest(users, 20)
    expect(found.map((row) => [...row])).toEqual(users.map((query) => bruteForce(users, query, 20)))
  })

  it('are found for a stranger, alone or among others, and for vectors that are views', () => {
    const users = population(50)
    const stranger = { user: 4_000_000_000, vector: Float32Array.of(9, 9, 1, 0, 0, 2, 0, 1).subarray(2) }
    const index = Neighbours.build(DIMS, users)
    const expected = bruteForce(users, stranger, 5)
    expect([...index.nearest([stranger], 5)[0]!]).toEqual(expected)
    expect([...index.nearest([users[0]!, stranger], 5)[1]!]).toEqual(expected)
  })

  it('are as many as there are, down to none', () => {
    const [one, two, three] = population(3)
    expect(Neighbours.build(DIMS, []).nearest([one!], 5)).toEqual([new Uint32Array()])
    expect(Neighbours.build(DIMS, [one!]).nearest([one!], 5)).toEqual([new Uint32Array()])
    const all = Neighbours.build(DIMS, [one!, two!, three!]).nearest([one!], 100)[0]!
    expect([...all].sort()).toEqual([two!.user, three!.user].sort())
  })

  it('refuse what would poison or abort: not finite, zero, another width, an odd k', () => {
    const users = population(3)
    const index = Neighbours.build(DIMS, users)
    const bad = [
      Float32Array.of(1, 2, 3, 4, 5, Number.NaN),
      Float32Array.of(1, 2, 3, 4, 5, Number.POSITIVE_INFINITY),
      new Float32Array(DIMS),
      new Float32Array(DIMS + 1).fill(1),
    ]
    for (const vector of bad) {
      expect(() => index.nearest([{ user: 1, vector }], 2)).toThrow(/no usable vector/)
      expect(() => Neighbours.build(DIMS, [{ user: 1, vector }])).toThrow(/no usable vector/)
    }
    for (const k of [Number.NaN, 0, -1, 1.5, 1e9])
      expect(() => index.nearest([users[0]!], k)).toThrow(RangeError)
  })

  it('are the same from a file, and a file with one flipped byte is refused', () => {
    const users = population(100)
    const path = join(dir, 'a.usearch')
    const saved = Neighbours.build(DIMS, users)
    const promise = saved.save(path)
    const loaded = Neighbours.load(path, promise)
    expect(loaded.nearest(users, 7)).toEqual(saved.nearest(users, 7))
    expect([loaded.has(users[5]!.user), loaded.has(1)]).toEqual([true, false])
    expect(() => Neighbours.load(path, { ...promise, dims: DIMS + 1 })).toThrow(/another shape/)
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(path, bytes)
    expect(() => Neighbours.load(path, promise)).toThrow(/damaged/)
  })
})
