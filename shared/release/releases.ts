/** What follows from the changes in the ledger: releases and experiments, and which tasks are active for a device. All of it is pure. */
import { AppError } from '../failure.ts'
import { bucketOf } from './bucket.ts'
import { type Change, type Entry, HOLDOUT, type Stages } from './changes.ts'
import type { DeviceInfo } from './device.ts'
import { hits } from './rules.ts'

type Of<T extends Change['type']> = Extract<Change, { type: T }>

export interface Release extends Omit<Of<'release'>, 'type'> {
  /** Number of its entry in the ledger. */
  readonly id: number
  /** Since when it stands still. */
  readonly paused?: number
  readonly revoked?: number
}

export interface Arm {
  readonly name: string
  readonly task: { readonly version: number; readonly manifest: string } | null
  /** Percent, from ≤ a device's place < to. */
  readonly from: number
  readonly to: number
}

export interface Experiment extends Omit<Of<'experiment'>, 'type' | 'arms' | 'holdout'> {
  readonly id: number
  /** Side by side from 0 on; the holdout is the last one, at the end. What is between them is in no arm. */
  readonly arms: readonly Arm[]
  readonly ended?: number
}

/** How things stand after some entry. */
export interface Board {
  readonly releases: readonly Release[]
  readonly experiments: readonly Experiment[]
  /** Tasks that no device may have. */
  readonly killed: readonly string[]
  /** How many entries there are, and when the last one was made. */
  readonly entries: number
  readonly at: number
}

export const EMPTY: Board = { releases: [], experiments: [], killed: [], entries: 0, at: 0 }

/** Throws `bad-input`, with a sentence, where the change makes no sense as things stand. */
export function apply(board: Board, { n, at, change }: Pick<Entry, 'n' | 'at' | 'change'>): Board {
  if (n !== board.entries + 1 || at <= board.at) throw new AppError('bad-input', 'An entry is out of order.')
  return { ...board, ...changed(board, n, at, change), entries: n, at }
}

function changed(board: Board, id: number, at: number, change: Change): Partial<Board> {
  const { releases, experiments, killed } = board
  switch (change.type) {
    case 'release': {
      const { type, ...release } = change
      endsLater(change.until, Math.max(at, change.stages[0]!.at))
      return { releases: [...releases, { ...release, id }] }
    }
    case 'stages':
      return replan(board, change, at)
    case 'pause':
      return withRelease(board, change.release, (one) => {
        if (one.paused !== undefined) throw new AppError('bad-input', `Release ${one.id} is paused already.`)
        return { ...one, paused: at }
      })
    case 'resume':
      return withRelease(board, change.release, (one) => resumed(one, at))
    case 'revoke':
      return withRelease(board, change.release, (one) => ({ ...one, revoked: at }))
    case 'kill':
      if (killed.includes(change.task)) throw new AppError('bad-input', `${change.task} is killed already.`)
      return { killed: [...killed, change.task] }
    case 'revive':
      if (!killed.includes(change.task)) throw new AppError('bad-input', `${change.task} is not killed.`)
      return { killed: killed.filter((name) => name !== change.task) }
    case 'experiment':
      return { experiments: [...experiments, begun(board, id, at, change)] }
    case 'end':
      return {
        experiments: replaced(experiments, change.experiment, 'experiment', (one) => {
          if (isOver(one, at)) throw new AppError('bad-input', `Experiment ${one.id} is over.`)
          return { ...one, ended: at }
        }),
      }
    case 'approve':
    case 'withdraw':
      return {}
    default:
      return change satisfies never
  }
}

function replan(board: Board, { release, stages }: Of<'stages'>, at: number): Partial<Board> {
  return withRelease(board, release, (one) => {
    const has = percentAt(one, at)
    const next = { ...one, stages }
    if (percentAt(next, at) < has)
      throw new AppError(
        'bad-input',
        `Release ${one.id} has ${has} % already: revoke it to take it from anybody.`,
      )
    return next
  })
}

/** What was still to come comes as much later as it stood still. */
function resumed({ paused, ...one }: Release, at: number): Release {
  if (paused === undefined) throw new AppError('bad-input', `Release ${one.id} is not paused.`)
  const stages = one.stages.map((stage) =>
    stage.at > paused ? { ...stage, at: stage.at + at - paused } : stage,
  )
  return { ...one, stages }
}

function begun(board: Board, id: number, at: number, change: Of<'experiment'>): Experiment {
  const { type, arms, holdout, ...rest } = change
  const experiment = { ...rest, from: Math.max(at, change.from) }
  endsLater(change.until, experiment.from)
  const other = board.experiments.find((one) => one.task === change.task && !isOver(one, experiment.from))
  if (other) throw new AppError('bad-input', `Experiment ${other.id} on ${change.task} is not over by then.`)
  let from = 0
  const placed = arms.map(({ name, task, percent }): Arm => {
    const arm = { name, task, from, to: from + percent }
    from = arm.to
    return arm
  })
  if (from + holdout > 100)
    throw new AppError('bad-input', `The arms have ${from} % and the holdout ${holdout} %: more than all.`)
  return { ...experiment, id, arms: [...placed, { name: HOLDOUT, task: null, from: 100 - holdout, to: 100 }] }
}

function endsLater(until: number | undefined, at: number): void {
  if (until !== undefined && until <= at) throw new AppError('bad-input', 'It would end before it begins.')
}

function withRelease({ releases }: Board, id: number, change: (one: Release) => Release): Partial<Board> {
  return {
    releases: replaced(releases, id, 'release', (one) => {
      if (one.revoked !== undefined) throw new AppError('bad-input', `Release ${id} is revoked.`)
      return change(one)
    }),
  }
}

function replaced<T extends { id: number }>(
  all: readonly T[],
  id: number,
  what: string,
  by: (one: T) => T,
): T[] {
  if (!all.some((one) => one.id === id)) throw new AppError('bad-input', `There is no ${what} ${id}.`)
  return all.map((one) => (one.id === id ? by(one) : one))
}

const isOver = ({ until, ended }: Experiment, at: number): boolean =>
  (ended !== undefined && ended <= at) || (until !== undefined && until <= at)

/** The share of its rule's devices that a release has at a moment; what has stood still stays what it was. */
export function percentAt({ stages, paused }: { stages: Stages; paused?: number }, now: number): number {
  const at = Math.min(now, paused ?? now)
  return stages.findLast((stage) => stage.at <= at)?.percent ?? 0
}

export const reaches = (release: Release, device: DeviceInfo, now: number): boolean =>
  (release.revoked === undefined || release.revoked > now) &&
  (release.until === undefined || now < release.until) &&
  bucketOf(device.id, release.salt) < percentAt(release, now) &&
  hits(release.rule, device)

/** The arm of a device, whenever that is: by seed and id, if the rule hits it. */
export function armOf({ seed, rule, arms }: Experiment, device: DeviceInfo): Arm | undefined {
  const at = bucketOf(device.id, seed)
  const arm = arms.find(({ from, to }) => from <= at && at < to)
  return arm && hits(rule, device) ? arm : undefined
}

export const isRunning = (experiment: Experiment, now: number): boolean =>
  experiment.from <= now && !isOver(experiment, now)

/** A task that a device is to have. */
export interface Active {
  readonly task: string
  readonly version: number
  /** SHA-256 of the manifest. */
  readonly manifest: string
}

/** What is active for a device: by name, each task once. */
export interface ActiveList {
  readonly tasks: readonly Active[]
  /** Where it is in an experiment that runs, whatever its arm has. */
  readonly arms: readonly { readonly experiment: number; readonly arm: string }[]
}

export function activeList(board: Board, device: DeviceInfo, now: number): ActiveList {
  const running = board.experiments.filter((one) => isRunning(one, now))
  const placed = running.flatMap((one) => {
    const arm = armOf(one, device)
    return arm ? [{ task: one.task, experiment: one.id, arm }] : []
  })
  const found = new Map<string, Active>()
  for (const release of board.releases)
    if (reaches(release, device, now)) found.set(release.task, activeOf(release.task, release))
  for (const { task, arm } of placed) if (arm.task) found.set(task, activeOf(task, arm.task))
  for (const task of board.killed) found.delete(task)
  return {
    tasks: [...found.values()].sort((a, b) => (a.task < b.task ? -1 : 1)),
    arms: placed.map(({ experiment, arm }) => ({ experiment, arm: arm.name })),
  }
}

const activeOf = (task: string, { version, manifest }: { version: number; manifest: string }): Active => ({
  task,
  version,
  manifest,
})

/** The moment since which nothing can have changed by itself or by anybody: never later than `now`, never earlier than before. */
export function steadySince(board: Board, now: number): number {
  const moments = [
    board.at,
    ...board.releases.flatMap(({ stages, until }) => [...stages.map(({ at }) => at), until ?? 0]),
    ...board.experiments.flatMap(({ from, until }) => [from, until ?? 0]),
  ]
  return Math.max(0, ...moments.filter((at) => at <= now))
}
