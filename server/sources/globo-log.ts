/** Globo.com's click log: its lines as sessions, and the clicks of all sessions in the order in which they happened. */
import { badLine } from './files.ts'
import { readDelimited, wholeNumber } from './table.ts'

export interface Click {
  /** ms since the epoch */
  readonly at: number
  readonly article: number
  /** Group of devices, 1 … 5. */
  readonly device: number
}

export interface Session {
  readonly user: number
  /** When it began; no click is earlier. */
  readonly start: number
  /** In time order. */
  readonly clicks: readonly Click[]
}

const COLUMNS =
  'user_id,session_id,session_start,session_size,click_article_id,click_timestamp,click_environment,click_deviceGroup,click_os,click_country,click_region,click_referrer_type'.split(
    ',',
  )
const AT = {
  user: COLUMNS.indexOf('user_id'),
  session: COLUMNS.indexOf('session_id'),
  start: COLUMNS.indexOf('session_start'),
  article: COLUMNS.indexOf('click_article_id'),
  time: COLUMNS.indexOf('click_timestamp'),
  device: COLUMNS.indexOf('click_deviceGroup'),
}

interface Line extends Click {
  readonly line: number
  readonly user: number
  readonly session: number
  readonly start: number
}

/**
 * The sessions of a log by their starts, holding one at a time. Refuses a log whose sessions do not stand in the order of
 * their starts, or whose clicks come before them: `inTimeOrder` depends on both.
 */
export async function* readSessions(file: string): AsyncGenerator<Session[]> {
  let own: Line[] = []
  let start = 0
  for await (const lines of readDelimited(file, 'utf8', ',', COLUMNS, toLine)) {
    const ended: Session[] = []
    for (const line of lines) {
      if (line.start < start)
        throw badLine(file, line.line, 'the session begins before the one above it; sort the file')
      start = line.start
      if (own.length > 0 && own[0]!.session !== line.session) {
        ended.push(toSession(own))
        own = []
      }
      if (own.length > 0 && own[0]!.user !== line.user)
        throw badLine(file, line.line, `session ${line.session} is of user ${own[0]!.user} and ${line.user}`)
      own.push(line)
    }
    yield ended
  }
  if (own.length === 0) throw badLine(file, 1, 'the file holds no clicks')
  yield [toSession(own)]
}

function toLine(fields: readonly string[], line: number): Line | string {
  const [user, session, start] = [AT.user, AT.session, AT.start].map((at) => wholeNumber(fields[at]))
  const [article, at, device] = [AT.article, AT.time, AT.device].map((at) => wholeNumber(fields[at]))
  if (user === undefined) return `“${fields[AT.user]}” is not the number of a user`
  if (session === undefined) return `“${fields[AT.session]}” is not the number of a session`
  if (start === undefined) return `the time “${fields[AT.start]}” is not a number of milliseconds`
  if (article === undefined) return `“${fields[AT.article]}” is not the number of an article`
  if (at === undefined) return `the time “${fields[AT.time]}” is not a number of milliseconds`
  if (device === undefined) return `“${fields[AT.device]}” is not the number of a group of devices`
  if (at < start) return 'the click comes before its session begins'
  return { line, user, session, start, article, at, device }
}

function toSession(lines: readonly Line[]): Session {
  const clicks = lines.map(({ at, article, device }) => ({ at, article, device }))
  return { user: lines[0]!.user, start: lines[0]!.start, clicks: clicks.sort((a, b) => a.at - b.at) }
}

/** A click, and the session that it belongs to. */
export interface Told {
  readonly session: Session
  readonly click: Click
}

/** A session of which some clicks are still to come. */
interface Open {
  readonly session: Session
  next: number
}
const nextAt = ({ session, next }: Open): number => session.clicks[next]!.at

/**
 * The clicks of all sessions in time order. A click is told once no session that is still to be read can have an earlier
 * one, so a session is held no longer than until another begins after its last click; `held` hears how many are.
 */
export async function* inTimeOrder(
  sessions: AsyncIterable<readonly Session[]>,
  held: (sessions: number) => void = () => {},
): AsyncGenerator<Told[]> {
  const open: Open[] = []
  for await (const some of sessions) {
    const told: Told[] = []
    for (const session of some) {
      tellBefore(open, session.start, told)
      rise(open, { session, next: 0 })
      held(open.length)
    }
    yield told
  }
  const told: Told[] = []
  tellBefore(open, Number.POSITIVE_INFINITY, told)
  yield told
}

/** Takes the clicks before `time` out of the heap `open`, whose first session has the earliest click. */
function tellBefore(open: Open[], time: number, told: Told[]): void {
  while (open.length > 0 && nextAt(open[0]!) < time) {
    const first = open[0]!
    told.push({ session: first.session, click: first.session.clicks[first.next]! })
    first.next++
    if (first.next === first.session.clicks.length) {
      const last = open.pop()!
      if (open.length > 0) open[0] = last
    }
    sink(open)
  }
}

/** Puts a session into the heap. */
function rise(heap: Open[], one: Open): void {
  let at = heap.push(one) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    if (nextAt(heap[above]!) <= nextAt(one)) return
    heap[at] = heap[above]!
    heap[above] = one
    at = above
  }
}

/** Moves the heap's first one to where it belongs, after its next click has changed. */
function sink(heap: Open[]): void {
  const one = heap[0]
  if (!one) return
  for (let at = 0; ; ) {
    let below = 2 * at + 1
    if (below + 1 < heap.length && nextAt(heap[below + 1]!) < nextAt(heap[below]!)) below++
    if (below >= heap.length || nextAt(one) <= nextAt(heap[below]!)) return
    heap[at] = heap[below]!
    heap[below] = one
    at = below
  }
}
