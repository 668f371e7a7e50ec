/**
 * What the script of a task gets, for who writes one: `import type { TaskContext } from 'kindred/task'`. docs/write-a-task.md has
 * it by example. Nothing here is from any other file, because it is published as it stands; that it is what `context.ts` says is
 * checked in `author.test.ts`. What changes here for the worse is another version of the context.
 */

/** What a script exports. What it returns goes into the device's journal, or to who called: JSON of 64 KB at most. */
export type Run = (context: TaskContext) => Promise<unknown>

export interface TaskContext {
  readonly version: 1
  readonly task: TaskFacts
  /** What made it run; of a call also what was asked. */
  readonly trigger: Trigger & { readonly input?: unknown }
  readonly samples: TaskSamples
  readonly models: TaskModels
  readonly engine: TaskEngine
  readonly log: TunnelLog
  /** Aborts when the run is to end: its budget is used up, the device is no longer eligible, or its release was revoked. */
  readonly signal: AbortSignal
  /** ms since 1970, as well as the device knows. */
  readonly clock: { now(): number }
  /** Of this run: what `random` begins with. */
  readonly seed: number
  /** Numbers drawn by lot; the same for a run that is repeated, or goes on. */
  readonly random: Random
  /** Tells the user what share of the work is done, in [0, 1]. */
  progress(fraction: number): void
}

export type Trigger =
  | { readonly on: 'batch' }
  | { readonly on: 'samples'; readonly augmented?: number | undefined }
  | { readonly on: 'batches-done' }
  | { readonly on: 'visit' }
  | { readonly on: 'day' }
  | { readonly on: 'call'; readonly name: string }

/** From the manifest, from the data's own, and what follows from both. */
export interface TaskFacts {
  readonly name: string
  readonly version: number
  /** What the data say, and over it what the manifest says. */
  readonly hyper: Readonly<Record<string, unknown>>
  readonly schema: FeatureSchema
  /** Where each feature stands in a sample. */
  readonly layout: Layout
}

/** Of what a sample is made. Tables may be smaller here than where they come from: ids and rows agree within one run. */
export interface FeatureSchema {
  readonly name: string
  readonly version: number
  readonly vocabularies: Readonly<Record<string, { readonly size: number; readonly dim: number }>>
  readonly features: readonly Feature[]
}
export interface Feature {
  readonly kind: 'categorical' | 'sequence' | 'dense'
  readonly name: string
  /** What it is made from: `item`, `category`, `clicks`, `taste`, … */
  readonly from: string
}

export interface Layout {
  /** A feature lies at `at`, `width` long: in a row of `dense` if it is dense, else of `ids`. */
  readonly slots: readonly { readonly feature: Feature; readonly at: number; readonly width: number }[]
  readonly idWidth: number
  readonly denseWidth: number
}

/**
 * Which of the samples: the user's own, older ones to learn from and the newest to judge by; `matched` of other users, not scored yet;
 * `filtered`, those of them that were kept; `candidates`, what a call asks to be ranked.
 */
export type SampleSet = 'local-training' | 'local-validation' | 'matched' | 'filtered' | 'candidates'

/** Samples side by side, row by row. */
export interface Batch {
  readonly size: number
  /** [size × layout.idWidth]; 0 is padding, 1 unknown. */
  readonly ids: Int32Array
  /** [size × layout.denseWidth] */
  readonly dense: Float32Array
  /** [size]; 1: clicked. */
  readonly labels: Float32Array
  /** [size]; how much each counts in the loss. */
  readonly weights: Float32Array
}

export interface NamedSamples {
  /** What each is called on this device. */
  readonly ids: readonly string[]
  readonly batch: Batch
  /**
   * Of filtered samples how well each fits the user, NaN where nobody has said; of candidates the chance of a click by the personal
   * ranking model, and by what is remembered.
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
  /** In time order (candidates: as they were asked for), the newest `limit`. Throws `refused` for a set that the manifest does not name. */
  read(set: SampleSet, limit?: number): Promise<NamedSamples>
  /** Says it of matched samples. Throws `bad-input` for an id that is no matched sample's that was read. */
  score(scores: readonly Score[]): void
  /** Says that these borrowed ones were learnt from: they go. */
  use(ids: readonly string[]): void
  /** Answers a call: a score of each candidate that was read. The highest comes first. */
  rank(scores: ArrayLike<number>): void
}

/** Row-major. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array<ArrayBuffer>
}
/** A model: tensors by name. */
export type Weights = Readonly<Record<string, Tensor>>

/** A model by a name that the manifest declares; another one throws `refused`. */
export interface TaskModels {
  /** What is in use; undefined where there is none (yet). */
  read(name: string): Promise<Weights | undefined>
  /** As it was delivered: of an own model, or of `data/ranking`. */
  initial(name: string): Promise<Weights | undefined>
  /** Takes effect if the run ends well. Throws `bad-artifact` for a value that is not finite, `refused` beyond the budget. */
  write(name: string, weights: Weights): Promise<void>
  /** What is kept for the same run if this one is cut off, and what was kept. */
  checkpoint(name: string, weights: Weights | null, state?: unknown): Promise<void>
  resume(name: string): Promise<{ readonly weights: Weights | null; readonly state: unknown } | undefined>
  /** Folds all own samples into the personal vector of `data/ranking` when the run ends well. */
  fold(name: string): void
}

/** What a model computes: made by `din` and `prunedDin`, given to `load` and `initialise`. */
export interface ModelSpec {
  readonly idWidth: number
  readonly denseWidth: number
}
export interface Widths {
  /** Of every activation unit. */
  readonly attention: number
  /** Of the hidden layers. */
  readonly mlp: readonly number[]
  readonly activation?: 'prelu' | 'dice' | undefined
}
export interface Training {
  readonly optimizer?: 'adam' | 'sgd' | 'adagrad'
  /** λ of an L2 pull towards the weights that were loaded. */
  readonly pull?: number
  /** Parameters whose name begins with one of these stay as they are. */
  readonly frozen?: readonly string[]
}

export interface TaskEngine {
  /** A DIN of the task's schema with these widths, and the pruned one; left out, with those of the data's models. */
  din(widths?: Widths): ModelSpec
  prunedDin(widths?: Widths): ModelSpec
  /** Ready to predict, and to train with a fresh optimizer; all that was loaded is given back when the run ends. */
  load(spec: ModelSpec, weights: Weights, training?: Training): Promise<Model>
  /** Weights to begin with, drawn by lot; tensors that `given` has are taken from there as they are. */
  initialise(spec: ModelSpec, given?: Weights): Weights
}

/** The loss is the weighted mean binary cross-entropy over a batch. */
export interface Model {
  /** One step of the optimizer; the loss before it. Throws `diverged` where that is not finite. */
  step(batch: Batch, learningRate: number): Promise<number>
  /** The click probability of each row. */
  predict(batch: Batch): Promise<Float32Array<ArrayBuffer>>
  gradient(batch: Batch): Promise<{ loss: number; gradient: Weights }>
  /** A copy of the present weights. */
  save(): Promise<Weights>
  /** Remembers weights and optimizer, and goes back to what was remembered. */
  mark(): Promise<void>
  revert(): Promise<void>
  dispose(): void
}

export interface TunnelLog {
  /**
   * Sends up to 32 numbers to the operator with the next upload. Never samples, ids or weights. Throws `refused` beyond the budget,
   * `bad-input` for what is not finite.
   */
  report(name: string, values: Readonly<Record<string, number>>): void
}

export interface Random {
  /** Uniform in [0, 1), and of whole numbers in [0, n). */
  next(): number
  below(n: number): number
  /** Standard normal. */
  normal(): number
  /** In place; gives the same array. */
  shuffle<T extends unknown[] | Int32Array>(items: T): T
}
