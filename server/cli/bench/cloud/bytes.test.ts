import { inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { compare, paperBatch, samplesOf } from './bytes.ts'

const content = { zipf: 1, repeat: 0.3 }

describe('the bytes of a sample', () => {
  it('are counted on samples of the paper’s shape', () => {
    const samples = samplesOf(3, content, 1)
    const text = paperBatch(samples, ['a', 'b', 'c'])
    const told = JSON.parse(inflateSync(Buffer.from(text, 'base64')).toString()) as Record<
      string,
      unknown[]
    >[]
    expect(told).toHaveLength(3)
    for (const one of told) {
      expect(one.behaviours).toHaveLength(512)
      expect(one['behaviour-statistics']).toHaveLength(20)
      expect(one.clicks!.length).toBeGreaterThan(8)
      expect(one.clicks!.length).toBeLessThanOrEqual(28)
    }
    expect(new Set(told.map((one) => String(one.behaviours))).size).toBe(3)
  })

  it('have the content that is said: three in ten behaviours repeat the last, and a few are frequent', () => {
    const samples = samplesOf(60, content, 2)
    let same = 0
    let most = 0
    for (const { ids } of samples) {
      const behaved = [...ids.subarray(-512)]
      const counts = new Map<number, number>()
      for (const [i, id] of behaved.entries()) {
        if (i > 0 && id === behaved[i - 1]) same++
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      most += Math.max(...counts.values())
    }
    // By hand: Zipf's law over 20 gives the first 1 / H(20) = 0.278, and two draws agree with Σ p² = 0.123.
    expect(same / (60 * 511)).toBeCloseTo(0.3 + 0.7 * 0.123, 1)
    expect(most / (60 * 512)).toBeCloseTo(0.278, 1)
  })

  it('are the same at every run, and fewer than the paper’s', async () => {
    const found = await compare(1, content, 3)
    expect(await compare(1, content, 3)).toEqual(found)
    expect(found.ratio).toBeLessThan(0.65)
    expect(found.ratio).toBeCloseTo(found.ours / found.paper, 2)
  })
})
