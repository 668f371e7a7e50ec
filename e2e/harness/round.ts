/**
 * A page of its own that runs one and the same round in the app's trainer worker, on whichever engine is asked for.
 * The browser tests call `runRound` on it.
 */
import type { Catalogue } from '../../shared/catalogue.ts'
import { hyper } from '../../shared/hyper.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { writeSafetensors } from '../../shared/safetensors.ts'
import { type Batch, pack, quantise, type Sample } from '../../shared/sample.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import { schemas } from '../../shared/schemas/index.ts'
import { connectTrainer } from '../../worker/trainer/port.ts'

const TASTES = 6
const catalogue: Catalogue = {
  name: 'harness',
  noun: 'thing',
  categories: Array.from({ length: TASTES }, (_, i) => `category ${i}`),
  items: Array.from({ length: 300 }, (_, i) => ({ key: `${i}`, title: `${i}`, categories: [i % TASTES] })),
}
const schema = schemas.demo(catalogue)
const layout = layoutOf(schema)

/** Samples of somebody who clicks what is of the category `taste`, four times out of five. */
function samplesOf(taste: number, count: number, random: Random): Batch {
  const at = (name: string) => slotOf(layout, name).at
  const samples = Array.from({ length: count }, (): Sample => {
    const item = random.below(300)
    const liked = item % TASTES === taste
    const ids = new Int32Array(layout.idWidth)
    ids[at('target')] = 2 + item
    ids[at('topics')] = 2 + (item % TASTES)
    const history = 5 + random.below(20)
    for (let i = 0; i < history; i++) ids[at('clicks') + i] = 2 + taste + TASTES * random.below(50)
    const dense = new Float32Array(layout.denseWidth)
    dense[at('taste') + taste] = quantise(0.6 + 0.4 * random.next())
    dense[at('affinity')] = liked ? 1 : 0
    return { at: 0, label: liked === random.next() < 0.8 ? 1 : 0, ids, dense }
  })
  return pack(layout, samples)
}

/** Classifier and ranking model once, with fixed seeds, on `engine`. */
async function runRound(engine: string) {
  const random = seeded(20)
  const worker = new Worker(new URL('../../worker/trainer/index.ts', import.meta.url), {
    type: 'module',
    name: `engine=${engine}`,
  })
  const trainer = connectTrainer(worker, () => worker.terminate())
  try {
    const ranking = { attention: 36, mlp: [64, 32] }
    const job = {
      task: { schema, hyper: hyper(), ranking, classifier: { attention: 0, mlp: [32] } },
      model: writeSafetensors(initialWeights(din(schema, ranking), random)),
      seed: 7,
    }
    const local = samplesOf(1, 60, random)
    const outside = samplesOf(2, 60, random)
    const filtered = await trainer.filter({ ...job, local, outside, candidates: samplesOf(1, 60, random) })
    const trained = await trainer.personalise({
      ...job,
      training: samplesOf(1, 160, random),
      validation: samplesOf(1, 60, random),
    })
    return {
      engine: trained.engine,
      classifierLosses: filtered.losses,
      scores: [...filtered.scores],
      losses: trained.losses,
      before: trained.before,
      after: trained.after,
      stepsKept: trained.stepsKept,
    }
  } finally {
    trainer.terminate()
  }
}

Object.assign(window, { runRound })
