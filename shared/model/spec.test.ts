import { expect, test } from 'vitest'
import { seeded } from '../random.ts'
import type { FeatureSchema } from '../schema.ts'
import { manifestSchema } from '../task.ts'
import { checkWeights, din, initialWeights, isStatistic, prunedDin, shapesOf } from './spec.ts'

const schema: FeatureSchema = {
  name: 'small',
  version: 1,
  userVector: 'taste',
  vocabularies: { item: { size: 9, dim: 2 } },
  features: [
    { kind: 'categorical', name: 'item', vocabulary: 'item', from: 'item' },
    { kind: 'sequence', name: 'clicks', vocabulary: 'item', length: 3, attends: 'item', from: 'clicks' },
    { kind: 'dense', name: 'taste', size: 1, from: 'taste' },
  ],
}
const widths = { attention: 2, mlp: [3, 2] }

test('Dice adds two statistics to each hidden layer, and changes nothing else', () => {
  const [prelu, dice] = [din(schema, widths), din(schema, { ...widths, activation: 'dice' })]
  const names = [...shapesOf(dice).keys()]
  expect(names.filter((name) => !isStatistic(name))).toEqual([...shapesOf(prelu).keys()])
  expect([...shapesOf(dice)].filter(([name]) => isStatistic(name))).toEqual([
    ['mlp.0.running.mean', [3]],
    ['mlp.0.running.variance', [3]],
    ['mlp.1.running.mean', [2]],
    ['mlp.1.running.variance', [2]],
  ])
})

test('fresh statistics are those of a standardised input', () => {
  const spec = prunedDin(schema, { attention: 0, mlp: [2], activation: 'dice' })
  const weights = initialWeights(spec, seeded(1))
  checkWeights(spec, weights)
  expect([...weights['mlp.0.running.mean']!.data]).toEqual([0, 0])
  expect([...weights['mlp.0.running.variance']!.data]).toEqual([1, 1])
})

test('a manifest may name the activation, and need not', () => {
  const { ranking } = manifestSchema.shape
  expect(ranking.parse({ ...widths, activation: 'dice' })).toEqual({ ...widths, activation: 'dice' })
  expect(ranking.parse(widths)).toEqual(widths)
  expect(ranking.safeParse({ ...widths, activation: 'relu' }).success).toBe(false)
})
