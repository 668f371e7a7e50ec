import { expect, test } from 'vitest'
import { hyper } from '../hyper.ts'
import { mergedHyper, policyOf } from './hyper.ts'

const data = hyper({ trainAt: 70, ranking: { epochs: 3, batchSize: 8 } })

test('a task that says nothing works by the numbers of the data', () => {
  expect(mergedHyper(data, {})).toEqual(data)
  expect(policyOf(data, {})).toEqual(data)
})

test('what it says counts, also where it says only a part; names of its own are the script’s alone', () => {
  const own = { trainAt: 5, ranking: { epochs: 9, warmUp: 2 }, taste: { sweet: true } }
  expect(mergedHyper(data, own)).toEqual({
    ...data,
    trainAt: 5,
    ranking: { ...data.ranking, epochs: 9, warmUp: 2 },
    taste: { sweet: true },
  })
  expect(policyOf(data, own)).toEqual({ ...data, trainAt: 5, ranking: { ...data.ranking, epochs: 9 } })
})

test.each([{ trainAt: -1 }, { ranking: 'none' }, { ranking: { gate: 'luck' } }, { classifier: [1] }])(
  'the device goes by the data where %j makes no sense',
  (own) => {
    expect(policyOf(data, own)).toEqual(data)
  },
)
