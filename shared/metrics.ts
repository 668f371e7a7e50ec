/** How good scores are. */

/**
 * Area under the ROC curve (Mann–Whitney U with mid-ranks for ties), or undefined where one class is absent:
 * then nothing can be judged.
 */
export function auc(scores: ArrayLike<number>, labels: ArrayLike<number>): number | undefined {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!)
  let positives = 0
  let rankSum = 0
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++
    const midRank = (start + 1 + end) / 2
    for (let i = start; i < end; i++) {
      if (labels[order[i]!] !== 1) continue
      positives++
      rankSum += midRank
    }
    start = end
  }
  const negatives = order.length - positives
  if (positives === 0 || negatives === 0) return undefined
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** Mean binary cross-entropy of probabilities, clipped to [1e-7, 1 − 1e-7]. */
export function logLoss(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < scores.length; i++) {
    const p = Math.min(1 - 1e-7, Math.max(1e-7, scores[i]!))
    sum -= labels[i] === 1 ? Math.log(p) : Math.log(1 - p)
  }
  return scores.length === 0 ? 0 : sum / scores.length
}
