/** What runs in a thread of its own: each job by name, its input and output plain data. */

import type { PresetName } from '../../shared/hyper.ts'
import type { Mix } from '../../shared/model/factors.ts'
import { createMatcher, type Fresh, type Matcher } from './matcher.ts'
import { needPopulation } from './population.ts'
import { type Prepared, prepare } from './prepare.ts'
import { choosePreset } from './preset.ts'
import type { Watch } from './progress.ts'
import { release } from './release.ts'
import type { Room } from './room.ts'
import { createMaker, type Maker } from './samples.ts'
import { removeCheckpoint } from './training/checkpoint.ts'
import { TRAINING, type Trained, type TrainSettings, trainGlobal } from './training.ts'

export interface TrainInput extends Partial<TrainSettings> {
  /** Numbers for the devices, from now on; default: what was chosen last. */
  readonly preset?: PresetName | undefined
}

export interface TrainResult extends Omit<Trained, 'weights' | 'auc' | 'factors'> {
  /** Of the item factors, where some were learnt: how much they are believed beside the DIN. */
  readonly mix: Mix | null
  /** Of the task that was published. */
  readonly version: number
  /** null where the held-out samples were all of one class. */
  readonly auc: number | null
  readonly seconds: number
  /** The numbers that devices are told. */
  readonly preset: PresetName
}

export interface Jobs {
  prepare(input: { now: number; everyone?: boolean }): Promise<Prepared>
  train(input: TrainInput): Promise<TrainResult>
  fresh(input: { now: number }): Promise<Fresh>
  match(input: { user: number; now: number }): ReturnType<Matcher['match']>
  erase(input: { user: number; now: number }): ReturnType<Matcher['erase']>
  withdraw(input: { user: number; now: number }): Promise<void>
  shown(input: Parameters<Maker['shown']>[0]): ReturnType<Maker['shown']>
  make(input: Parameters<Maker['make']>[0]): ReturnType<Maker['make']>
}
export type JobName = keyof Jobs

export type JobTable = {
  [N in JobName]: (input: Parameters<Jobs[N]>[0], watch: Watch) => ReturnType<Jobs[N]>
}

export function createJobs(room: Room): JobTable {
  const matcher = createMatcher(room)
  const maker = createMaker(room)
  return {
    prepare: (input, watch) => prepare(room, matcher, input, watch),
    train: (input, watch) => train(room, input, watch),
    fresh: ({ now }, watch) => matcher.freshen(now, watch),
    match: ({ user, now }) => matcher.match(user, now),
    erase: ({ user, now }) => matcher.erase(user, now),
    withdraw: ({ user, now }) => matcher.withdraw(user, now),
    shown: maker.shown,
    make: maker.make,
  }
}

async function train(room: Room, { preset, ...changes }: TrainInput, watch: Watch): Promise<TrainResult> {
  const start = performance.now()
  const population = await needPopulation(room.store)
  const { name, hyper, training } = await choosePreset(room, preset)
  const settings = { ...TRAINING, ...training, ...changes }
  const { weights, factors, auc = null, ...how } = await trainGlobal(room, population, settings, watch)
  const { version } = await release({ ...room, hyper }, population, weights, factors)
  removeCheckpoint(room.dir)
  const seconds = (performance.now() - start) / 1000
  return { version, ...how, mix: factors?.mix ?? null, auc, seconds, preset: name }
}
