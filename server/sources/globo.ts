/**
 * Globo.com's click log (`clicks.csv`) as events. It has no exposures: each click is taken to be one of five articles
 * that were shown together, the others being what was read elsewhere at that moment, which is any article that anyone
 * had clicked within the hour before, but none of the same session.
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
import { inTimeOrder, readSessions } from './globo-log.ts'
import { impression, PASSED_OVER } from './impression.ts'
import { createMoment } from './moment.ts'
import type { Source, SourceOptions, UserEvents } from './source.ts'
import { QUIET_MS, stamps } from './timeline.ts'

const MOMENT_MS = 3_600_000
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

/** All articles, in the order in which the log comes to them, and when its last session began (ms). */
async function survey(file: string): Promise<{ catalogue: Catalogue; end: number }> {
  const articles = new Set<number>()
  let end = 0
  for await (const sessions of readSessions(file)) {
    for (const { start, clicks } of sessions) {
      end = start
      for (const { article } of clicks) articles.add(article)
    }
  }
  const items = [...articles].map((key) => ({ key: `${key}`, title: `Article ${key}`, categories: [0] }))
  const catalogue = { name: 'Globo.com', noun: 'article', categories: ['news'], items }
  return { catalogue: parse(catalogueSchema, catalogue, file), end }
}

/** What is remembered of a user: when their last event was (ms), and which group of devices they had. */
interface Reader {
  last: number
  device: number
}

interface Part {
  readonly stamp: ReturnType<typeof stamps>
  readonly events: KindredEvent[]
}

async function* users(
  file: string,
  { end, shift, seed }: { end: number; shift: number; seed: number },
): AsyncGenerator<UserEvents> {
  const random = seeded(seed)
  const read = createMoment(MOMENT_MS)
  const readers = new Map<number, Reader>()
  let parts = new Map<number, Part>()
  let held = 0
  for await (const clicks of inTimeOrder(readSessions(file))) {
    for (const { session, click } of clicks) {
      if (click.at > end) continue
      const own = (article: number) => session.clicks.some((click) => click.article === article)
      const passedOver = read.draw(click.at, PASSED_OVER, random, own)
      read.add(click.at, click.article)

      const { user } = session
      const reader = readers.get(user) ?? { last: -1, device: -1 }
      const part = parts.get(user) ?? { stamp: stamps('globo', `${user}`, reader.last), events: [] }
      readers.set(user, reader)
      parts.set(user, part)
      const at = click.at + shift
      const before = part.events.length
      if (reader.device !== click.device) {
        const value = `${click.device}`
        part.events.push({ type: 'profile', ...part.stamp(at - 1000), name: 'device', value })
      }
      const item = `${click.article}`
      part.events.push(...impression(part.stamp, random, { at, item, passedOver: passedOver.map(String) }))
      reader.device = click.device
      reader.last = part.events.at(-1)!.at
      held += part.events.length - before
    }
    if (held < CHUNK) continue
    for (const [user, { events }] of parts) yield { user: `${user}`, events }
    parts = new Map()
    held = 0
  }
  for (const [user, { events }] of parts) yield { user: `${user}`, events }
}
