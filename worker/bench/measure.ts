/** Timing that is fair on a machine that is shared: contenders take turns, round after round, and medians are told. */
import * as z from 'zod'

/** Something that takes steps. */
export interface Contender {
  readonly name: string
  /** Done before each of its turns, outside the clock. */
  readonly enter?: () => Promise<void>
  /** Takes so many steps. */
  readonly run: (steps: number) => Promise<unknown>
}

/** Milliseconds a step: the median of the turns, the fastest turn, and all of them. */
export interface Timed {
  readonly median: number
  readonly min: number
  readonly turns: readonly number[]
  readonly stepsATurn: number
}

export interface Pace {
  /** Turns of each contender. */
  readonly rounds: number
  /** What a turn should last, ms; one step at least. */
  readonly turnMs: number
  /** What warming up lasts, ms, that compilers have done their work. */
  readonly warmMs: number
}

export const FULL: Pace = { rounds: 15, turnMs: 60, warmMs: 400 }
export const QUICK: Pace = { rounds: 3, turnMs: 15, warmMs: 40 }

/** What a benchmark found, under the names that the command prints. */
export const findingsSchema = z.record(
  z.string(),
  z.strictObject({ value: z.number().nullable(), detail: z.record(z.string(), z.unknown()) }),
)
export type Findings = z.infer<typeof findingsSchema>

export interface Bench {
  readonly quick: boolean
  readonly progress: (stage: string, done: number, total: number) => void
}

/** Turns in the order A B C A B C …, so that whatever slows the machine down slows each of them. */
export async function interleaved(
  contenders: readonly Contender[],
  { rounds, turnMs, warmMs }: Pace,
  onRound: (done: number) => void = () => {},
): Promise<Record<string, Timed>> {
  const steps = new Map<string, number>()
  for (const contender of contenders) steps.set(contender.name, await paced(contender, turnMs, warmMs))
  const turns = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders)
      turns.get(contender.name)!.push(await turn(contender, steps.get(contender.name)!))
    onRound(round + 1)
  }
  return Object.fromEntries(
    [...turns].map(([name, all]) => [
      name,
      {
        median: rounded(quantile(all, 0.5)),
        min: rounded(Math.min(...all)),
        turns: all.map(rounded),
        stepsATurn: steps.get(name)!,
      },
    ]),
  )
}

/** Warms a contender up and says how many of its steps make a turn. */
async function paced(contender: Contender, turnMs: number, warmMs: number): Promise<number> {
  let steps = 1
  let spent = 0
  for (;;) {
    const ms = await turn(contender, steps)
    spent += ms * steps
    if (spent >= warmMs) return Math.max(1, Math.round(turnMs / ms))
    steps = Math.max(1, Math.min(steps * 2, Math.round(turnMs / Math.max(ms, 1e-4))))
  }
}

/** Milliseconds a step in one turn. */
async function turn({ enter, run }: Contender, steps: number): Promise<number> {
  await enter?.()
  const from = performance.now()
  await run(steps)
  return (performance.now() - from) / steps
}

/** By the nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!
}

/** Four significant digits: more would pretend. */
export const rounded = (value: number): number => Number(value.toPrecision(4))
