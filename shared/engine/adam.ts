/** Adam (Kingma & Ba 2015, algorithm 1): the numbers that all engines share. */
import { AppError } from '../failure.ts'

export const BETA1 = 0.9
export const BETA2 = 0.999
export const EPSILON = 1e-7

/**
 * Both bias corrections of step `t` (1, 2, …) moved out of the inner loop (the paper's §2, last paragraph):
 * p −= lr·m̂/(√v̂ + ε) is p −= rate·m/(√v + epsilon). Throws `bad-input` for a learning rate that is no rate.
 */
export function corrected(t: number, learningRate: number): { rate: number; epsilon: number } {
  if (!(learningRate >= 0 && learningRate < Number.POSITIVE_INFINITY))
    throw new AppError('bad-input', `${learningRate} is no learning rate.`)
  const root = Math.sqrt(1 - BETA2 ** t)
  return { rate: (learningRate * root) / (1 - BETA1 ** t), epsilon: EPSILON * root }
}
