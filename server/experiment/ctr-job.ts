/** One user's life and future, under each arm that is due: what runs in a thread. */
import type { KindredEvent } from '../../shared/event.ts'
import { type Context, generateSamples } from '../../shared/generate.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import { seedOf } from './luck.ts'
import { createPerson, type Learnt } from './person.ts'
import type { Row } from './results.ts'
import { type Common, openScene, type Reached } from './scene.ts'
import type { Life } from './split.ts'
import type { Done } from './threads.ts'
import { tokenOf } from './tokens.ts'

export interface Task {
  readonly life: Life
  /** Names of the arms that are still due. */
  readonly arms: readonly string[]
}

/** The future is replayed in so many days of equal parts: its own times are as virtual as those of the past. */
const DAYS = 5

interface Exam {
  readonly batch: Batch
  readonly labels: readonly number[]
  readonly days: readonly number[]
}

/** The exposures of the future as a device would have ranked them: by all that was known just before each. */
function examOf(context: Context, { past, future }: Life): Exam {
  const events = [...past, ...future]
  const end = events.at(-1)!.at
  const coming = new Set(future.map(({ id }) => id))
  const samples = generateSamples(context, events, end)
    .filter(({ exposure }) => coming.has(exposure))
    .map(({ sample }) => sample)
  return {
    batch: pack(context.layout, samples),
    labels: samples.map(({ label }) => label),
    days: samples.map((_, i) => Math.floor((DAYS * i) / samples.length)),
  }
}

const activityOf = (events: readonly KindredEvent[]): number =>
  events.filter(({ type }) => type === 'exposure').length

export async function open(common: Common): Promise<Done<Task, Row>> {
  const { manifest, seed, secret } = common
  const { clock, context, scoring, send } = await openScene(common)

  /** What a device of the arm comes to; and the row of `cloud`, which is what it ranked by before it had learnt. */
  async function rowsOf(arm: Reached, life: Life, exam: Exam): Promise<{ own: Row; cloud: Row }> {
    const { user, past } = life
    const began = performance.now()
    const { labels, days } = exam
    const common = { seed, user, activity: activityOf(past), labels, days }
    const person = await createPerson({
      server: arm.server,
      token: await tokenOf(user, secret, clock),
      past,
      holds: arm.hyper ?? manifest.hyper,
      clock,
      seed: seedOf(seed, user),
      fetch: send,
    })
    try {
      if (!arm.hyper) await person.arrive()
      const { trained, rounds, down, filtered } = arm.hyper ? await person.learn() : NOTHING
      const { sha256, m, m0 } = await person.score(scoring, exam.batch)
      const ms = performance.now() - began
      const roundMs = Math.max(0, ...rounds.map(({ ms }) => ms))
      const learnt = { trained, rounds: rounds.length, roundMs, down, filtered }
      return {
        own: { ...common, arm: arm.name, ...learnt, m: sha256, ms, scores: [...m] },
        cloud: { ...common, arm: 'cloud', ...IDLE, m: manifest.model.sha256, ms: 0, scores: [...m0] },
      }
    } finally {
      await person.end()
    }
  }

  return async ({ life, arms }, tell) => {
    const exam = examOf(context, life)
    const due = common.arms.filter(({ name }) => arms.includes(name))
    const cloud = due.find(({ hyper }) => hyper === null)
    const others = due.filter((arm) => arm !== cloud)
    for (const [i, arm] of others.entries()) {
      const rows = await rowsOf(arm, life, exam)
      if (cloud && i === 0) tell(rows.cloud)
      tell(rows.own)
    }
    if (cloud && others.length === 0) tell((await rowsOf(cloud, life, exam)).own)
  }
}

const NOTHING: Learnt = { trained: false, rounds: [], down: 0, filtered: 0 }
const IDLE = { trained: false, rounds: 0, roundMs: 0, down: 0, filtered: 0 }
