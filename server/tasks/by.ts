/** Who changes something, and why: nothing changes without. */
import * as z from 'zod'
import { parse } from '../../shared/failure.ts'

/** One line that shows as it is: no control or formatting characters. */
const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of plain text')

export const bySchema = z.strictObject({
  /** What Git takes for a name has no angle brackets. */
  who: line(80).refine((name) => !/[<>]/.test(name), 'a name without < and >'),
  why: line(500),
})
export type By = z.infer<typeof bySchema>

export const checkBy = (by: By): By => parse(bySchema, by, 'The reason')
