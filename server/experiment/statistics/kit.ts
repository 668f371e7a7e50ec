/** Rows for tests. */
import type { Random } from '../../../shared/random.ts'
import type { Row } from '../results.ts'

export function rowOf(changes: Partial<Row> = {}): Row {
  const labels = changes.labels ?? [1, 0]
  return {
    arm: 'cloud',
    seed: 1,
    user: 'u',
    activity: 20,
    trained: false,
    m: '0'.repeat(64),
    ms: 5,
    rounds: 0,
    roundMs: 0,
    down: 0,
    filtered: 0,
    labels,
    days: labels.map(() => 0),
    scores: labels.map(() => 0.5),
    ...changes,
  }
}

export interface MadeUp {
  readonly users: number
  readonly seeds: readonly number[]
  /** How well each arm tells clicks apart: 0 is chance. */
  readonly skill: Readonly<Record<string, number>>
}

/** A run of made-up arms: users of unlike activity, two days each, whose labels all arms and seeds share. */
export function madeUpRows({ users, seeds, skill }: MadeUp, random: Random): Row[] {
  const people = Array.from({ length: users }, (_, u) => {
    const count = 8 + random.below(30)
    const rate = 0.2 + 0.6 * random.next()
    const labels = Array.from({ length: count }, () => (random.next() < rate ? 1 : 0))
    const days = labels.map((_, i) => (2 * i < count ? 0 : 1))
    return { user: `user-${u}`, activity: 20 + random.below(400), labels, days }
  })
  return Object.entries(skill).flatMap(([arm, level]) =>
    seeds.flatMap((seed) =>
      people.map((person) =>
        rowOf({
          ...person,
          arm,
          seed,
          ...(arm === 'cloud'
            ? {}
            : { trained: true, rounds: 1, roundMs: 10 + random.below(30), down: 4000 }),
          scores: person.labels.map((label) => 1 / (1 + Math.exp(-(level * label + random.normal())))),
        }),
      ),
    ),
  )
}
