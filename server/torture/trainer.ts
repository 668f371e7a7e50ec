/**
 * The trainer of a simulation: the real one on the real engine, whose work takes no time by itself and is heard of in
 * steps. It may be killed, hang, fail or lie.
 */

import type { Engine } from '../../shared/engine/engine.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import { ed25519 } from '../../shared/trust/ed25519.ts'
import type { Job, Result, RunWatch, Script, Trainer } from '../../worker/trainer/job.ts'
import { importScript } from '../../worker/trainer/load.ts'
import { createTrainer } from '../../worker/trainer/trainer.ts'
import type { Faults } from './faults.ts'
import type { Owner, Schedule } from './schedule.ts'

let shared: Promise<Engine> | undefined
/** One engine for all simulations of this process; and once it has started, its kernel is there for every device. */
const startEngine = (): Promise<Engine> => (shared ??= createFusedEngine())

/** What takes real time once in a process: to start the engine, to import the scripts, and to choose who checks signatures. */
export async function warmUp(scripts: readonly Script[]): Promise<void> {
  await startEngine()
  await ed25519()
  for (const script of scripts) await importScript(script)
}

export interface TrainerEvents {
  /** A job was handed over. */
  asked(tab: Owner, job: Job<'run'>): void
  /** Its true result is about to be told. */
  told(tab: Owner, job: Job<'run'>, result: Result<'run'>): void
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

  function run(job: Job<'run'>, watch: RunWatch = {}): Promise<Result<'run'>> {
    const { name } = job.task
    return new Promise((resolve, reject) => {
      if (watch.signal?.aborted) return reject(watch.signal.reason)
      events.asked(tab, job)
      open.add(reject)
      watch.signal?.addEventListener('abort', () => reject(watch.signal?.reason), { once: true })
      schedule.at(0, tab, `runs ${name}`, async () => {
        const news: (() => void)[] = []
        const trainer = createTrainer(async () => ({ engine: await startEngine(), timings: [] }), {
          end: async () => {},
        })
        const outcome = await trainer
          .run(job, {
            onProgress: (fraction) => void news.push(() => watch.onProgress?.(fraction)),
            onCheckpoint: (kept) => void news.push(() => watch.onCheckpoint?.(structuredClone(kept))),
          })
          .catch((error: AppError) => error)
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
          events.told(tab, job, outcome)
          resolve(outcome)
        })
      })
    })
  }

  function lie(result: Result<'run'>): Result<'run'> {
    const { effects } = result
    const model = effects.models[RANKING]
    const lies = [
      { scores: effects.scores.map((one) => ({ ...one, score: Number.NaN })) },
      { scores: [{ id: 'nobody', score: 1, keep: true }] },
      { used: ['nobody'] },
      { models: { 'data/other': new Uint8Array(9) } },
      ...(model
        ? [{ models: { [RANKING]: model.slice(0, -4) } }, { models: { [RANKING]: poisoned(model) } }]
        : []),
    ]
    const which = effects.scores.length > 0 ? lies : lies.slice(1) // of no scores none is wrong
    return { ...result, effects: { ...effects, ...which[random.below(which.length)] } }
  }

  return {
    run,
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
