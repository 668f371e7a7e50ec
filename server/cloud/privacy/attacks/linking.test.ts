/**
 * Which of the samples that a device is handed are of the same person? The attacker looks at all pairs, at what can be seen of
 * them, and says how likely they belong together; the area under the ROC curve is 0.5 for guessing and 1 for knowing.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { hyper } from '../../../../shared/hyper.ts'
import { type Privacy, privacy, UNPROTECTED } from '../settings.ts'
import { areaOf, type Handed, openWorld, overlap, tell, type World } from './kit.ts'

/** Batches that go by until each of 100 neighbours has given one sample: a round. */
const ROUND = 100 / 25

type Likeness = (a: Handed, b: Handed) => number
const alike = {
  /** Numbers that are near were given one after the other, to one person's samples. */
  id: (a, b) => -Math.abs(Number.parseInt(a.sample.id, 16) - Number.parseInt(b.sample.id, 16)),
  number: (a, b) => -Math.abs(a.number - b.number),
  /** Going round the neighbours, the samples of one come a round apart, or two. */
  place: (a, b) => (a.batch !== b.batch && (a.batch - b.batch) % ROUND === 0 ? 1 : 0),
  day: (a, b) => (a.sample.at === b.sample.at ? 1 : 0),
  history: (a, b) => overlap(a.clicks, b.clicks),
  taste: (a, b) => -a.sample.dense.reduce((sum, value, i) => sum + (value - b.sample.dense[i]!) ** 2, 0),
} satisfies Record<string, Likeness>

function area(handed: readonly Handed[], likeness: Likeness): number {
  const [same, other]: [number[], number[]] = [[], []]
  handed.forEach((a, i) => {
    for (const b of handed.slice(0, i)) (a.owner === b.owner ? same : other).push(likeness(a, b))
  })
  return areaOf(same, other)
}

function tallies(handed: readonly Handed[]): number[] {
  const found = new Map<number, number>()
  for (const { owner } of handed) found.set(owner, (found.get(owner) ?? 0) + 1)
  return [...found.values()]
}

describe('linking the samples of a device', () => {
  let world: World
  afterEach(() => world.done())
  /** What somebody new is handed, who clicked what one person clicked. */
  async function handedUnder(settings: Privacy, { neighbours = 100, users = 150 } = {}): Promise<Handed[]> {
    world = await openWorld({ privacy: settings, hyper: hyper({ neighbours }), users })
    return world.handed(await world.join(world.people[7]!.clicks.slice(0, 12)))
  }

  it('goes by numbers and by places where nothing hides them', async () => {
    const handed = await handedUnder({ ...privacy(), shuffle: false })
    const [number, place] = [area(handed, alike.number), area(handed, alike.place)]
    tell('linking two samples by their numbers', 'off: numbers as they are inside', number, 0.5)
    tell('linking two samples by their batches', 'off: in the order of the rounds', place, 0.5)
    expect(number).toBeGreaterThan(0.9)
    expect(place).toBeGreaterThan(0.8)
  })

  it('goes neither by ids nor by places otherwise, but histories and tastes tell', async () => {
    const handed = await handedUnder(privacy())
    for (const name of ['id', 'place', 'day', 'history', 'taste'] as const)
      tell(`linking two samples by ${name}`, 'on', area(handed, alike[name]), 0.5)
    expect(Math.abs(area(handed, alike.id) - 0.5)).toBeLessThan(0.05)
    expect(Math.abs(area(handed, alike.place) - 0.5)).toBeLessThan(0.05)
    // By nature: two samples of one person tell of the same clicks before them. So there are to be few of each person.
    expect(area(handed, alike.history)).toBeGreaterThan(0.9)
  })

  it.each([
    ['off', UNPROTECTED, 12],
    ['on', privacy(), 6],
    ['on, donorDayShare 1/300', privacy({ donorDayShare: 1 / 300 }), 1],
  ] as const)(
    'brings few samples of one person together where few have any to give: %s',
    async (name, settings, most) => {
      const handed = await handedUnder(settings, { neighbours: 25, users: 60 })
      const found = Math.max(...tallies(handed))
      tell('linking: most samples of one person', name, `${found}`, '-')
      expect(found).toBe(most)
    },
  )

  it('finds no id that two devices have, though they have nearly all samples in common', async () => {
    world = await openWorld({ hyper: hyper({ neighbours: 25 }), users: 60 })
    const clicks = world.people[7]!.clicks.slice(0, 12)
    const one = await world.handed(await world.join(clicks))
    const two = await world.handed(await world.join(clicks))
    const numbers = new Set(one.map(({ number }) => number))
    const common = two.filter(({ number }) => numbers.has(number))
    const ids = new Set(one.map(({ sample }) => sample.id))
    const seen = two.filter(({ sample }) => ids.has(sample.id))
    tell(
      'linking: ids that two devices share',
      `on, of ${common.length} samples in common`,
      `${seen.length}`,
      '0',
    )
    expect(common.length).toBeGreaterThan(50)
    expect(seen).toEqual([])
  })
})
