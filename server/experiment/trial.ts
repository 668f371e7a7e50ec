/** All arms of one seed: their servers, and everybody who is judged on all cores. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../shared/clock.ts'
import { hyper } from '../../shared/hyper.ts'
import type { Manifest } from '../../shared/task.ts'
import type { Cloud } from '../cloud/cloud.ts'
import type { Progress } from '../cloud/progress.ts'
import { listenAsArm, whileServed } from './arm-server.ts'
import type { Arm } from './arms.ts'
import type { Task } from './ctr-job.ts'
import type { Trained } from './ground.ts'
import type { Results, Row } from './results.ts'
import type { Common } from './scene.ts'
import type { Life } from './split.ts'
import { overThreads } from './threads.ts'

export interface TrialOptions {
  readonly seed: number
  readonly arms: readonly Arm[]
  readonly model: Trained
  /** The cloud that matches so many neighbours. */
  readonly cloudOf: (neighbours: number) => Promise<Cloud>
  readonly clock: Clock
  readonly lives: AsyncIterable<Life>
  /** How many rows are due. */
  readonly due: number
  readonly results: Results
  readonly threads: number
  readonly progress: Progress
  readonly signal?: AbortSignal | undefined
}

/** K of an arm. */
const neighboursOf = (arm: Arm): number => (arm.hyper ?? hyper()).neighbours

/** Adds a row for each arm and user that has none. */
export async function tryArms(options: TrialOptions): Promise<void> {
  const { seed, arms, model, cloudOf, clock, results, due, progress } = options
  const secret = randomBytes(32)
  const serve = async (arm: Arm) => {
    const cloud = await cloudOf(neighboursOf(arm))
    return listenAsArm({ cloud, arm, clock, secret, seed, task: model })
  }
  await whileServed(arms, serve, async (reached) => {
    const { manifest } = model
    const read = async ({ sha256 }: Manifest['catalogue']) => (await model.artifact(sha256))!.bytes
    const catalogue = JSON.parse(`${await read(manifest.catalogue)}`)
    const factors = manifest.factors && (await read(manifest.factors))
    const began = performance.now()
    let done = 0
    await overThreads<Common, Task, Row>({
      module: new URL('./ctr-job.ts', import.meta.url),
      common: { now: clock.now(), seed, secret, manifest, catalogue, factors, arms: reached },
      tasks: tasksOf(options),
      threads: options.threads,
      signal: options.signal,
      onFinding(row) {
        results.append(row)
        done++
        const left = ((due - done) / done) * (performance.now() - began)
        const note = `${Math.ceil(left / 60_000)} min left`
        progress({ stage: `Users under each arm, seed ${seed}`, done, total: due, note })
      },
    })
  })
}

async function* tasksOf({ lives, arms, seed, results }: TrialOptions): AsyncGenerator<Task> {
  for await (const life of lives) {
    const due = arms.filter(({ name }) => !results.has(name, seed, life.user)).map(({ name }) => name)
    if (due.length > 0) yield { life, arms: due }
  }
}
