/** All of Globo.com's clicks, from the file to everybody's batches. */
import { existsSync, readFileSync } from 'node:fs'
import { systemClock } from '../../../../shared/clock.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { openCloud } from '../../../cloud/cloud.ts'
import { sources } from '../../../sources/index.ts'
import type { Source } from '../../../sources/source.ts'
import { type CloudBench, type Findings, notMeasured } from './part.ts'

/** A quick run takes one user of so many. */
const QUICK = 20

export async function globo({ quick, globo, dir, progress }: CloudBench): Promise<Findings> {
  const metrics = ['cloud.globo.minutes', 'cloud.globo.rss_gb']
  if (globo === undefined) return notMeasured(metrics, 'The Globo.com clicks are not here.')
  const began = { at: performance.now(), cpu: process.cpuUsage() }
  const seconds = () => {
    const { user, system } = process.cpuUsage(began.cpu)
    return { wall: (performance.now() - began.at) / 1000, cpu: (user + system) / 1e6 }
  }
  const cloud = await openCloud({ dataDir: dir })
  try {
    if (!(await cloud.isEmpty())) return notMeasured(metrics, 'The data folder is full already.')
    const watch = {
      progress: ({ stage, done, total }: { stage: string; done: number; total: number }) =>
        progress(stage, done, total),
    }
    const all = await sources.globo(globo, { clock: systemClock })
    const imported = await cloud.importSource(quick ? oneOf(QUICK, all) : all, watch.progress)
    const importing = seconds()
    const prepared = await cloud.prepare({ everyone: true, ...watch })
    const whole = seconds()
    // The most that was resident at any time, with what is mapped of the data files, which the kernel could take back.
    const rss = process.resourceUsage().maxRSS / 2 ** 20
    const detail = {
      ...imported,
      samples: prepared.samples,
      withVector: prepared.users,
      mapped: prepared.mapped,
      recall: rounded(prepared.recall),
      seconds: { importing: rounded(importing.wall), ...mapped(prepared.seconds, rounded) },
      cpuSeconds: { importing: rounded(importing.cpu), all: rounded(whole.cpu) },
    }
    return {
      'cloud.globo.minutes': { value: rounded(whole.wall / 60), detail },
      'cloud.globo.rss_gb': {
        value: rounded(rss),
        detail: { users: imported.users, anonymousGbAtEnd: anonymousGb() },
      },
    }
  } finally {
    await cloud.close()
  }
}

/** What is resident and of no file; null where the system does not tell. */
function anonymousGb(): number | null {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : ''
  const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]
  return kilobytes === undefined ? null : rounded(Number(kilobytes) / 2 ** 20)
}

/** The events of every `step`-th user. */
function oneOf(step: number, source: Source): Source {
  return {
    ...source,
    async *users() {
      for await (const some of source.users()) if (Number(some.user) % step === 0) yield some
    },
  }
}

const mapped = <K extends string>(values: Readonly<Record<K, number>>, by: (value: number) => number) =>
  Object.fromEntries(Object.entries<number>(values).map(([name, value]) => [name, by(value)]))
