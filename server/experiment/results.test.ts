import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openResults, readRows } from './results.ts'
import { rowOf } from './statistics/kit.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'results-'))
  path = join(folder, 'results.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true }))

const row = (user: string) => rowOf({ user, labels: [1, 0, 1], scores: [0.1, 0.2, 1 / 3].map(Math.fround) })

it('gives back every row as it was, scores to the last bit of a float32', () => {
  const results = openResults(path)
  results.append(row('ann'))
  results.append(row('bob'))
  expect(readRows(path)).toEqual([row('ann'), row('bob')])
  const again = openResults(path)
  expect(again.rows).toEqual(results.rows)
  expect(again.has('cloud', 1, 'bob')).toBe(true)
  expect(again.has('cloud', 2, 'bob')).toBe(false)
  expect(() => again.append(row('bob'))).toThrow(TypeError)
})

it('cut anywhere, has the rows that were whole, and goes on behind them', () => {
  const whole = openResults(path)
  for (const user of ['ann', 'bob', 'cleo']) whole.append(row(user))
  const text = readFileSync(path, 'utf8')
  for (const length of [text.length - 1, text.length - 5, 40, 1, 0]) {
    truncateSync(path, 0)
    appendFileSync(path, text.slice(0, length))
    const results = openResults(path)
    expect(results.rows.length).toBe(text.slice(0, length).split('\n').length - 1)
    for (const user of ['ann', 'bob', 'cleo']) if (!results.has('cloud', 1, user)) results.append(row(user))
    expect(readFileSync(path, 'utf8')).toBe(text)
  }
})

it('names the line that is no row', () => {
  openResults(path).append(row('ann'))
  appendFileSync(path, '{"arm":"coda"}\n')
  expect(() => readRows(path)).toThrow(/results\.jsonl:2/)
})
