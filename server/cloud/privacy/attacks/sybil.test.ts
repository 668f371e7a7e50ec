import { afterEach, describe, expect, it } from 'vitest'
import { hyper } from '../../../../shared/hyper.ts'
import { type Privacy, privacy, UNPROTECTED } from '../settings.ts'
import { openWorld, type World } from './kit.ts'
import { type Surrounded, surround, tellSurrounded } from './sybil.ts'

const K = 10
const VICTIMS = [3, 24, 57, 81, 110, 142]
/** Six of a day's 300 samples. */
const MOST = 6

describe('fake accounts around a victim', () => {
  let world: World
  afterEach(() => world.done())

  async function attack(name: string, settings: Privacy, fakes: number, patience = 0): Promise<Surrounded> {
    world = await openWorld({ privacy: settings, hyper: hyper({ neighbours: K }), users: 160 })
    const found = await surround(
      world,
      VICTIMS.map((i) => world.people[i]!),
      { fakes, patience },
    )
    tellSurrounded(name, K, found)
    return found
  }

  it('see hardly anybody else where nothing protects the victim', async () => {
    const found = await attack('off', UNPROTECTED, K - 1)
    expect(found.share).toBeGreaterThan(0.7)
    expect(found.samples).toBeGreaterThan(50)
  })

  it('are not needed by who knows half of what a person clicked, where that person is a neighbour', async () => {
    const found = await attack('on, no fake accounts', privacy(), 0)
    expect(found.share).toBeLessThan(1 / K + 0.05)
    // By nature: the history names what the attacker knows.
    expect(found.picked).toBeGreaterThan(0.5)
  })

  it('and they tell little where only what many know is named', async () => {
    // A quarter of all users.
    const found = await attack('on, no fake accounts, k = 40', privacy({ hideBelow: 40 }), 0)
    expect(found.picked).toBeLessThan(0.7)
    expect(found.clicks).toBeLessThan(0.1)
  })

  it('are nobody’s neighbours before they are a day old, and see what everybody sees', async () => {
    const found = await attack('on, accounts of today', privacy(), K - 1)
    expect(found.share).toBeLessThan(1 / K + 0.05)
  })

  it('that have waited for a day find the victim, and get few samples', async () => {
    const found = await attack('on, accounts of yesterday', privacy(), K - 1, 1)
    expect(found.samples).toBeLessThanOrEqual(MOST)
  })

  it('that have waited are unsure where neighbours are drawn by lot', async () => {
    const found = await attack('on, accounts of yesterday, widen 2', privacy({ widen: 2 }), K - 1, 1)
    expect(found.share).toBeLessThan(1 / K + 0.05)
  })

  it('that have waited, and are twice as many, are sure on those days that the lot falls on the victim', async () => {
    const found = await attack('on, twice as many of yesterday, widen 2', privacy({ widen: 2 }), 2 * K - 1, 1)
    expect(found.share).toBeLessThan(0.7)
    expect(found.samples).toBeLessThanOrEqual(MOST)
  })
})
