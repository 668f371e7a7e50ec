import { expect, it } from 'vitest'
import { hyper } from '../../shared/hyper.ts'
import { armNamed, armNames } from './arms.ts'

it('are what the paper and we call them', () => {
  expect(armNames).toEqual(
    expect.arrayContaining(['cloud', 'local', 'local-pull', 'coda', 'random', 'kindred']),
  )
  expect(armNamed('cloud')).toEqual({ name: 'cloud', hyper: null, batches: 'none' })
  expect(armNamed('coda')).toMatchObject({
    batches: 'matched',
    hyper: { sigma: 0.2, ranking: { gate: 'auc' } },
  })
  expect(armNamed('local')).toMatchObject({ batches: 'none', hyper: { augment: false } })
})

it('that are random get what another was given, and are told the same', () => {
  expect(armNamed('random').hyper).toEqual(armNamed('coda').hyper)
  expect(armNamed('random').batches).toBe('strangers')
})

it('take other numbers, all at once, and keep the name that says so', () => {
  const name = 'coda@neighbours=30@ranking.gate=none@ranking.learnFrom=all@ranking.frozen=["embedding."]'
  const { ranking } = hyper()
  expect(armNamed(name)).toEqual({
    name,
    batches: 'matched',
    hyper: {
      ...hyper(),
      neighbours: 30,
      ranking: { ...ranking, gate: 'none', learnFrom: 'all', frozen: ['embedding.'] },
    },
  })
})

it.each([
  ['codo', /arms are/],
  ['coda@sigma=2', /coda@sigma=2/],
  ['coda@sigmoid=0.4', /coda@sigmoid/],
  ['coda@ranking.pul=1', /pul/],
  ['cloud@sigma=0.4', /nothing to change/],
])('%s is refused', (name, why) => expect(() => armNamed(name)).toThrow(why))
