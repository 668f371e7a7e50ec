/**
 * M on trial, before each round: it was committed because it did better than its forerunner by the samples of that day. If it
 * does worse than M0 by those of today, in the measure by which a round keeps an update, then M0 is M again, and the round
 * starts from there.
 */
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { pack, type Sample } from '../../../shared/sample.ts'
import { createJudge, isBetter } from '../../tasks/algorithms/judge.ts'
import type { Quality } from '../../tasks/algorithms/watch.ts'
import type { Active } from '../delivery/active.ts'
import type { Models, Stored } from '../models/models.ts'
import type { Rows } from '../models/rows.ts'
import { openScorer } from '../models/scorer.ts'

/** How good M and M0 are on the validation samples. */
export interface Verdict {
  readonly m: Quality
  readonly m0: Quality
}

/**
 * Gives the verdict if M0 is the better one; undefined where M stays, also because the samples do not tell or the task's gate
 * judges nothing.
 */
export async function relapsed(
  { models, rows }: { models: Models; rows: Pick<Rows, 'find'> },
  task: Active,
  present: Stored,
  validation: readonly Sample[],
): Promise<Verdict | undefined> {
  const { name, hyper } = task.manifest
  const delivered = await models.backup(name)
  if (!delivered || delivered.row.sha256 === present.row.sha256) return undefined
  const batch = pack(task.context.layout, validation)
  const judge = createJudge(batch.labels)
  if (!judge) return undefined
  const engine = await createFusedEngine().catch(() => createPlainEngine())

  async function quality({ bytes }: Stored): Promise<Quality> {
    const scorer = await openScorer(engine, task.spec, bytes, task.factors)
    try {
      await scorer.grow(batch, (missing) => rows.find(task, missing))
      return judge!(await scorer.score(batch))
    } finally {
      scorer.dispose()
    }
  }
  try {
    const verdict = { m: await quality(present), m0: await quality(delivered) }
    const { gate, margin } = hyper.ranking
    return isBetter(verdict.m0, verdict.m, gate, margin) ? verdict : undefined
  } finally {
    await engine.dispose()
  }
}
