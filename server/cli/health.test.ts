import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { draft } from '../../shared/tasks/fixtures.ts'
import type { RunReport } from '../../shared/tasks/report.ts'
import { openCloud } from '../cloud/cloud.ts'
import { type ToyCloud, toyCloud } from '../cloud/toy.ts'
import { healthCommand } from './health.ts'

const by = { who: 'Ada', why: 'to see it work' }
const teller = { id: 'phone', mayReport: () => true, mayName: () => true }
const run: RunReport = {
  type: 'run',
  task: 'rank',
  version: 1,
  trigger: 'day',
  outcome: 'done',
  engine: 'plain',
  ms: 1000,
}

describe('kindred health', () => {
  let toy: ToyCloud
  let out: string
  beforeEach(async () => {
    out = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += text
      return true
    })
    vi.spyOn(console, 'log').mockImplementation((text) => {
      out += `${text}\n`
    })
    toy = await toyCloud()
    await toy.cloud.close()
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await toy.done()
  })

  async function kindred(...args: string[]): Promise<string> {
    out = ''
    const program = new Command('kindred').exitOverride()
    healthCommand(program)
    await program.parseAsync(['health', ...args, '--data', toy.dir], { from: 'user' })
    return out
  }

  it('tells what versions did, where they failed, and which fails more often than before', async () => {
    expect(await kindred('--days', '3')).toBe('No device has told of a run in these 3 days.\n')
    const cloud = await openCloud({ dataDir: toy.dir })
    const tasks = await cloud.tasks()
    for (const script of ['export const run = () => 1', 'export const run = () => 2'])
      await tasks.submit(draft(), { script: new TextEncoder().encode(script) }, by)
    const runs = (version: number, failed: number, all: number) =>
      Array.from(
        { length: all },
        (_, i): RunReport => ({
          ...run,
          version,
          ...(i < failed && { outcome: 'failed', failure: 'engine', engine: 'fused-webgpu' }),
        }),
      )
    const loss = (value: number) =>
      ({ type: 'values', task: 'rank', version: 2, name: 'training', values: { loss: value } }) as const
    const reports = [...runs(1, 48, 80), ...runs(2, 56, 70), loss(0.5), loss(0.7)]
    await cloud.health.take({ id: '00000000-0000-4000-8000-000000000001', reports }, teller)
    await cloud.close()
    expect((await kindred()).split('\n')).toEqual([
      // 32 and 14 runs of a second, told to within five percent of it.
      expect.stringMatching(
        /^rank v1 {2}80 runs {2}60 % failed \(engine 48\) {2}median (9[5-9]\d|10[0-4]\d|1,0[0-4]\d) ms, 95 % within /,
      ),
      '  failed by engine: fused-webgpu 48 of 48',
      '  failed by platform: unknown 48 of 80',
      '  failed by trigger: day 48 of 80',
      expect.stringMatching(/^rank v2 {2}70 runs {2}80 % failed \(engine 56\)/),
      '  failed by engine: fused-webgpu 56 of 56',
      '  failed by platform: unknown 56 of 70',
      '  failed by trigger: day 56 of 70',
      '  training loss: 0.6 ± 0.141, from 0.5 to 0.7, told 2 times',
      // Newcombe 1998, table II: 56 of 70 against 48 of 80 is 0.0524 to 0.3339.
      'rank v2 fails more often than v1: 80 % against 60 %, 20 points more [5.24, 33.4].',
      '',
    ])
    const lines = (await kindred('--json', '--task', 'rank')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { version: 1, runs: 80 },
      { version: 2, runs: 70 },
      { alarm: { version: 2, against: 1 } },
    ])
    expect(await kindred('--task', 'train')).toMatch(/^No device/)
  })
})
