/**
 * What the script of a task gets to work with: `export async function run(context)`. It reaches nothing else: neither network nor
 * storage, nor other tasks but through what its manifest declares. Everything given or taken is a copy.
 */
import type { Clock } from '../clock.ts'
import type { EngineName, Model, Training } from '../engine/engine.ts'
import type { ModelSpec, Widths } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import type { Random } from '../random.ts'
import type { Batch } from '../sample.ts'
import type { FeatureSchema, Layout } from '../schema.ts'
import type { Trigger } from './manifest.ts'

/**
 * A manifest says which one its script needs. What is added leaves the version as it is; what is taken away or means something
 * else makes a new one, and the old one stays as long as there are tasks for it.
 * 1 the first
 */
export const CONTEXT_VERSION = 1

/** What a script exports. What it returns goes into the device's journal, as JSON of 4 KB at most. */
export type Run = (context: TaskContext) => Promise<unknown>

export interface TaskContext {
  readonly version: typeof CONTEXT_VERSION
  readonly task: TaskFacts
  /** What made it run; of a call also what was asked. */
  readonly trigger: Trigger & { readonly input?: unknown }
  readonly samples: TaskSamples
  readonly models: TaskModels
  readonly engine: TaskEngine
  readonly log: TunnelLog
  /** Aborts when the run is to end: its budget is used up, the device is no longer eligible, or its release was revoked. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Numbers drawn by lot; the same for a run that is repeated. */
  readonly random: Random
}

/** From the manifest, and what follows from it. */
export interface TaskFacts {
  readonly name: string
  readonly version: number
  readonly hyper: Readonly<Record<string, unknown>>
  readonly schema: FeatureSchema
  /** Where each feature stands in a sample. */
  readonly layout: Layout
}

/** Which of the samples: as in ARCHITECTURE.md; own ones are split by their age. */
export type SampleSet = 'local-training' | 'local-validation' | 'matched' | 'filtered'

/** Samples side by side, and what each is called on this device. */
export interface NamedSamples {
  readonly ids: readonly string[]
  readonly batch: Batch
}

export interface TaskSamples {
  /** In time order, the newest `limit` of them if that is given; none is an empty batch. */
  read(set: SampleSet, limit?: number): Promise<NamedSamples>
  /**
   * Says of matched samples how well each fits the user, in [0, 1]; `keep` says which stay, as filtered ones. Throws `bad-input`
   * for an id that is no matched sample's.
   */
  score(scores: readonly { readonly id: string; readonly score: number; readonly keep: boolean }[]): void
  /** Says that these were learnt from: they go. */
  use(ids: readonly string[]): void
}

/** A model by one of the names that the manifest declares; another one throws `refused`. */
export interface TaskModels {
  /** What is in use: the one that was written last, or the initial one; undefined where there is none (yet). */
  read(name: string): Promise<Weights | undefined>
  /** As it was delivered, of an own model. */
  initial(name: string): Promise<Weights | undefined>
  /** Takes effect if the run ends well. Throws `bad-artifact` for a value that is not finite, `refused` beyond the budget. */
  write(name: string, weights: Weights): Promise<void>
  /** What is kept for the same run if this one is cut off, and what was kept; not a model in use. */
  checkpoint(name: string, weights: Weights): Promise<void>
  resume(name: string): Promise<Weights | undefined>
}

export interface TaskEngine {
  readonly name: EngineName
  /** A DIN of the task's schema with these widths, and the pruned one. */
  din(widths?: Widths): ModelSpec
  prunedDin(widths?: Widths): ModelSpec
  /** As `Engine.load`; all that was loaded is given back when the run ends. */
  load(spec: ModelSpec, weights: Weights, training?: Training): Promise<Model>
  /** Weights to begin with, drawn by lot from the run's seed. */
  initialise(spec: ModelSpec): Weights
}

export interface TunnelLog {
  /**
   * Sends numbers to the operator with the next upload; names of the manifest's own choosing. Never samples, ids or weights.
   * Throws `refused` beyond the budget, `bad-input` for what is not finite.
   */
  report(name: string, values: Readonly<Record<string, number>>): void
}
