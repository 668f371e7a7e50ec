/**
 * A page of its own that runs one and the same round in the app's trainer worker, on whichever engine is asked for.
 * The browser tests call `runRound` on it.
 */
import type { Catalogue } from '../../shared/catalogue.ts'
import { chooseEngine } from '../../shared/engine/choose.ts'
import type { EngineName } from '../../shared/engine/engine.ts'
import { hyper } from '../../shared/hyper.ts'
import { din, initialWeights } from '../../shared/model/spec.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { writeSafetensors } from '../../shared/safetensors.ts'
import { type Batch, pack, quantise, type Sample } from '../../shared/sample.ts'
import { layoutOf, slotOf } from '../../shared/schema.ts'
import { schemas } from '../../shared/schemas/index.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import { joined } from '../../worker/tasks/algorithms/rows.ts'
import { builtTasks } from '../../worker/testing/built.ts'
import { jobOf, type RoundInput } from '../../worker/testing/round-jobs.ts'
import type { Trainer } from '../../worker/trainer/job.ts'
import { connectTrainer } from '../../worker/trainer/port.ts'
import { createTrainer } from '../../worker/trainer/trainer.ts'

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

/** The jobs of one round, with fixed seeds. */
function makeJobs() {
  const random = seeded(20)
  const ranking = { attention: 36, mlp: [64, 32] }
  const input: RoundInput = {
    tasks: builtTasks,
    schema,
    hyper: hyper(),
    widths: { ranking, classifier: { attention: 0, mlp: [32] } },
    model: writeSafetensors(initialWeights(din(schema, ranking), random)),
    seed: 7,
  }
  const matched = joined([samplesOf(2, 60, random), samplesOf(1, 60, random)])
  const training = samplesOf(1, 160, random)
  const own = { 'local-training': training, 'local-validation': samplesOf(1, 60, random) }
  const filter = jobOf(input, 'filter', { ...own, matched })
  return { filter, train: jobOf(input, 'train', { ...own, filtered: samplesOf(1, 0, random) }) }
}

/** What the journal is told of a training. */
interface Told {
  readonly losses: number[]
  readonly steps: number
  readonly stepsKept: number
  readonly before: number
  readonly after: number
}

/** Classifier and ranking model once, on `engine`: each in a worker of its own. */
async function runRound(engine: string) {
  const run: Trainer['run'] = async (job) => {
    const worker = new Worker(new URL('../../worker/trainer/index.ts', import.meta.url), {
      type: 'module',
      name: `engine=${engine}`,
    })
    const trainer = connectTrainer(worker, () => worker.terminate())
    try {
      return await trainer.run(job)
    } finally {
      trainer.terminate()
    }
  }
  const jobs = makeJobs()
  const filtered = await run(jobs.filter)
  const trained = await run(jobs.train)
  const { losses, before, after, stepsKept } = trained.effects.result as unknown as Told
  const scores = filtered.effects.scores.map(({ score }) => score!)
  return { engine: trained.engine, scores, losses, before, after, stepsKept }
}

/** A round that begins on `engine`, whose GPU is taken away in the middle of the training. */
async function loseGpu(engine: EngineName) {
  const { requestDevice } = GPUAdapter.prototype
  const devices: GPUDevice[] = []
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await requestDevice.apply(this, args)
    devices.push(device)
    return device
  }
  const trainer = createTrainer((wish) =>
    chooseEngine(wish.lost.length > 0 ? wish : { ...wish, preferred: engine }),
  )
  try {
    const jobs = makeJobs()
    const filtered = await trainer.run(jobs.filter)
    const { choice, effects } = await trainer.run(jobs.train, {
      onProgress: (done) => done > 0.5 && devices.at(-1)!.destroy(),
    })
    const told = effects.result as unknown as Told
    return { filtered: filtered.choice, trained: { ...told, choice, model: RANKING in effects.models } }
  } finally {
    trainer.terminate()
    Object.assign(GPUAdapter.prototype, { requestDevice })
  }
}

Object.assign(window, { runRound, loseGpu })
