import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../random.ts'
import { bucketOf, murmur3 } from './bucket.ts'
import { hits } from './rules.ts'

const text = (value: string) => new TextEncoder().encode(value)

/** Ids as the server makes them, from a seed. */
function deviceIds(count: number, seed: number): string[] {
  const random = seeded(seed)
  const hex = (digits: number) =>
    random
      .below(16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  return Array.from({ length: count }, () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(8)}${hex(4)}`)
}

describe('buckets', () => {
  it('are by MurmurHash3, whose published values they have: the same on every platform', () => {
    expect(murmur3(text(''), 1)).toBe(0x514e28b7)
    expect(murmur3(text('test'))).toBe(0xba6bd213)
    expect(murmur3(text('test'), 0x9747b28c)).toBe(0x704b81dc)
    expect(murmur3(text('Hello, world!'), 0x9747b28c)).toBe(0x24884cba)
    expect(murmur3(text('The quick brown fox jumps over the lazy dog'), 0x9747b28c)).toBe(0x2fa826cd)
  })

  it('stay where they are for ever: as an implementation in another language has them', () => {
    expect(bucketOf('0197a000-0000-7000-8000-000000000001', 'release-1')).toBeCloseTo(49.880383, 6)
    expect(bucketOf('Grüße ✓', 'ß')).toBeCloseTo(44.779016, 6)
  })

  it('widen: whoever is in at some percentage is in at every larger one', () => {
    const percent = fc.integer({ min: 0, max: 100 })
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.string({ minLength: 1, maxLength: 10 }),
        percent,
        percent,
        (id, salt, a, b) => {
          const at = (to: number) => hits({ bucket: { salt, from: 0, to } }, { id })
          if (at(Math.min(a, b))) expect(at(Math.max(a, b))).toBe(true)
          expect([at(0), at(100)]).toEqual([false, true])
        },
      ),
      { seed: 2 },
    )
  })

  it('that do not overlap share nobody, and side by side they have everybody', () => {
    const cuts = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 6 })
    fc.assert(
      fc.property(fc.uuid(), cuts, (id, inner) => {
        const all = [0, ...inner.sort((a, b) => a - b), 100]
        const inside = all
          .slice(1)
          .filter((to, i) => hits({ bucket: { salt: 'x', from: all[i]!, to } }, { id }))
        expect(inside).toHaveLength(1)
      }),
      { seed: 3 },
    )
  })

  it('are filled evenly, and by another salt independently of the first', () => {
    const ids = deviceIds(20_000, 7)
    const cells = (of: (id: string) => number, count: number) => {
      const found = new Array<number>(count).fill(0)
      for (const id of ids) found[of(id)]!++
      return found.reduce((sum, n) => sum + (n - ids.length / count) ** 2 / (ids.length / count), 0)
    }
    const percentOf = (salt: string) => (id: string) => Math.floor(bucketOf(id, salt))
    const tenthsOf = (id: string) =>
      10 * Math.floor(bucketOf(id, 'release-1') / 10) + Math.floor(bucketOf(id, 'release-2') / 10)
    // χ² with 99 degrees of freedom lies between these with a chance of 99.8 %.
    for (const found of [
      cells(percentOf('release-1'), 100),
      cells(percentOf('release-2'), 100),
      cells(tenthsOf, 100),
    ]) {
      expect(found).toBeGreaterThan(60.0)
      expect(found).toBeLessThan(148.2)
    }
  })
})
