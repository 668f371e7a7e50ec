/** What the parts of `kindred bench cloud` have in common. */
import { systemClock } from '../../../../shared/clock.ts'
import type { Bench, Findings } from '../../../../worker/bench/measure.ts'
import { openCloud } from '../../../cloud/cloud.ts'
import { sources } from '../../../sources/index.ts'

export type { Findings }

export interface CloudBench extends Bench {
  /** The folder or file of the Globo.com clicks; undefined where it is not here. */
  readonly globo: string | undefined
  /** The data folder that the parts share; none has it open when a part begins or ends. */
  readonly dir: string
  /** A fresh folder that goes away with the benchmark. */
  scratch(name: string): string
}

/** Measures some figures; one that cannot be measured is null, and its detail's `why` says why. */
export type Part = (bench: CloudBench) => Promise<Findings>

/** People of the generated population, where there is no real one. */
const PEOPLE = 1000

/**
 * Fills and prepares the shared data folder, unless that is done; tells what it is filled with. In haste it is generated. With
 * `everyone`, all who have a vector have batches too.
 */
export async function filled(
  { quick, dir, globo, progress }: CloudBench,
  { everyone = true } = {},
): Promise<{ source: string }> {
  const cloud = await openCloud({ dataDir: dir })
  try {
    const watch = {
      progress: ({ stage, done, total }: { stage: string; done: number; total: number }) =>
        progress(stage, done, total),
    }
    if (await cloud.isEmpty()) {
      const options = { clock: systemClock }
      const source =
        globo && !quick
          ? await sources.globo(globo, options)
          : await sources.demo(undefined, { ...options, users: PEOPLE })
      await cloud.importSource(source, watch.progress)
    }
    await cloud.prepare({ everyone, ...watch })
    return { source: cloud.sourceName()! }
  } finally {
    await cloud.close()
  }
}

/** Findings that say why there are none. */
export const notMeasured = (metrics: readonly string[], why: string): Findings =>
  Object.fromEntries(metrics.map((metric) => [metric, { value: null, detail: { why } }]))
