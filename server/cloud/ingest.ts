/** How a source's events come in: checked like live ones, all of them or none. */
import type { Clock } from '../../shared/clock.ts'
import { eventSchema, type KindredEvent } from '../../shared/event.ts'
import { AppError, parse } from '../../shared/failure.ts'
import type { Hyper } from '../../shared/hyper.ts'
import { schemas } from '../../shared/schemas/index.ts'
import type { Source } from '../sources/source.ts'
import type { Import } from '../store/ports/events.ts'
import type { Store } from '../store/store.ts'
import { POPULATION, type Population } from './population.ts'
import { breathe, type Progress } from './progress.ts'

/** Events that one transaction writes, about. */
const CHUNK = 10_000

interface Terms {
  readonly hyper: Hyper
  readonly clock: Clock
  /** What the folder holds already. */
  readonly held: Population | undefined
}

/**
 * Reads all of a source into the event log. A second import must have the same catalogue and brings new events only.
 * Whatever it throws, nothing of the source is left.
 */
export async function importSource(
  store: Store,
  source: Source,
  { hyper, clock, held }: Terms,
  progress: Progress,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ population: Population; users: number; events: number }> {
  const schema = schemas[source.schema](source.catalogue)
  const population: Population = {
    source: source.name,
    schema,
    catalogue: source.catalogue,
    dayMs: hyper.dayMs,
  }
  if (held && JSON.stringify(held.catalogue) !== JSON.stringify(source.catalogue))
    throw new AppError('bad-input', `The data folder holds ${held.source}, which has another catalogue.`)
  const target = await store.imports.begin()
  try {
    await copy(source, target, clock.now(), progress, signal)
    const stage = `Writing ${source.name}`
    const counts = await target.commit(POPULATION, held ?? population, (done, total) => {
      progress({ stage, done, total })
      return breathe(signal)
    })
    return { population: held ?? population, ...counts }
  } catch (error) {
    await target.rollback()
    throw error
  }
}

async function copy(source: Source, target: Import, now: number, progress: Progress, signal: AbortSignal) {
  const stage = `Importing ${source.name}`
  let chunk: { user: string; events: KindredEvent[] }[] = []
  let held = 0
  let done = 0
  const write = async () => {
    await target.add(chunk)
    done += held
    chunk = []
    held = 0
    progress({ stage, done, total: 0 })
    await breathe(signal)
  }
  for await (const { user, events } of source.users()) {
    if (user.length === 0 || user.length > 200)
      throw new AppError('bad-input', `A user's name has ${user.length} characters; 1 to 200 are due.`)
    for (let at = 0; at < events.length; at += CHUNK) {
      const some = events.slice(at, at + CHUNK).map((event) => check(event, now))
      chunk.push({ user, events: some })
      held += some.length
      if (held >= CHUNK) await write()
    }
  }
  if (chunk.length > 0) await write()
}

function check(event: KindredEvent, now: number): KindredEvent {
  const checked = parse(eventSchema, event, 'An event of the source')
  return checked.at > now ? { ...checked, at: now } : checked
}
