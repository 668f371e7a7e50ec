import { beforeAll, describe, expect, it } from 'vitest'
import type { World } from '../../worker/testing/world.ts'
import { PLANTED } from './planted.ts'
import { createReleases } from './server.ts'
import { torture } from './torture.ts'

/** Seeds of every `npm test`; `kindred torture` runs as many as one likes. */
const SEEDS = 25
/** And of these, whose tasks differ in how devices learn. */
const OTHERWISE = 10
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

  it(`nor in ${OTHERWISE} of devices that learn otherwise from one release to the next`, {
    timeout: 300_000,
  }, async () => {
    const { ranking } = releases[0]!.manifest.hyper
    const changed = await createReleases([
      { augment: false, ranking: { ...ranking, gate: 'none', learnFrom: 'all', frozen: ['embedding.'] } },
      { filter: 'none', ranking: { ...ranking, gate: 'epochs', refit: true, pull: 0.1 } },
      { filter: 'odds', ranking: { ...ranking, gate: 'epochs', optimizer: 'sgd' } },
    ])
    for (let seed = 1; seed <= OTHERWISE; seed++) {
      const { violation } = await torture({ seed, releases: changed })
      expect(violation && `seed ${seed}: ${violation.invariant}: ${violation.message}`).toBeUndefined()
    }
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
