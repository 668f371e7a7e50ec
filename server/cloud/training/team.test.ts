import { describe, expect, it } from 'vitest'
import type { GradientBuffer } from '../../../shared/engine/fused/replica.ts'
import { din } from '../../../shared/model/spec.ts'
import { schemas } from '../../../shared/schemas/index.ts'
import { catalogue } from '../toy.ts'
import { createTeam, joinTeam, stopTeam } from './team.ts'

const spec = din(schemas.demo(catalogue))

describe('a team', () => {
  it.each([1, 2, 3, 7])('of %i shares out every row of a mini-batch once', (size) => {
    const place = createTeam(spec, size, 64)
    for (const rows of [0, 1, 5, 63, 64]) {
      const parts = Array.from({ length: size }, (_, index) => joinTeam(place, index).partOf(rows))
      expect(parts[0]![0]).toBe(0)
      expect(parts.at(-1)![1]).toBe(rows)
      parts.slice(1).forEach(([from], i) => {
        expect(from).toBe(parts[i]![1])
      })
      const sizes = parts.map(([from, to]) => to - from)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }
  })

  it('of one has nobody to wait for and nothing to add', () => {
    const member = joinTeam(createTeam(spec, 1, 64), 0)
    expect(member.peers).toBeUndefined()
    member.meet()
  })

  it('that is stopped meets no more, and nobody waits in vain', () => {
    const place = createTeam(spec, 2, 64)
    const member = joinTeam(place, 0)
    stopTeam(place)
    expect(() => member.meet()).toThrow('Stopped.')
    expect(() => member.peers!.add({ others: new Float32Array(1), tables: [] }, 0)).toThrow('Stopped.')
  })

  it.each([2, 3])('adds up what each of %i has: other numbers, rows of some and rows of all', (size) => {
    // One thread can only be the last to come: so each of them in turn, and the others' parts are there already.
    const given = Array.from({ length: size }, (_, i) => ({
      others: [1 + i, 10 * i],
      rows: new Map([
        [3, [1, i]],
        [5 + i, [i, 7]],
      ]),
    }))
    for (let last = 0; last < size; last++) {
      const place = createTeam(spec, size, 64)
      given.forEach((gradient, i) => {
        if (i !== last) enter(place, i, gradient)
      })
      const buffer = bufferOf(given[last]!)
      const before = new Int32Array(place.control)
      before[0] = size - 1 // who has arrived
      const loss = joinTeam(place, last).peers!.add(buffer, last)
      expect(loss).toBe((size * (size - 1)) / 2)
      expect([...buffer.others]).toEqual(
        [0, 1].map((i) => given.reduce((sum, { others }) => sum + others[i]!, 0)),
      )
      const [table] = buffer.tables
      const due = new Map<number, number[]>()
      for (const { rows } of given)
        for (const [id, row] of rows)
          due.set(
            id,
            row.map((value, i) => value + (due.get(id)?.[i] ?? 0)),
          )
      const touched = [...table!.touched.subarray(1, 1 + table!.touched[0]!)]
      expect(touched.sort()).toEqual([...due.keys()].sort())
      for (let id = 0; id < 10; id++) {
        expect([...table!.rows.subarray(2 * id, 2 * id + 2)]).toEqual(due.get(id) ?? [0, 0])
        expect(table!.flags[id]).toBe(due.has(id) ? 1 : 0)
      }
    }
  })
})

interface Given {
  readonly others: readonly number[]
  readonly rows: ReadonlyMap<number, readonly number[]>
}

/** The buffer of a model with two numbers outside its one table of ten rows of two. */
function bufferOf({ others, rows }: Given): GradientBuffer {
  const table = {
    width: 2,
    rows: new Float32Array(20),
    flags: new Uint8Array(10),
    touched: new Int32Array(11),
  }
  for (const [id, row] of rows) {
    table.rows.set(row, 2 * id)
    table.flags[id] = 1
    table.touched[++table.touched[0]!] = id
  }
  return { others: Float32Array.from(others), tables: [table] }
}

/** Lays a member's gradient where it would: a stopped meeting comes after that. */
function enter(place: ReturnType<typeof createTeam>, index: number, given: Given): void {
  const control = new SharedArrayBuffer(12)
  const alone = { ...place, control }
  new Int32Array(control)[0] = place.size - 1
  joinTeam(alone, index).peers!.add(bufferOf(given), index)
}
