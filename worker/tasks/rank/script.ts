/** Answers `rank`: the order of the scores, as they are. A task that ranks otherwise begins here. */
import type { TaskContext } from '../../../shared/tasks/context.ts'

export async function run({ samples }: TaskContext): Promise<void> {
  const { scores } = await samples.read('candidates')
  if (scores) samples.rank(scores)
}
