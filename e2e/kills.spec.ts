/** A share of the kills that `npm run test:kills` makes: a real browser dies in the middle of what it does. */
import { expect, test } from 'playwright/test'
import { find } from './browsers/find.js'
import { shared } from './host.ts'
import { runKills } from './kills/run.ts'
import { type Server, startServer } from './server.ts'

/** All moments of one life, from the first visit to the finished model. */
const KILLS = 8

let server: Server
test.beforeAll(async () => {
  server = await startServer({ like: (await shared('prepared')).data })
})
test.afterAll(() => server?.remove())

test('browsers that are killed at any moment lose nothing that was acknowledged, hold no half model, and rank again', async () => {
  const { executablePath } = find('chromium')!
  const say = (text: string) => console.log(`  ${text}`)
  const found = await runKills({ server, executablePath, kills: KILLS, seed: 1, say })
  expect({ lost: found.lost, miscounted: found.miscounted, halfModels: found.halfModels }).toEqual({
    lost: [],
    miscounted: [],
    halfModels: [],
  })
  expect(found.acknowledged, 'acknowledged calls').toBeGreaterThan(40)
  // A device that never learns survives everything.
  const inARound = found.deaths.filter(({ during }) => /ing$/.test(during) && !/^(arriv|track)/.test(during))
  expect(inARound.length, 'kills in the middle of a round').toBeGreaterThanOrEqual(3)
})
