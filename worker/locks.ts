/** Web Locks within one process, for Node, which had none before version 24; and holding one that may be taken away. */
import { AppError } from '../shared/failure.ts'
import type { Locks } from './platform.ts'

interface Holder {
  readonly shared: boolean
  grant(): void
  lose(why: unknown): void
}

/** Holders and queue of one name; requests are served in their order, as the Web Locks API prescribes. */
class Lock {
  private readonly holders = new Set<Holder>()
  private queue: Holder[] = []

  get idle(): boolean {
    return this.holders.size === 0 && this.queue.length === 0
  }
  free(shared: boolean): boolean {
    return this.queue.length === 0 && this.compatible(shared)
  }
  take(holder: Holder): void {
    this.holders.add(holder)
    holder.grant()
  }
  steal(holder: Holder): void {
    for (const other of this.holders) other.lose(new DOMException('The lock was stolen.', 'AbortError'))
    this.holders.clear()
    this.take(holder)
  }
  wait(holder: Holder): void {
    this.queue.push(holder)
  }
  /** Waits no longer; false if it holds the lock already. */
  leave(holder: Holder): boolean {
    const waited = this.queue.includes(holder)
    this.queue = this.queue.filter((other) => other !== holder)
    this.serve()
    return waited
  }
  heldBy(holder: Holder): boolean {
    return this.holders.has(holder)
  }
  release(holder: Holder): void {
    this.holders.delete(holder)
    this.serve()
  }
  private serve(): void {
    while (this.queue[0] && this.compatible(this.queue[0].shared)) this.take(this.queue.shift()!)
  }
  private compatible(shared: boolean): boolean {
    return this.holders.size === 0 || (shared && [...this.holders].every((holder) => holder.shared))
  }
}

export function createLocks(): Locks {
  const locks = new Map<string, Lock>()
  return {
    async request(name, { mode = 'exclusive', ifAvailable = false, steal = false, signal }, work) {
      signal?.throwIfAborted()
      const lock = locks.get(name) ?? new Lock()
      locks.set(name, lock)
      const shared = mode === 'shared'
      if (ifAvailable && !lock.free(shared)) return work(null)
      const { holder, granted, lost } = applicant(shared)
      const leave = () => lock.leave(holder) && holder.lose(signal?.reason)
      signal?.addEventListener('abort', leave)
      if (steal) lock.steal(holder)
      else if (lock.free(shared)) lock.take(holder)
      else lock.wait(holder)
      try {
        if (!lock.heldBy(holder)) await Promise.race([granted, lost])
        return await Promise.race([work({ name, mode }), lost])
      } finally {
        signal?.removeEventListener('abort', leave)
        lock.release(holder)
        if (lock.idle && locks.get(name) === lock) locks.delete(name)
      }
    },
  }
}

/** The same locks under names of their own: what `account` holds keeps no other from anything. */
export const locksOf = (account: string, locks: Locks): Locks => ({
  request: (name, options, work) => locks.request(`${name}:${account}`, options, work),
})

/** One who asks for a lock: `granted` when it is theirs, `lost` when it no longer is, or never will be. */
function applicant(shared: boolean): { holder: Holder; granted: Promise<void>; lost: Promise<never> } {
  let grant = (): void => {}
  let lose = (_: unknown): void => {}
  const granted = new Promise<void>((resolve) => {
    grant = resolve
  })
  const lost = new Promise<never>((_, reject) => {
    lose = reject
  })
  return { holder: { shared, grant, lose }, granted, lost }
}

/**
 * Works while `name` is held exclusively. The signal that `work` gets says when to stop: the caller's, or because another
 * tab has taken the lock away; then nothing may be written any more.
 */
export async function holding<T>(
  locks: Locks,
  name: string,
  signal: AbortSignal,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController()
  try {
    return await locks.request(name, { signal }, () => work(AbortSignal.any([signal, lost.signal])))
  } catch (error) {
    lost.abort(new AppError('cancelled', 'Another tab took over.'))
    throw error
  }
}
