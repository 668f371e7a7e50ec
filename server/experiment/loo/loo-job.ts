/** One user's device under each arm that is due, and where the click that was left out stands: what runs in a thread. */
import { type Catalogue, catalogueSchema } from '../../../shared/catalogue.ts'
import type { Clock } from '../../../shared/clock.ts'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import { type Context, createContext, UserState } from '../../../shared/generate.ts'
import { din } from '../../../shared/model/spec.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import type { Manifest } from '../../../shared/task.ts'
import { factorsOf } from '../../../worker/device/active.ts'
import { openScorer } from '../../../worker/device/scorer.ts'
import type { Arm } from '../arms.ts'
import { createCachingFetch } from '../http-cache.ts'
import { createPerson, type Scoring } from '../person.ts'
import { placeOf } from '../statistics/ranking.ts'
import type { Done } from '../threads.ts'
import { tokenOf } from '../tokens.ts'
import type { Turn } from './leave-one-out.ts'
import type { Negatives } from './negatives.ts'
import type { LooRow } from './results.ts'

export interface Common {
  readonly now: number
  readonly seed: number
  readonly secret: Uint8Array
  readonly manifest: Manifest
  readonly catalogue: Catalogue
  /** The task's files: the global model, and item factors where it has some. */
  readonly model: Uint8Array
  readonly factors: Uint8Array | undefined
  readonly arms: readonly (Arm & { readonly server: string })[]
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

export async function open(common: Common): Promise<Done<Task, LooRow>> {
  const { manifest, now, seed, secret } = common
  const clock: Clock = { now: () => now }
  const context = createContext(manifest.schema, catalogueSchema.parse(common.catalogue), manifest.hyper)
  const scoring: Scoring = {
    engine: await createFusedEngine(),
    spec: din(manifest.schema, manifest.ranking),
    factors: common.factors && factorsOf(context, common.factors),
  }
  const send = createCachingFetch()

  const global = await openScorer(scoring.engine, scoring.spec, common.model, scoring.factors)

  /** What the arm's model says of the batch: of its own device, or the global one where the arm trains none. */
  async function ranked(arm: Common['arms'][number], { user, number, past }: Turn, batch: Batch) {
    if (!arm.hyper) return { scores: await global.score(batch), trained: false, rounds: 0 }
    const person = await createPerson({
      server: arm.server,
      token: await tokenOf(user, secret, clock),
      past,
      holds: arm.hyper,
      clock,
      seed: (seed * 1_000_003 + number) >>> 0,
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
