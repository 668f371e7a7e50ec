import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seeded } from '../../shared/random.ts'
import { complaintOf, folderOf, GLOBO_HEADER, globoLine } from './fixtures.ts'
import { inTimeOrder, readSessions, type Session, type Told } from './globo-log.ts'

/** Sessions as they come out of a file: some at a time. */
async function* inPieces(sessions: readonly Session[], size: number): AsyncGenerator<Session[]> {
  for (let at = 0; at < sessions.length; at += size) yield sessions.slice(at, at + size)
}

const session = (start: number, offsets: readonly number[]): Session => ({
  user: 1,
  start,
  clicks: [...offsets].sort((a, b) => a - b).map((offset) => ({ at: start + offset, article: 1, device: 1 })),
})

test('the clicks of all sessions come in time order, each once, with the session that it is of', async () => {
  const sessions = fc
    .array(fc.record({ after: fc.nat(50), offsets: fc.array(fc.nat(400), { minLength: 1, maxLength: 5 }) }), {
      maxLength: 60,
    })
    .map((steps) => {
      let start = 0
      return steps.map(({ after, offsets }) => {
        start += after
        return session(start, offsets)
      })
    })
  const check = async (sessions: Session[], size: number) => {
    const told: Told[] = []
    for await (const some of inTimeOrder(inPieces(sessions, size))) told.push(...some)
    const due = sessions.flatMap(({ clicks }) => clicks)
    expect(told.map(({ click }) => click.at)).toEqual(due.map(({ at }) => at).sort((a, b) => a - b))
    expect(new Set(told.map(({ click }) => click))).toEqual(new Set(due))
    for (const { session, click } of told) expect(session.clicks).toContain(click)
  }
  await fc.assert(fc.asyncProperty(sessions, fc.integer({ min: 1, max: 20 }), check), { seed: 7 })
})

test.each([500, 5000])('of %i sessions only those that may still click are held', async (count) => {
  const random = seeded(5)
  const MINUTE = 60_000
  // One begins every ten seconds and goes on for up to twenty minutes: about 120 at most can overlap.
  const sessions = Array.from({ length: count }, (_, i) =>
    session(
      i * 10_000,
      Array.from({ length: 3 }, () => random.below(20 * MINUTE)),
    ),
  )
  let most = 0
  const told = inTimeOrder(inPieces(sessions, 64), (held) => {
    most = Math.max(most, held)
  })
  for await (const _ of told);
  const openAt = (start: number) =>
    sessions.filter((one) => one.start <= start && one.clicks.at(-1)!.at >= start).length
  expect(most).toBe(Math.max(...sessions.map(({ start }) => openAt(start))))
  expect(most).toBeLessThanOrEqual(121)
})

const TEN = Date.UTC(2017, 9, 1, 10)
async function read(...lines: string[]): Promise<Session[]> {
  const text = lines.map((line) => `${line}\n`).join('')
  const sessions: Session[] = []
  for await (const some of readSessions(`${await folderOf({ 'clicks.csv': text })}/clicks.csv`))
    sessions.push(...some)
  return sessions
}

test('lines of one session become one session, its clicks in time order', async () => {
  const lines = [
    globoLine(7, 1, TEN, 5, TEN + 9, 1),
    globoLine(7, 1, TEN, 6, TEN + 4, 3),
    globoLine(8, 2, TEN, 5, TEN, 1),
  ]
  expect(await read(GLOBO_HEADER, ...lines)).toEqual([
    {
      user: 7,
      start: TEN,
      clicks: [
        { at: TEN + 4, article: 6, device: 3 },
        { at: TEN + 9, article: 5, device: 1 },
      ],
    },
    { user: 8, start: TEN, clicks: [{ at: TEN, article: 5, device: 1 }] },
  ])
})

const good = globoLine(1, 1, TEN, 5, TEN, 1)
const broken: [string, string[], RegExp][] = [
  ['a log without its header', [good], /^clicks\.csv:1: the file must begin with the column names user_id, /],
  ['a header alone', [GLOBO_HEADER], /^clicks\.csv:1: the file holds no clicks$/],
  ['an empty file', [], /^clicks\.csv:1: the file holds no clicks$/],
  ['a field too few', [GLOBO_HEADER, good, '1,2,3'], /^clicks\.csv:3: 3 fields where 12 are due$/],
  ['a blank line', [GLOBO_HEADER, '', good], /^clicks\.csv:2: 1 fields where 12 are due$/],
  [
    'a user that is none',
    [GLOBO_HEADER, globoLine('x', 1, TEN, 5, TEN, 1)],
    /^clicks\.csv:2: “x” is not the number of a user$/,
  ],
  [
    'a session beyond what a number holds',
    [GLOBO_HEADER, globoLine(1, '9007199254740993', TEN, 5, TEN, 1)],
    /^clicks\.csv:2: “9007199254740993” is not the number of a session$/,
  ],
  [
    'an article that is none',
    [GLOBO_HEADER, globoLine(1, 1, TEN, '', TEN, 1)],
    /^clicks\.csv:2: “” is not the number of an article$/,
  ],
  [
    'a time that is none',
    [GLOBO_HEADER, globoLine(1, 1, TEN, 5, -1, 1)],
    /^clicks\.csv:2: the time “-1” is not a number of milliseconds$/,
  ],
  [
    'a device that is none',
    [GLOBO_HEADER, globoLine(1, 1, TEN, 5, TEN, '1.5')],
    /^clicks\.csv:2: “1\.5” is not the number of a group of devices$/,
  ],
  [
    'a click before its session',
    [GLOBO_HEADER, globoLine(1, 1, TEN, 5, TEN - 1, 1)],
    /^clicks\.csv:2: the click comes before its session begins$/,
  ],
  [
    'sessions out of order',
    [GLOBO_HEADER, good, globoLine(2, 2, TEN - 1, 5, TEN, 1)],
    /^clicks\.csv:3: the session begins before the one above it/,
  ],
  [
    'a session of two users',
    [GLOBO_HEADER, good, globoLine(2, 1, TEN, 5, TEN, 1)],
    /^clicks\.csv:3: session 1 is of user 1 and 2$/,
  ],
]

test.each(broken)('%s is refused with file, line and reason', async (_, lines, complaint) => {
  expect(await complaintOf(read(...lines))).toMatch(complaint)
})
