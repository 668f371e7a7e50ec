/** What an answer about active tasks brings along: small artifacts, which then need no requests of their own. */
import { MAX_ALONG } from '../../shared/api.ts'
import { sha256 } from '../../shared/hash.ts'
import type { Active } from '../../shared/release/releases.ts'
import { readManifest } from '../../shared/tasks/manifest.ts'
import type { Tasks } from './tasks.ts'

/**
 * Targets, then manifests, then scripts of active tasks, as texts; without those of which a device has the SHA-256, and those that are too
 * large for what is left of `room` bytes.
 */
export async function along(
  tasks: Pick<Tasks, 'artifact' | 'delivery'>,
  active: readonly Active[],
  have: readonly string[],
  room = MAX_ALONG,
): Promise<string[]> {
  const taken = new Set<string>()
  const texts: string[] = []
  let left = room
  function take(name: string, bytes: Uint8Array): void {
    if (have.includes(name) || taken.has(name) || bytes.length > left) return
    taken.add(name)
    const text = textOf(bytes)
    if (text === undefined) return
    texts.push(text)
    left -= bytes.length
  }
  const targets = tasks.delivery.targets()
  if (targets) take(await sha256(targets.bytes), targets.bytes)
  const scripts: string[] = []
  for (const { manifest } of active) {
    const found = await tasks.artifact(manifest)
    if (!found) continue
    take(manifest, found.bytes)
    scripts.push(readManifest(found.bytes).script.sha256)
  }
  for (const script of scripts) {
    if (have.includes(script)) continue
    const found = await tasks.artifact(script)
    if (found) take(script, found.bytes)
  }
  return texts
}

/** Undefined for bytes that are not the text that comes of them. */
function textOf(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  return Buffer.from(text).equals(bytes) ? text : undefined
}
