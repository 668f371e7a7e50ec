/**
 * The ranking experiment: of each user one click is left out, and each arm's model ranks it among what that user never clicks.
 * Everything is kept in a folder, as in `ctr.ts`; so are the negatives, for others to rank among.
 */
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { itemIndex } from '../../../shared/catalogue.ts'
import { hyper } from '../../../shared/hyper.ts'
import type { Manifest } from '../../../shared/task.ts'
import type { Cloud } from '../../cloud/cloud.ts'
import type { TrainSettings } from '../../cloud/training.ts'
import { listenAsArm, whileServed } from '../arm-server.ts'
import { armNamed } from '../arms.ts'
import { type CtrOptions, NOW } from '../ctr.ts'
import { claimFolder } from '../folder.ts'
import { modelOf, openGround, type Trained } from '../ground.ts'
import { overThreads } from '../threads.ts'
import { type Judge, type LeaveOneOut, leaveOneOut } from './leave-one-out.ts'
import type { LooCommon, Task } from './loo-job.ts'
import { lineOf, type Negatives, negativesOf } from './negatives.ts'
import { type LooResults, type LooRow, openLooResults } from './results.ts'

/**
 * How the global model is trained for this protocol, as it was chosen on the validation clicks: on all samples, from embeddings
 * that know which items are clicked together.
 */
export const TRAINING = {
  maxSamples: 50_000_000,
  epochs: 2,
  company: true,
  factors: 12,
} satisfies Partial<TrainSettings>

/** Of the negatives: the same whatever else is varied, and none that draws what users passed over (`sources/sequences.ts`). */
const NEGATIVES_SEED = 100

/** The first `users` of all are judged. */
export interface LooOptions extends Omit<CtrOptions, 'group'> {
  readonly judge: Judge
}

export interface LooOutcome {
  /** Of the arms, seeds and users that were asked for. */
  readonly rows: readonly LooRow[]
  /** SHA-256 of the published lists, before they were compressed. */
  readonly negatives: { readonly uniform: string; readonly popular: string }
  readonly models: readonly (Omit<Trained, 'manifest' | 'artifact'> & { readonly seed: number })[]
  /** Time that it took now, without what lay there already. */
  readonly minutes: number
}

/** Throws what importing, training, devices and the folder throw; what was found until then stays in the folder. */
export async function loo(options: LooOptions): Promise<LooOutcome> {
  const { dir, source, population, judge, seeds, progress, signal } = options
  const began = performance.now()
  const training = { ...TRAINING, ...options.training }
  const { name, catalogue } = source
  const about = {
    source: name,
    items: catalogue.items.length,
    population: population ?? 'all',
    training,
  }
  const arms = options.arms.map(armNamed)
  claimFolder(dir, { loo: about }, arms)
  const results = openLooResults(join(dir, `${judge}.jsonl`))
  const split = leaveOneOut(source, population)
  const { drawn, sha256 } = await publishNegatives(options, split)
  const watch = { progress, signal }
  const place = { dir: join(dir, 'cloud'), past: split.past, clock: { now: () => NOW } }
  const cloud = await openGround({ ...place, neighbours: hyper().neighbours, ...watch })
  try {
    const models: LooOutcome['models'][number][] = []
    for (const seed of seeds) {
      const model = await modelOf(cloud, join(dir, 'models'), seed, training, watch)
      const { manifest, artifact, ...how } = model
      models.push({ seed, ...how })
      await tryArms({ options, arms, seed, cloud, model, split, drawn, results })
    }
    const asked = ({ arm, seed, user }: LooRow) =>
      options.arms.includes(arm) && seeds.includes(seed) && drawn.has(user)
    const minutes = (performance.now() - began) / 60_000
    return { rows: results.rows.filter(asked), negatives: sha256, models, minutes }
  } finally {
    await cloud.close()
  }
}

/** Draws for everybody who is judged, and writes `uniform.txt.gz` and `popular.txt.gz` into the folder. */
async function publishNegatives({ dir, source, judge, users }: LooOptions, split: LeaveOneOut) {
  const { catalogue } = source
  const index = itemIndex(catalogue)
  const clicks = new Float64Array(catalogue.items.length)
  for await (const { events } of split.past.users())
    for (const event of events) if (event.type === 'click') clicks[index.get(event.item)!]!++
  const draw = negativesOf({ catalogue, clicks, seed: NEGATIVES_SEED })
  const drawn = new Map<string, Negatives>()
  const text = { uniform: '', popular: '' }
  for await (const { user, number, item, own } of split.turns(judge)) {
    if (drawn.size === users) break
    const negatives = draw(number, new Set([...own].map((key) => index.get(key)!)))
    drawn.set(user, negatives)
    for (const kind of ['uniform', 'popular'] as const)
      text[kind] += lineOf(catalogue, user, item, negatives[kind])
  }
  const publish = (kind: keyof typeof text): string => {
    writeFileSync(join(dir, `${judge}-${kind}.txt.gz`), gzipSync(text[kind]))
    return createHash('sha256').update(text[kind]).digest('hex')
  }
  return { drawn, sha256: { uniform: publish('uniform'), popular: publish('popular') } }
}

interface Trial {
  readonly options: LooOptions
  readonly arms: readonly ReturnType<typeof armNamed>[]
  readonly seed: number
  readonly cloud: Cloud
  readonly model: Trained
  readonly split: LeaveOneOut
  readonly drawn: ReadonlyMap<string, Negatives>
  readonly results: LooResults
}

/** Adds a row for each arm and user that has none. */
async function tryArms(trial: Trial): Promise<void> {
  const { options, arms, seed, cloud, model, drawn, results } = trial
  const secret = randomBytes(32)
  const clock = { now: () => NOW }
  const serve = (arm: Trial['arms'][number]) => listenAsArm({ cloud, arm, clock, secret, seed, task: model })
  await whileServed(arms, serve, async (reached) => {
    const { manifest } = model
    const read = async ({ sha256 }: Manifest['catalogue']) => (await model.artifact(sha256))!.bytes
    const catalogue = JSON.parse(`${await read(manifest.catalogue)}`)
    const global = await read(manifest.model)
    const factors = manifest.factors && (await read(manifest.factors))
    const total = drawn.size * arms.length
    let done = 0
    await overThreads<LooCommon, Task, LooRow>({
      module: new URL('./loo-job.ts', import.meta.url),
      common: { now: NOW, seed, secret, manifest, catalogue, model: global, factors, arms: reached },
      tasks: tasksOf(trial),
      threads: options.threads,
      signal: options.signal,
      onFinding(row) {
        results.append(row)
        options.progress({ stage: `Users under each arm, seed ${seed}`, done: ++done, total })
      },
    })
  })
}

async function* tasksOf({ options, arms, seed, split, drawn, results }: Trial): AsyncGenerator<Task> {
  for await (const turn of split.turns(options.judge)) {
    const negatives = drawn.get(turn.user)
    if (!negatives) return
    const due = arms.filter(({ name }) => !results.has(name, seed, turn.user)).map(({ name }) => name)
    if (due.length > 0) yield { turn, negatives, arms: due }
  }
}
