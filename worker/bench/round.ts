/** `kindred bench round`: one whole round (Algorithms 2 and 3 as the tasks that ship), on our kernel and on TensorFlow.js's wasm. */
import { chooseEngine } from '../../shared/engine/choose.ts'
import type { EngineName } from '../../shared/engine/engine.ts'
import type { WasmPaths } from '../../shared/engine/tfjs/backend.ts'
import { hyper } from '../../shared/hyper.ts'
import { initialWeights, prunedDin } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { writeSafetensors } from '../../shared/safetensors.ts'
import type { Delivered } from '../../shared/tasks/contact.ts'
import { jobOf, type RoundInput } from '../testing/round-jobs.ts'
import type { Trainer } from '../trainer/job.ts'
import { createTrainer } from '../trainer/trainer.ts'
import { type Bench, type Findings, interleaved, rounded } from './measure.ts'
import { joined, makeBatch, paperSchema, rowsOf, shapes } from './shapes.ts'

const LOCAL = 200
const MATCHED = 300
/** Scores of the classifiers of two engines that compute the same. */
const TOLERANCE = 1e-4

const RANKING = { attention: 36, mlp: [64, 32] }
const CLASSIFIER = { attention: 0, mlp: [32] }

export interface RoundResult {
  readonly engine: string
  /** Losses of the ranking model's steps. */
  readonly losses: readonly number[]
  readonly scores: Float32Array
  readonly kept: number
  readonly stepsKept: number
}

/**
 * The round of somebody with 200 samples of their own and 300 matched ones, of the paper's shape and numbers: a third of
 * the matched train the classifier, those that it keeps train the ranking model with the older local samples, and each
 * mini-batch is judged on the newer ones. Half of the matched samples are of the same taste.
 */
export function roundOf(run: Trainer['run'], tasks: readonly Delivered[]): () => Promise<RoundResult> {
  const random = seeded(5)
  const spec = shapes.paper
  const numbers = hyper()
  const { localValidationDays: t, localTrainingDays: most, maxFiltered } = numbers
  const validating = Math.round((LOCAL * t) / most)
  const validation = makeBatch(spec, validating, { random, taste: 1 })
  const training = makeBatch(spec, LOCAL - validating, { random, taste: 1 })
  const [kin, strangers] = [1, 2].map((taste) => makeBatch(spec, MATCHED / 2, { random, taste }))
  const matched = joined(kin!, strangers!)
  const input: RoundInput = {
    tasks,
    schema: paperSchema,
    hyper: numbers,
    widths: { ranking: RANKING, classifier: CLASSIFIER },
    model: writeSafetensors(initialWeights(spec, random)),
    seed: 7,
  }
  const own = { 'local-training': training, 'local-validation': validation }
  return async () => {
    const filtering = jobOf(input, 'filter', { ...own, matched })
    const { scores } = (await run(filtering)).effects
    const { ids } = filtering.samples.matched!
    const kept = new Map(
      scores
        .filter(({ keep }) => keep)
        .slice(0, maxFiltered)
        .map(({ id, score }) => [id, score!]),
    )
    const filtered = rowsOf(spec, matched, (row) => kept.has(ids[row]!))
    const all = Float32Array.from(kept.values())
    const { engine, effects } = await run(jobOf(input, 'train', { ...own, filtered }, all))
    const { losses, stepsKept } = effects.result as { losses: number[]; stepsKept: number }
    const said = Float32Array.from(scores, ({ score }) => score!)
    return { engine, losses, scores: said, kept: kept.size, stepsKept }
  }
}

/** Starts a trainer as the device does, in a worker of its own. */
export type Spawn = (engine: EngineName) => Trainer

export async function benchRound(
  { quick, progress }: Bench,
  tasks: readonly Delivered[],
  wasmPaths?: WasmPaths,
  spawn?: Spawn,
): Promise<Findings> {
  const names = ['fused-wasm', 'tfjs-wasm'] as const
  const trainers = names.map((preferred) =>
    createTrainer((wish) => chooseEngine({ preferred, wasmPaths, ...wish })),
  )
  const rounds = trainers.map((trainer) => roundOf(trainer.run, tasks))
  const results: RoundResult[] = []
  for (const round of rounds) results.push(await round())
  const apart = distance(results[0]!.scores, results[1]!.scores)
  const shape = shapeOf(results[0]!)

  const pace = quick ? { rounds: 2, turnMs: 1, warmMs: 1 } : { rounds: 11, turnMs: 1, warmMs: 500 }
  const contenders = names.map((name, i) => ({ name, run: repeat(rounds[i]!) }))
  const timed = await interleaved(contenders, pace, (done) => progress('Rounds', done, pace.rounds))
  const [ours, theirs] = names.map((name) => timed[name]!.median)
  for (const trainer of trainers) trainer.terminate()

  const fresh = spawn && (await fromTheStart(spawn, names, tasks, quick ? 1 : 5, progress))
  const agree = apart <= TOLERANCE
  const why = agree ? {} : { why: `The classifiers' scores are ${apart.toExponential(1)} apart.` }
  const detail = { ...shape, ms: timed, ...(fresh && { withWorkerAndEngineStartMs: fresh }) }
  return {
    'round.ms': { value: ours!, detail },
    'round.vs_tfjs_wasm': {
      value: agree ? rounded(theirs! / ours!) : null,
      detail: {
        ...why,
        ofFastestTurns: rounded(timed[names[1]]!.min / timed[names[0]]!.min),
        scoresApart: apart,
        firstRankingLossesApart: distance(results[0]!.losses.slice(0, 1), results[1]!.losses.slice(0, 1)),
        ...(fresh && { ratioWithStart: rounded(fresh[names[1]]!.median / fresh[names[0]]!.median) }),
        ...detail,
      },
    },
  }
}

const repeat = (round: () => Promise<unknown>) => async (times: number) => {
  for (let i = 0; i < times; i++) await round()
}

function shapeOf({ losses, scores, kept, stepsKept }: RoundResult) {
  const { idWidth, denseWidth } = prunedDin(paperSchema)
  return {
    shape: 'paper',
    local: LOCAL,
    matched: MATCHED,
    kept,
    scored: scores.length,
    rankingSteps: losses.length,
    rankingStepsKept: stepsKept,
    idsASample: idWidth,
    denseASample: denseWidth,
  }
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length
    ? Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))
    : Number.POSITIVE_INFINITY

/** As a device does it: a worker for each task, from its start to its end. */
export const inFreshWorkers =
  (spawn: Spawn, engine: EngineName): Trainer['run'] =>
  async (job, watch) => {
    const trainer = spawn(engine)
    try {
      return await trainer.run(job, watch)
    } finally {
      trainer.terminate()
    }
  }

async function fromTheStart(
  spawn: Spawn,
  names: readonly EngineName[],
  tasks: readonly Delivered[],
  rounds: number,
  progress: Bench['progress'],
) {
  const contenders = names.map((name) => ({
    name,
    run: repeat(roundOf(inFreshWorkers(spawn, name), tasks)),
  }))
  return interleaved(contenders, { rounds, turnMs: 1, warmMs: 1 }, (done) =>
    progress('Rounds in fresh workers', done, rounds),
  )
}
