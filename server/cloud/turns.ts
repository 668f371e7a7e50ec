/** Jobs that must not run beside each other. */
export interface Turns {
  /** Runs `job` when all before it are over, however they ended. */
  next<T>(job: () => Promise<T>): Promise<T>
  /** When all that have come so far are over. */
  done(): Promise<unknown>
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve()
  return {
    next(job) {
      const result = last.then(job, job)
      last = result.catch(() => {})
      return result
    },
    done: () => last,
  }
}
