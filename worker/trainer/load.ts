/** How the script of a task gets into the realm that runs it. */
import { AppError } from '../../shared/failure.ts'
import { sha256 } from '../../shared/hash.ts'
import type { Run } from '../../shared/tasks/context.ts'
import { whereImport } from '../../shared/tasks/script.ts'
import type { Script } from './job.ts'

/**
 * Gives what the script exports. Throws `bad-artifact` where it is not the one that it is said to be, no module, or one
 * without `run`.
 */
export type Load = (script: Script) => Promise<Run>

/** Where a module of these bytes can be imported from, and the way to forget it. */
export type Lodge = (bytes: Uint8Array<ArrayBuffer>) => { readonly address: string; forget(): void }

/**
 * Imports it, once: what a module keeps for itself is there for the next run in the same realm. Node's realm is one for all of
 * them, and shuts nothing off: scripts that nobody has looked at do not belong there.
 */
export const importScript = createLoad(asData)

/** `most` scripts, because where a script ran that nobody trusts, there is no place for another. */
export function createLoad(lodge: Lodge, most = Number.POSITIVE_INFINITY): Load {
  const known = new Map<string, Promise<Run>>()
  return async (script) => {
    const before = known.get(script.sha256)
    if (!before && known.size >= most)
      throw new AppError('bad-input', 'This trainer had another script, and its realm is for one.')
    const run = before ?? load(script, lodge)
    known.set(script.sha256, run)
    return run
  }
}

async function load(script: Script, lodge: Lodge): Promise<Run> {
  await check(script)
  const { address, forget } = lodge(script.bytes)
  try {
    const { run } = (await import(/* @vite-ignore */ address)) as { run?: unknown }
    if (typeof run !== 'function') throw new Error('it does not export run')
    return run as Run
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('bad-artifact', `The script could not be loaded: ${why}.`, { cause })
  } finally {
    forget()
  }
}

async function check({ sha256: due, bytes }: Script): Promise<void> {
  if ((await sha256(bytes)) !== due)
    throw new AppError('bad-artifact', 'The script is not the one that was promised.')
  if (whereImport(new TextDecoder().decode(bytes)) >= 0)
    throw new AppError('bad-artifact', 'The script says “import”, and a task is one module by itself.')
}

function asData(bytes: Uint8Array): ReturnType<Lodge> {
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return { address: `data:text/javascript;base64,${btoa(text)}`, forget() {} }
}
