/** Ranking: what the model in use says of candidates, were they shown now. */
import type { Clock } from '../../shared/clock.ts'
import type { Engine, Model } from '../../shared/engine/engine.ts'
import { createFusedEngine } from '../../shared/engine/fused/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { AppError } from '../../shared/failure.ts'
import { UserState } from '../../shared/generate.ts'
import type { CallOutput } from '../../shared/protocol.ts'
import { readSafetensors } from '../../shared/safetensors.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import type { Active } from './active.ts'
import type { Db, ModelRow } from './db.ts'
import type { Models } from './models.ts'

export interface Ranker {
  /**
   * Items by falling click probability. Throws `bad-input` for an item that the catalogue lacks, `version` if the model
   * stored is not of this task (another tab has moved on), and what `models.load` throws.
   */
  rank(task: Active, items: readonly string[]): Promise<CallOutput<'rank'>>
  /** Gives back the model that is held. */
  clear(): void
}

export function createRanker({ db, models, clock }: { db: Db; models: Models; clock: Clock }): Ranker {
  // A GPU would take longer to be asked than these two to answer.
  const engine: Promise<Engine> = createFusedEngine().catch(() => createPlainEngine())
  let held: { sha256: string; model: Model } | undefined

  async function candidates({ context }: Active, items: readonly string[]): Promise<Batch> {
    const positions = items.map((item) => {
      const position = context.index.get(item)
      if (position === undefined) throw new AppError('bad-input', `The catalogue has no item ${item}.`)
      return position
    })
    const now = clock.now()
    const user = new UserState(context)
    for (const event of await db.history.orderBy('id').toArray()) user.observe(event)
    return pack(
      context.layout,
      positions.map((position) => user.sample(position, now, 0)),
    )
  }

  /** The model in use now, from memory if it is the one held. */
  async function inUse({ manifest, spec }: Active): Promise<{ row: ModelRow; model: Model }> {
    const { name, version } = manifest
    const serving = await models.serving(name)
    if (serving && serving.version === version && serving.sha256 === held?.sha256)
      return { row: serving, model: held.model }
    const { row, bytes } = await models.load(name)
    if (row.version !== version) throw new AppError('version', 'The model stored is of another task version.')
    const model = await (await engine).load(spec, readSafetensors(bytes))
    clear()
    held = { sha256: row.sha256, model }
    return { row, model }
  }

  function clear(): void {
    held?.model.dispose()
    held = undefined
  }

  return {
    async rank(task, items) {
      const batch = await candidates(task, items)
      // Nothing is awaited between having the model and using it: another call may replace it.
      const { row, model } = await inUse(task)
      const scores = await model.predict(batch)
      const ranked = items.map((item, i) => ({ item, score: scores[i]! }))
      ranked.sort((a, b) => b.score - a.score)
      const slot = row.slot === 'M0' ? 'M0' : 'M'
      return { ranked, serving: { slot, version: row.version, sha256: row.sha256 } }
    },
    clear,
  }
}
