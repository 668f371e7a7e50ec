import fc from 'fast-check'
import { deflateSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { applyDelta, encodeDelta } from './delta.ts'
import { seeded } from './random.ts'
import { writeSafetensors } from './safetensors.ts'

const SEED = { seed: 8, numRuns: 200 }
const pair = fc
  .nat({ max: 200 })
  .chain((length) =>
    fc.tuple(
      fc.uint8Array({ minLength: length, maxLength: length }),
      fc.uint8Array({ minLength: length, maxLength: length }),
    ),
  )
const bytesOf = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)
const bitsOf = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer)

/** Weights after some training: each has moved by a few per cent. */
function models(count = 20_000) {
  const random = seeded(3)
  const before = Float32Array.from({ length: count }, () => 0.1 * random.normal())
  const after = before.map((weight) => weight * (1 + 0.02 * random.normal()))
  const file = (data: Float32Array<ArrayBuffer>) => writeSafetensors({ w: { shape: [count], data } })
  return { before: file(before), after: file(after) }
}

describe('a delta', () => {
  it('makes of the older file the newer, whatever their bytes are', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        expect(applyDelta(before, encodeDelta(before, after)!)).toEqual(new Uint8Array(after))
      }),
      SEED,
    )
  })

  it('does so at the ends of what a word can be, and for every float that is none', () => {
    const odd = [0, 1, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x7f800000, 0xff800000, 0x7fc00001]
    for (const one of odd)
      for (const other of odd)
        expect(applyDelta(bitsOf(one), encodeDelta(bitsOf(one), bitsOf(other))!)).toEqual(bitsOf(other))
  })

  it('does so from any place in a larger buffer', () => {
    const whole = Uint8Array.from({ length: 41 }, (_, i) => 7 * i)
    const [before, after] = [whole.subarray(1, 20), whole.subarray(21, 40)]
    const delta = encodeDelta(before, after)!
    const moved = new Uint8Array(delta.length + 3)
    moved.set(delta, 3)
    expect(applyDelta(before, moved.subarray(3))).toEqual(after.slice())
  })

  it('of the same file is next to nothing; of a model that was trained on, less than the model compressed', () => {
    const { before, after } = models()
    expect(encodeDelta(before, before)!.length).toBeLessThan(before.length / 500)
    expect(encodeDelta(before, after)!.length).toBeLessThan(0.8 * deflateSync(after, { level: 9 }).length)
  })

  it('counts how many floats lie between: by hand', () => {
    // 1 and the next float above it, −0 and +0, the least floats on both sides of zero: one, one, and three steps.
    const before = bitsOf(0x3f800000, 0x80000000, 0x80000001)
    const after = bitsOf(0x3f800001, 0x00000000, 0x00000001)
    const steps = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 6)
    const delta = encodeDelta(before, after)!
    expect([...delta.subarray(0, 8)]).toEqual([0x4b, 0x44, 1, 0, 12, 0, 0, 0])
    const own = Uint8Array.from([...delta.subarray(0, 8), ...deflateSync(steps)])
    expect(applyDelta(before, own)).toEqual(after)
  })

  it('is none between files of different lengths', () => {
    expect(encodeDelta(bytesOf(1), bytesOf(1, 2))).toBeUndefined()
  })

  it('that is cut short, goes on, or is something else is refused', () => {
    const { before, after } = models(500)
    const delta = encodeDelta(before, after)!
    const bad = { code: 'bad-artifact' }
    const refusal = (bytes: Uint8Array, of = before) => {
      try {
        return applyDelta(of, bytes)
      } catch (error) {
        return error
      }
    }
    for (let length = 0; length < delta.length; length += 97)
      expect(refusal(delta.subarray(0, length))).toMatchObject(bad)
    expect(refusal(delta, before.subarray(4))).toMatchObject(bad)
    expect(refusal(delta.with(2, 2))).toMatchObject(bad)
    const head = delta.subarray(0, 8)
    for (const unfolded of [before.length - 1, before.length + 1, 1 << 24]) {
      const bomb = Uint8Array.from([...head, ...deflateSync(new Uint8Array(unfolded))])
      expect(refusal(bomb)).toMatchObject(bad)
    }
  })

  it('of which any byte is another is refused, or gives a file that the promised hash does not fit', () => {
    const { before, after } = models(60)
    const delta = encodeDelta(before, after)!
    fc.assert(
      fc.property(fc.nat({ max: delta.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        let result: Uint8Array | undefined
        try {
          result = applyDelta(before, delta.with(at, delta[at]! ^ by))
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-artifact' })
        }
        // Deflate has bits that mean nothing: then it is the very same file.
        if (result) expect(result.length).toBe(after.length)
      }),
      SEED,
    )
  })
})
