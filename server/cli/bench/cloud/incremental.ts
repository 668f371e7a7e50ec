/** What the day after costs, when one user of twenty was there, beside doing it all anew. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { v7 } from 'uuid'
import { DAY_MS, systemClock } from '../../../../shared/clock.ts'
import type { KindredEvent } from '../../../../shared/event.ts'
import { type Random, seeded } from '../../../../shared/random.ts'
import { rounded } from '../../../../worker/bench/measure.ts'
import { openCloud } from '../../../cloud/cloud.ts'
import { needPopulation } from '../../../cloud/population.ts'
import { PREPARED, type Prepared } from '../../../cloud/prepare.ts'
import { openStore } from '../../../store/lmdb.ts'
import { type CloudBench, type Findings, filled } from './part.ts'

/** One of so many users was there … */
const CHANGED = 20
/** … and was shown this much, of which every fifth thing was clicked. */
const SHOWN = 10
const CLICKED = 5

export async function incremental(bench: CloudBench): Promise<Findings> {
  const { progress, dir, scratch } = bench
  const { source } = await filled(bench)
  const copy = join(scratch('incremental'), 'data')
  cpSync(dir, copy, { recursive: true })
  const { items, users } = await unprepared(copy)
  let days = 1
  const clock = { now: () => systemClock.now() + days * DAY_MS }
  const cloud = await openCloud({ dataDir: copy, clock })
  try {
    const watch = {
      progress: ({ stage, done, total }: { stage: string; done: number; total: number }) =>
        progress(stage, done, total),
    }
    const full = await cloud.prepare({ everyone: true, ...watch })
    days = 2
    const changed = users.filter((_, i) => i % CHANGED === 0)
    const random = seeded(1)
    for (const user of changed) await cloud.ingest(user, sitting(items, clock.now() - DAY_MS / 2, random))
    const after = await cloud.prepare({ everyone: true, ...watch })
    const detail = {
      source,
      users: full.users,
      changed: changed.length,
      full: { mapped: full.mapped, seconds: full.seconds },
      after: { samples: after.samples, mapped: after.mapped, recall: after.recall, seconds: after.seconds },
    }
    return {
      'cloud.incremental_fraction': { value: rounded(total(after) / total(full)), detail },
    }
  } finally {
    await cloud.close()
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Takes the index and the note of the day out of a data folder, so that all is matched anew; its samples stay. */
async function unprepared(dir: string): Promise<{ items: string[]; users: number[] }> {
  rmSync(join(dir, 'index'), { recursive: true, force: true })
  const store = openStore(join(dir, 'store'))
  try {
    await store.meta.remove(PREPARED)
    const { catalogue } = await needPopulation(store)
    const users: number[] = []
    for await (const { user } of store.profiles.all()) users.push(user)
    return { items: catalogue.items.map(({ key }) => key), users }
  } finally {
    await store.close()
  }
}

function sitting(items: readonly string[], from: number, random: Random): KindredEvent[] {
  return Array.from({ length: SHOWN }, (_, i): KindredEvent[] => {
    const at = from + i * 60_000
    const shown = {
      type: 'exposure',
      id: v7({ msecs: at }),
      at,
      item: items[random.below(items.length)]!,
    } as const
    if (i % CLICKED > 0) return [shown]
    const then = at + 5000
    return [shown, { type: 'click', id: v7({ msecs: then }), at: then, item: shown.item, exposure: shown.id }]
  }).flat()
}

/** The samples of the first one are made already: what is compared is no more than the matching. */
const total = ({ seconds }: Prepared): number => Object.values(seconds).reduce((sum, part) => sum + part, 0)
