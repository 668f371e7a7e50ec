/**
 * The trainer of a simulation: the real one on the real engine, whose work takes no time by itself and is heard of in
 * steps. It may be killed, hang, fail or lie.
 */

import type { Engine } from '../../shared/engine/engine.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { AppError } from '../../shared/failure.ts'
import type { Job, JobName, Result, Trainer, Watch } from '../../worker/trainer/job.ts'
import { createTrainer } from '../../worker/trainer/trainer.ts'
import type { Faults } from './faults.ts'
import type { Owner, Schedule } from './schedule.ts'

let shared: Promise<Engine> | undefined
/** One engine for all simulations of this process; and once it has started, its kernel is there for every device. */
export const startEngine = (): Promise<Engine> => (shared ??= createFusedEngine())

export interface TrainerEvents {
  /** A job was handed over. */
  asked<N extends JobName>(tab: Owner, name: N, job: Job<N>): void
  /** Its true result is about to be told. */
  told<N extends JobName>(tab: Owner, name: N, result: Result<N>): void
}

/** Progress reports of a job that are told. */
const REPORTS = 3

export function createSimTrainer(
  { schedule, faults, events }: { schedule: Schedule; faults: Faults; events: TrainerEvents },
  tab: Owner,
): Trainer {
  const { random } = schedule
  const open = new Set<(error: AppError) => void>()
  let ended = false
  let paused = false

  /** Told after `ms`, unless it has ended; later while it is paused. */
  function tell(ms: number, what: string, work: () => void): void {
    schedule.at(ms, tab, what, () => {
      if (paused && !ended) return tell(100, what, work)
      if (!ended) work()
    })
  }

  function run<N extends JobName>(name: N, job: Job<N>, watch: Watch = {}): Promise<Result<N>> {
    return new Promise((resolve, reject) => {
      if (watch.signal?.aborted) return reject(watch.signal.reason)
      events.asked(tab, name, job)
      open.add(reject)
      watch.signal?.addEventListener('abort', () => reject(watch.signal?.reason), { once: true })
      schedule.at(0, tab, `trains: ${name}`, async () => {
        const news: (() => void)[] = []
        const trainer = createTrainer(
          async () => ({ engine: await startEngine(), timings: [] }),
          async () => {},
        )
        const asked = trainer[name] as unknown as (job: Job<N>, watch: Watch) => Promise<Result<N>>
        const outcome = await asked(job, {
          onProgress: (fraction) => void news.push(() => watch.onProgress?.(fraction)),
          onCheckpoint: (checkpoint) =>
            void news.push(() => watch.onCheckpoint?.(structuredClone(checkpoint))),
        }).catch((error: AppError) => error)
        const step = 1 + random.below(400)
        const last = Math.min(REPORTS, news.length)
        const chosen = news.filter(
          (_, i) => (i + 1) % Math.ceil(news.length / REPORTS) === 0 || i === news.length - 1,
        )
        chosen.forEach((one, i) => {
          tell(step * (i + 1), '', one)
        })
        const over = step * (last + 1)
        if (faults.strikes('trainer-hangs', 0.15)) return schedule.trace('the trainer hangs')
        if (faults.strikes('trainer-killed', 0.2))
          return tell(random.below(over), 'its trainer dies', () =>
            reject(new AppError('worker', 'The trainer stopped.')),
          )
        if (faults.strikes('trainer-fails', 0.2))
          return tell(random.below(over), 'its trainer fails', () =>
            reject(new AppError(random.below(2) === 0 ? 'diverged' : 'engine', 'It does not work.')),
          )
        tell(over, `${name} is done`, () => {
          if (outcome instanceof Error) return reject(outcome)
          if (faults.strikes('trainer-lies', 0.2)) return resolve(lie(outcome))
          events.told(tab, name, outcome)
          resolve(outcome)
        })
      })
    })
  }

  function lie<N extends JobName>(result: Result<N>): Result<N> {
    const wrong = { ...result } as { scores?: Float32Array; model?: Uint8Array | null }
    if (wrong.scores) wrong.scores = wrong.scores.map(() => Number.NaN)
    else if (wrong.model)
      wrong.model = random.below(2) === 0 ? wrong.model.slice(0, -4) : poisoned(wrong.model)
    return wrong as Result<N>
  }

  return {
    filter: (job, watch) => run('filter', job, watch),
    personalise: (job, watch) => run('personalise', job, watch),
    pause() {
      paused = true
    },
    resume() {
      paused = false
    },
    terminate() {
      ended = true
      for (const reject of open) reject(new AppError('cancelled', 'The trainer was ended.'))
    },
  }
}

/** The same model with a weight that is not a number. */
function poisoned(model: Uint8Array): Uint8Array {
  const bytes = model.slice()
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, Number.NaN, true)
  return bytes
}
