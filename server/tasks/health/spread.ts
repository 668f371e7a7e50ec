/** Count, mean, deviation and ends of values, in four numbers that can be joined (Chan, Golub, LeVeque 1983). */
import * as z from 'zod'

export const spreadSchema = z.strictObject({
  count: z.int().min(1),
  mean: z.number(),
  /** Σ (value − mean)² */
  squares: z.number().min(0),
  min: z.number(),
  max: z.number(),
})
export type Spread = z.infer<typeof spreadSchema>

export const spreadOf = (value: number): Spread => ({
  count: 1,
  mean: value,
  squares: 0,
  min: value,
  max: value,
})

export function joined(one: Spread, other: Spread): Spread {
  const count = one.count + other.count
  const apart = other.mean - one.mean
  return {
    count,
    mean: one.mean + (apart * other.count) / count,
    squares: one.squares + other.squares + (apart * apart * one.count * other.count) / count,
    min: Math.min(one.min, other.min),
    max: Math.max(one.max, other.max),
  }
}

/** Of a sample: over n − 1. Null for one value. */
export const deviationOf = ({ count, squares }: Spread): number | null =>
  count < 2 ? null : Math.sqrt(squares / (count - 1))
