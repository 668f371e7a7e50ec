import { describe, expect, it } from 'vitest'
import { seeded } from '../../shared/random.ts'
import { makeBatch, shapes } from './shapes.ts'
import { multiplyAdds, peakLoop } from './work.ts'

describe('the work of a step', () => {
  it('is what a count by hand says', () => {
    // One sample, one key that is not padding, dimension 1, one hidden unit, no hidden layer.
    const spec = {
      idWidth: 3,
      denseWidth: 0,
      tables: [{ name: 'items', rows: 10, dim: 1 }],
      inputs: [
        { kind: 'lookup', feature: 'target', table: 0, at: 0 },
        { kind: 'attend', feature: 'clicks', table: 0, at: 1, length: 2, query: 0 },
      ],
      attention: 1,
      mlp: [],
    } as const
    const batch = {
      size: 1,
      ids: Int32Array.of(5, 6, 0),
      dense: new Float32Array(0),
      labels: Float32Array.of(1),
      weights: Float32Array.of(1),
    }
    const attention = 3 + 6 + 3 + 6
    const output = 3 * 2 // two inputs, one logit: forward, weights, inputs
    const parameters = 2 + (4 + 1 + 1 + 1 + 1) + (2 + 1)
    expect(multiplyAdds(spec, batch, [2])).toBe(attention + output + 8 * parameters)
  })

  it('grows with the keys that are present', () => {
    const batch = makeBatch(shapes.history50, 4, { random: seeded(1) })
    const all = multiplyAdds(shapes.history50, batch, [100])
    batch.ids[7] = 0
    expect(all - multiplyAdds(shapes.history50, batch, [100])).toBe(3 * 8 * 36 + 6 * 36 + 3 * 8)
  })

  it('has a loop for the peak that computes', async () => {
    const loop = await peakLoop()
    // acc ← acc·0.999 + 0.001 goes to 1 from wherever it starts; twelve of them.
    expect(await loop.run(100)).toBeCloseTo(12, 2)
  })
})
