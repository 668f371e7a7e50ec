/** Folders of tasks, tried on someone of a population of thirty. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { draft } from '../../../shared/tasks/fixtures.ts'
import { RANKING, type TaskDraft } from '../../../shared/tasks/manifest.ts'
import { browsing, DAY, HOUR, NOON, type ToyCloud, toyCloud, toySource } from '../../cloud/toy.ts'
import { scriptIn } from '../../tasks/bundle.ts'
import { type Folder, type Ran, runFolder } from './run.ts'
import { type Someone, someoneOf } from './someone.ts'
import { linesOf, outcomeOf } from './tell.ts'

const EXAMPLE = join(import.meta.dirname, '../../../docs/examples/lean')
const shipped = (name: string) => join(import.meta.dirname, '../../../dist/tasks', name)

let toy: ToyCloud
let someone: Someone
beforeAll(async () => {
  toy = await toyCloud()
  // Everybody was there five days ago, and one of them again today.
  await toy.cloud.importSource(toySource({ exposures: 120, from: NOON - 5 * DAY }))
  await toy.cloud.ingest(4, browsing('4', 1, { from: NOON - 5 * HOUR, count: 60, seed: 99 }))
  await toy.cloud.prepare({ everyone: true })
  await toy.cloud.train({ epochs: 2, threads: 1 })
})
afterAll(() => toy.done())
beforeEach(async () => {
  someone = await someoneOf(toy.cloud, 4)
})

const written = async (folder: string): Promise<Folder> => ({
  draft: Uint8Array.from(readFileSync(join(folder, 'task.json'))),
  script: new TextEncoder().encode(await scriptIn(folder)),
})
const made = (script: string, changes: Partial<TaskDraft> = {}): Folder => ({
  draft: new TextEncoder().encode(JSON.stringify(draft({ schema: undefined, ...changes }))),
  script: new TextEncoder().encode(script),
})
async function runs(folder: Folder, ...triggers: string[]): Promise<Ran[]> {
  const all: Ran[] = []
  for await (const ran of runFolder(someone, folder, { seed: 1, triggers })) all.push(ran)
  return all
}
const told = (ran: Ran) => linesOf(outcomeOf(ran, someone.data.catalogue)).join('\n')

describe('the worked example', () => {
  test('learns from the user’s own samples, and what it learnt is in the next order', async () => {
    const [learns, ranks] = await runs(await written(EXAMPLE), 'samples', 'call:rank')
    expect(learns!.effects.result).toMatchObject({ learnt: true })
    const { before, after } = learns!.effects.reports[0]!.values
    expect(after).toBeLessThan(before!)
    const lean = learns!.effects.models.lean!.lean!.data

    const { batch, scores } = ranks!.job.samples.candidates!
    const by = (row: number) =>
      lean.reduce((sum, number, i) => sum + number * batch.dense[row * lean.length + i]!, 0)
    const due = Array.from(scores!, (chance, row) => 1 / (1 + Math.exp(-by(row)) * (1 / chance - 1)))
    expect(ranks!.effects.ranked).toHaveLength(due.length)
    ranks!.effects.ranked!.forEach((score, row) => void expect(score).toBeCloseTo(due[row]!, 5))
    expect(told(learns!)).toMatch(/wrote +lean: \d+ numbers, \d+ bytes, new\n +reports +lean: before 0/)
  })

  test('before it has learnt anything, the order is that of the scores', async () => {
    const [ran] = await runs(await written(EXAMPLE), 'call:rank')
    expect(ran!.effects.ranked).toEqual(ran!.job.samples.candidates!.scores)
    expect(told(ran!)).toContain('10 of the first ten are among the first ten')
  })
})

test('the tasks that ship with Kindred do here what they do on devices', async () => {
  const [filtered] = await runs(await written(shipped('filter')))
  const { used, scores } = filtered!.effects
  const matched = filtered!.job.samples.matched!.ids
  expect([...used, ...scores.map(({ id }) => id)].sort()).toEqual([...matched].sort())
  const kept = scores.filter(({ keep }) => keep).length
  const [trained] = await runs(await written(shipped('train')))
  expect(trained!.job.samples.filtered!.ids).toHaveLength(kept)
  expect(trained!.effects.result).toMatchObject({ trained: true })
})

test('what is written of a model is told next to what was there', async () => {
  const script = `export async function run({ models }) {
    const { 'out.b': bias, ...others } = await models.read('data/ranking')
    await models.write('data/ranking', { ...others, 'out.b': { shape: [1], data: Float32Array.of(2 * bias.data[0]) } })
  }`
  const [ran] = await runs(made(script, { models: { reads: [], writes: [RANKING] } }))
  const [model] = outcomeOf(ran!, someone.data.catalogue).models
  expect(model).toMatchObject({ name: RANKING, most: [{ tensor: 'out.b', change: 1 }] })
  expect(model!.change).toBeLessThan(0.5)
})

describe('a script that does what it may not', () => {
  test.each([
    ['asks the network', "await fetch('https://example.org')", /fetch is not defined .*line 2/],
    [
      'reads what it did not declare',
      "await samples.read('candidates')",
      /does not say that it reads.*line 2/,
    ],
    [
      'writes another’s model',
      "await models.write('data/ranking', {})",
      /does not say that it writes.*line 2/,
    ],
  ])('and %s is refused, with the line', async (_, line, message) => {
    const folder = made(`export async function run({ samples, models }) {\n  ${line}\n}`, { samples: [] })
    await expect(runs(folder)).rejects.toThrow(message)
  })

  test('and never ends is ended', async () => {
    const folder = made('export function run() { for (;;); }', { budget: { ...draft().budget, ms: 50 } })
    await expect(runs(folder)).rejects.toMatchObject({ code: 'cancelled' })
  })

  test('and is no task is told before anything runs', async () => {
    await expect(runs(made("import 'fs'\nexport const run = () => {}"))).rejects.toThrow(/line 1/)
    await expect(runs(made('export const run = () => {}'), 'batch-of-nothing')).rejects.toThrow(
      /is not run by/,
    )
  })
})

test('a user of whom nothing is known is nobody', async () => {
  await expect(someoneOf(toy.cloud, 4711)).rejects.toMatchObject({ code: 'bad-input' })
})
