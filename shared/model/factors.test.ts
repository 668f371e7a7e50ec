import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seeded } from '../random.ts'
import { writeSafetensors } from '../safetensors.ts'
import { appeal, type Factors, foldIn, mixed, readFactors, writeFactors } from './factors.ts'

const factorsOf = (rows: number, dim: number, seed: number): Factors => {
  const random = seeded(seed)
  return {
    rows,
    dim,
    vectors: Float32Array.from({ length: rows * dim }, () => random.normal()),
    bias: Float32Array.from({ length: rows }, () => 0.2 * random.normal()),
    level: 0.5,
    noise: 0.25,
    spread: 0.125,
    mix: { model: 0.75, factors: 4, user: 2, level: -0.5 },
  }
}

const shownIn = (rows: number) =>
  fc.array(fc.record({ item: fc.nat(rows - 1), label: fc.constantFrom(0, 1) }), { maxLength: 40 })

const apart = (shown: readonly { item: number; label: number }[]) => ({
  items: shown.map(({ item }) => item),
  labels: shown.map(({ label }) => label),
})

/** What the personal vector makes as small as can be: by the definition, sample by sample. */
function cost(
  factors: Factors,
  shown: readonly { item: number; label: number }[],
  vector: Float32Array,
): number {
  const u = vector.subarray(0, factors.dim)
  const s = vector[factors.dim]!
  const rests = shown.map(({ item, label }) => label - factors.level - appeal(factors, u, item))
  const squares = rests.reduce((sum, rest) => sum + (rest - s) ** 2, 0)
  return squares / factors.noise + s ** 2 / factors.spread + u.reduce((sum, value) => sum + value ** 2, 0)
}

describe('the personal vector', () => {
  test('of one click on one item, by hand', () => {
    // Precision times noise: [[0.25 + 0.25, 0.5], [0.5, 1 + 2]], products [0.25, 0.5]; its determinant is 1.25.
    const factors = { ...factorsOf(1, 1, 1), vectors: Float32Array.of(0.5), bias: Float32Array.of(0) }
    const [u, s] = foldIn(factors, { items: [0], labels: [1] })
    expect(u).toBeCloseTo((0.25 * 3 - 0.5 * 0.5) / 1.25, 6)
    expect(s).toBeCloseTo((0.5 * 0.5 - 0.5 * 0.25) / 1.25, 6)
  })

  test('no other place explains the samples better', () => {
    fc.assert(
      fc.property(shownIn(12), fc.integer({ min: 1, max: 5 }), fc.nat(1000), (shown, dim, seed) => {
        const factors = factorsOf(12, dim, seed)
        const u = foldIn(factors, apart(shown))
        const best = cost(factors, shown, u)
        for (let i = 0; i <= dim; i++)
          for (const by of [-0.05, 0.05]) {
            const moved = u.slice()
            moved[i]! += by
            expect(cost(factors, shown, moved)).toBeGreaterThan(best)
          }
      }),
      { seed: 3 },
    )
  })

  test('is nowhere in particular where nothing was shown', () => {
    expect([...foldIn(factorsOf(3, 4, 1), { items: [], labels: [] })]).toEqual([0, 0, 0, 0, 0])
  })

  test('an item without factors is refused by its id', () => {
    const factors = factorsOf(3, 4, 1)
    for (const item of [3, -1, Number.NaN])
      expect(() => foldIn(factors, { items: [item], labels: [1] })).toThrow(`of the item ${item}`)
    expect(() => appeal(factors, new Float32Array(4), 3)).toThrow('of the item 3')
  })
})

describe('the mix', () => {
  const factors = {
    ...factorsOf(2, 2, 1),
    vectors: Float32Array.of(0, 0, 0.5, 1),
    bias: Float32Array.of(0, 0.25),
  }
  const vector = Float32Array.of(1, -0.25, 0.5)

  test('of nothing but the model leaves its probability', () => {
    const alone = { ...factors, mix: { model: 1, factors: 0, user: 0, level: 0 } }
    for (const p of [0.001, 0.2, 0.5, 0.97]) expect(mixed(alone, vector, 1, p)).toBeCloseTo(p, 9)
    // Where the model is sure, it is still a number.
    for (const p of [0, 1]) expect(mixed(alone, vector, 1, p)).toBeCloseTo(p, 6)
  })

  test('adds logits', () => {
    const logit = 0.75 * Math.log(0.3 / 0.7) + 4 * (0.25 + 0.5 - 0.25) + 2 * 0.5 - 0.5
    expect(mixed(factors, vector, 1, 0.3)).toBeCloseTo(1 / (1 + Math.exp(-logit)), 12)
  })
})

describe('the file', () => {
  const factors = factorsOf(6, 3, 5)

  test('gives back what was written', () => {
    expect(readFactors(writeFactors(factors), 6)).toEqual(factors)
  })

  test('factors of another number of items are refused', () => {
    expect(() => readFactors(writeFactors(factors), 7)).toThrow('where 7 items are due')
  })

  test.each([
    ['a value is not finite', { ...factors, bias: Float32Array.of(0, 0, Number.NaN, 0, 0, 0) }, 'not finite'],
    ['a variance is not positive', { ...factors, noise: 0 }, 'not positive'],
  ])('refused: %s', (_, damaged, why) => {
    expect(() => readFactors(writeFactors(damaged), 6)).toThrow(why)
  })

  test('another kind of file is refused', () => {
    const other = writeSafetensors({ 'out.b': { shape: [1], data: Float32Array.of(0) } })
    expect(() => readFactors(other, 6)).toThrow('does not hold item factors')
  })
})
