/**
 * The delivered task that answers `rank`. A trainer is kept ready for it; and whatever goes wrong with it costs nobody the feed: then
 * the order is that of the personal ranking model's scores. By ranking, nothing that is stored changes.
 */
import { dayOf } from '../../../shared/clock.ts'
import { AppError, toFailure } from '../../../shared/failure.ts'
import { allFinite } from '../../../shared/model/weights.ts'
import type { Batch } from '../../../shared/sample.ts'
import type { RunOutcome } from '../../../shared/tasks/report.ts'
import type { Job, Trainer } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import type { DeliveredRow } from '../storage/tables.ts'
import { tasksFor } from '../tasks/due.ts'
import { gather } from '../tasks/gather.ts'
import type { SetRows } from '../tasks/jobs.ts'
import { isSpent, oneMore, type RunsOfDay } from '../tasks/ran.ts'
import type { RunDeps } from '../tasks/run-task.ts'
import { noteRun } from '../tunnel/reports.ts'

/** Longest that anybody waits for a task beyond the scores, whatever its budget: more would be noticed. */
const PATIENCE_MS = 250
/** After so many failures in a row it is left alone, for so long. */
const FAILURES = 3
const REST_MS = 5 * 60_000

export interface Order {
  /** Of each candidate; the highest comes first. */
  readonly scores: Float32Array
  readonly by: { readonly task: string; readonly version: number }
}

/** What is to be ranked, and the same packed. */
export interface Candidates extends SetRows {
  readonly batch: Batch
}

export interface Ranking {
  /** Looks which task answers by now, and gets it ready; done when it is. */
  refresh(data: Active): Promise<void>
  /** What the task says of the candidates; null where there is none, or not yet, or it cannot say. Never throws. */
  order(data: Active, candidates: Candidates): Promise<Order | null>
  /** Gives back what is held. */
  clear(): void
}

/** A trainer for one version of one task. */
interface Helper {
  readonly row: DeliveredRow
  readonly trainer: Trainer
  readonly ready: Promise<void>
  isReady: boolean
  /** Whether the operator was told that it works. */
  told: boolean
}

/** Whether it is given the candidates, and nothing that is stored. */
const isSimple = ({ manifest: { samples, models } }: DeliveredRow): boolean =>
  samples.every((set) => set === 'candidates') && models.reads.length + models.writes.length === 0

const nameOf = ({ manifest: { name, version }, etag }: Active): string =>
  JSON.stringify([name, version, etag])

export function createRanking(deps: RunDeps): Ranking {
  const { db, platform } = deps
  const { clock } = platform
  /** The task, and of which data. */
  let answers: { readonly row: DeliveredRow; readonly of: string } | undefined
  let helper: Helper | undefined
  /** The last job. */
  let base: Job<'run'> | undefined
  let failures = 0
  let restsSince: number | undefined
  let runs = 0
  /** Not stored, as by ranking nothing is: a page that is opened anew counts anew. */
  let ran: RunsOfDay | undefined

  const rests = () => restsSince !== undefined && Math.abs(clock.now() - restsSince) < REST_MS

  function end(): void {
    helper?.trainer.terminate()
    helper = undefined
    base = undefined
  }

  /** What the task is asked. One that is given nothing but candidates is told the same of everything else, each time. */
  async function jobFor(data: Active, row: DeliveredRow, candidates?: Candidates): Promise<Job<'run'>> {
    const told = { trigger: { on: 'call', name: 'rank' } as const, seed: runs++ }
    if (base === undefined || candidates === undefined || !isSimple(row)) {
      const { job } = await gather(deps, data, row, { ...told, ...(candidates && { candidates }) })
      // A GPU would take longer to be asked than this to answer.
      base = { ...job, engine: 'fused-wasm', duty: 1 }
      return base
    }
    const { ids, batch, scores } = candidates
    const given = { ids: [...ids], batch, ...(scores && { scores }) }
    return { ...base, ...told, now: clock.now(), samples: { candidates: given } }
  }

  /** Starts a trainer, and has it load engine and script by a run over nothing. */
  function start(data: Active, row: DeliveredRow): Helper {
    const trainer = platform.spawnTrainer()
    const run = async () => {
      // What a script makes of no candidates says nothing of what it makes of some.
      await trainer.run(await jobFor(data, row)).catch(() => {})
      made.isReady = true
    }
    const ready = Promise.resolve()
      .then(run)
      .catch((error) => failed(made, error, 0))
    const made: Helper = { row, trainer, ready, isReady: false, told: false }
    return made
  }

  /** The helper for the task that answers by now. */
  function current(data: Active): Helper | undefined {
    if (!answers || answers.of !== nameOf(data) || rests()) return undefined
    helper ??= start(data, answers.row)
    return helper
  }

  async function asked(
    { row, trainer }: Helper,
    data: Active,
    candidates: Candidates,
  ): Promise<Float32Array> {
    const limit = Math.min(PATIENCE_MS, row.manifest.budget.ms)
    const stop = new AbortController()
    let cancel = () => {}
    const late = new Promise<never>((_, reject) => {
      cancel = platform.after(limit, () => {
        const error = new AppError('cancelled', `${row.name} took more than ${limit} ms.`)
        stop.abort(error)
        reject(error)
      })
    })
    const run = async () => {
      const job = await jobFor(data, row, candidates)
      const { ranked } = (await trainer.run(job, { signal: stop.signal })).effects
      if (ranked?.length !== candidates.ids.length || !allFinite(ranked))
        throw new AppError('bad-input', `${row.name} does not score ${candidates.ids.length} candidates.`)
      return ranked
    }
    try {
      return await Promise.race([run(), late])
    } finally {
      cancel()
    }
  }

  /** Of a task that is asked so often, only the first answer of each trainer and what goes wrong is told. */
  async function note({ row }: Helper, outcome: RunOutcome, ms: number, error?: unknown): Promise<void> {
    const failure = error === undefined ? {} : { failure: toFailure(error).code }
    const of = { task: row.name, version: row.version, trigger: 'call' as const }
    await noteRun(db, { ...of, outcome, ms, at: clock.now(), ...failure }).catch(() => {})
  }

  async function failed(mine: Helper, error: unknown, ms: number): Promise<void> {
    // It was ended, or another one has taken its place: then that is why.
    if (helper !== mine) return
    end()
    if (++failures >= FAILURES) {
      failures = 0
      restsSince = clock.now()
    }
    const { code } = toFailure(error)
    const outcome = code === 'cancelled' ? 'late' : code === 'refused' ? 'refused' : 'failed'
    await note(mine, outcome, ms, error)
  }

  return {
    async refresh(data) {
      const row = (await tasksFor(db, data)).find(({ manifest: { triggers } }) =>
        triggers.some((trigger) => trigger.on === 'call' && trigger.name === 'rank'),
      )
      if (row?.manifestSha256 !== answers?.row.manifestSha256 || nameOf(data) !== answers?.of) {
        end()
        failures = 0
        restsSince = undefined
      }
      answers = row && { row, of: nameOf(data) }
      await current(data)?.ready
    },

    async order(data, candidates) {
      const mine = current(data)
      const today = dayOf(clock.now(), data.manifest.hyper.dayMs)
      if (!mine?.isReady || isSpent(ran, mine.row, today)) return null
      ran = oneMore(ran, today)
      const from = performance.now()
      try {
        const scores = await asked(mine, data, candidates)
        failures = 0
        if (!mine.told) void note(mine, 'done', performance.now() - from)
        mine.told = true
        return { scores, by: { task: mine.row.name, version: mine.row.version } }
      } catch (error) {
        await failed(mine, error, performance.now() - from)
        return null
      }
    },

    clear() {
      end()
      answers = undefined
    },
  }
}
