/** The benchmarks that the browser runs too, in this process. */
import type { Bench, Findings } from '../../../worker/bench/measure.ts'
import { shippedTasks } from '../../experiment/standing.ts'

export type { Bench, Findings }
export type PageBench = 'engine' | 'round' | 'rank'

export async function inNode(name: PageBench, bench: Bench): Promise<Findings> {
  switch (name) {
    case 'engine':
      return (await import('../../../worker/bench/engine.ts')).benchEngine(bench)
    case 'round':
      return (await import('../../../worker/bench/round.ts')).benchRound(bench, await shippedTasks())
    case 'rank':
      return (await import('../../../worker/bench/rank.ts')).benchRank(bench, await shippedTasks())
  }
}
