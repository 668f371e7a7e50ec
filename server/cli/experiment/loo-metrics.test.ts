import { expect, test } from 'vitest'
import { rankedFindings } from '../../experiment/statistics/ranked.ts'
import { looMetrics, looTable } from './loo-metrics.ts'

const HOW = { judge: 'test', negatives: { uniform: 'a', popular: 'b' }, models: [] } as const
/** Three users; the places of each arm. */
const found = (arms: Record<string, readonly number[]>) =>
  rankedFindings(
    Object.entries(arms).flatMap(([arm, places]) =>
      places.map((above, i) => ({ arm, seed: 1, user: `${i}`, above, tied: 0 })),
    ),
    { reference: 'cloud' },
  )

test('the figures are those of kindred among uniform negatives; the detail has all arms, measures and draws', () => {
  const uniform = found({ cloud: [0, 20, 20], kindred: [0, 3, 20] })
  const popular = found({ cloud: [9, 20, 20], kindred: [20, 20, 20] })
  const [hr10, ndcg10] = looMetrics({ uniform, popular, full: popular }, HOW)
  expect(hr10).toMatchObject({ metric: 'loo.hr10', value: 2 / 3, target: '>=0.83' })
  expect(hr10!.detail).toMatchObject({ judge: 'test', users: 3, vsCloud: { pct: expect.closeTo(100, 6) } })
  // 1 / log2(place + 1): places 1 and 4, and one beyond the tenth.
  const [first, fourth] = [1, 1 / Math.log2(5)]
  expect(ndcg10).toMatchObject({ metric: 'loo.ndcg10', target: '>=0.61' })
  expect(ndcg10!.value).toBeCloseTo((first + fourth) / 3, 12)
  expect(hr10!.detail).toMatchObject({
    arms: {
      uniform: {
        cloud: { hr1: { value: 1 / 3 } },
        kindred: { hr1: { value: 1 / 3 }, hr5: { value: 2 / 3 } },
      },
      popular: { cloud: { hr10: { value: 1 / 3 } }, kindred: { hr10: { value: 0 } } },
    },
    negatives: { uniform: 'a', popular: 'b' },
  })
})

test('without kindred there is no figure, and why', () => {
  const cloud = found({ cloud: [0, 1, 2] })
  for (const { value, detail } of looMetrics({ uniform: cloud, popular: cloud, full: cloud }, HOW)) {
    expect(value).toBeNull()
    expect(detail).toMatchObject({ why: 'There are no results of the arm kindred.' })
  }
})

test('the table has a line an arm', () => {
  expect(looTable('Title', found({ cloud: [0, 20, 20], kindred: [0, 3, 20] }))).toEqual([
    'Title',
    'arm      users  HR@1    HR@5    HR@10   NDCG@5  NDCG@10',
    'cloud    3      0.3333  0.3333  0.3333  0.3333  0.3333',
    'kindred  3      0.3333  0.6667  0.6667  0.4769  0.4769',
  ])
})
