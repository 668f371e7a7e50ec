import { beforeAll, describe, expect, it } from 'vitest'
import type { World } from '../../worker/testing/world.ts'
import { PLANTED } from './planted.ts'
import { createReleases } from './server.ts'
import { torture } from './torture.ts'

/** Seeds of every `npm test`; `kindred torture` runs as many as one likes. */
const SEEDS = 16
/** And of those whose devices are told to learn otherwise. */
const OTHERWISE = 3
/** A bug must show within so many seeds. */
const ENOUGH = 200

describe('torture', () => {
  let releases: readonly World[]
  beforeAll(async () => {
    releases = await createReleases()
  })

  it('the same seed is the same run, step by step', { timeout: 120_000 }, async () => {
    const [first, other, again] = [
      await torture({ seed: 7, releases }),
      await torture({ seed: 8, releases }),
      await torture({ seed: 7, releases }),
    ]
    expect(again).toEqual(first)
    expect(other.digest).not.toBe(first.digest)
  })

  it(`no invariant is violated in ${SEEDS} runs`, { timeout: 300_000 }, async () => {
    const faults = new Set<string>()
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation, faults: struck } = await torture({ seed, releases })
      expect(violation && `seed ${seed}: ${violation.invariant}: ${violation.message}`).toBeUndefined()
      for (const fault of struck.keys()) faults.add(fault)
    }
    expect(faults.size).toBeGreaterThan(20)
  })

  describe.each([
    ['all their own samples, unjudged', { augment: false }, { gate: 'none', learnFrom: 'all' }],
    ['whatever they are sent', { filter: 'none' }, { gate: 'epochs', refit: true, pull: 0.1 }],
    ['in closed form', {}, { personal: true, gate: 'auc' }],
    ['by the odds', { filter: 'odds' }, { gate: 'epochs', optimizer: 'sgd', frozen: ['embedding.'] }],
  ] as const)('of devices that learn from %s', (_, numbers, learning) => {
    it(`none is violated in ${OTHERWISE} runs`, { timeout: 300_000 }, async () => {
      const ranking = { ...releases[0]!.manifest.hyper.ranking, ...learning }
      const changed = { ...numbers, ranking: { ...ranking, frozen: [...ranking.frozen] } }
      // What is learnt from changes with a release, too.
      const others = await createReleases([changed, {}, changed])
      for (let seed = 1; seed <= OTHERWISE; seed++) {
        const { violation } = await torture({ seed, releases: others })
        expect(violation && `seed ${seed}: ${violation.invariant}: ${violation.message}`).toBeUndefined()
      }
    })
  })

  for (const { bug, plant, breaks } of PLANTED)
    it(`it is found if ${bug}`, { timeout: 300_000 }, async () => {
      for (let seed = 1; seed <= ENOUGH; seed++) {
        const { violation } = await torture({ seed, releases, plant })
        if (!violation) continue
        expect(breaks).toContain(violation.invariant)
        return
      }
      expect.fail(`It was not found in ${ENOUGH} runs.`)
    })
})
