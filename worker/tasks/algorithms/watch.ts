/** What is heard of an algorithm at work, and what it goes on from. */
import type { Point } from '../../../shared/course.ts'
import type { Weights } from '../../../shared/model/weights.ts'

/** How good a model is on the validation samples. */
export type Quality = Pick<Point, 'auc' | 'loss'>

/** How far a training of the ranking model has come: with the same samples and seed, enough to go on from. */
export interface Checkpoint {
  /** The best so far; null where no step was kept yet. */
  readonly weights: Weights | null
  /** Mini-batches that were learnt from, and how many of these updates were kept. */
  readonly step: number
  readonly stepsKept: number
  /** Of each of these steps. */
  readonly losses: readonly number[]
  readonly before: Quality
  readonly best: Quality
  readonly course: readonly Point[]
}

export const CHECKPOINT_STEPS = 32

export interface Watched {
  /** Hears after each step what share of the work is done, in (0, 1]. */
  readonly onProgress?: ((fraction: number) => void) | undefined
  /**
   * Hears every `CHECKPOINT_STEPS` steps of a training that can go on, and at the end of each epoch, how far it has come:
   * counted in steps and not by the clock, that the same training always has the same checkpoints.
   */
  readonly onCheckpoint?: ((checkpoint: Checkpoint) => Promise<void> | void) | undefined
}
