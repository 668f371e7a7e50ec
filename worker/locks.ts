/** Web Locks within one process, for Node, which had none before version 24. */
import type { Locks } from './platform.ts'

interface Waiting {
  readonly shared: boolean
  grant(): void
}

/** Holders and queue of one name; requests are served in their order, as the Web Locks API prescribes. */
class Lock {
  private holders = 0
  private exclusive = false
  private queue: Waiting[] = []

  get idle(): boolean {
    return this.holders === 0 && this.queue.length === 0
  }
  free(shared: boolean): boolean {
    return this.queue.length === 0 && this.compatible(shared)
  }
  take(shared: boolean): void {
    this.holders++
    this.exclusive = !shared
  }
  release(): void {
    this.holders--
    if (this.holders === 0) this.exclusive = false
    while (this.queue[0] && this.compatible(this.queue[0].shared)) {
      const next = this.queue.shift()!
      this.take(next.shared)
      next.grant()
    }
  }
  wait(shared: boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: Waiting = { shared, grant: resolve }
      this.queue.push(entry)
      signal?.addEventListener('abort', () => {
        const at = this.queue.indexOf(entry)
        if (at < 0) return
        this.queue.splice(at, 1)
        reject(signal.reason)
      })
    })
  }
  private compatible(shared: boolean): boolean {
    return this.holders === 0 || (shared && !this.exclusive)
  }
}

export function createLocks(): Locks {
  const locks = new Map<string, Lock>()
  return {
    async request(name, { mode = 'exclusive', ifAvailable = false, signal }, work) {
      signal?.throwIfAborted()
      const lock = locks.get(name) ?? new Lock()
      locks.set(name, lock)
      const shared = mode === 'shared'
      if (lock.free(shared)) lock.take(shared)
      else if (ifAvailable) return work(null)
      else await lock.wait(shared, signal)
      try {
        return await work({ name, mode })
      } finally {
        lock.release()
        if (lock.idle) locks.delete(name)
      }
    },
  }
}
