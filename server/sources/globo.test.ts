import fc from 'fast-check'
import { expect, test } from 'vitest'
import { catalogueSchema } from '../../shared/catalogue.ts'
import { DAY_MS } from '../../shared/clock.ts'
import { eventSchema, type KindredEvent } from '../../shared/event.ts'
import { complaintOf, eventsOf, folderOf, GLOBO_HEADER, globoLine } from './fixtures.ts'
import { globo } from './globo.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const options = { clock: { now: () => NOW } }
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const TEN = Date.UTC(2017, 9, 1, 10)

type Visit = [user: number, start: number, clicks: [at: number, article: number, device?: number][]]

/** A log of visits; all times are counted from ten o'clock. */
function log(...visits: Visit[]): string {
  const lines = visits.flatMap(([user, start, clicks], session) =>
    clicks.map(([at, article, device = 1]) =>
      globoLine(user, session, TEN + start, article, TEN + at, device),
    ),
  )
  return `${[GLOBO_HEADER, ...lines].join('\n')}\n`
}
const opened = async (text: string, name = 'clicks.csv') => globo(await folderOf({ [name]: text }), options)

/** Events as a person would tell them; what was shown together is sorted. */
function story(events: readonly KindredEvent[]): string[] {
  const told: string[] = []
  let shown: string[] = []
  for (const event of events) {
    if (event.type === 'exposure') shown.push(event.item)
    else if (event.type === 'profile') told.push(`${event.name} ${event.value}`)
    else if (event.type === 'click') {
      told.push(`${event.item} of ${shown.sort().join(' ')}`)
      shown = []
    }
  }
  return told
}

const MORNING = log(
  [
    7,
    0,
    [
      [1 * MINUTE, 100],
      [30 * MINUTE, 400],
    ],
  ],
  [
    8,
    2 * MINUTE,
    [
      [3 * MINUTE, 200, 3],
      [5 * MINUTE, 300, 3],
    ],
  ],
  [7, 5 * MINUTE, [[6 * MINUTE, 500, 4]]],
  [
    9,
    65 * MINUTE,
    [
      [65 * MINUTE, 600],
      [67 * MINUTE, 700],
    ],
  ],
)

test('a click is one of what others read within the hour, and nothing that the session itself had', async () => {
  const users = await eventsOf(await opened(MORNING))
  // User 7 has two sessions at a time, on devices of two groups, and the later one is over first.
  expect(story(users.get('7')!)).toEqual([
    'device 1',
    '100 of 100',
    'device 4',
    '500 of 100 200 300 500',
    'device 1',
    '400 of 200 300 400 500',
  ])
  expect(story(users.get('8')!)).toEqual(['device 3', '200 of 100 200', '300 of 100 300'])
  // At 11:05 the click of 10:01 is more than an hour old. The last click comes after the last session's beginning.
  expect(story(users.get('9')!)).toEqual(['device 1', '600 of 300 400 500 600'])
})

test('what was shown comes a second before the click, and the device before all', async () => {
  const events = (await eventsOf(await opened(MORNING))).get('7')!
  const shift = events.at(-1)!.at - (TEN + 30 * MINUTE)
  expect(events.slice(0, 3).map(({ type, at }) => [type, at - shift - TEN])).toEqual([
    ['profile', 59 * SECOND],
    ['exposure', 59 * SECOND + 1],
    ['click', 60 * SECOND],
  ])
  const click = events.at(-1)!
  const shown = events.slice(-5, -1)
  expect(shown.map(({ at }) => click.at - at)).toEqual([999, 998, 997, 996])
  const clicked = shown.find((event) => event.type === 'exposure' && event.item === '400')!
  expect(click).toMatchObject({ type: 'click', item: '400', exposure: clicked.id })
  for (const event of events) expect(eventSchema.safeParse(event).success).toBe(true)
})

test('the log is moved by whole days, to end an hour to 25 hours ago', async () => {
  const at = async (now: number) => {
    const folder = await folderOf({ 'clicks.csv': log([1, 0, [[0, 5]]]) })
    return (await eventsOf(await globo(folder, { clock: { now: () => now } }))).get('1')!.at(-1)!.at
  }
  expect(await at(NOW)).toBe(Date.UTC(2026, 0, 15, 10))
  expect(await at(Date.UTC(2026, 0, 15, 11))).toBe(Date.UTC(2026, 0, 15, 10))
  expect(await at(Date.UTC(2026, 0, 15, 11) - 1)).toBe(Date.UTC(2026, 0, 14, 10))
})

test('every article is in the catalogue, in the order in which the log comes to them', async () => {
  const { catalogue, schema } = await opened(MORNING)
  expect(schema).toBe('globo')
  expect(catalogueSchema.safeParse(catalogue).success).toBe(true)
  expect(catalogue.items.map(({ key }) => key)).toEqual(['100', '400', '200', '300', '500', '600', '700'])
  expect(catalogue.items[0]).toEqual({ key: '100', title: 'Article 100', categories: [0] })
})

test('clicks of a user at the same moment, and closer than what is shown before them, still rise', async () => {
  const two: [number, number][] = [
    [MINUTE, 1],
    [MINUTE + 2, 2],
  ]
  const text = log([1, 0, two], [1, 0, [[MINUTE, 3]]], [2, 2 * MINUTE, [[2 * MINUTE, 4]]])
  const events = (await eventsOf(await opened(text))).get('1')!
  for (const [i, event] of events.entries())
    if (i > 0) {
      expect(event.at).toBeGreaterThan(events[i - 1]!.at)
      expect(event.id > events[i - 1]!.id).toBe(true)
    }
  expect(events.filter(({ type }) => type === 'click')).toHaveLength(3)
  expect(events.at(-1)!.at - events[0]!.at).toBeLessThan(SECOND + 20)
})

test('a file may be named itself, be gzipped, have CRLF and lack the last line end', async () => {
  const due = await eventsOf(await opened(MORNING))
  const folder = await folderOf({ 'visits.csv.gz': MORNING.replaceAll('\n', '\r\n').trimEnd() })
  expect(await eventsOf(await globo(`${folder}/visits.csv.gz`, options))).toEqual(due)
  expect(await eventsOf(await opened(MORNING, 'clicks.csv.gz'))).toEqual(due)
})

/** Clicks lie whole seconds apart, unless they are simultaneous. */
const visits = fc
  .array(
    fc.record({
      user: fc.integer({ min: 1, max: 5 }),
      after: fc.nat(900),
      clicks: fc.array(
        fc.tuple(fc.nat(9000), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 3 })),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((steps) => {
    let start = 0
    return steps.map(({ user, after, clicks }): Visit => {
      start += after * SECOND
      return [user, start, clicks.map(([offset, ...rest]) => [start + offset * SECOND, ...rest])]
    })
  })

test('whatever the log, every click up to its end is told, among what was being read', async () => {
  const check = async (visits: Visit[]) => {
    const source = await opened(log(...visits))
    const users = await eventsOf(source)
    expect(await eventsOf(source)).toEqual(users)
    const end = visits.at(-1)![1]
    const shift = Math.floor((NOW - HOUR - (TEN + end)) / DAY_MS) * DAY_MS
    const clicks = visits.flatMap(([user, , clicks], session) =>
      clicks.map(([at, article]) => ({ user: `${user}`, session, at, article: `${article}` })),
    )
    const told: object[] = []
    for (const [user, events] of users) {
      let last = { id: '', at: -1 }
      let shown: { item: string; at: number; id: string }[] = []
      for (const event of events) {
        expect(event.at).toBeGreaterThan(last.at)
        expect(event.id > last.id).toBe(true)
        last = event
        if (event.type === 'exposure') shown.push(event)
        if (event.type !== 'click') continue
        const at = Math.floor((event.at - shift - TEN) / SECOND) * SECOND
        told.push({ user, at, article: event.item })
        const was = (by: (click: (typeof clicks)[number]) => boolean) =>
          new Set(clicks.filter(by).map(({ article }) => article))
        // Simultaneous clicks of one user on one article may be of either session.
        const own = clicks.filter(
          (click) => click.user === user && click.at === at && click.article === event.item,
        )
        const passedOver = shown.filter(({ id }) => id !== event.exposure).map(({ item }) => item)
        const fits = own.some(({ session }) => {
          const ofSession = was((click) => click.session === session && click.at <= at)
          const before = was(
            (click) => click.at < at && click.at >= at - HOUR && !ofSession.has(click.article),
          )
          const until = was(
            (click) => click.at <= at && click.at >= at - HOUR && !ofSession.has(click.article),
          )
          return (
            passedOver.every((item) => until.has(item)) &&
            passedOver.length >= Math.min(4, before.size) &&
            passedOver.length <= Math.min(4, until.size)
          )
        })
        expect(fits).toBe(true)
        expect(new Set(passedOver).size).toBe(passedOver.length)
        expect(shown.find(({ id }) => id === event.exposure)!.item).toBe(event.item)
        for (const { at } of shown) expect(event.at - at).toBeLessThanOrEqual(SECOND)
        shown = []
      }
    }
    const due = clicks.filter(({ at }) => at <= end).map(({ user, at, article }) => ({ user, at, article }))
    const sorted = (list: object[]) => list.map((one) => JSON.stringify(one)).sort()
    expect(sorted(told)).toEqual(sorted(due))
  }
  await fc.assert(fc.asyncProperty(visits, check), { seed: 7, numRuns: 40 })
})

test('a user’s events come in several chunks from a long log, rising throughout, however dense', async () => {
  // Each of five users clicks every 5 ms, and a click with what was shown before it takes 6.
  const visits = Array.from({ length: 12_000 }, (_, i): Visit => [i % 5, i, [[i, i % 300]]])
  const source = await opened(log(...visits))
  let chunks = 0
  for await (const _ of source.users()) chunks++
  expect(chunks).toBeGreaterThan(5)
  const users = await eventsOf(source)
  expect(users.size).toBe(5)
  for (const events of users.values()) {
    let last = { id: '', at: -1 }
    for (const event of events) {
      expect(event.id > last.id && event.at > last.at).toBe(true)
      last = event
    }
    // The group of devices never changes, so each user tells it once, over all chunks.
    expect(events.filter(({ type }) => type === 'profile')).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'click')).toHaveLength(12_000 / 5)
  }
})

test('a folder or file must be named, and be there', async () => {
  expect(await complaintOf(globo(undefined, options))).toMatch(/needs the folder/)
  const folder = await folderOf({ 'notes.txt': '' })
  expect(await complaintOf(globo(folder, options))).toMatch(/has no clicks\.csv\.$/)
  expect(await complaintOf(globo(`${folder}/gone`, options))).toMatch(/^There is no .*gone\.$/)
})
