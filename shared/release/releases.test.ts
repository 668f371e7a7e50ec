import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketOf } from './bucket.ts'
import { type Change, changeSchema } from './changes.ts'
import {
  type ActiveList,
  activeList,
  apply,
  armOf,
  type Board,
  EMPTY,
  percentAt,
  steadySince,
} from './releases.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 4, 1)
const manifest = (version: number) => version.toString(16).padStart(64, '0')
const ids = Array.from({ length: 2000 }, (_, i) => `device-${i}`)

/** The board after these changes, an hour apart. */
function boardOf(...changes: Change[]): Board {
  return changes.reduce((board, change, i) => apply(board, { n: i + 1, at: START + i * HOUR, change }), EMPTY)
}
const release = (
  version: number,
  percent = 100,
  more: Partial<Extract<Change, { type: 'release' }>> = {},
): Change => ({
  type: 'release',
  task: 'rank',
  version,
  manifest: manifest(version),
  rule: { everyone: true },
  salt: `salt ${version}`,
  stages: [{ at: START, percent }],
  ...more,
})
const experiment = (more: Partial<Extract<Change, { type: 'experiment' }>> = {}): Change => ({
  type: 'experiment',
  task: 'rank',
  rule: { everyone: true },
  seed: 'seed',
  arms: [
    { name: 'control', task: null, percent: 45 },
    { name: 'v2', task: { version: 2, manifest: manifest(2) }, percent: 45 },
  ],
  holdout: 10,
  from: START + 10 * HOUR,
  ...more,
})
const versionsOf = ({ tasks }: ActiveList) => tasks.map(({ task, version }) => `${task} v${version}`)
const has = (board: Board, id: string, hours: number) =>
  versionsOf(activeList(board, { id }, START + hours * HOUR))
const share = (board: Board, hours: number, version: string) =>
  ids.filter((id) => has(board, id, hours).includes(version)).length / ids.length

describe('the active list', () => {
  it('has the newest release that reaches the device, each task once, by name', () => {
    const board = boardOf(
      release(1),
      { ...release(1), task: 'filter' } as Change,
      release(2, 100, { rule: { country: ['DE'] } }),
    )
    expect(versionsOf(activeList(board, { id: 'x', country: 'DE' }, START + 9 * HOUR))).toEqual([
      'filter v1',
      'rank v2',
    ])
    expect(has(board, 'x', 9)).toEqual(['filter v1', 'rank v1'])
  })

  it('goes back to what a device would have, when a release is revoked; for good', () => {
    const board = boardOf(release(1), release(2), { type: 'revoke', release: 2 })
    expect(has(board, 'x', 9)).toEqual(['rank v1'])
    for (const type of ['revoke', 'pause', 'resume'] as const)
      expect(() => apply(board, { n: 4, at: START + 9 * HOUR, change: { type, release: 2 } })).toThrow(
        'Release 2 is revoked.',
      )
  })

  it('is without a killed task, whatever is released, until that is lifted', () => {
    const killed = boardOf(release(1), { type: 'kill', task: 'rank' }, release(2), experiment())
    expect(has(killed, 'x', 20)).toEqual([])
    const change: Change = { type: 'revive', task: 'rank' }
    expect(has(apply(killed, { n: 5, at: START + 9 * HOUR, change }), 'x', 9)).toEqual(['rank v2'])
  })

  it('is the same whatever else has been released of other tasks', () => {
    const change = fc.record({
      version: fc.integer({ min: 1, max: 5 }),
      percent: fc.integer({ min: 0, max: 100 }),
      task: fc.constantFrom('rank', 'filter'),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.nat(1999), (all, n) => {
        const changes = all.map(({ version, percent, task }) => release(version, percent, { task }))
        const [both, alone] = [
          boardOf(...changes),
          boardOf(...changes.filter((one) => 'task' in one && one.task === 'rank')),
        ]
        const rank = (board: Board) => has(board, `device-${n}`, 99).filter((one) => one.startsWith('rank'))
        expect(rank(both)).toEqual(rank(alone))
      }),
      { seed: 1 },
    )
  })
})

describe('stages', () => {
  const staged = release(2, 0, {
    stages: [
      { at: START + 2 * HOUR, percent: 20 },
      { at: START + 6 * HOUR, percent: 60 },
    ],
  })
  it('widen at their moments, and whoever was in stays in', () => {
    const board = boardOf(release(1), staged)
    const [none, some, more] = [1, 3, 7].map((hours) =>
      ids.filter((id) => has(board, id, hours)[0] === 'rank v2'),
    )
    expect(none).toEqual([])
    expect(some!.length / ids.length).toBeCloseTo(0.2, 1)
    expect(more!.length / ids.length).toBeCloseTo(0.6, 1)
    expect(more).toEqual(expect.arrayContaining(some!))
  })

  it('stand still while paused, and come as much later', () => {
    const board = boardOf(staged, release(9, 0, { task: 'other' }), release(8, 0, { task: 'other' }), {
      type: 'pause',
      release: 1,
    })
    expect([2, 4, 20].map((hours) => percentAt(board.releases[0]!, START + hours * HOUR))).toEqual([
      20, 20, 20,
    ])
    const on = apply(board, { n: 5, at: START + 20 * HOUR, change: { type: 'resume', release: 1 } })
    // Paused at hour 3, three hours before the second stage.
    expect([20, 22, 23].map((hours) => percentAt(on.releases[0]!, START + hours * HOUR))).toEqual([
      20, 20, 60,
    ])
  })

  it('are planned anew, but never take it from who has it', () => {
    const board = boardOf(release(1), release(2, 20))
    const plan = (percent: number): Change => ({
      type: 'stages',
      release: 2,
      stages: [{ at: START, percent }],
    })
    const wider = apply(board, { n: 3, at: START + 9 * HOUR, change: plan(50) })
    expect(share(wider, 9, 'rank v2')).toBeCloseTo(0.5, 1)
    expect(() => apply(board, { n: 3, at: START + 9 * HOUR, change: plan(10) })).toThrow(/has 20 % already/)
    expect(() =>
      changeSchema.parse({
        ...staged,
        stages: [
          { at: 1, percent: 9 },
          { at: 2, percent: 8 },
        ],
      }),
    ).toThrow(/must not narrow/)
  })

  it('end by themselves where that is said', () => {
    const board = boardOf(release(1), release(2, 100, { until: START + 5 * HOUR }))
    expect([4, 5].map((hours) => has(board, 'x', hours)[0])).toEqual(['rank v2', 'rank v1'])
  })
})

describe('an experiment', () => {
  it('has each device in one arm at most, by seed and id alone, each arm as large as it says', () => {
    const board = boardOf(release(1), experiment())
    const found = ids.map((id) => activeList(board, { id }, START + 11 * HOUR).arms.map(({ arm }) => arm))
    expect(found.every((arms) => arms.length === 1)).toBe(true)
    const count = (arm: string) => found.filter(([one]) => one === arm).length / ids.length
    expect(count('control')).toBeCloseTo(0.45, 1)
    expect(count('v2')).toBeCloseTo(0.45, 1)
    expect(count('holdout')).toBeCloseTo(0.1, 1)
    for (const [i, id] of ids.entries()) {
      const at = bucketOf(id, 'seed')
      expect(found[i]).toEqual([at < 45 ? 'control' : at < 90 ? 'v2' : 'holdout'])
    }
  })

  it('decides before releases, also newer ones; its control and holdout have what they would have', () => {
    const board = boardOf(release(1), experiment(), release(3, 100, { rule: { country: ['DE'] } }))
    for (const id of ids.slice(0, 300)) {
      const { arm } = activeList(board, { id }, START + 11 * HOUR).arms[0]!
      const device = { id, country: 'DE' }
      expect(versionsOf(activeList(board, device, START + 11 * HOUR))).toEqual([
        arm === 'v2' ? 'rank v2' : 'rank v3',
      ])
    }
  })

  it('begins and ends when it says, or is told to; before and after it there are no arms', () => {
    const board = boardOf(release(1), experiment({ until: START + 20 * HOUR }))
    const arms = (at: Board, hours: number) => activeList(at, { id: 'x' }, START + hours * HOUR).arms.length
    expect([9, 10, 19, 20].map((hours) => arms(board, hours))).toEqual([0, 1, 1, 0])
    const ended = apply(board, { n: 3, at: START + 12 * HOUR, change: { type: 'end', experiment: 2 } })
    expect([11, 12].map((hours) => arms(ended, hours))).toEqual([1, 0])
    expect(share(ended, 13, 'rank v2')).toBe(0)
  })

  it('is alone on its task, has no more than all, and begins when it is written at the earliest', () => {
    const board = boardOf(release(1), experiment({ until: START + 20 * HOUR }))
    const also = (change: Change) => () => apply(board, { n: 3, at: START + 11 * HOUR, change })
    expect(also(experiment({ from: START + 19 * HOUR }))).toThrow('Experiment 2 on rank is not over by then.')
    expect(also(experiment({ from: START + 20 * HOUR, seed: 'other' }))).not.toThrow()
    expect(also(experiment({ task: 'filter', from: START + 11 * HOUR }))).not.toThrow()
    const late = also(experiment({ task: 'filter', from: START }))()
    expect(late.experiments.at(-1)!.from).toBe(START + 11 * HOUR)
    expect(also(experiment({ task: 'filter', from: START + 11 * HOUR, holdout: 11 }))).toThrow(
      /more than all/,
    )
  })

  it('has a holdout if nobody says otherwise, which nobody else may be called', () => {
    const { holdout, ...rest } = experiment() as Extract<Change, { type: 'experiment' }>
    expect(changeSchema.parse(rest)).toMatchObject({ holdout: 10 })
    const arms = [{ name: 'holdout', task: null, percent: 5 }]
    expect(() => changeSchema.parse({ ...rest, arms })).toThrow(/not yours to name/)
  })

  it('has nobody in it whom its rule does not hit', () => {
    const [only] = boardOf(experiment({ rule: { country: ['DE'] } })).experiments
    expect(armOf(only!, { id: 'x' })).toBeUndefined()
    expect(armOf(only!, { id: 'x', country: 'DE' })).toBeDefined()
  })
})

describe('the moment since which all has been as it is', () => {
  it('never goes back as time goes on and entries come, and the list never changes without it', () => {
    const step = fc.record({
      hours: fc.integer({ min: 0, max: 6 }),
      change: fc.option(
        fc.oneof(
          fc.integer({ min: 1, max: 3 }).map((version) => ({ version, percents: [30, 70] })),
          fc.constantFrom<'pause' | 'resume' | 'revoke'>('pause', 'resume', 'revoke'),
        ),
      ),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let board = EMPTY
        let now = START
        let before = { since: 0, list: JSON.stringify(activeList(board, { id: 'x' }, now)) }
        for (const { hours, change } of steps) {
          now += hours * HOUR
          const at = Math.max(now, board.at + 1)
          const made: Change | undefined =
            change === null
              ? undefined
              : typeof change === 'string'
                ? { type: change, release: 1 }
                : (release(change.version, 0, {
                    stages: change.percents.map((percent, i) => ({ at: at + i * 4 * HOUR, percent })),
                  }) as Change)
          try {
            if (made) board = apply(board, { n: board.entries + 1, at, change: made })
          } catch {
            // There is nothing to pause, or it stands still already.
          }
          now = Math.max(now, board.at)
          const found = {
            since: steadySince(board, now),
            list: JSON.stringify(activeList(board, { id: 'x' }, now)),
          }
          expect(found.since).toBeGreaterThanOrEqual(before.since)
          expect(found.since).toBeLessThanOrEqual(now)
          if (found.since === before.since) expect(found.list).toBe(before.list)
          before = found
        }
      }),
      { seed: 6, numRuns: 300 },
    )
  })
})
