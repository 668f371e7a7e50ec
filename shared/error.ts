/** How Kindred fails: without schemas, so that a page need not load any. */

/** Every way Kindred fails on purpose: `code` is for code, `message` is one clear sentence for people. */
export const failureCodes = [
  'cancelled', // the caller asked to stop
  'bad-input', // data from outside did not fit its schema
  'bad-artifact', // a file or blob does not have the hash, shape or values it promised
  'diverged', // a loss, weight or gradient stopped being finite
  'engine', // no engine could run the work
  'offline', // the server could not be reached
  'refused', // the server answered, and said no
  'unauthorised', // the server does not know this device (any more)
  'storage', // the device's own storage failed
  'not-ready', // asked for before there is a model or a catalogue
  'version', // two parts of different versions met
  'worker', // a worker died
] as const

export type FailureCode = (typeof failureCodes)[number]
export interface Failure {
  code: FailureCode
  message: string
}

/** A `Failure` on its way up the stack; `cause` keeps the original error. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: FailureCode
  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What any thrown thing looks like on the other side of a boundary. */
export function toFailure(error: unknown, fallback: FailureCode = 'worker'): Failure {
  if (error instanceof AppError) return { code: error.code, message: error.message }
  if (error instanceof Error && error.name === 'AbortError') return { code: 'cancelled', message: 'Stopped.' }
  return { code: fallback, message: error instanceof Error ? error.message : String(error) }
}
