import { describe, expect, test } from 'vitest'
import type { Mix } from '../../../shared/model/factors.ts'
import { seeded } from '../../../shared/random.ts'
import { learnMix } from './mix.ts'

/** Labels drawn by the logit model · z + factors · a + user · s + level. */
function drawn(count: number, { model, factors, user, level }: Mix) {
  const random = seeded(7)
  const logits = Array.from({ length: count }, () => 1.5 * random.normal())
  const appeals = Array.from({ length: count }, () => 0.3 * random.normal())
  const users = Array.from({ length: count }, () => 0.2 * random.normal())
  const labels = logits.map((z, i) => {
    const p = 1 / (1 + Math.exp(-(model * z + factors * appeals[i]! + user * users[i]! + level)))
    return random.next() < p ? 1 : 0
  })
  return { logits, appeals, users, labels }
}

describe('how much item factors are believed', () => {
  test('is found by what happened', () => {
    const mix = learnMix(drawn(20_000, { model: 0.7, factors: 4, user: 3, level: -0.3 }))
    expect(mix.model).toBeCloseTo(0.7, 1)
    expect(mix.factors / 4).toBeCloseTo(1, 1)
    expect(mix.user / 3).toBeCloseTo(1, 1)
    expect(mix.level).toBeCloseTo(-0.3, 1)
  })

  test('the gradient of the likelihood, with the one sample of the prior, vanishes there', () => {
    const data = drawn(500, { model: 1, factors: 2, user: 1, level: 0 })
    const { model, factors, user, level } = learnMix(data)
    const slope = [1 - model, -factors, -user, -level]
    data.labels.forEach((label, i) => {
      const [z, a, s] = [data.logits[i]!, data.appeals[i]!, data.users[i]!]
      const rest = label - 1 / (1 + Math.exp(-(model * z + factors * a + user * s + level)))
      slope[0]! += rest * z
      slope[1]! += rest * a
      slope[2]! += rest * s
      slope[3]! += rest
    })
    for (const value of slope) expect(value).toBeCloseTo(0, 6)
  })

  test('not at all where they speak against what happened, or too little has', () => {
    const none = { model: 1, factors: 0, user: 0, level: 0 }
    expect(learnMix(drawn(5000, { model: 1, factors: -3, user: 0, level: 0 }))).toEqual(none)
    expect(learnMix(drawn(99, { model: 1, factors: 3, user: 0, level: 0 }))).toEqual(none)
  })

  test('stays finite where the DIN is never wrong', () => {
    const { logits, appeals, users } = drawn(400, { model: 1, factors: 0, user: 0, level: 0 })
    const mix = learnMix({ logits, appeals, users, labels: logits.map((z) => (z > 0 ? 1 : 0)) })
    expect(Object.values(mix).every(Number.isFinite)).toBe(true)
  })
})
