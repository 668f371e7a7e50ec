/** The tasks that ship with Kindred, as `npm run build:tasks` makes them: what any author could submit. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { readDraft } from '../../shared/tasks/manifest.ts'
import { checkScript } from './script.ts'

const TASKS = new URL('../../dist/tasks/', import.meta.url)
const build = (cwd: string) =>
  execFileSync(process.execPath, [fileURLToPath(new URL('../../worker/tasks/build.js', import.meta.url))], {
    cwd,
  })
const read = (name: string, file: string) => readFileSync(new URL(`${name}/${file}`, TASKS))

beforeAll(() => build(process.cwd()))

test('are filter, rank and train', () => {
  expect(readdirSync(TASKS).sort()).toEqual(['filter', 'rank', 'train'])
})

describe.each(['filter', 'rank', 'train'])('%s', (name) => {
  test('is a draft by its name, and one module with one entry, small and without schemas', async () => {
    expect(readDraft(read(name, 'task.json')).name).toBe(name)
    const script = read(name, 'script.js')
    await checkScript(script)
    expect(script.length).toBeLessThan(32 << 10)
    expect(script.toString()).not.toContain('zod')
  })

  test('is the same, to the byte, wherever it is made', () => {
    const before = read(name, 'script.js')
    build(tmpdir())
    expect(read(name, 'script.js').equals(before)).toBe(true)
  })
})
