/**
 * Which engine was the fastest here for the task's model: timed once, and again when browser, engines or model are others.
 * The trainer measures (shared/engine/choose.ts); this remembers.
 */
import type { EngineName } from '../../../shared/engine/engine.ts'
import { sha256 } from '../../../shared/hash.ts'
import type { Platform } from '../../platform.ts'
import type { Choice, Trainer } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'

/**
 * The trainer, told with each job which engine to take, and heard for which it took. An engine that failed while it was
 * used is forgotten: the next round times all of them again, for what took its place was only what was left.
 */
export function withKnownEngine(
  trainer: Trainer,
  { db, platform }: { db: Db; platform: Pick<Platform, 'agent'> },
  { spec, manifest }: Active,
): Trainer {
  const here = async () => {
    const shape = JSON.stringify({ spec, batch: manifest.hyper.ranking.batchSize })
    return { ...platform.agent, shape: await sha256(new TextEncoder().encode(shape)) }
  }

  async function known(): Promise<EngineName | undefined> {
    const stored = await getState(db, 'engine')
    if (!stored) return undefined
    const { browser, engines, shape } = await here()
    const same = stored.browser === browser && stored.engines === engines && stored.shape === shape
    return same ? stored.name : undefined
  }

  async function remember({ engine, timed, lost }: Choice): Promise<void> {
    const before = await known()
    if (engine === before) return
    if (timed && lost.length === 0) await putState(db, 'engine', { ...(await here()), name: engine })
    else if (before) await db.state.delete('engine')
  }

  return {
    ...trainer,
    // A choice that cannot be read or written is made again, and fails nothing.
    async run(job, watch) {
      const engine = job.engine ?? (await known().catch(() => undefined))
      const result = await trainer.run(engine ? { ...job, engine } : job, watch)
      await remember(result.choice).catch(() => {})
      return result
    },
  }
}
