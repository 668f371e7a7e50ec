import * as z from 'zod'
import { AppError, type Failure, failureCodes } from './error.ts'

export { AppError, type Failure, type FailureCode, toFailure } from './error.ts'

export const failureSchema: z.ZodType<Failure> = z.strictObject({
  code: z.enum(failureCodes),
  message: z.string(),
})

/** Parses what crossed a boundary; `where` names it in the error. */
export function parse<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = issue?.path.length ? ` at ${issue.path.join('.')}` : ''
  throw new AppError('bad-input', `${where}${path}: ${issue?.message ?? 'does not fit its schema'}`)
}
