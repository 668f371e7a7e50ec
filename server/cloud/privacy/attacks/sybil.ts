/**
 * The attack on neighbours of Calandrino et al. (2011) and Frey et al. (2015): whoever knows some of what a person clicked makes
 * as many fake accounts that clicked the same as there are neighbours. These become each other's neighbours, the person is the
 * only real one among them, and whatever one of them is handed that is not of the others is the person's.
 */
import { DAY, HOUR, mean, type Person, tell, type World } from './kit.ts'

export interface Surrounded {
  /** Of the samples handed out that are not the attacker's own, the share that are the victim's. */
  readonly share: number
  /** The same of those samples that name most of the clicks that the attacker knows. */
  readonly picked: number
  /** How many samples of the victim there are. */
  readonly samples: number
  /** The share of the victim's other clicks that they tell. */
  readonly clicks: number
}

/**
 * What an attacker gets of each of `victims`, half of whose clicks they know, on average. `fakes`: accounts for each victim;
 * `patience`: days that these wait.
 */
export async function surround(
  world: World,
  victims: readonly Person[],
  { fakes, patience = 0 }: { fakes: number; patience?: number },
): Promise<Surrounded> {
  const known = new Map(
    victims.map((victim) => [victim, victim.clicks.filter((_, i) => i % 2 === 0).slice(0, 40)]),
  )
  const own = new Set<number>()
  for (const victim of victims) for (let i = 0; i < fakes; i++) own.add(await world.join(known.get(victim)!))
  world.time.now += patience * DAY + HOUR
  await world.cloud.prepare()
  const all: Surrounded[] = []
  for (const victim of victims) all.push(await askAs(world, victim, known.get(victim)!, own))
  return {
    share: mean(all.map(({ share }) => share)),
    picked: mean(all.map(({ picked }) => picked)),
    samples: mean(all.map(({ samples }) => samples)),
    clicks: mean(all.map(({ clicks }) => clicks)),
  }
}

async function askAs(
  world: World,
  { user, clicks }: Person,
  known: readonly number[],
  own: ReadonlySet<number>,
): Promise<Surrounded> {
  const handed = await world.handed(await world.join(known))
  const foreign = handed.filter(({ owner }) => !own.has(owner))
  const victims = foreign.filter(({ owner }) => owner === user)
  const fits = foreign.map((one) => known.filter((click) => one.clicks.has(click)).length)
  const best = foreign.filter((_, i) => fits[i] === Math.max(...fits))
  const secret = clicks.filter((click) => !known.includes(click))
  const told = secret.filter((click) => victims.some((one) => one.clicks.has(click)))
  return {
    share: foreign.length === 0 ? 0 : victims.length / foreign.length,
    picked: best.length === 0 ? 0 : best.filter(({ owner }) => owner === user).length / best.length,
    samples: victims.length,
    clicks: told.length / secret.length,
  }
}

export function tellSurrounded(
  settings: string,
  k: number,
  { share, picked, samples, clicks }: Surrounded,
): void {
  tell('Sybil: foreign samples that are the victim’s', settings, share, 1 / k)
  tell('Sybil: the same of those that fit best', settings, picked, 1 / k)
  tell('Sybil: samples of the victim', settings, samples, '-')
  tell('Sybil: other clicks of the victim in them', settings, clicks, '-')
}
