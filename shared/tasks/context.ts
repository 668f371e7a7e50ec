/**
 * What the script of a task gets to work with: `export async function run(context)`. It reaches nothing else: neither network nor
 * storage, nor other tasks but through what its manifest declares. Everything given or taken is a copy.
 */
import type { Clock } from '../clock.ts'
import type { Model, Training } from '../engine/engine.ts'
import type { ModelSpec, Widths } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import type { Random } from '../random.ts'
import type { Batch } from '../sample.ts'
import type { FeatureSchema, Layout } from '../schema.ts'
import type { SAMPLE_SETS, Trigger } from './manifest.ts'

/**
 * A manifest says which one its script needs. What is added leaves the version as it is; what is taken away or means something
 * else makes a new one, and the old one stays as long as there are tasks for it.
 * 1 the first
 */
export const CONTEXT_VERSION = 1

/**
 * What a script exports. What it returns goes into the device's journal, as JSON of 64 KB at most; what of it has a name that a
 * round knows (`roundSchema`) is shown to the user.
 */
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
  /** Of this run: what `random` begins with. */
  readonly seed: number
  /** Numbers drawn by lot; the same for a run that is repeated, or goes on. */
  readonly random: Random
  /** Tells the user what share of the work is done, in [0, 1]. */
  progress(fraction: number): void
}

/** From the manifest, from the data's own, and what follows from both. */
export interface TaskFacts {
  readonly name: string
  readonly version: number
  /** What the data say (`hyper.ts`), and over it what the task's manifest says. */
  readonly hyper: Readonly<Record<string, unknown>>
  /** Its tables may be smaller than the vocabularies: ids of samples and rows of `data/ranking` agree within one run. */
  readonly schema: FeatureSchema
  /** Where each feature stands in a sample. */
  readonly layout: Layout
}

/**
 * Which of the samples. Own ones are split by their age; `matched` are those not scored yet, `filtered` those that were kept,
 * `candidates` what a call asks to be ranked.
 */
export type SampleSet = (typeof SAMPLE_SETS)[number]

/** Samples side by side, and what each is called on this device. */
export interface NamedSamples {
  readonly ids: readonly string[]
  readonly batch: Batch
  /**
   * Of filtered samples how well each fits the user, NaN where nobody has said; of candidates the chance of a click by the
   * personal ranking model, and by what is remembered.
   */
  readonly scores?: Float32Array | undefined
}

/** What becomes of a matched sample. */
export interface Score {
  readonly id: string
  /** How well it fits the user, in [0, 1]; null where that was not looked at. */
  readonly score: number | null
  /** Whether it stays, as a filtered one. */
  readonly keep: boolean
}

export interface TaskSamples {
  /**
   * In time order (candidates: as they were asked for), the newest `limit` of them if that is given; none is an empty batch.
   * Throws `refused` for a set that the manifest does not name.
   */
  read(set: SampleSet, limit?: number): Promise<NamedSamples>
  /** Says it of matched samples. Throws `bad-input` for an id that is no matched sample's that was read. */
  score(scores: readonly Score[]): void
  /** Says that these borrowed ones were learnt from: they go. Own ones stay until they are too old. */
  use(ids: readonly string[]): void
  /** Answers a call: a score of each candidate, in the order in which they are read. The highest comes first. */
  rank(scores: ArrayLike<number>): void
}

/** How far a run had come. */
export interface Checkpoint {
  /** Null where there is nothing better yet than what it began with. */
  readonly weights: Weights | null
  /** What else it takes to go on: JSON of 256 KB at most. */
  readonly state: unknown
}

/** A model by one of the names that the manifest declares; another one throws `refused`. */
export interface TaskModels {
  /** What is in use: the one that was written last, or the initial one; undefined where there is none (yet). */
  read(name: string): Promise<Weights | undefined>
  /** As it was delivered: of an own model, or of the personal ranking model. */
  initial(name: string): Promise<Weights | undefined>
  /** Takes effect if the run ends well. Throws `bad-artifact` for a value that is not finite, `refused` beyond the budget. */
  write(name: string, weights: Weights): Promise<void>
  /** What is kept for the same run if this one is cut off, and what was kept; not a model in use. */
  checkpoint(name: string, weights: Weights | null, state?: unknown): Promise<void>
  resume(name: string): Promise<Checkpoint | undefined>
  /**
   * Folds all own samples into the personal vector of the ranking model, which the manifest says is written, when the run
   * ends well. Without item factors among the data it does nothing.
   */
  fold(name: string): void
}

export interface TaskEngine {
  /** A DIN of the task's schema with these widths, and the pruned one; left out, with those of the data's models. */
  din(widths?: Widths): ModelSpec
  prunedDin(widths?: Widths): ModelSpec
  /** As `Engine.load`; all that was loaded is given back when the run ends. */
  load(spec: ModelSpec, weights: Weights, training?: Training): Promise<Model>
  /** Weights to begin with, drawn by lot from `random`; tensors that `given` has are taken from there as they are. */
  initialise(spec: ModelSpec, given?: Weights): Weights
}

export interface TunnelLog {
  /**
   * Sends numbers to the operator with the next upload; names of the manifest's own choosing. Never samples, ids or weights.
   * Throws `refused` beyond the budget, `bad-input` for what is not finite.
   */
  report(name: string, values: Readonly<Record<string, number>>): void
}
