/** `kindred bench rank`: 100 candidates, from a user's events to probabilities, while nothing or a round goes on beside. */
import { chooseEngine } from '../../shared/engine/choose.ts'
import type { Model } from '../../shared/engine/engine.ts'
import type { WasmPaths } from '../../shared/engine/tfjs/backend.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { createContext, UserState } from '../../shared/generate.ts'
import { hyper } from '../../shared/hyper.ts'
import { initialWeights } from '../../shared/model/spec.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { type Batch, pack } from '../../shared/sample.ts'
import type { Delivered } from '../../shared/tasks/contact.ts'
import type { Trainer } from '../trainer/job.ts'
import { turn } from '../trainer/pause.ts'
import { type Bench, type Findings, FULL, interleaved, QUICK, quantile, rounded } from './measure.ts'
import { inFreshWorkers, roundOf, type Spawn } from './round.ts'
import { catalogue, paperSchema, shapes } from './shapes.ts'
import { peakLoop } from './work.ts'

const CANDIDATES = 100
const TOLERANCE = 1e-4
const NOON = Date.UTC(2024, 0, 5, 12)

export async function benchRank(
  bench: Bench,
  tasks: readonly Delivered[],
  wasmPaths?: WasmPaths,
  spawn?: Spawn,
): Promise<Findings> {
  const random = seeded(3)
  const weights = initialWeights(shapes.paper, random)
  const load = async (preferred: 'fused-wasm' | 'tfjs-wasm' | 'plain') =>
    (await chooseEngine({ preferred, wasmPaths })).engine.load(shapes.paper, weights)
  const fused = await load('fused-wasm')
  const tfjs = await load('tfjs-wasm')
  const plain = await load('plain')
  const user = createUser(random)
  const batch = user()
  const [mine, theirs] = [await fused.predict(batch), await tfjs.predict(batch)]
  const apart = Math.max(...mine.map((score, i) => Math.abs(score - theirs[i]!)))

  const pace = bench.quick ? QUICK : FULL
  const named = { 'fused-wasm': fused, 'tfjs-wasm': tfjs, plain }
  const contenders = Object.entries(named).map(([name, model]) => ({ name, run: predicting(model, batch) }))
  const timed = await interleaved(contenders, pace, (done) => bench.progress('Ranking', done, pace.rounds))

  const calls = bench.quick ? 50 : 2000
  const whole = async () => void (await fused.predict(user()))
  const alone = await latencies(whole, calls)
  const busy = spawn && (await duringRounds(inFreshWorkers(spawn, 'fused-wasm'), tasks, whole, calls))
  for (const model of [fused, tfjs, plain]) model.dispose()

  const agree = apart <= TOLERANCE
  return {
    'rank100.p99_ms': {
      value: (busy ?? alone).p99,
      detail: {
        shape: 'paper',
        candidates: CANDIDATES,
        calls,
        counted:
          'events in memory → features of each candidate → packed → probabilities; not the read from storage',
        idle: alone,
        ...(busy
          ? { duringRounds: busy }
          : { why: 'No round ran beside it here: Node has one thread for both.' }),
      },
    },
    'rank100.vs_tfjs_wasm': {
      value: agree ? rounded(timed['tfjs-wasm']!.median / timed['fused-wasm']!.median) : null,
      detail: {
        ...(agree ? {} : { why: `The probabilities are ${apart.toExponential(1)} apart.` }),
        ofFastestTurns: rounded(timed['tfjs-wasm']!.min / timed['fused-wasm']!.min),
        counted: 'packed features → probabilities',
        scoresApart: apart,
        ms: timed,
      },
    },
  }
}

/** A user with a week of 60 clicks and 600 behaviours; gives 100 candidates' features anew at every call, as a rank does. */
function createUser(random: Random): () => Batch {
  const { clickDays, settleMs } = hyper()
  const context = createContext(paperSchema, catalogue, { clickDays, settleMs })
  const names = paperSchema.vocabularies.behaviour!.values!
  const item = () => catalogue.items[random.below(catalogue.items.length)]!.key
  const events: KindredEvent[] = Array.from({ length: 660 }, (_, i) => {
    const common = { id: `${i}`, at: NOON - (660 - i) * 10 * 60_000 }
    return i % 11 === 0
      ? { type: 'click', item: item(), exposure: `x${i}`, ...common }
      : { type: 'behaviour', name: names[random.below(names.length)]!, ...common }
  })
  const positions = Array.from({ length: CANDIDATES }, () => random.below(catalogue.items.length))
  return () => {
    const user = new UserState(context)
    for (const event of events) user.observe(event)
    return pack(context.layout, user.samples(positions, NOON))
  }
}

const predicting = (model: Model, batch: Batch) => async (times: number) => {
  for (let i = 0; i < times; i++) await model.predict(batch)
}

interface Latencies {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/**
 * Each call by itself, a turn of the event loop between them; and as the control, in turn with it, a loop of arithmetic
 * in registers of about the same length: what the control waits for, the machine had no core for.
 */
async function latencies(
  call: () => Promise<void>,
  calls: number,
): Promise<Latencies & { control: Latencies }> {
  const { run } = await peakLoop()
  const timed = async (work: () => Promise<unknown>) => {
    await turn()
    const from = performance.now()
    await work()
    return performance.now() - from
  }
  const warm: number[] = []
  const spins: number[] = []
  for (let i = 0; i < Math.min(calls, 100); i++) {
    warm.push(await timed(call))
    spins.push((await timed(() => run(20))) / 20)
  }
  const steps = Math.max(1, Math.round(quantile(warm, 0.5) / quantile(spins, 0.5)))
  const all: number[] = []
  const control: number[] = []
  while (all.length < calls) {
    all.push(await timed(call))
    control.push(await timed(() => run(steps)))
  }
  return { ...summaryOf(all), control: summaryOf(control) }
}

const summaryOf = (all: readonly number[]): Latencies => ({
  p50: rounded(quantile(all, 0.5)),
  p99: rounded(quantile(all, 0.99)),
  max: rounded(Math.max(...all)),
})

/** While trainers in workers of their own do one round after the other. */
async function duringRounds(
  run: Trainer['run'],
  tasks: readonly Delivered[],
  call: () => Promise<void>,
  calls: number,
) {
  let rounds = 0
  let over = false
  const round = roundOf(run, tasks)
  await round()
  const training = (async () => {
    for (; !over; rounds++) await round()
  })()
  const found = await latencies(call, calls).finally(() => {
    over = true
  })
  await training
  return { ...found, rounds }
}
