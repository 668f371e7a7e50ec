/** Which of the matched samples train the classifier, which stay, and what those that stay count in training. */
import type { Hyper } from '../../../shared/hyper.ts'

/** How many of `total` matched samples train the classifier: of two at least one, of one none. */
export const classifierShare = (total: number, hyper: Pick<Hyper, 'classifierShare'>): number =>
  total < 2 ? 0 : Math.max(1, Math.round(total * hyper.classifierShare))

/** Whether matched samples are learnt from; else none are pulled, or they are remembered. */
export const teaches = ({ augment, evidence }: Pick<Hyper, 'augment' | 'evidence'>): boolean =>
  augment && evidence.weight === 0

/** So little weight is as good as none; none at all might leave a mini-batch without any. */
const LEAST = 1e-3

/** How much a filtered sample counts in training, where one of the user's own counts 1; NaN is a score that nobody has said. */
export function weightOf(score: number, { filter, ranking }: Pick<Hyper, 'filter' | 'ranking'>): number {
  const { augmentedWeight, oddsCap } = ranking
  if (filter !== 'odds' || Number.isNaN(score)) return augmentedWeight
  return augmentedWeight * Math.min(oddsCap, Math.max(LEAST, score / (1 - score)))
}
