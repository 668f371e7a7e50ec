/** How the script of a task gets into the realm that runs it. */
import { AppError } from '../../shared/failure.ts'
import type { Run } from '../../shared/tasks/context.ts'
import type { Script } from './job.ts'

/** Gives what the script exports. Throws `bad-artifact` where it is no module, or one without `run`. */
export type Load = (script: Script) => Promise<Run>

const imported = new Map<string, Promise<Run>>()

/**
 * Imports it, once: what a module keeps for itself is there for the next run in the same realm. A browser's realm is a worker
 * of its own for each run. Node's is not, and shuts nothing off: scripts that nobody has looked at do not belong there.
 */
export function importScript(script: Script): Promise<Run> {
  const known = imported.get(script.sha256) ?? entryOf(script)
  imported.set(script.sha256, known)
  known.catch(() => imported.delete(script.sha256))
  return known
}

async function entryOf(script: Script): Promise<Run> {
  try {
    const { run } = (await import(/* @vite-ignore */ addressOf(script))) as { run?: unknown }
    if (typeof run !== 'function') throw new Error('it does not export run')
    return run as Run
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('bad-artifact', `The script could not be loaded: ${why}.`, { cause })
  }
}

const addressOf = (script: Script): string =>
  'url' in script ? script.url : `data:text/javascript;base64,${base64(script.bytes)}`

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(text)
}
