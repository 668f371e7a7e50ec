/** The attacks on people who are not made up: the first of MovieLens-1M, where that is at hand. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { hyper } from '../../../../shared/hyper.ts'
import { movielens } from '../../../sources/movielens.ts'
import { type Privacy, privacy, UNPROTECTED } from '../settings.ts'
import { areaOf, type Handed, openWorld, overlap, tell, type World } from './kit.ts'
import { surround, tellSurrounded } from './sybil.ts'

const FOLDER = fileURLToPath(new URL('../../../../../shared/data/ml-1m', import.meta.url))
const K = 10

describe.skipIf(!existsSync(FOLDER))(
  'with MovieLens-1M (skipped where ../shared/data/ml-1m is absent)',
  () => {
    let world: World
    afterEach(() => world.done())
    const open = async (settings: Privacy) => {
      world = await openWorld({
        privacy: settings,
        hyper: hyper({ neighbours: K }),
        users: 120,
        source: (now) => movielens(FOLDER, { clock: { now: () => now } }),
      })
      return world
    }
    /** People who have clicked enough to be worth an attack. */
    const victims = () => world.people.filter(({ clicks }) => clicks.length >= 40).slice(0, 4)

    it('fake accounts surround a victim where nothing protects them', async () => {
      const off = await surround(await open(UNPROTECTED), victims(), { fakes: K - 1 })
      tellSurrounded('MovieLens, off', K, off)
      expect(off.share).toBeGreaterThan(0.7)
    })

    it('fake accounts of today see what everybody sees otherwise', async () => {
      const on = await surround(await open(privacy()), victims(), { fakes: K - 1 })
      tellSurrounded('MovieLens, on', K, on)
      expect(on.share).toBeLessThan(1 / K + 0.05)
      expect(on.samples).toBeLessThanOrEqual(6)
    })

    it('ids and places link nothing, histories do', async () => {
      await open(privacy())
      const handed = await world.handed(await world.join(world.people[7]!.clicks.slice(0, 12)))
      const area = (likeness: (a: Handed, b: Handed) => number) => {
        const [same, other]: [number[], number[]] = [[], []]
        handed.forEach((a, i) => {
          for (const b of handed.slice(0, i)) (a.owner === b.owner ? same : other).push(likeness(a, b))
        })
        return areaOf(same, other)
      }
      const id = area(
        (a, b) => -Math.abs(Number.parseInt(a.sample.id, 16) - Number.parseInt(b.sample.id, 16)),
      )
      const history = area((a, b) => overlap(a.clicks, b.clicks))
      tell('linking two samples by id', 'MovieLens, on', id, 0.5)
      tell('linking two samples by history', 'MovieLens, on', history, 0.5)
      expect(Math.abs(id - 0.5)).toBeLessThan(0.1)
      expect(history).toBeGreaterThan(0.9)
    })
  },
)
