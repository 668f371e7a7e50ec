import { expect, test } from 'vitest'
import type { KindredEvent } from '../../shared/event.ts'
import { complaintOf, eventsOf, folderOf } from './fixtures.ts'
import { jsonl } from './jsonl.ts'
import { eventIds } from './timeline.ts'

const options = { clock: { now: () => 0 } }
const AT = Date.UTC(2026, 0, 15)
const CATALOGUE = JSON.stringify({
  name: 'Shop',
  noun: 'offer',
  categories: ['tea'],
  items: [
    { key: 'a', title: 'Assam', categories: [0] },
    { key: 'b', title: 'Bancha', categories: [] },
  ],
})

const next = eventIds('test', 'ann')
const exposure: KindredEvent = { type: 'exposure', id: next(AT), at: AT, item: 'a' }
const click: KindredEvent = { type: 'click', id: next(AT + 5), at: AT + 5, item: 'a', exposure: exposure.id }
const scroll: KindredEvent = { type: 'behaviour', id: next(AT + 9), at: AT + 9, name: 'scroll' }
const line = (user: string, event: object) => JSON.stringify({ user, ...event })
const log = (...lines: string[]) => ({ 'catalogue.json': CATALOGUE, 'events.jsonl': `${lines.join('\n')}\n` })

test('users may be mixed; each gets their own events in order', async () => {
  const folder = await folderOf(
    log(line('ann', exposure), line('bob', exposure), line('ann', click), line('ann', scroll)),
  )
  const source = await jsonl(folder, options)
  expect(source.schema).toBe('demo')
  expect(source.catalogue.noun).toBe('offer')
  expect(await eventsOf(source)).toEqual(
    new Map([
      ['ann', [exposure, click, scroll]],
      ['bob', [exposure]],
    ]),
  )
})

test('a log may be gzipped, have CRLF and lack the last line end', async () => {
  const events = `${line('ann', exposure)}\r\n${line('ann', click)}`
  const folder = await folderOf({ 'catalogue.json': CATALOGUE, 'events.jsonl.gz': events })
  expect(await eventsOf(await jsonl(folder, options))).toEqual(new Map([['ann', [exposure, click]]]))
})

test('source.json names the feature schema', async () => {
  const files = { ...log(line('ann', exposure)), 'source.json': '{"schema": "globo"}' }
  expect((await jsonl(await folderOf(files), options)).schema).toBe('globo')
  const unknown = { ...files, 'source.json': '{"schema": "none"}' }
  expect(await complaintOf(jsonl(await folderOf(unknown), options))).toMatch(/^source\.json at schema: /)
})

test('a user\u2019s events come in several chunks from a long log, none lost', async () => {
  const ids = eventIds('test', 'long')
  const lines = Array.from({ length: 45_000 }, (_, i) =>
    line(`user ${i % 3}`, { ...exposure, id: ids(AT + i), at: AT + i }),
  )
  const source = await jsonl(await folderOf(log(...lines)), options)
  let chunks = 0
  const last = new Map<string, number>()
  let count = 0
  for await (const { user, events } of source.users()) {
    chunks++
    for (const event of events) {
      expect(event.at).toBe((last.get(user) ?? AT + Number(user.at(-1)) - 3) + 3)
      last.set(user, event.at)
      count++
    }
  }
  expect(count).toBe(45_000)
  expect(chunks).toBeGreaterThan(3)
})

const broken: [string, string[], RegExp][] = [
  ['not JSON', [line('ann', exposure), '{"user":'], /^events\.jsonl:2: not JSON \(/],
  ['a blank line', ['', line('ann', exposure)], /^events\.jsonl:1: not JSON/],
  ['not an object', ['[]'], /^events\.jsonl:1: not an object$/],
  ['no user', [JSON.stringify(exposure)], /^events\.jsonl:1: user: /],
  ['an unknown type', [line('ann', { ...exposure, type: 'purchase' })], /^events\.jsonl:1: event at type: /],
  ['a field too many', [line('ann', { ...exposure, email: 'x' })], /^events\.jsonl:1: event: .*email/],
  [
    'an id of another version',
    [line('ann', { ...exposure, id: crypto.randomUUID() })],
    /^events\.jsonl:1: event at id: /,
  ],
  [
    'an item that is not in the catalogue',
    [line('ann', { ...exposure, item: 'z' })],
    /^events\.jsonl:1: the item \u201cz\u201d is not in catalogue\.json$/,
  ],
  [
    'events out of order',
    [line('ann', click), line('ann', exposure)],
    /^events\.jsonl:2: the id is not above/,
  ],
  [
    'an event told twice',
    [line('ann', exposure), line('ann', exposure)],
    /^events\.jsonl:2: the id is not above/,
  ],
]

test.each(broken)('%s is refused with file, line and reason', async (_, lines, complaint) => {
  const folder = await folderOf(log(...lines))
  expect(await complaintOf(jsonl(folder, options).then(eventsOf))).toMatch(complaint)
})

test('an empty log is refused', async () => {
  const folder = await folderOf({ 'catalogue.json': CATALOGUE, 'events.jsonl': '' })
  expect(await complaintOf(jsonl(folder, options).then(eventsOf))).toBe(
    'events.jsonl:1: the file holds no events',
  )
})

test('a catalogue that is malformed, ambiguous or missing is refused before any event is read', async () => {
  const events = { 'events.jsonl': `${line('ann', exposure)}\n` }
  const twice = JSON.stringify({
    ...JSON.parse(CATALOGUE),
    items: [0, 1].map(() => ({ key: 'a', title: 'A', categories: [] })),
  })
  const complaint = async (files: Record<string, string>) =>
    complaintOf(jsonl(await folderOf({ ...events, ...files }), options))
  expect(await complaint({})).toMatch(/has no catalogue\.json\.$/)
  expect(await complaint({ 'catalogue.json': '{' })).toMatch(/^catalogue\.json: /)
  expect(await complaint({ 'catalogue.json': '{"name": "Shop"}' })).toMatch(/^catalogue\.json at noun: /)
  expect(await complaint({ 'catalogue.json': twice })).toBe('catalogue.json: two items have the same key.')
})

test('a folder must be named and hold a log', async () => {
  expect(await complaintOf(jsonl(undefined, options))).toMatch(/needs the folder/)
  expect(await complaintOf(jsonl(await folderOf({}), options))).toMatch(/has no events\.jsonl\.$/)
})
