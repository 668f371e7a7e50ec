/** What a static host needs to deliver tasks: plain files, all but one of them with names that never mean anything else. */

import { writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../shared/failure.ts'
import { sha256 } from '../../shared/hash.ts'
import { readManifest } from '../../shared/tasks/manifest.ts'
import { replaceFile } from '../cloud/files.ts'
import type { Tasks } from './tasks.ts'

/** The one file that changes under its name; all others may be kept for ever. */
export const SNAPSHOT = 'trust/snapshot.json'

export interface Published {
  readonly files: number
  readonly bytes: number
  /** ms: until then it has to be published again. */
  readonly expires: number
}

/**
 * Writes into the folder `to`: `trust/1.root.json`, `trust/2.root.json` …; `artifacts/<SHA-256>` of every approved manifest, script and
 * model, of the targets and of the list of rules; at last, in one step, the snapshot that names the latter two. What an earlier
 * publication wrote stays, for devices that are at it.
 */
export async function publishTasks(tasks: Tasks, to: string, lifeMs: number): Promise<Published> {
  const { snapshot, list, expires } = await tasks.rules(lifeMs)
  let [files, bytes] = [0, 0]
  async function put(path: string, content: Uint8Array): Promise<void> {
    await writeFile(join(to, path), content)
    files++
    bytes += content.length
  }
  const artifact = async (hash: string): Promise<Uint8Array> => {
    const found = await tasks.artifact(hash)
    if (!found) throw new AppError('bad-artifact', `The artifact ${hash} is missing.`)
    await put(`artifacts/${hash}`, found.bytes)
    return found.bytes
  }
  for (const folder of ['trust', 'artifacts']) await mkdir(join(to, folder), { recursive: true })
  for (let version = 1; ; version++) {
    const root = await tasks.root(version)
    if (!root) break
    await put(`trust/${version}.root.json`, root)
  }
  const targets = tasks.delivery.targets()!
  for (const { manifest } of targets.document.tasks) {
    const { script, model } = readManifest(await artifact(manifest.sha256))
    for (const file of [script, model]) if (file) await artifact(file.sha256)
  }
  await put(`artifacts/${await sha256(targets.bytes)}`, targets.bytes)
  await put(`artifacts/${await sha256(list)}`, list)
  replaceFile(join(to, SNAPSHOT), (beside) => writeFileSync(beside, snapshot))
  return { files: files + 1, bytes: bytes + snapshot.length, expires }
}
