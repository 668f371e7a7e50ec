import { expect, test } from 'vitest'
import { catalogueSchema, itemIndex } from '../../shared/catalogue.ts'
import { eventSchema } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import { auc } from '../../shared/metrics.ts'
import { demo } from './demo.ts'
import { complaintOf, eventsOf } from './fixtures.ts'
import { type Appeal, createPopulation } from './population.ts'
import { virtualWeek } from './timeline.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const options = { clock: { now: () => NOW } }

test('six hundred stories have unique titles and one or two of 24 topics', async () => {
  const { catalogue } = await demo(undefined, options)
  expect(catalogueSchema.safeParse(catalogue).success).toBe(true)
  expect(catalogue.items).toHaveLength(600)
  expect(new Set(catalogue.items.map((item) => item.title)).size).toBe(600)
  expect(new Set(catalogue.items.map((item) => item.key)).size).toBe(600)
  expect(catalogue.categories).toHaveLength(24)
  const counts = catalogue.items.map(({ categories }) => new Set(categories).size)
  expect(new Set(counts)).toEqual(new Set([1, 2]))
  for (const topic of catalogue.categories.keys())
    expect(catalogue.items.filter((item) => item.categories[0] === topic)).toHaveLength(25)
})

test('a thousand people see 60 to 120 stories each within the week, none twice', async () => {
  const source = await demo(undefined, options)
  const { start, end } = virtualWeek(NOW)
  const users = await eventsOf(source)
  expect(users.size).toBe(1000)
  const ids = new Set<string>()
  let total = 0
  for (const events of users.values()) {
    const exposures = events.filter((event) => event.type === 'exposure')
    expect(exposures.length).toBeGreaterThanOrEqual(60)
    expect(exposures.length).toBeLessThanOrEqual(120)
    expect(new Set(exposures.map((event) => event.item)).size).toBe(exposures.length)
    expect(events.map((event) => event.id)).toEqual(events.map((event) => event.id).sort())
    expect(events[0]!.at).toBeGreaterThanOrEqual(start)
    expect(events.at(-1)!.at).toBeLessThanOrEqual(end)
    const shown = new Map(exposures.map((event) => [event.id, event.item]))
    for (const event of events) {
      if (event.type === 'click') expect(shown.get(event.exposure)).toBe(event.item)
      ids.add(event.id)
    }
    total += events.length
    expect(eventSchema.safeParse(events[0]).success).toBe(true)
  }
  expect(ids.size).toBe(total)
})

test('the same seed tells the same story, another seed another', async () => {
  const few = { ...options, users: 20 }
  const first = await demo(undefined, few)
  const again = await demo(undefined, few)
  expect(again.catalogue).toEqual(first.catalogue)
  expect(await eventsOf(again)).toEqual(await eventsOf(first))
  const other = await demo(undefined, { ...few, seed: 2 })
  expect(other.catalogue).not.toEqual(first.catalogue)
  expect(await eventsOf(other)).not.toEqual(await eventsOf(first))
})

/** Who saw what, clicked or not, and what made them. */
async function impressions(seed: number) {
  const source = await demo(undefined, { ...options, seed })
  const population = createPopulation({ seed, size: 1000 })
  const index = itemIndex(source.catalogue)
  return [...(await eventsOf(source)).values()].map((events, person) => {
    const clicked = new Set(events.flatMap((event) => (event.type === 'click' ? [event.exposure] : [])))
    return events.flatMap((event) => {
      if (event.type !== 'exposure') return []
      const item = index.get(event.item)!
      return [{ item, label: Number(clicked.has(event.id)), appeal: population.appeal(person, item) }]
    })
  })
}

test.each([1, 2, 3])('there is something to find, by topic and beyond it (seed %i)', async (seed) => {
  const people = await impressions(seed)
  const meanAuc = (scoreOf: (appeal: Appeal) => number) => {
    const each = people.flatMap((seen) => {
      const scores = seen.map(({ appeal }) => scoreOf(appeal))
      return (
        auc(
          scores,
          seen.map(({ label }) => label),
        ) ?? []
      )
    })
    return each.reduce((sum, value) => sum + value, 0) / each.length
  }
  const popular = meanAuc((appeal) => appeal.popularity)
  const topical = meanAuc((appeal) => appeal.popularity + appeal.topic)
  const truth = meanAuc((appeal) => appeal.popularity + appeal.topic + appeal.manner)
  expect(popular).toBeGreaterThan(0.57)
  expect(popular).toBeLessThan(0.63)
  expect(topical).toBeGreaterThan(0.71)
  expect(topical).toBeLessThan(0.79)
  expect(truth).toBeGreaterThan(topical + 0.05)
  expect(truth).toBeLessThan(0.87)
})

test('people whose clicks have the same topics are often kindred, and then like the same manners', async () => {
  const population = createPopulation({ seed: 1, size: 1000 })
  const people = await impressions(1)
  const { items, categories } = population.catalogue
  const vectors = people.map((seen) => {
    const vector = new Float64Array(categories.length)
    for (const { item, label } of seen) for (const topic of items[item]!.categories) vector[topic]! += label
    const length = Math.hypot(...vector) || 1
    return vector.map((value) => value / length)
  })
  const likeness = (a: number, b: number) =>
    vectors[a]!.reduce((sum, value, i) => sum + value * vectors[b]![i]!, 0)
  const everyone = Array.from({ length: population.size }, (_, person) => person)
  let kindred = 0
  for (const person of everyone.slice(0, 200)) {
    const nearest = everyone
      .filter((other) => other !== person)
      .map((other) => ({ other, near: likeness(person, other) }))
      .sort((a, b) => b.near - a.near)
      .slice(0, 20)
    kindred += nearest.filter(
      ({ other }) => population.archetypeOf(other) === population.archetypeOf(person),
    ).length
  }
  // By chance it would be one in 33.
  expect(kindred / (200 * 20)).toBeGreaterThan(0.35)
})

test('the demo takes no folder and a sensible number of people', async () => {
  expect(await complaintOf(demo('/somewhere', options))).toMatch(/takes no folder/)
  await expect(demo(undefined, { ...options, users: 0 })).rejects.toBeInstanceOf(AppError)
})
