import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { DAY_MS } from '../../../shared/clock.ts'
import { armNamed } from '../arms.ts'
import { tablesOf } from './findings.ts'
import { portalLog } from './fixtures.ts'
import { armOf, type FreshOutcome, fresh } from './fresh.ts'

const ARMS = ['cloud', 'cloud-hourly', 'local', 'coda', 'coda-random', 'kindred', 'kindred-hourly']
const AMONG = 5

/** A night's training, a day of models by the hour and fourteen devices, on a machine that may have other things to do. */
const PATIENCE_MS = 600_000

describe('a portal of 120 readers, replayed for a day', () => {
  let outcome: FreshOutcome
  let dir = ''

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kindred-fresh-'))
    const path = join(dir, 'clicks.csv')
    await writeFile(path, portalLog({ readers: 120, days: 4 }))
    outcome = await fresh({
      dir: join(dir, 'run'),
      path,
      days: 1,
      readers: 120,
      arms: ARMS,
      users: 2,
      among: AMONG,
      seed: 1,
      threads: 1,
      training: { epochs: 2, threads: 1 },
      progress: () => {},
    })
  }, PATIENCE_MS)
  afterAll(() => rm(dir, { recursive: true }))

  it('judges every arm on clicks of its own users', () => {
    const { rows } = outcome
    const armsOf = new Map<string, Set<string>>()
    for (const { arm, user } of rows) armsOf.set(user, (armsOf.get(user) ?? new Set()).add(arm))
    for (const arms of armsOf.values()) expect(arms.size).toBe(1)
    expect(new Set(rows.map(({ arm }) => arm))).toEqual(new Set(ARMS))
  })

  it('devices that do not train say what the global model says that they were given', () => {
    const said = (arm: string) => outcome.rows.filter((row) => row.arm === arm)
    for (const { read, any } of said('cloud')) expect([read.arm, any.arm]).toEqual([read.cloud, any.cloud])
    for (const { read, any } of said('cloud-hourly'))
      expect([read.arm, any.arm]).toEqual([read.hourly, any.hourly])
    expect(outcome.rows.some(({ any }) => any.cloud.above !== any.hourly.above)).toBe(true)
  })

  it('devices that train rank by models of their own', () => {
    const own = (arm: string) => outcome.rows.some((row) => row.arm === arm && row.own)
    expect(Object.fromEntries(ARMS.map((arm) => [arm, own(arm)]))).toMatchObject({
      cloud: false,
      'cloud-hourly': false,
      coda: true,
      'coda-random': true,
    })
  })

  it('places are among as many as were asked for, and articles of that day are young', () => {
    for (const { read, any, age, day } of outcome.rows) {
      for (const place of [...Object.values(read), ...Object.values(any)])
        expect(place.above + place.tied).toBeLessThanOrEqual(AMONG)
      expect(day).toBe(0)
      expect(age).toBeGreaterThanOrEqual(0)
    }
    expect(outcome.rows.some(({ age }) => age < DAY_MS)).toBe(true)
    expect(outcome.nights).toHaveLength(1)
  })

  it('the tables of a report can be made of it', () => {
    const { arms, ages, days } = tablesOf(outcome.rows)
    expect(arms.map(({ arm }) => arm).toSorted()).toEqual(ARMS.toSorted())
    expect(ages.map(({ arms }) => arms.reduce((sum, { judged }) => sum + judged, 0))).toEqual([
      outcome.rows.filter(({ age }) => age < DAY_MS).length,
      outcome.rows.filter(({ age }) => age >= DAY_MS).length,
    ])
    expect(days.map(({ day }) => day)).toEqual([0])
  })
})

test('an arm may have strangers’ samples, or the model of the hour', () => {
  expect(armOf('coda-random@sigma=0.4')).toEqual({
    ...armNamed('coda@sigma=0.4'),
    name: 'coda-random@sigma=0.4',
    batches: 'strangers',
    model: 'cloud',
  })
  expect(armOf('cloud-hourly')).toEqual({ ...armNamed('cloud'), name: 'cloud-hourly', model: 'hourly' })
  const remembering = armNamed('kindred@evidence.weight=2@ranking.epochs=0@batchesPerDay=96')
  expect(armOf('kindred-hourly')).toEqual({ ...remembering, name: 'kindred-hourly', model: 'hourly' })
})
