/** `kindred bench engine`: one training step, next to what else could take it. */
import { chooseEngine } from '../../shared/engine/choose.ts'
import type { Engine, EngineName } from '../../shared/engine/engine.ts'
import type { WasmPaths } from '../../shared/engine/tfjs/backend.ts'
import { initialWeights } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import {
  type Bench,
  type Contender,
  type Findings,
  FULL,
  interleaved,
  QUICK,
  rounded,
  type Timed,
} from './measure.ts'
import { createExpert, createNewcomer, type Learner, type Lesson, startRivals } from './rivals.ts'
import { makeBatch, shapes } from './shapes.ts'
import { multiplyAdds, peakLoop, touchedRows } from './work.ts'

const BATCH = 32
const BATCHES = 16
const CHECKED_STEPS = 3
/** The largest difference of a loss from ours before a rival counts as computing something else. */
const TOLERANCE = 1e-4

const FUSED = 'fused-wasm'
const EXPERT = 'tfjs wasm, an expert’s autodiff'
const OWN_TFJS = 'tfjs-wasm'

export async function benchEngine(bench: Bench, wasmPaths?: WasmPaths): Promise<Findings> {
  await startRivals(wasmPaths)
  const all = await race('history50', bench, wasmPaths, ['tfjs-cpu', 'plain'], true)
  const paper = await race('paper', bench, wasmPaths, [], false)
  const history512 = await race('history512', bench, wasmPaths, [], false)
  const peak = all.timed[all.peak.name]!
  const rate = all.peak.multiplyAddsAStep / peak.median / 1e6
  const reached = all.multiplyAdds / all.timed[FUSED]!.median / 1e6
  const fits = Object.keys(all.timed).filter((name) => name.startsWith('tfjs LayersModel'))
  const fit = fits.sort((a, b) => all.timed[a]!.median - all.timed[b]!.median)[0]
  return {
    'engine.step.vs_tfjs_wasm': against(all, EXPERT, { vsOwnTfjsWasm: ratio(all, OWN_TFJS) }),
    'engine.step.paper_shape.vs_tfjs_wasm': against(history512, EXPERT, {
      vsOwnTfjsWasm: ratio(history512, OWN_TFJS),
      paperSchema: {
        ...detailOf(paper),
        vsExpert: ratio(paper, EXPERT),
        vsOwnTfjsWasm: ratio(paper, OWN_TFJS),
      },
    }),
    'engine.step.vs_layers_fit': against(all, fit ?? 'tfjs LayersModel.fit', {}),
    'engine.peak_fraction': {
      value: rounded(reached / rate),
      detail: {
        shape: all.shape,
        multiplyAddsAStep: all.multiplyAdds,
        stepMs: all.timed[FUSED]!.median,
        multiplyAddsPerNs: rounded(reached),
        peakMultiplyAddsPerNs: rounded(rate),
        peakTurns: peak.turns,
        ofFastestTurns: rounded(
          (all.multiplyAdds / all.timed[FUSED]!.min) * (peak.min / all.peak.multiplyAddsAStep),
        ),
        paperSchema: rounded(paper.multiplyAdds / paper.timed[FUSED]!.median / 1e6 / rate),
        history512: rounded(history512.multiplyAdds / history512.timed[FUSED]!.median / 1e6 / rate),
      },
    },
  }
}

interface Race {
  readonly shape: string
  readonly timed: Record<string, Timed>
  /** Why some were not let in. */
  readonly out: Record<string, string>
  readonly multiplyAdds: number
  readonly peak: Awaited<ReturnType<typeof peakLoop>>
}

/** Every learner takes the same first steps to show that it computes the same; those that do are timed in turns. */
async function race(
  shape: Exclude<keyof typeof shapes, 'train'>,
  { quick, progress }: Bench,
  wasmPaths: WasmPaths | undefined,
  engines: readonly EngineName[],
  layers: boolean,
): Promise<Race> {
  const spec = shapes[shape]
  const random = seeded(11)
  const batches = Array.from({ length: BATCHES }, () => makeBatch(spec, BATCH, { random }))
  const lesson: Lesson = { spec, weights: initialWeights(spec, random), batches, learningRate: 0.001 }
  const makers: (() => Promise<Learner>)[] = [
    ...[FUSED, OWN_TFJS, ...engines].map((name) => () => onEngine(name as EngineName, lesson, wasmPaths)),
    () => createExpert(lesson),
    ...(layers ? (['wasm', 'cpu'] as const).map((backend) => () => createNewcomer(lesson, backend)) : []),
  ]
  const out: Record<string, string> = {}
  const learners = await admitted(makers, out)
  const peak = await peakLoop()
  const contenders: Contender[] = [...learners, peak]
  try {
    const pace = quick ? QUICK : FULL
    const stage = `Steps of the shape ${shape}`
    const timed = await interleaved(contenders, pace, (done) => progress(stage, done, pace.rounds))
    return {
      shape,
      timed,
      out,
      peak,
      multiplyAdds: multiplyAdds(spec, batches[0]!, touchedRows(spec, batches)),
    }
  } finally {
    for (const learner of learners) learner.dispose()
  }
}

async function admitted(makers: (() => Promise<Learner>)[], out: Record<string, string>): Promise<Learner[]> {
  const learners: Learner[] = []
  let due: number[] | undefined
  for (const make of makers) {
    let learner: Learner | undefined
    try {
      learner = await make()
      await learner.enter()
      const losses: number[] = []
      while (losses.length < CHECKED_STEPS) losses.push(await learner.run(1))
      due ??= losses
      const apart = Math.max(...losses.map((loss, i) => Math.abs(loss - due![i]!)))
      if (!(apart <= TOLERANCE)) throw new Error(`Its losses are ${apart.toExponential(1)} from ours.`)
      learners.push(learner)
    } catch (error) {
      if (!due) throw error // ours
      const name = learner?.name ?? `contender ${learners.length + 1}`
      out[name] = error instanceof Error ? error.message : String(error)
      learner?.dispose()
    }
  }
  return learners
}

async function onEngine(
  preferred: EngineName,
  { spec, weights, batches, learningRate }: Lesson,
  wasmPaths: WasmPaths | undefined,
): Promise<Learner> {
  const { engine } = await chooseEngine({ preferred, wasmPaths })
  const model = await (engine as Engine).load(spec, weights)
  let next = 0
  return {
    name: engine.name,
    async enter() {},
    async run(steps) {
      let sum = 0
      for (let i = 0; i < steps; i++) sum += await model.step(batches[next++ % batches.length]!, learningRate)
      return sum / steps
    },
    dispose: () => void engine.dispose(),
  }
}

const ratio = ({ timed }: Race, rival: string): number | null =>
  timed[rival] ? rounded(timed[rival].median / timed[FUSED]!.median) : null

const detailOf = ({ shape, timed, out }: Race) => ({
  shape,
  msAStep: Object.fromEntries(Object.entries(timed).map(([name, { median }]) => [name, median])),
  fastestMsAStep: Object.fromEntries(Object.entries(timed).map(([name, { min }]) => [name, min])),
  turns: Object.fromEntries(Object.entries(timed).map(([name, { turns }]) => [name, turns])),
  ...(Object.keys(out).length > 0 && { notTimed: out }),
})

function against(race: Race, rival: string, more: Record<string, unknown>): Findings[string] {
  const value = ratio(race, rival)
  const why = value === null ? { why: race.out[rival] ?? 'The rival did not start.' } : {}
  const fastest =
    value === null ? {} : { ofFastestTurns: rounded(race.timed[rival]!.min / race.timed[FUSED]!.min) }
  return { value, detail: { ...why, rivalTimed: rival, ...fastest, ...more, ...detailOf(race) } }
}
