/**
 * Sequences, as the SASRec paper publishes its data: `user item` a line, the lines of a user together and in time order.
 * A line is a click on one of five items that were shown together; the others are drawn from those that the user has not
 * clicked so far. What they click later may be among them: left out, it would tell the future.
 *
 * Virtual clock: a user's clicks are spread evenly over the seven days that end an hour before the source was opened.
 */
import { basename } from 'node:path'
import { type Catalogue, catalogueSchema, itemIndex } from '../../shared/catalogue.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { badLine } from './files.ts'
import { impression, PASSED_OVER } from './impression.ts'
import type { Source, SourceOptions, UserEvents } from './source.ts'
import { readDelimited, wholeNumber } from './table.ts'
import { SPAN_MS, stamps, virtualWeek } from './timeline.ts'

interface Line {
  readonly line: number
  readonly user: number
  readonly item: number
}

/** Opens a file, plain or .gz; reads it once to know the items. */
export async function sequences(
  path: string | undefined,
  { clock, seed = 1 }: SourceOptions,
): Promise<Source> {
  if (path === undefined) throw new AppError('bad-input', 'The source sequences needs its file.')
  const catalogue = await survey(path)
  const { start } = virtualWeek(clock.now())
  return {
    name: 'sequences',
    schema: 'sequences',
    catalogue,
    users: () => users(path, catalogue, start, seed),
  }
}

const read = (file: string): AsyncIterable<Line[]> =>
  readDelimited(file, 'utf8', ' ', 2, ([user, item], line) => {
    const numbers = { user: wholeNumber(user), item: wholeNumber(item) }
    if (numbers.user === undefined) return `“${user}” is not the number of a user`
    if (numbers.item === undefined) return `“${item}” is not the number of an item`
    return { line, user: numbers.user, item: numbers.item }
  })

/** All items, in the order in which the file comes to them. */
async function survey(file: string): Promise<Catalogue> {
  const keys = new Set<number>()
  for await (const lines of read(file)) for (const { item } of lines) keys.add(item)
  if (keys.size === 0) throw badLine(file, 1, 'the file holds no sequences')
  const name = basename(file).replace(/(\.txt)?(\.gz)?$/, '')
  const items = [...keys].map((key) => ({ key: `${key}`, title: `Item ${key}`, categories: [0] }))
  return parse(catalogueSchema, { name, noun: 'item', categories: ['all'], items }, file)
}

async function* users(
  file: string,
  catalogue: Catalogue,
  start: number,
  seed: number,
): AsyncGenerator<UserEvents> {
  const { items } = catalogue
  const index = itemIndex(catalogue)
  for await (const { user, clicked } of together(read(file), file)) {
    // Each user's own: what one clicks in the end changes nothing of what others passed over.
    const random = seeded(seed * 1_000_003 + Number(user))
    const own = new Set<number>()
    const stamp = stamps('sequences', user)
    const step = SPAN_MS / clicked.length
    const events: KindredEvent[] = []
    for (const [i, item] of clicked.entries()) {
      const at = Math.floor(start + (i + 0.5) * step)
      own.add(index.get(item)!)
      const passedOver = [...without(own, items.length, random)].map((other) => items[other]!.key)
      events.push(...impression(stamp, random, { at, item, passedOver }))
    }
    yield { user, events }
  }
}

/** `PASSED_OVER` of `size` items, fewer where there are no more, uniformly drawn; none is one of `own`. */
function without(own: ReadonlySet<number>, size: number, random: Random): Set<number> {
  const drawn = new Set<number>()
  const count = Math.min(PASSED_OVER, size - own.size)
  while (drawn.size < count) {
    const item = random.below(size)
    if (!own.has(item)) drawn.add(item)
  }
  return drawn
}

/** One user at a time, whose lines must stand together. */
async function* together(
  lines: AsyncIterable<Line[]>,
  file: string,
): AsyncGenerator<{ user: string; clicked: string[] }> {
  const seen = new Set<number>()
  let own: Line[] = []
  const sequence = () => ({ user: `${own[0]!.user}`, clicked: own.map(({ item }) => `${item}`) })
  for await (const some of lines) {
    for (const line of some) {
      if (own.length > 0 && own[0]!.user !== line.user) {
        yield sequence()
        own = []
      }
      if (own.length === 0 && seen.has(line.user))
        throw badLine(file, line.line, `user ${line.user} comes again after others; sort the file by user`)
      seen.add(line.user)
      own.push(line)
    }
  }
  yield sequence()
}
