/** One tab of a browser of any engine, driven alike. */

export interface Tab {
  /** The browser's name and version. */
  readonly version: string
  goto(url: string): Promise<void>
  /** Calls the function that the page's `window` has under this name; what goes in and comes out is JSON. */
  evaluate(name: string, ...args: readonly unknown[]): Promise<unknown>
  /** Runs a function in the page that needs nothing from around it; what goes in and comes out is JSON. */
  perform<In extends readonly unknown[], Out>(act: (...input: In) => Out, ...input: In): Promise<Awaited<Out>>
  /** Ends the browser and everything that was started for it. */
  close(): Promise<void>
}

/** What is asked of a page may take this long, ms: the test's own limit comes first. */
export const PATIENCE_MS = 15 * 60_000

/** In a page: calls its function of that name. */
export const callByName = ([name, args]: readonly [string, readonly unknown[]]): unknown =>
  (globalThis as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name]!(...args)

/** An expression that, in a page, calls `act`. */
export const callIt = (act: (...input: never[]) => unknown, input: readonly unknown[]): string =>
  `(${act})(...${JSON.stringify(input)})`

/** The same as the body of WebDriver's asynchronous script: its last argument is the way to answer. */
export const asked = (expression: string) => `
  const answer = arguments[arguments.length - 1]
  Promise.resolve().then(() => ${expression}).then(
    (value) => answer({ value: value === undefined ? null : value }),
    (error) => answer({ error: error + '\\n' + error?.stack }),
  )`

/** Calls the function that the first argument names, with the second. */
export const CALL = 'window[arguments[0]](...arguments[1])'

/** What such a script answered. Throws what it threw. */
export function answered(answer: unknown): unknown {
  const { value, error } = answer as { value?: unknown; error?: string }
  if (error !== undefined) throw new Error(error)
  return value
}
