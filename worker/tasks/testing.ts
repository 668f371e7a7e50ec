/** A task run as a trainer would, over what a test gives it. */
import { systemClock } from '../../shared/clock.ts'
import type { Engine } from '../../shared/engine/engine.ts'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import { pack, type Sample } from '../../shared/sample.ts'
import type { Checkpoint, NamedSamples, Run, SampleSet } from '../../shared/tasks/context.ts'
import { RANKING, readDraft, sealTask, type TaskDraft } from '../../shared/tasks/manifest.ts'
import { type Effects, type Ground, runTask } from '../../shared/tasks/run.ts'
import type { World } from '../testing/world.ts'

export interface Given {
  readonly world: World
  readonly samples: Partial<Record<SampleSet, NamedSamples>>
  readonly engine?: Engine
  readonly seed?: number
  /** What an earlier run has kept; what this one keeps is added. */
  readonly kept?: Map<string, Checkpoint>
  readonly onProgress?: (fraction: number) => void
}

/** Samples by the names `<set>-0`, `<set>-1`, … */
export const named = (
  world: World,
  set: SampleSet,
  samples: readonly Sample[],
  scores?: readonly number[],
): NamedSamples => ({
  ids: samples.map((_, i) => `${set}-${i}`),
  batch: pack(world.context.layout, samples),
  ...(scores && { scores: Float32Array.from(scores) }),
})

/** What the script of the draft at `taskJson` did; the personal ranking model is the world's. */
export async function runHere(draft: TaskDraft, run: Run, given: Given): Promise<Effects> {
  const { world, seed = 7, kept = new Map(), engine = createPlainEngine() } = given
  const { manifest, weights } = world
  const ground: Ground = {
    schema: manifest.schema,
    hyper: manifest.hyper,
    widths: manifest,
    samples: async (set) => given.samples[set] ?? named(world, set, []),
    model: async (owner, name) => (`${owner}/${name}` === RANKING ? weights : undefined),
    initial: async () => weights,
    kept: async (name) => kept.get(name),
    keep: async (name, checkpoint) => void kept.set(name, structuredClone(checkpoint)),
    ...(given.onProgress && { progress: given.onProgress }),
    engine,
    clock: systemClock,
    after: () => () => {},
  }
  const sealed = await sealTask(draft, 1, { script: new TextEncoder().encode('// as it is here') })
  return runTask(sealed, run, ground, { trigger: draft.triggers[0]!, seed })
}

export const draftOf = (json: unknown): TaskDraft => readDraft(new TextEncoder().encode(JSON.stringify(json)))
