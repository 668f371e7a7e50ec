/**
 * The click-through experiment: what each arm's model says of what users did after it was trained. Everything is kept in a
 * folder: what was done is not done again, and arms, seeds and users can be added.
 */
import { join } from 'node:path'
import { hyper } from '../../shared/hyper.ts'
import type { Cloud } from '../cloud/cloud.ts'
import type { Progress } from '../cloud/progress.ts'
import type { TrainSettings } from '../cloud/training.ts'
import type { Source } from '../sources/source.ts'
import { armNamed } from './arms.ts'
import { claimFolder } from './folder.ts'
import { keptModel, modelOf, openGround, type Trained } from './ground.ts'
import { type Minutes, openStopwatch } from './minutes.ts'
import { openResults, type Row } from './results.ts'
import { type Group, judged, splitInTime } from './split.ts'
import { tryArms } from './trial.ts'

/** Now, in every experiment: the times of a source are moved to it, so any moment is as good. */
export const NOW = Date.UTC(2026, 0, 5, 12)

/** Passes at most; it is told of a model that has not converged by then. */
const TRAINING = { epochs: 12, factors: 12 } satisfies Partial<TrainSettings>

export interface CtrOptions {
  readonly dir: string
  /** Opened with `NOW` as its now. */
  readonly source: Source
  /** The first so many users of the source are the population; default all. */
  readonly population?: number | undefined
  /** The first `users` of the group are judged. */
  readonly group: Group
  readonly users: number
  readonly arms: readonly string[]
  readonly seeds: readonly number[]
  readonly threads: number
  readonly training?: Partial<TrainSettings>
  readonly progress: Progress
  readonly signal?: AbortSignal | undefined
}

export interface CtrOutcome {
  /** Of the arms, seeds and users that were asked for. */
  readonly rows: readonly Row[]
  readonly models: readonly (Omit<Trained, 'manifest' | 'artifact'> & { readonly seed: number })[]
  /** What all that lies in the folder took, which may be more than was asked for now. */
  readonly minutes: Minutes
  /** How many rows that is. */
  readonly all: number
}

/** Throws what importing, training, devices and the folder throw; what was found until then stays in the folder. */
export async function ctr(options: CtrOptions): Promise<CtrOutcome> {
  const { dir, source, population, seeds, progress, signal } = options
  const clock = { now: () => NOW }
  const watch = { progress, signal }
  const training = { ...TRAINING, ...options.training }
  const arms = options.arms.map(armNamed)
  const { name, catalogue } = source
  claimFolder(
    dir,
    { source: name, items: catalogue.items.length, population: population ?? 'all', training },
    arms,
  )
  const results = openResults(join(dir, 'results.jsonl'))
  const split = splitInTime(source, { now: NOW, population })
  const users = new Set<string>()
  for await (const { user } of judged(split.lives(), options)) users.add(user)

  const { minutes, time } = openStopwatch(join(dir, 'minutes.json'))
  const clouds = new Map<number, Cloud>()
  async function cloudOf(neighbours: number): Promise<Cloud> {
    const there = clouds.get(neighbours)
    if (there) return there
    const place = { dir: join(dir, `cloud-${neighbours}`), past: split.past, clock, neighbours, ...watch }
    const opened = await openGround(place)
    clouds.set(neighbours, opened)
    return opened
  }
  try {
    const models: CtrOutcome['models'][number][] = []
    for (const seed of seeds) {
      const place = join(dir, 'models')
      const missing = arms.map(
        (arm) => [...users].filter((user) => !results.has(arm.name, seed, user)).length,
      )
      const late = arms.filter((_, i) => missing[i]! > 0)
      const due = missing.reduce((sum, count) => sum + count, 0)
      const train = async () => {
        const cloud = await time('cloud', () => cloudOf(hyper().neighbours))
        return time('training', () => modelOf(cloud, place, seed, training, watch))
      }
      const model = keptModel(place, seed) ?? (await train())
      const { manifest, artifact, ...how } = model
      models.push({ seed, ...how })
      if (due === 0) continue
      for (const { neighbours } of late.map(({ hyper: told }) => told ?? hyper()))
        await time('cloud', () => cloudOf(neighbours))
      const lives = judged(split.lives(), options)
      const trial = { ...options, arms: late, seed, model, cloudOf, clock, lives, due, results }
      await time('arms', () => tryArms(trial))
    }
    const asked = ({ arm, seed, user }: Row) =>
      options.arms.includes(arm) && seeds.includes(seed) && users.has(user)
    return { rows: results.rows.filter(asked), models, minutes, all: results.rows.length }
  } finally {
    for (const cloud of clouds.values()) await cloud.close()
  }
}
