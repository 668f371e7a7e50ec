/** A job for the test of threads.ts. */
import type { Done } from './threads.ts'

export async function open({ plus, dies }: { plus: number; dies: number }): Promise<Done<number, number>> {
  return async (task, tell) => {
    if (task === dies) throw new RangeError(`I do not like ${task}`)
    tell(task + plus)
    if (task % 2 === 0) tell(-task)
  }
}
