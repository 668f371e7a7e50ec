/** Tasks as they are delivered, whose scripts are functions of this process. */
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { sha256 } from '../../shared/hash.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { manifestBytes, readDraft, sealTask, type TaskDraft } from '../../shared/tasks/manifest.ts'
import type { DeliveredRow } from '../device/storage/tables.ts'
import { run as filter } from '../tasks/filter/script.ts'
import filterDraft from '../tasks/filter/task.json' with { type: 'json' }
import { run as train } from '../tasks/train/script.ts'
import trainDraft from '../tasks/train/task.json' with { type: 'json' }
import type { Trainer } from '../trainer/job.ts'
import type { Load } from '../trainer/load.ts'
import { createTrainer } from '../trainer/trainer.ts'
import { deferred } from '../turns.ts'

/** By the SHA-256 of what stands for them. */
const scripts = new Map<string, Run>()
let made = 0

/** A task that is delivered, with what else it has; each is another, whatever it is called. */
export async function delivered(
  draft: TaskDraft,
  run: Run,
  { version = 1, model }: { version?: number; model?: Uint8Array<ArrayBuffer> } = {},
): Promise<DeliveredRow> {
  const script = new TextEncoder().encode(`script ${++made}`)
  const manifest = await sealTask(draft, version, { script, model })
  scripts.set(manifest.script.sha256, run)
  return {
    name: manifest.name,
    version,
    manifestSha256: await sha256(manifestBytes(manifest)),
    manifest,
    script,
    ...(model && { model }),
    at: 0,
  }
}

const draftOf = (json: unknown): TaskDraft => readDraft(new TextEncoder().encode(JSON.stringify(json)))

/** The two of those that ship with Kindred which learn, as they are in the sources. */
export const shippedTasks = (): Promise<DeliveredRow[]> =>
  Promise.all([delivered(draftOf(filterDraft), filter), delivered(draftOf(trainDraft), train)])

/** A task that may do all that a task may, with `changes`. */
export const anyTask = (changes: Partial<TaskDraft>): TaskDraft =>
  draftOf({ ...filterDraft, description: '', budget: { ...trainDraft.budget, logBytes: 4096 }, ...changes })

const loadHere: Load = async ({ sha256 }) => {
  const run = scripts.get(sha256)
  if (!run) throw new AppError('bad-artifact', 'There is no such script here.')
  return run
}

/** A trainer that does nothing but run, as `run` says. */
export const trainerOf = (run: Trainer['run'], rest: Partial<Trainer> = {}): Trainer =>
  ({ run, pause() {}, resume() {}, terminate() {}, ...rest }) as Trainer

/** The trainer, whose trainings do not end before `over`, however fast the machine is; one that is ended does not wait. */
export function notBefore(over: Promise<unknown>, trainer: Trainer): Trainer {
  const ended = deferred<void>()
  return {
    ...trainer,
    async run(job, watch) {
      const result = await trainer.run(job, watch)
      if (job.task.name === 'train') await Promise.race([over, ended.promise])
      return result
    },
    terminate() {
      trainer.terminate()
      ended.resolve()
    },
  }
}

/** A real trainer in this process, on the engine that is always there. */
export const trainerHere = (): Trainer =>
  createTrainer(async () => ({ engine: createPlainEngine(), timings: [] }), { load: loadHere })
