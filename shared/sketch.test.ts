import { describe, expect, it } from 'vitest'
import { seeded } from './random.ts'
import { addItem, scaleOf } from './sketch.ts'

function unit(history: readonly string[], size: number): number[] {
  const sum = new Int32Array(size)
  for (const key of history) addItem(sum, key, 1)
  const scale = scaleOf(sum, size)
  return Array.from(sum, (value) => value * scale)
}
const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0)

/** The cosine between two users' counts of clicks, counted. */
function cosine(a: readonly string[], b: readonly string[]): number {
  const count = (history: readonly string[], key: string) => history.filter((own) => own === key).length
  const product = (a: readonly string[], b: readonly string[]) =>
    [...new Set(a)].reduce((sum, key) => sum + count(a, key) * count(b, key), 0)
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b))
}

/** Two users of the same 60 items, which no other pair has; both like some more than others. */
function pair(number: number, random: ReturnType<typeof seeded>): [string[], string[]] {
  const item = () => Math.floor(60 * random.next() ** 2)
  const history = () => Array.from({ length: 1 + random.below(40) }, () => `${60 * number + item()}`)
  return [history(), history()]
}

describe('a sketch', () => {
  it.each([64, 256, 1024])('of size %i tells the overlap of two histories to about 1/√size', (size) => {
    const random = seeded(11)
    const errors: number[] = []
    for (let i = 0; i < 400; i++) {
      const [a, b] = pair(i, random)
      errors.push(dot(unit(a, size), unit(b, size)) - cosine(a, b))
    }
    const rms = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)
    expect(rms).toBeLessThan(1 / Math.sqrt(size))
    // Not lower than chance allows either: the items' vectors are no more alike, and no less, than random ones.
    expect(rms).toBeGreaterThan(0.3 / Math.sqrt(size))
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
    expect(Math.abs(mean)).toBeLessThan((4 * rms) / Math.sqrt(errors.length))
  })

  it('of users who have nothing in common overlaps by nothing on average, and by 1/√size at a time', () => {
    const own = (from: number) => Array.from({ length: 10 }, (_, i) => `${from + i}`)
    const overlaps = Array.from({ length: 500 }, (_, i) =>
      dot(unit(own(20 * i), 64), unit(own(20 * i + 10), 64)),
    )
    const mean = overlaps.reduce((sum, overlap) => sum + overlap, 0) / overlaps.length
    const deviation = Math.sqrt(overlaps.reduce((sum, overlap) => sum + overlap ** 2, 0) / overlaps.length)
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(64 * overlaps.length))
    expect(deviation).toBeGreaterThan(0.9 / 8)
    expect(deviation).toBeLessThan(1.1 / 8)
  })

  it('of one item is ±1/√size everywhere, as often the one as the other', () => {
    const values = Array.from({ length: 300 }, (_, i) => unit([`${i}`], 100)).flat()
    expect(new Set(values.map(Math.abs))).toEqual(new Set([0.1]))
    const positive = values.filter((value) => value > 0).length / values.length
    expect(Math.abs(positive - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / values.length))
  })

  it('forgets what is taken away, whatever the order', () => {
    const sum = new Int32Array(70)
    for (const key of ['a', 'b', 'a', 'c']) addItem(sum, key, 1)
    for (const key of ['c', 'a', 'b', 'a']) addItem(sum, key, -1)
    expect(sum.every((value) => value === 0)).toBe(true)
    expect(scaleOf(sum, 70)).toBe(0)
  })

  it('of fewer numbers is the beginning of one of more', () => {
    const [short, long] = [new Int32Array(40), new Int32Array(100)]
    for (const sum of [short, long]) addItem(sum, 'a', 1)
    expect(long.subarray(0, 40)).toEqual(short)
    expect(scaleOf(long, 40)).toBe(1 / Math.sqrt(40))
  })

  it('never changes: vectors of other days, and of devices that have not been updated, stay comparable', () => {
    const sum = new Int32Array(34)
    addItem(sum, '157541', 1)
    expect(Array.from(sum, (value) => (value > 0 ? '+' : '-')).join('')).toBe(
      '++-++-++++-+-++++----+--++-+--+++-',
    )
  })
})
