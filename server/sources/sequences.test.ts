import fc from 'fast-check'
import { expect, test } from 'vitest'
import { catalogueSchema } from '../../shared/catalogue.ts'
import { eventSchema } from '../../shared/event.ts'
import { complaintOf, eventsOf, folderOf } from './fixtures.ts'
import { sequences } from './sequences.ts'
import { SPAN_MS, virtualWeek } from './timeline.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const options = { clock: { now: () => NOW } }
const { start } = virtualWeek(NOW)

async function opened(text: string, name = 'Games.txt') {
  return sequences(`${await folderOf({ [name]: text })}/${name}`, options)
}

test('a line is a click among items not clicked so far, spread evenly over the virtual week', async () => {
  const events = (await eventsOf(await opened('1 10\n1 20\n2 30\n'))).get('1')!
  // At first 20, which comes later, and 30 can be passed over, then 30 alone; they are shown in a drawn order.
  const shown = events.map((event) => ('item' in event ? `${event.type} ${event.item}` : event.type))
  expect(shown.slice(0, 3).sort()).toEqual(['exposure 10', 'exposure 20', 'exposure 30'])
  expect(shown.slice(4, 6).sort()).toEqual(['exposure 20', 'exposure 30'])
  expect([shown[3], shown[6]]).toEqual(['click 10', 'click 20'])
  const [quarter, threeQuarters] = [start + SPAN_MS / 4, start + (SPAN_MS * 3) / 4]
  expect(events.map(({ at }) => at)).toEqual([
    ...[quarter - 1000, quarter - 999, quarter - 998, quarter],
    ...[threeQuarters - 1000, threeQuarters - 999, threeQuarters],
  ])
  const exposed = events.slice(0, 3).find((event) => 'item' in event && event.item === '10')!
  expect(events[3]).toMatchObject({ exposure: exposed.id })
  for (const event of events) expect(eventSchema.safeParse(event).success).toBe(true)
})

test('the catalogue is called like the file, and has its items in the order of the file', async () => {
  const { catalogue, schema } = await opened('1 10\n1 7\r\n2 10', 'Games.txt.gz')
  expect(catalogueSchema.safeParse(catalogue).success).toBe(true)
  expect(catalogue.name).toBe('Games')
  expect(catalogue.items.map(({ title }) => title)).toEqual(['Item 10', 'Item 7'])
  expect(schema).toBe('sequences')
})

test('whatever the sequences, clicks keep their order and nobody passes over what they have already', async () => {
  const item = fc.integer({ min: 1, max: 9 })
  const users = fc.array(fc.array(item, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 })
  const check = async (users: number[][]) => {
    const source = await opened(users.flatMap((own, user) => own.map((item) => `${user} ${item}\n`)).join(''))
    const all = new Set(users.flat())
    const told = await eventsOf(source)
    expect(await eventsOf(source)).toEqual(told)
    expect([...told.keys()]).toEqual(users.map((_, user) => `${user}`))
    for (const [user, events] of told) {
      const own = users[Number(user)]!
      const clicks = events.filter((event) => event.type === 'click')
      expect(clicks.map(({ item }) => Number(item))).toEqual(own)
      let shown: string[] = []
      const before = new Set<number>()
      for (const event of events) {
        if (event.type === 'exposure') shown.push(event.item)
        if (event.type !== 'click') continue
        before.add(Number(event.item))
        const passedOver = shown.filter((item) => item !== event.item).map(Number)
        expect(shown).toHaveLength(passedOver.length + 1)
        expect(passedOver).toHaveLength(Math.min(4, all.size - before.size))
        for (const item of passedOver) expect(all.has(item) && !before.has(item)).toBe(true)
        shown = []
      }
      for (let i = 1; i < events.length; i++) {
        expect(events[i]!.id > events[i - 1]!.id).toBe(true)
        expect(events[i]!.at).toBeGreaterThan(events[i - 1]!.at)
      }
    }
  }
  await fc.assert(fc.asyncProperty(users, check), { seed: 7, numRuns: 40 })
})

test('what is passed over is drawn uniformly', async () => {
  const ITEMS = 20
  const lines = Array.from({ length: 1000 }, (_, user) => `${user} ${(user % ITEMS) + 1}\n`)
  const counts = new Map<string, number>()
  for (const events of (await eventsOf(await opened(lines.join('')))).values()) {
    const click = events.find((event) => event.type === 'click')!
    for (const event of events)
      if (event.type === 'exposure' && event.id !== click.exposure)
        counts.set(event.item, (counts.get(event.item) ?? 0) + 1)
  }
  const mean = (1000 * 4) / ITEMS
  expect(counts.size).toBe(ITEMS)
  for (const count of counts.values()) expect(Math.abs(count - mean)).toBeLessThan(4 * Math.sqrt(mean))
})

test.each<[string, string, RegExp]>([
  ['an empty file', '', /^Games\.txt:1: the file holds no sequences$/],
  ['a field too many', '1 2\n1 2 3\n', /^Games\.txt:2: 3 fields where 2 are due$/],
  ['a blank line', '1 2\n\n1 3\n', /^Games\.txt:2: 1 fields where 2 are due$/],
  ['a user that is none', 'ann 2\n', /^Games\.txt:1: “ann” is not the number of a user$/],
  ['an item that is none', '1 02\n', /^Games\.txt:1: “02” is not the number of an item$/],
  ['a user that comes again', '1 2\n2 2\n1 3\n', /^Games\.txt:3: user 1 comes again after others/],
])('%s is refused with file, line and reason', async (_, text, complaint) => {
  expect(await complaintOf(opened(text).then(eventsOf))).toMatch(complaint)
})

test('a file must be named', async () => {
  expect(await complaintOf(sequences(undefined, options))).toMatch(/needs its file/)
})
