import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auc, logLoss } from '../../shared/metrics.ts'
import { demo } from '../sources/demo.ts'
import { movielens } from '../sources/movielens.ts'
import type { Source } from '../sources/source.ts'
import { openStore } from '../store/lmdb.ts'
import { type CtrOptions, type CtrOutcome, ctr, NOW } from './ctr.ts'
import type { Row } from './results.ts'
import { splitInTime } from './split.ts'
import { FOLDER, there } from './testing.ts'

const clock = { now: () => NOW }
const parent = mkdtempSync(join(tmpdir(), 'ctr-'))
afterAll(() => rmSync(parent, { recursive: true }))

const ARMS = ['cloud', 'local', 'coda']
const run = (changes: Pick<CtrOptions, 'dir' | 'source'> & Partial<CtrOptions>): Promise<CtrOutcome> =>
  ctr({
    group: 'validation',
    users: 50,
    arms: ARMS,
    seeds: [1],
    threads: 2,
    training: { epochs: 2, factors: 4 },
    progress: () => {},
    ...changes,
  })

/** A row without what a clock has told. */
const timeless = ({ ms, roundMs, ...row }: Row) => row
const byName = (rows: readonly Row[]) =>
  rows.map(timeless).sort((a, b) => `${a.user} ${a.arm}`.localeCompare(`${b.user} ${b.arm}`))

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function figures(rows: readonly Row[]) {
  return Object.fromEntries(
    ARMS.map((arm) => {
      const own = rows.filter((row) => row.arm === arm)
      const aucs = own.flatMap(({ scores, labels }) => auc(scores, labels) ?? [])
      return [
        arm,
        {
          auc: mean(aucs),
          logLoss: mean(own.map(({ scores, labels }) => logLoss(scores, labels))),
          trained: mean(own.map(({ trained }) => (trained ? 1 : 0))),
          filtered: mean(own.map(({ filtered }) => filtered)),
        },
      ]
    }),
  )
}

/** Stored figures of an earlier run: another machine's may differ in the last bits, which a gate now and then turns on. */
function close(found: ReturnType<typeof figures>, stored: ReturnType<typeof figures>): void {
  for (const arm of ARMS) {
    expect(Math.abs(found[arm]!.auc - stored[arm]!.auc), `AUC of ${arm}`).toBeLessThan(0.01)
    expect(Math.abs(found[arm]!.logLoss - stored[arm]!.logLoss), `log-loss of ${arm}`).toBeLessThan(0.01)
    expect(Math.abs(found[arm]!.trained - stored[arm]!.trained), `trained by ${arm}`).toBeLessThan(0.05)
    expect(Math.abs(found[arm]!.filtered - stored[arm]!.filtered), `kept by ${arm}`).toBeLessThan(5)
  }
}

const POPULATION = 120
const people = () => demo(undefined, { clock, users: POPULATION })

/** The same pasts, and everybody's future another: other items, and the other label. */
async function withAnotherFuture(): Promise<Source> {
  const source = await people()
  const { lives } = splitInTime(source, { now: NOW })
  const items = source.catalogue.items.map(({ key }) => key)
  const other = (item: string) => items[(items.indexOf(item) + 1) % items.length]!
  return {
    ...source,
    async *users() {
      for await (const { user, past, future } of lives()) {
        const clicked = new Set(future.flatMap((event) => (event.type === 'click' ? [event.exposure] : [])))
        const events = future.flatMap((event) => {
          if (event.type !== 'exposure') return []
          const item = other(event.item)
          const click = { ...event, type: 'click' as const, item, exposure: event.id, id: nextId(event.id) }
          return clicked.has(event.id) ? [{ ...event, item }] : [{ ...event, item }, click]
        })
        yield { user, events: [...past, ...events] }
      }
    },
  }
}

/** The id that sorts right behind. */
const nextId = (id: string) => `${id.slice(0, -1)}${(Number.parseInt(id.slice(-1), 16) + 1).toString(16)}`

describe('on the demo', () => {
  const dir = join(parent, 'demo')
  let outcome: CtrOutcome
  beforeAll(async () => {
    outcome = await run({ dir, source: await people() })
  }, 600_000)

  it('fifty users come to what they came to before', () => {
    expect(outcome.rows).toHaveLength(50 * ARMS.length)
    close(figures(outcome.rows), {
      cloud: { auc: 0.7021, logLoss: 0.5452, trained: 0, filtered: 0 },
      local: { auc: 0.6992, logLoss: 0.556, trained: 0.82, filtered: 0 },
      coda: { auc: 0.694, logLoss: 0.5604, trained: 0.92, filtered: 116.7 },
    })
  })

  it('all arms judge the same samples, and those without a model of their own say what the cloud says', () => {
    const cloud = new Map(outcome.rows.filter(({ arm }) => arm === 'cloud').map((row) => [row.user, row]))
    for (const row of outcome.rows) {
      expect(row.labels).toEqual(cloud.get(row.user)!.labels)
      if (row.trained) expect(row.m).not.toBe(cloud.get(row.user)!.m)
      else expect(row.scores).toEqual(cloud.get(row.user)!.scores)
    }
  })

  it('killed anywhere, it goes on where it was, with other threads, and ends with the same rows', async () => {
    const path = join(dir, 'results.jsonl')
    const length = readFileSync(path).length
    truncateSync(path, Math.floor(0.9 * length))
    const stop = new AbortController()
    const stopped = run({
      dir,
      source: await people(),
      signal: stop.signal,
      progress: ({ stage, done }) => stage.startsWith('Users') && done === 3 && stop.abort(),
    })
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' })
    const again = await run({ dir, source: await people(), threads: 1 })
    expect(byName(again.rows)).toEqual(byName(outcome.rows))
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(outcome.rows.length + 1)
  }, 600_000)

  it('another future changes no model, no vector, no classifier and no device: only what is judged', async () => {
    const elsewhere = join(parent, 'future')
    const users = 8
    const other = await run({ dir: elsewhere, source: await withAnotherFuture(), users })
    const names = new Set(other.rows.map(({ user }) => user))
    const before = byName(outcome.rows.filter(({ user }) => names.has(user)))
    const what = ({ arm, user, m, trained, rounds, down, filtered }: (typeof before)[number]) => ({
      arm,
      user,
      m,
      trained,
      rounds,
      down,
      filtered,
    })
    expect(byName(other.rows).map(what)).toEqual(before.map(what))
    expect(byName(other.rows).map(({ labels }) => labels.map((label) => 1 - label))).toEqual(
      before.map(({ labels }) => labels),
    )
    const manifestIn = (folder: string) =>
      JSON.parse(readFileSync(join(folder, 'models', 'seed-1.json'), 'utf8')).manifest
    expect(manifestIn(elsewhere)).toEqual(manifestIn(dir))
    expect(await vectorsIn(elsewhere)).toEqual(await vectorsIn(dir))
  }, 600_000)

  it('a folder of another experiment is refused', async () => {
    await expect(run({ dir, source: await people(), population: 60 })).rejects.toThrow(/another experiment/)
  })
})

/** What user vectors are made of, by user. */
async function vectorsIn(folder: string): Promise<unknown[]> {
  const store = openStore(join(folder, 'cloud-100', 'store'))
  try {
    return await Promise.all(Array.from({ length: POPULATION }, (_, user) => store.profiles.of(user)))
  } finally {
    await store.close()
  }
}

describe.skipIf(!there)('on MovieLens-1M (skipped where ../shared/data/ml-1m is absent)', () => {
  it('fifty users come to what they came to before', async () => {
    const source = await movielens(FOLDER, { clock })
    const { rows } = await run({ dir: join(parent, 'movielens'), source, population: 90 })
    close(figures(rows), {
      cloud: { auc: 0.5763, logLoss: 0.6674, trained: 0, filtered: 0 },
      local: { auc: 0.5593, logLoss: 0.7501, trained: 0.44, filtered: 0 },
      coda: { auc: 0.5605, logLoss: 0.7041, trained: 0.7, filtered: 84.5 },
    })
  }, 600_000)
})
