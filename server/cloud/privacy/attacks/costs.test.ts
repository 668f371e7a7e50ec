/** What the protections cost: how much less alike neighbours are that are drawn by lot, and how many samples the caps withhold. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { hyper } from '../../../../shared/hyper.ts'
import { layoutOf, slotOf } from '../../../../shared/schema.ts'
import { movielens } from '../../../sources/movielens.ts'
import { createChooser } from '../../batches.ts'
import { buildNeighbours, type Query } from '../../neighbours.ts'
import { createStock } from '../../shelf.ts'
import { isZero, vectorOf } from '../../vectors.ts'
import { type Privacy, privacy, UNPROTECTED } from '../settings.ts'
import { mean, openWorld, type World, type WorldOptions } from './kit.ts'

const FOLDER = fileURLToPath(new URL('../../../../../shared/data/ml-1m', import.meta.url))
/** Of 400 users a sixtieth, as 100 are of MovieLens’s 6,040. */
const K = 10
const USERS = 400
const numbers = hyper({ neighbours: K })

let world: World
afterEach(() => world?.done())

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

it.each<[string, WorldOptions, string | false]>([
  ['the demo', {}, false],
  [
    'MovieLens-1M',
    { source: (now: number) => movielens(FOLDER, { clock: { now: () => now } }) },
    !existsSync(FOLDER) && '../shared/data/ml-1m is absent',
  ],
])('is little for the neighbours of %s', async (name, options, absent) => {
  if (absent) return void process.stdout.write(`  skipped: ${absent}\n`)
  world = await openWorld({ ...options, users: USERS, privacy: privacy(), hyper: numbers })
  const users: Query[] = []
  for await (const profile of world.store.profiles.all()) {
    const vector = vectorOf(profile)
    if (!isZero(vector)) users.push({ user: profile.user, vector })
  }
  const vectors = new Map(users.map(({ user, vector }) => [user, vector]))
  const index = buildNeighbours(slotOf(layoutOf(world.schema), world.schema.userVector).width, users)
  const near = index.nearest(users, 4 * K)

  // By lot, each of the nearest w·K is as likely as any other.
  const alike = (widen: number) =>
    mean(
      users.flatMap(({ vector }, i) =>
        [...near[i]!.subarray(0, widen * K)].map((other) => cosine(vector, vectors.get(other)!)),
      ),
    )
  const anybody = mean(users.map(({ vector }, i) => cosine(vector, users[(i + 200) % users.length]!.vector)))
  const similarity = [1, 1.5, 2, 4].map(alike)
  process.stdout.write(
    `  ${name}: cosine of neighbours, widen 1, 1.5, 2, 4: ${similarity.map((one) => one.toFixed(4)).join(', ')}; of anybody ${anybody.toFixed(4)}\n`,
  )
  // Twice as many to draw from costs less than a quarter of what there is to gain from having neighbours at all.
  expect(similarity[0]! - similarity[2]!).toBeLessThan(0.25 * (similarity[0]! - anybody))

  async function given(settings: Partial<Privacy>): Promise<number> {
    const shelf = await createStock(world.store)
    const choose = createChooser(shelf, { hyper: numbers, privacy: { ...UNPROTECTED, ...settings }, seed: 1 })
    const none = new Uint32Array()
    return users.reduce(
      (sum, { user }, i) =>
        sum +
        choose({ user, day: 1, donors: near[i]!.subarray(0, K), week: none, limit: 3 * K, since: 0 }).length,
      0,
    )
  }
  // A day's worth for everybody, of three samples from each of K neighbours; a share of it and of K as by default.
  const all = await given({})
  const capped = await given({ donorDayShare: (0.02 * 3 * 100) / 300 })
  const reached = await Promise.all([1, 2, 4].map((times) => given({ reach: times * K })))
  process.stdout.write(
    `  ${name}: samples withheld by the cap of a day ${(1 - capped / all).toFixed(4)}; by a reach of K, 2 K, 4 K: ${reached.map((one) => (1 - one / all).toFixed(4)).join(', ')}\n`,
  )
  expect(1 - reached[2]! / all).toBeLessThan(0.02)
})
