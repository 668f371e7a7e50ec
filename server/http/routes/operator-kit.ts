/** What the operator's routes of tasks and of releases have in common. */
import type { Context } from 'hono'
import * as z from 'zod'
import { NO_STORE } from '../env.ts'

/** A number in a path. */
export const whole = z.coerce.number().int().min(1).max(1e9)

/** Values that have a schema of their own, which they have passed. */
export const free = z.record(z.string(), z.unknown())

export const group = { group: 'tasks', by: 'admin' } as const

export const answer = (c: Context, value: object, status: 200 | 201 = 200) =>
  c.json(value as never, status, NO_STORE)
