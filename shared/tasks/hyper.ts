/** The numbers that a task works by: those of the data, and over them those of its manifest. */
import { type Hyper, hyperSchema } from '../hyper.ts'

/** Of these a task may say a part. */
const NESTED = ['classifier', 'ranking', 'evidence'] as const

type Numbers = Readonly<Record<string, unknown>>

const isNumbers = (value: unknown): value is Numbers =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the script is told. */
export function mergedHyper(data: Hyper, task: Numbers): Record<string, unknown> {
  const nested = NESTED.flatMap((name) => {
    const own = Object.hasOwn(task, name) ? task[name] : undefined
    return isNumbers(own) ? [[name, { ...data[name], ...own }]] : []
  })
  return { ...data, ...task, ...Object.fromEntries(nested) }
}

/** What of them the device itself goes by: names of `hyper.ts` alone. Where the task's make no sense, the data's. */
export function policyOf(data: Hyper, task: Numbers): Hyper {
  const merged = mergedHyper(data, task)
  const known = Object.entries(data).map(([name, value]) => {
    const here = merged[name]
    return [name, isNumbers(value) && isNumbers(here) ? pick(here, Object.keys(value)) : here]
  })
  const parsed = hyperSchema.safeParse(Object.fromEntries(known))
  return parsed.success ? parsed.data : data
}

const pick = (from: Numbers, names: readonly string[]): Numbers =>
  Object.fromEntries(names.map((name) => [name, from[name]]))
