import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createReleases } from '../torture/server.ts'
import { torture as run } from '../torture/torture.ts'

const bin = resolve(import.meta.dirname, '../bin.js')

function torture(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [bin, 'torture', ...args], (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

const metrics = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { metric: string; value: number; detail: Record<string, unknown> })

describe('kindred torture', { timeout: 120_000 }, () => {
  it('tells how many runs there were, what struck, and what did not hold', async () => {
    const { code, stdout } = await torture('--seeds', '4', '--threads', '2', '--json')
    const [seeds, faults, violations, ...others] = metrics(stdout)
    expect(code).toBe(0)
    expect(seeds).toMatchObject({ metric: 'torture.seeds', value: 4 })
    expect(seeds!.detail).toMatchObject({ simulatedHoursPerSecond: expect.any(Number) })
    expect(faults!.metric).toBe('torture.faults')
    expect(faults!.value).toBe(Object.values(faults!.detail).reduce<number>((sum, n) => sum + Number(n), 0))
    expect(violations).toMatchObject({ metric: 'torture.violations', value: 0 })
    expect(others).toEqual([])
  })

  it('shows one seed step by step, the same in every process', async () => {
    const { stdout } = await torture('--seed', '3', '--trace')
    const lines: string[] = []
    await run({ seed: 3, releases: await createReleases(), watch: (line) => lines.push(line) })
    expect(lines.length).toBeGreaterThan(100)
    expect(stdout.split('\n').slice(0, lines.length)).toEqual(lines)
  })
})
