/** The borrowed samples that are remembered, and what they say of candidates (`shared/model/evidence.ts`). */
import { evidenceOf, type Witnesses, withEvidence } from '../../../shared/model/evidence.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { itemColumn, slotOf } from '../../../shared/schema.ts'
import type { Active } from '../delivery/active.ts'
import type { Rows } from '../models/rows.ts'
import type { Scorer } from '../models/scorer.ts'
import { getState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'

export interface Memory {
  /** Adds to the scores that a model gave candidates, all of one moment, what is remembered of them. In place. */
  weigh(task: Active, model: Scorer, candidates: Batch, scores: Float32Array<ArrayBuffer>): Promise<void>
  /** Lets go what is held in memory. */
  clear(): void
}

export function createMemory({ db, rows }: { db: Db; rows: Rows }): Memory {
  /** A visit ranks again and again by the same model and with the same samples. */
  let held: { readonly model: Scorer; readonly key: string; readonly witnesses: Witnesses } | undefined

  async function witnessesOf(task: Active, model: Scorer, at: number): Promise<Witnesses | undefined> {
    const [pulled, count] = await Promise.all([getState(db, 'pulled'), db.matched.count()])
    if (count === 0) return undefined
    const key = `${pulled?.day}/${pulled?.next} ${count}`
    if (held?.model === model && held.key === key) return held.witnesses
    const samples = await db.matched.toArray()
    const batch = pack(task.context.layout, samples)
    await model.grow(batch, (missing) => rows.find(task, missing))
    const expected = await model.score(batch)
    const slot = slotOf(task.context.layout, task.manifest.schema.userVector)
    const vectors = new Float32Array(samples.length * slot.width)
    samples.forEach(({ dense }, i) => {
      vectors.set(dense.subarray(slot.at, slot.at + slot.width), i * slot.width)
    })
    const witnesses = {
      items: samples.map(({ ids }) => ids[at]!),
      surprise: samples.map(({ label }, i) => label - expected[i]!),
      vectors,
    }
    held = { model, key, witnesses }
    return witnesses
  }

  return {
    async weigh(task, model, { size, ids, dense }, scores) {
      const { weight } = task.manifest.hyper.evidence
      const column = itemColumn(task.context.layout)
      if (weight === 0 || !column || size === 0) return
      const witnesses = await witnessesOf(task, model, column.at)
      if (!witnesses) return
      const { at, width } = slotOf(task.context.layout, task.manifest.schema.userVector)
      const evidence = evidenceOf(witnesses, dense.subarray(at, at + width))
      const stride = ids.length / size
      for (let i = 0; i < size; i++)
        scores[i] = withEvidence(scores[i]!, evidence.get(ids[i * stride + column.at]!) ?? 0, weight)
    },
    clear() {
      held = undefined
    },
  }
}
