/** A `Training` checked against its model, and the numbers of the optimizers that all engines share. */
import { AppError } from '../failure.ts'
import { DICE_MOMENTUM, isStatistic, type ModelSpec, shapesOf } from '../model/spec.ts'
import { corrected, EPSILON } from './adam.ts'
import { OPTIMIZERS, type Optimizer, type Training } from './engine.ts'

/** What Adagrad's sums of squares begin at. */
export const ADAGRAD_START = 0.1
/** The square of anything smaller is a float32: a gradient must be below it, or the moments would overflow. */
export const TOO_STEEP = 9e18

/** A training with nothing left out, by the names of the parameters themselves. */
export interface Settled {
  readonly optimizer: Optimizer
  readonly pull: number
  /** What the optimizer and the pull leave alone: what was to be frozen, and all statistics. */
  readonly frozen: ReadonlySet<string>
  /** Statistics that are not frozen: they follow the batches. */
  readonly following: ReadonlySet<string>
}

/** Throws `bad-input` for an unknown optimizer, a λ that is negative or no float32, a prefix of no parameter's name. */
export function settle(spec: ModelSpec, training: Training = {}): Settled {
  const { optimizer = 'adam', pull = 0, frozen = [] } = training
  if (!OPTIMIZERS.includes(optimizer)) throw new AppError('bad-input', `${optimizer} is no optimizer.`)
  if (!(pull >= 0 && Number.isFinite(Math.fround(2 * pull))))
    throw new AppError('bad-input', `The pull must be a number from 0 on, not ${pull}.`)
  const names = [...shapesOf(spec).keys()]
  for (const prefix of frozen)
    if (!names.some((name) => name.startsWith(prefix)))
      throw new AppError('bad-input', `No parameter's name begins with ${prefix}, which should be frozen.`)
  const isFrozen = (name: string) => frozen.some((prefix) => name.startsWith(prefix))
  return {
    optimizer,
    pull,
    frozen: new Set(names.filter((name) => isFrozen(name) || isStatistic(name))),
    following: new Set(names.filter((name) => isStatistic(name) && !isFrozen(name))),
  }
}

/**
 * `rate` and `epsilon` of step `t` = 1, 2, …, for w −= rate·m/(√v + epsilon) (Adam), rate·g/(√Σg² + epsilon) (Adagrad),
 * rate·g (SGD). Throws `bad-input` for a learning rate that is no rate.
 */
export function paceOf(
  optimizer: Optimizer,
  t: number,
  learningRate: number,
): { rate: number; epsilon: number } {
  const adam = corrected(t, learningRate)
  return optimizer === 'adam' ? adam : { rate: learningRate, epsilon: EPSILON }
}

/** Whether a parameter that has no gradient may move all the same: by its momentum, or by the pull. */
export const movesAlone = ({ optimizer, pull }: Settled): boolean => optimizer === 'adam' || pull > 0

/** A running statistic after one more mini-batch, in float64. */
export const followed = (running: number, ofBatch: number): number =>
  DICE_MOMENTUM * running + (1 - DICE_MOMENTUM) * ofBatch

export const tooWide = () => new AppError('diverged', 'The variance of a hidden layer is not finite.')

export const tooSteep = () =>
  new AppError('diverged', 'The gradient is not finite, or too large for the optimizer.')
