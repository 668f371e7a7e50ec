/** Ranking: what the model in use says of candidates, were they shown now. */
import type { Clock } from '../../../shared/clock.ts'
import type { Engine } from '../../../shared/engine/engine.ts'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { AppError } from '../../../shared/failure.ts'
import { UserState } from '../../../shared/generate.ts'
import type { CallInput, CallOutput } from '../../../shared/protocol.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { createTurns } from '../../turns.ts'
import type { Active } from '../delivery/active.ts'
import type { Models } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'
import { openScorer, type Scorer } from '../models/scorer.ts'
import type { Db, ModelRow } from '../storage/tables.ts'
import { createMemory } from './memory.ts'
import type { Ranking } from './ranking.ts'
import { reasonsFor, type Shown } from './why.ts'

/** Items, and what the app says of each at the moment. */
type Candidates = Pick<CallInput<'rank'>, 'items' | 'context'>

export interface Ranker {
  /**
   * Items with their click probability, in the order of the task that ranks; else by it. Throws `bad-input` for an item that
   * the catalogue lacks, unless asked to be lenient, `version` if the model stored is not of this task (another tab has moved
   * on), and what `models.load` throws.
   */
  rank(task: Active, asked: CallInput<'rank'>): Promise<CallOutput<'rank'>>
  /** What each item's score rests on; throws what `rank` throws. */
  why(task: Active, asked: CallInput<'why'>): Promise<CallOutput<'why'>>
  /** The same items ranked by M0, too, if another model serves; throws what `rank` throws. */
  compare(task: Active, asked: CallInput<'compare'>): Promise<CallOutput<'compare'>>
  /** Gives back the model that is held. */
  clear(): void
}

export interface RankerDeps {
  /** The task that says in which order candidates come. */
  readonly ranking: Pick<Ranking, 'order'>
  readonly db: Db
  readonly models: Models
  readonly rows: Rows
  readonly clock: Clock
}

export function createRanker({ ranking, db, models, rows, clock }: RankerDeps): Ranker {
  // A GPU would take longer to be asked than these two to answer.
  const engine: Promise<Engine> = createFusedEngine().catch(() => createPlainEngine())
  /** The model in use, with the rows that candidates have needed so far of tables that were not delivered whole. */
  let held: { readonly sha256: string; readonly scorer: Scorer } | undefined
  const memory = createMemory({ db, rows })
  /** One ranking at a time: each may replace what is held. */
  const turn = createTurns()

  async function candidates({ context }: Active, { items, context: told }: Candidates): Promise<Shown> {
    const positions = items.map((item) => {
      const position = context.index.get(item)
      if (position === undefined) throw new AppError('bad-input', `The catalogue has no item ${item}.`)
      return position
    })
    const now = clock.now()
    const events = await db.history.orderBy('id').toArray()
    const user = new UserState(context)
    for (const event of events) user.observe(event)
    return { items, positions, events, now, told, samples: user.samples(positions, now, told) }
  }
  const batchOf = async (task: Active, asked: Candidates): Promise<Batch> =>
    pack(task.context.layout, (await candidates(task, asked)).samples)

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
    memory.clear()
  }

  /** `use` of the model in use, which has all the rows that it can have for the batch. */
  async function serve<T>(task: Active, batch: Batch, use: (scorer: Scorer) => Promise<T>) {
    const { slot, version, sha256 } = await holdServing(task)
    await held?.scorer.grow(batch, (missing) => rows.find(task, missing))
    // Everything may have been erased meanwhile.
    if (!held) throw new AppError('not-ready', 'There is no model on this device yet.')
    const serving = { slot: slot === 'M0' ? ('M0' as const) : ('M' as const), version, sha256 }
    return { serving, result: await use(held.scorer) }
  }

  /** Scores by the model in use, and by what is remembered. */
  const scoresNow = (task: Active, batch: Batch) =>
    serve(task, batch, async (scorer) => {
      const scores = await scorer.score(batch)
      await memory.weigh(task, scorer, batch, scores)
      return scores
    })

  /** Scores by M0 alone, unless those by the model whose hash is `sha256` are the same, or it is not there. */
  async function scoresOfBackup(task: Active, batch: Batch, sha256: string) {
    const backup = await models.backup(task.manifest.name)
    const remembers = task.manifest.hyper.evidence.weight > 0
    if (!backup || (backup.row.sha256 === sha256 && !remembers)) return null
    const scorer = await openScorer(await engine, task.spec, backup.bytes, task.factors)
    try {
      await scorer.grow(batch, (missing) => rows.find(task, missing))
      return await scorer.score(batch)
    } finally {
      scorer.dispose()
    }
  }

  return {
    async rank(task, { lenient = false, ...asked }) {
      const { known, unknown } = lenient ? sift(task, asked) : { known: asked }
      const { samples } = await candidates(task, known)
      const batch = pack(task.context.layout, samples)
      const { serving, result } = await turn(() => scoresNow(task, batch))
      const ordered = await ranking.order(task, { ids: known.items, samples, batch, scores: result })
      const ranked = inOrder(known.items, result, ordered?.scores)
      return { ranked, ...(unknown && { unknown }), serving, by: ordered?.by ?? null }
    },

    async why(task, asked) {
      const shown = await candidates(task, asked)
      const batch = pack(task.context.layout, shown.samples)
      const { serving, result } = await turn(() =>
        serve(task, batch, (scorer) => reasonsFor(task, scorer, shown)),
      )
      return { serving, items: result }
    },

    async compare(task, asked) {
      const { items } = asked
      const batch = await batchOf(task, asked)
      return turn(async () => {
        const { serving, result } = await scoresNow(task, batch)
        const delivered = await scoresOfBackup(task, batch, serving.sha256)
        return { serving, now: inOrder(items, result), delivered: delivered && inOrder(items, delivered) }
      })
    },
    clear,
  }
}

/** What is asked of those that the catalogue has, and the others. */
function sift({ context: { index } }: Active, { items, context }: Omit<CallInput<'rank'>, 'lenient'>) {
  const here = items.flatMap((item, i) => (index.has(item) ? [i] : []))
  const known = {
    items: here.map((i) => items[i]!),
    ...(context && { context: here.map((i) => context[i]!) }),
  }
  return { known, unknown: items.filter((item) => !index.has(item)) }
}

/** Items with their scores, best first by `ranks`; equal ones as they came. */
const inOrder = (items: readonly string[], scores: ArrayLike<number>, ranks = scores) =>
  items
    .map((item, i) => ({ item, score: scores[i]!, rank: ranks[i]! }))
    .sort((a, b) => b.rank - a.rank)
    .map(({ item, score }) => ({ item, score }))
