/**
 * What a service without devices would do to be fresh: each hour its global model goes on learning, from all samples that
 * came in that hour. Each night it begins again from the model that was trained on everything.
 */
import { decodeSample } from '../../../shared/codec.ts'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import { readLocal, writeLocal } from '../../../shared/model/local.ts'
import { din } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { pack, type Sample } from '../../../shared/sample.ts'
import { layoutOf } from '../../../shared/schema.ts'
import type { Manifest } from '../../../shared/task.ts'
import { createPackings } from '../../cloud/packing/folder.ts'
import type { Artifact } from '../../cloud/release.ts'
import { readArtifact, writeArtifact } from '../../cloud/release.ts'
import type { Store } from '../../store/store.ts'

/** One pass: what is learnt from again and again in an hour is learnt by heart. */
const HOURLY = { batchSize: 128, learningRate: 0.001 }
/** Versions of the hours lie between those of the nights. */
const HOURS = 1000
/** Rows that are decoded at one time. */
const READ = 2000

export interface Hourly {
  /** Learns from the samples numbered `from` … `to` − 1; begins anew where `nightly` is another than before. */
  learn(nightly: Manifest, from: number, to: number): Promise<void>
  /** The model of this hour, as a task. Throws `TypeError` before the first. */
  manifest(): Manifest
  artifact(sha256: string): Promise<Artifact | undefined>
}

/** `cloudDir` holds the nightly model, `dir` gets those of the hours; `store` is the cloud's. */
export function createHourly(
  store: Store,
  { cloudDir, dir, dayMs, seed }: { cloudDir: string; dir: string; dayMs: number; seed: number },
): Hourly {
  const packings = createPackings(store)
  const engine = createFusedEngine({ lazyEmbeddings: true })
  let night = 0
  let hours = 0
  let task: Manifest | undefined

  const artifact = async (sha256: string) =>
    (await readArtifact(dir, sha256)) ?? (await readArtifact(cloudDir, sha256))

  async function samplesOf(schema: Manifest['schema'], from: number, to: number): Promise<Sample[]> {
    store.refresh()
    const samples: Sample[] = []
    for (let at = from; at < to; at += READ) {
      const ids = Int32Array.from({ length: Math.min(READ, to - at) }, (_, i) => at + i)
      for (const row of await packings.rows(ids)) if (row) samples.push(decodeSample(schema, row, dayMs))
    }
    return seeded(seed).shuffle(samples)
  }

  return {
    async learn(nightly, from, to) {
      if (nightly.version !== night) task = undefined
      night = nightly.version
      const { schema } = nightly
      const samples = await samplesOf(schema, from, to)
      const before = task ?? nightly
      if (samples.length === 0) {
        task = before
        return
      }
      const bytes = (await artifact(before.model.sha256))!.bytes
      const spec = din(schema, nightly.ranking)
      const model = await (await engine).load(spec, readLocal(spec, bytes).weights)
      try {
        const layout = layoutOf(schema)
        for (let at = 0; at < samples.length; at += HOURLY.batchSize)
          await model.step(pack(layout, samples.slice(at, at + HOURLY.batchSize)), HOURLY.learningRate)
        const learnt = writeLocal({ ids: {}, weights: await model.save() })
        hours++
        const version = HOURS * night + (hours % HOURS)
        task = { ...nightly, version, model: writeArtifact(dir, learnt) }
      } finally {
        model.dispose()
      }
    },
    manifest() {
      if (!task) throw new TypeError('no hour has been learnt from yet')
      return task
    },
    artifact,
  }
}
