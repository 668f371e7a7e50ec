import { describe, expect, test } from 'vitest'
import { auc } from '../../../shared/metrics.ts'
import { appeal, type Factors, foldIn } from '../../../shared/model/factors.ts'
import { factorise, solve } from '../../../shared/model/linear.ts'
import { seeded } from '../../../shared/random.ts'
import { type Everybody, FACTORS, learnFactors } from './factors.ts'

const ITEMS = 60

/** People with a taste in two dimensions, who click what points their way; the last third of each is kept apart. */
function people(count: number, each: number, seed: number) {
  const random = seeded(seed)
  const truth = Array.from({ length: ITEMS }, () => [random.normal(), random.normal(), 0.3 * random.normal()])
  const drawn = Array.from({ length: count }, () => {
    const taste = [random.normal(), random.normal()]
    return Array.from({ length: each }, () => {
      const item = random.below(ITEMS)
      const [a, b, c] = truth[item]!
      const affinity = a! * taste[0]! + b! * taste[1]! + c!
      return { item, affinity, label: random.next() < 1 / (1 + Math.exp(-1.5 * affinity)) ? 1 : 0 }
    })
  })
  const cut = Math.floor((2 * each) / 3)
  return { past: drawn.map((own) => own.slice(0, cut)), future: drawn.map((own) => own.slice(cut)) }
}

function everybodyOf(users: readonly (readonly { item: number; label: number }[])[]): Everybody {
  const starts = new Uint32Array(users.length + 1)
  users.forEach((own, i) => {
    starts[i + 1] = starts[i]! + own.length
  })
  const all = users.flat()
  return {
    starts,
    items: Int32Array.from(all, ({ item }) => item),
    labels: Uint8Array.from(all, ({ label }) => label),
  }
}

const kinds = { count: 1, groups: Array.from({ length: ITEMS }, () => [0]) }
const numbers = { ...FACTORS, dim: 2, iterations: 30 }

describe('item factors', () => {
  test('a few samples of a stranger, folded in, tell nearly as much as the truth does', async () => {
    const crowd = people(600, 45, 1)
    const learnt = await learnFactors(everybodyOf(crowd.past), kinds, numbers)
    const scores: number[] = []
    const truth: number[] = []
    const plain: number[] = []
    crowd.past.forEach((own, i) => {
      const u = foldIn(learnt, { items: own.map(({ item }) => item), labels: own.map(({ label }) => label) })
      const judged = crowd.future[i]!
      const labels = judged.map(({ label }) => label)
      const area = (score: (sample: (typeof judged)[number]) => number) => auc(judged.map(score), labels)
      const best = area(({ affinity }) => affinity)
      if (best === undefined) return
      truth.push(best)
      scores.push(area(({ item }) => appeal(learnt, u, item))!)
      plain.push(area(({ item }) => learnt.bias[item]!)!)
    })
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(mean(scores)).toBeGreaterThan(mean(truth) - 0.05)
    expect(mean(scores)).toBeGreaterThan(mean(plain) + 0.1)
  })

  test('each iteration makes what was seen more likely', async () => {
    const { past } = people(60, 24, 2)
    const everybody = everybodyOf(past)
    // Without priors of its own the likelihood is what is maximised.
    const free = { ...numbers, vectorPrior: 1e-9, biasPrior: 1e-9, kindPrior: 1e9 }
    let before = Number.NEGATIVE_INFINITY
    for (const iterations of [1, 2, 3, 5, 8, 13]) {
      const now = likelihood(await learnFactors(everybody, kinds, { ...free, iterations }), past)
      expect(now).toBeGreaterThan(before)
      before = now
    }
  })

  test('an item that nobody saw is expected to be as its kind is', async () => {
    const { past } = people(400, 30, 3)
    const liked = past.map((own) => own.map((sample) => ({ ...sample, label: sample.item % 2 })))
    const groups = Array.from({ length: ITEMS + 2 }, (_, item) => [item % 2])
    const learnt = await learnFactors(everybodyOf(liked), { count: 2, groups }, numbers)
    expect(learnt.bias[ITEMS + 1]! - learnt.bias[ITEMS]!).toBeGreaterThan(0.5)
  })

  test('the same seed gives the same bits', async () => {
    const everybody = everybodyOf(people(50, 20, 4).past)
    const [one, other] = [
      await learnFactors(everybody, kinds, numbers),
      await learnFactors(everybody, kinds, numbers),
    ]
    expect(other).toEqual(one)
  })

  test('without samples there are factors that say nothing', async () => {
    const learnt = await learnFactors(everybodyOf([]), kinds, { ...numbers, iterations: 2 })
    expect([...learnt.bias].every((value) => value === 0)).toBe(true)
  })
})

/** Log-likelihood of all labels: of each user's together a normal, its covariance q·qᵀ + spread + noise on the diagonal. */
function likelihood(
  { dim, vectors, bias, level, noise, spread }: Factors,
  users: readonly (readonly { item: number; label: number }[])[],
): number {
  let sum = 0
  for (const own of users) {
    const n = own.length
    const covariance = new Float64Array(n * n)
    own.forEach(({ item }, i) => {
      own.forEach(({ item: other }, j) => {
        let value = spread + (i === j ? noise : 0)
        for (let d = 0; d < dim; d++) value += vectors[item * dim + d]! * vectors[other * dim + d]!
        covariance[i * n + j] = value
      })
    })
    const rest = Float64Array.from(own, ({ item, label }) => label - level - bias[item]!)
    const solved = rest.slice()
    factorise(covariance, n)
    solve(covariance, n, solved)
    for (let i = 0; i < n; i++)
      sum -= Math.log(covariance[i * n + i]!) + (rest[i]! * solved[i]!) / 2 + Math.log(2 * Math.PI) / 2
  }
  return sum
}
