/**
 * Our own format, the one that anybody's logs would be turned into. A folder with
 * - `catalogue.json`: what can be ranked (`catalogueSchema`);
 * - `events.jsonl` or `events.jsonl.gz`: one event a line, which is one of `eventSchema` and a `user` beside it; users may
 *   be mixed, but the ids of each user's events rise, as those of version 7 do when sorted by time;
 * - `source.json`, which may be absent: `{"schema": "demo"}`, the feature schema.
 */
import * as z from 'zod'
import { type Catalogue, catalogueSchema, itemIndex } from '../../shared/catalogue.ts'
import { eventSchema, type KindredEvent } from '../../shared/event.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { type SchemaName, schemas } from '../../shared/schemas/index.ts'
import { badLine, locate, place, readJson, readLines } from './files.ts'
import type { Source, SourceOptions, UserEvents } from './source.ts'

const sourceSchema = z.strictObject({
  schema: z.enum(Object.keys(schemas) as SchemaName[]).default('demo'),
})
const userSchema = z.string().min(1).max(200)

/** Events that are held at one time. */
const CHUNK = 20_000

export async function jsonl(path: string | undefined, _options: SourceOptions): Promise<Source> {
  if (path === undefined) throw new AppError('bad-input', 'The source jsonl needs the folder of its files.')
  const events = await needed(path, 'events.jsonl')
  const catalogue = await readJson(await needed(path, 'catalogue.json'), catalogueSchema)
  if (itemIndex(catalogue).size !== catalogue.items.length)
    throw new AppError('bad-input', 'catalogue.json: two items have the same key.')
  const settings = await locate(path, 'source.json')
  const { schema } = settings ? await readJson(settings, sourceSchema) : sourceSchema.parse({})
  return { name: 'jsonl', schema, catalogue, users: () => users(events, catalogue) }
}

async function needed(folder: string, name: string): Promise<string> {
  const path = await locate(folder, name)
  if (path === undefined) throw new AppError('bad-input', `${folder} has no ${name}.`)
  return path
}

async function* users(file: string, catalogue: Catalogue): AsyncGenerator<UserEvents> {
  const items = itemIndex(catalogue)
  const lastIds = new Map<string, string>()
  let held = new Map<string, KindredEvent[]>()
  let count = 0
  for await (const { from, texts } of readLines(file, 'utf8')) {
    for (const [i, text] of texts.entries()) {
      const { user, event } = readEvent(text, file, from + i)
      if ('item' in event && !items.has(event.item))
        throw badLine(file, from + i, `the item “${event.item}” is not in catalogue.json`)
      if (event.id <= (lastIds.get(user) ?? ''))
        throw badLine(file, from + i, `the id is not above that of the event of user “${user}” before it`)
      lastIds.set(user, event.id)
      const own = held.get(user)
      if (own) own.push(event)
      else held.set(user, [event])
      count++
    }
    if (count < CHUNK) continue
    for (const [user, events] of held) yield { user, events }
    held = new Map()
    count = 0
  }
  for (const [user, events] of held) yield { user, events }
  if (lastIds.size === 0) throw badLine(file, 1, 'the file holds no events')
}

function readEvent(text: string, file: string, line: number): { user: string; event: KindredEvent } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw badLine(file, line, `not JSON (${(error as Error).message})`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badLine(file, line, 'not an object')
  const { user, ...event } = value as Record<string, unknown>
  return {
    user: parse(userSchema, user, `${place(file, line)}: user`),
    event: parse(eventSchema, event, `${place(file, line)}: event`),
  }
}
