import { beforeAll, describe, expect, it } from 'vitest'
import { type CrashFindings, crash } from './run.ts'

/** `kindred torture --server` kills as often as one likes. */
const KILLS = 6

describe('a server that is killed (SIGKILL) while devices are at it', () => {
  let found: CrashFindings
  beforeAll(async () => {
    found = await crash({ kills: KILLS, seed: 2, devices: 20 })
  }, 240_000)

  it('loses and doubles nothing that it acknowledged, and breaks nothing', () => {
    expect(found.breaches).toEqual([])
  })

  it('was at everything when it was killed', () => {
    const { kills, counts } = found
    expect(Object.values(kills).reduce((all, times) => all + times)).toBe(KILLS)
    for (const what of ['acknowledged', 'unanswered', 'pulls', 'samples seen', 'indexes seen'] as const)
      expect([what, counts[what]]).toEqual([what, expect.toSatisfy((count) => count > 0)])
  })

  it('would be caught if it acknowledged before it writes', async () => {
    const bug = 'events are acknowledged before they are on disk'
    const { breaches } = await crash({ kills: KILLS, seed: 1, devices: 20, bug })
    expect(breaches.map(({ breach }) => breach)).toContain('lost')
  }, 240_000)
})
