/** Who is signed in: known to this tab alone, and as long as it is open. */

export interface Operator {
  readonly credential: string
  /** Stands beside every change. */
  readonly who: string
}

const KEY = 'kindred:console'

/** `storage` is that of the tab: sessionStorage. */
export function createConsoleSession(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>) {
  return {
    operator(): Operator | null {
      const stored = storage.getItem(KEY)
      return stored === null ? null : (JSON.parse(stored) as Operator)
    },
    begin: (operator: Operator) => storage.setItem(KEY, JSON.stringify(operator)),
    end: () => storage.removeItem(KEY),
  }
}
export type ConsoleSession = ReturnType<typeof createConsoleSession>
