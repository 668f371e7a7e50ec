import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256 } from '../../../shared/hash.ts'
import { seeded } from '../../../shared/random.ts'
import { sequences } from '../../sources/sequences.ts'
import { NOW } from '../ctr.ts'
import { hitRate } from '../statistics/ranking.ts'
import { type LooOptions, type LooOutcome, loo } from './loo.ts'
import type { LooRow } from './results.ts'

const [RINGS, ROUND, USERS, CLICKS] = [4, 15, 40, 14]
const parent = mkdtempSync(join(tmpdir(), 'loo-'))
afterAll(() => rmSync(parent, { recursive: true }))

/**
 * Everybody goes round one of four rings of fifteen items, now and then passing one by; the first user has all items. `turn`
 * moves each one's last two clicks on by so much.
 */
function fileOf(name: string, turn = 0): string {
  const random = seeded(5)
  const lives = Array.from({ length: USERS }, () => {
    const ring = random.below(RINGS)
    let at = random.below(ROUND)
    const own = Array.from({ length: CLICKS }, () => {
      at += random.next() < 0.9 ? 1 : 2
      return 1 + ring * ROUND + (at % ROUND)
    })
    const moved = (item: number) => 1 + ((item - 1 + turn) % (RINGS * ROUND))
    return [...new Set(own.slice(0, -2)), ...own.slice(-2).map(moved)]
  })
  const all = Array.from({ length: RINGS * ROUND }, (_, i) => 1 + i)
  const lines = [all, ...lives].flatMap((own, user) => own.map((item) => `${user + 1} ${item}\n`))
  const path = join(parent, `${name}.txt`)
  writeFileSync(path, lines.join(''))
  return path
}

const run = async (name: string, changes: Partial<LooOptions> = {}, turn = 0): Promise<LooOutcome> =>
  loo({
    dir: join(parent, name),
    source: await sequences(fileOf(name, turn), { clock: { now: () => NOW } }),
    users: Number.POSITIVE_INFINITY,
    judge: 'test',
    arms: ['cloud'],
    seeds: [1],
    threads: 1,
    training: { epochs: 3, factors: 0, batchSize: 32 },
    progress: () => {},
    ...changes,
  })

/** A row without what a clock has told. */
const timeless = ({ ms, ...row }: LooRow) => row
const hr5 = (rows: readonly LooRow[]) =>
  rows.reduce((sum, { uniform }) => sum + hitRate(uniform, 5), 0) / rows.length

/** Two clouds and some devices, on a machine that may have other things to do. */
const PATIENCE_MS = 240_000
let outcome: LooOutcome
beforeAll(async () => {
  outcome = await run('rings')
}, PATIENCE_MS)

test('a model of the rings knows what comes next, far better than chance; negatives are published as they were drawn', async () => {
  const { rows, negatives } = outcome
  expect(rows).toHaveLength(USERS + 1)
  const [first, ...others] = rows
  // The first user has everything: nothing is left to be ranked among.
  expect(first).toMatchObject({ user: '1', uniform: { above: 0, tied: 0 }, full: { above: 0, tied: 0 } })
  expect(hr5(others)).toBeGreaterThan(0.6)
  for (const { uniform, full } of others) expect(uniform).toEqual(full)

  const published = gunzipSync(readFileSync(join(parent, 'rings', 'test-uniform.txt.gz'))).toString()
  expect(await sha256(new TextEncoder().encode(published))).toBe(negatives.uniform)
  const lines = published.trimEnd().split('\n')
  expect(lines).toHaveLength(rows.length)
  const text = readFileSync(join(parent, 'rings.txt'), 'utf8').trimEnd().split('\n')
  for (const line of lines) {
    const [user, item, ...negatives] = line.split(' ')
    const own = text.filter((line) => line.startsWith(`${user} `)).map((line) => line.split(' ')[1])
    expect(item).toBe(own.at(-1))
    expect(negatives.filter((item) => own.includes(item))).toEqual([])
    expect(negatives).toHaveLength(RINGS * ROUND - new Set(own).size)
  }
})

test(
  'cut off, it goes on where it was and finds the same; devices judge what the cloud judges',
  async () => {
    const devices = { arms: ['cloud', 'local-pull'], users: 4 }
    const before = await run('rings', devices)
    expect(before.rows.filter(({ arm }) => arm === 'local-pull')).toHaveLength(4)
    expect(before.rows.some(({ arm, trained }) => arm === 'local-pull' && trained)).toBe(true)
    const results = join(parent, 'rings', 'test.jsonl')
    truncateSync(results, Math.floor(0.95 * readFileSync(results).length))
    const after = await run('rings', devices)
    const byName = (rows: readonly LooRow[]) =>
      rows.map(timeless).sort((a, b) => `${a.user} ${a.arm}`.localeCompare(`${b.user} ${b.arm}`))
    expect(byName(after.rows)).toEqual(byName(before.rows))
  },
  PATIENCE_MS,
)

test(
  'what the last two clicks are changes nothing of what is learnt',
  async () => {
    const modelOf = (name: string) =>
      JSON.parse(readFileSync(join(parent, name, 'models', 'seed-1.json'), 'utf8')).manifest.model.sha256
    await run('turned', { users: 1 }, 7)
    expect(modelOf('turned')).toBe(modelOf('rings'))
  },
  PATIENCE_MS,
)
