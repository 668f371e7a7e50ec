/** How far a stage is; `total` is 0 where nobody knows. Stages are named for people, and so is what a note adds. */
export type Progress = (progress: { stage: string; done: number; total: number; note?: string }) => void

/** How a long piece of work speaks with whoever started it. */
export interface Watch {
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** Lets messages in, so that a stop is heard; throws if one came. Called between chunks of work. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await new Promise(setImmediate)
  signal.throwIfAborted()
}
