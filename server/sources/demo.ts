/**
 * A generated population, for a machine with no data: people with truly different tastes, and a feed that showed each
 * of them some stories, nearly a third of them on topics that they love.
 *
 * Virtual clock: everyone's sessions lie in the seven days that end an hour before the source was opened.
 */
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import { seeded } from '../../shared/random.ts'
import { chanceOf, createPopulation, type Population } from './population.ts'
import type { Source, SourceOptions, UserEvents } from './source.ts'
import { eventIds, SPAN_MS, virtualWeek } from './timeline.ts'

const SECOND = 1000
const SEED = 1
const PEOPLE = 1000

/** Share of what is shown that is on a topic that the person loves, for that is what a feed does. */
const SHOWN_LOVED = 0.3

export async function demo(path: string | undefined, options: SourceOptions): Promise<Source> {
  if (path !== undefined) throw new AppError('bad-input', 'The source demo is generated: it takes no folder.')
  const { clock, seed = SEED, users = PEOPLE } = options
  if (!(Number.isSafeInteger(users) && users > 0))
    throw new AppError('bad-input', `The demo cannot have ${users} people.`)
  const population = createPopulation({ seed, size: users })
  const { start } = virtualWeek(clock.now())
  return {
    name: 'demo',
    schema: 'demo',
    catalogue: population.catalogue,
    async *users(): AsyncGenerator<UserEvents> {
      for (let person = 0; person < users; person++)
        yield { user: nameOf(person), events: week(population, person, seed, start) }
    },
  }
}

const nameOf = (person: number): string => `demo-${String(person + 1).padStart(4, '0')}`

/** A person's week: 7 to 12 sessions of 9 or 10 stories, no story twice. */
function week(population: Population, person: number, seed: number, start: number): KindredEvent[] {
  const random = seeded(Math.imul(seed, 0x9e3779b1) ^ person)
  const nextId = eventIds(`demo/${seed}`, nameOf(person))
  const { items } = population.catalogue
  const loved = population.lovedBy(person)
  const order = random.shuffle(Int32Array.from(items.keys()))
  const shown = {
    any: [...order],
    loved: [...order].filter((i) => items[i]!.categories.some((c) => loved.includes(c))),
  }
  const seen = new Set<number>()
  const draw = (): number => {
    const item = (random.next() < SHOWN_LOVED ? shown.loved.pop() : undefined) ?? shown.any.pop()!
    return seen.has(item) ? draw() : item
  }

  const events: KindredEvent[] = []
  const sessions = 7 + random.below(6)
  const slot = SPAN_MS / sessions
  for (let session = 0; session < sessions; session++) {
    // It begins in the first half of its slot (14 hours or more), so no two of them meet.
    let at = Math.floor(start + slot * (session + random.next() / 2))
    for (let left = 9 + random.below(2); left > 0; left--) {
      const place = draw()
      seen.add(place)
      const item = items[place]!.key
      const exposure = nextId(at)
      events.push({ type: 'exposure', id: exposure, at, item })
      if (random.next() < chanceOf(population.appeal(person, place))) {
        at += SECOND * (2 + random.below(8))
        events.push({ type: 'click', id: nextId(at), at, item, exposure })
        at += SECOND * (20 + random.below(100))
      }
      at += SECOND * (3 + random.below(15))
    }
  }
  return events
}
