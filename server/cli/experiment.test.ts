import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const bin = resolve(import.meta.dirname, '../bin.js')
const folder = mkdtempSync(join(tmpdir(), 'experiment-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}
const experiment = (...args: string[]): Promise<Ended> => under([], ...args)

/** Under flags of the engine that runs all of it. */
function under(flags: readonly string[], ...args: string[]): Promise<Ended> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [...flags, bin, 'experiment', ...args], (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

/** Without what a clock has told, and in one order. */
const rowsIn = (dir: string): unknown[] =>
  readFileSync(join(dir, 'results.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), ms: 0, roundMs: 0 }))
    .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))

describe('kindred experiment ctr', { timeout: 240_000 }, () => {
  const keep = join(folder, 'run')
  const few = [
    '--data',
    'demo',
    '--population',
    '40',
    '--users',
    '4',
    '--seeds',
    '1',
    '--group',
    'validation',
  ]
  const command = ['ctr', ...few, '--arms', 'coda', '--keep', keep, '--json']

  it('prints its figures, one object a line, and writes the report; done again, it does nothing again', async () => {
    const report = join(folder, 'report')
    const first = await experiment(...command, '--report', report)
    expect(first.stderr).toMatch(/^cloud +4 /m)
    expect(first.code).toBe(0)
    const lines = first.stdout.trim().split('\n')
    const metrics = lines.map((line) => JSON.parse(line) as { metric: string; value: number | null })
    expect(metrics.map(({ metric }) => metric)).toEqual([
      'ctr.coda_vs_cloud_pct',
      'ctr.coda_vs_local_pct',
      'ctr.kindred_vs_cloud_pct',
      'ctr.kindred_vs_best_pct',
      'ctr.kindred_worse_share',
      'ctr.minutes',
    ])
    expect(metrics[0]!.value).toEqual(expect.any(Number))
    expect(metrics[1]!.value).toBeNull()
    expect(readFileSync(join(report, 'index.html'), 'utf8')).toContain('kindred experiment ctr')
    const rows = readFileSync(join(keep, 'results.jsonl'), 'utf8')
    expect(rows.trim().split('\n')).toHaveLength(8)

    const again = await experiment(...command)
    expect(JSON.parse(again.stdout.split('\n')[0]!)).toEqual(metrics[0])
    expect(readFileSync(join(keep, 'results.jsonl'), 'utf8')).toBe(rows)
  })

  it('finds the very same by another compiler, on a processor that can do less, in another order', async () => {
    const other = join(folder, 'other')
    const flags = ['--liftoff-only', '--no-enable-avx']
    const { code } = await under(flags, ...command, '--keep', other, '--threads', '3')
    expect(code).toBe(0)
    expect(rowsIn(other)).toEqual(rowsIn(keep))
  })

  it.each([
    ['an arm that there is not', ['ctr', ...few, '--arms', 'coder'], /no arm “coder”/],
    ['a source that there is not', ['ctr', '--data', 'movies:here'], /no source movies/],
  ])('refuses %s in a sentence', async (_, args, why) => {
    const { code, stderr } = await experiment(...args)
    expect(code).toBe(1)
    expect(stderr).toMatch(why)
  })
})
