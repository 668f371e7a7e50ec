/** What a server that runs for long sees to each day: that what is approved goes on to count, and that nothing else piles up. */
import { DAY_MS } from '../../shared/clock.ts'
import { toFailure } from '../../shared/failure.ts'
import { type ApprovalOptions, keepApproved } from './approvals.ts'
import type { Tasks } from './tasks.ts'

/** Begins in a day: at its start a server has looked already (`ship`). Returns the way to stop. */
export function followTasks(
  {
    delivery,
    prune,
  }: Pick<Tasks, 'prune'> & { readonly delivery: Pick<Tasks['delivery'], 'targets' | 'renew'> },
  options: ApprovalOptions = {},
): () => void {
  const { tell = () => {} } = options
  async function look(): Promise<void> {
    await keepApproved(delivery, options)
    await prune().catch((error) =>
      tell(`Old files of tasks stay where they are: ${toFailure(error).message}`),
    )
  }
  const timer = setInterval(() => void look(), DAY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
