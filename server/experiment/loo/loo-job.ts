/** One user's device under each arm that is due, and where the click that was left out stands: what runs in a thread. */
import { type Context, UserState } from '../../../shared/generate.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { openScorer } from '../../../worker/device/models/scorer.ts'
import { seedOf } from '../luck.ts'
import { createPerson } from '../person.ts'
import { type Common, openScene, type Reached } from '../scene.ts'
import { placeOf } from '../statistics/ranking.ts'
import type { Done } from '../threads.ts'
import { tokenOf } from '../tokens.ts'
import type { Turn } from './leave-one-out.ts'
import type { Negatives } from './negatives.ts'
import type { LooRow } from './results.ts'

export interface LooCommon extends Common {
  /** The file of the global model. */
  readonly model: Uint8Array
}

export interface Task {
  readonly turn: Turn
  readonly negatives: Negatives
  /** Names of the arms that are still due. */
  readonly arms: readonly string[]
}

/** The clicked item and after it all that the user never clicks, as the device would have ranked them when it was shown. */
export function examOf(context: Context, { past, item, at, own }: Turn) {
  const { index, catalogue } = context
  const never = [...catalogue.items.keys()].filter((i) => !own.has(catalogue.items[i]!.key))
  const candidates = [index.get(item)!, ...never]
  const user = new UserState(context)
  for (const event of past) user.observe(event)
  return { candidates, batch: pack(context.layout, user.samples(candidates, at)) }
}

/** Where the first candidate stands among all, and among those that were drawn. */
export function placesOf(
  candidates: readonly number[],
  scores: Float32Array,
  { uniform, popular }: Negatives,
): Pick<LooRow, 'uniform' | 'popular' | 'full'> {
  const scoreOf = new Map(candidates.map((item, i) => [item, scores[i]!]))
  const among = (drawn: Int32Array) => placeOf([scores[0]!, ...Array.from(drawn, (i) => scoreOf.get(i)!)])
  return { uniform: among(uniform), popular: among(popular), full: placeOf(scores) }
}

export async function open(common: LooCommon): Promise<Done<Task, LooRow>> {
  const { seed, secret } = common
  const { clock, context, scoring, send } = await openScene(common)
  const global = await openScorer(scoring.engine, scoring.spec, common.model, scoring.factors)

  /** What the arm's model says of the batch: of its own device, or the global one where the arm trains none. */
  async function ranked(arm: Reached, { user, past }: Turn, batch: Batch) {
    if (!arm.hyper) return { scores: await global.score(batch), trained: false, rounds: 0 }
    const person = await createPerson({
      server: arm.server,
      token: await tokenOf(user, secret, clock),
      past,
      holds: arm.hyper,
      clock,
      seed: seedOf(seed, user),
      fetch: send,
    })
    try {
      const { trained, rounds } = await person.learn()
      const { m } = await person.score(scoring, batch)
      return { scores: m, trained, rounds: rounds.length }
    } finally {
      await person.end()
    }
  }

  return async ({ turn, negatives, arms }, tell) => {
    const { candidates, batch } = examOf(context, turn)
    const activity = turn.past.filter(({ type }) => type === 'click').length
    for (const arm of common.arms) {
      if (!arms.includes(arm.name)) continue
      const began = performance.now()
      const { scores, ...how } = await ranked(arm, turn, batch)
      const places = placesOf(candidates, scores, negatives)
      const ms = performance.now() - began
      tell({ arm: arm.name, seed, user: turn.user, activity, ...how, ms, ...places })
    }
  }
}
