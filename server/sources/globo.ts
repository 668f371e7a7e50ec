/**
 * Globo.com's click log (`clicks.csv`) as events. It has no exposures: each click is taken to be one of five articles
 * that were shown together, the others being what was read elsewhere at that moment, which is any article that anyone
 * had clicked within the hour before, but none that the session had.
 *
 * Clock: the log is moved by whole days, so that hours stay what they were, to where it ends one to 25 hours ago. It ends
 * where its last session begins: the few clicks after that (0.07 % of the published log) belong to sessions that go on
 * for up to four weeks, and with them the newest week would be all but empty.
 *
 * Memory holds sessions that are under way, an hour's clicks and two numbers for each user.
 */
import { type Catalogue, catalogueSchema } from '../../shared/catalogue.ts'
import { DAY_MS } from '../../shared/clock.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { seeded } from '../../shared/random.ts'
import { fileAt } from './files.ts'
import { eventsOf, impressions, type Reader } from './globo-impressions.ts'
import { readSessions, type Session } from './globo-log.ts'
import type { Source, SourceOptions, UserEvents } from './source.ts'
import { QUIET_MS, stamps } from './timeline.ts'

/** Events that are held at one time, about. */
const CHUNK = 20_000

/** Opens `clicks.csv`, plain or .gz, by its folder or itself; reads it once to know the articles. */
export async function globo(path: string | undefined, { clock, seed = 1 }: SourceOptions): Promise<Source> {
  if (path === undefined) throw new AppError('bad-input', 'The source globo needs the folder of its file.')
  const file = await fileAt(path, 'clicks.csv')
  const { catalogue, end } = await survey(file)
  const shift = Math.floor((clock.now() - QUIET_MS - end) / DAY_MS) * DAY_MS
  return { name: 'globo', schema: 'globo', catalogue, users: () => users(file, { end, shift, seed }) }
}

/** All articles, in the order in which the log comes to them, and when its last session began (ms); `heard` hears of each. */
export async function survey(
  file: string,
  heard: (session: Session) => void = () => {},
): Promise<{ catalogue: Catalogue; end: number }> {
  const articles = new Set<number>()
  let end = 0
  for await (const sessions of readSessions(file)) {
    for (const session of sessions) {
      end = session.start
      for (const { article } of session.clicks) articles.add(article)
      heard(session)
    }
  }
  const items = [...articles].map((key) => ({ key: `${key}`, title: `Article ${key}`, categories: [0] }))
  const catalogue = { name: 'Globo.com', noun: 'article', categories: ['news'], items }
  return { catalogue: parse(catalogueSchema, catalogue, file), end }
}

/** What is remembered of a user: when their last event was (ms), and which group of devices they had. */
interface Known {
  readonly last: number
  readonly device: number
}

interface Part {
  readonly reader: Reader
  readonly events: KindredEvent[]
}

async function* users(
  file: string,
  { end, shift, seed }: { end: number; shift: number; seed: number },
): AsyncGenerator<UserEvents> {
  const random = seeded(seed)
  const known = new Map<number, Known>()
  let parts = new Map<number, Part>()
  let held = 0
  for await (const some of impressions(file, { end, seed })) {
    for (const shown of some) {
      const { user } = shown
      const part = parts.get(user) ?? { reader: returning(user, known.get(user)), events: [] }
      parts.set(user, part)
      const events = eventsOf(part.reader, random, shown, shown.at + shift)
      part.events.push(...events)
      known.set(user, { last: events.at(-1)!.at, device: part.reader.device })
      held += events.length
    }
    if (held < CHUNK) continue
    for (const [user, { events }] of parts) yield { user: `${user}`, events }
    parts = new Map()
    held = 0
  }
  for (const [user, { events }] of parts) yield { user: `${user}`, events }
}

const returning = (user: number, { last, device }: Known = { last: -1, device: -1 }): Reader => ({
  stamp: stamps('globo', `${user}`, last),
  device,
})
