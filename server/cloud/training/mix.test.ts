import { describe, expect, test } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import { learnMix } from './mix.ts'

/** Labels drawn by the logit model · z + factors · a + level. */
function drawn(count: number, { model, factors, level }: Record<'model' | 'factors' | 'level', number>) {
  const random = seeded(7)
  const logits = Array.from({ length: count }, () => 1.5 * random.normal())
  const appeals = Array.from({ length: count }, () => 0.3 * random.normal())
  const labels = logits.map((z, i) => {
    const p = 1 / (1 + Math.exp(-(model * z + factors * appeals[i]! + level)))
    return random.next() < p ? 1 : 0
  })
  return { logits, appeals, labels }
}

describe('how much item factors are believed', () => {
  test('is found by what happened', () => {
    const mix = learnMix(drawn(20_000, { model: 0.7, factors: 4, level: -0.3 }))
    expect(mix.model).toBeCloseTo(0.7, 1)
    expect(mix.factors / 4).toBeCloseTo(1, 1)
    expect(mix.level).toBeCloseTo(-0.3, 1)
  })

  test('the gradient of the likelihood, with the one sample of the prior, vanishes there', () => {
    const data = drawn(500, { model: 1, factors: 2, level: 0 })
    const { model, factors, level } = learnMix(data)
    const slope = [1 - model, -factors, -level]
    data.labels.forEach((label, i) => {
      const [z, a] = [data.logits[i]!, data.appeals[i]!]
      const rest = label - 1 / (1 + Math.exp(-(model * z + factors * a + level)))
      slope[0]! += rest * z
      slope[1]! += rest * a
      slope[2]! += rest
    })
    for (const value of slope) expect(value).toBeCloseTo(0, 6)
  })

  test('not at all where they speak against what happened, or too little has', () => {
    const none = { model: 1, factors: 0, level: 0 }
    expect(learnMix(drawn(5000, { model: 1, factors: -3, level: 0 }))).toEqual(none)
    expect(learnMix(drawn(99, { model: 1, factors: 3, level: 0 }))).toEqual(none)
  })

  test('stays finite where the DIN is never wrong', () => {
    const { logits, appeals } = drawn(400, { model: 1, factors: 0, level: 0 })
    const mix = learnMix({ logits, appeals, labels: logits.map((z) => (z > 0 ? 1 : 0)) })
    expect(Object.values(mix).every(Number.isFinite)).toBe(true)
  })
})
