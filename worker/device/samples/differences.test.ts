import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createContext } from '../../../shared/generate.ts'
import { hyper } from '../../../shared/hyper.ts'
import { MAX_DIFFERENCES, roundSchema } from '../../../shared/protocol.ts'
import { seeded } from '../../../shared/random.ts'
import type { Sample } from '../../../shared/sample.ts'
import { slotOf } from '../../../shared/schema.ts'
import { schemas } from '../../../shared/schemas/index.ts'
import { catalogue, samplesOf } from '../../testing/world.ts'
import { differencesOf } from './differences.ts'

const context = createContext(schemas.demo(catalogue), catalogue, hyper())
const task = { catalogue, context }

/** Samples that are all alike but for what is said: the label, and the taste for category b. */
function samples(labels: readonly (0 | 1)[], taste: readonly number[]): Sample[] {
  const { idWidth, denseWidth } = context.layout
  return labels.map((label, i) => {
    const dense = new Float32Array(denseWidth)
    dense[slotOf(context.layout, 'taste').at + 1] = taste[i]!
    return { at: 0, label, ids: new Int32Array(idWidth), dense }
  })
}

test('the gap is the difference of the means in pooled standard deviations, to which a tenth is added as variances are', () => {
  // Labels: means ½ and ¼, variances ¼ and 3/16. Taste: means 0.5 and 0.25, variances 0 and 1/16.
  const own = samples([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5])
  const borrowed = samples([0, 0, 0, 1], [0, 0.5, 0.5, 0])
  expect(differencesOf(task, own, borrowed)).toEqual([
    { of: 'opened', name: 'b', own: 0.5, borrowed: 0.25, gap: 0.25 / Math.sqrt(1 / 32 + 0.01) },
    { of: 'clicked', name: '', own: 0.5, borrowed: 0.25, gap: 0.25 / Math.sqrt((1 / 4 + 3 / 16) / 2 + 0.01) },
  ])
})

test('where all of each kind are alike, the gap is as wide as is told, and of its sign', () => {
  const differences = differencesOf(task, samples([1, 1], [0, 0]), samples([0, 0], [0, 0]))
  expect(differences).toEqual([{ of: 'clicked', name: '', own: 1, borrowed: 0, gap: 9.9 }])
})

test('readers of another category differ by what they opened', () => {
  const own = samplesOf(context, 2, 60, seeded(1))
  const borrowed = samplesOf(context, 4, 60, seeded(2))
  const [first, second] = differencesOf(task, own, borrowed)
  expect([first, second].map((difference) => [difference!.of, difference!.name]).sort()).toEqual([
    ['opened', 'c'],
    ['opened', 'e'],
  ])
})

test('a taste that nobody here has, and few there, is less of a difference than one that most here have', () => {
  const rare = { dense: slotOf(context.layout, 'taste').at + 3 }
  const own = samples([0, 0, 0, 0], [0.4, 0.8, 0.6, 0.6])
  const borrowed = samples([0, 0, 0, 0], [0.1, 0.5, 0, 0.2])
  borrowed.forEach(({ dense }, i) => {
    dense[rare.dense] = 0.02 + i / 1000
  })
  expect(differencesOf(task, own, borrowed).map(({ name }) => name)).toEqual(['b', 'd'])
})

test('nothing differs from itself, and one sample says nothing', () => {
  const own = samplesOf(context, 2, 20, seeded(1))
  expect(differencesOf(task, own, own)).toEqual([])
  expect(differencesOf(task, own.slice(0, 1), own)).toEqual([])
})

test('what is told of any samples fits the journal', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 40 }),
      (seed, a, b) => {
        const random = seeded(seed)
        const differences = differencesOf(
          task,
          samplesOf(context, 1, a, random),
          samplesOf(context, 5, b, random),
        )
        expect(differences.length).toBeLessThanOrEqual(MAX_DIFFERENCES)
        expect(roundSchema.shape.differences.safeParse(differences).success).toBe(true)
        const gaps = differences.map(({ gap }) => Math.abs(gap))
        expect(gaps).toEqual([...gaps].sort((x, y) => y - x))
      },
    ),
    { numRuns: 60, seed: 1 },
  )
})
