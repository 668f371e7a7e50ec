/** Ranking: what the model in use says of candidates, were they shown now. */
import type { Clock } from '../../shared/clock.ts'
import type { Engine } from '../../shared/engine/engine.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { UserState } from '../../shared/generate.ts'
import type { CallInput, CallOutput } from '../../shared/protocol.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import type { Active } from './active.ts'
import type { Db, ModelRow } from './db.ts'
import type { Models } from './models.ts'
import type { Rows } from './rows.ts'
import { openScorer, type Scorer } from './scorer.ts'
import { createTurns } from './turns.ts'

export interface Ranker {
  /**
   * Items by falling click probability. Throws `bad-input` for an item that the catalogue lacks, `version` if the model
   * stored is not of this task (another tab has moved on), and what `models.load` throws.
   */
  rank(task: Active, asked: CallInput<'rank'>): Promise<CallOutput<'rank'>>
  /** Gives back the model that is held. */
  clear(): void
}

export interface RankerDeps {
  readonly db: Db
  readonly models: Models
  readonly rows: Rows
  readonly clock: Clock
}

export function createRanker({ db, models, rows, clock }: RankerDeps): Ranker {
  // A GPU would take longer to be asked than these two to answer.
  const engine: Promise<Engine> = createFusedEngine().catch(() => createPlainEngine())
  /** The model in use, with the rows that candidates have needed so far of tables that were not delivered whole. */
  let held: { readonly sha256: string; readonly scorer: Scorer } | undefined
  /** One ranking at a time: each may replace what is held. */
  const turn = createTurns()

  async function candidates(
    { context }: Active,
    { items, context: told }: CallInput<'rank'>,
  ): Promise<Batch> {
    const positions = items.map((item) => {
      const position = context.index.get(item)
      if (position === undefined) throw new AppError('bad-input', `The catalogue has no item ${item}.`)
      return position
    })
    const now = clock.now()
    const user = new UserState(context)
    for (const event of await db.history.orderBy('id').toArray()) user.observe(event)
    return pack(context.layout, user.samples(positions, now, told))
  }

  /** Makes the model in use now the one that is held, and gives its row. */
  async function holdServing({ manifest, spec, factors }: Active): Promise<ModelRow> {
    const { name, version } = manifest
    const serving = await models.serving(name)
    if (serving && serving.version === version && serving.sha256 === held?.sha256) return serving
    const { row, bytes } = await models.load(name)
    if (row.version !== version) throw new AppError('version', 'The model stored is of another task version.')
    const scorer = await openScorer(await engine, spec, bytes, factors)
    clear()
    held = { sha256: row.sha256, scorer }
    return row
  }

  function clear(): void {
    held?.scorer.dispose()
    held = undefined
  }

  async function score(task: Active, batch: Batch): Promise<{ row: ModelRow; scores: Float32Array }> {
    const row = await holdServing(task)
    await held?.scorer.grow(batch, (missing) => rows.find(task, missing))
    // Everything may have been erased meanwhile.
    if (!held) throw new AppError('not-ready', 'There is no model on this device yet.')
    return { row, scores: await held.scorer.score(batch) }
  }

  return {
    async rank(task, asked) {
      const batch = await candidates(task, asked)
      const { row, scores } = await turn(() => score(task, batch))
      const ranked = asked.items.map((item, i) => ({ item, score: scores[i]! }))
      ranked.sort((a, b) => b.score - a.score)
      const slot = row.slot === 'M0' ? 'M0' : 'M'
      return { ranked, serving: { slot, version: row.version, sha256: row.sha256 } }
    },
    clear,
  }
}
