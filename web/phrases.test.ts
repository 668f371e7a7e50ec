import { describe, expect, it } from 'vitest'
import type { Round, Status } from '../shared/protocol.ts'
import {
  duration,
  featureValues,
  keptOf,
  liveStatus,
  nextRound,
  origin,
  outcome,
  sampleUse,
  size,
} from './phrases.ts'
import { statusWith } from './testing.ts'

const model = (slot: 'M' | 'M0', sha256: string) => ({ name: 'a', slot, version: 1, sha256, bytes: 1, at: 0 })
const status = statusWith({
  models: [model('M', 'aa'), model('M0', 'aa')],
  serving: { slot: 'M', version: 1, sha256: 'aa' },
})
const trained: Status = {
  ...status,
  models: [model('M', 'bb'), model('M0', 'aa')],
  serving: { slot: 'M', version: 2, sha256: 'bb' },
}

describe('words for sizes and times', () => {
  it('sizes step up where three digits would round to a thousand', () => {
    expect([0, 999, 1000, 19_431, 999_400, 999_600, 1_204_331].map(size)).toEqual([
      '0 bytes',
      '999 bytes',
      '1 kB',
      '19.4 kB',
      '999 kB',
      '1 MB',
      '1.2 MB',
    ])
  })

  it('durations never show 60 seconds or 1000 ms', () => {
    expect([480, 999.6, 2340, 59_949, 59_990, 65_000].map(duration)).toEqual([
      '480 ms',
      '1.0 sec',
      '2.3 sec',
      '59.9 sec',
      '1 min 0 sec',
      '1 min 5 sec',
    ])
  })
})

describe('the state of the device in words', () => {
  it('a model is the user’s own once its hash is not that of the delivered one', () => {
    expect(origin(status)).toBe('delivered')
    expect(origin(trained)).toBe('own')
    expect(origin(trained, 'aa')).toBe('delivered')
    expect(origin({ ...trained, serving: { slot: 'M0', version: 1, sha256: 'aa' } })).toBe('delivered')
    expect(origin({ ...status, serving: null })).toBe('none')
    expect(origin(null)).toBe('none')
  })

  it('learning is said before offline, and offline before whose model ranks', () => {
    expect(liveStatus(null).text).toBe('starting…')
    expect(liveStatus({ ...trained, online: false, run: { phase: 'fetching' } }).text).toBe('learning…')
    expect(liveStatus({ ...trained, online: false }).text).toBe('offline')
    expect(liveStatus(trained).text).toBe('ranked by your model')
    expect(liveStatus(status).text).toBe('ranked by the shared model')
    expect(liveStatus({ ...status, serving: null }).text).toBe('preparing…')
  })

  it('says how many more to open, with the catalogue’s own noun', () => {
    expect(nextRound({ reason: 'clicks', missing: 6 }, 'story')).toBe(
      'Open 6 more stories and your own model can be trained.',
    )
    expect(nextRound({ reason: 'clicks', missing: 1 }, 'film')).toMatch(/^Open 1 more film and/)
    expect(nextRound({ reason: 'nothing' }, 'film')).toBeNull()
  })
})

describe('words for samples', () => {
  it('say what a sample is for, with its score where it has one', () => {
    expect(sampleUse('training', null)).toBe('trains your model')
    expect(sampleUse('filtered', 0.756)).toBe('like yours: 0.76')
    expect(sampleUse('filtered', null)).toBe('kept as it came')
  })

  it('list a feature’s values, and cut a long row short', () => {
    expect(featureValues([])).toBe('nothing yet')
    expect(featureValues(['Heat', 'Alien'])).toBe('Heat, Alien')
    expect(featureValues([0.5, 1 / 3])).toBe('0.5, 0.333')
    expect(featureValues(Array.from({ length: 42 }, () => 1))).toMatch(/, 1 and 2 more$/)
  })
})

describe('how a round went, in words', () => {
  const round: Round = {
    at: 0,
    outcome: 'committed',
    engine: 'plain',
    ms: 0,
    bytes: 0,
    matched: 30,
    classifying: 10,
    scored: 20,
    kept: 12,
    scores: [],
    sigma: 0.2,
    local: { training: 1, validation: 1 },
    steps: 1,
    stepsKept: 1,
    losses: [0.5],
    before: 0.5,
    after: 0.6,
  }

  it('says that a model got better only where that was judged', () => {
    expect(outcome(round)).toBe('Your model got better, and now ranks your feed.')
    const unjudged = { ...round, before: null, after: null }
    expect(outcome(unjudged)).toBe('Your model has learnt from your samples, and now ranks your feed.')
  })

  it('says that samples were chosen only where some were', () => {
    const filtered = { ...round, outcome: 'filtered' as const, losses: [], before: null, after: null }
    expect(outcome(filtered)).toBe('Samples were chosen; there are not enough yet to train.')
    expect(outcome({ ...filtered, kept: 0, scored: 0 })).toBe('There are not enough samples yet to train.')
    expect(keptOf(filtered)).toBe('12 of 20')
    expect(keptOf({ ...filtered, scored: 0, kept: 30 })).toBe('30, unscored')
  })
})
