/**
 * The attack on neighbours of Calandrino et al. (2011) and Frey et al. (2015): whoever knows some of what a person clicked makes
 * as many fake accounts that clicked the same as there are neighbours. These become each other's neighbours, the person is the
 * only real one among them, and whatever one of them is handed that is not of the others is the person's.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { hyper } from '../../../../shared/hyper.ts'
import { type Privacy, privacy, UNPROTECTED } from '../settings.ts'
import { DAY, HOUR, mean, openWorld, type Person, tell, type World } from './kit.ts'

const K = 10
const VICTIMS = [3, 24, 57, 81, 110, 142]

interface Attack {
  /** Of the samples handed out that are not the attacker's own, the share that are the victim's. */
  readonly share: number
  /** How many those are. */
  readonly samples: number
  /** The share of the victim's other clicks that they tell. */
  readonly clicks: number
}

describe('fake accounts around a victim', () => {
  let world: World
  afterEach(() => world.done())

  /** `fakes`: accounts for each victim; `patience`: days that they wait for. */
  async function attack(settings: Privacy, fakes: number, patience = 0): Promise<Attack> {
    world = await openWorld({ privacy: settings, hyper: hyper({ neighbours: K }), users: 160 })
    const victims = VICTIMS.map((i) => world.people[i]!)
    const known = new Map(victims.map((victim) => [victim, victim.clicks.filter((_, i) => i % 2 === 0)]))
    const own = new Set<number>()
    for (const victim of victims)
      for (let i = 0; i < fakes; i++) own.add(await world.join(known.get(victim)!))
    world.time.now += patience * DAY + HOUR
    await world.cloud.prepare()
    const attacks: Attack[] = []
    for (const victim of victims) attacks.push(await against(victim, known.get(victim)!, own))
    return {
      share: mean(attacks.map(({ share }) => share)),
      samples: mean(attacks.map(({ samples }) => samples)),
      clicks: mean(attacks.map(({ clicks }) => clicks)),
    }
  }

  async function against(
    { user, clicks }: Person,
    known: readonly number[],
    own: ReadonlySet<number>,
  ): Promise<Attack> {
    const handed = await world.handed(await world.join(known))
    const foreign = handed.filter(({ owner }) => !own.has(owner))
    const victims = foreign.filter(({ owner }) => owner === user)
    const secret = clicks.filter((click) => !known.includes(click))
    const told = secret.filter((click) => victims.some((one) => one.clicks.has(click)))
    return {
      share: foreign.length === 0 ? 0 : victims.length / foreign.length,
      samples: victims.length,
      clicks: told.length / secret.length,
    }
  }

  const report = (settings: string, { share, samples, clicks }: Attack) => {
    tell('Sybil: foreign samples that are the victim’s', settings, share, 1 / K)
    tell('Sybil: samples of the victim', settings, samples, '-')
    tell('Sybil: other clicks of the victim told by them', settings, clicks, '-')
  }

  it('see hardly anybody else where nothing protects the victim', async () => {
    const found = await attack(UNPROTECTED, K - 1)
    report('off', found)
    expect(found.share).toBeGreaterThan(0.5)
    expect(found.samples).toBeGreaterThan(20)
  })

  it('are no neighbours before they are a day old, and see what everybody sees', async () => {
    const found = await attack(privacy(), K - 1)
    report('on, accounts of today', found)
    expect(found.share).toBeLessThan(2 / K)
  })

  it('that have waited for a day get few samples of the victim', async () => {
    const found = await attack(privacy(), K - 1, 1)
    report('on, accounts of yesterday', found)
    expect(found.samples).toBeLessThanOrEqual(0.02 * 300)
  })

  it('that have waited are unsure where neighbours are drawn by lot', async () => {
    const found = await attack(privacy({ widen: 2 }), K - 1, 1)
    report('on, accounts of yesterday, widen 2', found)
    expect(found.share).toBeLessThan(0.2)
  })

  it('that have waited, and are as many more, are sure again on those days that the lot falls on the victim', async () => {
    const found = await attack(privacy({ widen: 2 }), 2 * K - 1, 1)
    report('on, twice as many of yesterday, widen 2', found)
    expect(found.samples).toBeLessThanOrEqual(0.02 * 300)
  })
})
