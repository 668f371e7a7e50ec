import { describe, expect, test } from 'vitest'
import { hyper, hyperSchema } from './hyper.ts'

describe('hyper-parameters', () => {
  test('with the paper’s gate are the paper’s way to learn; of ours, equal AUCs are told apart by default', () => {
    expect(hyper({ ranking: { gate: 'auc' } })).toMatchObject({
      augment: true,
      filter: 'classifier',
      ranking: {
        pull: 0,
        frozen: [],
        optimizer: 'adam',
        augmentedWeight: 1,
        refit: false,
        learnFrom: 'training',
      },
    })
    expect(hyper().ranking.gate).toBe('auc-then-loss')
  })

  test('are whole after a single change, and stay as they are when they are read again', () => {
    const changed = hyper({ sigma: 0.3, ranking: { gate: 'epochs', refit: true } })
    expect(changed).toEqual({
      ...hyper(),
      sigma: 0.3,
      ranking: { ...hyper().ranking, gate: 'epochs', refit: true },
    })
    expect(hyper(JSON.parse(JSON.stringify(changed)))).toEqual(changed)
  })

  test.each([
    ['refit', { gate: 'auc', refit: true }],
    ['refit', { gate: 'none', refit: true }],
    ['learnFrom', { gate: 'epochs', learnFrom: 'all' }],
    ['learnFrom', { learnFrom: 'all' }],
    ['augmentedWeight', { augmentedWeight: 0 }],
    ['pull', { pull: -1 }],
    ['optimizer', { optimizer: 'rmsprop' }],
  ])('that make no sense together, or alone, are refused by name: %s of %j', (name, ranking) => {
    const result = hyperSchema.safeParse({ ranking })
    expect(result.error?.issues.map(({ path }) => path)).toEqual([['ranking', name]])
  })
})
